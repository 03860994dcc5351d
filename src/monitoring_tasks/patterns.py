"""Patterns of derived columns of kind `matches`: one small regular language, written out for RE2 and PostgreSQL alike.

`pattern_language/` reads a pattern into a tree and writes the tree out for each engine, so that both agree by
construction, and no engine that tracks back ever sees a pattern. Nothing heavy is imported here, because
configuration is read whenever a DAG file is parsed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from monitoring_tasks.pattern_language.parsing import parsed
from monitoring_tasks.pattern_language.tree import Node, Place, boundaries, choice, emptiness, places, ranges
from monitoring_tasks.pattern_language.weight import leads_to_few
from monitoring_tasks.pattern_language.writing import POSTGRES, RE2, written
from monitoring_tasks.refusals import REFUSALS

BUILT_IN = "<refusals>"
"""The entry that stands for the list of refusals, which never tells capitals from small letters."""
MOST_PATTERNS = 200
LONGEST = 1000
"""Characters of a pattern."""
MOST_PLACES = 10_000
"""Characters, classes and boundaries of all patterns together, with counted repeats written out."""
MOST_RANGES = 30_000
"""Ranges in the classes of all these places."""
ANY_SHAPE = 300
"""So many places are quick enough in every shape; of more, no text may lead to many sets (`weight.py`)."""
ANY_RANGES = 2 * ANY_SHAPE
"""So many ranges are so: `.` is two."""
HEAVIEST = 3_000
"""Ranges of the places a text may lead to at once."""
MOST_BOUNDARIES = 2
r"""Boundaries with no character between: `\b\w+\b\s*\b` ends with two."""
MOST_STEPS = 3_000_000
"""Steps of counting these sets: under a second."""
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
    trees = enumerate(patterns, start=1)
    tree = choice([node for number, each in trees for node in _trees(each, number, ignore_case=ignore_case)])
    _require_light(tree)
    return Pattern(re2=written(tree, RE2), postgres=written(tree, POSTGRES))


def _trees(pattern: str, number: int, *, ignore_case: bool) -> Iterator[Node]:
    if pattern == BUILT_IN:
        yield from (parsed(each, ignore_case=True) for each in REFUSALS)
        return
    try:
        yield _tree(pattern, ignore_case=ignore_case)
    except ValueError as error:
        shown = pattern if len(pattern) <= 60 else f"{pattern[:57]}..."
        raise ValueError(f"pattern {number}, {shown!r}: {error}") from None


def _tree(pattern: str, *, ignore_case: bool) -> Node:
    if not pattern:
        raise ValueError("every text holds the empty pattern: write what to look for, or ^$ for an empty text")
    if len(pattern) > LONGEST:
        raise ValueError(f"{len(pattern)} characters, {LONGEST} are allowed: write several patterns")
    tree = parsed(pattern, ignore_case=ignore_case)
    _require_telling(tree)
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


def _require_light(tree: Node) -> None:
    """Refuse what takes an engine long.

    Measured with PostgreSQL 18, pyarrow 26 and google-re2 1.1 on one busy core of 2026: seconds for a text of 1 MB.
    """
    found = places(tree)
    if found > MOST_PLACES or ranges(tree) > MOST_RANGES:
        raise ValueError(
            f"with repeats written out the patterns have {found} characters and classes with {ranges(tree)} ranges, "
            f"{MOST_PLACES} and {MOST_RANGES} are allowed: ask for fewer repeats, or write a second derived column"
        )
    heavy = found > ANY_SHAPE or ranges(tree) > ANY_RANGES
    if heavy and not leads_to_few(tree, sets=max(2 * found, 2 * ANY_SHAPE), ranges=HEAVIEST, steps=MOST_STEPS):
        raise ValueError(
            f"with repeats written out the patterns have {found} characters and classes, and can stand at too many of "
            f"them at once, which is slow above {ANY_SHAPE}: ask for fewer repeats of classes like . and \\w, write "
            "+ or * for {m,n}, or give some patterns a derived column of their own"
        )
