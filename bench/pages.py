"""How often somebody is paged: April to December of the flights, day by day, as live runs told it.

Twice: by the demonstration's monitor, whose windows are weeks from Tuesday to Tuesday, and by one that looks every day
at the seven days before.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.measure import ROOT
from demo.champion import make_champion
from demo.production import replay_production
from monitoring_tasks import performance_steps, steps
from monitoring_tasks.alerts.telling import SILENT, Occasion, would_have
from monitoring_tasks.incidents.incident import Change
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.performance_window import Cadence
from monitoring_tasks.runtime import Runtime, environment_runtime
from monitoring_tasks.severity import Severity
from monitoring_tasks.window import Window, windows_between

YEAR = Window.parse("2013-04-02", "2013-12-31")
QUICK = Window.parse("2013-04-02", "2013-05-28")
DAILY = {
    "schedule: 0 0 * * 2": 'schedule: "@daily"\nwindow: 7d',
    "  latency: latency_ms": '  latency: latency_ms\n  schedule: "@daily"\n  window: 7d',
}
RUN = {"origin": "bench"}


@dataclass(frozen=True)
class World:
    """The flights' production, and the monitor that looks at its last seven days every week, or every day."""

    folder: Path
    name: str

    @property
    def monitor(self) -> Monitor:
        """The monitor."""
        return load_monitor(self.folder / self.name / "flight_delay.yaml")

    @property
    def runtime(self) -> Runtime:
        """A store and artifacts of its own."""
        return environment_runtime({"MONITORING_HOME": str(self.folder / self.name)})

    @classmethod
    def prepared(cls, folder: Path, name: str) -> World:
        """The world in a folder; its production is kept, its results begin from nothing."""
        text = (ROOT / "include/monitors/flight_delay.yaml").read_text(encoding="utf-8")
        text = text.replace("../../.demo/", f"{folder}/")
        for weekly, daily in DAILY.items():
            text = text.replace(weekly, daily if name == "daily" else weekly)
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir(parents=True)
        (folder / name / "flight_delay.yaml").write_text(text, encoding="utf-8")
        return cls(folder, name)


def show(console: Console, progress: Console, *, quick: bool, folder: Path) -> None:
    """Replay the span by either monitor: every page with its reason, and how many there are by month and severity."""
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    make_champion(folder)
    replay_production(folder)
    for name in ("weekly", "daily"):
        world, span = World.prepared(folder, name), QUICK if quick else YEAR
        windows = windows_between(world.monitor.schedule, world.monitor.window, span)
        windows = [window for window in windows if window.start >= world.monitor.first_moment]
        progress.print(f"pages, {name}: {len(windows)} windows are judged")
        prepare(world, windows)
        changes = replay(world, windows)
        console.print(told_table(changes, name))
        console.print(month_table(changes, windows))


def prepare(world: World, windows: Sequence[Window]) -> None:
    """Judge every window in any order, by two processes; nobody is told."""
    parts = [(world, part) for part in (windows[::2], windows[1::2])]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(_judge, parts))


def _judge(part: tuple[World, Sequence[Window]]) -> None:
    world, windows = part
    monitor, runtime = world.monitor, world.runtime
    for window in windows:
        subject = steps.open_window(monitor, runtime, window)
        steps.profile_window(monitor, runtime, subject)
        steps.run_suites(monitor, runtime, subject)
        steps.reach_verdict(monitor, runtime, subject, run=RUN, occasion=SILENT)


def replay(world: World, windows: Sequence[Window]) -> list[Change]:
    """Every day once more in order, live: what was told, in the order of the days."""
    monitor, runtime = world.monitor, world.runtime
    for window in windows:
        subject = steps.open_window(monitor, runtime, window)
        occasion = Occasion(window.end + timedelta(minutes=10))
        steps.reach_verdict(monitor, runtime, subject, run=RUN, occasion=occasion)
        _performance(monitor, runtime, window.end)
    return [change for change in would_have(runtime.store, [monitor]).changes if change.loud]


def _performance(monitor: Monitor, runtime: Runtime, tick: datetime) -> None:
    window = Cadence.of(monitor).newest(tick)
    if window.start < monitor.first_moment:
        return
    subject = performance_steps.open_performance(monitor, runtime, window, known_at=tick)
    performance_steps.measure_performance(monitor, runtime, subject)
    occasion = Occasion(tick + timedelta(minutes=10))
    performance_steps.judge_performance(monitor, runtime, subject, run=RUN, occasion=occasion)


def told_table(changes: Sequence[Change], name: str) -> Table:
    """Every page and line of a digest: day, severity, what, why."""
    table = Table(
        "told",
        "severity",
        "what",
        "about",
        "first reason",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        title=f"{name} windows",
    )
    for change in changes:
        incident = change.incident
        cells = (f"{change.tick:%d %b}", incident.severity.word, change.event.value, incident.cause.value)
        table.add_row(*cells, Text(next(iter(incident.reasons), "")))
    return table


def month_table(changes: Sequence[Change], windows: Sequence[Window]) -> Table:
    """Pages by month and severity, and digest lines."""
    levels = [level for level in Severity if level > Severity.LOW]
    table = Table("month", *(level.word for level in levels), "digest", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    counts = Counter((f"{change.tick:%B}", change.incident.severity) for change in changes)
    for month in dict.fromkeys(f"{window.end:%B}" for window in windows):
        cells = (str(counts[month, level]) for level in [*levels, Severity.LOW])
        table.add_row(month, *cells)
    return table
