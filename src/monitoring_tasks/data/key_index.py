"""Rows of predictions found by the keys of their ids: arrays alone, many keys at a time.

Ids that are whole numbers without wide gaps have a table with a place for each number. Other keys are kept as a sorted
array of entries of 64 bits: stirred bits of the key, and below them the number of its row. Since those bits are spread
evenly, a directory of about as many buckets as rows says where in it a key must be, but for a step or two.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from monitoring_tasks.data.keys import Hashes, Keys, Mask, Places, mixed
from monitoring_tasks.data.outcome_columns import unfilled

BATCH = 1 << 20
"""Keys looked up at once among entries: the more, the fewer times these are gone through."""
_BLOCK = 1 << 15
"""What is worked on at once stays in a core's own cache."""
_GAPS = 2
"""Numbers for each row, up to which a table takes no more memory than entries do."""


def members(alike: Mask) -> Places:
    """Places of the rows that are like a neighbour, where `alike` says it of each row and the next.

    >>> members(np.array([False, True, True, False])).tolist()
    [1, 2, 3]
    """
    both = np.zeros(len(alike) + 1, np.bool_)
    both[:-1] = alike
    both[1:] |= alike
    return np.flatnonzero(both)


class Index(Protocol):
    """Rows by the keys of their ids. Of rows with one id one stands for all: in `heads`, for those in `twins`."""

    most: int
    """How many keys are best looked up at once, and no more may be."""
    heads: Places
    twins: Places

    def find(self, keys: Keys) -> Places:
        """The row that stands for each key, all of which are valid; -1 where there is none."""


def index_of(keys: Keys) -> Index:
    """The index of all valid keys; it may use up their `first`, which must not be read any more.

    >>> index_of(Keys(np.array([7, 5, 7]), None, np.ones(3, bool))).find(Keys(np.array([5, 6]), None, np.ones(2, bool)))
    array([ 1, -1])
    """
    ids = keys.first if keys.valid.all() else keys.first[keys.valid]
    if keys.second is None and len(ids):
        least, most = int(ids.min()), int(ids.max())
        if most - least < _GAPS * len(ids) and len(keys) < 2**31:
            return Table(keys, least, most - least)
    return Entries(keys)


class Table:
    """The index of whole numbers that lie close: a row for each number from the least to the greatest."""

    most = 1 << 16

    def __init__(self, keys: Keys, least: int, width: int) -> None:
        self._least, self._width = np.uint64(least % 2**64), np.uint64(width)
        self._rows = unfilled(width + 1, np.int32)
        self._rows.fill(-1)
        for rows, numbers in self._numbered(keys):
            self._rows[numbers] = rows
        later = [rows[self._rows[numbers] != rows] for rows, numbers in self._numbered(keys)]
        self.twins = np.concatenate([np.empty(0, np.int64), *later])
        self.heads = self.find(keys.take(self.twins))

    def find(self, keys: Keys) -> Places:
        """The row that stands for each key, all of which are valid; -1 where there is none."""
        numbers = keys.first.view(np.uint64) - self._least
        rows = self._rows.take(numbers.view(np.int64), mode="clip").astype(np.int64)
        rows[numbers > self._width] = -1
        return rows

    def _numbered(self, keys: Keys) -> Iterator[tuple[Places, Places]]:
        for start in range(0, len(keys), _BLOCK):
            rows = np.arange(start, min(start + _BLOCK, len(keys)))
            valid = keys.valid[start : start + _BLOCK]
            rows = rows if valid.all() else rows[valid]
            yield rows, (keys.first[rows].view(np.uint64) - self._least).view(np.int64)


