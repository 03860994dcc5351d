"""Columns of plain values as Arrow arrays, built from their buffers.

`pyarrow.array` imports pandas at its first call: half a second without answers in a server that has no other use for
it, and a lock that a fork can leave closed for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from monitoring_tasks.client.columns import Kind

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
Buffers = list[Any]


def microseconds(moment: datetime) -> int:
    """A moment in whole microseconds since 1970; one without a zone is UTC.

    >>> microseconds(datetime(1970, 1, 1, 0, 0, 1))
    1000000
    """
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MICROSECOND


def arrow_array(values: Sequence[Any], kind: Kind) -> pa.Array[Any]:
    """Values of one kind, or None, as an Arrow array.

    >>> arrow_array(["a", None, "bc"], str).to_pylist()
    ['a', None, 'bc']
    """
    valid = np.fromiter((value is not None for value in values), bool, len(values))
    missing = len(values) - int(valid.sum())
    mask = _bits(valid) if missing else None
    buffers = _BUFFERS[kind](values)
    return pa.Array.from_buffers(ARROW[kind], len(values), [mask, *buffers], missing)


def _bits(flags: np.ndarray[Any, Any]) -> pa.Buffer:
    return pa.py_buffer(np.packbits(flags, bitorder="little").tobytes())


def _floats(values: Sequence[float | None]) -> Buffers:
    return [pa.py_buffer(np.array([0.0 if value is None else value for value in values], np.float64).tobytes())]


def _integers(values: Sequence[int | None]) -> Buffers:
    return [pa.py_buffer(np.array([value or 0 for value in values], np.int64).tobytes())]


def _moments(values: Sequence[datetime | None]) -> Buffers:
    return _integers([0 if value is None else microseconds(value) for value in values])


def _flags(values: Sequence[bool | None]) -> Buffers:
    return [_bits(np.array([value is True for value in values], bool))]


def _texts(values: Sequence[str | None]) -> Buffers:
    written = [(value or "").encode() for value in values]
    ends = np.cumsum([0, *map(len, written)], dtype=np.int64)
    return [pa.py_buffer(ends.astype(np.int32).tobytes()), pa.py_buffer(b"".join(written))]


ARROW: Mapping[Kind, Any] = {
    float: pa.float64(),
    int: pa.int64(),
    str: pa.string(),
    bool: pa.bool_(),
    datetime: pa.timestamp("us", "UTC"),
}
_BUFFERS: Mapping[Kind, Callable[[Sequence[Any]], Buffers]] = {
    float: _floats,
    int: _integers,
    str: _texts,
    bool: _flags,
    datetime: _moments,
}
