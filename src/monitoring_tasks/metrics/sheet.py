"""What is written down in a scrape: lines by family, for those of a family must stand together."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from monitoring_tasks.metrics.families import Family
from monitoring_tasks.metrics.text import label, number


class Sheet:
    """Lines by family, in the order in which they are put."""

    def __init__(self) -> None:
        self.lines: defaultdict[Family, list[str]] = defaultdict(list)

    def put(self, family: Family, value: float | datetime | None, *values: str) -> None:
        """A line with the values of the family's labels, in their order; none for a value that is not known.

        A moment becomes unix time.
        """
        if value is None:
            return
        if isinstance(value, datetime):
            value = value.timestamp()
        inner = ",".join([f'{name}="{label(given)}"' for name, given in zip(family.labels, values, strict=True)])
        braced = f"{{{inner}}}" if inner else ""
        self.lines[family].append(f"{family.name}{braced} {number(value)}\n")

    def text(self, family: Family) -> str:
        """The lines of a family; empty where there are none."""
        return "".join(self.lines.get(family, ()))
