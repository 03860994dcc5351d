"""The self-test of a monitor: labelled faults in copies of a window's rows, judged as the monitor judges.

Nothing is written to the source. The same rows, champion and configuration give the same report.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from monitoring_tasks.alarms_section import Alarms
from monitoring_tasks.alerts.canary_notice import compose_falls
from monitoring_tasks.alerts.composing import Told, compose
from monitoring_tasks.alerts.message import Message
from monitoring_tasks.alerts.telling import SILENT, Occasion, Teller, brief, record
from monitoring_tasks.canary.columns import Columns
from monitoring_tasks.canary.fall import EARLIER, Fall, falls
from monitoring_tasks.canary.injections import JOINT, Injection, Key
from monitoring_tasks.canary.redraw import Pool, moved
from monitoring_tasks.canary.report import CanaryReport, allowed_alarms
from monitoring_tasks.canary.trial import Setting, false_alarms, standing, try_faults
from monitoring_tasks.champion import load_reference, pin_champion
from monitoring_tasks.data.source import open_rows
from monitoring_tasks.errors import ConfigurationError, SourceInvalid
from monitoring_tasks.explaining import powers
from monitoring_tasks.incidents.incident import Change
from monitoring_tasks.incidents.reading import Cause, Reading, Signal
from monitoring_tasks.judging import Judge
from monitoring_tasks.kept_nulls import every, load_calibration
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.policy.verdict import Subject
from monitoring_tasks.profile.plan import HASH, Plan
from monitoring_tasks.profile.reference import ReferenceProfile
from monitoring_tasks.profile.scan import scan
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.severity import Severity
from monitoring_tasks.window import Window, last_tick, preceding, stamp, window_ending

log = logging.getLogger(__name__)
Json = dict[str, Any]
MOST_ROWS = 200_000
"""A window of more rows is represented by a sample of so many."""
ENOUGH_ROWS = 50_000
"""A window of fewer rows is drawn from those of windows before it as well: ten times what the joint test samples ..."""
OTHERS = 6
"""... of so many at most."""
UNCHANCED = 1_000_000
"""In windows of so many rows only the swings between windows hide a fault."""
FAR = 2.0
"""What is found only from so many times a fault's size on is not expected; a reference's swings are estimates."""
LOOK_BACK = 14
"""So many windows back one with rows is looked for."""


@dataclass(frozen=True)
class Asked:
    """What a self-test is asked for.

    `window` is the one whose rows are used; None: the last one that was complete at `now` and has rows. Each fault is
    put in `repeats` times, for `windows` windows at most.
    """

    now: datetime
    window: Window | None = None
    windows: int = 7
    repeats: int = 20


@dataclass(frozen=True, eq=False)
class _Rows:
    """The rows of a window, of which there are `count`; more than `MOST_ROWS` are represented by a sample."""

    window: Window
    table: pa.Table
    count: int


def examine(monitor: Monitor, runtime: Runtime, asked: Asked) -> CanaryReport:
    """Put labelled faults into copies of a window's rows and report how soon each is found.

    Raises `SourceInvalid` when the window has fewer rows than the monitor judges, `ConfigurationError` when its policy
    is not `calibrated`, and what reading the rows raises.
    """
    if monitor.policy.rules != "calibrated":
        raise ConfigurationError(
            f"{monitor.name} has policy {monitor.policy.rules}: only calibrated rules are tested, since others keep no "
            "budget; monitoring compare-policies shows what they find"
        )
    pinned = pin_champion(monitor, runtime)
    reference = load_reference(monitor, runtime, pinned)
    rows = _rows(monitor, runtime, reference, asked)
    subject = Subject(monitor.name, pinned.version, rows.window, monitor.config_hash)
    judge = Judge.prepare(monitor, runtime, pinned, rows.window)
    columns = Columns(reference.kinds, monitor.prediction, monitor.timestamp, rows.window, monitor.id)
    others = _others(monitor, runtime, reference, rows, ordinary=_ordinary(judge, columns))
    pool, stands = Pool.of(rows.table, columns, others), standing(judge, rows.table)
    untested = judge.untested()
    if pool.echoes and rows.count < ENOUGH_ROWS and JOINT not in untested:
        stands |= {JOINT}
    promised = _promised(monitor, runtime, reference, rows)
    persistence = monitor.policy.persistence
    length = (asked.windows, asked.repeats)
    setting = Setting(monitor.name, pool, judge, persistence, *length, stands, promised, untested)
    report = _report(monitor, setting, subject, rows)
    log.info(
        "canary.tested monitor=%s window=%s missed=%d false_alarms=%d of=%d",
        *(monitor.name, rows.window, len(report.missed), len(report.false_alarms), report.clean_windows),
    )
    for fault, why in report.untried.items():
        log.info("canary.not_tried monitor=%s fault=%s: %s", monitor.name, fault, why)
    return report


def _promised(
    monitor: Monitor, runtime: Runtime, reference: ReferenceProfile, rows: _Rows
) -> Callable[[Injection, str], bool]:
    """Whether a fault of a column is to be found within three windows, by how the reference's windows swing.

    With the default budget and floors, and more rows than chance could hide it in: a monitor that was made blind, or
    that has few rows, must not pass for it.
    """
    usual = monitor.model_copy(update={"alarms": Alarms()})
    calibration = load_calibration(monitor, runtime, reference, rows.window.width)
    known = dict(powers(usual, reference, calibration, rows.window, UNCHANCED))

    def promised(injection: Injection, column: str) -> bool:
        if injection.measure is None or column not in known:
            return True
        least = getattr(known[column], injection.measure).three
        return least is not None and least <= FAR * injection.amount

    return promised


def _report(monitor: Monitor, setting: Setting, subject: Subject, rows: _Rows) -> CanaryReport:
    clean = setting.windows * setting.repeats
    return CanaryReport(
        monitor=monitor.name,
        champion=subject.champion,
        config_hash=subject.config_hash,
        window=rows.window,
        rows=rows.table.num_rows,
        of_rows=rows.count,
        drawn_from=setting.pool.table.num_rows,
        faults=tuple(try_faults(setting)),
        clean_windows=clean,
        false_alarms=tuple(_words(alarm) for alarm in false_alarms(setting)),
        allowed_alarms=allowed_alarms(_expected_alarms(monitor, rows.window, clean)),
        standing=tuple(sorted(_words([key]) for key in setting.standing)),
    )


def _words(keys: Sequence[Key] | frozenset[Key]) -> str:
    return ", ".join(sorted(f"{check.value} of {column}" if column else check.value for check, column in keys))


def _expected_alarms(monitor: Monitor, window: Window, windows: int) -> float:
    """The false alarms that the budget grants in so many windows."""
    budget = monitor.alarms.budget
    return budget.alarms * windows * (every(monitor, window) / budget.period)


def _rows(monitor: Monitor, runtime: Runtime, reference: ReferenceProfile, asked: Asked) -> _Rows:
    """The rows of the window that is asked for, or of the last one that has enough."""
    windows = [asked.window] if asked.window else list(_candidates(monitor, runtime, asked.now))
    for window in windows:
        found = _read(monitor, runtime, reference, window)
        if found.count >= monitor.minimum_rows:
            return found
    looked = f"window {asked.window}" if asked.window else f"the last {LOOK_BACK} windows before {stamp(asked.now)}"
    raise SourceInvalid(
        f"{looked} of {monitor.name} have fewer rows than the {monitor.minimum_rows} (minimum_rows) that are judged: "
        "name a window that has more by start and end"
    )


def _candidates(monitor: Monitor, runtime: Runtime, now: datetime) -> Iterator[Window]:
    """The last complete windows, newest first; then the newest that was ever judged, for logs that ended long ago."""
    newest = window_ending(monitor.schedule, monitor.window, last_tick(monitor.schedule, now))
    recent = [newest, *preceding(monitor.schedule, monitor.window, newest, count=LOOK_BACK - 1)]
    yield from (window for window in recent if window.start >= monitor.first_moment)
    judged = [stored.verdict.subject for stored in runtime.store.latest()]
    yield from (each.window for each in judged if each.monitor == monitor.name and each.window.end <= now)


def _ordinary(judge: Judge, columns: Columns) -> Callable[[_Rows], pa.Table | None]:
    """What moves rows of another window to this one's time; None for a window that shows something itself."""

    def ordinary(rows: _Rows) -> pa.Table | None:
        table = moved(rows.table, columns, rows.window)
        return None if table is None or standing(judge, table) else table

    return ordinary


