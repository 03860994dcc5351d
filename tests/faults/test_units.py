"""Both error rates of unit changes, by simulations: real ones are named, what only lies far from the rest is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from monitoring_tasks.faults.cause import Fault
from monitoring_tasks.faults.distribution import profiled
from monitoring_tasks.faults.units import unit_change
from monitoring_tasks.profile.binning import NumericBins
from monitoring_tasks.profile.profile import NumericProfile
from tests.faults.windows import BASELINE, SHAPES, Random, chosen

Draw = Callable[[Random, Any, float], Any]
"""Other values of some rows, from those they would have and the median of the baseline."""
TRIALS = 20


def rate(column: str, size: tuple[int, float], draw: Draw, *, words: str = "", drift: float = 1.0) -> float:
    """The part of windows in which a unit change is named, with these words.

    Of so many rows such a share is drawn otherwise.
    """
    told = [_told(np.random.default_rng([41, seed]), column, size, draw, drift=drift) for seed in range(TRIALS)]
    return float(np.mean([words in each if each else False for each in told]))


def _told(random: Random, column: str, size: tuple[int, float], draw: Draw, *, drift: float) -> str:
    bins, profile = BASELINE.bins[column], BASELINE.profiles[column]
    known = BASELINE.sample[column].to_numpy()
    assert isinstance(bins, NumericBins)
    assert isinstance(profile, NumericProfile)
    usual, whole = np.asarray(SHAPES[column](random, size[0]), float) * drift, bool((known == known.round()).all())
    drawn = np.where(chosen(random, *size), draw(random, usual, float(np.median(known))), usual)
    baseline = profiled(bins, profile)
    assert baseline is not None
    cause = unit_change(column, drawn.round() if whole else drawn, baseline, whole=whole)
    assert cause is None or cause.fault is Fault.UNIT_CHANGE
    return cause.words if cause else ""


def times(factor: float, offset: float = 0.0) -> Draw:
    """A conversion."""
    return lambda _, usual, __: usual * factor + offset


@pytest.mark.parametrize(
    ("column", "count", "share", "draw", "words"),
    [
        ("spend", 500, 1.0, times(1000), "1,000 times too large"),
        ("spend", 3000, 0.01, times(1000), "1,000 times too large"),
        ("spend", 3000, 0.24, times(100), "100 times too large"),
        ("distance", 1000, 0.24, times(100), "100 times too large"),
        ("distance", 1000, 0.12, times(10), "10 times too large"),
        ("age", 1000, 0.3, times(60), "60 times too large"),
        ("spend", 1000, 0.3, times(0.01), "100 times too small"),
        ("fahrenheit", 1000, 0.3, times(5 / 9, -160 / 9), "in degrees Celsius instead of Fahrenheit"),
        ("fahrenheit", 500, 1.0, times(5 / 9, -160 / 9), "in degrees Celsius instead of Fahrenheit"),
        ("spend", 1000, 1.0, times(3.785411784), "times too large, as "),
    ],
)
def test_real_ones_are_named(column: str, count: int, share: float, draw: Draw, words: str) -> None:
    """At least nine in ten, whole columns and parts of them."""
    assert rate(column, (count, share), draw, words=words) >= 0.9


@pytest.mark.parametrize("drift", [0.95, 1.05])
def test_they_are_named_beside_ordinary_drift(drift: float) -> None:
    """All amounts five percent off, and a quarter of them in cents."""
    assert rate("spend", (3000, 0.24), times(100), words="100 times too large", drift=drift) >= 0.9


def segment(size: float, deviation: float) -> Draw:
    """Customers of another kind, whose values lie about so many medians."""
    return lambda random, usual, middle: middle * size * np.exp(random.normal(0, deviation, len(usual)))


def loops(size: float) -> Draw:
    """What was to be said, and then one sentence until it is cut off."""
    return lambda random, usual, middle: usual + middle * size * random.uniform(0.55, 1.5, len(usual))


def capped(size: float) -> Draw:
    """Far larger than it was, and never more than the limit, which many reach."""
    return lambda _, usual, middle: np.minimum(usual * size * 1.5, middle * size)


NONE: dict[str, Callable[[float], Draw]] = {
    "a narrow segment": lambda size: segment(size, 0.1),
    "a segment": lambda size: segment(size, 0.35),
    "loops": loops,
    "capped": capped,
    "one value": lambda size: lambda _, usual, middle: np.full(len(usual), middle * size),
    "two kinds": lambda size: lambda random, usual, middle: middle * size * random.choice([0.6, 1.6], len(usual)),
}


@pytest.mark.parametrize("size", [7, 10, 30, 100])
@pytest.mark.parametrize("kind", NONE)
def test_what_only_lies_far_from_the_rest_is_none(kind: str, size: float) -> None:
    """Over columns, shares and sizes of windows hardly ever, where there are rows enough to see a shape."""
    draw = NONE[kind](size)
    found = [
        rate(column, rows, draw)
        for column, rows in (("distance", (1500, 0.1)), ("spend", (500, 0.12)), ("spend", (3000, 0.04)))
    ]
    assert max(found) <= 0.1


@pytest.mark.parametrize("size", [10, 60, 100])
def test_few_rows_prove_no_factor_below_a_thousand(size: float) -> None:
    """Twelve rows about a round factor may be anything; they are drift all the same."""
    assert rate("spend", (400, 0.03), segment(size, 0.4)) == 0


def test_a_tail_like_a_copy_does_not_speak_for_what_lies_before_it() -> None:
    """The largest of a heavy heap lie where amounts in cents would; most of it does not."""
    assert (
        rate("spend", (5000, 0.03), lambda random, usual, middle: middle * 12 * (1 + random.pareto(1.8, len(usual))))
        == 0
    )


def nines(random: Random, usual: Any, _: float) -> Any:
    """What stands for a missing value, written in three ways."""
    return random.choice([9990.0, 99990.0, 999990.0], len(usual))


@pytest.mark.parametrize(("column", "count"), [("spend", 300), ("spend", 400), ("distance", 300)])
def test_a_few_values_that_stand_for_missing_ones_are_none(column: str, count: int) -> None:
    """They lie as far apart as amounts do, and are the same over and over."""
    assert rate(column, (count, 0.03), nines) <= 0.15


@pytest.mark.parametrize("column", ["spend", "distance", "visits", "hour", "age"])
def test_a_few_real_ones_are_named(column: str) -> None:
    """Whole numbers as well, of which many are the same."""
    assert rate(column, (300, 0.03), times(1000), words="1,000 times too large") >= 0.9
