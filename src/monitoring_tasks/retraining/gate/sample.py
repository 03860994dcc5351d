"""The rows both sides scored: as they come, and checked in an order of their own, from which all figures are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitoring_tasks.errors import GateInvalid

Floats = NDArray[np.float64]
Whole = NDArray[np.intp]
LARGEST = 1e50
"""Numbers beyond this are refused: squares of them, sums and ratios would leave what a float can hold."""
MOST_BLOCKS = 100
"""More days than this are joined, neighbours first: the table of pairs stays small, and intervals get no narrower."""


@dataclass(frozen=True)
class GateData:
    """Outcomes and both sides' predictions of the same rows, in the same order.

    Binary: `label` is 0 or 1 (or bool), predictions are probabilities. Multiclass: all three are class names.
    Regression: all three are numbers. `day` numbers the UTC day of each row, None where rows carry no moment;
    `segments` holds the values of each segment column, None and NaN being a value of their own.
    """

    label: NDArray[Any]
    champion: NDArray[Any]
    challenger: NDArray[Any]
    day: NDArray[np.int64] | None = None
    segments: Mapping[str, NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Sample:
    """Checked rows; of a multiclass model `label` is 1 throughout and a prediction is 1 where it names the class.

    `day` and `block` (what is drawn as one) number from 0 without gaps and never fall from row to row; `day` is None
    where rows carry none, `block` where every row is drawn alone.
    """

    label: Floats
    champion: Floats
    challenger: Floats
    day: Whole | None = None
    block: Whole | None = None

    def __len__(self) -> int:
        return len(self.label)

    @property
    def days(self) -> int | None:
        """How many distinct days there are, None where rows carry none."""
        return None if self.day is None else _count(self.day)

    @property
    def blocks(self) -> int:
        """How many blocks there are; 0 where every row is drawn alone."""
        return 0 if self.block is None else _count(self.block)

    def take(self, rows: Whole) -> Sample:
        """These rows, given in rising order, as a sample of their own."""
        day, block = (None if codes is None else _dense(codes[rows]) for codes in (self.day, self.block))
        return Sample(self.label[rows], self.champion[rows], self.challenger[rows], day, block)


def sample(data: GateData, *, task: str, days: bool) -> tuple[Sample, Whole]:
    """The checked rows, sorted by what they hold so that their order never matters, and where each row was in `data`.

    Raises `GateInvalid` for unequal lengths, missing, infinite or enormous values, a label that is not 0 or 1, a
    probability outside [0, 1], or unlike types. With `days`, rows of one day make one block.
    """
    _same_lengths(data)
    label, champion, challenger = _named(data) if task == "multiclass" else _numbers(data)
    if task == "binary":
        _check_binary(label, champion, challenger)
    day = None if data.day is None else np.asarray(data.day)
    keys = (challenger, champion, label) if day is None else (challenger, champion, label, day)
    order = np.lexsort(keys)
    codes = None if day is None else _dense(day[order])
    block = _joined(codes) if days and codes is not None else None
    return Sample(label[order], champion[order], challenger[order], codes, block), order


def named_values(values: NDArray[Any]) -> tuple[Whole, list[str | None]]:
    """The values as codes and the text of each code, sorted, None (of None and NaN) last.

    >>> named_values(np.array(["b", None, "a", "b"], dtype=object))
    (array([1, 2, 0, 1]), ['a', 'b', None])
    """
    found: defaultdict[Any, int] = defaultdict(count().__next__)
    codes = np.fromiter(map(found.__getitem__, values.tolist()), dtype=np.intp, count=len(values))
    texts = [None if _missing(value) else str(value) for value in found]
    names = sorted(set(texts), key=lambda text: (text is None, text or ""))
    place = {name: number for number, name in enumerate(names)}
    return np.array([place[text] for text in texts], dtype=np.intp)[codes], names


def _same_lengths(data: GateData) -> None:
    columns = {"label": data.label, "champion": data.champion, "challenger": data.challenger, "day": data.day}
    columns |= {f"segment {name}": values for name, values in data.segments.items()}
    lengths = {name: len(values) for name, values in columns.items() if values is not None}
    if len(set(lengths.values())) > 1:
        raise GateInvalid(f"the columns to compare differ in length: {lengths}; each needs a value for every row")


def _numbers(data: GateData) -> tuple[Floats, Floats, Floats]:
    label, champion, challenger = (_finite(name, getattr(data, name)) for name in ("label", "champion", "challenger"))
    return label, champion, challenger


def _finite(name: str, values: NDArray[Any]) -> Floats:
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise GateInvalid(f"{name} holds values that are not numbers ({error}); this task needs numbers") from error
    bad = int(np.count_nonzero(~np.isfinite(numbers)))
    if bad:
        raise GateInvalid(f"{name} is missing or infinite in {bad} of {len(numbers)} rows; each row needs a number")
    if (largest := float(np.max(np.abs(numbers), initial=0.0))) > LARGEST:
        raise GateInvalid(f"{name} holds {largest:.3g} (sign apart); numbers beyond {LARGEST:g} cannot be compared")
    return numbers + 0.0  # -0.0 and 0.0 are one value


def _check_binary(label: Floats, champion: Floats, challenger: Floats) -> None:
    odd = label[(label != 0) & (label != 1)]
    if len(odd):
        raise GateInvalid(f"label holds {float(odd[0])}; a binary model's labels are 0 and 1")
    for name, scores in (("champion", champion), ("challenger", challenger)):
        out = scores[(scores < 0) | (scores > 1)]
        if len(out):
            raise GateInvalid(f"{name} predicts {float(out[0])}; a binary model's predictions are within [0, 1]")


def _named(data: GateData) -> tuple[Floats, Floats, Floats]:
    columns = {name: np.asarray(getattr(data, name)) for name in ("label", "champion", "challenger")}
    kinds = {name: _kind(name, values) for name, values in columns.items()}
    if len(set(kinds.values()) - {""}) > 1:
        raise GateInvalid(f"classes are of unlike types: {kinds}; label and predictions must name classes alike")
    known = set(columns["label"].tolist()) if kinds["label"] == "str" else set()
    if known and not any(known & set(columns[side].tolist()) for side in ("champion", "challenger")):
        seen = sorted(map(str, set(columns["champion"].tolist())))[:3]
        raise GateInvalid(
            f"neither side ever predicts a class that is among the labels: labels are {sorted(map(str, known))[:3]}, "
            f"predictions {seen}; label and predictions must name classes alike"
        )
    right = [np.asarray(columns[side] == columns["label"], dtype=np.float64) for side in ("champion", "challenger")]
    return np.ones(len(data.label)), right[0], right[1]


def _kind(name: str, values: NDArray[Any]) -> str:
    if values.dtype.kind in "iub":
        return "number"
    kinds = {"missing" if _missing(value) else _word(value) for value in values.tolist()}
    if "missing" in kinds or len(kinds) > 1:
        raise GateInvalid(f"{name} mixes {', '.join(sorted(kinds))}; each row needs a class, of one type throughout")
    return next(iter(kinds), "")


def _word(value: object) -> str:
    return "number" if isinstance(value, int | float) else type(value).__name__


def _missing(value: Any) -> bool:
    return value is None or bool(value != value)


def _dense(sorted_codes: NDArray[Any]) -> Whole:
    steps = np.empty(len(sorted_codes), dtype=np.intp)
    steps[:1] = 0
    np.cumsum(sorted_codes[1:] != sorted_codes[:-1], out=steps[1:])
    return steps


def _joined(days: Whole) -> Whole:
    return _dense(days // -(-_count(days) // MOST_BLOCKS)) if _count(days) > MOST_BLOCKS else days


def _count(codes: Whole) -> int:
    return int(codes[-1]) + 1 if len(codes) else 0
