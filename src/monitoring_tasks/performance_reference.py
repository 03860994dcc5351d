"""What a champion's training reference teaches about figures: what they are, how they vary, how late labels come."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Self

import numpy as np

from monitoring_tasks.champion import Pinned, pinned_rows
from monitoring_tasks.data.derived.identity import told_apart
from monitoring_tasks.data.reference_outcomes import read_reference_outcomes
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.performance.delays import DelayCurve
from monitoring_tasks.performance.estimate import Estimator, learn_estimator
from monitoring_tasks.performance.ordinary import Ordinary
from monitoring_tasks.performance.outcomes import NEVER, Outcomes, Whole
from monitoring_tasks.performance.point import Asked
from monitoring_tasks.performance_section import METRICS_OF, Performance
from monitoring_tasks.runtime import Runtime

log = logging.getLogger(__name__)
FORMAT = 1
"""Version of what is kept: another one is learnt anew."""


@dataclass(frozen=True, eq=False)
class Taught:
    """What windows of one width are judged by.

    `ordinary` is of windows as wide as the monitor's, `trailing` of those that the newest days are compared in.
    `classes` are the reference's, in the order of their numbers. `curve` and `estimator` are None where the reference
    has no label times, or no scores to calibrate.
    """

    classes: tuple[str, ...]
    ordinary: Ordinary
    trailing: Ordinary
    curve: DelayCurve | None
    estimator: Estimator | None

    def to_json(self) -> dict[str, Any]:
        """What was learnt as plain JSON values."""
        return {
            "classes": list(self.classes),
            "ordinary": self.ordinary.to_json(),
            "trailing": self.trailing.to_json(),
            "curve": None if self.curve is None else self.curve.to_json(),
            "estimator": None if self.estimator is None else self.estimator.to_json(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`."""
        curve, estimator = value["curve"], value["estimator"]
        return cls(
            tuple(value["classes"]),
            Ordinary.from_json(value["ordinary"]),
            Ordinary.from_json(value["trailing"]),
            None if curve is None else DelayCurve.from_json(curve),
            None if estimator is None else Estimator.from_json(estimator),
        )


def asked_of(monitor: Monitor) -> Asked:
    """What is measured in every window of a monitor: every metric of its task, of all rows and of each segment."""
    section = monitor.performance or Performance()
    return Asked(
        monitor.task,
        METRICS_OF[monitor.task],
        monitor.segments,
        monitor.segment_rows,
        section.minimum_rows or monitor.minimum_rows,
        section.threshold,
        section.alert_rate,
    )


def load_taught(monitor: Monitor, runtime: Runtime, pinned: Pinned, *, width: timedelta) -> Taught:
    """What the pinned champion's reference teaches about windows of `width`, from the artifacts or learnt now.

    Raises `ReferenceInvalid` when the reference lacks predictions or labels.
    """
    key = _key(monitor, pinned, width)
    kept = runtime.artifacts.read(key)
    if kept is not None:
        return Taught.from_json(json.loads(kept))
    with pinned_rows(monitor, runtime, pinned) as rows:
        taught = teach(monitor, read_reference_outcomes(monitor, rows), width)
    runtime.artifacts.write(key, json.dumps(taught.to_json(), sort_keys=True, separators=(",", ":")).encode())
    log.info("performance.learnt monitor=%s champion=%s width=%s", monitor.name, pinned.version, width)
    return taught


def teach(monitor: Monitor, reference: Outcomes, width: timedelta) -> Taught:
    """What a reference's rows teach about windows of `width`."""
    section = monitor.performance or Performance()
    # The reference is measured whatever its size: how many labels a window needs is another question.
    asked = replace(asked_of(monitor), minimum_rows=2)
    ordinary = Ordinary.learn(reference, asked, width)
    wide = max(section.trailing.span, width)
    return Taught(
        reference.classes,
        ordinary,
        ordinary if wide == width else Ordinary.learn(reference, asked, wide),
        DelayCurve.learn(_delays(reference), reference.label, monitor.task) if section.correct else None,
        learn_estimator(reference, asked, width) if section.estimate else None,
    )


def _delays(reference: Outcomes) -> Whole:
    unknown = (reference.known == NEVER) | (reference.moment == NEVER)
    return np.where(unknown, NEVER, np.where(unknown, 0, reference.known) - np.where(unknown, 0, reference.moment))


def _key(monitor: Monitor, pinned: Pinned, width: timedelta) -> str:
    """Names what was learnt by all that shapes it."""
    said = {"task", "timestamp", "prediction", "label", "labels", "segments", "segment_rows", "performance"}
    shape = [FORMAT, pinned.content_hash, width.total_seconds(), monitor.model_dump(mode="json", include=said)]
    facts = [*shape, *told_apart(monitor.derived)]
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
    return f"references/{monitor.name}/performance-{digest}.json"
