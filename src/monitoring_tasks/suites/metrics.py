"""Evidently metrics that read profiles instead of rows, and the one test they are judged by.

They stand on parts of Evidently that it does not promise to keep (`evidently.core`): the version is pinned, and a
contract test holds what is used here.
"""

from __future__ import annotations

import logging
import math
import operator
from abc import ABC
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import pandas as pd
from evidently import DataDefinition
from evidently.core.datasets import PandasDataset
from evidently.core.metric_types import (
    MetricTest,
    MetricTestProto,
    MetricTestResult,
    SingleValue,
    SingleValueCalculation,
    SingleValueMetric,
)
from evidently.core.report import Context
from evidently.legacy.tests.base_test import TestStatus

from monitoring_tasks.calibration.assess import Size, TestKey
from monitoring_tasks.checks import Check, Measured, Status
from monitoring_tasks.methods import EVIDENTLY, method
from monitoring_tasks.profile.binning import Binning
from monitoring_tasks.profile.pairs import Pair
from monitoring_tasks.profile.profile import Profile
from monitoring_tasks.profile.scores import Score, psi_bias
from monitoring_tasks.suites.columns import MEASURES, NAN, NO_ROWS, Column, kind_of, values, why_empty
from monitoring_tasks.suites.native import native_score

logger = logging.getLogger(__name__)

AT_LEAST, AT_MOST, LESS_THAN = "at_least", "at_most", "less_than"


ASSESSED = {
    Status.PASSED: TestStatus.SUCCESS,
    Status.SUSPECT: TestStatus.WARNING,
    Status.FAILED: TestStatus.FAIL,
    Status.UNDECIDED: TestStatus.ERROR,
}
"""Evidently's word for what an assessment says."""


def _reached(value: float, limit: float) -> bool:
    return value >= limit and value > 0  # a limit of 0 means "any at all", which nothing is not


_BREACHES: dict[str, Callable[[float, float], bool]] = {
    AT_LEAST: operator.lt,
    AT_MOST: operator.gt,
    LESS_THAN: _reached,
}


@dataclass(frozen=True, eq=False)
class Found:
    """Drift scores by column, and what checks found that rows, or windows before, were needed for.

    `whole` is of the window as a whole, `sizes` of single columns.
    """

    scores: Mapping[str, Score]
    whole: Mapping[Check, Measured] = field(default_factory=dict)
    sizes: Mapping[TestKey, Size] = field(default_factory=dict)


class ProfileDataset(PandasDataset):  # type: ignore[misc]  # Evidently carries no types
    """One side of a comparison as Evidently carries it: the profile of all rows beside a frame of sampled ones.

    `found` is what was computed of the current side against the reference. The frame holds only the columns that
    Evidently's own methods look at, and `definition` says what each of them is: nothing is inferred.
    """

    def __init__(
        self, profile: Profile, binning: Binning, found: Found, *, frame: pd.DataFrame, definition: Any
    ) -> None:
        with np.errstate(over="ignore", invalid="ignore"):  # Evidently takes means, and those of 1e308 overflow
            super().__init__(frame, definition)
        self.profile = profile
        self.binning = binning
        self.found = found


def definition(numeric: list[str], categorical: list[str]) -> DataDefinition:
    """A definition that names the type of every column, so that Evidently has nothing to infer."""
    rest: dict[str, list[str]] = {f"{kind}_columns": [] for kind in ("text", "datetime", "unknown", "list")}
    return DataDefinition(numerical_columns=numeric, categorical_columns=categorical, **rest)


def column_of(name: str, current: ProfileDataset, reference: ProfileDataset) -> Column:
    """Both sides' view of one column."""
    bins = reference.binning.columns[name]
    types = tuple(current.profile.types.get(name, ()))
    return Column(name, kind_of(bins), bins, reference.profile.columns[name], current.profile.columns[name], types)


