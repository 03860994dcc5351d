"""Which rows a scan's sample holds, and which ids occurred before: decided by hashes, so threads cannot matter."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring_tasks.profile.kernel import Column, numbers, value_type
from monitoring_tasks.profile.plan import Hashes

Picks = tuple[NDArray[np.int64], Hashes]
"""Positions of a chunk's sampled rows, ascending, and their hashes."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIXERS = ((30, np.uint64(0xBF58476D1CE4E5B9)), (27, np.uint64(0x94D049BB133111EB)))
_BATCH = 262_144


def pick_rows(key: int, rows: int, threshold: int) -> Picks:
    """The rows of a chunk whose hash of (chunk key, position) is below `threshold` (SplitMix64, Steele et al. 2014).

    >>> positions, hashes = pick_rows(key=7, rows=1000, threshold=2**64 // 100)
    >>> len(positions), bool((hashes < 2**64 // 100).all())
    (7, True)
    """
    found = [_picked(key, start, min(rows, start + _BATCH), threshold) for start in range(0, rows, _BATCH)]
    if not found:
        return np.zeros(0, np.int64), np.zeros(0, np.uint64)
    return np.concatenate([positions for positions, _ in found]), np.concatenate([hashes for _, hashes in found])


def _picked(key: int, start: int, end: int, threshold: int) -> Picks:
    hashes = _splitmix(np.uint64(key), np.arange(start + 1, end + 1, dtype=np.uint64))
    chosen = np.flatnonzero(hashes <= np.uint64(min(threshold, 2**64) - 1))
    return chosen + start, hashes[chosen]


def _splitmix(seed: np.uint64, steps: Hashes) -> Hashes:
    state = seed + steps * _GOLDEN  # arrays of unsigned integers wrap around, which is what the hash wants
    for shift, factor in _MIXERS:
        state = (state ^ (state >> np.uint64(shift))) * factor
    mixed: Hashes = state ^ (state >> np.uint64(31))
    return mixed


def threshold_for(sample_rows: int, rows: int) -> int:
    """The hash below which `sample_rows` of `rows` rows lie, and with near certainty not fewer: six sd of margin."""
    wanted = sample_rows + 6 * math.sqrt(sample_rows) + 10
    return 2**64 if wanted >= rows else max(1, int(2**64 * (wanted / rows)))


def id_keys(column: Column) -> Hashes:
    """64 bits for each id that is neither null nor NaN: integers as they are, anything else hashed.

    Among 10 million ids the chance that two different ones meet is 3 in a million. A whole float is its integer.
    """
    parts = [_keys(array.drop_null()) for array in column.chunks if len(array)]
    return np.concatenate(parts) if parts else np.zeros(0, np.uint64)


def _keys(ids: pa.Array[Any]) -> Hashes:
    kind = value_type(ids.type)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _number_keys(numbers(ids))
    if pa.types.is_nested(kind):
        return _hashed(np.array([repr(value) for value in ids.to_pylist()], object))
    return _hashed(ids.to_numpy(zero_copy_only=False).astype(object))


def _number_keys(values: NDArray[Any]) -> Hashes:
    if values.dtype.kind in "iu":
        return values.astype(np.uint64)
    floats = values[~np.isnan(values)].astype(np.float64)  # writers without nulls put NaN
    whole = (floats == np.floor(floats)) & (np.abs(floats) < 2.0**63)
    keys: Hashes = floats.view(np.uint64).copy()
    keys[whole] = floats[whole].astype(np.int64).view(np.uint64)
    return keys


def _hashed(values: NDArray[Any]) -> Hashes:
    from pandas.util import hash_array  # a quarter of a second to import, and integers do not need it

    return hash_array(values, categorize=False)


def count_duplicates(keys: Hashes) -> int:
    """How many keys occurred before among `keys`, which are sorted in place.

    >>> count_duplicates(np.array([1, 2, 2, 1], np.uint64))
    2
    """
    keys.sort()
    return int(np.count_nonzero(keys[1:] == keys[:-1]))
