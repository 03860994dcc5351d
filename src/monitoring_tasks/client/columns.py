"""Types of logged columns: settled by the first value of each, or declared, and kept from then on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import chain
from typing import Any, TypeAlias

import numpy as np

Row: TypeAlias = Mapping[str, Any]
Kind: TypeAlias = type[float] | type[int] | type[str] | type[bool] | type[datetime]
KINDS: tuple[Kind, ...] = (float, int, str, bool, datetime)
"""What a column can hold. A number is a float unless its column is declared `int`: JSON writes 3.0 as 3 now and then,
and of several processes each would settle on another type."""
_MOST = 1500
_LIGHT = frozenset({float, int, str, bool, datetime, type(None)})
_INTEGERS = range(-(2**63), 2**63)


class Columns:
    """The kinds of a log's columns and how many values did not fit; made for one thread.

    A value that fits none (text in a column of numbers, a list, a whole number beyond 64 bits, text with NUL) becomes
    null and is counted in `unfit` under its column; a column beyond the 1,500th, or of a name that the destination
    cannot have (`writable`), is left out and counted likewise.
    """

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        self.kinds: dict[str, Kind] = dict(kinds)
        self.writable: Callable[[str], bool] = is_text
        self.unfit: Counter[str] = Counter()

    def values(self, rows: Sequence[Row]) -> dict[str, list[Any]]:
        """The rows by column, each value of its column's kind or null; columns that never had a value are left out."""
        names = dict.fromkeys(chain.from_iterable(rows))
        found = {}
        for name in names:
            column = [row.get(name) for row in rows]
            kind = self._kind(name, column)
            if kind is not None:
                found[name] = self._fitted(name, column, kind)
        return found

    def _kind(self, name: str, column: Sequence[Any]) -> Kind | None:
        if name not in self.kinds:
            plain = next((value for value in map(_plain, column) if not _missing(value)), None)
            kind = None if plain is None else kind_of(plain)
            if kind is None or len(self.kinds) >= _MOST or not self.writable(name):
                self.count(name, sum(not _missing(value) for value in map(_plain, column)))
                return None
            self.kinds[name] = kind
        return self.kinds[name]

    def _fitted(self, name: str, column: list[Any], kind: Kind) -> list[Any]:
        if set(map(type, column)) <= _ALREADY[kind] and (kind is not str or _clean(column)):
            return column
        plain = [_plain(value) for value in column]
        fitted = [None if value is None else _fit(value, kind) for value in plain]
        wrong = sum(a is None and not _missing(b) for a, b in zip(fitted, plain, strict=True))
        self.count(name, wrong)
        return fitted

    def count(self, name: str, values: int) -> None:
        """Note values that were not written."""
        if values:
            # However many names a server invents, their count takes bounded memory.
            self.unfit[name if name in self.unfit or len(self.unfit) < _MOST else "others"] += values


def is_text(name: str) -> bool:
    """Whether a name is Unicode: half of a surrogate pair is none.

    >>> is_text("Ä"), is_text(chr(0xD800))
    (True, False)
    """
    return name == name.encode("utf-8", "replace").decode()


def kind_of(value: Any) -> Kind | None:
    """The kind of a plain value; None for what no column can hold.

    >>> kind_of(3), kind_of(True), kind_of("a"), kind_of([1])
    (<class 'float'>, <class 'bool'>, <class 'str'>, None)
    """
    kinds: tuple[tuple[type | tuple[type, ...], Kind], ...] = (
        (bool, bool),
        ((int, float, Decimal), float),
        (str, str),
        (date, datetime),
    )
    return next((kind for types, kind in kinds if isinstance(value, types)), None)


def light(row: dict[str, Any]) -> dict[str, Any]:
    """The row without what no column can hold, whose size nobody knows: an ellipsis stands for it, to be counted.

    >>> light({"a": 1.5, "b": [0] * 1000})
    {'a': 1.5, 'b': Ellipsis}
    """
    if set(map(type, row.values())) <= _LIGHT:
        return row
    return {name: value if _holdable(value) else ... for name, value in row.items()}


def _holdable(value: Any) -> bool:
    plain = _plain(value)
    return _missing(plain) or kind_of(plain) is not None


def _plain(value: Any) -> Any:
    """A numpy value as Python's own; every other as it is."""
    if isinstance(value, np.datetime64):
        return value.astype("datetime64[us]").item()
    return (
        value.item() if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and not value.ndim) else value
    )


def _missing(value: Any) -> bool:
    """Whether a value is null, in one of the ways data frames write it (None, NaN, NaT, NA)."""
    if value is None or type(value).__name__ in ("NaTType", "NAType"):
        return True
    return value.is_nan() if isinstance(value, Decimal) else isinstance(value, float) and value != value


def _fit(value: Any, kind: Kind) -> Any:
    if kind is not float and _missing(value):
        return None
    try:
        return _FIT[kind](value)
    except (TypeError, ValueError, ArithmeticError):
        return None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float | Decimal) else None


def _whole(value: Any) -> int | None:
    if not isinstance(value, int | float | Decimal):
        return None
    whole = int(value)
    return whole if whole == value and whole in _INTEGERS else None


def _text(value: Any) -> str | None:
    if not isinstance(value, str) or "\0" in value:
        return None
    value.encode()
    return str(value)


def _flag(value: Any) -> bool | None:
    return bool(value) if isinstance(value, int | float) and value in (0, 1) else None


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, date):
        return None
    if not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _clean(column: Sequence[str | None]) -> bool:
    """Whether texts can be written everywhere, found for all at once."""
    joined = "".join(filter(None, column))
    try:
        joined.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in joined


_FIT: Mapping[Kind, Callable[[Any], Any]] = {
    float: _number,
    int: _whole,
    str: _text,
    bool: _flag,
    datetime: _moment,
}
_ALREADY: Mapping[Kind, frozenset[type]] = {
    float: frozenset({float, type(None)}),
    int: frozenset({type(None)}),
    str: frozenset({str, type(None)}),
    bool: frozenset({bool, type(None)}),
    datetime: frozenset({type(None)}),
}
