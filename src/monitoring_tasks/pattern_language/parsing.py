r"""The small regular language of patterns, read into a tree; whatever is not of it is refused with a sentence.

| written | finds |
| --- | --- |
| `a` `é` `\.` `\t \n \r` `\xE9` `\u00e9` | that character; `^ $ . ( ) [ ] { } * + ?`, the bar and `\` need a `\` |
| `.` | any character but a newline |
| `[a-z_]` `[^a-z]` | one of these, none of these (a newline is none); `-` stands first or last, or is `\-` |
| `\d \w \s` `\D \W \S` | digits, letters and digits and `_`, white space, all of ASCII; everything else |
| `( )` `(?: )` | a group; nothing is captured |
| the bar | either side |
| `* + ? {m} {m,} {m,n}` | repeats, 255 at most; a lazy `?` after them changes no answer and is left out |
| `^ $` | start and end of the text, never of a line |
| `\b \B` | boundary of a word of ASCII, no boundary |
"""

from __future__ import annotations

import re
from typing import NoReturn

from monitoring_tasks.pattern_language.characters import (
    DIGITS,
    NOT_NEWLINE,
    SPACES,
    WORD,
    Characters,
    characters,
    union,
)
from monitoring_tasks.pattern_language.tree import Node, Place, Repeat, chain, choice

MOST_REPEATS = 255
"""The most a counted repeat may ask for: more PostgreSQL refuses (DUPMAX)."""
MOST_NESTED = 50
"""Groups within groups: more is a mistake, and each takes some stack, here and in the engines."""
_SETS = {"d": DIGITS, "w": WORD, "s": SPACES}
_SETS |= {name.upper(): found.complement() for name, found in _SETS.items()}
_PLACES = {"^": Place.START, "$": Place.END}
_BOUNDARIES = {"b": Place.BOUNDARY, "B": Place.NO_BOUNDARY}
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r"}
_HEXADECIMAL = {"x": 2, "u": 4}
_COUNTED = re.compile(r"\{(\d+)(?:(,)(\d*))?\}", re.ASCII)
_COUNTS = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_GROUPS = {
    "(?=": "looks ahead: patterns find or do not, without looking around: write another pattern",
    "(?!": "looks ahead: patterns find or do not, without looking around: write another pattern",
    "(?<=": "looks behind: patterns find or do not, without looking around: write another pattern",
    "(?<!": "looks behind: patterns find or do not, without looking around: write another pattern",
    "(?P": "names a group: groups are ( ) or (?: ), nothing is captured: remove the name",
    "(?<": "names a group: groups are ( ) or (?: ), nothing is captured: remove the name",
    "(?#": "begins a comment: remove it",
}


def parsed(pattern: str, *, ignore_case: bool) -> Node:
    """The tree of a pattern; letters stand for both cases where `ignore_case`.

    Raises `ValueError` with the place, counted from 1, what stands there, and what to write.
    """
    return _Reader(pattern, ignore_case=ignore_case).read()


