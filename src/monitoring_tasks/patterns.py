"""Patterns of derived columns of kind `matches`: one small regular language, written out for RE2 and PostgreSQL alike.

`pattern_language/` reads a pattern into a tree and writes the tree out for each engine, so that both agree by
construction, and no engine that tracks back ever sees a pattern. Nothing heavy is imported here, because
configuration is read whenever a DAG file is parsed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from monitoring_tasks.pattern_language.parsing import parsed
from monitoring_tasks.pattern_language.tree import Node, Place, boundaries, choice, copies, emptiness, places, ranges
from monitoring_tasks.pattern_language.weight import Limits, leads_to_few
from monitoring_tasks.pattern_language.writing import POSTGRES, RE2, written
from monitoring_tasks.refusals import REFUSALS

BUILT_IN = "<refusals>"
"""The entry that stands for the list of refusals, which never tells capitals from small letters."""
_MISSPELT = re.compile(r"<\s*refus\w*\s*>", re.IGNORECASE)
MOST_PATTERNS = 200
LONGEST = 1000
"""Characters of a pattern."""
MOST_COPIES = 1000
"""Repeats within repeats, multiplied: more RE2 refuses."""
MOST_BOUNDARIES = 2
r"""Boundaries with no character between: `\b\w+\b\s*\b` ends with two.

