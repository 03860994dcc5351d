"""What each kind of derived column is, of one row: the definition that every engine's own form must equal.

SQLite runs these functions itself. Texts are whole Unicode, numbers floats, moments in UTC, categories the texts that
they are written as elsewhere. None of a function means no value.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import re2

from monitoring_tasks.data.derived import json_text
from monitoring_tasks.derived_section import Derived
from monitoring_tasks.patterns import pattern_of

Value = bool | int | float | None
Definition = Callable[..., Value]

LARGEST, LEAST = 1e150, 1e-150
"""Numbers of a greater magnitude, or of a smaller one but 0, have no ratio and no difference: some databases end a
statement whose result no float holds."""
_QUIET = re2.Options()
_QUIET.log_errors = False


def text_length(text: str) -> int:
    """Characters of a text.

    >>> text_length("naïve")
    5
    """
    return len(text)


def words_of(text: str) -> list[bytes]:
    r"""The words of a text: runs of characters that are not ASCII white space.

    >>> words_of("one two\tthree\n")
    [b'one', b'two', b'three']
    """
    return text.encode().split()


def word_count(text: str) -> int:
    """Words of a text."""
    return len(words_of(text))


def repeated_words(text: str) -> float:
    """Share of a text's words that came before in it; 0 where there are no words.

    >>> repeated_words("so so so so")
    0.75
    """
    words = words_of(text)
    return 1 - len(set(words)) / len(words) if words else 0.0


def non_ascii_share(text: str) -> float:
    """Share of a text's characters that are not ASCII; 0 for an empty text.

    >>> non_ascii_share("äb")
    0.5
    """
    return sum(character > "\x7f" for character in text) / len(text) if text else 0.0


def is_json(text: str) -> bool | None:
    """Whether a text is JSON; see `json_text.is_json`."""
    return json_text.is_json(text.encode())


def matches(each: Derived) -> Definition:
    """Whether a text holds what one of the column's patterns describes."""
    search = compiled(regex(each)).search
    return lambda text: search(text.encode()) is not None


def compiled(regex: str) -> Any:
    """A regular expression of RE2, which prints nothing itself; `re2.error` says why it refuses one."""
    return re2.compile(regex, _QUIET)


def regex(each: Derived) -> str:
    """The column's patterns as one regular expression of RE2."""
    return pattern_of(each.patterns, ignore_case=each.ignore_case).re2


def one_of(each: Derived) -> Definition:
    """Whether a category is one of the column's values."""
    return frozenset(each.values).__contains__


def ratio(dividend: float, divisor: float) -> float | None:
    """One number divided by another; none where the divisor is 0 or a number is beyond the limits.

    >>> ratio(1, 4), ratio(1, 0), ratio(0, 4), ratio(1e999, 4)
    (0.25, None, 0.0, None)
    """
    usable = divisor and _within(dividend) and _within(divisor)
    return dividend / divisor if usable else None


def difference(minuend: float, subtrahend: float) -> float | None:
    """One number less another; none where a number is beyond the limits."""
    return minuend - subtrahend if _within(minuend) and _within(subtrahend) else None


def _within(number: float) -> bool:
    return number == 0 or LEAST <= abs(number) <= LARGEST


def moment_of(text: str) -> datetime | None:
    """The moment that an ISO 8601 text says, UTC where it names no zone; None where it says none.

    >>> moment_of("2013-06-04T01:00+02:00").hour, moment_of("soon")
    (23, None)
    """
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def hour_of_day(moment: datetime) -> int:
    """The hour of a moment in UTC, from 0 to 23."""
    return moment.hour


def always(definition: Definition) -> Callable[[Derived], Any]:
    """A definition without settings, for a table of those that may have some."""
    return lambda _: definition
