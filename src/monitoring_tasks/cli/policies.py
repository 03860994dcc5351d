"""The command that replays a span of the past under each of the rules a monitor may name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.progress import track
from rich.table import Table
from rich.text import Text

from monitoring_tasks.cli.tables import COLOURS
from monitoring_tasks.cli.terminal import (
    DEFAULT_FOLDER,
    ERROR,
    HEALTHY,
    AsJson,
    End,
    Folder,
    Name,
    Start,
    complain,
    err,
    explained,
    opened_runtime,
    out,
    say,
)
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.monitor_file import find_monitor
from monitoring_tasks.policy.narrative import plain
from monitoring_tasks.policy.tally import Tally, told_of
from monitoring_tasks.policy.verdict import Outcome, Verdict
from monitoring_tasks.window import Window, stamp, windows_between

if TYPE_CHECKING:
    from monitoring_tasks.comparing import Comparison, Row

Joint = Annotated[bool, typer.Option("--joint", help="Include the joint test, which takes a second a window")]
FREQUENT = 4
"""Columns that are named of each policy."""
TITLES = ("policy", "windows", "with an alarm", "with a page", "episodes", "findings per day", "most frequent")


def compare_policies(
    name: Name, start: Start, end: End, folder: Folder = DEFAULT_FOLDER, joint: Joint = False, as_json: AsJson = False
) -> int:
    """Judge every scheduled window of a span by each policy, from profiles, and count the alarms of each.

    An alarm is a verdict that is not healthy, of severity low or worse; a page one of severity medium or worse; an
    episode a run of windows with an alarm. Nothing is stored as a verdict and nobody is told. Code 3: some window could
    not be judged; else 0.
    """
    from monitoring_tasks.comparing import Comparison

    monitor = find_monitor(folder, name)
    windows = _windows(monitor, start, end)
    with opened_runtime() as runtime:
        comparison = Comparison.prepare(monitor, runtime, joint=joint)
        rows = [comparison.row(window) for window in track(windows, description=name, console=err)]
    if as_json:
        say(json.dumps(_json(monitor, comparison, rows), indent=2))
    else:
        _print(monitor, comparison, rows)
    return ERROR if any(row.error for row in rows) else HEALTHY


def _windows(monitor: Monitor, start: str, end: str) -> list[Window]:
    found = windows_between(monitor.schedule, monitor.window, Window.parse(start, end))
    windows = [window for window in found if window.start >= monitor.first_moment]
    if not windows:
        raise typer.BadParameter(f"no window of {monitor.name} ({monitor.schedule}) lies between {start} and {end}")
    return windows


def _json(monitor: Monitor, comparison: Comparison, rows: Sequence[Row]) -> dict[str, object]:
    from monitoring_tasks.comparing import row_json, tallies

    return {
        "monitor": monitor.name,
        "policy": monitor.policy.rules,
        "champion": comparison.champion,
        "joint": comparison.joint,
        "dropped": list(comparison.dropped),
        "policies": {rules: counted.to_json() for rules, counted in tallies(rows).items()},
        "windows": [row_json(row) for row in rows],
    }


def _print(monitor: Monitor, comparison: Comparison, rows: Sequence[Row]) -> None:
    from monitoring_tasks.comparing import tallies

    counted = tallies(rows)
    table = _table(*TITLES)
    for rules, found in counted.items():
        table.add_row(*_cells(f"{rules} *" if rules == monitor.policy.rules else rules, found))
    out.print(table)
    for note in _notes(comparison):
        say(note)
    out.print(_windows_table(list(counted), rows))
    for row in rows:
        if row.error:
            complain(f"{_span(row.window)}: {explained(row.error)}")


def _notes(comparison: Comparison) -> list[str]:
    notes = [
        "* the monitor's own policy; alarm: not healthy, severity low or worse; page: medium or worse; "
        "episode: windows with an alarm in a row; below: outcome, severity, and of how many columns"
    ]
    if comparison.dropped:
        notes.append(f"not known to the classical policies, so left out there: {plain(', '.join(comparison.dropped))}")
    if not comparison.joint:
        notes.append("calibrated without its joint test: --joint includes it, where the monitor has it")
    return notes


def _cells(title: str, found: Tally) -> list[Text]:
    named = ", ".join(f"{plain(column)} {windows}" for column, windows in found.columns[:FREQUENT])
    more = f" (+{len(found.columns) - FREQUENT})" if len(found.columns) > FREQUENT else ""
    counts = [found.windows, found.alarms, found.pages, found.episodes]
    texts = [title, *map(str, counts), f"{found.findings_per_day:.2f}", named + more]
    return [Text(text) for text in texts]


def _windows_table(policies: Sequence[str], rows: Sequence[Row]) -> Table:
    table = _table("window", *policies)
    for row in rows:
        said = [_verdict(verdict) for verdict in row.verdicts.values()] or [Text("error", style="red")]
        table.add_row(_span(row.window), *said)
    return table


def _verdict(verdict: Verdict) -> Text:
    """A verdict in few words: outcome, severity, and of how many columns something is told."""
    columns = len(set(told_of(verdict)))
    words = "" if verdict.outcome is Outcome.HEALTHY else f" {verdict.severity.word}, {columns}"
    return Text(f"{verdict.outcome.value}{words}", style=COLOURS[verdict.outcome])


def _table(*headings: str) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _span(window: Window) -> str:
    """First day and last moment of a window, days where it lies on whole days.

    >>> _span(Window.parse("2013-06-04", "2013-06-11"))
    '2013-06-04 to 2013-06-11'
    """
    return " to ".join(stamp(moment).removesuffix("T00:00:00Z") for moment in (window.start, window.end))
