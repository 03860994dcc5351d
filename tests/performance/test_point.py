"""One metric on some rows, with its variance by chance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monitoring_tasks.performance.metrics import METRICS
from monitoring_tasks.performance.point import Asked, point
from tests.performance.simulated import drawn

ASKED = Asked("binary", ("accuracy", "auc"))


def test_the_variance_of_a_mean_is_that_of_the_textbook() -> None:
    """p (1 - p) / (n - 1), with n - 1 degrees of freedom at most."""
    rows = drawn(1, days=1, rows=400)
    found = point(METRICS["binary", "accuracy"], rows, ASKED)
    assert found.chance == pytest.approx(found.value * (1 - found.value) / 399)
    assert found.freedom <= 399


@pytest.mark.parametrize("name", ["auc", "log_loss", "predicted_minus_actual", "accuracy", "f1"])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_variance_is_that_of_the_jackknife(name: str, weighted: bool) -> None:
    """Each row left out in turn, by brute force: to first order."""
    rows = drawn(2, days=1, rows=150)
    weights = np.random.default_rng(1).uniform(0.5, 5, 150) if weighted else np.ones(150)
    metric = METRICS["binary", name]
    found = point(metric, rows, ASKED, weights)
    left = [point(metric, rows.take(np.arange(150) != at), ASKED, np.delete(weights, at)).value for at in range(150)]
    away = np.array(left) - found.value
    assert found.chance == pytest.approx(149 / 150 * float(away @ away), rel=0.1)


def test_few_rows_of_great_weight_leave_few_degrees_of_freedom() -> None:
    """A variance that rests on ten rows is not known as one that rests on a thousand is."""
    rows = drawn(3, days=1, rows=1000)
    heavy = np.where(np.arange(1000) < 10, 500.0, 1.0)
    even, uneven = (point(METRICS["binary", "log_loss"], rows, ASKED, each).freedom for each in (np.ones(1000), heavy))
    assert uneven < 30 < even


def test_rows_of_no_weight_do_not_count() -> None:
    """As if they were not there; nor do rows without a label."""
    rows = drawn(4, days=1, rows=300)
    weights = np.where(np.arange(300) < 200, 1.0, 0.0)
    metric = METRICS["binary", "auc"]
    assert point(metric, rows, ASKED, weights) == point(metric, rows.take(np.arange(200)), ASKED)
    hidden = replace(rows, label=np.where(np.arange(300) < 200, rows.label, np.nan))
    assert point(metric, hidden, ASKED) == point(metric, rows.take(np.arange(200)), ASKED)


def test_less_than_two_rows_are_undefined() -> None:
    """With the number of them as the reason."""
    for count in (0, 1):
        found = point(METRICS["binary", "accuracy"], drawn(5, days=1, rows=9).take(np.arange(count)), ASKED)
        assert not found.known
        assert found.reason == f"{count} labelled rows, fewer than 2"
