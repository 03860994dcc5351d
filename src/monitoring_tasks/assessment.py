"""One window judged as a whole: its baselines, its tests under the calibrated null, and what explains them."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from typing import NamedTuple, TypeVar

import pyarrow as pa

from monitoring_tasks.alarms_section import TrainingBaseline
from monitoring_tasks.baselines import Compared, Piece, Segments, compared, segment_cases, segments_compared
from monitoring_tasks.calibration.assess import (
    Assessed,
    Assessment,
    Case,
    Extra,
    Size,
    TestKey,
    Told,
    assess,
    assess_all,
)
from monitoring_tasks.calibration.calibrate import Calibration
from monitoring_tasks.calibration.correction import Levels
from monitoring_tasks.calibration.counts import all_rare
from monitoring_tasks.calibration.course import Course
from monitoring_tasks.calibration.domain import JointNull, Separation, separation
from monitoring_tasks.calibration.segments import SegmentCase, most_tests
from monitoring_tasks.checks import Check, Evidence, Measured, Status
from monitoring_tasks.errors import MonitoringError
from monitoring_tasks.faults.cause import Cause, Fault
from monitoring_tasks.faults.causes import probable_causes
from monitoring_tasks.faults.sides import Sides
from monitoring_tasks.faults.time_gap import time_gap
from monitoring_tasks.faults.together import missing_together
from monitoring_tasks.kept_nulls import joint_kinds, load_calibration, load_joint, own_floors, spent
from monitoring_tasks.level_tests import Before, LevelTests, before_hash, windows_before
from monitoring_tasks.methods import Kind
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.pieces import Pieces
from monitoring_tasks.profile.pairs import Pair
from monitoring_tasks.profile.profile import Profile, dumps
from monitoring_tasks.profile.reference import ReferenceProfile
from monitoring_tasks.profile.segments import Division
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.seasons import seasons
from monitoring_tasks.window import Window

log = logging.getLogger(__name__)

SEASONAL_P = 0.01
"""A window is like its season when an ordinary one is as far from it at least so often ..."""
SEASONAL_PART = 0.5
"""... and it is at most half as far from it as from the training reference."""
EXPLAINED = 0.5
"""Of a finding's effect: a cause that touches fewer rows is another story."""
REACH = 4.0
"""So many standard deviations a row moves the level at most, cut off as it is."""


@dataclass(frozen=True, eq=False)
class Observed:
    """What is known of a window: the profile of all its rows and of each segment's, and a bounded sample of them."""

    window: Window
    profile: Profile
    sample: pa.Table
    segments: Mapping[str, Profile] = field(default_factory=dict)


Past = tuple[Piece, Segments]
"""The pieces of the past, and the same by segment."""


def past_of(pieces: Pieces) -> Past:
    """The past of a monitor's windows, each piece of it read once."""
    return cache(pieces.profile), pieces.segments


@dataclass(frozen=True, eq=False)
class Basis:
    """What a window is judged on: the training reference, what its columns are compared with, and the past's pieces.

    `parts` are the same pieces by segment, `before` the windows before by which jumps of levels are judged.
    """

    reference: ReferenceProfile
    compared: Compared
    piece: Piece
    parts: Segments = lambda _: {}
    before: tuple[Before, ...] = ()

    @classmethod
    def of(cls, monitor: Monitor, runtime: Runtime, reference: ReferenceProfile, window: Window) -> Basis:
        """The basis of one window; each piece of the past is read once. Raises `SourceUnavailable`."""
        return cls.over(monitor, reference, window, past_of(Pieces.of(monitor, runtime, reference)))

    @classmethod
    def over(cls, monitor: Monitor, reference: ReferenceProfile, window: Window, past: Past) -> Basis:
        """The basis of one window over pieces that are had already."""
        piece, parts = past
        had = compared(monitor, reference, window, piece)
        return cls(reference, had, piece, parts, windows_before(monitor, window, piece))

    def cases(self, monitor: Monitor, observed: Observed) -> list[SegmentCase]:
        """The segments of a window that can be judged."""
        if not observed.segments:
            return []
        had = segments_compared(monitor, self.reference, observed.window, self.parts)
        return segment_cases(monitor, had, self.reference.divisions, observed.segments)

    def lacking(self, monitor: Monitor, observed: Observed) -> dict[str, str]:
        """The declared segments, by their columns, of which there is nothing to judge, and why.

        Either the window should have enough rows of one and has none, or no value has enough in the reference.
        """
        share = observed.profile.rows / max(self.reference.profile.rows, 1)

        def why(division: Division) -> str:
            known = sum(self.reference.segments[each].rows for each in division.words)
            if not division.values:
                return f"no value has segment_rows {monitor.segment_rows} rows in the reference: lower it, or {_TAKE}"
            has = any(observed.segments[each].rows for each in division.words)
            return "" if has or share * known < monitor.segment_rows else _UNKNOWN

        found = {", ".join(division.columns): why(division) for division in self.reference.divisions}
        return {columns: reason for columns, reason in found.items() if reason}

    @property
    def baseline_hash(self) -> str:
        """What the rows of baselines and of the windows before hash to.

        Empty where every column is compared with the training reference, and no level is watched.
        """
        profile = self.compared.reference.profile
        own = "" if profile is self.reference.profile else hashlib.sha256(dumps(profile)).hexdigest()[:16]
        return own + before_hash(self.before)


