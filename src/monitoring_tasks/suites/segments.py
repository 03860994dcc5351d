"""Check results of a window's segments: the drift of each of their columns, from the profiles alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from monitoring_tasks.calibration.assess import Assessed, Assessment, Told
from monitoring_tasks.calibration.segments import SegmentCase
from monitoring_tasks.checks import Check, CheckResult, Evidence, Status, Suite
from monitoring_tasks.methods import EVIDENTLY, method
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.profile.binning import Binning
from monitoring_tasks.profile.pairs import Pair
from monitoring_tasks.profile.scores import debiased_psi, score_pairs
from monitoring_tasks.profile.summary import summary
from monitoring_tasks.rules import ColumnLimits
from monitoring_tasks.suites.build import Limits
from monitoring_tasks.suites.metrics import breached

_FOUND = (Status.FAILED, Status.SUSPECT)


def segment_results(monitor: Monitor, binning: Binning, limits: Limits, judged: Assessment) -> tuple[CheckResult, ...]:
    """One drift result for each column of each segment that has enough rows on both sides.

    Rules that test the window say which are findings; by the others each score is judged by its limits. A method of
    Evidently's own needs rows, of which a sample has too few of a segment: there the score is a PSI. Declared segments
    that should have rows and have none are undecided.
    """
    own = {name: _of_profiles(row) for name, row in limits.items()}
    segments = _Segments(monitor, binning, own, judged)
    found = (result for case in judged.cases for result in segments.results(case))
    return (*found, *(_lacking(columns, why) for columns, why in judged.lacking.items()))


def _lacking(columns: str, why: str) -> CheckResult:
    """Of segments that are nowhere: their columns may not be logged any more, which must not look like a pass."""
    return CheckResult(Suite.DATA_DRIFT, Check.DRIFT, Status.UNDECIDED, detail=why, segment=columns)


def _of_profiles(limits: ColumnLimits) -> ColumnLimits:
    if not limits.method.startswith(EVIDENTLY):
        return limits
    row = method("psi")
    return ColumnLimits(limits.kind, "psi", row.threshold, row.severe, fails=row.threshold)


@dataclass(frozen=True, eq=False)
class _Segments:
    """What the columns of segments are judged by."""

    monitor: Monitor
    binning: Binning
    limits: Limits
    judged: Assessment

    @property
    def calibrated(self) -> bool:
        return self.monitor.policy.rules == "calibrated"

    def results(self, case: SegmentCase) -> Iterator[CheckResult]:
        pairs = {
            name: Pair(self.binning.columns[name], case.baseline.columns[name], case.current.columns[name])
            for name in case.columns
        }
        scores = score_pairs(pairs, {name: self.limits[name].method for name in pairs})
        for name, pair in pairs.items():
            is_psi = self.calibrated and self.limits[name].method == "psi"
            value = debiased_psi(scores[name].value, pair) if is_psi else scores[name].value
            said = self._said(case.words, name, value)
            if said.status in _FOUND or (said.status is Status.PASSED and math.isfinite(value)):
                yield self._result(case.words, name, value, said, pair)

    def _said(self, words: str, name: str, value: float) -> Assessed:
        """What the tests say, or the limit where the rules have no tests."""
        if self.calibrated:
            return self.judged.segments.get((words, name), Assessed(Evidence(), Status.UNDECIDED))
        if not math.isfinite(value):
            return Assessed(Evidence(), Status.UNDECIDED)
        beyond = breached(self.limits[name].method, value, self.limits[name].fails)
        return Assessed(Evidence(), Status.FAILED if beyond else Status.PASSED)

    def _result(self, words: str, name: str, value: float, said: Assessed, pair: Pair) -> CheckResult:
        limit, found = self.limits[name], said.status in _FOUND
        told = self.judged.told.get((Check.DRIFT, name), Told())
        unknown = found and not math.isfinite(value)  # not knowing the size of a finding must not soften it
        bins = self.binning.columns[name]
        return CheckResult(
            suite=Suite.PREDICTION_DRIFT if name == self.monitor.prediction else Suite.DATA_DRIFT,
            check=Check.DRIFT,
            status=said.status,
            column=name,
            method=limit.method,
            value=value,
            threshold=limit.threshold,
            large=unknown or (not limit.minor and breached(limit.method, value, limit.threshold)),
            severe=not limit.minor and breached(limit.method, value, limit.severe),
            reference=summary(bins, pair.reference) if found else {},
            current=summary(bins, pair.current) if found else {},
            evidence=said.evidence if self.calibrated else None,
            season=told.season if found else "",
            segment=words,
        )
