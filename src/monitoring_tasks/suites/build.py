"""Monitor to Evidently metrics: which checks each suite holds, and their limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from monitoring_tasks.calibration.assess import Assessed, Assessment, TestKey
from monitoring_tasks.checks import Check, Suite
from monitoring_tasks.features_section import Feature
from monitoring_tasks.methods import EVIDENTLY
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.profile.profile import is_constant
from monitoring_tasks.rules import ColumnLimits
from monitoring_tasks.suites.columns import Column, reference_share
from monitoring_tasks.suites.metrics import (
    AT_LEAST,
    AT_MOST,
    LESS_THAN,
    DriftedShare,
    Limit,
    ProfileCheck,
    ProfileDrift,
    SampleDrift,
)

JOINT, TIME_GAP = (Check.JOINT, None), (Check.TIME_GAP, None)
JOINT_LARGE = 0.7
"""AUC beyond which a joint change is a large one."""
Limits = Mapping[str, ColumnLimits]
"""Drift limits by column, in the order of the report."""


def suite_metrics(
    monitor: Monitor, columns: Mapping[str, Column], limits: Limits, judged: Assessment
) -> dict[Suite, list[Any]]:
    """The metrics of every suite, each with its test.

    `columns` hold what the reference knows of every monitored column, the prediction among them. `judged` is what an
    assessment of the whole window says of its checks; those it does not know are judged by their limits.
    """
    assessed = judged.tests
    tested = {name for name in limits if name == monitor.prediction or _is_tested(name, assessed)}
    drifts = {name: _drift(name, limit, assessed) for name, limit in limits.items() if name in tested}
    prediction = [drifts.pop(monitor.prediction)]
    levels = dict(_levels(judged))
    own = [levels.pop(monitor.prediction)] if monitor.prediction in levels else []
    joint = [_check(Check.JOINT, _limit(Check.JOINT, None, JOINT_LARGE, assessed))] if JOINT in assessed else []
    return {
        Suite.DATA_QUALITY: list(_quality(monitor, columns, assessed)),
        Suite.DATA_DRIFT: [
            *drifts.values(),
            *_drifted_share(monitor, limits, list(drifts.values())),
            *joint,
            *levels.values(),
        ],
        Suite.PREDICTION_DRIFT: [*prediction, *own],
    }


def _levels(judged: Assessment) -> Iterator[tuple[str, Any]]:
    """The check of each column whose level was tested."""
    for (check, column), size in sorted(judged.sizes.items()):
        yield str(column), _check(check, _limit(check, column, size.limit, judged.tests), column)


def _is_tested(name: str, assessed: Mapping[TestKey, Assessed]) -> bool:
    """Whether a column's drift is a check: not where its other tests were made, and this one cannot be."""
    return (Check.DRIFT, name) in assessed or (Check.MISSING_SHARE, name) not in assessed


def _drift(name: str, limits: ColumnLimits, assessed: Mapping[TestKey, Assessed]) -> Any:
    said = _said((Check.DRIFT, name), assessed)
    sizes = {"threshold": limits.threshold, "severe": limits.severe, "fails": limits.fails, "minor": limits.minor}
    test = Limit(side=limits.method, **sizes, **said)
    if limits.method.startswith(EVIDENTLY):
        return SampleDrift(column=name, method=limits.method, tests=[test])
    return ProfileDrift(column=name, method=limits.method, debiased=bool(said), tests=[test])


def _said(key: TestKey, assessed: Mapping[TestKey, Assessed]) -> dict[str, Any]:
    if key not in assessed:
        return {}
    return {"status": assessed[key].status.value, "evidence": asdict(assessed[key].evidence)}


def _limit(check: Check, column: str | None, threshold: float, assessed: Mapping[TestKey, Assessed]) -> Limit:
    return Limit(side=AT_MOST, threshold=threshold, **_said((check, column), assessed))


def _drifted_share(monitor: Monitor, limits: Limits, drifts: list[Any]) -> list[Any]:
    if not drifts:
        return []
    test = Limit(side=LESS_THAN, threshold=monitor.drift.share)
    small = any(limit.minor for limit in limits.values())
    return [DriftedShare(drifts=[drift.metric_id for drift in drifts], small=small, tests=[test])]


def _quality(monitor: Monitor, columns: Mapping[str, Column], assessed: Mapping[TestKey, Assessed]) -> Iterator[Any]:
    yield _check(Check.ROW_COUNT, Limit(side=AT_LEAST, threshold=monitor.minimum_rows))
    if monitor.id:
        yield _check(Check.DUPLICATE_SHARE, _limit(Check.DUPLICATE_SHARE, None, monitor.quality.duplicates, assessed))
    if TIME_GAP in assessed:
        yield _check(Check.TIME_GAP, _limit(Check.TIME_GAP, None, 0.0, assessed))
    for column in columns.values():
        for check, threshold in _column_checks(monitor, column):
            yield _check(check, _limit(check, column.name, threshold, assessed), column.name)


def _check(check: Check, test: Limit, column: str | None = None) -> ProfileCheck:
    return ProfileCheck(check=check.value, column=column, tests=[test])


def _column_checks(monitor: Monitor, column: Column) -> Iterator[tuple[Check, float]]:
    """The checks of one column with the largest share that passes."""
    quality, feature = monitor.quality, monitor.features.get(column.name, Feature())
    yield Check.COLUMN_PRESENT, 0.0
    yield Check.COLUMN_TYPE, 0.0
    yield Check.MISSING_SHARE, _above_reference(Check.MISSING_SHARE, column, feature.missing, quality.missing)
    if column.kind == "numeric":
        yield Check.OUT_OF_RANGE_SHARE, quality.out_of_range
    else:
        yield Check.UNSEEN_SHARE, _above_reference(Check.UNSEEN_SHARE, column, feature.unseen, quality.unseen)
    if monitor.watches_constant(column.name) and not is_constant(column.reference):
        yield Check.CONSTANT, 0.0


def _above_reference(check: Check, column: Column, own: float | None, default: float) -> float:
    return min(reference_share(check, column) + (default if own is None else own), 1.0)
