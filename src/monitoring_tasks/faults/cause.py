"""A probable cause: what a known fault would explain, in a sentence for a person."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

WIDEST = 60
_MONTHS = ("Jan", "Feb", "March", "April", "May", "June", "July", "Aug", "Sept", "Oct", "Nov", "Dec")


class Fault(StrEnum):
    """A known way in which rows go wrong."""

    UNIT_CHANGE = "unit_change"
    NULL_BURST = "null_burst"
    FROZEN = "frozen"
    RENAME = "rename"
    CASE_CHANGE = "case_change"
    TIME_SHIFT = "time_shift"
    DUPLICATED_BATCH = "duplicated_batch"
    TRUNCATED = "truncated"


@dataclass(frozen=True)
class Cause:
    """A fault that explains what was found in a column, or in the whole window when `column` is None.

    `share` is the share of the window's rows that the fault touches (of a truncated file: of the rows that were
    expected); `words` says it in one sentence.
    """

    fault: Fault
    column: str | None
    share: float
    words: str

    def to_json(self) -> dict[str, Any]:
        """The cause as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`.

        >>> cause = Cause(Fault.FROZEN, "temp", 0.5, "temp: half of the values are 3")
        >>> Cause.from_json(cause.to_json()) == cause
        True
        """
        return cls(**{**value, "fault": Fault(value["fault"])})


def shown(text: str) -> str:
    """A name or category from outside, fit for a sentence: on one line, without control characters, at most 60 long.

    >>> shown("a\\nb\\x1b[31m"), len(shown("x" * 99))
    ('a b [31m', 60)
    """
    flat = "".join(character if character.isprintable() else " " for character in text)
    return flat if len(flat) <= WIDEST else flat[: WIDEST - 3] + "..."


def in_percent(share: float) -> str:
    """A share as a person says it.

    >>> in_percent(0.0512), in_percent(0.004), in_percent(1.0), in_percent(0.999)
    ('about 5%', 'about 0.4%', 'all', 'nearly all')
    """
    if share >= 0.995:
        return "all" if share == 1 else "nearly all"
    return f"about {share * 100:.1g}%" if share < 0.01 else f"about {math.floor(share * 100 + 0.5)}%"


def at(moment: datetime) -> str:
    """A moment in UTC as a person says it, to the minute.

    >>> from datetime import UTC
    >>> at(datetime(2013, 6, 3, 14, 20, tzinfo=UTC))
    '14:20 on 3 June'
    """
    return f"{moment.hour:02}:{moment.minute:02} on {moment.day} {_MONTHS[moment.month - 1]}"


def between(start: datetime, end: datetime) -> str:
    """A stretch of time as a person says it.

    >>> from datetime import UTC
    >>> between(datetime(2013, 6, 3, 14, tzinfo=UTC), datetime(2013, 6, 3, 15, tzinfo=UTC))
    'from 14:00 to 15:00 on 3 June'
    """
    if start == end:
        return f"at {at(start)}"
    if start.date() == end.date():
        return f"from {start.hour:02}:{start.minute:02} to {at(end)}"
    return f"from {at(start)} to {at(end)}"
