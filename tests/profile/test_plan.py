"""Joining samples of pieces."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import numpy as np
import pyarrow as pa
import pytest

from monitoring_tasks.profile.binning import Binning, CategoryBins
from monitoring_tasks.profile.plan import HASH, Plan, join_samples


def _sample(hashes: list[int], **columns: object) -> pa.Table:
    return pa.table({**columns, HASH: pa.array(hashes, pa.uint64())})


def test_the_smallest_hashes_stay() -> None:
    """Of all rows those of smallest hash stay, sorted by it; equals stay in the order of the pieces."""
    joined = join_samples([_sample([1, 9], x=["a", "b"]), _sample([1, 2], x=["c", "d"])], 3)
    assert joined["x"].to_pylist() == ["a", "c", "d"]


def test_unlike_types_meet_in_the_wider_or_in_text() -> None:
    """Integers and floats become floats; what has no common number becomes text; a missing column is null."""
    pieces = [_sample([1], x=[1], y=[1]), _sample([2], x=[0.5], y=["a"]), _sample([3], x=[2])]
    joined = join_samples(pieces, 9)
    assert joined["x"].to_pylist() == [1.0, 0.5, 2.0]
    assert joined["y"].to_pylist() == ["1", "a", None]


def test_dictionaries_are_decoded_and_nested_columns_left_out() -> None:
    """A sample holds plain values only."""
    pieces = [_sample([1], c=pa.array(["a"]).dictionary_encode(), n=[[1]]), _sample([2], c=["b"], b=[b"1"])]
    joined = join_samples(pieces, 9)
    assert joined["c"].to_pylist() == ["a", "b"]
    assert joined.column_names == ["c", HASH]


def test_nothing_joins_to_an_empty_sample() -> None:
    """No pieces give no rows, and a piece without rows adds none."""
    assert join_samples([], 5).num_rows == 0
    assert join_samples([_sample([], x=pa.array([], pa.int64())), _sample([4], x=[7])], 5)["x"].to_pylist() == [7]


def test_plan_lists_the_samples_columns_once() -> None:
    """Id and time come first; a monitored column that is one of them is not repeated."""
    plan = Plan(Binning({"c": CategoryBins(()), "id": CategoryBins(())}), id="id", timestamp="t")
    assert plan.sample_columns == ["id", "t", "c"]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (pa.array([2**60 + 1]), pa.array([0.5]), ["1152921504606846977", "0.5"]),
        (pa.array([2**64 - 1], pa.uint64()), pa.array([-1]), ["18446744073709551615", "-1"]),
        (pa.array(np.array([0.5], np.float16)), pa.array([Decimal("1.25")]), ["0.5", "1.25"]),
        (pa.array([2**40], pa.timestamp("s", "UTC")), pa.array([0], pa.timestamp("ns", "UTC")), None),
        (pa.array([UUID(int=7).bytes], pa.uuid()), pa.array(["a"]), [str(UUID(int=7)), "a"]),
        (pa.array([b"a\xff"], pa.binary_view()), pa.array(["a"]), ["a\N{REPLACEMENT CHARACTER}", "a"]),
    ],
    ids=["integer and float", "unsigned", "half and decimal", "far moment", "uuid", "binary view"],
)
def test_values_that_the_common_type_cannot_hold_become_text(
    first: object, second: object, expected: list[str] | None
) -> None:
    """The sample never ends a scan: a column whose values do not all fit is text, in either order; others stay."""
    pieces = [_sample([1], x=first, n=[1]), _sample([2], x=second, n=[0.5])]
    joined, turned = join_samples(pieces, 9), join_samples(pieces[::-1], 9)
    assert joined.equals(turned)
    assert joined.schema.field("x").type in (pa.string(), pa.float16())
    assert expected is None or [str(value) for value in joined["x"].to_pylist()] == expected
    assert joined["n"].to_pylist() == [1.0, 0.5]
