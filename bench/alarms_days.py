"""Real days, whose rows are not independent of each other: each month held out in turn, judged by the other two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Set
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bench.alarms_pool import MONITOR, TIMESTAMP, read_pool
from bench.alarms_rules import Policy, Watch, naive
from bench.alarms_runs import CALIBRATED, WINDOWS
from monitoring_tasks.calibration.assess import Assessed, TestKey
from monitoring_tasks.data.memory import TableRows
from monitoring_tasks.profile.kernel import arrow_array
from monitoring_tasks.profile.pieces import profile_pieces
from monitoring_tasks.profile.profile import Profile, merge
from monitoring_tasks.profile.reference import ReferenceProfile, build_reference
from monitoring_tasks.window import DAY, Window

MONTHS = {1: "January", 2: "February", 3: "March"}
WIDTHS = (DAY, 7 * DAY)
SHOWN = 4


@dataclass(frozen=True)
class Held:
    """Windows of one width in a month held out: `episodes` in words, and windows with an alarm of each rule."""

    width: timedelta
    episodes: tuple[str, ...]
    alarmed: Counter[str]


def held_out(file: Path, month: int) -> list[Held]:
    """The windows of each width in one month, against the rest of the flights."""
    reference, own = month_of(file, month)
    days = profile_pieces(TableRows(own), reference.binning, TIMESTAMP, unit=DAY)
    return [_judged(Policy.of(reference, width), _joined(days, width)) for width in WIDTHS]


def month_of(file: Path, month: int) -> tuple[ReferenceProfile, pa.Table]:
    """The profile of the flights outside of a month, and the flights in it."""
    flights = read_pool(file)
    own = pc.month(flights[TIMESTAMP]).to_numpy() == month
    rest, kept = (flights.take(arrow_array(np.flatnonzero(side))) for side in (~own, own))
    return build_reference(MONITOR, TableRows(rest), f"without {month}"), kept


def _joined(days: Mapping[Window, Profile], width: timedelta) -> dict[Window, Profile]:
    """Whole windows of `width`, one after the other; days left over are left out."""
    spans, count = list(days), width // DAY
    starts = range(0, len(spans) - count + 1, count)
    return {
        Window(spans[start].start, spans[start].start + width): merge(
            [days[span] for span in spans[start : start + count]]
        )
        for start in starts
    }


def _judged(policy: Policy, windows: Mapping[Window, Profile]) -> Held:
    found = watched(next(iter(windows)).width, ((window, policy.tests(each)) for window, each in windows.items()))
    for profile in windows.values():
        found.alarmed.update(naive(policy.reference.binning, policy.reference.profile, profile))
    return found


def watched(width: timedelta, windows: Iterable[tuple[Window, Mapping[TestKey, Assessed]]]) -> Held:
    """The alarms of windows in a row, from their tests."""
    watch, episodes, alarmed = Watch(), [], Counter[str]()
    for window, tests in windows:
        alarms = watch.alarms(tests)
        if watch.begins(alarms):
            episodes.append(f"{window.start.day} {window.start:%B}: {_words(alarms, tests)}")
        alarmed.update({WINDOWS: 1, CALIBRATED: int(bool(alarms))})
    return Held(width, tuple(episodes), alarmed)


def _words(alarms: Set[TestKey], tests: Mapping[TestKey, Assessed]) -> str:
    """The tests that alarm, the largest effect first."""
    order = sorted(alarms, key=lambda key: -(tests[key].evidence.effect or 0.0))
    said = [" ".join(filter(None, [column, check.replace("_", " ")])) for check, column in order]
    return ", ".join(said[:SHOWN]) + (f" and {len(said) - SHOWN} more" if len(said) > SHOWN else "")


def all_held_out(pool: Executor, file: Path) -> dict[str, list[Held]]:
    """What `held_out` finds in each of the months."""
    found = pool.map(held_out, [file] * len(MONTHS), MONTHS)
    return dict(zip(MONTHS.values(), found, strict=True))