def _others(
    monitor: Monitor,
    runtime: Runtime,
    reference: ReferenceProfile,
    rows: _Rows,
    *,
    ordinary: Callable[[_Rows], pa.Table | None],
) -> list[pa.Table]:
    """Rows of windows before one that has few, until there are enough; of those with enough and the same columns."""
    had, others = rows.count, list[pa.Table]()
    for window in preceding(monitor.schedule, monitor.window, rows.window, count=OTHERS):
        if had >= ENOUGH_ROWS or window.start < monitor.first_moment:
            break
        found = _read(monitor, runtime, reference, window)
        fits = found.count >= monitor.minimum_rows and found.table.schema == rows.table.schema
        if fits and (table := ordinary(found)) is not None:
            had += found.count
            others.append(table)
    return others


def _read(monitor: Monitor, runtime: Runtime, reference: ReferenceProfile, window: Window) -> _Rows:
    plan = Plan(reference.binning, id=monitor.id, timestamp=monitor.timestamp, sample_rows=MOST_ROWS)
    found = scan(open_rows(monitor, runtime.connections), window, plan)
    return _Rows(window, found.sample.drop_columns([HASH]), found.profile.rows)


def publish_canary(
    monitor: Monitor, runtime: Runtime, report: CanaryReport, *, run: str, occasion: Occasion = SILENT
) -> Json:
    """Put a report into the store with the incident it opens or resolves: what fell since those published before it.

    `run` is the DAG that ran the test.
    """
    fallen = fallen_since(runtime, report)
    reading = _reading(monitor, report, fallen, run)
    newest = runtime.store.newest_tick(monitor.name, reading.stream)
    # A test of an older window is one of the past: what it misses was told, or is over.
    heard = SILENT if newest is not None and newest > reading.tick else occasion
    with runtime.store.transaction() as transaction:
        transaction.put_canary(report)
        changes = record(transaction, reading, _teller(monitor, report, fallen, heard))
    for fall in fallen:
        log.warning("canary.fell monitor=%s fault=%s: %s", report.monitor, fall.name, fall.words)
    if report.noisy:
        log.warning(
            "canary.noisy monitor=%s false_alarms=%d allowed=%d windows=%d",
            *(report.monitor, len(report.false_alarms), report.allowed_alarms, report.clean_windows),
        )
    return {"fell": len(fallen), "changes": brief(changes)}