_UNKNOWN = "no row has a value that the reference knows"
_TAKE = "take it out of segments"


@dataclass(frozen=True, eq=False)
class Assessor:
    """Judges windows of one width against one reference, by the monitor's alarm budget.

    `calibration` and `joint` are the reference's nulls (None: no joint test).
    """

    monitor: Monitor
    window: Window
    basis: Basis
    calibration: Calibration
    joint: Callable[[], JointNull] | None

    @property
    def compared(self) -> Compared:
        """What the columns of the window are compared with."""
        return self.basis.compared

    @cached_property
    def levels(self) -> Levels:
        """The levels that the monitor's budget affords."""
        tests = most_tests(self.basis.reference.divisions, list(self.calibration.columns))
        return spent(self.monitor, self.calibration, self.window, segments=tests)

    def tests(self, observed: Observed) -> Assessment:
        """The tests of the window, without explanations."""
        gap, joint = (
            _tried(check, partial(test, observed))
            for check, test in ((Check.TIME_GAP, self._gap), (Check.JOINT, self._joint))
        )
        made = gap | joint
        levels = self._levels.of(observed.window, observed.profile)
        extra: dict[TestKey, Extra] = {(check, None): each.extra for check, each in made.items()}
        extra |= {(Check.LEVEL, name): test for name, (_, test) in levels.items()}
        case = replace(self._case(observed.profile, extra), segments=self.basis.cases(self.monitor, observed))
        tests, segments = assess_all(self.calibration, case, self.levels, self.monitor.alarms.floors)
        sizes: dict[TestKey, Size] = {(Check.LEVEL, name): size for name, (size, _) in levels.items()}
        judged = Assessment(tests, cases=case.segments, segments=segments, sizes=sizes)
        whole = {
            check: each.told(check) if (check, None) in judged.found else each.measured for check, each in made.items()
        }
        return replace(judged, whole=whole)

    def judge(self, observed: Observed) -> Assessment:
        """The tests of the window, with what explains them: baselines that fall short, seasons, probable causes.

        A test that breaks is undecided, and an explanation that breaks is not given: neither takes the verdict down.
        """
        judged = self.tests(observed)
        courses = _explained(self._courses, observed, judged, self.monitor.name)
        return replace(judged, told=self._told(observed, judged), courses=courses)

    def _case(self, current: Profile, extra: Mapping[TestKey, Extra]) -> Case:
        compared, floors = self.compared, own_floors(self.monitor)
        profile, binning = compared.reference.profile, compared.reference.binning
        return Case(binning, profile, current, floors, extra, compared.undecided, self._skipped)

    @cached_property
    def _skipped(self) -> frozenset[TestKey]:
        """Tests that nobody asked for, and those of columns of which the reference leaves nothing to compare."""
        reference = self.basis.reference
        unwatched = {(Check.CONSTANT, name) for name in reference.kinds if not self.monitor.watches_constant(name)}
        features = reference.kinds.keys() - {self.monitor.prediction}
        return frozenset(unwatched | {(Check.DRIFT, name) for name in features if _is_all_rare(reference, name)})

    @property
    def _levels(self) -> LevelTests:
        return LevelTests(self.monitor, self.calibration, self.basis.reference.binning, self.basis.before)

    def _courses(self, observed: Observed, _: Assessment) -> dict[str, Course]:
        """How the level of each watched column went: what a person looks at beside the test."""
        return self._levels.courses(observed.window, observed.profile)

    def _gap(self, observed: Observed) -> Tests:
        reference, name = self.compared.reference, self.monitor.timestamp
        gap = time_gap(observed.sample, reference.sample, name, self.window)
        if gap is None:
            return {}
        words = f"no row from {gap.start:%Y-%m-%d %H:%M} to {gap.end:%Y-%m-%d %H:%M} UTC" if gap.share else ""
        return {Check.TIME_GAP: _Test(Measured(gap.share, words), Extra(gap.p_value, gap.share))}

    def _joint(self, observed: Observed) -> Tests:
        kinds = self._joint_kinds
        if self.joint is None or len(kinds) < 2:
            return {}
        null = self.joint()
        if null.lacks:
            return {}
        found = separation(self.compared.reference.sample, observed.sample, kinds, most_rows=null.most_rows)
        if found is None:
            return {}
        extra = Extra(null.p_value(found.auc, found.rows), max(found.auc - 0.5, 0.0))
        return {Check.JOINT: _Test(Measured(found.auc), extra, partial(_told_apart, found))}

    @property
    def _joint_kinds(self) -> dict[str, Kind]:
        return joint_kinds(self.monitor, self.compared.reference)

    def _told(self, observed: Observed, judged: Assessment) -> dict[TestKey, Told]:
        """What there is to say about each check: notes on baselines always, explanations of findings only."""
        of_baselines = [key for key in judged.tests if key[0] is not Check.LEVEL]
        notes = {key: note for key in of_baselines if (note := self.compared.notes.get(key[1] or ""))}
        season, cause = (
            _explained(explain, observed, judged, self.monitor.name) for explain in (self._seasonal, self._causes)
        )
        keys = {*notes, *season, *cause}
        # What the season explains needs no fault to explain it.
        said = {key: "" if key in season else cause.get(key, "") for key in keys}
        return {key: Told(notes.get(key, ""), season.get(key, ""), said[key]) for key in keys}

    def _seasonal(self, observed: Observed, judged: Assessment) -> dict[TestKey, str]:
        """The shifts from the training reference that the same season shows as well."""
        drifts = [key for key in judged.found if key[0] is Check.DRIFT and self._is_trained(key[1])]
        if not drifts:
            return {}
        had, lacking = seasons(self.monitor, self.compared.reference, self.window, self.basis.piece)
        log.debug("seasons window=%s had=%s lacking=%s", self.window, [each.words for each in had], lacking)
        explained: dict[TestKey, str] = {}
        for season in had:
            case = replace(self._case(observed.profile, {}), baseline=season.profile)
            tests = assess(self.calibration, case, self.levels, self.monitor.alarms.floors)
            like = [key for key in drifts if _is_like(tests[key], judged.tests[key])]
            explained = dict.fromkeys(like, season.words) | explained
        return explained

    def _is_trained(self, column: str | None) -> bool:
        return isinstance(self.monitor.baseline(column or ""), TrainingBaseline)

    def _causes(self, observed: Observed, judged: Assessment) -> dict[TestKey, str]:
        """The probable cause of each finding that has one."""
        reference, current = self.compared.reference, observed.profile
        pairs = {
            name: Pair(bins, reference.profile.columns[name], current.columns[name])
            for name, bins in reference.binning.columns.items()
        }
        names = (self.monitor.timestamp, self.monitor.id)
        sides = Sides(self.window, pairs, reference.sample, observed.sample, *names, current.rows, current.duplicates)
        causes = [cause for cause in probable_causes(sides, judged.found) if not _is_allowed(cause, self.monitor)]
        effects = {key: judged.tests[key].evidence.effect or 0.0 for key in judged.found}
        alone = {
            key: cause.words
            for cause in reversed(causes)
            for key, effect in effects.items()
            if _is_about(cause, key, self.monitor.timestamp) and _explains(cause, key, effect)
        }
        return alone | self._missing_together(sides, judged)

    def _missing_together(self, sides: Sides, judged: Assessment) -> dict[TestKey, str]:
        """What the columns have in common that lack more values than usual, if the same rows lack them."""
        columns = [column for check, column in judged.found if check is Check.MISSING_SHARE and column]
        inputs = {name: each.of for name, each in self.monitor.derived.items() if not each.where}
        found = missing_together(sides, columns, inputs)
        return {(Check.MISSING_SHARE, column): words for column, words in found.items()}


