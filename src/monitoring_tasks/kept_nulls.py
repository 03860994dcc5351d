"""What is ordinary for windows of a monitor, learnt once and kept among the artifacts, and what a finding must show."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

import numpy as np

from monitoring_tasks.alarms_section import TrainingBaseline
from monitoring_tasks.calibration.assess import TestKey, shares_of_tests
from monitoring_tasks.calibration.calibrate import Calibration, calibrate
from monitoring_tasks.calibration.correction import Levels, levels
from monitoring_tasks.calibration.domain import JointNull, joint_null
from monitoring_tasks.checks import Check
from monitoring_tasks.features_section import Feature
from monitoring_tasks.methods import Kind
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.profile.reference import ReferenceProfile, reference_key
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.window import Window, interval, last_tick

log = logging.getLogger(__name__)

N = TypeVar("N")
VERSION = 3
"""Of the stored nulls: those of another one are made anew."""


def load_calibration(monitor: Monitor, runtime: Runtime, reference: ReferenceProfile, width: timedelta) -> Calibration:
    """The calibration of a reference for windows of `width`, from the artifacts or made now."""
    baselines = {name: monitor.baseline(name) for name in reference.binning.columns}
    facts = {name: baseline.model_dump(mode="json") for name, baseline in baselines.items()}
    levels = monitor.alarms.levels
    key = _key(monitor, reference, "calibration", [width.total_seconds(), facts, levels])
    stored = _stored(runtime, key, Calibration.from_json)
    if stored is not None:
        return stored
    made = calibrate(reference, width, baselines, levels)
    runtime.artifacts.write(key, _dumps(made.to_json()))
    log.info("calibration.made monitor=%s width=%s windows=%d", monitor.name, width, made.windows)
    return made


def load_joint(monitor: Monitor, runtime: Runtime, reference: ReferenceProfile, width: timedelta) -> JointNull:
    """The null of the joint test for windows of `width`, from the artifacts or made now (some seconds).

    The log says once, when it is made, that it lacks what a test would take.
    """
    kinds = joint_kinds(monitor, reference)
    key = _key(monitor, reference, "joint", [width.total_seconds(), kinds])
    stored = _stored(runtime, key, JointNull.from_json)
    if stored is not None:
        return stored
    made = joint_null(reference.sample, kinds, timestamp=monitor.timestamp, width=width)
    runtime.artifacts.write(key, _dumps(made.to_json()))
    if made.lacks:
        log.warning("joint.untested monitor=%s width=%s reference_lacks=%s", monitor.name, width, made.lacks)
    return made


def _stored(runtime: Runtime, key: str, load: Callable[[Mapping[str, Any]], N]) -> N | None:
    """A null that was kept; None where there is none, or what there is cannot be read: it can be made again."""
    content = runtime.artifacts.read(key)
    if content is None:
        return None
    try:
        return load(json.loads(content))
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        log.warning("null.unreadable key=%s reason=%s: %s", key, type(error).__name__, error)
        return None


def _key(monitor: Monitor, reference: ReferenceProfile, name: str, facts: Any) -> str:
    folder = f"references/{monitor.name}/{reference_key(monitor, reference.content_hash)}"
    return f"{folder}/{name}-{hashlib.sha256(_dumps([VERSION, facts])).hexdigest()[:16]}.json"


def _dumps(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def joint_kinds(monitor: Monitor, reference: ReferenceProfile) -> dict[str, Kind]:
    """The columns that the joint test looks at: those compared with the training reference, whose sample there is."""
    return {
        name: kind for name, kind in reference.kinds.items() if isinstance(monitor.baseline(name), TrainingBaseline)
    }


def every(monitor: Monitor, window: Window) -> timedelta:
    """Time between two windows of the monitor's schedule, at the end of `window`."""
    return interval(monitor.schedule, last_tick(monitor.schedule, window.end))


def spent(monitor: Monitor, calibration: Calibration, window: Window, *, segments: int = 0) -> Levels:
    """The levels at which windows like `window` spend the monitor's budget, with so many tests of segments."""
    rule = monitor.policy.persistence
    return levels(
        monitor.alarms.budget,
        every(monitor, window),
        persistence=(rule.windows, rule.of),
        shares=shares_of_tests(len(calibration.columns), segments, len(calibration.levels)),
        correlations=np.array(
            [null.distance.correlation for null in calibration.columns.values()]
            + [null.correlation for null in calibration.levels.values()]
        ),
    )


def own_floors(monitor: Monitor) -> dict[TestKey, float]:
    """Floors of single tests: a limit that the monitor gives for one column is also the least that matters in it."""
    own = {name: feature for name, feature in monitor.features.items() if feature != Feature()}
    limits = [
        ((check, name), limit)
        for name, feature in own.items()
        for check, limit in ((Check.MISSING_SHARE, feature.missing), (Check.UNSEEN_SHARE, feature.unseen))
    ]
    return {key: limit for key, limit in limits if limit is not None}
