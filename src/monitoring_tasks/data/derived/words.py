"""Words of texts, counted over Arrow's raw bytes in blocks that stay in a core's own cache."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Counted = Callable[["Block"], NDArray[Any]]

_BLOCK_BYTES = 1 << 17
_BLOCK_TEXTS = 1 << 14
_WIDTH = 8
_LONG = 256
"""Longer words, such as an encoded picture of some megabytes, are hashed one by one."""
_BLANK, _FIRST, _COUNT = np.uint8(ord(" ")), np.uint8(ord("\t")), np.uint8(5)
# Bytes of a word that lie beyond its end are masked out of the eight that are loaded at once.
_MASKS = np.array([(1 << 8 * size) - 1 for size in range(_WIDTH + 1)], np.uint64)
# The finaliser of MurmurHash3 (Appleby), whose upper bits depend on every bit.
_MIXERS = (np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53))
_SHIFT, _GOLDEN = np.uint64(33), np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, eq=False)
class Block:
    """Some texts in turn: their bytes, with eight zeros after them, and where each begins and the last one ends."""

    data: Bytes
    offsets: Ints

    def per_text(self, places: Ints) -> Ints:
        """How many of ascending places lie in each text."""
        found: Ints = np.diff(places.searchsorted(self.offsets))
        return found


def offsets_of(texts: pa.Array[Any]) -> tuple[Bytes, Ints]:
    """The bytes of an array of texts, and where each text begins and the last one ends."""
    kind: Any = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    offsets: Any
    data: Any
    _, offsets, data = texts.buffers()
    if offsets is None or not len(texts):
        return np.zeros(0, np.uint8), np.zeros(1, np.int64)
    found = np.frombuffer(offsets, kind)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    return np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8), found


def counted(texts: pa.Array[Any], count: Counted, kind: type[np.generic]) -> NDArray[Any]:
    """What `count` finds of each text, block by block."""
    data, offsets = offsets_of(texts)
    found = np.empty(len(offsets) - 1, kind)
    for first, last in _cuts(offsets):
        start, end = int(offsets[first]), int(offsets[last])
        some = np.concatenate([data[start:end], np.zeros(_WIDTH, np.uint8)])
        found[first:last] = count(Block(some, offsets[first : last + 1] - start))
    return found


def _cuts(offsets: Ints) -> Iterator[tuple[int, int]]:
    """Stretches of texts of about a block's bytes; a longer text is a block of its own."""
    first, rows = 0, len(offsets) - 1
    while first < rows:
        full = int(offsets.searchsorted(offsets[first] + _BLOCK_BYTES, "right")) - 1
        last = min(max(full, first + 1), first + _BLOCK_TEXTS, rows)
        yield first, last
        first = last


def word_counts(block: Block) -> Ints:
    """Words of each text: runs of bytes that are not ASCII white space."""
    return block.per_text(_starts(block, _blanks(block)))


def repeated_shares(block: Block) -> NDArray[np.float64]:
    """Share of each text's words that came before in it; 0 where there are no words.

    Words are told apart by 64 bits of a hash, less those that number the block's texts.
    """
    blanks = _blanks(block)
    starts = _starts(block, blanks)
    counts = block.per_text(starts)
    bits = np.uint64(max(len(counts) - 1, 1).bit_length())
    texts = np.repeat(np.arange(len(counts), dtype=np.uint64), counts) << (np.uint64(64) - bits)
    keys = np.sort(texts | (_hashes(block.data, starts, _ends(block, blanks)) >> bits))
    new = np.ones(len(keys), bool)
    new[1:] = keys[1:] != keys[:-1]
    # Sorted, the words of a text take the places that they had before.
    distinct = np.diff(np.concatenate([[0], np.cumsum(new)])[np.concatenate([[0], np.cumsum(counts)])])
    shares: NDArray[np.float64] = 1 - np.divide(distinct, counts, out=np.ones(len(counts)), where=counts > 0)
    return shares


def _blanks(block: Block) -> NDArray[np.bool_]:
    data = block.data[:-_WIDTH]
    found: NDArray[np.bool_] = (data == _BLANK) | (data - _FIRST < _COUNT)
    return found


def _starts(block: Block, blanks: NDArray[np.bool_]) -> Ints:
    """Where words begin: at a byte that is not blank, after a blank or at the beginning of a text."""
    before = np.empty(len(blanks) + 1, bool)
    before[1:] = blanks
    before[block.offsets] = True
    return np.flatnonzero(before[:-1] > blanks)


def _ends(block: Block, blanks: NDArray[np.bool_]) -> Ints:
    """The places after the last byte of each word."""
    after = np.empty(len(blanks) + 1, bool)
    after[:-1] = blanks
    after[block.offsets] = True
    return np.flatnonzero(after[1:] > blanks) + 1


def _hashes(data: Bytes, starts: Ints, ends: Ints) -> NDArray[np.uint64]:
    # Eight bytes from any place on, aligned or not.
    loads = np.ndarray((len(data) - _WIDTH + 1,), np.dtype("<u8"), data, strides=(1,))
    sizes = ends - starts
    found = _mixed((loads[starts] & _MASKS[np.minimum(sizes, _WIDTH)]) + sizes.astype(np.uint64) * _GOLDEN)
    longer, done = np.flatnonzero((sizes > _WIDTH) & (sizes <= _LONG)), _WIDTH
    while len(longer):
        left = sizes[longer] - done
        found[longer] = _mixed(
            found[longer] * _GOLDEN + (loads[starts[longer] + done] & _MASKS[np.minimum(left, _WIDTH)])
        )
        done += _WIDTH
        longer = longer[left > _WIDTH]
    for place in np.flatnonzero(sizes > _LONG):
        word = hashlib.blake2b(data[starts[place] : ends[place]].data, digest_size=_WIDTH)
        found[place] = int.from_bytes(word.digest(), "little")
    return found


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    for factor in _MIXERS:
        values ^= values >> _SHIFT
        values *= factor
    values ^= values >> _SHIFT
    return values
