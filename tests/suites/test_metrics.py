"""The metrics as Evidently sees them: tests, statuses, and the internals they stand on."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from evidently import Report
from evidently.core.datasets import PandasDataset
from evidently.core.metric_types import MetricTestResult, SingleValueCalculation, SingleValueMetric
from evidently.legacy.tests.base_test import TestStatus as EvidentlyStatus

from monitoring_tasks.checks import Check, Status, Suite
from monitoring_tasks.profile.binning import Binning
from monitoring_tasks.profile.profile import empty
from monitoring_tasks.suites.metrics import (
    AT_LEAST,
    AT_MOST,
    LESS_THAN,
    Limit,
    ProfileCheck,
    ProfileDataset,
    breached,
    definition,
)
from monitoring_tasks.suites.results import STATUSES, check_results


def dataset() -> ProfileDataset:
    """A side without rows and columns."""
    bins = Binning({})
    return ProfileDataset(empty(bins), bins, {}, frame=pd.DataFrame(), definition=definition([], []))


@pytest.mark.parametrize(
    ("side", "value", "expected"),
    [
        (AT_LEAST, 4.9, True),
        (AT_LEAST, 5.0, False),
        (AT_MOST, 5.0, False),
        (AT_MOST, 5.1, True),
        (LESS_THAN, 4.9, False),
        (LESS_THAN, 5.0, True),
        ("psi", 5.0, False),
        ("psi", 5.1, True),
        ("ks_p_value", 5.0, False),
        ("ks_p_value", 4.9, True),
        ("evidently:ks", 4.9, True),
        ("evidently:psi", 5.1, True),
        ("psi", math.nan, False),
    ],
)
def test_breached(side: str, value: float, expected: bool) -> None:
    """Each side of a limit of 5, at it and beyond it."""
    assert breached(side, value, 5.0) is expected


def test_no_share_is_below_nothing() -> None:
    """A limit of 0 drifted columns means any one of them: none is not a failure."""
    assert not breached(LESS_THAN, 0.0, 0.0)
    assert breached(LESS_THAN, 0.1, 0.0)


@pytest.mark.parametrize(
    ("threshold", "status"),
    [(0.0, EvidentlyStatus.SUCCESS), (1.0, EvidentlyStatus.FAIL), (math.nan, EvidentlyStatus.ERROR)],
)
def test_limit_in_a_report(threshold: float, status: EvidentlyStatus) -> None:
    """Evidently runs our test and keeps its status, threshold and words; an unknown limit is an error."""
    metric = ProfileCheck(check=Check.ROW_COUNT.value, tests=[Limit(side=AT_LEAST, threshold=threshold)])
    snapshot = Report([metric]).run(dataset(), dataset())
    (test,) = snapshot.tests_results
    assert test.status is status
    assert set(test.test_config) == {"threshold", "large", "severe", "detail", "evidence"}
    (result,) = check_results(Suite.DATA_QUALITY, snapshot)
    assert (result.status, result.value) == (STATUSES[status], 0.0)


def test_value_that_is_no_number_is_an_error() -> None:
    """Where Evidently's own tests say FAIL or SUCCESS to NaN, ours say that it is unknown."""
    metric = ProfileCheck(check=Check.DUPLICATE_SHARE.value, tests=[Limit(side=AT_MOST, threshold=0.0)])
    snapshot = Report([metric]).run(dataset(), dataset())
    (result,) = check_results(Suite.DATA_QUALITY, snapshot)
    assert (result.status, result.value, result.detail) == (Status.UNDECIDED, None, "no rows")


def test_every_status_is_mapped() -> None:
    """Whatever Evidently says becomes a status of ours, and only its success is a pass."""
    assert set(STATUSES) == set(EvidentlyStatus)
    assert [status for status, ours in STATUSES.items() if ours is Status.PASSED] == [EvidentlyStatus.SUCCESS]


def test_internals_are_as_known() -> None:
    """What is used of Evidently beyond its promise: signatures, fields and hooks of the pinned version."""

    class Bare(SingleValueMetric):  # type: ignore[misc]
        pass

    class BareCalculation(SingleValueCalculation[Bare]):  # type: ignore[misc]
        def calculate(self, context: Any, current_data: Any, reference_data: Any) -> Any:
            assert isinstance(current_data, PandasDataset)
            return self.result(0.5)

        def display_name(self) -> str:
            return "bare"

    snapshot = Report([Bare()]).run(dataset(), dataset(), name="n", timestamp=pd.Timestamp(0).to_pydatetime())
    (metric,) = snapshot.metric_results.values()
    assert metric.value == 0.5
    assert metric.get_metric_value_location().metric.params["type"].endswith(":Bare")
    model = snapshot.to_snapshot_model()
    assert (model.name, len(model.widgets)) == ("n", 1)
    assert {"status", "test_config", "metric_config"} <= set(MetricTestResult.__fields__)


@pytest.mark.parametrize(
    ("said", "status", "large"),
    [
        ("failed", EvidentlyStatus.FAIL, True),
        ("suspect", EvidentlyStatus.WARNING, True),
        ("passed", EvidentlyStatus.ERROR, False),
        (None, EvidentlyStatus.ERROR, False),
    ],
)
def test_a_finding_stands_whose_size_cannot_be_computed(said: str | None, status: EvidentlyStatus, large: bool) -> None:
    """Evidence of its own is not undone by a score that is not a number, and counts as large: how large, none knows."""
    metric = ProfileCheck(check=Check.DUPLICATE_SHARE.value, tests=[Limit(side=AT_MOST, threshold=0.1, status=said)])
    current = dataset()
    current.profile = replace(current.profile, rows=5)
    (test,) = Report([metric]).run(current, dataset()).tests_results
    assert (test.status, test.test_config["large"]) == (status, large)
