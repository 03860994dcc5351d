"""Multiclass and regression from log to page, and that a window's figures are the same in whatever run it is judged."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from monitoring_tasks.performance.record import OF_CLASS
from monitoring_tasks.performance_steps import (
    judge_performance,
    measure_performance,
    open_performance,
    report_performance,
    restate,
)
from monitoring_tasks.policy.figures import narrate_performance
from monitoring_tasks.report import self_contained
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.store.ledger import LedgerEntry
from monitoring_tasks.window import Window
from tests.task_production import FIRST_DAY, PROBABILITIES, TaskProduction

DAY = timedelta(days=1)
LATER = FIRST_DAY + 60 * DAY
Json = dict[str, Any]
BY_NUMBER = PROBABILITIES.replace("air:", '"0":').replace("road:", '"1":').replace("sea:", '"2":')


def window(day: date) -> Window:
    """The window of one day."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return Window(start, start + DAY)


def produced(folder: Path, task: str, performance: str = "{}", *, numbers: bool = False) -> TaskProduction:
    """A monitor's production, without a day yet."""
    (folder / "monitors").mkdir()
    return TaskProduction(folder / "monitors", task, performance, numbers)


def ran(production: TaskProduction, runtime: Runtime, day: date) -> Json:
    """What a run on a day's window came to, as known a day after its end, with its page."""
    monitor, examined = production.monitor, window(day)
    subject = open_performance(monitor, runtime, examined, known_at=examined.end + DAY)
    measure_performance(monitor, runtime, subject)
    report_performance(monitor, runtime, subject)
    return judge_performance(monitor, runtime, subject, run={"run_id": "r"})


def entry_of(runtime: Runtime, day: date) -> LedgerEntry:
    """The ledger's newest version of a day's window."""
    (found,) = runtime.store.performance("freight", window(day))
    return found


def require_alike(production: TaskProduction, runtime: Runtime, days: list[date]) -> None:
    """Days judged together and each alone, as known at one moment, have the same bytes."""
    known_at, windows = window(days[-1]).end + DAY, [window(day) for day in days]
    together = restate(production.monitor, runtime, windows, known_at=known_at, run={})
    for entry, each in zip(together, windows, strict=True):
        (alone,) = restate(production.monitor, runtime, [each], known_at=known_at, run={})
        assert alone.restatement.dumps() == entry.restatement.dumps()
        assert alone.verdict.dumps() == entry.verdict.dumps()


def require_classes(entry: LedgerEntry, task: str) -> None:
    """Precision, recall and F1 are known of each class, with intervals; their mean is the metric of all rows."""
    for name in ("precision", "recall", "f1"):
        found = [each for each in entry.restatement.figures if (each.metric, each.segment[:6]) == (name, OF_CLASS)]
        assert bool(found) == (task == "multiclass")
        if found:
            whole = entry.restatement.figure(name)
            values = [each.best.value or 0.0 for each in found]
            assert whole is not None
            assert sum(values) / len(values) == pytest.approx(whole.best.value)
            assert all((each.best.low or 0) < (each.best.value or 0) < (each.best.high or 1) for each in found)
            assert f"{name} by class: " in narrate_performance(entry.restatement, entry.verdict)


@pytest.mark.parametrize(
    ("task", "performance", "numbers", "metric"),
    [
        ("multiclass", "{}", False, "accuracy"),
        ("multiclass", PROBABILITIES, False, "accuracy"),
        ("multiclass", BY_NUMBER, True, "accuracy"),
        ("regression", "{}", False, "mae"),
    ],
)
def test_every_task_goes_all_the_way(
    tmp_path: Path, runtime: Runtime, task: str, performance: str, numbers: bool, metric: str
) -> None:
    """An ordinary day is healthy; one of labels that have little to do with the predictions is degraded."""
    production, bad = produced(tmp_path, task, performance, numbers=numbers), FIRST_DAY + 8 * DAY
    production.write_days(FIRST_DAY, 8)
    production.write(production.table(bad, worse=0.8))
    assert ran(production, runtime, bad - DAY)["outcome"] == "healthy"
    verdict = ran(production, runtime, bad)
    assert verdict["outcome"] == "degraded"
    assert "retrain" in verdict["actions"]
    assert any(reason.startswith(f"{metric}: ") for reason in verdict["reasons"])
    entry = entry_of(runtime, bad)
    figure = entry.restatement.figure(metric)
    assert figure is not None
    assert figure.against["champion"].status == "failed"
    assert (figure.estimated is not None and figure.estimated.interval.value is not None) == ("p_air" in performance)
    assert f"\n{metric} " in narrate_performance(entry.restatement, entry.verdict)
    assert metric in self_contained(runtime.artifacts, verdict["report"])
    require_classes(entry, task)
    require_alike(production, runtime, [bad - DAY, bad])


