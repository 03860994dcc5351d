"""The lines of the table: who competes at which size, how often, and the goals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bench.measure import MEGABYTE, Figures

Goal = Callable[[Figures, Figures], tuple[str, bool]]
"""From a line's figures and ours: what was found against what was wanted, and whether that is met."""


def dearer(times: float, found: Figures, ours: Figures) -> tuple[str, bool]:
    """The line costs at least so many times our CPU."""
    ratio = found.cpu / ours.cpu
    return f"{ratio:.0f}x, at least {times:.0f}x", ratio >= times


def bounds(times: float, found: Figures, ours: Figures) -> tuple[str, bool]:
    """We cost at most so many times the line's CPU."""
    ratio = ours.cpu / found.cpu
    return f"ours {ratio:.2f}x, at most {times}x", ratio <= times


def small(megabytes: float, found: Figures, _: Figures) -> tuple[str, bool]:
    """The line's process never holds more than so many megabytes."""
    peak = found.peak / MEGABYTE
    return f"{peak:.0f} MB, at most {megabytes:.0f} MB", peak <= megabytes


@dataclass(frozen=True)
class Line:
    """One contender of one section; the median of `runs` runs is shown."""

    title: str
    contender: str
    runs: int = 1
    goal: Goal | None = None


@dataclass(frozen=True)
class Section:
    """The lines of one size; the first is ours, to which the others are compared."""

    lines: tuple[Line, ...]
    prepare: tuple[str, ...]
    """What must have run before, unmeasured."""


REFERENCE = "bench.contenders.ours:reference"
SMALL = Section(
    (
        Line("ours: window to scores", "bench.contenders.ours:scores", 3),
        Line("ours: six days stored, one new", "bench.contenders.ours:trailing_scores", 3),
        Line("ours: reference, once per champion", REFERENCE),
        Line("Arrow scan, no work", "bench.contenders.arrow_scan:scan", 3),
        Line("scipy, column by column", "bench.contenders.scipy_columns:p_values"),
        Line("Evidently preset, PSI", "bench.contenders.evidently_preset:psi", goal=partial(dearer, 100)),
        Line("Evidently preset, default", "bench.contenders.evidently_preset:default", goal=partial(dearer, 200)),
    ),
    prepare=(REFERENCE, "bench.contenders.ours:store_days"),
)
LARGE = Section(
    (
        Line("ours: window to scores", "bench.contenders.ours:scores", 3, partial(small, 400)),
        Line("ours: with duplicates of an id", "bench.contenders.ours:scores_and_duplicates", goal=partial(small, 400)),
        Line("Arrow scan, no work", "bench.contenders.arrow_scan:scan", 3, partial(bounds, 1.5)),
        Line("Arrow scan by a dataset", "bench.contenders.arrow_scan:scan_dataset"),
    ),
    prepare=(REFERENCE,),
)
