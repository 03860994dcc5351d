"""What patterns mean, said a second time and as plainly as can be: each part, from a start, gives its possible ends."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

DIGITS = "0123456789"
WORD = DIGITS + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
NAMED = {"d": DIGITS, "w": WORD, "s": " \t\n\v\f\r"}


def same(one: str, other: str, *, ignore_case: bool) -> bool:
    """Whether `other` is the letter `one` of a pattern: its other case counts, but never ASCII for what is not."""
    if one == other:
        return True
    return ignore_case and len(other) == 1 and one.isascii() == other.isascii() and other in (one.lower(), one.upper())


@cache
def other_cases(first: str, last: str) -> frozenset[str]:
    """The other cases of the letters of a range."""
    codes = [chr(code) for code in range(ord(first), ord(last) + 1)]
    return frozenset(
        other for one in codes for other in (one.lower(), one.upper()) if same(one, other, ignore_case=True)
    )


def escaped(character: str) -> str:
    """A character as a pattern writes it."""
    return f"\\{character}" if character in "\\^$.|?*+()[]{}-" else character


class Meaning:
    """A part of a pattern: how it is written, and where it may end in a text."""

    source: str

    def ends(self, text: str, start: int, *, ignore_case: bool) -> set[int]:
        """Every place where the part may end when it begins at `start`."""
        raise NotImplementedError


class One(Meaning):
    """A part that takes one character."""

    def takes(self, character: str, *, ignore_case: bool) -> bool:
        """Whether it takes this one."""
        raise NotImplementedError

    def ends(self, text: str, start: int, *, ignore_case: bool) -> set[int]:
        """Behind the character, where it is taken."""
        return {start + 1} if start < len(text) and self.takes(text[start], ignore_case=ignore_case) else set()


@dataclass(frozen=True)
class Letter(One):
    """One character for itself."""

    character: str

    @property
    def source(self) -> str:
        """The character."""
        return escaped(self.character)

    def takes(self, character: str, *, ignore_case: bool) -> bool:
        """That character, or its other case."""
        return same(self.character, character, ignore_case=ignore_case)


@dataclass(frozen=True)
class Any(One):
    """The dot."""

    source = "."

    def takes(self, character: str, *, ignore_case: bool) -> bool:
        """Whatever is no newline."""
        return character != "\n"


@dataclass(frozen=True)
class Named(One):
    """A class by a letter."""

    name: str

    @property
    def source(self) -> str:
        """The escape."""
        return f"\\{self.name}"

    def takes(self, character: str, *, ignore_case: bool) -> bool:
        """What is in the class of ASCII, or what is not."""
        return (character in NAMED[self.name.lower()]) == self.name.islower()


@dataclass(frozen=True)
class Class(One):
    """A class in brackets."""

    members: tuple[str | tuple[str, str] | Named, ...]
    negated: bool

    @property
    def source(self) -> str:
        """The class with its signs escaped."""
        shown = [
            each.source
            if isinstance(each, Named)
            else "-".join(map(escaped, (each,) if isinstance(each, str) else each))
            for each in self.members
        ]
        return f"[{'^' * self.negated}{''.join(shown)}]"

    def takes(self, character: str, *, ignore_case: bool) -> bool:
        """What one of the members takes, or none does."""
        return any(self._taken(each, character, ignore_case) for each in self.members) != self.negated

    def _taken(self, member: str | tuple[str, str] | Named, character: str, ignore_case: bool) -> bool:
        if isinstance(member, Named):
            return member.takes(character, ignore_case=ignore_case)
        first, last = (member, member) if isinstance(member, str) else member
        return first <= character <= last or (ignore_case and character in other_cases(first, last))


@dataclass(frozen=True)
class Edge(Meaning):
    """Start or end of the text."""

    end: bool

    @property
    def source(self) -> str:
        """The sign."""
        return "$" if self.end else "^"

    def ends(self, text: str, start: int, *, ignore_case: bool) -> set[int]:
        """The place itself."""
        return {start} if start == (len(text) if self.end else 0) else set()


@dataclass(frozen=True)
class Boundary(Meaning):
    """Boundary of a word of ASCII, or none."""

    there: bool

    @property
    def source(self) -> str:
        """The escape."""
        return r"\b" if self.there else r"\B"

    def ends(self, text: str, start: int, *, ignore_case: bool) -> set[int]:
        """The place itself."""
        before, after = text[max(start - 1, 0) : start], text[start : start + 1]
        boundary = bool(before and before in WORD) != bool(after and after in WORD)
        return {start} if boundary == self.there else set()


@dataclass(frozen=True)
class Row(Meaning):
    """Parts one after the other."""

    parts: tuple[Meaning, ...]

    @property
    def source(self) -> str:
        """The parts, choices in brackets."""
        return "".join(f"({each.source})" if isinstance(each, Choice) else each.source for each in self.parts)

    def ends(self, text: str, start: int, *, ignore_case: bool) -> set[int]:
        """Where the last one ends."""
        found = {start}
        for part in self.parts:
            found = {end for each in found for end in part.ends(text, each, ignore_case=ignore_case)}
        return found


@dataclass(frozen=True)
class Choice(Meaning):
    """Any of some parts."""

    parts: tuple[Meaning, ...]

    @property
    def source(self) -> str:
        """The options with bars between."""
        return "|".join(each.source for each in self.parts)

    def ends(self, text: str, start: int, *, ignore_case: bool) -> set[int]:
        """Where any of them ends."""
        return {end for each in self.parts for end in each.ends(text, start, ignore_case=ignore_case)}


@dataclass(frozen=True)
class Repeat(Meaning):
    """A part, several times."""

    part: Meaning
    counts: tuple[int, int | None]

    @property
    def source(self) -> str:
        """The part in brackets, and the counts."""
        least, most = self.counts
        return f"(?:{self.part.source}){{{least},{'' if most is None else most}}}"

    def ends(self, text: str, start: int, *, ignore_case: bool) -> set[int]:
        """Where as many copies end as are asked for: more than the text has characters add nothing."""
        least, most = self.counts
        found, reached = {start}, {start} if least == 0 else set[int]()
        for copy in range(1, (least + len(text) + 1 if most is None else most) + 1):
            found = {end for each in found for end in self.part.ends(text, each, ignore_case=ignore_case)}
            reached |= found if copy >= least else set()
        return reached


def found(meaning: Meaning, text: str, *, ignore_case: bool) -> bool:
    """Whether the text holds what the pattern means, anywhere."""
    return any(meaning.ends(text, start, ignore_case=ignore_case) for start in range(len(text) + 1))
