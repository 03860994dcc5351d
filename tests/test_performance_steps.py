"""The steps of a performance run on real files and a real store: what is known when, judged, restated and told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from monitoring_tasks.alerts.telling import SILENT, Occasion, would_have
from monitoring_tasks.errors import ConfigurationError, ReferenceInvalid, SourceInvalid
from monitoring_tasks.performance_steps import (
    judge_performance,
    measure_performance,
    open_performance,
    report_performance,
    restate,
)
from monitoring_tasks.policy.verdict import Outcome
from monitoring_tasks.report import self_contained
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.store.ledger import LedgerEntry
from monitoring_tasks.window import Window
from tests.labelled_production import FIRST_DAY, YAML, LabelledProduction, rows

DAY = timedelta(days=1)
BAD = FIRST_DAY + 9 * DAY
Json = dict[str, Any]


@pytest.fixture
def served(tmp_path: Path) -> LabelledProduction:
    """Nine ordinary days, and one on which two labels of five are turned round."""
    (tmp_path / "monitors").mkdir()
    production = LabelledProduction(tmp_path / "monitors")
    production.write_days(FIRST_DAY, 9)
    production.write(BAD, flips=0.4)
    return production


def window(day: Any) -> Window:
    """The window of one day."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return Window(start, start + DAY)


def ran(
    production: LabelledProduction,
    runtime: Runtime,
    day: Any,
    *,
    after: timedelta = DAY,
    reported: bool = False,
    live: bool = False,
) -> Json:
    """What a run on a day's window came to, as known so long after its end; a `live` one tells people."""
    monitor, examined = production.monitor, window(day)
    subject = open_performance(monitor, runtime, examined, known_at=examined.end + after)
    measure_performance(monitor, runtime, subject)
    if reported:
        report_performance(monitor, runtime, subject)
    occasion = Occasion(examined.end + after) if live else SILENT
    return judge_performance(monitor, runtime, subject, run={"run_id": "r"}, occasion=occasion)


def told(runtime: Runtime) -> list[tuple[str, str]]:
    """Titles and first reasons of the letters in the outbox."""
    return [(letter.body["title"], letter.body["lines"][0]) for letter in runtime.store.letters()]


def entry_of(runtime: Runtime, day: Any, **known: Any) -> LedgerEntry:
    """The ledger's newest version of a day's window."""
    (found,) = runtime.store.performance("churn", window(day), **known)
    return found


def test_an_ordinary_day_is_healthy(served: LabelledProduction, runtime: Runtime) -> None:
    """Every prediction has its label a day later; the figures are those of the reference."""
    verdict = ran(served, runtime, FIRST_DAY + 8 * DAY)
    assert verdict["outcome"] == "healthy"
    said = entry_of(runtime, FIRST_DAY + 8 * DAY).restatement
    assert (said.maturity.predictions, said.maturity.labelled, said.maturity.final) == (500, 500, 500)
    auc = said.figure("auc")
    assert auc is not None
    assert auc.best.value is not None
    assert auc.best.low is not None
    assert auc.best.low < auc.best.value < (auc.best.high or 0)
    assert auc.estimated is not None
    assert abs((auc.estimated.interval.value or 0) - auc.best.value) < 0.1
    # The third plan has 98 rows on this day, fewer than segment_rows.
    assert {figure.segment for figure in said.figures} == {"", "plan=basic", "plan=plus"}
    assert said.operating.hourly_volume == pytest.approx(500 / 24)
    assert said.operating.latency_p50 == pytest.approx(3.5, abs=1)


def test_turned_labels_are_a_degraded_day(served: LabelledProduction, runtime: Runtime) -> None:
    """It asks for a retraining at once, and the windows before it stay healthy."""
    verdict = ran(served, runtime, BAD)
    assert verdict["outcome"] == "degraded"
    assert verdict["severity"] == "high"
    assert "retrain" in verdict["actions"]
    assert any(
        reason.startswith("auc: 0.") and "champion's reference: worse by" in reason for reason in verdict["reasons"]
    )
    before = runtime.store.performance("churn", Window(window(FIRST_DAY + 5 * DAY).start, window(BAD).start))
    assert [entry.verdict.outcome for entry in before] == [Outcome.HEALTHY] * 4


