"""Values of Arrow columns as numpy's numbers and as texts, alike whatever type they came in."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Column: TypeAlias = "pa.ChunkedArray[Any]"
Numbers = NDArray[Any]


def value_type(kind: pa.DataType) -> pa.DataType:
    """The type of a column's values: a dictionary's is that of its entries."""
    return kind.value_type if isinstance(kind, pa.DictionaryType) else kind


def is_numeric(kind: pa.DataType) -> bool:
    """Whether a numeric column may be of this type."""
    checks = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean)
    return any(check(kind) for check in checks)


def is_text(kind: pa.DataType) -> bool:
    """Whether the type holds text."""
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def arrow_array(values: Numbers) -> pa.Array[Any]:
    """Numbers of numpy as an Arrow array that shares their memory; the inverse of `numbers`.

    `pa.array`, like `pa.scalar` and `to_numpy`, imports pandas: a tenth of a second, and 50 MB.

    >>> arrow_array(np.array([3, 1])).to_pylist()
    [3, 1]
    """
    shared = pa.py_buffer(np.ascontiguousarray(values).data)
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, shared])


_NAN = arrow_array(np.array([math.nan]))[0]


def numbers(array: pa.Array[Any]) -> Numbers:
    """The values of a numeric array, nulls as NaN; without a copy where Arrow's memory allows it."""
    return filled(convertible(array))


def filled(array: pa.Array[Any]) -> Numbers:
    """The values of an array of a type that numpy has, nulls as NaN."""
    if array.null_count:
        floats = array if pa.types.is_floating(array.type) else array.cast(pa.float64(), safe=False)
        array = floats.fill_null(_NAN)
    values: Numbers = np.from_dlpack(array)
    return values


def convertible(array: pa.Array[Any]) -> pa.Array[Any]:
    """A numeric array in a type that numpy has; nulls stay."""
    kind = array.type
    if isinstance(array, pa.DictionaryArray):
        return convertible(array.dictionary_decode())
    if pa.types.is_decimal(kind) or pa.types.is_float16(kind):
        return array.cast(pa.float64())
    return array.cast(pa.uint8()) if pa.types.is_boolean(kind) else array


def texts(values: pa.Array[Any]) -> list[str | None]:
    """The values of an array that is not dictionary-encoded as their categories' texts; None for null and NaN."""
    if is_text(values.type):
        # By way of bytes: files may hold text that is not valid UTF-8, and must not end the scan.
        raw = values.cast(pa.large_binary()).to_pylist()
        return [None if item is None else item.decode("utf-8", "replace") for item in raw]
    return [_text(value) for value in values.to_pylist()]


def _text(value: bool | float | Decimal | None) -> str | None:
    """A value as its category's text; a whole number is written as an integer, whatever type it came in.

    Tools that have no missing integer turn a column of them into floats: the category must stay the same.
    """
    if value is None or value != value:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return str(int(value)) if value == value.to_integral_value() else format(value.normalize(), "f")
    return str(int(value)) if math.isfinite(value) and value == int(value) else repr(value)


def encoded(array: pa.Array[Any]) -> tuple[list[str | None], NDArray[np.int64]]:
    """The distinct texts of an array with None as the last, and the place of each row's; a text may be there twice."""
    if not isinstance(array, pa.DictionaryArray):
        array = _distinguishable(array).dictionary_encode()
    words = [*texts(array.dictionary), None]
    codes: NDArray[np.int64] = np.from_dlpack(array.indices.cast(pa.int64()).fill_null(len(words) - 1)).astype(
        np.int64, copy=False
    )
    return words, codes


def _distinguishable(array: pa.Array[Any]) -> pa.Array[Any]:
    """An array in a type that Arrow can tell the values of."""
    if pa.types.is_string_view(array.type):
        return array.cast(pa.large_string())
    return array.cast(pa.float64()) if pa.types.is_float16(array.type) else array