_OF_BASELINE = (Check.DRIFT, Check.MISSING_SHARE, Check.OUT_OF_RANGE_SHARE, Check.UNSEEN_SHARE, Check.CONSTANT)
_WHOLE: Mapping[Fault, Check] = {
    Fault.DUPLICATED_BATCH: Check.DUPLICATE_SHARE,
    Fault.TRUNCATED: Check.TIME_GAP,
    Fault.TIME_SHIFT: Check.TIME_GAP,
}


def _explains(cause: Cause, key: TestKey, effect: float) -> bool:
    """Whether a fault touches enough rows for the most of a finding: no share or distance changes by more than it.

    A level may, as far as its rows can be moved.
    """
    reach = REACH if key[0] is Check.LEVEL else 1.0
    return key[0] is Check.CONSTANT or reach * cause.share >= EXPLAINED * effect


def _is_allowed(cause: Cause, monitor: Monitor) -> bool:
    """Whether the monitor says of a column that it may stand still, or computes it itself.

    A computed column has no unit but that of its inputs, which are named themselves.
    """
    column = cause.column or ""
    if cause.fault is Fault.UNIT_CHANGE:
        return column in monitor.derived
    return cause.fault is Fault.FROZEN and not monitor.watches_constant(column)


def _is_about(cause: Cause, key: TestKey, timestamp: str) -> bool:
    """Whether a cause is about a check: about one of its column's, or about the one of the window that it fits.

    What is wrong with the log's own times is about the window.
    """
    if cause.column in (None, timestamp):
        return key[1] is None and _WHOLE.get(cause.fault) is key[0]
    return cause.column == key[1]


