"""The command that says what a monitor's alarm budget buys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from monitoring_tasks.cli.terminal import (
    DEFAULT_FOLDER,
    HEALTHY,
    AsJson,
    Folder,
    Name,
    complain,
    opened_runtime,
    out,
    say,
)
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.monitor_file import find_monitor
from monitoring_tasks.policy.narrative import plain
from monitoring_tasks.window import Window, last_tick, parse_moment, window_ending

if TYPE_CHECKING:
    from monitoring_tasks.calibration.power import Caught, Power

TITLE = "What is caught, about 9 times in 10, within 1 / 3 / 7 windows of its beginning"
ANY = 0.005
"""Of a standard deviation: so small a shift of all values is caught for being one at all."""
HEADINGS = (
    "column",
    "distance",
    "shift of the mean (sd) or of rows to one category",
    "missing",
    "out of range, unseen",
)
JUMP = "jump of the level (sd, or share of true)"


def explain(
    name: Name,
    rows: Annotated[
        int | None, typer.Option(min=1, help="Rows of a window; those of the newest one by default")
    ] = None,
    end: Annotated[str | None, typer.Option(help="End of the window to explain; an ordinary one by default")] = None,
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> int:
    """Say how the alarm budget is spent, and what size of change each column is caught at."""
    from monitoring_tasks.explaining import explain as explained

    monitor = find_monitor(folder, name)
    if monitor.policy.rules != "calibrated":
        raise typer.BadParameter(f"{name} has policy {monitor.policy.rules}: only calibrated rules spend a budget")
    with opened_runtime() as runtime:
        found = explained(monitor, runtime, _window(monitor, end), rows=rows)
    if as_json:
        say(json.dumps(found.to_json(), indent=2))
        return HEALTHY
    for line in found.words:
        say(plain(line))
    out.print(_table(found.columns, found.levels, monitor))
    for warning in found.warnings:
        complain(warning)
    return HEALTHY


def _window(monitor: Monitor, end: str | None) -> Window:
    """The window that ends at the schedule's tick at or before `end`; any will do where none is named."""
    moment = monitor.first_moment if end is None else parse_moment(end)
    return window_ending(monitor.schedule, monitor.window, last_tick(monitor.schedule, moment))


def _table(columns: Mapping[str, Power], levels: Mapping[str, Caught], monitor: Monitor) -> Table:
    table = Table(title=TITLE, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in (*HEADINGS, *([JUMP] if levels else [])):
        table.add_column(heading, overflow="fold")
    for name, found in columns.items():
        cells = (
            _cells(found.distance, "{:.2f}"),
            _cells(found.steps, "{:.2g}"),
            _cells(found.missing, "{:.1%}"),
            _cells(found.outside, "{:.1%}"),
            *([_cells(levels[name], "{:.2g}") if name in levels else ""] if levels else []),
        )
        table.add_row(Text(plain(name) + (" (prediction)" if name == monitor.prediction else "")), *cells)
    return table


def _cells(caught: Caught, form: str) -> str:
    return " / ".join(_cell(each, form) for each in (caught.once, caught.three, caught.seven))


def _cell(value: float | None, form: str) -> str:
    if value is None:
        return "-"
    # Where one value holds so many rows that all of them moving is enough, any shift of the mean is.
    return form.format(value) if value >= ANY or "%" in form else "any"
