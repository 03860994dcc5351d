"""How the level of a column is measured: a mean that no single row can move far, or the share of true."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from monitoring_tasks.profile.binning import CategoryBins, ColumnBins, Floats, NumericBins
from monitoring_tasks.profile.profile import CategoryProfile, ColumnProfile, NumericProfile

EDGE = 0.005
"""Rows beyond the quantiles of this share and of its complement count as if they were at them."""
LEAST_SPREAD = 0.05
"""Least standard deviation of a share's rows: that of 1 in 400. A rarer share is not measured in finer steps."""
STEPS = 5
"""Levels are told in steps of a standard deviation of the rows, so many to one, or finer ones."""
DIGITS, MOST_DIGITS = 3, 12
"""Digits that count in a mean that is told: so many at least, and at most."""
TRUE, FALSE = "true", "false"


@dataclass(frozen=True)
class Gauge:
    """What a column's level is measured with: learnt from the reference's rows.

    `share` says that the level is the share of true, otherwise it is the mean of values cut off at `low` and `high`.
    `mean` is the reference's own level, of `rows` rows with a value; `variance` and `skew` are those of one row.
    """

    share: bool
    mean: float
    rows: float
    variance: float
    skew: float
    low: float = 0.0
    high: float = 1.0

    @property
    def unit(self) -> float:
        """Standard deviation of the reference's rows, in which jumps are measured; of a share not below a floor."""
        return max(math.sqrt(self.variance), LEAST_SPREAD) if self.share else math.sqrt(self.variance)

    def said(self, level: float) -> str:
        """A level as a person says it: a mean in three digits, or in as many as tell a jump of it.

        >>> pressure = Gauge(share=False, mean=1013.0, rows=1, variance=25.0, skew=0)
        >>> pressure.said(1018.62), pressure.said(1013.1), pressure.said(23456.7), pressure.said(0.0)
        ('1019', '1013', '23457', '0')
        """
        return said_share(level) if self.share else said_mean(level, step=self.unit / STEPS)

    def named(self, level: float) -> str:
        """A level with what it is.

        >>> Gauge(share=True, mean=0.0, rows=1, variance=1, skew=0).named(0.092)
        '9.2% true'
        """
        return f"{self.said(level)} true" if self.share else f"mean {self.said(level)}"

    def to_json(self) -> dict[str, Any]:
        """The gauge as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Inverse of `to_json`."""
        return cls(**value)


def said_mean(level: float, *, step: float = math.inf) -> str:
    """A mean as a person says it: in three digits, or in so many more as show a `step`; whole numbers in full.

    >>> said_mean(181.4), said_mean(0.07012), said_mean(20.0512, step=0.01), said_mean(5e-7), said_mean(2.5e13)
    ('181', '0.0701', '20.05', '5e-07', '2.5e+13')
    >>> said_mean(1013.2), said_mean(1234567.0)
    ('1013', '1234567')
    """
    size = math.floor(math.log10(abs(level))) if level and math.isfinite(level) else 0
    wanted = size + 1 - math.log10(step) if 0 < step < math.inf else 0.0
    digits = min(max(math.ceil(wanted), size + 1, DIGITS), MOST_DIGITS)
    return f"{float(f'{level:.{digits}g}'):.{MOST_DIGITS}g}"


def said_share(share: float) -> str:
    """A share as a person says it.

    >>> said_share(0.3), said_share(0.0012), said_share(0.0)
    ('30.0%', '0.12%', '0%')
    """
    return f"{share:.1%}" if share >= 0.01 else f"{100 * share:.2g}%"


class Level(NamedTuple):
    """The level of some rows, and how many of them have a value."""

    level: float
    rows: float


@dataclass(frozen=True, eq=False)
class Series:
    """The level of one column in K windows, as sums that can be added: `total` over `rows` rows with a value."""

    total: Floats
    rows: Floats

    def at(self, number: int) -> Level:
        """The level of a single window; NaN without rows."""
        total, rows = float(self.total[number]), float(self.rows[number])
        return Level(total / rows if rows else math.nan, rows)

    def summed(self, groups: Floats) -> Series:
        """The windows that `groups` (a G x K matrix of 0 and 1) puts together."""
        return Series(groups @ self.total, groups @ self.rows)


def is_boolean(bins: ColumnBins) -> bool:
    """Whether a categorical column knows nothing but true and false.

    >>> is_boolean(CategoryBins(("false", "true"))), is_boolean(CategoryBins(("no", "yes")))
    (True, False)
    """
    return isinstance(bins, CategoryBins) and {*bins.values} <= {TRUE, FALSE}


