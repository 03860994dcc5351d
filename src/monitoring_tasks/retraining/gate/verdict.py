"""What the gate found: comparisons, guardrails, and the decision with its reasons, as canonical JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from monitoring_tasks.performance_section import metric_name

Decision = Literal["promote", "reject", "inconclusive"]


@dataclass(frozen=True)
class Comparison:
    """One metric of both sides on the same rows; `difference` is positive where the challenger is better, losses too.

    `low` and `high` bound the difference at the gate's confidence. `method` says what drew once: "day blocks", "rows",
    or "delong" (AUC of independent rows). `days` counts distinct days, None where rows carry none. A figure that the
    rows cannot give is None: AUC without both classes, an interval from too few blocks. `alert_rate` is the share
    of the rows that is alerted, None for a metric of all rows.
    """

    metric: str
    champion: float | None
    challenger: float | None
    difference: float | None
    low: float | None
    high: float | None
    standard_error: float | None
    degrees: float | None
    method: str
    rows: int
    days: int | None
    alert_rate: float | None = None

    @property
    def name(self) -> str:
        """The metric as people are told it."""
        return metric_name(self.metric, self.alert_rate)


@dataclass(frozen=True)
class SegmentComparison:
    """The deciding metric within one value of a segment column; None is the value of rows that lack one.

    `p` is one-sided: how surprising so bad a difference would be, were the challenger worse by no more than the
    tolerance; `adjusted` is Holm's over all segments. `worse` says whether the latter is below 1 - confidence.
    """

    column: str
    value: str | None
    comparison: Comparison
    p: float
    adjusted: float
    worse: bool


@dataclass(frozen=True)
class Guardrail:
    """A condition no challenger may break, however good its metric; `held` is None where that cannot be told."""

    name: str
    held: bool | None
    detail: str
    value: float | None = None
    limit: float | None = None


@dataclass(frozen=True)
class GateVerdict:
    """The gate's decision with all of its evidence; `reasons` are sentences for people.

    `counts` holds rows, days, and of a binary model positives and negatives (None where unknown). `needed_rows` is
    about how many more labelled rows an inconclusive gate needs to see the difference; 0 says that more rows are not
    what is missing, None that it cannot be said. `thresholds` is the gate's configuration in force.
    """

    decision: Decision
    reasons: tuple[str, ...]
    primary: Comparison
    others: tuple[Comparison, ...] = ()
    segments: tuple[SegmentComparison, ...] = ()
    guardrails: tuple[Guardrail, ...] = ()
    counts: Mapping[str, int | None] = field(default_factory=dict)
    needed_rows: int | None = None
    thresholds: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The verdict as plain JSON values."""
        return {**asdict(self), **{name: list(asdict(self)[name]) for name in _LISTS}}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`; further keys are ignored."""
        return cls(
            value["decision"],
            tuple(value["reasons"]),
            Comparison(**value["primary"]),
            tuple(Comparison(**each) for each in value["others"]),
            tuple(
                SegmentComparison(**{**each, "comparison": Comparison(**each["comparison"])})
                for each in value["segments"]
            ),
            tuple(Guardrail(**each) for each in value["guardrails"]),
            value["counts"],
            value["needed_rows"],
            value["thresholds"],
        )

    def dumps(self) -> bytes:
        """Canonical JSON: the same verdict always gives the same bytes. Raises `ValueError` on NaN or infinity."""
        # ASCII, because a segment's value may hold a lone surrogate, which UTF-8 cannot.
        return json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


_LISTS = ("reasons", "others", "segments", "guardrails")