class Limit(MetricTest):  # type: ignore[misc]
    """The test of every check: a value on the wrong side of `threshold` fails, one that is not a number is an error.

    A limit of its own from which the check `fails` may lie before the threshold: what is between is a small shift, and
    so is all that a `minor` check finds.
    Where the window was assessed as a whole, `status` is what that says of this check, and `evidence` why: the limits
    then tell only how large it is.

    `side` is `at_least`, `at_most`, `less_than` or the name of a drift method, which knows its own direction.
    """

    side: str
    threshold: float
    severe: float | None = None
    fails: float | None = None
    minor: bool = False
    status: str | None = None
    evidence: dict[str, float | None] | None = None

    def to_test(self) -> MetricTestProto:
        """The function that Evidently calls with the metric and its value."""
        return self._judge

    def _judge(self, _context: Context, calculation: Any, result: SingleValue) -> MetricTestResult:
        sizes = {"large": self._beyond(result.value, self.threshold), "severe": self._beyond(result.value, self.severe)}
        if self._is_found and not math.isfinite(result.value):
            sizes["large"] = True  # not knowing the size of a finding must not soften it
        return MetricTestResult(
            id=calculation.metric.check,
            name=calculation.display_name(),
            description=f"{result.value:.4g}, {self.side} {self.threshold:.4g} {calculation.detail}".strip(),
            status=self._status(result.value),
            metric_config=calculation.to_metric_config(),
            test_config={
                "threshold": self.threshold,
                **sizes,
                "detail": calculation.detail,
                "evidence": self.evidence,
            },
        )

    def _beyond(self, value: float, limit: float | None) -> bool:
        return not self.minor and limit is not None and breached(self.side, value, limit)

    @property
    def _is_found(self) -> bool:
        return self.status in (Status.FAILED.value, Status.SUSPECT.value)

    def _status(self, value: float) -> TestStatus:
        if self._is_found:  # by evidence of its own: a score that could not be computed does not undo it
            return ASSESSED[Status(self.status or "")]
        if not math.isfinite(value) or not math.isfinite(self.threshold):
            return TestStatus.ERROR
        if self.status is not None:
            return ASSESSED[Status(self.status)]
        limit = self.threshold if self.fails is None else self.fails
        return TestStatus.FAIL if breached(self.side, value, limit) else TestStatus.SUCCESS


def breached(side: str, value: float, limit: float) -> bool:
    """Whether a finite `value` lies on the wrong side of `limit`; False for one that is not finite."""
    if not math.isfinite(value):
        return False
    return _BREACHES[side](value, limit) if side in _BREACHES else method(side).breached(value, limit)


class ProfileCheck(SingleValueMetric):  # type: ignore[misc]
    """A quality check of one column, or of all rows when `column` is None."""

    check: str
    column: str | None = None


class ProfileDrift(SingleValueMetric):  # type: ignore[misc]
    """Drift score of one column, from the profiles of all rows."""

    check: str = Check.DRIFT.value
    column: str
    method: str
    debiased: bool = False


class SampleDrift(SingleValueMetric):  # type: ignore[misc]
    """Drift score of one column by a method of Evidently's own, from bounded samples of both sides' rows."""

    check: str = Check.DRIFT.value
    column: str
    method: str


class DriftedShare(SingleValueMetric):  # type: ignore[misc]
    """Share of the decided columns that drifted; `drifts` are the metric ids of their drift checks, computed before.

    A small shift, however sure, is not the drift of a column, unless `small` says that they count as well.
    """

    check: str = Check.DRIFTED_SHARE.value
    column: str | None = None
    drifts: list[str]
    small: bool = False


@dataclass(frozen=True, eq=False)
class _Sides:
    context: Context
    current: ProfileDataset
    reference: ProfileDataset


def _check(metric: Any, sides: _Sides) -> Measured:
    check, profile = Check(metric.check), sides.current.profile
    if check is Check.ROW_COUNT:
        return Measured(profile.rows)
    if not profile.rows:
        return Measured(NAN, NO_ROWS)
    if check is Check.DUPLICATE_SHARE:
        return _duplicates(profile)
    if check in sides.current.found.whole:
        return sides.current.found.whole[check]
    size = sides.current.found.sizes.get((check, metric.column))
    if size is not None:
        return Measured(size.value, size.words)
    return MEASURES[check](column_of(metric.column, sides.current, sides.reference))


def _duplicates(profile: Profile) -> Measured:
    if profile.duplicates is None:
        return Measured(NAN, "the id column is not there, or no row has an id")
    return Measured(profile.duplicates / profile.rows, f"{profile.duplicates} rows repeat an id")


