"""The figures at the end of the demonstration are checked by what is known of the flights, and can fail."""

from __future__ import annotations

from dataclasses import replace

import pytest

from demo.figures import AUC, GAP, check_figures, figures_table
from monitoring_tasks.performance.record import Figure, Interval, Maturity, Restatement
from monitoring_tasks.policy.verdict import Outcome, Subject, Verdict
from monitoring_tasks.severity import Severity
from monitoring_tasks.store.ledger import LedgerEntry
from monitoring_tasks.window import DAY, Window, windows_between

WINDOWS = windows_between("0 0 * * 2", None, Window.parse("2013-04-02", "2013-12-31"))


def entry(window: Window, *extra: str) -> LedgerEntry:
    """A week as the labels of 2013 have it; `extra` are metrics that are worse beside."""
    start = f"{window.start:%m-%d}"
    worse = [*extra, *(["predicted_minus_actual"] if start in GAP else []), *(["auc"] if start in AUC else [])]
    findings = [{"column": metric, "check": "champion_drop", "segment": ""} for metric in worse]
    outcome, severity = (Outcome.DEGRADED, Severity.HIGH) if worse else (Outcome.HEALTHY, Severity.NONE)
    subject = Subject("flight_delay", "v1", window, "c")
    verdict = Verdict(subject, outcome, severity, reasons=("as known",), evidence={"findings": findings})
    figures = (Figure("auc", "", 6500, Interval(0.69)),)
    said = Restatement("flight_delay", "v1", window, "c", window.end + DAY, Maturity(6500, 6400, 6500), figures)
    return LedgerEntry(said, (), verdict, {})


def test_the_known_year_holds() -> None:
    """The weeks that were really worse, and no ordinary one."""
    entries = [entry(window) for window in WINDOWS]
    assert check_figures(entries) == []
    assert figures_table(entries).row_count == len(GAP) + len(AUC)


@pytest.mark.parametrize(
    ("place", "extra", "said"),
    [(0, ("auc",), "ordinary weeks are quiet"), (2, None, "far more flights were late"), (24, None, "late September")],
)
def test_another_year_does_not(place: int, extra: tuple[str, ...] | None, said: str) -> None:
    """A false alarm, and weeks that are not found."""
    entries = [entry(window) for window in WINDOWS]
    healthy = replace(entries[place].verdict, outcome=Outcome.HEALTHY, evidence={})
    entries[place] = entry(WINDOWS[place], *extra) if extra else replace(entries[place], verdict=healthy)
    (sentence,) = check_figures(entries)
    assert said in sentence


def test_a_missing_week_is_told() -> None:
    """A ledger that lost a week is none."""
    (sentence,) = check_figures([entry(window) for window in WINDOWS[1:]])
    assert "39 weeks are in the ledger (found 38)" in sentence