PostgreSQL reads 200 patterns of two each in 0.4 s, of four in up to 17 s, and finds ten in one pattern too complex.
"""
MOST_PLACES = 10_000
"""Characters, classes and boundaries of all patterns together, with counted repeats written out."""
MOST_RANGES = 30_000
"""Ranges in the classes of all these places."""
ANY_SHAPE = 300
"""So many places are quick enough in every shape; of more, no text may lead to many sets (`weight.py`)."""
ANY_RANGES = 3 * ANY_SHAPE
"""So many ranges are so: `.` is two."""
_EVERYWHERE = ({Place.START}, {Place.END})
_BETWEEN = {Place.BOUNDARY, Place.NO_BOUNDARY}


@dataclass(frozen=True)
class Pattern:
    """One regular expression per engine that finds in a text what any of several patterns describes.

    `re2` is for pyarrow's `match_substring_regex` and google-re2's `search`, `postgres` for `text COLLATE "C" ~ regex`
    in a database of UTF-8.
    """

    re2: str
    postgres: str


def pattern_of(patterns: Sequence[str], *, ignore_case: bool) -> Pattern:
    r"""The expressions that hold where any of `patterns` occurs in a text; `<refusals>` is the list of refusals.

    Raises `ValueError` for patterns that are not of the language (`pattern_language/parsing.py` has its table), that
    every text holds, or that would make an engine slow.

    >>> pattern_of(["sorry", r"can\W?t"], ignore_case=False).postgres
    'sorry|can[^0-9A-Z_a-z]?t'
    """
    return _pattern_of(tuple(patterns), ignore_case)


@cache
def _pattern_of(patterns: tuple[str, ...], ignore_case: bool) -> Pattern:
    if not 0 < len(patterns) <= MOST_PATTERNS:
        raise ValueError(f"{len(patterns)} patterns: write 1 to {MOST_PATTERNS}")
    listed = [parsed(each, ignore_case=True) for each in REFUSALS] if BUILT_IN in patterns else []
    numbered = [(number, each) for number, each in enumerate(patterns, start=1) if each != BUILT_IN]
    own = [_numbered(each, number, ignore_case=ignore_case) for number, each in numbered]
    tree = choice([*listed, *own])
    if own:
        _require_light(tree, choice(own))
    return Pattern(re2=written(tree, RE2), postgres=written(tree, POSTGRES))


def _numbered(pattern: str, number: int, *, ignore_case: bool) -> Node:
    try:
        return _tree(pattern, ignore_case=ignore_case)
    except ValueError as error:
        shown = pattern if len(pattern) <= 60 else f"{pattern[:57]}..."
        raise ValueError(f"pattern {number}, {shown!r}: {error}") from None


def _tree(pattern: str, *, ignore_case: bool) -> Node:
    if not pattern:
        raise ValueError("every text holds the empty pattern: write what to look for, or ^$ for an empty text")
    if _MISSPELT.fullmatch(pattern):
        raise ValueError(f"there is no such list: write {BUILT_IN}, or \\{pattern} where the text itself is meant")
    if len(pattern) > LONGEST:
        raise ValueError(f"{len(pattern)} characters, {LONGEST} are allowed: write several patterns")
    tree = parsed(pattern, ignore_case=ignore_case)
    _require_telling(tree)
    if copies(tree) > MOST_COPIES:
        raise ValueError(
            f"repeats within repeats ask for {copies(tree)} copies, {MOST_COPIES} are allowed: ask for fewer repeats"
        )
    if boundaries(tree) > MOST_BOUNDARIES:
        raise ValueError(
            f"{boundaries(tree)} boundaries may follow with no character between, {MOST_BOUNDARIES} are allowed: "
            r"remove \b or \B, or write + for the * or ? between"
        )
    return tree


def _require_telling(tree: Node) -> None:
    """Refuse what would be true in every row, and what takes no character where the text neither begins nor ends.

    Of the latter only boundaries are left, which RE2 also finds within the bytes of a character beyond ASCII.
    """
    for needs in emptiness(tree):
        if any(needs <= everywhere for everywhere in _EVERYWHERE):
            raise ValueError("every text holds it, for it is content with no character: write + for *, or ^...$ around")
        if needs <= _BETWEEN:
            raise ValueError(r"it is content with a boundary and no character: write what stands there, like \w for \b")


def _require_light(tree: Node, own: Node) -> None:
    """Refuse what takes an engine long: patterns of one's `own`, by themselves or beside the list of refusals.

    Seconds of one core of 2026 for a text of 1 MB made for the pattern, PostgreSQL 18 | google-re2 1.1 and pyarrow 26:

    | patterns | places | PostgreSQL | RE2 | |
    | --- | --- | --- | --- | --- |
    | `(a+)+$`, `(a|aa)+$`, `(.*)*x`, `a{1,200}b{1,200}c` | 2 to 401 | 0.01 | 0.01 | |
    | `a[ab]{50}c`, `{100}`, `{250}` | 52, 102, 252 | 0.3, 0.4, 0.8 | 0.3, 0.5, 1.0 | any shape is quick enough |
    | `a.{250}`, five gaps like `a.{0,40}b` | 252, 206 | 1.0, 1.4 | 1.3, 0.5 | any shape is quick enough |
    | 20 like `ab[ab]{200}c` | 4060 | 11 | 5 | refused: too many sets |
    | 200 phrases of 40 characters | 8000 | 0.01 | 0.01 | few sets |
    | a class of 900 letters, `{30}` and `{255}` | 31, 256 | 0.02 | 2, 90 | refused: too many ranges |
    | `(a?b?c?d?e?f?g?h?i?j?){40}x` | 401 | 1.2 to read it | 0.01 | refused: too many follow one place |

    PostgreSQL keeps twice as many sets as there are places, RE2 more, before they work one out again. The list of
    refusals has few, which a test holds; they are not counted together with those of other patterns: 1 MB of the
    beginnings of its phrases and of `policy.{0,40}forbids` takes 0.2 and 0.01 s.
    """
    found, spread = places(tree), ranges(tree)
    if found > MOST_PLACES or spread > MOST_RANGES:
        raise ValueError(
            f"with repeats written out the patterns have {found} characters and classes of {spread} ranges, "
            f"{MOST_PLACES} and {MOST_RANGES} are allowed: ask for fewer repeats, or write a second derived column"
        )
    quick = found <= ANY_SHAPE and spread <= ANY_RANGES
    if not quick and not leads_to_few(own, Limits(sets=2 * max(found, ANY_SHAPE))):
        raise ValueError(
            f"with repeats written out the patterns have {found} characters and classes of {spread} ranges, and can "
            f"stand at too many of them at once, which is slow above {ANY_SHAPE} and {ANY_RANGES}: ask for fewer "
            "repeats of classes like . and \\w, write \\s+ or * for {m,n}, or give some patterns a column of their own"
        )
