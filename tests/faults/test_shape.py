"""Places of values in a distribution, and what is no copy of it: chance is kept to, and other shapes are seen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.faults.distribution import Distribution, observed
from monitoring_tasks.faults.shape import LOOSE, STRICT, is_spread, places

MANY = 10**6
FINITE = st.floats(-1e6, 1e6)


@given(st.lists(FINITE, min_size=1, max_size=40), st.lists(FINITE, min_size=1, max_size=40))
def test_places_are_ascending_shares(known: list[float], values: list[float]) -> None:
    """Whatever the values and the distribution, each place is from 0 to 1 and none below the one before."""
    found = places(observed(np.array(known)), np.array(values))
    assert ((found >= 0) & (found <= 1)).all()
    assert (np.diff(found) >= -1e-12).all()


@given(st.lists(st.integers(0, 9), min_size=1, max_size=50))
def test_a_distribution_is_a_copy_of_itself(values: list[int]) -> None:
    """Ties or none, its own values take every place once, and are spread as evenly as can be."""
    found = places(observed(np.array(values, float)), np.array(values, float))
    assert found == pytest.approx((np.arange(len(values)) + 0.5) / len(values))
    assert is_spread(found, len(values))


def test_places_in_a_part_that_holds_nothing_are_unknown() -> None:
    """Nothing is a copy of what is not there."""
    one = Distribution(np.array([0.0, 1.0]), np.array([0.0, 1.0]), 50)
    found = places(one, np.array([4.0, 5.0]), above=3.0)
    assert np.isnan(found).all()
    assert not is_spread(found, 50)


@pytest.mark.parametrize("count", [5, 12, 50, 1000])
@pytest.mark.parametrize(("limit", "most"), [(LOOSE, 0.02), (STRICT, 0.07)])
def test_few_copies_are_refused(count: int, limit: float, most: float) -> None:
    """Of true copies about as many as the limit says, of whatever number of values."""
    random = np.random.default_rng([31, count])
    refused = [not is_spread(np.sort(random.random(count)), MANY, limit=limit) for _ in range(2000)]
    assert np.mean(refused) <= most


OTHER: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "one value": lambda random, count: np.full(count, random.random()),
    "a narrow heap": lambda random, count: np.clip(random.random() + random.uniform(-0.05, 0.05, count), 0, 1),
    "a tail cut off": lambda random, count: random.uniform(0, 0.75, count),
    "the middle half": lambda random, count: random.uniform(0.25, 0.75, count),
    "both ends": lambda random, count: random.beta(0.3, 0.3, count),
    "too low": lambda random, count: random.beta(1, 2.2, count),
}


@pytest.mark.parametrize("count", [50, 300])
@pytest.mark.parametrize("shape", OTHER)
def test_other_shapes_are_seen(shape: str, count: int) -> None:
    """From fifty values on, nine in ten of each kind."""
    random = np.random.default_rng([32, count])
    refused = [not is_spread(np.sort(OTHER[shape](random, count)), MANY, limit=STRICT) for _ in range(300)]
    assert np.mean(refused) >= 0.9


def test_five_values_tell_one_value_from_a_copy() -> None:
    """A cap is seen whichever value it is at."""
    assert not any(is_spread(np.full(5, each), MANY) for each in np.linspace(0, 1, 101))


def test_a_reference_of_few_rows_proves_less() -> None:
    """The same places are those of a copy, as far as forty rows can tell."""
    low = np.linspace(0, 1, 200) ** 1.35
    assert not is_spread(low, MANY)
    assert is_spread(low, 40)
