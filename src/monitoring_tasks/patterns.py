"""Patterns of derived columns of kind `matches`: one small regular language, written out for RE2 and PostgreSQL alike.

Nothing heavy is imported here, because configuration is read whenever a DAG file is parsed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitoring_tasks.refusals import REFUSALS


@dataclass(frozen=True)
class Pattern:
    """One regular expression per engine that finds in a text what any of several patterns describes.

    `re2` is for pyarrow's `match_substring_regex` and google-re2's `search`, `postgres` for `text COLLATE "C" ~ regex`.
    """

    re2: str
    postgres: str


def pattern_of(patterns: Sequence[str], *, ignore_case: bool) -> Pattern:
    """The expressions that hold where any of `patterns` occurs in a text; `<refusals>` is the list of refusals.

    >>> pattern_of(["sorry"], ignore_case=False).re2
    'sorry'
    """
    flags = "(?i)" if ignore_case else ""
    listed = "|".join("|".join(REFUSALS) if pattern == "<refusals>" else pattern for pattern in patterns)
    return Pattern(re2=flags + listed, postgres=flags + listed)
