"""The `monitoring` command: the same steps as the DAGs, without Airflow.

Exit code: 0 healthy, 1 warning or drifted, 2 undecided (no data, too few rows, never judged), 3 error.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text
from typer.exceptions import TyperException

from monitoring_tasks.errors import MonitoringError
from monitoring_tasks.monitor import Monitor, json_schema
from monitoring_tasks.monitor_file import find_monitor, load_monitor, load_monitors, monitor_files
from monitoring_tasks.policy.narrative import narrate
from monitoring_tasks.policy.verdict import Outcome, Subject, Verdict
from monitoring_tasks.window import Window, stamp, windows_between

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitoring_tasks.runtime import Runtime
    from monitoring_tasks.store.records import StoredVerdict

HEALTHY, FINDINGS, UNDECIDED, ERROR = 0, 1, 2, 3
CODES = {
    Outcome.HEALTHY: HEALTHY,
    Outcome.WARNING: FINDINGS,
    Outcome.DRIFTED: FINDINGS,
    Outcome.NO_DATA: UNDECIDED,
    Outcome.TOO_FEW_ROWS: UNDECIDED,
}
COLOURS = {
    Outcome.HEALTHY: "green",
    Outcome.WARNING: "yellow",
    Outcome.DRIFTED: "red",
    Outcome.NO_DATA: "magenta",
    Outcome.TOO_FEW_ROWS: "magenta",
}

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, rich_markup_mode=None)
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

Folder = Annotated[
    Path, typer.Option("--monitors", envvar="MONITORING_MONITORS", help="Folder of monitors' YAML files")
]
Name = Annotated[str, typer.Argument(help="Name of the monitor")]
Start = Annotated[str, typer.Option("--start", help="First moment of the span, ISO 8601; UTC unless it says otherwise")]
End = Annotated[str, typer.Option("--end", help="End of the span, not included")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of text for people")]
DEFAULT_FOLDER = Path("include/monitors")


def main() -> None:
    """Entry point of the `monitoring` script: wrong usage and known errors end with code 3, not a traceback."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s", stream=sys.stderr)
    try:
        code = app(standalone_mode=False)
    except typer.Abort:
        code = ERROR
    except TyperException as error:
        err.print(Text(f"{error.format_message()}: see monitoring --help", style="red"))
        code = ERROR
    except MonitoringError as error:
        err.print(Text(f"{type(error).__name__}: {error}", style="red"), soft_wrap=True)
        code = ERROR
    sys.exit(code)


