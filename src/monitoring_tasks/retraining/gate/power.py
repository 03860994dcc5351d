"""How many rows the gate asks for: what it must have, and what it would take to see a difference."""

from __future__ import annotations

import math
from collections.abc import Mapping

from scipy.special import ndtri

from monitoring_tasks.retraining.gate.verdict import Comparison
from monitoring_tasks.retraining_section import Gate

POWER = 0.8


def shortages(counts: Mapping[str, int | None], gate: Gate, *, blocks: bool) -> list[tuple[str, int, int]]:
    """What there is too little of to judge: its name, how many there are, how many there must be.

    >>> shortages({"rows": 900, "days": 4, "positives": 20, "negatives": 880}, Gate(), blocks=True)
    [('positives', 20, 50), ('days', 4, 7)]
    """
    least = {"rows": gate.minimum_rows, "positives": gate.minimum_class, "negatives": gate.minimum_class}
    if blocks:
        least["days"] = gate.minimum_days
    found = [(name, counts.get(name), wanted) for name, wanted in least.items()]
    return [(name, have, wanted) for name, have, wanted in found if have is not None and have < wanted]


def rows_for(short: list[tuple[str, int, int]], rows: int) -> int | None:
    """About how many more rows like these cover every shortage; None where there is none yet to go by.

    >>> rows_for([("positives", 20, 50), ("days", 4, 7)], 900), rows_for([("positives", 0, 50)], 900)
    (1350, None)
    """
    if any(have == 0 and name != "rows" for name, have, _ in short):
        return None
    return max(math.ceil((wanted - have) * (1 if name == "rows" else rows / have)) for name, have, wanted in short)


def rows_to_see(found: Comparison, gate: Gate) -> int | None:
    """More rows like these that show max(difference, gate.improvement) with 80 % power; 0 where these would have.

    The standard error falls with the square root of the rows (days, at as many rows each). None without an error.

    >>> rows_to_see(Comparison("auc", 0.70, 0.71, 0.01, -0.01, 0.03, 0.01, 30, "day blocks", 1000, 31), Gate())
    6849
    """
    if found.difference is None or not found.standard_error:
        return None
    wanted = max(found.difference, gate.improvement)
    ratio = found.standard_error * float(ndtri(0.5 + gate.confidence / 2) + ndtri(POWER)) / wanted
    return max(math.ceil(found.rows * (ratio**2 - 1)), 0)
