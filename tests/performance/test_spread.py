"""How much metrics of ordinary windows vary, and how many independent windows a span holds."""

from __future__ import annotations

import json
import math
from datetime import timedelta

import numpy as np
import pytest

from monitoring_tasks.performance.blocks import blocks
from monitoring_tasks.performance.metrics import METRICS
from monitoring_tasks.performance.ordinary import Ordinary
from monitoring_tasks.performance.outcomes import NEVER, days
from monitoring_tasks.performance.point import Asked, Point, point
from monitoring_tasks.performance.spread import Spread, quantile
from tests.performance.simulated import DAY, MICRO, WEEK, drawn, undated

NAMES = ("auc", "log_loss", "predicted_minus_actual", "accuracy")
ASKED = Asked("binary", NAMES)


def learnt(name: str, *, width: timedelta = DAY, **how: float) -> Spread:
    """The spread of one metric on drawn days."""
    found = Spread.learn(METRICS["binary", name], drawn(1, **how), ASKED, width)  # type: ignore[arg-type]
    assert found is not None
    return found


@pytest.mark.parametrize("width", [DAY, WEEK, timedelta(hours=6)])
def test_windows_of_a_span_are_as_wide_as_asked(width: timedelta) -> None:
    """Each holds the rows of its days or hours and no others; neighbours `apart` share none; the newest is last."""
    rows = drawn(1, days=90, rows=50)
    plan = blocks(rows.moment, width)
    assert plan is not None
    span = width // timedelta(microseconds=1)
    for start, end in zip(plan.starts, plan.ends, strict=True):
        inside = rows.moment[start:end]
        edge = inside[0] // min(span, MICRO) * min(span, MICRO)
        assert inside[-1] < edge + span
    assert (plan.starts[plan.apart :] >= plan.ends[: -plan.apart]).all()
    assert plan.ends[-1] == len(rows)
    assert plan.width == width


def test_overlapping_windows_are_worth_as_much_as_they_teach() -> None:
    """Days are worth themselves; half overlapping weeks more than weeks apart, by Monte Carlo; hours only their day."""
    rows = drawn(1, days=91, rows=4)
    assert blocks(rows.moment, DAY).worth == 91  # type: ignore[union-attr]
    assert blocks(rows.moment, timedelta(hours=6)).worth == 91  # type: ignore[union-attr]
    weeks = blocks(rows.moment, WEEK)
    assert weeks is not None
    parts = days(rows.moment[weeks.starts]) - days(rows.moment[:1])
    noise = np.random.default_rng(3).standard_normal((4000, 91))
    means = np.stack([noise[:, at : at + 7].mean(axis=1) for at in parts], axis=1)
    variances = means.var(axis=1)
    worth = 2 * variances.mean() ** 2 / variances.var() + 1
    assert weeks.worth == pytest.approx(worth, rel=0.08)


def test_a_span_that_cannot_teach() -> None:
    """No rows, no times, fewer than five days."""
    assert blocks(np.zeros(0, np.int64), DAY) is None
    assert blocks(np.full(100, NEVER), DAY) is None
    assert blocks(drawn(1, days=4, rows=50).moment, DAY) is None
    assert blocks(drawn(1, days=5, rows=50).moment, DAY) is not None


def test_a_day_with_few_rows_is_no_window() -> None:
    """What is cut off at either end, or a day of which most is missing, is left out."""
    rows = drawn(1, days=30, rows=100)
    kept = np.concatenate([np.arange(990, 2000), np.arange(2000, 2010), np.arange(2100, 3000)])
    plan = blocks(rows.moment[kept], DAY)
    assert plan is not None
    assert len(plan) == 19
    assert plan.worth == 19


@pytest.mark.parametrize("name", NAMES)
def test_independent_rows_vary_by_chance_alone(name: str) -> None:
    """What is learnt beyond chance is little, however the days are cut."""
    found = learnt(name, days=90, rows=400)
    chance = point(METRICS["binary", name], drawn(2, days=1, rows=400), ASKED).chance
    assert found.between < 0.4 * chance
    assert found.known == pytest.approx(chance, rel=0.5)


def test_days_that_differ_are_seen() -> None:
    """The variance between days is that of the days' own expected values; weeks have a seventh of it."""
    name = "predicted_minus_actual"
    effect = 0.5
    many = drawn(7, days=4000, rows=50, effect=effect)
    gap = (many.prediction - many.label).reshape(4000, 50)
    truth = gap.mean(axis=1).var() - (gap.var(axis=1, ddof=1) / 50).mean()
    one = Spread.learn(METRICS["binary", name], drawn(1, days=400, rows=200, effect=effect), ASKED, DAY)
    week = Spread.learn(METRICS["binary", name], drawn(1, days=400, rows=200, effect=effect), ASKED, WEEK)
    assert one is not None
    assert week is not None
    assert one.between == pytest.approx(truth, rel=0.2)
    assert week.between == pytest.approx(truth / 7, rel=0.4)
    assert one.freedom == pytest.approx(399)
    assert abs(one.correlation) < 0.1