def _reading(monitor: Monitor, report: CanaryReport, fallen: Sequence[Fall], run: str) -> Reading:
    """What a test gives reason to tell; while a fault is missed that must be found, it is not well again."""
    signal = Signal(
        cause=Cause.SELF_TEST,
        severity=Severity.HIGH if report.missed else Severity.MEDIUM,
        reasons=tuple(fall.words for fall in fallen),
        columns=tuple(dict.fromkeys(fall.column for fall in fallen)),
        topics=(Cause.SELF_TEST.value,),
    )
    well = frozenset() if report.missed else frozenset({Cause.SELF_TEST})
    signals = (signal,) if fallen else ()
    return Reading(monitor.name, monitor.owner, run, "self_test", report.window, report.window.end, well, signals)


def _teller(monitor: Monitor, report: CanaryReport, fallen: Sequence[Fall], occasion: Occasion) -> Teller | None:
    if occasion.now is None:
        return None
    links = occasion.links("")

    def message(change: Change) -> Message:
        return (
            compose_falls(report, fallen, links=links) if change.loud else compose(change, Told(monitor, links=links))
        )

    return Teller(monitor.alerts, message, occasion.now)


def fallen_since(runtime: Runtime, report: CanaryReport) -> list[Fall]:
    """The faults that are found less often than in the reports published before this one."""
    published = [each for each in runtime.store.canaries(report.monitor) if _precedes(each, report)]
    return falls(report, published[:EARLIER])


def _precedes(other: CanaryReport, report: CanaryReport) -> bool:
    """Whether another report is earlier; the one that this replaces is not, so that a retry finds what it found."""
    same = (other.champion, other.window, other.config_hash) == (report.champion, report.window, report.config_hash)
    return other.window.end <= report.window.end and not same
