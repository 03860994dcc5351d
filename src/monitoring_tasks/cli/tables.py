"""Tables of verdicts, as wide as the terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from monitoring_tasks.cli.terminal import explained, out, say
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.policy.narrative import plain
from monitoring_tasks.policy.verdict import Outcome, Verdict
from monitoring_tasks.window import Window, stamp

Judged = tuple[Window, "Verdict | Exception"]
"""A window of a backfill, and its verdict or the error that left it without one."""

COLOURS = {
    Outcome.HEALTHY: "green",
    Outcome.WARNING: "yellow",
    Outcome.DRIFTED: "red",
    Outcome.DEGRADED: "red",
    Outcome.NO_DATA: "magenta",
    Outcome.TOO_FEW_ROWS: "magenta",
    Outcome.LABELS_IMMATURE: "magenta",
}

WHOLE = frozenset({"incident", "outcome", "severity", "rows"})
"""Columns whose cells stay on one line."""
NARROW = 120
"""Columns of a terminal below which tables leave out what `--json` tells as well, so that the reason has room."""


def print_judged(name: str, judged: Sequence[Judged], *, as_json: bool) -> None:
    """A line each: window, outcome, severity, rows, first reason; `error` and its message where there is no verdict."""
    if as_json:
        say(json.dumps([_judged_json(name, *each) for each in judged], indent=2))
        return
    table = table_of("window", "outcome", "severity", "rows", "first reason")
    for window, found in judged:
        if isinstance(found, Exception):
            table.add_row(span_cell(window), Text("error", style="red"), "", "", cell(explained(found)))
            continue
        rows = str(found.evidence.get("rows", ""))
        table.add_row(span_cell(window), outcome_cell(found), found.severity.word, rows, reason_cell(found))
    out.print(table)


def _judged_json(name: str, window: Window, found: Verdict | Exception) -> dict[str, Any]:
    if isinstance(found, Verdict):
        return found.to_json()
    subject = {"monitor": name, "window": window.to_json()}
    return {"subject": subject, "outcome": "error", "reasons": [explained(found)]}


def table_of(*headings: str) -> Table:
    """A table that folds its longest cells where the terminal is narrow, but no outcome, and no id: people copy it."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in headings:
        table.add_column(heading, no_wrap=heading in WHOLE, overflow="fold")
    return table


def cell(text: str) -> Text:
    """Text from outside as a cell, on one line."""
    return Text(plain(text))


def span_cell(window: Window) -> Text:
    """A window as a cell, folded where the terminal is narrow."""
    return Text(_span(window).replace(" to ", " to\n") if out.width < NARROW else _span(window))


def _span(window: Window) -> str:
    """A window for people: days where it lies on whole days.

    >>> _span(Window.parse("2013-06-04", "2013-06-11"))
    '2013-06-04 to 2013-06-11'
    """
    return " to ".join(stamp(moment).removesuffix("T00:00:00Z") for moment in (window.start, window.end))


def reason_cell(verdict: Verdict) -> Text:
    """The first reason of a verdict, and how many more there are."""
    more = f" (+{len(verdict.reasons) - 1})" if len(verdict.reasons) > 1 else ""
    return cell((verdict.reasons[0] if verdict.reasons else "") + more)


def outcome_cell(verdict: Verdict) -> Text:
    """The outcome of a verdict in its colour."""
    return Text(verdict.outcome.value, style=COLOURS[verdict.outcome])


def status_table(monitors: list[Monitor], latest: Mapping[str, Verdict | None]) -> Table:
    """A row for each monitor and its figures, by name; a narrow terminal has no room for owner and champion."""
    wide = out.width >= NARROW
    table = table_of(
        "monitor", "outcome", "severity", "window", *(["owner", "champion"] if wide else []), "first reason"
    )
    owners = {name: monitor.owner for monitor in monitors for name in (monitor.name, monitor.performance_dag_id)}
    for name, verdict in latest.items():
        if verdict is None:
            owner = ("", "", cell(owners[name])) if wide else ()
            table.add_row(name, Text("never judged", style="magenta"), *owner)
            continue
        about = (cell(owners[name]), cell(verdict.subject.champion)) if wide else ()
        window = span_cell(verdict.subject.window)
        table.add_row(name, outcome_cell(verdict), verdict.severity.word, window, *about, reason_cell(verdict))
    return table