class _Reader:
    def __init__(self, pattern: str, *, ignore_case: bool) -> None:
        self.pattern = pattern
        self.ignore_case = ignore_case
        self.at = 0
        self.depth = 0

    def read(self) -> Node:
        for at, character in enumerate(self.pattern):
            self._require_storable(character, at)
        node = self._choice()
        if self.at < len(self.pattern):
            self._refuse(self.at, r"')' closes no group: write \) for a bracket of the text")
        return node

    def _refuse(self, at: int, sentence: str) -> NoReturn:
        raise ValueError(f"character {at + 1}: {sentence}")

    def _require_storable(self, character: str, at: int) -> None:
        if character == "\0" or "\ud800" <= character <= "\udfff":
            name = "NUL" if character == "\0" else f"half a pair, U+{ord(character):04X}"
            self._refuse(at, f"{name} is no character of a text: remove it")

    def _next(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def _take(self) -> str:
        taken = self._next()
        self.at += 1
        return taken

    def _choice(self) -> Node:
        options = [self._chain()]
        while self._next() == "|":
            self.at += 1
            options.append(self._chain())
        return choice(options)

    def _chain(self) -> Node:
        start, parts = self.at, []
        while self._next() not in ("", "|", ")"):
            parts.append(self._repeated())
        if not parts:
            self._refuse(start, "nothing stands where a part should: write (a)? for 'a or nothing'")
        return chain(parts)

    def _repeated(self) -> Node:
        start = self.at
        part = self._part()
        counts = self._counts()
        if counts is None:
            return part
        if isinstance(part, Place):
            self._refuse(start, f"{part.value} is a place, which cannot repeat: remove what follows it")
        self._finish_repeat()
        return Repeat(part, *counts)

    def _finish_repeat(self) -> None:
        if self._next() == "?":
            self.at += 1
        start = self.at
        if self._counts() is not None:
            self._refuse(start, "a repeat follows a repeat: write (?:a+)* for a repeated repeat")

    def _counts(self) -> tuple[int, int | None] | None:
        if self._next() in _COUNTS:
            return _COUNTS[self._take()]
        return self._counted() if self._next() == "{" else None

    def _counted(self) -> tuple[int, int | None]:
        start, found = self.at, _COUNTED.match(self.pattern, self.at)
        if found is None:
            self._refuse(start, r"'{' begins no repeat: write {3}, {3,} or {0,3}, or \{ for a bracket of the text")
        self.at = found.end()
        least, most = int(found[1]), int(found[3]) if found[3] else None
        if found[2] is None:
            most = least
        self._require_countable(least, most, start)
        return least, most

    def _require_countable(self, least: int, most: int | None, start: int) -> None:
        asked = self.pattern[start : self.at]
        if max(least, most or 0) > MOST_REPEATS:
            self._refuse(start, f"{asked} asks for more than {MOST_REPEATS} repeats: ask for fewer, or use * or +")
        if most == 0:
            self._refuse(start, f"{asked} repeats nothing: remove it and what it repeats")
        if most is not None and least > most:
            self._refuse(start, f"{asked} asks for at least {least} and at most {most}: swap them")

    def _part(self) -> Node:
        start, character = self.at, self._take()
        match character:
            case "(":
                return self._group(start)
            case "[":
                return self._class(start)
            case ".":
                return NOT_NEWLINE
            case "^" | "$":
                return _PLACES[character]
            case "\\":
                return self._escape(start)
        self._require_plain(character, start)
        return self._cased(_one(character))

    def _require_plain(self, character: str, start: int) -> None:
        if character in ("*", "+", "?"):
            self._refuse(start, f"{character} repeats nothing: write \\{character} for the sign itself")
        if character == "{":
            self.at = start
            self._counted()
            self._refuse(start, "this repeats nothing: write what repeats before it")
        if character in ("]", "}"):
            self._refuse(start, f"'{character}' closes nothing: write \\{character} for a bracket of the text")

    def _group(self, start: int) -> Node:
        self._open_group(start)
        self.depth += 1
        if self.depth > MOST_NESTED:
            self._refuse(start, f"more than {MOST_NESTED} groups within each other: write the pattern plainer")
        node = self._choice()
        if self._take() != ")":
            self._refuse(start, r"'(' is never closed: write ), or \( for a bracket of the text")
        self.depth -= 1
        return node

    def _open_group(self, start: int) -> None:
        if self.pattern.startswith("?:", self.at):
            self.at += 2
        elif self._next() == "?":
            for opening, sentence in _GROUPS.items():
                if self.pattern.startswith(opening, start):
                    self._refuse(start, f"{opening} {sentence}")
            found = self.pattern[start : start + 3]
            self._refuse(
                start, f"{found} sets a flag: groups are ( ) or (?: ): remove it; `ignore_case` says how case counts"
            )

    def _escape(self, start: int) -> Node:
        if self._next() in _BOUNDARIES:
            return _BOUNDARIES[self._take()]
        found = self._escaped(start)
        return found if isinstance(found, Characters) else self._cased(_one(found))

    def _escaped(self, start: int) -> Characters | str:
        character = self._take()
        if character in _SETS:
            return _SETS[character]
        if character in _CONTROLS:
            return _CONTROLS[character]
        if character in _HEXADECIMAL:
            return self._hexadecimal(start, _HEXADECIMAL[character])
        if not character.isascii() or not character.isprintable() or character.isalnum() or not character:
            self._refuse_escape(start, character)
        return character

    def _refuse_escape(self, start: int, character: str) -> NoReturn:
        if not character:
            self._refuse(start, r"a \ ends the pattern: write \\ for the sign itself")
        if character.isdigit():
            self._refuse(
                start, f"\\{character} refers to a group, and nothing is captured: write the text out, or \\x.."
            )
        allowed = r"\d \w \s \D \W \S \b \B \t \n \r \x.. \u...., and \ before a sign of ASCII"
        self._refuse(start, f"\\{character} is unknown: allowed are {allowed}")

    def _hexadecimal(self, start: int, digits: int) -> str:
        found = re.compile(f"[0-9A-Fa-f]{{{digits}}}").match(self.pattern, self.at)
        if found is None:
            letter = self.pattern[start + 1]
            self._refuse(start, f"\\{letter} needs {digits} hexadecimal digits: write \\{letter}{'20':0>{digits}}")
        self.at = found.end()
        character = chr(int(found[0], 16))
        self._require_storable(character, start)
        return character

    def _cased(self, found: Characters) -> Characters:
        return found.folded() if self.ignore_case else found

    def _class(self, start: int) -> Node:
        negated = self._next() == "^"
        self.at += negated
        members = [self._range(start)]
        while self._next() != "]":
            members.append(self._range(start))
        self.at += 1
        found = union(members)
        found = found.complement() if negated else found
        if not found.ranges:
            self._refuse(start, f"{self.pattern[start : self.at]} holds no character: write a class that holds one")
        return found

    def _range(self, start: int) -> Characters:
        at = self.at
        first = self._member(start)
        if self._next() != "-" or self.pattern[self.at + 1 : self.at + 2] in ("]", ""):
            return first if isinstance(first, Characters) else self._cased(_one(first))
        self.at += 1
        last = self._member(start)
        if isinstance(first, Characters) or isinstance(last, Characters):
            found = self.pattern[at : self.at]
            self._refuse(at, f"{found} is a range from or to many characters: write \\- for the sign itself")
        if first > last:
            self._refuse(at, f"{self.pattern[at : self.at]} is a range that runs backwards: swap its ends")
        return self._cased(characters((ord(first), ord(last))))

    def _member(self, start: int) -> Characters | str:
        at, character = self.at, self._take()
        if character == "":
            self._refuse(start, r"'[' is never closed: write ], or \[ for a bracket of the text")
        if character == "\\":
            if self._next() in _BOUNDARIES:
                self._refuse(at, f"\\{self._next()} is a place, not a character: write it outside of [ ]")
            return self._escaped(at)
        if character in ("[", "]"):
            self._refuse(at, f"'{character}' in a class: write \\{character} for the sign; classes by name are unknown")
        first = self.pattern[start + 1 : at].removeprefix("^") == ""
        if character == "-" and not first and self._next() not in ("]", ""):
            self._refuse(at, r"'-' in the midst of a class: write \- for the sign itself")
        return character


def _one(character: str) -> Characters:
    return characters((ord(character), ord(character)))
