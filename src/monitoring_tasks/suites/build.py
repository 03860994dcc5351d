"""Monitor to Evidently metrics: which checks each suite holds, and their limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from monitoring_tasks.checks import Check, Suite
from monitoring_tasks.methods import EVIDENTLY
from monitoring_tasks.monitor import ColumnLimits, Feature, Monitor
from monitoring_tasks.suites.columns import Column, is_constant, reference_share
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

Limits = Mapping[str, ColumnLimits]
"""Drift limits by column, in the order of the report."""


def suite_metrics(monitor: Monitor, columns: Mapping[str, Column], limits: Limits) -> dict[Suite, list[Any]]:
    """The metrics of every suite, each with its test.

    `columns` hold what the reference knows of every monitored column, the prediction among them.
    """
    drifts = {name: _drift(name, limit) for name, limit in limits.items()}
    prediction = [drifts.pop(monitor.prediction)]
    return {
        Suite.DATA_QUALITY: list(_quality(monitor, columns)),
        Suite.DATA_DRIFT: [*drifts.values(), *_drifted_share(monitor, list(drifts.values()))],
        Suite.PREDICTION_DRIFT: prediction,
    }


def _drift(name: str, limits: ColumnLimits) -> Any:
    metric = SampleDrift if limits.method.startswith(EVIDENTLY) else ProfileDrift
    test = Limit(side=limits.method, threshold=limits.threshold, severe=limits.severe)
    return metric(column=name, method=limits.method, tests=[test])


def _drifted_share(monitor: Monitor, drifts: list[Any]) -> list[Any]:
    if not drifts:
        return []
    test = Limit(side=LESS_THAN, threshold=monitor.drift.share)
    return [DriftedShare(drifts=[drift.metric_id for drift in drifts], tests=[test])]


def _quality(monitor: Monitor, columns: Mapping[str, Column]) -> Iterator[Any]:
    yield _check(Check.ROW_COUNT, Limit(side=AT_LEAST, threshold=monitor.minimum_rows))
    if monitor.id:
        yield _check(Check.DUPLICATE_SHARE, _at_most(monitor.quality.duplicates))
    for column in columns.values():
        for check, threshold in _column_checks(monitor, column):
            yield _check(check, _at_most(threshold), column.name)


def _check(check: Check, test: Limit, column: str | None = None) -> ProfileCheck:
    return ProfileCheck(check=check.value, column=column, tests=[test])


def _at_most(threshold: float) -> Limit:
    return Limit(side=AT_MOST, threshold=threshold)


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
    watched = quality.constant if feature.constant is None else feature.constant
    if watched and not is_constant(column.reference):
        yield Check.CONSTANT, 0.0


def _above_reference(check: Check, column: Column, own: float | None, default: float) -> float:
    return min(reference_share(check, column) + (default if own is None else own), 1.0)
