"""What a profile says about one column's quality: pure functions of the column's two profiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from monitoring_tasks.checks import Check, Measured
from monitoring_tasks.methods import Kind
from monitoring_tasks.profile.binning import CategoryBins, ColumnBins, NumericBins
from monitoring_tasks.profile.profile import CategoryProfile, ColumnProfile, NumericProfile, is_constant

NAN = float("nan")
NO_ROWS = "no rows"


@dataclass(frozen=True, eq=False)
class Column:
    """One monitored column of a window beside the reference's: bins, both profiles, and the types its rows had."""

    name: str
    kind: Kind
    bins: ColumnBins
    reference: ColumnProfile
    current: ColumnProfile
    types: tuple[str, ...] = ()


def values(profile: ColumnProfile) -> int:
    """Rows that hold a value: a number, finite or not, or a category."""
    if isinstance(profile, NumericProfile):
        return int(profile.counts.sum()) + profile.negative_infinite + profile.positive_infinite
    return int(profile.counts.sum()) + unseen(profile)


def missing(profile: ColumnProfile) -> int:
    """Rows in which the column was there, of a usable type, and empty: null or NaN."""
    return profile.null + (profile.nan if isinstance(profile, NumericProfile) else 0)


def readable(profile: ColumnProfile) -> int:
    """Rows in which the column was there and of a usable type."""
    return values(profile) + missing(profile)


def rows(profile: ColumnProfile) -> int:
    """All rows: every row is counted once in a column's profile."""
    return readable(profile) + profile.absent + profile.unusable


def unseen(profile: CategoryProfile) -> int:
    """Rows in categories that the reference does not have."""
    return sum(profile.unseen.values()) + profile.other


def outside(bins: NumericBins, profile: NumericProfile) -> int:
    """Rows whose value is below `low` or above `high`, infinite ones included; exact, because both are edges."""
    below = int(np.searchsorted(bins.edges, bins.low, side="left"))
    above = int(np.searchsorted(bins.edges, bins.high, side="left")) + 1
    beyond = profile.counts[:below].sum() + profile.counts[above:].sum()
    return int(beyond) + profile.negative_infinite + profile.positive_infinite


def why_empty(column: Column) -> str:
    """Why no row of the window holds a value of `column`, in words; empty when some do."""
    current = column.current
    if values(current):
        return ""
    if current.absent == rows(current):
        return "the column is not there"
    if not readable(current):
        return f"no value of a usable type: found {_found(column)}, expected {column.kind}"
    return "no values: every row is missing"


def _found(column: Column) -> str:
    return ", ".join(column.types) or "none"


def _share(part: int, whole: int, reason: str) -> Measured:
    return Measured(part / whole) if whole else Measured(NAN, reason)


def _present(column: Column) -> Measured:
    share = column.current.absent / rows(column.current)
    return Measured(share, f"the column is not there in {share:.1%} of the rows" if share else "")


def _typed(column: Column) -> Measured:
    """Share of the rows with the column in which its type cannot be read as its kind."""
    there = rows(column.current) - column.current.absent
    share = _share(column.current.unusable, there, why_empty(column))
    return Measured(share.value, f"found {_found(column)}, expected {column.kind}") if share.value > 0 else share


def _missing(column: Column) -> Measured:
    share = _share(missing(column.current), readable(column.current), why_empty(column))
    whole = readable(column.reference)
    own = missing(column.reference) / whole if whole else 0.0
    return Measured(share.value, share.detail or (f"{own:.1%} in its baseline" if own else ""))


def _out_of_range(column: Column) -> Measured:
    bins, current = column.bins, column.current
    if not isinstance(bins, NumericBins) or not isinstance(current, NumericProfile):
        return Measured(NAN, "only a numeric column has a range")
    if not len(bins.edges):
        return Measured(NAN, "the reference has no finite value to take a range from: declare one")
    share = _share(outside(bins, current), values(current), why_empty(column))
    return Measured(share.value, share.detail or f"plausible: {bins.low:.6g} to {bins.high:.6g}")


def _unseen(column: Column) -> Measured:
    if not isinstance(column.current, CategoryProfile):
        return Measured(NAN, "only a categorical column has categories")
    share = _share(unseen(column.current), values(column.current), why_empty(column))
    return Measured(share.value, share.detail or _new_categories(column.current))


def _new_categories(profile: CategoryProfile) -> str:
    names = sorted(profile.unseen, key=lambda name: (-profile.unseen[name], name))[:3]
    return "new: " + ", ".join(name[:60] for name in names) if names else ""


def _constant(column: Column) -> Measured:
    if values(column.current) < 2:
        return Measured(NAN, why_empty(column) or "a single value cannot show whether the column varies")
    constant = is_constant(column.current)
    return Measured(float(constant), "one value only, its baseline has several" if constant else "")


MEASURES: dict[Check, Callable[[Column], Measured]] = {
    Check.COLUMN_PRESENT: _present,
    Check.COLUMN_TYPE: _typed,
    Check.MISSING_SHARE: _missing,
    Check.OUT_OF_RANGE_SHARE: _out_of_range,
    Check.UNSEEN_SHARE: _unseen,
    Check.CONSTANT: _constant,
}
"""How each quality check of one column is measured; all need at least one row."""


def reference_share(check: Check, column: Column) -> float:
    """The reference's own value of a share check, from which its limit starts; 0 where it has none."""
    share = MEASURES[check](replace(column, current=column.reference)).value
    return 0.0 if np.isnan(share) else share


def kind_of(bins: ColumnBins) -> Kind:
    """The kind of column that `bins` cut."""
    return "categorical" if isinstance(bins, CategoryBins) else "numeric"
