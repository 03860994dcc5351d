"""Operating metrics: latency, volume and errors of the rows of a span."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.performance.operating import operating
from monitoring_tasks.performance.outcomes import NEVER, Outcomes, microseconds
from monitoring_tasks.performance.record import Operating
from monitoring_tasks.window import Window

DAY = Window(datetime(2013, 6, 4, tzinfo=UTC), datetime(2013, 6, 5, tzinfo=UTC))


def logged(hours: list[float], latency: list[float] | None = None, failed: list[bool] | None = None) -> Outcomes:
    """Predictions so many hours after the day began, each id once, none with a label or a usable score."""
    moment = np.array([microseconds(DAY.start + timedelta(hours=each)) for each in hours], dtype=np.int64)
    nothing, never = np.full(len(hours), np.nan), np.full(len(hours), NEVER)
    return Outcomes(
        moment,
        nothing,
        nothing,
        never,
        never,
        latency=None if latency is None else np.array(latency),
        failed=None if failed is None else np.array(failed),
    )


def test_a_day_of_predictions() -> None:
    """Quantiles of the latencies, predictions an hour, share of those that failed."""
    found = operating(logged([1, 2, 3], [10.0, 20, 30], [False, True, False]), DAY)
    assert found == Operating(20.0, pytest.approx(29), pytest.approx(29.8), 3 / 24, pytest.approx(1 / 3))


def test_what_is_not_logged_is_none() -> None:
    """The volume is known from the rows alone."""
    assert operating(logged([1, 2, 3]), DAY) == Operating(hourly_volume=3 / 24)


def test_a_span_without_predictions_says_nothing() -> None:
    """No 0 for a service of which nothing was logged."""
    assert operating(logged([], [], []), DAY) == Operating()


def test_only_the_span_counts() -> None:
    """Rows of the days around it, as the trailing baseline needs them, change nothing."""
    hours, latency, failed = [-1.0, 0, 23.999, 24], [1e6, 5.0, 7.0, 1e6], [True, False, False, True]
    assert operating(logged(hours, latency, failed), DAY) == operating(logged([0, 23.999], [5, 7], [False] * 2), DAY)


def test_a_repeated_id_counts_once() -> None:
    """Of several rows with one id the first in the span."""
    rows = logged([1, 2], [10.0, 90.0])
    rows.previous[1] = rows.moment[0]
    assert operating(rows, DAY) == Operating(10.0, 10.0, 10.0, 1 / 24)


@pytest.mark.parametrize("latency", [[math.nan, math.inf], [-math.inf, math.nan]])
def test_latencies_that_are_no_numbers_are_left_out(latency: list[float]) -> None:
    """Of the rest the quantiles; None where no rest is."""
    assert operating(logged([1, 2], latency), DAY) == Operating(hourly_volume=2 / 24)
    assert operating(logged([1, 2, 3], [*latency, 4.0]), DAY).latency_p99 == 4


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50), st.randoms(use_true_random=False))
def test_quantiles_are_in_order_and_do_not_depend_on_the_rows_order(latency: list[float], random: object) -> None:
    """p50 <= p95 <= p99 <= the largest."""
    found = operating(logged([1.0] * len(latency), latency), DAY)
    quantiles = (found.latency_p50, found.latency_p95, found.latency_p99)
    assert None not in quantiles
    assert sorted(quantiles) == list(quantiles)  # type: ignore[type-var]
    assert quantiles[2] <= max(latency)  # type: ignore[operator]
    random.shuffle(latency)  # type: ignore[attr-defined]
    assert operating(logged([1.0] * len(latency), latency), DAY) == found
