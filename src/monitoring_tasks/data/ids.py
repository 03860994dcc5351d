"""Ids of rows, which two logs must write alike to be joined: whole numbers or text."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitoring_tasks.errors import SourceInvalid

Column: TypeAlias = "pa.ChunkedArray[Any]"


def plain_ids(column: Column, *, place: str) -> Column:
    """Ids as int64 or string, null where there is none (null, NaN); a whole float or decimal is its integer.

    `place` names the column and its source in errors. Raises `SourceInvalid` for fractions, for numbers beyond 64 bits
    and for other types.

    >>> plain_ids(pa.chunked_array([[7.0, float("nan")]]), place="here").to_pylist()
    [7, None]
    """
    kind = column.type
    if pa.types.is_null(kind) or pa.types.is_string(kind):
        return column
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise _no_id(place, f"has type {kind}")
    try:
        whole: Column = without_nan(column).cast(pa.int64())
    except pa.ArrowInvalid as error:
        raise _no_id(place, f"holds a number that is none ({str(error).splitlines()[0]})") from None
    return whole


def whole_id(value: Decimal | None, *, place: str) -> int | None:
    """One decimal id as `plain_ids` would have it.

    >>> whole_id(Decimal("7.00"), place="here"), whole_id(Decimal("NaN"), place="here")
    (7, None)
    """
    if value is None or value.is_nan():
        return None
    if not value.is_finite() or value != int(value) or not -(2**63) <= value < 2**63:
        raise _no_id(place, f"holds {value}")
    return int(value)


def _no_id(place: str, found: str) -> SourceInvalid:
    return SourceInvalid(f"{place} {found}: an id may be a whole number of 64 bits or text; convert it in the source")


def without_nan(column: Column) -> Column:
    """The column with null for NaN, which writers without nulls put."""
    if not pa.types.is_floating(column.type):
        return column
    filled: Column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    return filled


def first_of_each(ids: Column) -> pa.BooleanArray:
    """Whether each id is the first of its kind; a null is nobody's double.

    >>> first_of_each(pa.chunked_array([["b", "a", "b", None, None]])).to_pylist()
    [True, True, False, True, True]
    """
    codes = ids.combine_chunks().dictionary_encode().indices
    # Codes are given in order of appearance: a new id is a new maximum.
    highest = np.maximum.accumulate(codes.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64))
    new = np.diff(highest, prepend=-1) > 0
    found: pa.BooleanArray = pa.array(new | codes.is_null().to_numpy(zero_copy_only=False))
    return found
