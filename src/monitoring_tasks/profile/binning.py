"""How each monitored column is cut into bins; fixed by the reference, shared by every profile compared with it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitoring_tasks.errors import ProfileMismatch

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
FORMAT = 1
"""Version of the serialised forms of binnings and profiles; a reader refuses any other."""
QUANTILES = 200
"""Parts into which the edges cut the reference; every tenth of them is a decile."""


@dataclass(frozen=True, eq=False)
class NumericBins:
    """Bins of a numeric column: bin i holds `edges[i-1] < x <= edges[i]`, the outermost two are unbounded.

    `edges` are strictly increasing and finite (about 200 reference quantiles, atoms isolated, and the two range
    edges); `deciles` are the positions in `edges` of the reference's deciles, atoms among them isolated too. `low` and
    `high` are the lowest and highest plausible value, both allowed: an edge just below `low`, and `high`, are among the
    edges, so that the number of values outside is exact. A column without any finite reference value has no deciles;
    it has no edges either, and `low` and `high` are NaN, unless the monitor declares its range.
    """

    edges: Floats
    deciles: Ints
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class CategoryBins:
    """Bins of a categorical column: one for each reference category, sorted, as text."""

    values: tuple[str, ...]


ColumnBins = NumericBins | CategoryBins


@dataclass(frozen=True, eq=False)
class Binning:
    """The bins of every monitored column, prediction included."""

    columns: Mapping[str, ColumnBins]


def numeric_bins(values: Floats, *, limits: tuple[float, float] | None, slack: float) -> NumericBins:
    """Bins from a reference's values: about 200 quantiles with the deciles among them, atoms isolated, range edges.

    Infinite and NaN values are left out. A quantile is the smallest value with at least its share of values at or
    below it, so every edge is a value of the reference. Where one value holds two neighbouring quantiles (an atom) an
    edge just below it gives it a bin of its own. `limits` is the declared range, where an
    infinite end stands for the largest float; without it the plausible range is the reference's own, widened by `slack`
    spans on each side.

    >>> bins = numeric_bins(np.arange(1.0, 11.0), limits=None, slack=3)
    >>> bins.low, bins.high, bins.edges[bins.deciles].tolist()
    (-26.0, 37.0, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0])
    """
    finite = np.sort(values[np.isfinite(values)]) + 0.0  # + 0.0 turns -0.0 into 0.0: one value, one text
    low, high = finite_limits(limits) if limits else _widened(finite, slack)
    deciles = _isolated(_quantiles(finite, 10)[1:-1])
    ends = [just_below(low), high] if low <= high else []
    edges = np.unique(np.concatenate([_isolated(_quantiles(finite, QUANTILES)), deciles, ends]))
    return NumericBins(edges, np.searchsorted(edges, deciles), low, high)


def finite_limits(limits: tuple[float, float]) -> tuple[float, float]:
    """A declared range with the largest float for an infinite end, since edges and JSON hold finite numbers only.

    >>> finite_limits((0.0, math.inf))
    (0.0, 1.7976931348623157e+308)
    """
    largest = float(np.finfo(np.float64).max)
    low, high = limits
    return max(low, -largest), min(high, largest)


def _quantiles(ordered: Floats, parts: int) -> Floats:
    if not len(ordered):
        return ordered
    ranks = np.maximum(-(-np.arange(parts + 1) * len(ordered) // parts), 1)  # ceiling division, in integers: exact
    chosen: Floats = ordered[ranks - 1]
    return chosen


def _isolated(quantiles: Floats) -> Floats:
    atoms = np.unique(quantiles[1:][quantiles[1:] == quantiles[:-1]])
    return np.unique(np.concatenate([quantiles, [just_below(atom) for atom in atoms]]))


def just_below(value: float) -> float:
    """The largest normal number, or zero, below `value`: databases refuse subnormal literals."""
    below = math.nextafter(value, -math.inf)
    tiny = float(np.finfo(np.float64).tiny)
    if abs(below) >= tiny or not math.isfinite(below):
        return max(below, -np.finfo(np.float64).max.item())
    return 0.0 if value > 0 else -tiny


def just_below_each(values: Floats) -> Floats:
    """`just_below` of every value.

    >>> ends = np.finfo(np.float64)
    >>> values = np.array([-np.inf, ends.min, -1.0, -ends.tiny, 0.0, 5e-324, ends.tiny, 7.0, ends.max, np.inf])
    >>> just_below_each(values).tolist() == [just_below(value) for value in values.tolist()]
    True
    """
    tiny, largest = np.finfo(np.float64).tiny, np.finfo(np.float64).max
    with np.errstate(over="ignore"):  # there is nothing below the lowest, which stays
        below = np.maximum(np.nextafter(values, -np.inf), -largest)
    found: Floats = np.where(np.abs(below) < tiny, np.where(values > 0, 0.0, -tiny), below)
    return found


def _widened(ordered: Floats, slack: float) -> tuple[float, float]:
    if not len(ordered):
        return float("nan"), float("nan")
    largest = float(np.finfo(np.float64).max)
    low, high = float(ordered[0]), float(ordered[-1])
    reach = min((high - low) * slack, largest)
    return max(low - reach, -largest), min(high + reach, largest)


def dumps_binning(binning: Binning) -> bytes:
    """Canonical JSON of a binning: equal bins give equal bytes, and `loads_binning` gives the same numbers back."""
    columns = {name: _bins_json(bins) for name, bins in binning.columns.items()}
    return canonical({"format": FORMAT, "columns": columns})


def loads_binning(content: bytes) -> Binning:
    """Inverse of `dumps_binning`; columns come sorted by name. Raises `ProfileMismatch` on another format version."""
    value = parse(content, "binning")
    return Binning({name: _bins_from_json(bins) for name, bins in value["columns"].items()})


def binning_hash(binning: Binning) -> str:
    """16 hex digits of the SHA-256 of `dumps_binning`: equal hash, equal bins.

    >>> binning_hash(Binning({})) == binning_hash(Binning({"carrier": CategoryBins(("AA", "UA"))}))
    False
    """
    return hashlib.sha256(dumps_binning(binning)).hexdigest()[:16]


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces, in ASCII; non-finite numbers are refused with `ValueError`."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def parse(content: bytes, what: str, *, version: int = FORMAT) -> dict[str, Any]:
    """The JSON object in `content`, which must be a `what` of this format version, else `ProfileMismatch`."""
    value: dict[str, Any] = json.loads(content)
    require_format(value.get("format"), what, version=version)
    return value


def require_format(found: object, what: str, *, version: int) -> None:
    """Raises `ProfileMismatch` unless `found`, the version that a stored `what` says it has, is the one read here."""
    if found != version:
        raise ProfileMismatch(
            f"{what} of format {found!r} found, this version reads format {version}: compute it again"
        )


def number(value: float) -> float | None:
    """A float as JSON knows it: None where it is not finite."""
    return float(value) if np.isfinite(value) else None


def _bins_json(bins: ColumnBins) -> dict[str, Any]:
    if isinstance(bins, CategoryBins):
        return {"values": list(bins.values)}
    ends = {"low": number(bins.low), "high": number(bins.high)}
    return {"edges": bins.edges.tolist(), "deciles": bins.deciles.tolist(), **ends}


def _bins_from_json(value: Mapping[str, Any]) -> ColumnBins:
    if "values" in value:
        return CategoryBins(tuple(value["values"]))
    low, high = (float("nan") if value[end] is None else float(value[end]) for end in ("low", "high"))
    return NumericBins(np.array(value["edges"], np.float64), np.array(value["deciles"], np.int64), low, high)