def test_classes_of_other_days_leave_no_trace(tmp_path: Path, runtime: Runtime) -> None:
    """Sums over classes round by how many there are: a class that a window does not have is none of its classes."""
    production = produced(tmp_path, "multiclass")
    for number in range(3):
        production.write(_many_classes(production, LATER + number * DAY, new=0))
    production.write(_many_classes(production, FIRST_DAY, new=7))
    require_alike(production, runtime, [FIRST_DAY, LATER + DAY, LATER + 2 * DAY])


def _many_classes(production: TaskProduction, day: date, *, new: int) -> pa.Table:
    """A day of thirteen classes that the reference does not have, and `new` ones that sort before them."""
    random, table = np.random.default_rng(day.toordinal()), production.table(day)
    names = np.array([f"c{number:02d}" for number in range(13)] + [f"a{number}" for number in range(new)])
    truth = random.integers(0, len(names), len(table))
    found = np.where(random.random(len(table)) < 0.7, truth, random.integers(0, len(names), len(table)))
    table = table.set_column(table.column_names.index("outcome"), "outcome", pa.array(names[truth]))
    return table.set_column(table.column_names.index("predicted"), "predicted", pa.array(names[found]))


def test_a_label_from_long_before_is_nobodys_in_whatever_run(tmp_path: Path, runtime: Runtime) -> None:
    """Ids that come again months later do not take their old label, be the old day judged in the same run or not."""
    production = produced(tmp_path, "regression")
    first = production.table(FIRST_DAY)
    production.write(first)
    again = production.table(LATER).set_column(0, "id", first["id"])
    moved = pa.array([moment - 60 * DAY for moment in again["told_at"].to_pylist()])
    production.write(again.set_column(again.column_names.index("told_at"), "told_at", moved), part="again")
    require_alike(production, runtime, [FIRST_DAY, LATER])
    assert entry_of(runtime, LATER).restatement.maturity.labelled == 0


@pytest.mark.parametrize("column", ["outcome", "predicted"])
def test_a_class_that_the_reference_does_not_have(tmp_path: Path, runtime: Runtime, column: str) -> None:
    """A row of it is a wrong prediction; what is expected of the scores knows nothing of it, or is refused."""
    production = produced(tmp_path, "multiclass", PROBABILITIES)
    for number in range(9):
        table = production.table(FIRST_DAY + number * DAY)
        values = ["space" if place % 2 else value for place, value in enumerate(table[column].to_pylist())]
        production.write(table.set_column(table.column_names.index(column), column, pa.array(values)))
    assert ran(production, runtime, FIRST_DAY + 8 * DAY)["outcome"] == "degraded"
    figure = entry_of(runtime, FIRST_DAY + 8 * DAY).restatement.figure("accuracy")
    assert figure is not None
    assert (figure.best.value or 1) < 0.4
    assert figure.estimated is not None
    assert figure.estimated.refused
    if column == "predicted":
        assert figure.estimated.interval.value is None
        assert "classes that the reference does not have" in figure.estimated.refused
    else:
        assert 0.5 < (figure.estimated.interval.value or 0) < 0.8
    require_alike(production, runtime, [FIRST_DAY + 4 * DAY, FIRST_DAY + 8 * DAY])
