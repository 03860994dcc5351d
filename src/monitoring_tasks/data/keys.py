"""Ids as whole numbers that numpy can sort and compare: int64 ids as they are, texts as 128 bits.

The bits of a text are two hashes of its bytes, of unlike construction. Two ids are taken for one where 64 bits of one
and at least 40 of the other agree. Were the bits random, that would befall one in 10^16 logs of 20 million ids; as they
are not quite, ids that differ in few bytes of each word come nearer to one in 10^9. No hash is salted, so that the
same rows always give the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Places = NDArray[np.int64]
Mask = NDArray[np.bool_]
BLOCK = 8_192
"""Texts hashed at a time: their words stay in a core's own cache."""
_WORD = 8


@dataclass(frozen=True, eq=False)
class Keys:
    """Ids of rows: equal where `first` and, of texts, `second` are equal. `valid` says which rows have an id.

    The order of keys is that of whole numbers; texts have an order as good as any, always the same.
    """

    first: NDArray[np.int64]
    second: Hashes | None
    valid: Mask

    def __len__(self) -> int:
        return len(self.first)

    def take(self, rows: Places | Mask | slice) -> Keys:
        """The chosen rows, by place, by mask or as a slice."""
        return Keys(self.first[rows], None if self.second is None else self.second[rows], self.valid[rows])

    def columns(self) -> list[NDArray[Any]]:
        """Arrays that sort the rows, the most important last, as `numpy.lexsort` wants them; rows without id last."""
        return [*([] if self.second is None else [self.second]), self.first, ~self.valid]


def keys_of(ids: pa.Array[Any]) -> Keys:
    """Keys of ids in one of the types of `plain_ids`.

    >>> keys_of(pa.array([7, None])).valid.tolist(), len(set(keys_of(pa.array(["a", "b", "a"])).first.tolist()))
    ([True, False], 2)
    """
    valid = np.ones(len(ids), np.bool_)
    if ids.null_count:
        valid = np.from_dlpack(ids.is_valid().cast(pa.uint8())).astype(np.bool_)
    if pa.types.is_null(ids.type):
        return Keys(np.zeros(len(ids), np.int64), None, valid)
    if pa.types.is_integer(ids.type):
        whole: NDArray[np.int64] = np.from_dlpack(ids.fill_null(0) if ids.null_count else ids).astype(
            np.int64, copy=False
        )
        return Keys(whole, None, valid)
    first, second = hashed(ids.cast(pa.binary()).fill_null(b"") if ids.null_count else ids.cast(pa.binary()))
    return Keys(first.view(np.int64), second, valid)


def mixed(values: Hashes) -> Hashes:
    """Each value as another one of 64 bits, one to one, whose bits all depend on all of its (splitmix64's finish)."""
    values = values ^ (values >> np.uint64(30))
    values *= np.uint64(0xBF58476D1CE4E5B9)
    values ^= values >> np.uint64(27)
    values *= np.uint64(0x94D049BB133111EB)
    values ^= values >> np.uint64(31)
    return values


def hashed(texts: pa.Array[Any]) -> tuple[Hashes, Hashes]:
    """Two hashes of each binary value, none of which may be null."""
    found = np.empty((2, len(texts)), np.uint64)
    for start in range(0, len(texts), BLOCK):
        part = texts.slice(start, BLOCK)
        found[:, start : start + len(part)] = _hashed(*_bytes(part))
    return found[0], found[1]


def _bytes(texts: pa.Array[Any]) -> tuple[NDArray[np.uint8], Places]:
    """The bytes of binary values, at least a word of zeros after them, and where each begins and the last one ends."""
    _, offsets, data = cast("list[Any]", texts.buffers())
    places = np.frombuffer(offsets, np.int32, len(texts) + 1, 4 * texts.offset).astype(np.int64)
    low, high = int(places[0]), int(places[-1])
    padded = np.zeros(high - low + _WORD, np.uint8)
    if high > low:
        padded[: high - low] = np.frombuffer(data, np.uint8, high - low, low)
    return padded, places - low


def _hashed(data: NDArray[np.uint8], places: Places) -> tuple[Hashes, Hashes]:
    """The sum of the values' words, each stirred in a way of its place, and the sum of all sums on the way to it.

    Texts of one length that differ in one or two words should never have both in common.
    """
    starts, lengths = places[:-1], np.diff(places)
    first, second = lengths.astype(np.uint64), np.zeros(len(lengths), np.uint64)
    for number, (rows, words) in enumerate(_words(data, starts, lengths)):
        # A product forgets high bits: each bit of a word must reach low ones before, and those of a product after.
        words ^= words >> _HALF
        words *= mixed(np.array([number + 1], np.uint64)) | np.uint64(1)
        words ^= words >> _HALF
        first[rows] += words
        second[rows] += first[rows]
    return first, second


_HALF = np.uint64(32)


def _words(data: NDArray[np.uint8], starts: Places, lengths: Places) -> Iterator[tuple[Any, Hashes]]:
    """Word after word of the values: which of them have it, and its eight bytes, zeros where the value has ended."""
    # A view in which a word starts at every byte.
    everywhere = np.lib.stride_tricks.as_strided(data[:_WORD].view("<u8"), (len(data) - _WORD + 1,), (1,))
    least, most = int(lengths.min(initial=2**31)), int(lengths.max(initial=0))
    for offset in range(0, most, _WORD):
        if least == most:
            # Values of one length, as UUIDs are, lie at one distance from each other.
            words = everywhere[offset::most][: len(starts)]
            yield slice(None), words.copy() if most - offset >= _WORD else words & _ALL[most - offset]
        else:
            rows = np.flatnonzero(lengths > offset)
            yield rows, everywhere[starts[rows] + offset] & _ALL[np.minimum(lengths[rows] - offset, _WORD)]


_ALL = np.array([2 ** (8 * count) - 1 for count in range(_WORD + 1)], np.uint64)
"""The bits of so many bytes at the start of a word."""
