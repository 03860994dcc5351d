"""The world of a language model's answers: two weeks of reference, four days of production, judged hour by hour.

Every hour goes through the steps and the store of a monitor's run. The parts of a run that need no other hour are done
by several processes at once, as Airflow's workers would; verdicts are reached in the order of time, with incidents and
letters, by a clock that stands a few minutes after each hour's end.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from demo.worlds.answers import FIRST, moment
from demo.worlds.llm_faults import PRODUCTION, hours, log_of
from demo.worlds.llm_story import Hour, check_hours, clean_half, told_table
from demo.worlds.world import EXAMPLES, World, console, quiet
from monitoring_tasks import steps
from monitoring_tasks.alerts.channel import Channel, Delivery
from monitoring_tasks.alerts.dispatch import deliver_due
from monitoring_tasks.alerts.log import LogChannel
from monitoring_tasks.alerts.telling import Occasion
from monitoring_tasks.alerts_section import Alerts
from monitoring_tasks.champion import load_reference, pin_champion
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.policy.verdict import Subject, Verdict
from monitoring_tasks.report import report_key, self_contained
from monitoring_tasks.runtime import Runtime, environment_runtime
from monitoring_tasks.window import HOUR, Window

Json = dict[str, Any]
NAME = "llm_answers"
REFERENCE = (PRODUCTION.start - FIRST) // HOUR
"""Hours of the reference; production begins with the one after them."""
LATER = timedelta(minutes=5)
"""After its end an hour is judged."""
WORKERS = min(4, os.cpu_count() or 1)


def run(world: World) -> list[str]:
    """Write the log, judge every hour of production, and print what was found; the sentences that do not hold."""
    quiet()
    with workers() as pool, heard(world.work / "alerts.log"):
        world.say(f"writing two weeks of ordinary answers, and production from {PRODUCTION.start:%A} on")
        write_logs(world.work, pool)
        judged = judge(world, pool)
    console.print(told_table(judged))
    console.print(clean_half(judged))
    for line in closing(world.work, judged):
        world.say(line)
    return check_hours(judged)


@contextmanager
def workers() -> Iterator[ProcessPoolExecutor]:
    """Processes that share the work; each starts afresh, since threads do not survive a fork."""
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn"), initializer=quiet) as pool:
        yield pool


def write_logs(work: Path, pool: ProcessPoolExecutor) -> None:
    """Write `reference.parquet` and, for each hour of production, `answers/hour=2026-03-16T05/part-0.parquet`."""
    last = REFERENCE + PRODUCTION.width // HOUR
    written = pool.map(partial(write_hour, work / "answers"), range(REFERENCE, last), chunksize=8)
    reference = pa.concat_tables(pool.map(log_of, range(REFERENCE), chunksize=24))
    pq.write_table(reference, work / "reference.parquet", compression="zstd", row_group_size=20_000)
    sum(1 for _ in written)


def write_hour(folder: Path, hour: int) -> None:
    """Write an hour of the log into a folder of its own."""
    target = folder / f"hour={moment(hour):%Y-%m-%dT%H}"
    target.mkdir(parents=True)
    pq.write_table(log_of(hour), target / "part-0.parquet", compression="zstd")


def the_monitor() -> Monitor:
    """The example as it is shipped; whatever channels this machine's own alerts name, only the log is told."""
    return load_monitor(EXAMPLES / f"{NAME}.yaml").model_copy(update={"alerts": Alerts()})


@cache
def opened(work: Path) -> Runtime:
    """Store and artifacts below the world's folder, opened once in each process."""
    return environment_runtime({"MONITORING_HOME": str(work)})


def judge(world: World, pool: ProcessPoolExecutor) -> list[Hour]:
    """Every hour of production, oldest first."""
    world.say("learning from the reference what ordinary hours are like")
    runtime, monitor = opened(world.work), the_monitor()
    load_reference(monitor, runtime, pin_champion(monitor, runtime))
    with runtime.store:
        return list(_judged(world, monitor, runtime, pool))


def _judged(world: World, monitor: Monitor, runtime: Runtime, pool: ProcessPoolExecutor) -> Iterator[Hour]:
    windows = hours(PRODUCTION)
    for window, subject in zip(windows, pool.map(partial(checked, world.work), windows), strict=True):
        if window.start.hour == 0:
            world.say(f"judging the hours of {window.start:%A, %-d %B}")
        yield reached(monitor, runtime, window, subject)


def checked(work: Path, window: Window) -> Json:
    """The tasks of a run up to the check results: window, profile, suites; its subject."""
    monitor, runtime = the_monitor(), opened(work)
    subject = steps.open_window(monitor, runtime, window)
    steps.profile_window(monitor, runtime, subject)
    steps.run_suites(monitor, runtime, subject)
    return subject


def reached(monitor: Monitor, runtime: Runtime, window: Window, subject: Json) -> Hour:
    """The last tasks of a run: the verdict with the incidents it changes, and the letters that are due."""
    now, ear = window.end + LATER, Ear()
    occasion = Occasion(now, lambda key: {"report": runtime.artifacts.uri(key)})
    steps.reach_verdict(monitor, runtime, subject, run={"origin": "demonstration"}, occasion=occasion)
    deliver_due(runtime.store, lambda _: ear, by="demonstration", now=lambda: now)
    verdict = runtime.store.verdict(Subject.from_json(subject))
    assert verdict is not None
    return hour_of(verdict, ear.letters)


def hour_of(verdict: Verdict, letters: Iterable[Delivery]) -> Hour:
    """What became of an hour, with what was told aloud at its end."""
    findings = [each for each in verdict.evidence["findings"] if each["column"]]
    return Hour(
        verdict.subject.window,
        verdict.severity,
        verdict.reasons,
        tuple(dict.fromkeys(str(each["column"]) for each in findings)),
        tuple(each.message for each in letters if each.loud and each.incident),
        report_key(verdict.subject),
    )


class Ear(Channel):
    """The channel of the log, which also remembers what it was given."""

    def __init__(self) -> None:
        self.letters: list[Delivery] = []

    def send(self, delivery: Delivery) -> Json:
        """Remember a letter, and write it to the log."""
        self.letters.append(delivery)
        return dict(LogChannel().send(delivery))


@contextmanager
def heard(file: Path) -> Iterator[None]:
    """What the log's channel is told goes to a file."""
    handler, log = logging.FileHandler(file, encoding="utf-8"), logging.getLogger("monitoring_tasks.alerts.log")
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s\n"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)
        handler.close()


def closing(work: Path, judged: Iterable[Hour]) -> Iterator[str]:
    """Where to read on: the letters, and the report of the first hour in which something was found."""
    yield f"every letter: {work / 'alerts.log'}"
    first = next((hour for hour in judged if hour.alarmed), None)
    if first is not None:
        page = work / "report.html"
        page.write_text(self_contained(opened(work).artifacts, first.report), encoding="utf-8")
        yield f"the report of {first.window.start:%-d %B, %H:%M}: {page}"