@app.command()
def check(name: Name, start: Start, end: End, folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> int:
    """Judge one window and tell the whole story."""
    monitor, window = find_monitor(folder, name), Window.parse(start, end)
    with opened_runtime() as runtime:
        verdict = judge(monitor, runtime, window)
        results = runtime.store.results(verdict.subject) or []
    say(verdict.dumps().decode() if as_json else narrate(verdict, results))
    return CODES[verdict.outcome]


@app.command()
def backfill(name: Name, start: Start, end: End, folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> int:
    """Judge every scheduled window of a span, oldest first; nobody is told, it is recorded who would have been."""
    monitor = find_monitor(folder, name)
    windows = windows_between(monitor.schedule, monitor.window, Window.parse(start, end))
    windows = [window for window in windows if window.start >= monitor.first_moment]
    if not windows:
        raise typer.BadParameter(f"no window of {name} ({monitor.schedule}) lies between {start} and {end}")
    with opened_runtime() as runtime, _progress() as progress:
        verdicts = [_backfilled(monitor, runtime, window) for window in progress.track(windows, description=name)]
    print_verdicts(verdicts, as_json=as_json)
    return worst(verdict.outcome for verdict in verdicts)


@app.command()
def status(folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> int:
    """Show the newest verdict of every monitor."""
    monitors = load_monitors(folder)
    with opened_runtime() as runtime:
        latest = {stored.verdict.subject.monitor: stored for stored in runtime.store.latest()}
    if as_json:
        say(json.dumps({m.name: _stored_json(latest.get(m.name)) for m in monitors}, indent=2))
    else:
        out.print(_status_table(monitors, latest))
    known = [latest[monitor.name].verdict.outcome for monitor in monitors if monitor.name in latest]
    return worst([*known, *[Outcome.NO_DATA] * (len(monitors) - len(known))])


@app.command()
def report(
    name: Name,
    start: Start,
    end: End,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the HTML page")] = Path("report.html"),
    folder: Folder = DEFAULT_FOLDER,
) -> int:
    """Write a window's HTML report as one self-contained page; the window is judged first if it never was."""
    from monitoring_tasks.report import report_key, self_contained
    from monitoring_tasks.steps import open_window

    monitor, window = find_monitor(folder, name), Window.parse(start, end)
    with opened_runtime() as runtime:
        key = report_key(Subject.from_json(open_window(monitor, runtime, window)))
        if not runtime.artifacts.exists(key):
            judge(monitor, runtime, window)
        output.write_text(self_contained(runtime.artifacts, key), encoding="utf-8")
    say(str(output))
    return HEALTHY


@app.command()
def validate(paths: Annotated[list[Path] | None, typer.Argument(help="YAML files or folders of them")] = None) -> int:
    """Check monitors' YAML files: file, line, key, value found and values allowed of every mistake."""
    files = [file for path in paths or [DEFAULT_FOLDER] for file in (monitor_files(path) if path.is_dir() else [path])]
    mistakes = [mistake for file in files for mistake in _mistakes(file)]
    for mistake in mistakes:
        err.print(Text(mistake, style="red"), soft_wrap=True)
    say(f"{len(files)} files, {len(mistakes)} mistakes")
    return ERROR if mistakes or not files else HEALTHY


@app.command()
def schema() -> int:
    """Print the JSON Schema of a monitor's YAML file, for editors."""
    say(json.dumps(json_schema(), indent=2))
    return HEALTHY


def judge(monitor: Monitor, runtime: Runtime, window: Window) -> Verdict:
    """All steps of one run in this process, from window to verdict."""
    from monitoring_tasks import steps

    subject = steps.open_window(monitor, runtime, window)
    steps.profile_window(monitor, runtime, subject)
    steps.run_suites(monitor, runtime, subject)
    return Verdict.from_json(steps.reach_verdict(monitor, runtime, subject, run={"origin": "command line"}))


def _backfilled(monitor: Monitor, runtime: Runtime, window: Window) -> Verdict:
    from monitoring_tasks import steps
    from monitoring_tasks.alerts.log import LogChannel

    verdict = judge(monitor, runtime, window)
    if steps.needs_alert(monitor, verdict.to_json()):
        steps.send_alert(runtime, verdict.to_json(), silent=True, links={}, channels=[LogChannel()])
    return verdict


def say(text: str) -> None:
    """Print text as it is: no markup, and no line breaks of our own that a program would trip over."""
    out.print(Text(text), soft_wrap=True)


@contextmanager
def opened_runtime() -> Iterator[Runtime]:
    """The runtime that the environment describes, closed at the end."""
    from monitoring_tasks.runtime import environment_runtime

    runtime = environment_runtime()
    try:
        yield runtime
    finally:
        runtime.store.close()


def worst(outcomes: Iterable[Outcome]) -> int:
    """Exit code for several outcomes: findings outweigh undecided ones, which outweigh healthy ones.

    >>> worst([Outcome.HEALTHY, Outcome.NO_DATA]), worst([Outcome.NO_DATA, Outcome.DRIFTED])
    (2, 1)
    """
    codes = {CODES[outcome] for outcome in outcomes}
    return next((code for code in (FINDINGS, UNDECIDED) if code in codes), HEALTHY)


def print_verdicts(verdicts: list[Verdict], *, as_json: bool) -> None:
    """A line each: window, outcome, severity, rows, first reason."""
    if as_json:
        say(json.dumps([verdict.to_json() for verdict in verdicts], indent=2))
        return
    table = _table("window", "outcome", "severity", "rows", "first reason")
    for verdict in verdicts:
        rows, span = str(verdict.evidence["rows"]), _span(verdict.subject.window)
        table.add_row(span, _outcome(verdict), verdict.severity.word, rows, _reason(verdict))
    out.print(table)


def _table(*headings: str) -> Table:
    """A table that keeps each row on one line: the last column takes what room is left."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), expand=True)
    for heading in headings:
        table.add_column(heading, no_wrap=True, ratio=1 if heading is headings[-1] else None)
    return table


def _span(window: Window) -> str:
    """A window for people: days where it lies on whole days.

    >>> _span(Window.parse("2013-06-04", "2013-06-11"))
    '2013-06-04 to 2013-06-11'
    """
    return " to ".join(stamp(moment).removesuffix("T00:00:00Z") for moment in (window.start, window.end))


def _reason(verdict: Verdict) -> Text:
    more = f" (+{len(verdict.reasons) - 1})" if len(verdict.reasons) > 1 else ""
    return Text((verdict.reasons[0] if verdict.reasons else "") + more)


def _outcome(verdict: Verdict) -> Text:
    return Text(verdict.outcome.value, style=COLOURS[verdict.outcome])


def _status_table(monitors: list[Monitor], latest: dict[str, StoredVerdict]) -> Table:
    table = _table("monitor", "owner", "outcome", "severity", "window", "champion", "first reason")
    for monitor in monitors:
        stored = latest.get(monitor.name)
        if stored is None:
            table.add_row(monitor.name, Text(monitor.owner), Text("never judged", style="magenta"))
            continue
        verdict, subject = stored.verdict, stored.verdict.subject
        about = (verdict.severity.word, _span(subject.window), subject.champion)
        table.add_row(monitor.name, Text(monitor.owner), _outcome(verdict), *about, _reason(verdict))
    return table


def _stored_json(stored: StoredVerdict | None) -> dict[str, Any] | None:
    return None if stored is None else stored.verdict.to_json()


def _mistakes(file: Path) -> list[str]:
    try:
        load_monitor(file)
    except MonitoringError as error:
        return str(error).splitlines()
    return []


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=err)