class Entries:
    """The index of any keys: sorted entries, which begin with as many stirred bits as the rows' numbers leave."""

    most = BATCH

    def __init__(self, keys: Keys) -> None:
        self._low = (np.uint64(1) << np.uint64(max(BATCH, len(keys)).bit_length())) - np.uint64(1)
        self._proof = _proof(keys)
        entries = unfilled(len(keys), np.uint64) if keys.second is None else keys.first.view(np.uint64)
        self._pack(keys, entries)
        self._entries = entries if keys.valid.all() else entries[keys.valid]
        self._entries.sort()
        self.heads, self.twins = self._settle()
        self._shift = np.uint64(64 - max(len(self._entries).bit_length(), 1))
        self._starts = self._directory()

    def find(self, keys: Keys) -> Places:
        """The row that stands for each key, all of which are valid; -1 where there is none."""
        sought = np.empty(len(keys), np.uint64)
        self._pack(keys, sought)
        # In their order the keys go through the entries once, from one end to the other.
        sought.sort()
        proof, rows = _proof(keys), np.full(len(keys), -1, np.int64)
        for start in range(0, len(keys) if len(self._entries) else 0, _BLOCK):
            some = sought[start : start + _BLOCK]
            order = (some & self._low).view(np.int64)
            rows[order] = self._find(some & ~self._low, proof[order])
        return rows

    def _find(self, sought: Hashes, proof: NDArray[np.generic]) -> Places:
        rows, left = np.full(len(sought), -1, np.int64), np.arange(len(sought))
        places = self._starts[sought >> self._shift]
        while len(left):
            # A place after the last entry shows the last one, which is less than what is sought.
            entries = self._entries.take(places, mode="clip")
            like = np.flatnonzero((entries ^ sought) <= self._low)
            there = (entries[like] & self._low).view(np.int64)
            same = self._proof[there] == proof[left[like]]
            rows[left[like[same]]] = there[same]
            less = entries < sought
            less[like[~same]] = True
            # Numbers of what is left pick it out four times as fast as the mask does.
            further = np.flatnonzero(less & (places < len(self._entries) - 1))
            left, sought, places = left[further], sought[further], places[further] + 1
        return rows

    def _pack(self, keys: Keys, entries: Hashes) -> None:
        for start in range(0, len(keys), _BLOCK):
            some = keys.first[start : start + _BLOCK].view(np.uint64)
            packed = (mixed(some) if keys.second is None else some) & ~self._low
            packed |= np.arange(start, start + len(some), dtype=np.uint64)
            entries[start : start + len(some)] = packed

    def _settle(self) -> tuple[Places, Places]:
        """Put entries that look alike in the order of their whole keys, then rows; the heads, and their twins."""
        places = members(self._alike(self._entries))
        entries = self._entries[places]
        rows = (entries & self._low).view(np.int64)
        order = np.lexsort([rows, self._proof[rows], entries & ~self._low])
        self._entries[places], rows = entries[order], rows[order]
        proof = self._proof[rows]
        again = np.flatnonzero(self._alike(entries[order]) & (proof[1:] == proof[:-1])) + 1
        first = np.arange(len(places))
        first[again] = 0
        return rows[np.maximum.accumulate(first)[again]], rows[again]

    def _alike(self, entries: Hashes) -> Mask:
        """Whether each entry looks like the next."""
        alike = np.empty(max(len(entries) - 1, 0), np.bool_)
        for start in range(0, len(alike), _BLOCK):
            some = entries[start : start + _BLOCK + 1]
            alike[start : start + len(some) - 1] = (some[1:] ^ some[:-1]) <= self._low
        return alike

    def _directory(self) -> NDArray[np.int64] | NDArray[np.int32]:
        """The first entry of each bucket: how many entries come before it."""
        kind = np.int32 if len(self._entries) < 2**31 else np.int64
        starts = unfilled((1 << 64 - int(self._shift)) + 1, kind)
        starts.fill(0)
        for start in range(0, len(self._entries), _BLOCK):
            buckets = (self._entries[start : start + _BLOCK] >> self._shift).view(np.int64)
            # Of several in a bucket the last one stays.
            starts[1:][buckets] = np.arange(start + 1, start + 1 + len(buckets), dtype=kind)
        found: NDArray[np.int64] | NDArray[np.int32] = np.maximum.accumulate(starts, out=starts)
        return found


def _proof(keys: Keys) -> NDArray[np.int64] | Hashes:
    """What shows that two keys with the same bits are one: all of the number, or the bits of the other hash."""
    return keys.first if keys.second is None else keys.second
