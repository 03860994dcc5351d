"""Timestamp columns of Arrow tables: which of their rows lie in a window, whatever type keeps the time.

A time without a zone is UTC; a date is its midnight UTC. Whole numbers are refused: their unit cannot be told.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from fractions import Fraction
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from monitoring_tasks.errors import SourceInvalid
from monitoring_tasks.window import Window

ALLOWED = "a timestamp (with or without time zone), a date, or ISO 8601 text"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_STEPS = {"s": Fraction(1_000_000), "ms": Fraction(1000), "us": Fraction(1), "ns": Fraction(1, 1000)}
_DAY = Fraction(86_400_000_000)
_UTC: Any = pa.timestamp("us", "UTC")
_ISO: tuple[pa.DataType, ...] = (pa.timestamp("us"), _UTC)


def inside(column: pa.ChunkedArray[Any], window: Window, *, place: str) -> pa.ChunkedArray[Any]:
    """Whether each moment of `column` lies in `window`; a null lies in no window.

    `place` names the column and its file in errors. Raises `SourceInvalid` for a type that holds no moments and for
    text that is not ISO 8601.

    >>> day = Window.parse("2013-06-03", "2013-06-04")
    >>> moments = pa.chunked_array([["2013-06-03T23:59:59", "2013-06-04T01:00+02:00", "2013-06-04", None]])
    >>> inside(moments, day, place="here").to_pylist()
    [True, True, False, False]
    """
    column = _typed(column, place)
    low, high = limits(window, step(column.type, place=place))
    counts = column.cast(pa.int32() if pa.types.is_date32(column.type) else pa.int64()).cast(pa.int64())
    within: Any = pc.and_(pc.greater_equal(counts, pa.scalar(low)), pc.less(counts, pa.scalar(high)))
    filled: pa.ChunkedArray[Any] = within.fill_null(False)
    return filled


def instants(column: pa.ChunkedArray[Any], *, place: str) -> pa.ChunkedArray[Any]:
    """The moments of `column` in UTC with microseconds, cut off below; raises `SourceInvalid` as `inside` does.

    >>> str(instants(pa.chunked_array([["2013-06-04T01:00+02:00", None]]), place="here")[0])
    '2013-06-03 23:00:00+00:00'
    """
    column = _typed(column, place)
    step(column.type, place=place)
    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("s" if pa.types.is_date32(column.type) else "ms"))
    return column.cast(_UTC, safe=False)


def _typed(column: pa.ChunkedArray[Any], place: str) -> pa.ChunkedArray[Any]:
    """The column without a dictionary, and texts as the moments they say."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return _parsed(column, place) if _is_text(column.type) else column


def limits(window: Window, unit: Fraction) -> tuple[int, int]:
    """The window as a half-open span of whole counts of `unit` microseconds since the epoch, clipped to 64 bits.

    >>> limits(Window.parse("1970-01-01T12:00", "1970-01-03"), _DAY)
    (1, 2)
    """
    low, high = (-((-((moment - _EPOCH) // _MICROSECOND)) // unit) for moment in (window.start, window.end))
    return max(low, -(2**63)), min(high, 2**63 - 1)


def step(kind: pa.DataType, *, place: str) -> Fraction:
    """Microseconds between two neighbouring values of a column type. Raises `SourceInvalid`."""
    if pa.types.is_timestamp(kind):
        return _STEPS[kind.unit]
    if pa.types.is_date32(kind):
        return _DAY
    if pa.types.is_date64(kind):
        return _STEPS["ms"]
    raise SourceInvalid(f"{place} has type {kind}: a timestamp column may be {ALLOWED}; convert it where it is written")


def statistics_step(logical_type: str, unit: str | None) -> Fraction | None:
    """Microseconds between two neighbouring values as Parquet stores them; None where they are no moments."""
    if logical_type == "Date":
        return _DAY
    units = {"milliseconds": "ms", "microseconds": "us", "nanoseconds": "ns"}
    return _STEPS[units[unit]] if logical_type == "Timestamp" and unit in units else None


def no_such_column(name: str, columns: Sequence[str], *, place: str, role: str = "timestamp") -> SourceInvalid:
    """The error that says the column of a role is missing, with the columns there are and the likely one."""
    likely = get_close_matches(name, columns, n=1)
    hint = f"; did you mean {likely[0]!r}?" if likely else ":"
    shown = ", ".join(columns[:20]) + (", ..." if len(columns) > 20 else "")
    return SourceInvalid(f"{place} has no {role} column {name!r}{hint} its columns are {shown or 'none'}")


def require_moments(kind: pa.DataType, *, place: str) -> None:
    """Raise `SourceInvalid` unless a column type holds moments, or text that may."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if not _is_text(kind):
        step(kind, place=place)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _parsed(column: pa.ChunkedArray[Any], place: str) -> pa.ChunkedArray[Any]:
    for kind in _ISO:
        try:
            return column.cast(kind)
        except pa.ArrowInvalid:
            continue
    # Mixed forms in one column: slow, and right.
    moments = {text: _moment(text, place) for text in column.unique().to_pylist()}
    return pa.chunked_array([[moments[text] for text in column.to_pylist()]], _UTC)


def _moment(text: str | None, place: str) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise SourceInvalid(
            f"{place} holds {text[:40]!r}, which is no moment: write ISO 8601 like 2013-06-04T06:00:00Z, or null"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