def _told_apart(found: Separation) -> str:
    names = ", ".join(name for name, _ in found.columns[:3])
    return f"told apart most by {names}" if names else ""


class _Test(NamedTuple):
    """A test of rows, and what makes its detail where that takes long: of findings only."""

    measured: Measured
    extra: Extra
    detail: Callable[[], str] | None = None

    def told(self, check: Check) -> Measured:
        """What was measured, with its detail; without, if that breaks: the finding stands."""
        if self.detail is None:
            return self.measured
        try:
            return replace(self.measured, detail=self.detail())
        except Exception:
            log.exception("finding not detailed: check=%s", check)
            return self.measured


Tests = dict[Check, _Test]


def _tried(check: Check, test: Callable[[], Tests]) -> Tests:
    """A test of rows, undecided if it breaks: whatever they hold, the others must still be judged."""
    try:
        return test()
    except MonitoringError:  # says itself what to do, and may be gone when the task is tried again
        raise
    except Exception as error:
        log.exception("test not computed: check=%s", check)
        return {check: _Test(Measured(math.nan, f"{type(error).__name__}: {error}"[:300]), Extra(math.nan, math.nan))}


Key = TypeVar("Key")
Said = TypeVar("Said")


def _explained(
    explain: Callable[[Observed, Assessment], dict[Key, Said]], observed: Observed, judged: Assessment, name: str
) -> dict[Key, Said]:
    """What an explanation says, nothing if it breaks: findings stand without it."""
    try:
        return explain(observed, judged)
    except MonitoringError:
        raise
    except Exception:
        log.exception("findings not explained: monitor=%s window=%s", name, observed.window)
        return {}


def _is_like(season: Assessed, training: Assessed) -> bool:
    p, far, usual = season.evidence.p_value, season.evidence.effect, training.evidence.effect
    return p is not None and far is not None and p >= SEASONAL_P and far <= SEASONAL_PART * (usual or 0.0)


def assessed(monitor: Monitor, runtime: Runtime, basis: Basis, observed: Observed) -> Assessment:
    """A window judged by the monitor's rules.

    Only the rules `calibrated` judge a window as a whole: by the others each check has its own limits.
    """
    if monitor.policy.rules != "calibrated" or not observed.profile.rows:
        notes: dict[TestKey, Told] = {
            (check, name): Told(note) for name, note in basis.compared.notes.items() for check in Check
        }
        cases = basis.cases(monitor, observed)
        return Assessment(
            _untested(basis.compared.undecided), {}, notes, cases, lacking=basis.lacking(monitor, observed)
        )
    judged = load_assessor(monitor, runtime, basis, observed.window).judge(observed)
    return replace(judged, lacking=basis.lacking(monitor, observed))


def _is_all_rare(reference: ReferenceProfile, name: str) -> bool:
    return all_rare(reference.binning.columns[name], reference.profile.columns[name])


def _untested(columns: Collection[str]) -> dict[TestKey, Assessed]:
    """Columns without a baseline are undecided by any rules: what they would be judged by is not what was declared."""
    return {(check, name): Assessed(Evidence(), Status.UNDECIDED) for name in columns for check in _OF_BASELINE}


def load_assessor(monitor: Monitor, runtime: Runtime, basis: Basis, window: Window) -> Assessor:
    """The assessor of a window; its calibration is made when windows of such a width are met for the first time."""
    reference = basis.reference
    calibration = load_calibration(monitor, runtime, reference, window.width)
    joint = (lambda: load_joint(monitor, runtime, reference, window.width)) if monitor.alarms.joint else None
    return Assessor(monitor, window, basis, calibration, joint)