def _profile_drift(metric: ProfileDrift, sides: _Sides) -> Measured:
    empty = _why_undecidable(metric.column, sides)
    if empty:
        return Measured(NAN, empty)
    score = sides.current.found.scores[metric.column]
    if math.isnan(score.value):
        return Measured(NAN, f"{metric.method} is not defined for these values")
    if metric.debiased and metric.method == "psi":
        return _debiased(score.value, metric.column, sides)
    return Measured(score.value, "" if score.bound is None else f"at most {score.bound:.4g} on the raw rows")


def _debiased(value: float, name: str, sides: _Sides) -> Measured:
    """PSI less what two samples of the same distribution show."""
    column = column_of(name, sides.current, sides.reference)
    bias = float(psi_bias([Pair(column.bins, column.reference, column.current)])[0])
    return Measured(max(value - bias, 0.0), f"{value:.3g} with the bias of small samples" if bias > 0.005 else "")


def _sample_drift(metric: SampleDrift, sides: _Sides) -> Measured:
    empty = _why_undecidable(metric.column, sides)
    if empty:
        return Measured(NAN, empty)
    samples = [side.as_dataframe().get(metric.column) for side in (sides.reference, sides.current)]
    kind = kind_of(sides.reference.binning.columns[metric.column])
    return native_score(metric.method.removeprefix(EVIDENTLY), kind, *samples)


def _why_undecidable(name: str, sides: _Sides) -> str:
    if not sides.current.profile.rows:
        return NO_ROWS
    column = column_of(name, sides.current, sides.reference)
    return why_empty(column) or ("" if values(column.reference) else "its baseline has no values")


def _drifted_share(metric: DriftedShare, sides: _Sides) -> Measured:
    tests = [test for drift in metric.drifts for test in sides.context.get_metric_result(drift).tests]
    decided = [test.status for test in tests if test.status is not TestStatus.ERROR]
    if not decided:
        return Measured(NAN, "no column could be decided" if sides.current.profile.rows else NO_ROWS)
    failed = [test for test in tests if test.status is TestStatus.FAIL]
    drifted = sum(metric.small or test.test_config["large"] for test in failed)
    undecided = f", {len(tests) - len(decided)} undecided" if len(tests) > len(decided) else ""
    return Measured(drifted / len(decided), f"{drifted} of {len(decided)} columns drifted{undecided}")


M = TypeVar("M", bound=SingleValueMetric)


class _Calculation(SingleValueCalculation[M], Generic[M], ABC):  # type: ignore[misc]
    """Calculation whose exceptions stay with their own check: Evidently would lose the whole report to one of them."""

    measure: ClassVar[staticmethod[[Any, _Sides], Measured]]
    detail = ""

    def calculate(self, context: Context, current_data: Any, reference_data: Any) -> SingleValue:
        """The value measured; NaN, with the reason as `detail`, where there is none."""
        measured = self._measured(_Sides(context, current_data, reference_data))
        self.detail = measured.detail
        result = self.result(float(measured.value))
        result.widget = []  # the suites draw one table for all columns; None would draw a counter for each check
        return result

    def _measured(self, sides: _Sides) -> Measured:
        try:
            return self.measure(self.metric, sides)
        except Exception as error:  # whatever it is, the other columns must still be judged
            logger.exception("check not computed: check=%s column=%r", self.metric.check, self.metric.column)
            return Measured(NAN, f"{type(error).__name__}: {error}"[:300])

    def display_name(self) -> str:
        """Name of the check for people."""
        words = getattr(self.metric, "method", self.metric.check.replace("_", " "))
        return f"{words} of {self.metric.column!r}" if self.metric.column else words


class ProfileCheckCalculation(_Calculation[ProfileCheck]):
    """Measures the profile."""

    measure = staticmethod(_check)


class ProfileDriftCalculation(_Calculation[ProfileDrift]):
    """Reads the score, which was computed for all columns at once."""

    measure = staticmethod(_profile_drift)


class SampleDriftCalculation(_Calculation[SampleDrift]):
    """Runs Evidently's method on the samples."""

    measure = staticmethod(_sample_drift)


class DriftedShareCalculation(_Calculation[DriftedShare]):
    """Counts the outcomes of the drift checks."""

    measure = staticmethod(_drifted_share)