def test_labels_that_are_not_final_are_waited_for(served: LabelledProduction, runtime: Runtime) -> None:
    """An hour after its end the day is unknown, whatever the labels so far say; estimates are there already."""
    verdict = ran(served, runtime, BAD, after=timedelta(hours=1))
    assert verdict["outcome"] == "labels_immature"
    said = entry_of(runtime, BAD).restatement
    assert 0.3 < (said.maturity.coverage or 0) < 0.7
    assert (said.maturity.maturity or 0) < 0.1
    auc = said.figure("auc")
    assert auc is not None
    assert auc.corrected is not None
    assert auc.estimated is not None
    assert auc.estimated.interval.value is not None


def test_an_old_number_comes_back_to_the_byte(served: LabelledProduction, runtime: Runtime) -> None:
    """What was known on a day does not change when labels come in and are corrected; the window has new versions."""
    ran(served, runtime, BAD)
    told = entry_of(runtime, BAD)
    late = pa.table(rows(BAD, flips=0.4)).select(["id", "churned", "told_at"])
    moved = pa.array([moment + 3 * DAY for moment in late["told_at"].to_pylist()])
    served.write_labels(late.set_column(1, "churned", pa.array([1] * 500, pa.int8())).set_column(2, "told_at", moved))
    ran(served, runtime, BAD, after=5 * DAY)
    now, then = entry_of(runtime, BAD), entry_of(runtime, BAD, known_by=window(BAD).end + DAY)
    assert now.restatement.figure("accuracy") != told.restatement.figure("accuracy")
    assert then.restatement.dumps() == told.restatement.dumps()
    assert (then.version, now.version) == (1, 2)
    (again,) = restate(served.monitor, runtime, [window(BAD)], known_at=window(BAD).end + DAY, run={"origin": "again"})
    assert again.restatement.dumps() == told.restatement.dumps()
    assert again.verdict.dumps() == told.verdict.dumps()
    assert len(runtime.store.restatements("churn", window(BAD))) == 2


def test_the_same_run_again_changes_nothing(served: LabelledProduction, runtime: Runtime) -> None:
    """A task that is tried again finds the same, and the ledger has it once."""
    first, second = ran(served, runtime, BAD), ran(served, runtime, BAD)
    assert first == second
    assert len(runtime.store.restatements("churn", window(BAD))) == 1


def test_a_window_means_the_same_in_whatever_run_it_is_judged(served: LabelledProduction, runtime: Runtime) -> None:
    """Judged alone or among others as known at one moment, the bytes are equal."""
    known_at = window(BAD).end + DAY
    days = [window(FIRST_DAY + number * DAY) for number in (6, 7, 8, 9)]
    together = restate(served.monitor, runtime, days, known_at=known_at, run={})
    alone = [restate(served.monitor, runtime, [day], known_at=known_at, run={})[0] for day in days]
    assert [entry.restatement.dumps() for entry in together] == [entry.restatement.dumps() for entry in alone]
    assert [entry.verdict.dumps() for entry in together] == [entry.verdict.dumps() for entry in alone]


def test_a_day_that_turns_out_worse_is_told(served: LabelledProduction, runtime: Runtime) -> None:
    """Healthy by the labels that it had, worse by the corrected ones: the next run tells of it, once."""
    ran(served, runtime, FIRST_DAY + 8 * DAY, live=True)
    day = FIRST_DAY + 8 * DAY
    labels = pa.table(rows(day)).select(["id", "churned", "told_at"])
    turned = pa.array([1 - label for label in labels["churned"].to_pylist()], pa.int8())
    moved = pa.array([moment + DAY for moment in labels["told_at"].to_pylist()])
    served.write_labels(labels.set_column(1, "churned", turned).set_column(2, "told_at", moved))
    assert told(runtime) == []
    verdict = ran(served, runtime, BAD, live=True)
    assert [change["event"] for change in verdict["changes"]] == ["opened", "repeated"]
    [incident] = runtime.store.incidents("churn")
    assert (incident.first, incident.last) == (window(day), window(BAD))
    assert len(told(runtime)) == 1
    assert {change["event"] for change in ran(served, runtime, BAD, live=True)["changes"]} == {"repeated"}
    assert len(told(runtime)) == 1


