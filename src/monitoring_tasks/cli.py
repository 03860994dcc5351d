"""The `monitoring` command: the same steps as the DAGs, without Airflow.

Exit code: 0 healthy, 1 warning or drifted, 2 undecided (no data, too few rows, never judged), 3 error.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterable, Sequence
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

from monitoring_tasks.errors import ConfigurationError, MonitoringError
from monitoring_tasks.monitor import Monitor, json_schema
from monitoring_tasks.monitor_file import find_monitor, load_monitor, load_monitors, monitor_files
from monitoring_tasks.policy.narrative import narrate, plain
from monitoring_tasks.policy.verdict import Outcome, Subject, Verdict
from monitoring_tasks.window import Window, stamp, windows_between

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitoring_tasks.runtime import Runtime
    from monitoring_tasks.store.records import StoredVerdict

log = logging.getLogger(__name__)
Judged = tuple[Window, "Verdict | Exception"]
"""A window of a backfill, and its verdict or the error that left it without one."""

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
NARROW = 120
"""Columns of a terminal below which tables leave out what `--json` tells as well, so that the reason has room."""


def main() -> None:
    """Entry point of the `monitoring` script: every error ends with code 3 and says what is wrong in a few words.

    The traceback of an error that nobody foresaw is logged when `MONITORING_DEBUG` is set.
    """
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s", stream=sys.stderr)
    log.setLevel(logging.DEBUG if os.environ.get("MONITORING_DEBUG") else logging.WARNING)
    try:
        code = app(standalone_mode=False)
    except (typer.Abort, SystemExit):  # Ctrl-C; or standard output was closed, for which rich exits with 1
        code = ERROR
    except TyperException as error:
        complain(f"{error.format_message()}: see monitoring --help")
        code = ERROR
    except Exception as error:  # an uncaught one would end with code 1, which means drifted
        complain(explained(error))
        code = ERROR
    sys.exit(code)


def explained(error: Exception) -> str:
    """An error in words: its kind and its message; one that nobody foresaw says how to learn more."""
    if isinstance(error, MonitoringError):
        return f"{type(error).__name__}: {error}"
    log.debug("unexpected error", exc_info=error)
    message = " ".join(str(error).split())
    return f"unexpected {type(error).__name__}: {message} (MONITORING_DEBUG=1 shows where)"


def complain(text: str) -> None:
    """Print lines in red on the error stream, without control characters that came from outside."""
    err.print(Text("\n".join(plain(line) for line in text.splitlines()), style="red"), soft_wrap=True)


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
        judged = [
            (window, _backfilled(monitor, runtime, window)) for window in progress.track(windows, description=name)
        ]
    print_judged(name, judged, as_json=as_json)
    verdicts = [found for _, found in judged if isinstance(found, Verdict)]
    return worst(verdict.outcome for verdict in verdicts) if len(verdicts) == len(judged) else ERROR


@app.command()
def status(folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> int:
    """Show the newest verdict of every monitor; a broken file is told, and the other monitors are shown."""
    monitors, mistakes = load_monitors(folder)
    with opened_runtime() as runtime:
        latest = {stored.verdict.subject.monitor: stored for stored in runtime.store.latest()}
    if as_json:
        say(json.dumps({m.name: _stored_json(latest.get(m.name)) for m in monitors}, indent=2))
    elif monitors:
        out.print(_status_table(monitors, latest))
    complain("\n".join(mistakes) if monitors or mistakes else f"no monitors in {folder}: write one, see the README")
    known = [latest[monitor.name].verdict.outcome for monitor in monitors if monitor.name in latest]
    unknown = [Outcome.NO_DATA] if len(known) < len(monitors) or not monitors else []
    return ERROR if mistakes else worst([*known, *unknown])


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
    if not output.absolute().parent.is_dir():
        raise typer.BadParameter(f"{output} cannot be written: {output.absolute().parent} is not a folder")
    with opened_runtime() as runtime:
        key = report_key(Subject.from_json(open_window(monitor, runtime, window)))
        if not runtime.artifacts.exists(key):
            judge(monitor, runtime, window)
        output.write_text(self_contained(runtime.artifacts, key), encoding="utf-8")
    say(str(output))
    return HEALTHY


@app.command()
def validate(
    paths: Annotated[list[Path] | None, typer.Argument(help="YAML files or folders of them")] = None,
    folder: Folder = DEFAULT_FOLDER,
) -> int:
    """Check monitors' YAML files: file, line, key, value found and values allowed of every mistake."""
    files = [file for path in paths or [folder] for file in (monitor_files(path) if path.is_dir() else [path])]
    mistakes = [mistake for file in files for mistake in _mistakes(file)]
    complain("\n".join(mistakes))
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
    returned = steps.reach_verdict(monitor, runtime, subject, run={"origin": "command line"})
    return runtime.store.verdict(Subject.from_json(subject)) or Verdict.from_json(returned)


