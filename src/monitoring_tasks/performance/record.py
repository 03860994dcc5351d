"""What is known of a window's performance at a moment: one version in the ledger."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any, Self

from monitoring_tasks.performance_section import metric_name
from monitoring_tasks.window import Window, parse_moment, stamp

OF_CLASS = "class "
"""How the segment of a figure begins that is of one class (multiclass), such as `class cat`."""


@dataclass(frozen=True)
class Maturity:
    """How complete a window's labels are.

    `predictions` counts ids once, `repeated` the rows left out because their id came before in the window, `labelled`
    those whose label is known, `unpredicted` those that bear no usable prediction; `final` those whose label delay has
    passed: what has not come by then is not waited for.
    """

    predictions: int
    labelled: int
    final: int
    repeated: int = 0
    unpredicted: int = 0

    @property
    def coverage(self) -> float | None:
        """Share of the predictions whose label is known; None without predictions."""
        return self.labelled / self.predictions if self.predictions else None

    @property
    def maturity(self) -> float | None:
        """Share of the predictions whose label is final; None without predictions."""
        return self.final / self.predictions if self.predictions else None


@dataclass(frozen=True)
class Interval:
    """A value with the limits between which it lies with the monitor's confidence; None: undefined, or not known."""

    value: float | None
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        for name in ("value", "low", "high"):
            number = getattr(self, name)
            if number is not None:
                object.__setattr__(self, name, float(number) if math.isfinite(number) else None)


@dataclass(frozen=True)
class Against:
    """A metric beside a baseline: `drop` is by how much it is worse, in the unit of `limit`.

    `relative` says that both are shares of the baseline's figure. `p_value` is the chance of such a drop in an ordinary
    window, `adjusted` the same after the correction over all tests of the window.
    """

    baseline: float | None
    drop: float | None
    limit: float
    relative: bool
    p_value: float | None = None
    adjusted: float | None = None
    status: str = "undecided"


@dataclass(frozen=True)
class Estimated:
    """What scores alone let expect of a metric before its labels are known; `refused` says why that is not believed."""

    interval: Interval
    refused: str = ""


@dataclass(frozen=True)
class Figure:
    """One metric of one window, or of one of its segments (`segment` in words such as `carrier=UA`, else empty).

    `corrected` weighs early labels by how late such labels come; None where nothing was to be corrected or the delay is
    not known. `reason` says in words why a metric is undefined, `alert_rate` which share of the rows is alerted: None
    for a metric of all rows.
    """

    metric: str
    segment: str
    rows: int
    raw: Interval
    corrected: Interval | None = None
    estimated: Estimated | None = None
    against: Mapping[str, Against] = field(default_factory=dict)
    reason: str = ""
    alert_rate: float | None = None

    @property
    def name(self) -> str:
        """The metric as people are told it."""
        return metric_name(self.metric, self.alert_rate)

    def to_json(self) -> dict[str, Any]:
        """The figure as plain JSON values; without a rate where it has none."""
        plain = asdict(self)
        return plain if self.alert_rate is not None else {name: plain[name] for name in plain if name != "alert_rate"}

    @property
    def best(self) -> Interval:
        """The figure that counts: the corrected one where there is one."""
        return self.corrected or self.raw


@dataclass(frozen=True)
class Operating:
    """How the service did: milliseconds at three quantiles, predictions an hour, share of predictions that failed."""

    latency_p50: float | None = None
    latency_p95: float | None = None
    latency_p99: float | None = None
    hourly_volume: float | None = None
    error_share: float | None = None


@dataclass(frozen=True)
class Restatement:
    """A window's performance as known at a moment. The same logs, moment and configuration give the same bytes."""

    monitor: str
    champion: str
    window: Window
    config_hash: str
    known_at: datetime
    maturity: Maturity
    figures: tuple[Figure, ...]
    operating: Operating = Operating()
    notes: tuple[str, ...] = ()

    def figure(self, metric: str, segment: str = "") -> Figure | None:
        """The figure of a metric over the whole window, or in a segment."""
        return next((each for each in self.figures if (each.metric, each.segment) == (metric, segment)), None)

    def to_json(self) -> dict[str, Any]:
        """The restatement as plain JSON values."""
        plain = {each.name: getattr(self, each.name) for each in fields(self)}
        parts = {"maturity": asdict(self.maturity), "operating": asdict(self.operating), "notes": list(self.notes)}
        moments = {"window": self.window.to_json(), "known_at": stamp(self.known_at)}
        return {**plain, **parts, **moments, "figures": [figure.to_json() for figure in self.figures]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`."""
        return cls(
            **{
                **value,
                "window": Window.from_json(value["window"]),
                "known_at": parse_moment(value["known_at"]),
                "maturity": Maturity(**value["maturity"]),
                "operating": Operating(**value["operating"]),
                "notes": tuple(value["notes"]),
                "figures": tuple(map(_figure, value["figures"])),
            }
        )

    def dumps(self) -> bytes:
        """Canonical JSON: the same restatement always gives the same bytes."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode()


def _figure(value: Mapping[str, Any]) -> Figure:
    estimated, corrected = value["estimated"], value["corrected"]
    return Figure(
        **{
            **value,
            "raw": Interval(**value["raw"]),
            "corrected": None if corrected is None else Interval(**corrected),
            "estimated": None
            if estimated is None
            else Estimated(Interval(**estimated["interval"]), estimated["refused"]),
            "against": {name: Against(**each) for name, each in value["against"].items()},
        }
    )
