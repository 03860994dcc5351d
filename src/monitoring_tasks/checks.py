"""Check results: what a suite found for one column, and the words it is told in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self


class Suite(StrEnum):
    """A group of checks."""

    DATA_QUALITY = "data_quality"
    DATA_DRIFT = "data_drift"
    PREDICTION_DRIFT = "prediction_drift"
    PERFORMANCE = "performance"


class Check(StrEnum):
    """One Evidently metric with one test."""

    ROW_COUNT = "row_count"
    COLUMN_PRESENT = "column_present"
    COLUMN_TYPE = "column_type"
    MISSING_SHARE = "missing_share"
    OUT_OF_RANGE_SHARE = "out_of_range_share"
    UNSEEN_SHARE = "unseen_share"
    CONSTANT = "constant"
    DUPLICATE_SHARE = "duplicate_share"
    DRIFT = "drift"
    DRIFTED_SHARE = "drifted_share"
    JOINT = "joint"
    LEVEL = "level"
    TIME_GAP = "time_gap"
    CHAMPION_DROP = "champion_drop"
    TRAILING_DROP = "trailing_drop"
    COVERAGE = "coverage"


class Status(StrEnum):
    """Outcome of one check.

    `suspect` is evidence that is too weak for one window: it counts when it persists. `undecided` is not a pass: there
    was too little to judge by.
    """

    PASSED = "passed"
    SUSPECT = "suspect"
    FAILED = "failed"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Evidence:
    """How sure a check is, and of how much.

    `p_value` is the chance that an ordinary window shows as much, `adjusted` the same after the Benjamini-Hochberg
    correction over all tests of the window. `effect` is how large the change is, in the unit of `floor`: the least one
    that is worth an alarm. None where it could not be computed.
    """

    p_value: float | None = None
    adjusted: float | None = None
    effect: float | None = None
    floor: float | None = None

    def __post_init__(self) -> None:
        for name in ("p_value", "adjusted", "effect", "floor"):
            number = getattr(self, name)
            if number is not None and not math.isfinite(number):
                object.__setattr__(self, name, None)


@dataclass(frozen=True)
class Measured:
    """A measured value and what there is to say about it; NaN means that it could not be measured, and why."""

    value: float
    detail: str = ""


@dataclass(frozen=True)
class CheckResult:
    """Outcome of one check on one column of one window.

    `value` and `threshold` are finite or None; None means it could not be computed, and then `status` is not passed.
    `large` says that the value lies beyond its threshold, `severe` beyond the severe limit as well: the size of what
    was found. Whether it is a finding at all says `status`, for which `evidence` gives the reason where there is one.
    `reference` and `current` are small summaries for people (mean, missing share, top categories). `detail` says in
    words why a check is undecided, `season` which season explains a shift, `cause` what probably went wrong. `column`
    is the metric of a check of performance. `segment` says of which rows it is, in words such as `carrier=UA`; empty
    where it is of all.
    """

    suite: Suite
    check: Check
    status: Status
    column: str | None = None
    method: str | None = None
    value: float | None = None
    threshold: float | None = None
    large: bool = False
    severe: bool = False
    detail: str = ""
    reference: Mapping[str, Any] = field(default_factory=dict)
    current: Mapping[str, Any] = field(default_factory=dict)
    evidence: Evidence | None = None
    season: str = ""
    cause: str = ""
    segment: str = ""

    def __post_init__(self) -> None:
        for name in ("value", "threshold"):
            number = getattr(self, name)
            if number is not None:
                # A NumPy number is a float to Python, but not to a database or to JSON.
                object.__setattr__(self, name, float(number) if math.isfinite(number) else None)
        for name in ("large", "severe"):
            object.__setattr__(self, name, bool(getattr(self, name)))
        if self.value is None and self.status is Status.PASSED:
            object.__setattr__(self, "status", Status.UNDECIDED)

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What identifies the check across windows: suite, check, column, segment."""
        return (self.suite, self.check, self.column or "", self.segment)

    def to_json(self) -> dict[str, Any]:
        """The result as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`.

        >>> result = CheckResult(Suite.DATA_DRIFT, Check.DRIFT, Status.FAILED, "temp", "psi", 8.4, 0.2, severe=True)
        >>> CheckResult.from_json(result.to_json()) == result
        True
        """
        words = {"suite": Suite(value["suite"]), "check": Check(value["check"]), "status": Status(value["status"])}
        evidence = value.get("evidence")
        return cls(**{**value, **words, "evidence": None if evidence is None else Evidence(**evidence)})
