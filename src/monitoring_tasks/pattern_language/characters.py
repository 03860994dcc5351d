"""Sets of characters, as ranges of code points: what one place of a pattern may hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

LAST = 0x10FFFF
"""The last code point."""
_CASED = 0x1E943
"""The last code point that has another case: small Adlam letter sha."""
Range = tuple[int, int]


@dataclass(frozen=True)
class Characters:
    """A set of characters: ranges from first to last code point, in order, neither overlapping nor adjacent.

    >>> characters((97, 99), (98, 102), (103, 103)).ranges
    ((97, 103),)
    """

    ranges: tuple[Range, ...]

    def __contains__(self, character: str) -> bool:
        """Whether the set holds the character."""
        return any(first <= ord(character) <= last for first, last in self.ranges)

    def complement(self) -> Characters:
        """Every other character, newline and NUL among them.

        >>> characters((1, LAST)).complement().ranges
        ((0, 0),)
        """
        ends = [-1, *(last for _, last in self.ranges)]
        starts = [*(first for first, _ in self.ranges), LAST + 1]
        return characters(*((end + 1, start - 1) for end, start in zip(ends, starts, strict=True)))

    def folded(self) -> Characters:
        """The set with the other case of each of its letters, where that is one character.

        A letter of ASCII and one beyond are never two cases of one: otherwise the Kelvin sign, dotless i and long s
        would make k, i and s members of every range of foreign letters.

        >>> characters((ord("k"), ord("k"))).folded() == characters((75, 75), (107, 107))
        True
        """
        return _folded(self)


def characters(*ranges: Range) -> Characters:
    """The set of all characters of some ranges, which may overlap or be empty."""
    merged: list[Range] = []
    for first, last in sorted(each for each in ranges if each[0] <= each[1]):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return Characters(tuple(merged))


def union(sets: Iterable[Characters]) -> Characters:
    """The characters of any of some sets."""
    return characters(*(each for found in sets for each in found.ranges))


@cache
def _folded(found: Characters) -> Characters:
    return characters(*found.ranges, *_other_cases(found))


def _other_cases(found: Characters) -> Iterator[Range]:
    for first, last in found.ranges:
        for code in range(first, min(last, _CASED) + 1):
            letter = chr(code)
            for other in (letter.lower(), letter.upper()):
                if len(other) == 1 and other != letter and other.isascii() == letter.isascii():
                    yield ord(other), ord(other)


def _named(*members: str) -> Characters:
    return characters(*((ord(each[0]), ord(each[-1])) for each in members))


DIGITS = _named("09")
WORD = _named("09", "AZ", "az", "_")
SPACES = _named("\t\r", " ")
"""Blank, tab, newline, vertical tab, form feed, carriage return."""
NOT_NEWLINE = _named("\n").complement()
