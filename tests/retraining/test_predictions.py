"""What a score command may write, and how each mistake is told."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.errors import GateInvalid
from monitoring_tasks.retraining.predictions import check_predictions

IDS = ["a", "b", "c"]


def checked(ids: Any, predictions: Any, *, wanted: Any = IDS, task: str = "binary") -> list[Any]:
    """The checked predictions for rows of the ids `wanted`."""
    rows = pa.table({"id": wanted, "age": [1.0] * len(wanted)})
    return check_predictions(rows, pa.table({"id": ids, "prediction": predictions}), id="id", task=task).to_pylist()


@given(st.lists(st.integers() | st.text(), unique_by=str, min_size=1), st.randoms())
def test_any_order_is_put_right(ids: list[Any], random: Any) -> None:
    """However the predictions are mixed, each comes back at its own row."""
    ids = list(map(str, ids))
    scores = {each: place / len(ids) for place, each in enumerate(ids)}
    mixed = random.sample(ids, len(ids))
    found = checked(pa.array(mixed, pa.string()), [scores[each] for each in mixed], wanted=pa.array(ids, pa.string()))
    assert found == [scores[each] for each in ids]


@pytest.mark.parametrize(
    ("wanted", "written"),
    [
        (pa.array([1, 2, 3]), pa.array([3, 2, 1], pa.int32())),
        (pa.array([1, 2, 3]), pa.array([3.0, 2.0, 1.0])),
        (pa.array([1, 2, 3]), pa.array(["3", "2", "1"])),
        (pa.array(["1", "2", "3"]), pa.array([3, 2, 1])),
        (pa.array(IDS), pa.array(["c", "b", "a"], pa.large_string())),
        (pa.array(IDS), pa.array(["c", "b", "a"]).dictionary_encode()),
        (pa.array(IDS).dictionary_encode(), pa.array(["c", "b", "a"])),
        (pa.chunked_array([["a"], ["b", "c"]]), pa.chunked_array([["c", "b"], ["a"]])),
    ],
)
def test_ids_of_other_types_are_the_same_ids(wanted: Any, written: Any) -> None:
    """Parquet written by pandas or by hand changes types; ids that mean the same are the same."""
    assert checked(written, [0.3, 0.2, 0.1], wanted=wanted) == [0.1, 0.2, 0.3]


@pytest.mark.parametrize(
    ("ids", "predictions", "told"),
    [
        (["a", "b"], [0.1, 0.2], r"1 of 3 rows have no prediction, such as c$"),
        ([], [], r"3 of 3 rows have no prediction, such as a$"),
        (["a", "b", "c", "d"], [0.1] * 4, r"1 of 4 predictions have an id that no row has, such as d$"),
        (["a", "b", "d"], [0.1] * 3, r"1 of 3 predictions have an id that no row has, such as d$"),
        (["a", "b", "b"], [0.1] * 3, r"1 of 2 ids are there more than once, such as b$"),
        (["a", "b", "c", "b"], [0.1] * 4, r"1 of 3 ids are there more than once, such as b$"),
        (["a", None, "c"], [0.1] * 3, r"1 of 3 predictions have no id"),
        (["c", "b", "a"], [0.1, math.nan, 0.3], r"1 of 3 predictions are missing or NaN, such as b$"),
        (["c", "b", "a"], [None, 0.2, None], r"2 of 3 predictions are missing or NaN, such as a$"),
        (["c", "b", "a"], [0.1, math.inf, 0.3], r"1 of 3 predictions are infinite, such as b$"),
        (["c", "b", "a"], [0.1, 1.0000001, -0.1], r"2 of 3 predictions are outside \[0, 1\].*, such as a$"),
        (["a", "b", "c"], ["0.1", "0.2", "0.3"], "of type string: a binary model predicts numbers"),
        (["a", "b", "c"], [True, False, True], "of type bool: a binary model predicts numbers"),
        (["a", "b", "c"], [Decimal("0.1")] * 3, r"of type decimal.*: a binary model predicts numbers"),
        ([["a"], ["b"], ["c"]], [0.1] * 3, r"have id as list<.*>, the rows as string: write it as it came"),
    ],
)
def test_each_mistake_is_counted_and_shown(ids: Any, predictions: Any, told: str) -> None:
    """What is wrong is told with how often it happens and one id."""
    empty = {} if len(ids) else {"type": pa.string()}
    with pytest.raises(GateInvalid, match=told):
        checked(pa.array(ids, **empty), predictions if len(ids) else pa.array([], pa.float64()))


def test_ids_that_cannot_be_read_are_told() -> None:
    """Texts among whole numbers are another id, not a missing row."""
    with pytest.raises(GateInvalid, match="have id as string, the rows as int64"):
        checked(["1", "2", "three"], [0.1] * 3, wanted=[1, 2, 3])
    with pytest.raises(GateInvalid, match="have id as double, the rows as int64"):
        checked([1.0, 2.0, 2.5], [0.1] * 3, wanted=[1, 2, 3])


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (["id", "score"], "have the columns id, score: the score command must write prediction"),
        (["ID", "prediction"], "have the columns ID, prediction: the score command must write id"),
        ([], "have the columns none: the score command must write id"),
    ],
)
def test_missing_columns_are_told(columns: list[str], told: str) -> None:
    """A column of another name is named beside the one that is needed."""
    with pytest.raises(GateInvalid, match=told):
        check_predictions(
            pa.table({"id": IDS}), pa.table({name: [0.1] * 3 for name in columns}), id="id", task="binary"
        )


@pytest.mark.parametrize("twice", ["id", "prediction"])
def test_a_column_written_twice_is_told(twice: str) -> None:
    """Which of the two is meant cannot be known."""
    arrays, names = [pa.array(IDS), pa.array([0.1] * 3)], ["id", "prediction"]
    written = pa.Table.from_arrays([*arrays, arrays[names.index(twice)]], names=[*names, twice])
    with pytest.raises(GateInvalid, match=rf"columns id, prediction, {twice}: .* must write {twice}, once"):
        check_predictions(pa.table({"id": IDS}), written, id="id", task="binary")


def test_hostile_ids_and_columns_stay_on_one_line() -> None:
    """Ids and names from outside reach the message without control characters, cut."""
    hostile = "a\x1b[31m\nFAKE " + "x" * 500
    for given_ in (
        {"id": [*IDS, hostile], "prediction": [0.1] * 4},
        {hostile: [0.1]},
    ):
        with pytest.raises(GateInvalid) as caught:
            check_predictions(pa.table({"id": IDS}), pa.table(given_), id="id", task="binary")
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 200


def test_bounds_are_probabilities() -> None:
    """0 and 1 are probabilities, whole numbers too; a regression has no bounds."""
    assert checked(IDS, [0, 1, 0]) == [0.0, 1.0, 0.0]
    assert checked(IDS, [-5, 7.5, 0], task="regression") == [-5.0, 7.5, 0.0]


@pytest.mark.parametrize("classes", [["red", "green", "red"], [1, 2, 1], [True, False, True], [1.0, 2.0, 1.0]], ids=str)
def test_classes_are_names_or_numbers(classes: list[Any]) -> None:
    """A multiclass model writes its classes as they are; categories of pandas too."""
    assert checked(IDS, classes, task="multiclass") == classes
    assert checked(IDS, pa.array(classes).dictionary_encode(), task="multiclass") == classes


def test_texts_may_be_written_as_views() -> None:
    """Arrow has more than one layout for texts; a file keeps the one that it was written with."""
    classes, ids = (pa.array(texts, pa.string_view()) for texts in (["red", "green", "red"], IDS))
    written = pa.table({"id": ids, "prediction": classes})
    found = check_predictions(pa.table({"id": IDS}), written, id="id", task="multiclass")
    assert found.to_pylist() == ["red", "green", "red"]


@pytest.mark.parametrize("classes", [["red", None, "red"], [1.0, math.nan, 1.0], [["red"]] * 3])
def test_classes_that_are_none_are_told(classes: list[Any]) -> None:
    """A missing class, NaN among classes, and lists are no classes."""
    with pytest.raises(GateInvalid, match=r"such as b$|of type list"):
        checked(IDS, classes, task="multiclass")
