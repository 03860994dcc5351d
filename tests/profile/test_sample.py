"""Which rows are sampled, and which ids occurred before."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from monitoring_tasks.profile.sample import _splitmix, count_duplicates, id_keys, pick_rows, threshold_for


def test_hash_is_splitmix64() -> None:
    """The first outputs for seed 1234567 are those published with the generator."""
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert _splitmix(np.uint64(1234567), np.arange(1, 5, dtype=np.uint64)).tolist() == published


def test_picks_do_not_depend_on_the_batch() -> None:
    """A row's hash depends on its chunk and place alone, so a longer chunk keeps the picks of a shorter one."""
    short, long = pick_rows(9, 1000, 2**60), pick_rows(9, 600_000, 2**60)
    np.testing.assert_array_equal(long[0][long[0] < 1000], short[0])
    np.testing.assert_array_equal(long[1][: len(short[1])], short[1])
    assert not np.array_equal(pick_rows(10, 1000, 2**60)[0], short[0])


def test_threshold_has_a_margin_and_an_end() -> None:
    """Few rows are taken whole; of many, a little more than wanted lies below the threshold."""
    assert threshold_for(100, 150) == 2**64
    taken = len(pick_rows(3, 1_000_000, threshold_for(5000, 1_000_000))[0])
    assert 5000 <= taken <= 6000
    assert len(pick_rows(3, 0, 2**64)[0]) == 0


@pytest.mark.parametrize(
    "ids",
    [
        pa.array([3, 1, 3, None, None, 1, 3], pa.int64()),
        pa.array([3, 1, 3, None, None, 1, 3], pa.uint8()),
        pa.array([3.0, 1.0, 3.0, None, None, 1.0, 3.0]),
        pa.array([3.5, 1.0, 3.5, None, None, 1.0, 3.5]),
        pa.array(["b", "a", "b", None, None, "a", "b"]),
        pa.array(["b", "a", "b", None, None, "a", "b"]).dictionary_encode(),
        pa.array([b"b", b"a", b"b", None, None, b"a", b"b"]),
        pa.array([3, 1, 3, None, None, 1, 3], pa.timestamp("us")),
        pa.array([[3], [1], [3], None, None, [1], [3]]),
        pa.array([True, False, True, None, None, False, True]),
    ],
    ids=lambda array: str(array.type),
)
def test_ids_of_any_type_are_counted(ids: object) -> None:
    """Of values 3, 1, 3, 1, 3 three occurred before; ids that are null are nobody's duplicate."""
    assert count_duplicates(id_keys(pa.chunked_array([ids]))) == 3


def test_no_ids_no_duplicates() -> None:
    """An empty column has neither keys nor duplicates."""
    assert count_duplicates(id_keys(pa.chunked_array([pa.array([], pa.string())]))) == 0


def test_many_distinct_ids_do_not_collide() -> None:
    """A hundred thousand different texts are a hundred thousand different keys."""
    ids = pa.array([f"flight-{number}" for number in range(100_000)])
    assert count_duplicates(id_keys(pa.chunked_array([ids]))) == 0


def test_an_id_that_is_not_a_number_is_nobodys_duplicate() -> None:
    """Writers without nulls put NaN where an id is missing."""
    ids = pa.chunked_array([pa.array([math.nan, 1.0, math.nan, 1.0]), pa.array([math.nan, 2.0])])
    assert count_duplicates(id_keys(ids)) == 1


def test_whole_floats_are_their_integers_one_by_one() -> None:
    """An id read as float meets its integer beside fractions, infinities, and numbers that no integer holds."""
    ids = pa.chunked_array([pa.array([7.0, 0.5, math.inf, 1e300, 2.0**63, -3.0])])
    integers = id_keys(pa.chunked_array([pa.array([7, -3])]))
    assert set(integers.tolist()) < set(id_keys(ids).tolist())
    assert count_duplicates(id_keys(ids)) == 0
