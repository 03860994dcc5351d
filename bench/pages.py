"""How often somebody is paged: April to December of the flights, day by day, as live runs would have told it."""

from __future__ import annotations

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
    """The flights' production, and the monitor that looks at its last seven days every day."""

    folder: Path

    @property
    def monitor(self) -> Monitor:
        """The demonstration's monitor, by day."""
        return load_monitor(self.folder / "monitors" / "flight_delay.yaml")

    def runtime(self, name: str) -> Runtime:
        """A store and artifacts of their own."""
        return environment_runtime({"MONITORING_HOME": str(self.folder / name)})

    @classmethod
    def prepared(cls, folder: Path) -> World:
        """The world in a folder: what is there already is kept."""
        folder.mkdir(parents=True, exist_ok=True)
        make_champion(folder)
        replay_production(folder)
        text = (ROOT / "include/monitors/flight_delay.yaml").read_text(encoding="utf-8")
        text = text.replace("../../.demo/", f"{folder}/")
        for weekly, daily in DAILY.items():
            text = text.replace(weekly, daily)
        (folder / "monitors").mkdir(exist_ok=True)
        (folder / "monitors" / "flight_delay.yaml").write_text(text, encoding="utf-8")
        return cls(folder)


def show(console: Console, progress: Console, *, quick: bool, folder: Path) -> None:
    """Replay the span and print every page with its reason, and how many there are by month and severity."""
    world, span = World.prepared(folder.absolute()), QUICK if quick else YEAR
    windows = windows_between(world.monitor.schedule, world.monitor.window, span)
    windows = [window for window in windows if window.start >= world.monitor.first_moment]
    progress.print(f"pages: {len(windows)} days are judged")
    prepare(world, windows)
    changes = replay(world, windows)
    console.print(told_table(changes))
    console.print(month_table(changes, windows))


def prepare(world: World, windows: Sequence[Window]) -> None:
    """Judge every window in any order, by two processes; nobody is told."""
    parts = [(world.folder, part) for part in (windows[::2], windows[1::2])]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(_judge, parts))


def _judge(part: tuple[Path, Sequence[Window]]) -> None:
    world = World(part[0])
    monitor, runtime = world.monitor, world.runtime("live")
    for window in part[1]:
        subject = steps.open_window(monitor, runtime, window)
        steps.profile_window(monitor, runtime, subject)
        steps.run_suites(monitor, runtime, subject)
        steps.reach_verdict(monitor, runtime, subject, run=RUN, occasion=SILENT)


def replay(world: World, windows: Sequence[Window]) -> list[Change]:
    """Every day once more in order, live: what was told, in the order of the days."""
    monitor, runtime = world.monitor, world.runtime("live")
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


def told_table(changes: Sequence[Change]) -> Table:
    """Every page and line of a digest: day, severity, what, why."""
    table = Table("day", "severity", "what", "about", "first reason", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
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