def _backfilled(monitor: Monitor, runtime: Runtime, window: Window) -> Verdict | Exception:
    from monitoring_tasks import steps
    from monitoring_tasks.alerts.withheld import withheld_channels

    try:
        verdict = judge(monitor, runtime, window)
        if steps.needs_alert(monitor, verdict.to_json()):
            steps.send_alert(runtime, verdict.to_json(), silent=True, links={}, channels=withheld_channels(monitor))
    except Exception as error:  # one bad window must not take the others' verdicts along
        return error
    return verdict


def say(text: str) -> None:
    """Print text as it is: no markup, and no line breaks of our own that a program would trip over."""
    out.print(Text(text), soft_wrap=True)


@contextmanager
def opened_runtime() -> Iterator[Runtime]:
    """The runtime that the environment describes, closed at the end. Raises `ConfigurationError` when it cannot be."""
    from monitoring_tasks.runtime import environment_runtime

    try:
        runtime = environment_runtime()
    except (OSError, ValueError, ImportError) as error:
        settings = "MONITORING_HOME (a folder that can be written), MONITORING_STORE, MONITORING_ARTIFACTS"
        raise ConfigurationError(f"the place of the results cannot be used: {error}: check {settings}") from error
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


def print_judged(name: str, judged: Sequence[Judged], *, as_json: bool) -> None:
    """A line each: window, outcome, severity, rows, first reason; `error` and its message where there is no verdict."""
    if as_json:
        say(json.dumps([_judged_json(name, *each) for each in judged], indent=2))
        return
    table = _table("window", "outcome", "severity", "rows", "first reason")
    for window, found in judged:
        if isinstance(found, Exception):
            table.add_row(_span_cell(window), Text("error", style="red"), "", "", _cell(explained(found)))
            continue
        rows = str(found.evidence.get("rows", ""))
        table.add_row(_span_cell(window), _outcome(found), found.severity.word, rows, _reason(found))
    out.print(table)


def _judged_json(name: str, window: Window, found: Verdict | Exception) -> dict[str, Any]:
    if isinstance(found, Verdict):
        return found.to_json()
    subject = {"monitor": name, "window": window.to_json()}
    return {"subject": subject, "outcome": "error", "reasons": [explained(found)]}


def _table(*headings: str) -> Table:
    """A table that folds its longest cells where the terminal is narrow, and never cuts an outcome short."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in headings:
        table.add_column(heading, no_wrap=heading in {"outcome", "severity", "rows"}, overflow="fold")
    return table


def _cell(text: str) -> Text:
    return Text(plain(text))


def _span_cell(window: Window) -> Text:
    return Text(_span(window).replace(" to ", " to\n") if out.width < NARROW else _span(window))


def _span(window: Window) -> str:
    """A window for people: days where it lies on whole days.

    >>> _span(Window.parse("2013-06-04", "2013-06-11"))
    '2013-06-04 to 2013-06-11'
    """
    return " to ".join(stamp(moment).removesuffix("T00:00:00Z") for moment in (window.start, window.end))


def _reason(verdict: Verdict) -> Text:
    more = f" (+{len(verdict.reasons) - 1})" if len(verdict.reasons) > 1 else ""
    return _cell((verdict.reasons[0] if verdict.reasons else "") + more)


def _outcome(verdict: Verdict) -> Text:
    return Text(verdict.outcome.value, style=COLOURS[verdict.outcome])


def _status_table(monitors: list[Monitor], latest: dict[str, StoredVerdict]) -> Table:
    """A row for each monitor; a narrow terminal has no room for owner and champion."""
    wide = out.width >= NARROW
    table = _table("monitor", "outcome", "severity", "window", *(["owner", "champion"] if wide else []), "first reason")
    for monitor in monitors:
        stored = latest.get(monitor.name)
        if stored is None:
            owner = ("", "", _cell(monitor.owner)) if wide else ()
            table.add_row(monitor.name, Text("never judged", style="magenta"), *owner)
            continue
        verdict, subject = stored.verdict, stored.verdict.subject
        about = (_cell(monitor.owner), _cell(subject.champion)) if wide else ()
        cells = (_outcome(verdict), verdict.severity.word, _span_cell(subject.window), *about, _reason(verdict))
        table.add_row(monitor.name, *cells)
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
