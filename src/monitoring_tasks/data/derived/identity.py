"""What names stored results by the derived columns that they hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitoring_tasks.data.derived.definitions import regex
from monitoring_tasks.derived_section import Derived

DERIVED_FORMAT = 1
"""Version of the definitions: another one gives other values to the same rows."""


def told_apart(derived: Mapping[str, Derived]) -> list[Any]:
    """Plain JSON values that differ wherever derived columns may; none where there are none.

    Patterns count as what they stand for, so that a longer list of refusals is another column.
    """
    if not derived:
        return []
    said = {name: [each.model_dump(mode="json"), each.patterns and regex(each)] for name, each in derived.items()}
    return [DERIVED_FORMAT, said]
