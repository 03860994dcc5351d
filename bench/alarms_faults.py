"""What is done to windows that should alarm, and how soon they must."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

Values = NDArray[Any]
SOON, LATE = 3, 7
"""A fault is found by the third window, or by the seventh."""


@dataclass(frozen=True)
class Fault:
    """A change of one column, in a part (`share`) of its rows.

    It must be found in at least `part` of the sequences, by window `by`, where windows have at least `least` rows.
    """

    column: str
    alter: Callable[[Values], Values]
    share: float = 1.0
    by: int = SOON
    least: int = 500
    category: str | None = None

    @property
    def part(self) -> float:
        """The part of sequences in which it must be found."""
        return 0.95 if self.by == SOON else 0.9


def _moved(by: float, values: Values) -> Values:
    moved: Values = values + by * np.nanstd(values)
    return moved


def _logit(by: float, values: Values) -> Values:
    moved: Values = special.expit(special.logit(values) + by)
    return moved


def _times(factor: float, values: Values) -> Values:
    return values * factor


def _one(value: object, values: Values) -> Values:
    return np.full_like(values, value)


def _category(carrier: str) -> Fault:
    return Fault("carrier", partial(_one, carrier), 0.05, category=carrier)


FAULTS: Mapping[str, Fault] = {
    "temp +.25 sd": Fault("temp", partial(_moved, 0.25)),
    "pressure +.25 sd": Fault("pressure", partial(_moved, 0.25)),
    "5 % of rows to a rare carrier": _category("AS"),
    "5 % of rows to a middling carrier": _category("US"),
    "5 % of rows to the most frequent carrier": _category("UA"),
    "humid missing in 2 -> 7 %": Fault("humid", partial(_one, math.nan), 0.05 / 0.98),
    "score, logit +.25": Fault("score", partial(_logit, 0.25)),
    "temp x1000 in 1 % of rows": Fault("temp", partial(_times, 1000.0), 0.01),
    "an unseen carrier in 1 % of rows": Fault("carrier", partial(_one, "ZZ"), 0.01),
    "temp +.1 sd": Fault("temp", partial(_moved, 0.1), by=LATE, least=2000),
    "score, logit +.1": Fault("score", partial(_logit, 0.1), by=LATE, least=2000),
}


def best_possible(usual: float, *, share: float, rows: int, level: float) -> float:
    """Power of the most powerful test of rows moved to one category that has the share `usual`.

    Neyman and Pearson's: it knows the category and counts its rows, of which there are `rows` in all windows together.
    The least count that is rejected has at most the chance `level` under the usual share.

    >>> round(best_possible(0.18, share=0.05, rows=1500, level=1e-4), 2)
    0.6
    """
    least = stats.binom.isf(level, rows, usual)
    return float(stats.binom.sf(least, rows, usual + share * (1 - usual)))