def test_days_that_turn_out_worse_together_are_told_as_a_replay_would(
    served: LabelledProduction, runtime: Runtime
) -> None:
    """The oldest first: however many there are, the incident is the one that stored readings make."""
    days = [FIRST_DAY + 7 * DAY, FIRST_DAY + 8 * DAY]
    for day in days:
        ran(served, runtime, day, live=True)
    for day in days:
        labels = pa.table(rows(day)).select(["id", "churned", "told_at"])
        turned = pa.array([1 - label for label in labels["churned"].to_pylist()], pa.int8())
        moved = pa.array([moment + 2 * DAY for moment in labels["told_at"].to_pylist()])
        served.write_labels(labels.set_column(1, "churned", turned).set_column(2, "told_at", moved))
    events = [change["event"] for change in ran(served, runtime, BAD, live=True)["changes"]]
    assert events[0] == "opened"
    assert len(events) == 3
    [incident] = runtime.store.incidents("churn")
    assert incident.members[0].windows == 3
    assert would_have(runtime.store, [served.monitor]).incidents == (incident,)


def test_the_report_is_a_page_of_its_own(served: LabelledProduction, runtime: Runtime) -> None:
    """It lies where its address says, and shows the metric that fell."""
    verdict = ran(served, runtime, BAD, reported=True)
    page = self_contained(runtime.artifacts, verdict["report"])
    assert "predicted minus actual" in page
    assert "500" in page


def test_another_configuration_half_way_is_refused(served: LabelledProduction, runtime: Runtime) -> None:
    """Half a run by other rules would be filed under these."""
    subject = open_performance(served.monitor, runtime, window(BAD), known_at=window(BAD).end + DAY)
    served.configure(YAML.replace("segment_rows: 100", "segment_rows: 150"))
    with pytest.raises(ConfigurationError, match="clear the run from its first task on"):
        measure_performance(served.monitor, runtime, subject)


def test_no_predictions_and_no_labels_are_unknown(served: LabelledProduction, runtime: Runtime) -> None:
    """A day without a log, and one whose labels never came."""
    empty, silent = BAD + 2 * DAY, BAD + DAY
    served.write(silent, labels=False)
    assert ran(served, runtime, empty)["outcome"] == "no_data"
    verdict = ran(served, runtime, silent)
    assert verdict["outcome"] == "labels_immature"
    assert verdict["severity"] == "medium"
    assert verdict["reasons"][0].startswith("only 0% of 500 predictions have a label")


def test_a_reference_without_labels_says_so(served: LabelledProduction, runtime: Runtime) -> None:
    """Figures are measured against the reference's own."""
    served.configure(YAML.replace("label: churned\n", "label: outcome\n").replace("column: churned", "column: outcome"))
    with pytest.raises((ReferenceInvalid, SourceInvalid), match="outcome"):
        ran(served, runtime, BAD)


def test_labels_without_a_prediction_are_counted(served: LabelledProduction, runtime: Runtime) -> None:
    """They are in nobody's figures, and the run says how many there were."""
    strays = pa.table(rows(BAD, seed=5)).select(["id", "churned", "told_at"])
    served.write_labels(strays.set_column(0, "id", pa.array([f"nobody-{number}" for number in range(500)])))
    monitor, examined = served.monitor, window(BAD)
    subject = open_performance(monitor, runtime, examined, known_at=examined.end + DAY)
    assert measure_performance(monitor, runtime, subject)["orphans"] == 500
    judge_performance(monitor, runtime, subject, run={})
    assert entry_of(runtime, BAD).run["orphans"] == "500"
    assert entry_of(runtime, BAD).restatement.maturity.labelled == 500


def test_other_limits_alone_are_no_news(served: LabelledProduction, runtime: Runtime) -> None:
    """A day that has too few rows by a limit set since it was judged did not turn out worse: nobody is told of it.

    Neither is anybody when another champion was set since: versions of the ledger are compared by the whole subject.
    """
    ran(served, runtime, FIRST_DAY + 8 * DAY)
    served.configure(YAML.replace("performance: {", "performance: {minimum_rows: 600, "))
    verdict = ran(served, runtime, BAD, live=True)
    found = {entry.restatement.window.start.day: entry.verdict.severity for entry in runtime.store.performance("churn")}
    assert found[9] > 0
    assert len(verdict["changes"]) == 1
    assert runtime.store.incidents("churn")[0].first == window(BAD)


def test_a_run_of_the_past_tells_nobody(served: LabelledProduction, runtime: Runtime) -> None:
    """A run that comes after those of later windows is only recorded, whatever started it."""
    served.write(BAD + DAY)
    ran(served, runtime, BAD + DAY, live=True)
    assert ran(served, runtime, BAD, live=True)["changes"] == []
    assert len(runtime.store.readings("churn")) > 1
