"""Commands that judge windows, and show what was judged."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from monitoring_tasks.cli.tables import print_judged, status_table
from monitoring_tasks.cli.terminal import (
    DEFAULT_FOLDER,
    ERROR,
    FINDINGS,
    HEALTHY,
    UNDECIDED,
    AsJson,
    End,
    Folder,
    Name,
    Start,
    complain,
    err,
    opened_runtime,
    out,
    say,
)
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.monitor_file import find_monitor, load_monitors
from monitoring_tasks.policy.narrative import narrate
from monitoring_tasks.policy.verdict import Outcome, Subject, Verdict
from monitoring_tasks.window import Window, windows_between

if TYPE_CHECKING:
    from monitoring_tasks.runtime import Runtime

CODES = {
    Outcome.HEALTHY: HEALTHY,
    Outcome.WARNING: FINDINGS,
    Outcome.DRIFTED: FINDINGS,
    Outcome.DEGRADED: FINDINGS,
    Outcome.NO_DATA: UNDECIDED,
    Outcome.TOO_FEW_ROWS: UNDECIDED,
    Outcome.LABELS_IMMATURE: UNDECIDED,
}


def check(name: Name, start: Start, end: End, folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> int:
    """Judge one window and tell the whole story."""
    monitor, window = find_monitor(folder, name), Window.parse(start, end)
    with opened_runtime() as runtime:
        verdict = judge(monitor, runtime, window)
        results = runtime.store.results(verdict.subject) or []
    say(verdict.dumps().decode() if as_json else narrate(verdict, results))
    return CODES[verdict.outcome]


def backfill(name: Name, start: Start, end: End, folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> int:
    """Judge every scheduled window of a span; nobody is told: `alerts --would-have` says who would have been."""
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


def status(folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> int:
    """Show the newest verdict of every monitor, and on its figures; a broken file is told, the others are shown."""
    monitors, mistakes = load_monitors(folder)
    with opened_runtime() as runtime:
        latest = _latest(monitors, runtime)
    if as_json:
        say(json.dumps({name: verdict and verdict.to_json() for name, verdict in latest.items()}, indent=2))
    elif monitors:
        out.print(status_table(monitors, latest))
    complain("\n".join(mistakes) if monitors or mistakes else f"no monitors in {folder}: write one, see the README")
    known = [Outcome.NO_DATA if verdict is None else verdict.outcome for verdict in latest.values()]
    return ERROR if mistakes else worst(known or [Outcome.NO_DATA])


def _latest(monitors: Iterable[Monitor], runtime: Runtime) -> dict[str, Verdict | None]:
    """The newest verdict of each monitor, and on its figures under the name of their DAG; None where there is none."""
    stored = {each.verdict.subject.monitor: each.verdict for each in runtime.store.latest()}
    found: dict[str, Verdict | None] = {}
    for monitor in monitors:
        found[monitor.name] = stored.get(monitor.name)
        if monitor.performance is not None:
            entry = runtime.store.latest_performance(monitor.name)
            found[monitor.performance_dag_id] = None if entry is None else entry.verdict
    return found


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


def judge(monitor: Monitor, runtime: Runtime, window: Window) -> Verdict:
    """All steps of one run in this process, from window to verdict."""
    from monitoring_tasks import steps

    subject = steps.open_window(monitor, runtime, window)
    steps.profile_window(monitor, runtime, subject)
    steps.run_suites(monitor, runtime, subject)
    returned = steps.reach_verdict(monitor, runtime, subject, run={"origin": "command line"})
    return runtime.store.verdict(Subject.from_json(subject)) or Verdict.from_json(returned)


def _backfilled(monitor: Monitor, runtime: Runtime, window: Window) -> Verdict | Exception:
    try:
        return judge(monitor, runtime, window)
    except Exception as error:  # one bad window must not take the others' verdicts along
        return error


def worst(outcomes: Iterable[Outcome]) -> int:
    """Exit code for several outcomes: findings outweigh undecided ones, which outweigh healthy ones.

    >>> worst([Outcome.HEALTHY, Outcome.NO_DATA]), worst([Outcome.NO_DATA, Outcome.DRIFTED])
    (2, 1)
    """
    codes = {CODES[outcome] for outcome in outcomes}
    return next((code for code in (FINDINGS, UNDECIDED) if code in codes), HEALTHY)


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=err)