def gauge_of(bins: ColumnBins, profile: ColumnProfile) -> Gauge | None:
    """The gauge of a column by its reference; None where that leaves nothing to measure: no value, or one only.

    Of a share one value is enough: what never was true may begin to be.
    """
    if isinstance(bins, NumericBins) and isinstance(profile, NumericProfile):
        wide = _cut_at(bins, profile, 0.0)
        return _cut_at(bins, profile, EDGE) or wide
    if not is_boolean(bins):
        return None
    rows = series(_SHARE, bins, [profile])
    part, whole = float(rows.total[0]), float(rows.rows[0])
    if not whole:
        return None
    about = (part + 0.5) / (whole + 1)  # what never happened is not known to be impossible
    variance = about * (1 - about)
    return Gauge(True, part / whole, whole, variance, (1 - 2 * about) / math.sqrt(variance))


_SHARE = Gauge(True, 0.5, 1.0, 0.25, 0.0)


def _cut_at(bins: NumericBins, profile: NumericProfile, share: float) -> Gauge | None:
    """The gauge of a numeric column cut off at the quantiles of `share` and its complement; None without spread."""
    counts = profile.counts.astype(float)
    if not counts.sum() or not len(bins.edges):
        return None
    below = np.cumsum(counts[:-1]) / counts.sum()
    low, high = (_first((below >= part) & (below > 0)) for part in (share, 1 - share))
    if high <= low:
        return None
    values, rows = _values(bins, profile, low, high)
    return _moments(values, rows, float(bins.edges[low]), float(bins.edges[high]))


def _first(reached: NDArray[np.bool_]) -> int:
    return int(np.argmax(reached)) if reached.any() else len(reached) - 1


def _values(bins: NumericBins, profile: NumericProfile, low: int, high: int) -> tuple[Floats, Floats]:
    """The mean value of each bin once it is cut off, and its rows; infinities lie beyond the cuts."""
    rows = profile.counts.astype(float)
    rows[0] += profile.negative_infinite
    rows[-1] += profile.positive_infinite
    means = np.divide(profile.sums, profile.counts, out=np.zeros(len(rows)), where=profile.counts > 0)
    means[: low + 1], means[high + 1 :] = bins.edges[low], bins.edges[high]
    return means, rows


def _moments(values: Floats, rows: Floats, low: float, high: float) -> Gauge | None:
    total = rows.sum()
    with np.errstate(all="ignore"):
        mean = float(values @ rows / total)
        centred = values - mean
        variance = float(centred**2 @ rows / total)
        third = float(centred**3 @ rows / total)
    if not (variance > 0 and math.isfinite(variance) and math.isfinite(third)):
        return None
    return Gauge(False, mean, float(total), variance, third / variance**1.5, low, high)


def series(gauge: Gauge, bins: ColumnBins, profiles: Sequence[ColumnProfile]) -> Series:
    """The level of a column in several windows.

    Rows without a value are left out, and so is what is neither true nor false.

    >>> bins = CategoryBins(("false", "true"))
    >>> series(_SHARE, bins, [CategoryProfile(np.array([9, 1]), {}, null=5)]).at(0)
    Level(level=0.1, rows=10.0)
    """
    if isinstance(bins, CategoryBins):
        counted = [_shares(bins, each) for each in profiles if isinstance(each, CategoryProfile)]
    else:
        counted = [_totals(gauge, bins, each) for each in profiles if isinstance(each, NumericProfile)]
    sums = np.array(counted, float).reshape(-1, 2)
    return Series(sums[:, 0], sums[:, 1])


def _shares(bins: CategoryBins, profile: CategoryProfile) -> tuple[float, float]:
    known = {**profile.unseen, **dict(zip(bins.values, profile.counts.tolist(), strict=True))}
    return known.get(TRUE, 0), known.get(TRUE, 0) + known.get(FALSE, 0)


def _totals(gauge: Gauge, bins: NumericBins, profile: NumericProfile) -> tuple[float, float]:
    """The sum of the cut-off values, and their number: exact, since both cuts are edges."""
    low, high = (int(np.searchsorted(bins.edges, end, side="left")) for end in (gauge.low, gauge.high))
    below = int(profile.counts[: low + 1].sum()) + profile.negative_infinite
    above = int(profile.counts[high + 1 :].sum()) + profile.positive_infinite
    inside = slice(low + 1, high + 1)
    total = float(profile.sums[inside].sum()) + below * gauge.low + above * gauge.high
    return total, float(profile.counts[inside].sum()) + below + above
