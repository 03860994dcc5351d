"""What every metric is in ordinary windows, of all rows and of each segment: learnt once from the reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

from monitoring_tasks.performance.outcomes import Outcomes
from monitoring_tasks.performance.point import Asked, segments_of
from monitoring_tasks.performance.spread import Spread

Key = tuple[str, str]
"""Metric and segment; an empty segment is all rows."""


@dataclass(frozen=True, eq=False)
class Ordinary:
    """The spread of every metric in windows of one width, of all rows and of each segment that the reference has."""

    spreads: Mapping[Key, Spread]

    @classmethod
    def learn(cls, reference: Outcomes, asked: Asked, width: timedelta) -> Self:
        """What the reference shows; without a metric that is undefined there, and segments of too few rows."""
        parts = [("", reference)]
        parts += [(segment, reference.take(rows)) for segment, rows in segments_of(reference, asked)]
        found = {
            (name, segment): Spread.learn(asked.metric(name), rows, asked, width)
            for segment, rows in parts
            for name in asked.metrics
        }
        return cls({key: spread for key, spread in found.items() if spread is not None})

    def spread(self, metric: str, segment: str = "") -> Spread | None:
        """The spread of a metric; of a segment that the reference does not have, None."""
        return self.spreads.get((metric, segment))

    def usual(self, metric: str, segment: str = "") -> Spread:
        """How windows vary: as those of the segment, else as all rows do, else by chance alone."""
        found = self.spread(metric, segment) or self.spread(metric)
        return Spread(float("nan"), float("nan")) if found is None else found

    def to_json(self) -> dict[str, Any]:
        """The spreads as plain JSON values."""
        every = ({"metric": metric, "segment": part, **s.to_json()} for (metric, part), s in self.spreads.items())
        return {"spreads": list(every)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`."""
        return cls({(each["metric"], each["segment"]): _spread(each) for each in value["spreads"]})


def _spread(value: Mapping[str, Any]) -> Spread:
    return Spread.from_json({name: number for name, number in value.items() if name not in ("metric", "segment")})
