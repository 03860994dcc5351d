"""The command that shows a model's figures, as known now or on an earlier day."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from monitoring_tasks.cli.judging import worst
from monitoring_tasks.cli.tables import NARROW, cell, outcome_cell, reason_cell, span_cell, table_of
from monitoring_tasks.cli.terminal import DEFAULT_FOLDER, AsJson, End, Folder, Name, Start, opened_runtime, out, say
from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.monitor_file import find_monitor
from monitoring_tasks.performance_section import Performance, metric_name
from monitoring_tasks.performance_window import Cadence
from monitoring_tasks.policy.figures import narrate_performance, number, span
from monitoring_tasks.window import Window, parse_moment, stamp, windows_between

if TYPE_CHECKING:
    from monitoring_tasks.runtime import Runtime
    from monitoring_tasks.store.ledger import LedgerEntry

KnownOn = Annotated[
    str | None,
    typer.Option(
        "--as-known-on",
        help="Only what was known by this moment: the version that the ledger had then, else computed from the labels "
        "logged before it",
    ),
]


def performance(
    name: Name,
    start: Start,
    end: End,
    as_known_on: KnownOn = None,
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> int:
    """Show the figures of every window of a span once its labels are joined; they are kept in the ledger."""
    monitor = find_monitor(folder, name)
    known_at = (parse_moment(as_known_on) if as_known_on else datetime.now(UTC)).replace(microsecond=0)
    windows = _windows(monitor, Window.parse(start, end), known_at)
    with opened_runtime() as runtime:
        entries = _entries(monitor, runtime, windows, known_at=known_at, past=bool(as_known_on))
    if as_json:
        say(json.dumps([_json(entry) for entry in entries], indent=2))
    elif len(entries) == 1:
        say(narrate_performance(entries[0].restatement, entries[0].verdict))
    else:
        out.print(_table(monitor, entries))
    return worst(entry.verdict.outcome for entry in entries)


def _windows(monitor: Monitor, asked: Window, known_at: datetime) -> list[Window]:
    """The windows of a span that had ended by then: of predictions still to come nothing is known."""
    if monitor.performance is None:
        raise ConfigurationError(
            f"monitor {monitor.name} has no section performance: add `performance: {{}}` to its YAML, and labels"
        )
    cadence = Cadence.of(monitor)
    windows = windows_between(cadence.schedule, cadence.width, asked)
    found = [window for window in windows if window.start >= monitor.first_moment and window.end <= known_at]
    if not found:
        raise typer.BadParameter(
            f"no window of {monitor.name} ({cadence.schedule}) lies between {stamp(asked.start)} and "
            f"{stamp(asked.end)}, and had ended by {stamp(known_at)}"
        )
    return found


def _entries(
    monitor: Monitor, runtime: Runtime, windows: Sequence[Window], *, known_at: datetime, past: bool
) -> list[LedgerEntry]:
    from monitoring_tasks.performance_steps import restate

    whole = Window(windows[0].start, windows[-1].end)
    kept = runtime.store.performance(monitor.name, whole, known_by=known_at) if past else []
    recorded = {entry.restatement.window: entry for entry in kept}
    asked = [window for window in windows if window not in recorded]
    if asked:
        restate(monitor, runtime, asked, known_at=known_at, run={"origin": "command line"})
    now = runtime.store.performance(monitor.name, whole, known_by=known_at)
    made = {entry.restatement.window: entry for entry in now}
    return [(recorded | made)[window] for window in windows]


def _json(entry: LedgerEntry) -> dict[str, Any]:
    return {
        "version": entry.version,
        "restatement": entry.restatement.to_json(),
        "verdict": entry.verdict.to_json(),
    }


def _table(monitor: Monitor, entries: Sequence[LedgerEntry]) -> Table:
    """A row for each window; a narrow terminal has no room for intervals and reasons."""
    wide, metrics = out.width >= NARROW, list(monitor.decisive)
    counts = ("predictions", "labelled", "final") if wide else ("labelled",)
    rate = (monitor.performance or Performance()).alert_rate
    names = [metric_name(name, rate) for name in metrics]
    table = table_of("window", "outcome", *counts, *names, *(["first reason"] if wide else []))
    for entry in entries:
        cells = [cell(text) for text in (*_known(entry, wide=wide), *(_figure(entry, name, wide) for name in metrics))]
        reason = [reason_cell(entry.verdict)] if wide else []
        table.add_row(span_cell(entry.restatement.window), outcome_cell(entry.verdict), *cells, *reason)
    return table


def _known(entry: LedgerEntry, *, wide: bool) -> list[str]:
    maturity = entry.restatement.maturity
    covered, final = ("" if share is None else f"{share:.0%}" for share in (maturity.coverage, maturity.maturity))
    return [f"{maturity.predictions:,}", covered, final] if wide else [covered]


def _figure(entry: LedgerEntry, metric: str, wide: bool) -> str:
    figure = entry.restatement.figure(metric)
    if figure is None or figure.best.value is None:
        return "undefined"
    interval = f" [{span(figure.best)}]" if wide else ""
    return f"{number(figure.best.value)}{interval}"
