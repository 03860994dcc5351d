"""Derived columns over Arrow's memory: the forms that are faster than the definition, row by row.

Each takes what the monitor says about the column and the arrays of its inputs, which have no nulls; texts are valid
UTF-8. It gives what there is of each row, and where that is a value (None: everywhere).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitoring_tasks.data.derived import json_text
from monitoring_tasks.data.derived.definitions import LARGEST, LEAST, moment_of, regex
from monitoring_tasks.data.derived.words import (
    Block,
    counted,
    offsets_of,
    repeated_shares,
    word_counts,
)
from monitoring_tasks.data.values import Numbers, encoded, is_text, numbers, value_type
from monitoring_tasks.derived_section import Derived

Mask = NDArray[np.bool_]
Found = tuple[Numbers, Mask | None]
Form = Callable[..., Found]

_PER_HOUR = {"s": 3600, "ms": 3_600_000, "us": 3_600_000_000, "ns": 3_600_000_000_000}
_HOURS = 24
_CONTINUED, _LEADS = np.uint8(0x80), np.uint8(0xC0)


def raw(array: pa.Array[Any], kind: type[np.generic]) -> Numbers:
    """The numbers of an array as they lie in its memory, whatever lies under nulls."""
    data: Any = array.buffers()[1]
    if data is None:
        return np.zeros(len(array), kind)
    found: Numbers = np.frombuffer(data, kind)[array.offset : array.offset + len(array)]
    return found


def text_length(_: Derived, texts: pa.Array[Any]) -> Found:
    """Characters: bytes that begin one."""
    lengths: Any = pc.utf8_length(texts)  # type: ignore[call-overload]
    return raw(lengths.cast(pa.int64()), np.int64), None


def word_count(_: Derived, texts: pa.Array[Any]) -> Found:
    """Words, over the bytes."""
    return counted(texts, word_counts, np.int64), None


def repeated_words(_: Derived, texts: pa.Array[Any]) -> Found:
    """Words that came before, over the bytes."""
    return counted(texts, repeated_shares, np.float64), None


def non_ascii_share(_: Derived, texts: pa.Array[Any]) -> Found:
    """Bytes that begin a character of several, among those that begin one."""
    return counted(texts, _foreign_shares, np.float64), None


def _foreign_shares(block: Block) -> NDArray[np.float64]:
    places = np.flatnonzero(block.data >= _CONTINUED)
    if not len(places):
        return np.zeros(len(block.offsets) - 1)
    first = block.data[places] >= _LEADS
    foreign, continued = block.per_text(places[first]), block.per_text(places[~first])
    characters = np.diff(block.offsets) - continued
    return np.divide(foreign, characters, out=np.zeros(len(characters)), where=characters > 0)


def matches(each: Derived, texts: pa.Array[Any]) -> Found:
    """RE2, which Arrow has built in."""
    return raw(pc.match_substring_regex(texts, regex(each)).cast(pa.uint8()), np.uint8).view(np.bool_), None


def is_json(_: Derived, texts: pa.Array[Any]) -> Found:
    """The definition, text by text: its parser is as fast as any."""
    data, offsets = offsets_of(texts)
    found = [json_text.is_json(data[start:end].tobytes()) for start, end in pairwise(offsets.tolist())]
    return np.array([each is True for each in found], bool), np.array([each is not None for each in found], bool)


def one_of(each: Derived, categories: pa.Array[Any]) -> Found:
    """The distinct categories, told once."""
    words, codes = encoded(categories)
    held = np.array([word in each.values for word in words], bool)
    return held[codes], np.array([word is not None for word in words], bool)[codes]


def ratio(_: Derived, dividends: pa.Array[Any], divisors: pa.Array[Any]) -> Found:
    """Division of the rows that have one."""
    left, right = _floats(dividends), _floats(divisors)
    valid = _within(left) & _within(right) & (right != 0)
    return np.divide(left, right, out=np.zeros(len(left)), where=valid), valid


def difference(_: Derived, minuends: pa.Array[Any], subtrahends: pa.Array[Any]) -> Found:
    """Subtraction of the rows that have one."""
    left, right = _floats(minuends), _floats(subtrahends)
    valid = _within(left) & _within(right)
    return np.subtract(left, right, out=np.zeros(len(left)), where=valid), valid


def _floats(array: pa.Array[Any]) -> NDArray[np.float64]:
    return numbers(array).astype(np.float64, copy=False)


def _within(values: NDArray[np.float64]) -> Mask:
    size = np.abs(values)
    found: Mask = (size == 0) | ((size >= LEAST) & (size <= LARGEST))
    return found


def hour_of_day(_: Derived, moments: pa.Array[Any]) -> Found:
    """Whole hours since 1970, by the day; texts are told once each."""
    if is_text(value_type(moments.type)):
        words, codes = encoded(moments)
        found = [moment_of(word or "") for word in words]
        hours = np.array([each.hour if each else 0 for each in found], np.int64)
        return hours[codes], np.array([each is not None for each in found], bool)[codes]
    if isinstance(moments, pa.DictionaryArray):
        moments = moments.dictionary_decode()
    if pa.types.is_date(moments.type):
        return np.zeros(len(moments), np.int64), None
    return raw(moments, np.int64) // _PER_HOUR[moments.type.unit] % _HOURS, None