def test_wide_windows_are_taken_from_narrower_ones() -> None:
    """Where five windows do not fit, as many days as do, and the variance of the mean of several."""
    name = "predicted_minus_actual"
    month, six = (learnt(name, width=timedelta(days=width), days=30, rows=100, effect=0.7) for width in (30, 6))
    assert month.between == pytest.approx(six.between / 5)
    assert month.freedom == six.freedom
    assert month.value == six.value


def test_without_times_rows_are_taken_as_independent() -> None:
    """The figure is that of all rows, its variance that by chance."""
    rows = undated(drawn(1, days=30, rows=100, effect=1.0))
    for name in NAMES:
        found = Spread.learn(METRICS["binary", name], rows, ASKED, DAY)
        whole = point(METRICS["binary", name], rows, ASKED)
        assert found == Spread(whole.value, whole.chance)


def test_a_metric_that_is_undefined_has_no_spread() -> None:
    """One class only; and none is in what is learnt of all metrics."""
    rows = drawn(1, days=30, rows=100)
    rows.label[:] = 1.0
    assert Spread.learn(METRICS["binary", "auc"], rows, ASKED, DAY) is None
    found = Ordinary.learn(rows, ASKED, DAY)
    assert found.spread("auc") is None
    assert math.isnan(found.usual("auc").value)
    assert found.spread("accuracy") is not None


def test_segments_are_learnt_by_themselves() -> None:
    """Each declared column's values with enough rows, and pairs; others vary as all rows do."""
    asked = Asked("binary", ("accuracy",), segments=(("side",), ("side", "first"), ("nowhere",)))
    rows = drawn(1, days=30, rows=100)
    found = Ordinary.learn(rows, asked, DAY)
    segments = ["", "side=a", "side=b", "side=a, first=x", "side=b, first=x"]
    assert [segment for _, segment in found.spreads] == segments
    own = rows.take(rows.groups["side"].codes == 0)
    assert found.spread("accuracy", "side=a") == Spread.learn(METRICS["binary", "accuracy"], own, asked, DAY)
    assert found.usual("accuracy", "side=z") == found.spread("accuracy")
    assert found.spread("accuracy", "side=z") is None


def test_what_was_learnt_survives_json() -> None:
    """As an artifact it is the same."""
    asked = Asked("binary", NAMES, segments=(("side",),))
    found = Ordinary.learn(drawn(1, days=30, rows=100, effect=0.3), asked, DAY)
    assert Ordinary.from_json(json.loads(json.dumps(found.to_json()))).spreads == found.spreads


def test_degrees_of_freedom_are_those_of_the_part_that_was_learnt() -> None:
    """A window like those of the reference has theirs; one that chance rules has its own rows'; no variance, no end."""
    spread = Spread(0.7, 0.0, between=0.03, known=0.04, freedom=10.0)
    assert spread.freedom_of(Point(0.7, 0.01, 10**9)) == pytest.approx(10)
    assert spread.freedom_of(Point(0.7, 100.0, 1001, freedom=1000.0)) == pytest.approx(1000, rel=0.01)
    assert math.isinf(Spread(1.0, 0.0).freedom_of(Point(1.0, 0.0, 100, freedom=99.0)))
    assert quantile(math.inf, 0.975) == pytest.approx(1.96, abs=0.001)


@pytest.mark.parametrize(("width", "rows"), [(1, 200), (7, 40)])
def test_intervals_hold_where_rows_of_a_day_are_not_independent(width: int, rows: int) -> None:
    """95 % intervals hold the expected value in 93 to 97 % of windows; those of independent rows in far fewer."""
    name, effect, spans = "predicted_minus_actual", 0.6, 30
    metric = METRICS["binary", name]
    truth = np.mean([point(metric, drawn(9000 + k, days=300, rows=40, effect=effect), ASKED).value for k in range(30)])
    held, naive, every = 0, 0, 0
    for number in range(spans):
        reference = drawn(number, days=91, rows=rows, effect=effect)
        spread = Spread.learn(metric, reference, ASKED, timedelta(days=width))
        assert spread is not None
        fresh = drawn(1000 + number, days=30 * width, rows=rows, effect=effect)
        for part in range(30):
            found = point(metric, fresh.take(np.arange(part * width * rows, (part + 1) * width * rows)), ASKED)
            held += abs(found.value - truth) <= spread.margin(found, 0.95)
            naive += abs(found.value - truth) <= 1.96 * math.sqrt(found.chance)
            every += 1
    assert 0.93 <= held / every <= 0.97
    assert naive / every < 0.75
