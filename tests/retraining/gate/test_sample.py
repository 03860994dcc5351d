"""What comes in is checked and put in order; what cannot be compared is refused by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from monitoring_tasks.errors import GateInvalid
from monitoring_tasks.retraining.gate import GateData
from monitoring_tasks.retraining.gate.sample import named_values, sample

GOOD = GateData(
    np.array([0, 1, 1]), np.array([0.1, 0.9, 0.4]), np.array([0.2, 0.8, 0.4]), np.array([15000, 15001, 15000])
)


def test_rows_are_put_in_order_by_day() -> None:
    """Days become blocks from 0; where each row came from is told."""
    rows, order = sample(GOOD, task="binary", days=True)
    assert order.tolist() == [0, 2, 1]
    assert rows.block is not None
    assert rows.block.tolist() == [0, 0, 1]
    assert rows.champion.tolist() == [0.1, 0.4, 0.9]
    assert (rows.days, rows.blocks, len(rows)) == (2, 2, 3)


def test_days_are_counted_where_they_are_no_blocks() -> None:
    """Independent rows still say of how many days they are; rows without a moment do not."""
    rows, _ = sample(GOOD, task="binary", days=False)
    assert (rows.days, rows.blocks) == (2, 0)
    assert sample(replace(GOOD, day=None), task="binary", days=True)[0].days is None


def test_a_part_numbers_its_own_days() -> None:
    """Rows of a segment have blocks without gaps."""
    part = sample(GOOD, task="binary", days=True)[0].take(np.array([2]))
    assert (part.days, part.blocks, part.champion.tolist()) == (1, 1, [0.9])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"champion": np.array([0.1, np.nan, 0.4])}, "champion is missing or infinite in 1 of 3 rows"),
        ({"challenger": np.array([0.1, np.inf, 0.4])}, "challenger is missing or infinite"),
        ({"challenger": np.array([0.1, None, 0.4], dtype=object)}, "challenger is missing or infinite"),
        ({"challenger": np.array(["a", "b", "c"])}, "challenger holds values that are not numbers"),
        ({"label": np.array([0.0, np.nan, 1.0])}, "label is missing"),
        ({"challenger": np.array([0.1, -1e200, 0.4])}, r"challenger holds 1e\+200"),
        ({"label": np.array([0, 2, 1])}, r"label holds 2\.0; a binary model's labels are 0 and 1"),
        ({"champion": np.array([0.1, 1.2, 0.4])}, r"champion predicts 1\.2; .* within \[0, 1\]"),
        ({"challenger": np.array([0.1, -0.2, 0.4])}, r"challenger predicts -0\.2"),
        ({"challenger": np.array([0.1])}, "differ in length: .*'challenger': 1"),
        ({"day": np.array([1])}, "differ in length: .*'day': 1"),
        ({"segments": {"a": np.array(["x"])}}, "differ in length: .*'segment a': 1"),
    ],
)
def test_bad_rows_are_refused(change: dict[str, Any], message: str) -> None:
    """The error names the column and what is wrong with it."""
    with pytest.raises(GateInvalid, match=message):
        sample(replace(GOOD, **change), task="binary", days=True)


def test_numbers_of_a_regression_are_not_bounded() -> None:
    """Any finite number will do."""
    rows, _ = sample(replace(GOOD, label=np.array([-5, 1e9, 3])), task="regression", days=True)
    assert rows.label.tolist() == [-5, 3, 1e9]


@pytest.mark.parametrize(
    ("label", "champion", "challenger"),
    [
        (np.array(["a", "b", "b"]), np.array(["a", "a", "b"]), np.array(["a", "b", "a"], dtype=object)),
        (np.array([1, 2, 2]), np.array([1.0, 1.0, 2.0]), np.array([1, 2, 1], dtype=object)),
    ],
)
def test_classes_are_right_or_wrong(label: Any, champion: Any, challenger: Any) -> None:
    """A prediction becomes 1 where it names the class; text compares with text, numbers with numbers."""
    rows, order = sample(GateData(label, champion, challenger), task="multiclass", days=True)
    assert rows.champion[np.argsort(order)].tolist() == [1, 0, 1]
    assert rows.challenger[np.argsort(order)].tolist() == [1, 1, 0]


def test_classes_that_nobody_predicts_are_another_spelling() -> None:
    """True and true are not one class: an accuracy of 0 on both sides would look like a finding."""
    label, spelt = np.array(["true", "false"], dtype=object), np.array(["True", "False"], dtype=object)
    with pytest.raises(GateInvalid, match="neither side ever predicts a class"):
        sample(GateData(label, spelt, spelt), task="multiclass", days=False)
    sample(GateData(label, spelt, label), task="multiclass", days=False)


@pytest.mark.parametrize(
    ("challenger", "message"),
    [
        (np.array(["1", "2"]), "classes are of unlike types: .*'label': 'number'.*'challenger': 'str'"),
        (np.array([1.0, np.nan]), "challenger mixes missing, number"),
        (np.array([1, None], dtype=object), "challenger mixes missing, number"),
        (np.array([1, "2"], dtype=object), "challenger mixes number, str"),
    ],
)
def test_bad_classes_are_refused(challenger: Any, message: str) -> None:
    """A class that is missing or of another type than the labels' is an error, not a wrong prediction."""
    with pytest.raises(GateInvalid, match=message):
        sample(GateData(np.array([1, 2]), np.array([1, 2]), challenger), task="multiclass", days=True)


def test_values_have_names_in_order() -> None:
    """Values of any type are named by their text, None and NaN together and last, whatever the order of rows."""
    values = np.array([2, None, "b", 1.5, float("nan"), 2, "2"], dtype=object)
    codes, names = named_values(values)
    assert names == ["1.5", "2", "b", None]
    assert codes.tolist() == [1, 3, 2, 0, 3, 1, 1]
    assert named_values(np.array([], dtype=object))[1] == []
