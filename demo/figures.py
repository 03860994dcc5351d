"""The model's figures by week, and the checks that they say when the model was really worse."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from demo.story import YEAR
from monitoring_tasks.policy.verdict import Outcome
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.store.ledger import LedgerEntry

GAP = ("04-16", "04-23", "06-25", "07-09", "07-16", "07-23")
"""First days of the weeks in which far more flights were late than predicted."""
AUC = ("09-17", "09-24")
"""Of those in which the model ranked badly."""
QUIET = ("04-02", "05-14", "05-21", "05-28", "06-04", "08-20")
"""Of some in which nothing was wrong."""


def read_figures(runtime: Runtime, monitor: str) -> list[LedgerEntry]:
    """The newest version of every week of 2013 in the ledger, oldest first."""
    entries = runtime.store.performance(monitor, YEAR)
    return [entry for entry in entries if entry.restatement.window.width.days == 7]


def figures_table(entries: Sequence[LedgerEntry]) -> Table:
    """The weeks in which the model was worse than it should be, with what people are told first."""
    table = Table("worse", "auc", "predicted - actual", "reasons", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for entry in filter(lambda entry: entry.verdict.outcome is Outcome.DEGRADED, entries):
        figures = (entry.restatement.figure(metric) for metric in ("auc", "predicted_minus_actual"))
        values = [f"{figure.best.value:.3f}" if figure and figure.best.value is not None else "" for figure in figures]
        told = "\n".join(entry.verdict.reasons[:2])
        table.add_row(f"{entry.restatement.window.start:%d %b}", *values, Text(told))
    return table


def check_figures(entries: Sequence[LedgerEntry]) -> list[str]:
    """Sentences that do not hold; empty when the figures say what is known of the flights of 2013."""
    found = {f"{entry.restatement.window.start:%m-%d}": _worse(entry) for entry in entries}
    gap, auc = ([week for week in weeks if metric in found.get(week, ())] for weeks, metric in _EXPECTED)
    told = {
        f"the figures of 39 weeks are in the ledger (found {len(entries)})": len(entries) == 39,
        f"far more flights were late than predicted in the weeks of {GAP} (found {gap})": gap == list(GAP),
        f"the model ranked badly in late September (found {auc})": auc == list(AUC),
        f"ordinary weeks are quiet (found {[week for week in QUIET if found.get(week)]})": not any(
            map(found.get, QUIET)
        ),
    }
    return [sentence for sentence, holds in told.items() if not holds]


_EXPECTED = ((GAP, "predicted_minus_actual"), (AUC, "auc"))


def _worse(entry: LedgerEntry) -> set[str]:
    """The metrics of all rows that are worse than the champion's reference, at once or by persistence."""
    findings = entry.verdict.evidence.get("findings", ())
    return {each["column"] for each in findings if each["check"] == "champion_drop" and not each["segment"]}
