r"""A tree as a regular expression of RE2, or of PostgreSQL (an ARE).

Both read what is written here alike, because only what they agree on is written: no flags, no classes by name, no
captures, no laziness. What differs has a spelling each: the ends of the text and the boundaries of words. `.` and
negated classes are written as classes, which match a newline in both. A set that holds NUL, which no pattern can
name, is the complement of something and is written so, because PostgreSQL has no NUL: a text of another engine may.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from monitoring_tasks.pattern_language.characters import Characters
from monitoring_tasks.pattern_language.tree import Chain, Choice, Node, Place, Repeat

_SPECIAL = frozenset("\\^$.|?*+()[]{}-")


@dataclass(frozen=True)
class Spelling:
    """How an engine writes places, any character at all, and classes that it does not read as they stand."""

    places: Mapping[Place, str]
    anything: str
    instead: Mapping[str, str] = field(default_factory=dict)


# RE2 takes [Ss] for an s of either case, and where that is an option beside another character, for the long s as well,
# and [Kk] so for the Kelvin sign.
RE2 = Spelling(
    {Place.START: r"\A", Place.END: r"\z", Place.BOUNDARY: r"\b", Place.NO_BOUNDARY: r"\B"},
    anything="(?s:.)",
    instead={"[Ss]": "(?:S|s)", "[Kk]": "(?:K|k)"},
)
POSTGRES = Spelling(
    {Place.START: r"\A", Place.END: r"\Z", Place.BOUNDARY: r"\y", Place.NO_BOUNDARY: r"\Y"}, anything="."
)


def written(node: Node, spelling: Spelling) -> str:
    """The tree as one regular expression.

    >>> written(Repeat(Choice((Characters(((97, 97),)), Place.END)), 0, 2), POSTGRES)
    '(?:a|\\\\Z){0,2}'
    """
    match node:
        case Characters():
            return _class(node, spelling)
        case Place():
            return spelling.places[node]
        case Chain(parts):
            return "".join(_grouped(part, spelling, within=(Choice,)) for part in parts)
        case Choice(options):
            return "|".join(written(option, spelling) for option in options)
        case Repeat(part):
            return _grouped(part, spelling, within=(Chain, Choice, Repeat, Place)) + _times(node)


def _grouped(node: Node, spelling: Spelling, *, within: tuple[type, ...]) -> str:
    text = written(node, spelling)
    return f"(?:{text})" if isinstance(node, within) else text


def _times(repeat: Repeat) -> str:
    match repeat.least, repeat.most:
        case 0, None:
            return "*"
        case 1, None:
            return "+"
        case 0, 1:
            return "?"
        case least, None:
            return f"{{{least},}}"
        case least, most if least == most:
            return f"{{{least}}}"
        case least, most:
            return f"{{{least},{most}}}"


def _class(found: Characters, spelling: Spelling) -> str:
    if "\0" not in found:
        text = _positive(found)
        return spelling.instead.get(text, text)
    others = found.complement()
    return f"[^{_members(others)}]" if others.ranges else spelling.anything


def _positive(found: Characters) -> str:
    (first, last), *more = found.ranges
    return f"[{_members(found)}]" if more or first != last else _literal(first)


def _members(found: Characters) -> str:
    return "".join(
        _literal(first) if first == last else f"{_literal(first)}-{_literal(last)}" for first, last in found.ranges
    )


def _literal(code: int) -> str:
    return f"\\{chr(code)}" if chr(code) in _SPECIAL else chr(code)
