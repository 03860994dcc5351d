"""The two retrainings of the demonstration: July's challenger wins and is approved, the gate refuses October's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from demo.champion import MODEL
from demo.stack import Stack
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.store.records import RetrainingRecord
from monitoring_tasks.window import Window

DAG = f"retrain_{MODEL}"
PATIENCE = 600.0
Between = tuple[float, float]


@dataclass(frozen=True)
class Month:
    """A retraining of the story: what is asked for, and what is known of the flights of that month.

    `difference` is the span in which the challenger's AUC minus the champion's must lie, `decision` the gate's.
    """

    run: str
    window_end: str
    reason: str
    decision: str
    state: str
    difference: Between


JULY = Month(
    run="july",
    window_end="2013-08-02T00:00:00Z",
    reason="the model has under-predicted since mid April",
    decision="promote",
    state="promoted",
    difference=(0.015, 0.035),
)
OCTOBER = Month(
    run="october",
    window_end="2013-11-02T00:00:00Z",
    reason="a trailing quarter again, as in July",
    decision="reject",
    state="rejected",
    difference=(-0.036, -0.015),
)


def retrain(stack: Stack, month: Month, *, say: Callable[[str], None]) -> None:
    """Ask for a retraining in Airflow, approve it where a person is asked, and wait for its end."""
    rest = stack.rest
    rest.wait_for_dags([DAG])
    rest.trigger(DAG, month.run, {"window_end": month.window_end, "reason": month.reason})
    while asked := rest.wait_for_question(DAG, month.run, patience=PATIENCE):
        say(f"airflow: {asked['subject']}: approved through the REST API, as admin")
        rest.answer(DAG, month.run, str(asked["task_instance"]["task_id"]), "Approve", {"comment": "the demonstration"})
    state = rest.wait_for_run(DAG, month.run, patience=PATIENCE)
    if state != "success":
        raise SystemExit(f"airflow: {DAG} {month.run} ended {state}: {rest.tasks(DAG, month.run)}; see {stack.folder}")


def read_months(runtime: Runtime) -> dict[str, RetrainingRecord]:
    """The records of both retrainings, by run."""
    found = {record.run: record for record in runtime.store.retrainings(MODEL)}
    return {month.run: found[month.run] for month in (JULY, OCTOBER) if month.run in found}


def months_table(records: Mapping[str, RetrainingRecord]) -> Table:
    """One row a retraining, for people."""
    headings = ("retraining", "trained on", "compared on", "champion", "challenger", "difference of AUC", "gate", "end")
    table = Table(*headings, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for record in records.values():
        table.add_row(*(Text(cell) for cell in _cells(record)))
    return table


def _cells(record: RetrainingRecord) -> Sequence[str]:
    verdict: Mapping[str, Any] = record.verdict or {}
    primary = verdict.get("primary", {})
    figures = [f"{primary.get(side, float('nan')):.3f}" for side in ("champion", "challenger")]
    interval = "{difference:+.3f} [{low:+.3f}, {high:+.3f}]".format(**primary) if primary else ""
    by = f" by {record.decided_by}" if record.decided_by else ""
    spans = [_days(record.training), _days(record.evaluation)]
    return [record.run, *spans, *figures, interval, str(verdict.get("decision", "")), f"{record.state}{by}"]


def _days(window: Window | None) -> str:
    return f"{window.start:%d %b} to {window.end:%d %b}" if window else ""


def check_months(records: Mapping[str, RetrainingRecord]) -> list[str]:
    """Sentences that do not hold; empty when both retrainings end as is known of the flights of 2013.

    The figures: challenger of a trailing quarter minus the champion of January to March, day-block intervals; July
    +.027 [+.005, +.052], October -.026 [-.047, -.009]. A row-level interval would be a fifth as wide.
    """
    return [sentence for month in (JULY, OCTOBER) for sentence in _check(month, records.get(month.run))]


def _check(month: Month, record: RetrainingRecord | None) -> list[str]:
    if record is None or record.verdict is None:
        found = f"{record.state}: {record.outcome}" if record else "nothing"
        return [f"{month.run}: a challenger was compared (found {found})"]
    primary, (low, high) = record.verdict["primary"], month.difference
    width = primary["high"] - primary["low"]
    told = {
        f"the gate says {month.decision} ({record.verdict['decision']})": record.verdict["decision"] == month.decision,
        f"it ends {month.state} ({record.state})": record.state == month.state,
        f"the difference is {low} to {high} ({primary['difference']:+.4f})": low <= primary["difference"] <= high,
        f"the interval is of days, not of rows (width {width:.4f})": 0.025 <= width <= 0.065,
    }
    return [f"{month.run}: {sentence}" for sentence, holds in told.items() if not holds]
