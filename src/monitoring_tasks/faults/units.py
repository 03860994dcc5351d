"""Unit changes: values that were multiplied, or moved as Fahrenheit is from Celsius, in some rows or in all.

A conversion is named when undoing it brings the values back to the baseline. In all rows that shows in the distance of
the whole column; in some rows the odd values must lie where the baseline has hardly any, and be distributed, once
converted back, as the baseline is: a cap, a heap of values or rows of another kind, which lie there as well, have
another shape. A small factor must do so clearly better than a plain shift, and whole numbers that are as whole as ever
were not multiplied by a fraction.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from monitoring_tasks.faults.cause import Cause, Fault, in_percent, shown
from monitoring_tasks.faults.conversions import CONVERSIONS, Conversion, scaled
from monitoring_tasks.faults.distribution import LIKELY, UNLIKELY, Distribution, observed
from monitoring_tasks.faults.shape import LOOSE, STRICT, is_spread, places
from monitoring_tasks.profile.binning import Floats

FEWEST = 20
"""Fewer values say nothing of a distribution."""
MANY = 100
"""So many are needed to tell a small factor from ordinary change."""
FEWEST_ODD = 5
"""So few odd values show a factor of a thousand and more."""
FEWEST_FAR = 20
"""The same of a smaller one: what lies nearer may be anything, and its shape must tell."""
FEWEST_NEAR = 50
"""The same of one below `LARGE`."""
FEWEST_MOVED = 30
"""The same of a conversion with another zero, such as Fahrenheit's."""
_SLACK = {True: 0.9, False: 0.5}
"""By how much, in units of chance, a power of ten or another conversion may fit worse than a less likely one."""
_CLEARLY = 0.7
"""By how much, in units of chance, a fit must be better than a simpler one to be named instead of it."""
LARGE = 50
"""A factor from here on is nothing else: a smaller one may be a shift."""
THOUSAND = 1000 * (1 - 1e-9)
_RARE = 0.01
"""Share of the baseline at either end, among which the converted values that do not stand out are looked for."""
SMALLEST_FACTOR = 1.5
SMALLEST_ESTIMATED = 3.0


@dataclass(frozen=True)
class _Fit:
    """A conversion, the share of the values that it explains, and how far `values` of them lie from the baseline."""

    conversion: Conversion
    share: float
    distance: float
    values: int


def unit_change(column: str, values: Floats, baseline: Distribution, *, whole: bool = False) -> Cause | None:
    """The conversion that explains the finite `values` of a window, if there is one.

    Zeros are left out of the matter where the baseline has many: no factor changes them. The share is that of `values`.
    Where all of them and the baseline's are `whole` numbers, only conversions that keep them so are looked at.
    """
    rest = baseline.without(0.0)
    told = values if rest is baseline else values[values != 0]
    if rest is None or len(told) < FEWEST or rest.rows < FEWEST:
        return None
    fits = (
        _best([each for each in way(told, rest) if each.conversion.keeps_whole or not whole])
        for way in (_whole, _partial, _apart)
    )
    fit = next((each for each in fits if each), None)
    if fit is None:
        return None
    which = "values" if len(told) == len(values) else "values other than zero"
    words = f"{shown(column)}: {in_percent(fit.share)} of the {which} are {fit.conversion.words} (a unit change?)"
    return Cause(Fault.UNIT_CHANGE, column, fit.share * len(told) / len(values), words.replace("all of the", "all"))


def _best(fits: Sequence[_Fit]) -> _Fit | None:
    """The first of the fits that are as good as the best, up to chance: they come with the likeliest first.

    An estimated factor fits a little better than the right one by its making, and must beat the listed ones clearly.
    """
    listed = [fit for fit in fits if fit.conversion.listed]
    best = min((fit.distance for fit in listed), default=0.0)
    near = [fit for fit in listed if fit.distance <= best + _SLACK[fit.conversion.power_of_ten] / math.sqrt(fit.values)]
    estimated = [fit for fit in fits if not fit.conversion.listed]
    if estimated and (not near or estimated[0].distance < best - _CLEARLY / math.sqrt(estimated[0].values)):
        return estimated[0]
    return near[0] if near else None


def _whole(values: Floats, baseline: Distribution) -> Iterator[_Fit]:
    """Conversions that explain the column when every value was converted."""
    before = baseline.distance(values)
    chance = baseline.limit(len(values), LIKELY)
    shifted = _shifted(values, baseline)
    for conversion in (*CONVERSIONS, *_estimated(values, baseline)):
        few = len(values) < MANY and conversion.size < LARGE
        if few or before < _least_before(conversion) or not _allowed(conversion, baseline):
            continue
        after = baseline.distance(conversion.undone(values))
        near = after <= max(min(chance, 0.25 * before), _leftover(conversion) * before)
        if near and (not 1 < conversion.size < LARGE or _is_clear(values, baseline, conversion, shifted - after)):
            yield _Fit(conversion, 1.0, after, len(values))


def _is_clear(values: Floats, baseline: Distribution, conversion: Conversion, gain: float) -> bool:
    """Whether a small factor fits better than a shift does, by `gain`, and gives the values the baseline's shape."""
    back = places(baseline, conversion.undone(values))
    return gain > _CLEARLY / math.sqrt(len(values)) and is_spread(back, baseline.rows)


def _shifted(values: Floats, baseline: Distribution, part: tuple[float, float] = (-math.inf, math.inf)) -> float:
    """How far the values lie from that part of the baseline once they are moved onto its median."""
    usual = _quantile(baseline, float(baseline.at(np.array(part)).mean()))
    return baseline.distance(values - np.median(values) + usual, above=part[0], below=part[1])


def _quantile(baseline: Distribution, share: float) -> float:
    return float(np.interp(share, baseline.upto, baseline.ends))


def _least_before(conversion: Conversion) -> float:
    """Distance that a conversion of all values makes at least, else another change is as likely."""
    if conversion.offset or conversion.factor < 0:
        return 0.8
    return 0.2 if conversion.listed else 0.5


def _leftover(conversion: Conversion) -> float:
    """Share of the distance that may remain: real drift, which no large factor can be mistaken for."""
    if not conversion.listed:
        return 0.0
    if conversion.offset:
        return 0.2 if conversion.size > 1 else 0.1
    return 0.3 if conversion.size >= LARGE else 0.08


def _allowed(conversion: Conversion, baseline: Distribution) -> bool:
    """Whether a conversion makes sense of such a column, and could not be another change just as well."""
    if baseline.low >= 0 and baseline.high <= 1:  # a share has no unit but percent
        return conversion.power_of_ten
    if conversion.offset or conversion.factor < 0:
        return True
    least = SMALLEST_FACTOR if conversion.listed else SMALLEST_ESTIMATED
    below_zero = float(baseline.at(np.zeros(1))[0])
    if 0.02 < below_zero < 0.98:  # values around zero: a change of variance is a factor, too
        least = 10.0
    return conversion.size >= least * (1 - 1e-9)


def _estimated(values: Floats, baseline: Distribution) -> list[Conversion]:
    """The factor between the two medians, if it is one."""
    usual = _quantile(baseline, 0.5)
    factor = float(np.median(values)) / usual if usual and len(values) else math.nan
    good = math.isfinite(factor) and 1e-15 < factor < 1e15
    return [scaled(factor, listed=False)] if good else []


def _partial(values: Floats, baseline: Distribution) -> Iterator[_Fit]:
    """Conversions that explain odd values, which lie where the baseline has hardly any."""
    outside = values[(values < baseline.low) | (values > baseline.high)]
    for conversion in (*CONVERSIONS, *_estimated(outside, baseline)):
        if conversion.factor > 0 and _allowed(conversion, baseline):
            fits = (
                _odd(values, baseline, conversion, region) for region in _regions(len(values), baseline, conversion)
            )
            yield from (fit for fit in fits if fit is not None)


Region = tuple[float, float]
"""Values above the first and at most the second."""


def _regions(count: int, baseline: Distribution, conversion: Conversion) -> list[Region]:
    """Where converted values stand out best: many of them, and few others; at either end, or where all of them lie."""
    beyond, converted = baseline.at(baseline.ends), baseline.at(conversion.undone(baseline.ends))
    upper = int(np.argmax((1 - converted) / np.sqrt(1 - beyond + 1 / count)))
    lower = int(np.argmax(converted / np.sqrt(beyond + 1 / count)))
    image = conversion.done(baseline.ends[[0, -1]])
    ends = [(baseline.ends[upper], math.inf), (-math.inf, baseline.ends[lower]), (image[0], image[1])]
    return [(float(low), float(high)) for low, high in ends]


def _odd(values: Floats, baseline: Distribution, conversion: Conversion, region: Region) -> _Fit | None:
    """How well the values in a region, once converted back, are distributed as the baseline is there."""
    odd = values[(values > region[0]) & (values <= region[1])]
    if len(odd) < _fewest(conversion):
        return None
    bounds = np.array(region)
    back = conversion.undone(bounds)
    ordinary, power = (float(high - low) for low, high in (baseline.at(bounds), baseline.at(back)))
    expected = ordinary * len(values)
    if power < _least_power(conversion) or expected > 0.1 * len(odd):
        return None
    part = (float(back[0]), float(back[1]))
    distance = baseline.distance(conversion.undone(odd), above=part[0], below=part[1])
    if distance > min(LIKELY / math.sqrt(len(odd)) + 0.02, 0.6):
        return None
    if not conversion.round and distance > _shifted(odd, baseline, part) - _CLEARLY / math.sqrt(len(odd)):
        return None
    if not _is_copy(odd, baseline, conversion, region, ordinary=expected / len(odd)):
        return None
    fit = _Fit(conversion, min((len(odd) - expected) / len(values) / power, 1.0), distance, len(odd))
    likely = conversion.round or fit.share <= 0.5  # of more values a shift of all could be the cause
    return fit if likely and _joins(values, baseline, fit, region) and _explains(values, baseline, fit) else None


def _is_copy(odd: Floats, baseline: Distribution, conversion: Conversion, region: Region, *, ordinary: float) -> bool:
    """Whether the odd values of a region, of which a share is `ordinary`, lie as converted ones do there."""
    low, high = conversion.undone(np.array(region)).tolist()
    found = (1 - ordinary) * places(baseline, conversion.undone(odd), above=low, below=high)
    if ordinary > 0:
        found = found + ordinary * places(baseline, odd, above=region[0], below=region[1])
    return is_spread(found, baseline.rows, limit=LOOSE if conversion.size >= LARGE else STRICT)


def _joins(values: Floats, baseline: Distribution, fit: _Fit, region: Region) -> bool:
    """Whether there are as many values as there should be between a region at an end and all but 1 % of the baseline.

    Converted values go on there, where they do not stand out. Only a part of what else lies far off may look like them.
    """
    if not math.isinf(max(map(abs, region))):
        return True  # all of them lie in the region
    if math.isinf(region[1]):
        between = (min(_quantile(baseline, 1 - _RARE), region[0]), region[0])
    else:
        between = (region[1], max(_quantile(baseline, _RARE), region[1]))
    bounds = np.array(between)
    ordinary, converted = (float(np.diff(baseline.at(each))[0]) for each in (bounds, fit.conversion.undone(bounds)))
    expected = len(values) * ((1 - fit.share) * ordinary + fit.share * converted)
    found = int(np.count_nonzero((values > between[0]) & (values <= between[1])))
    return abs(found - expected) <= 4 * math.sqrt(expected + 1) + 0.5 * ordinary * len(values)


def _least_power(conversion: Conversion) -> float:
    return 0.3 if conversion.listed else 0.9


def _fewest(conversion: Conversion) -> int:
    if not conversion.round:
        return FEWEST_MOVED if conversion.offset else MANY
    return FEWEST_ODD if conversion.size >= THOUSAND else FEWEST_FAR if conversion.size >= LARGE else FEWEST_NEAR


def _explains(values: Floats, baseline: Distribution, fit: _Fit) -> bool:
    """Whether conversion accounts for the values outside the baseline's range, and for the drift if there is any.

    It does when the baseline with its share of converted values is much more like the window than the baseline is.
    """
    low, high = fit.conversion.done(baseline.ends[[0, -1]])
    outside = (values < baseline.low) | (values > baseline.high)
    if np.count_nonzero(outside & ~((values >= low) & (values <= high + 1e-9 * abs(high)))) > 0.2 * np.count_nonzero(
        outside
    ):
        return False
    points = np.concatenate([baseline.ends, fit.conversion.done(baseline.ends)])
    points = points + np.abs(points) * 1e-9  # beyond the rounding of a value that many rows share
    found = np.searchsorted(np.sort(values), points, "right") / len(values)
    usual, converted = baseline.at(points), baseline.at(fit.conversion.undone(points))
    after = float(np.max(np.abs(found - (1 - fit.share) * usual - fit.share * converted)))
    before = float(np.max(np.abs(found - usual)))
    return before <= baseline.limit(len(values), UNLIKELY) or after <= max(
        baseline.limit(len(values), LIKELY), 0.4 * before
    )


def _apart(values: Floats, baseline: Distribution) -> Iterator[_Fit]:
    """Conversions that explain values far from all others by those others: the column may have drifted as well."""
    sizes = np.sort(np.abs(values))
    steps = np.log10(np.maximum(sizes[1:], 1e-300)) - np.log10(np.maximum(sizes[:-1], 1e-300))
    place = int(np.argmax(steps[len(sizes) // 2 :])) + len(sizes) // 2 if len(steps) else 0
    odd, rest = values[np.abs(values) > sizes[place]], values[np.abs(values) <= sizes[place]]
    usual = float(np.diff(baseline.at(np.array([-sizes[place], sizes[place]])))[0])
    if (
        len(odd) < FEWEST_ODD
        or len(rest) < FEWEST
        or steps[place] < math.log10(3)
        or 1 - usual > 0.1 * len(odd) / len(values)
    ):
        return
    others = observed(rest)
    for conversion in CONVERSIONS:
        if conversion.round and conversion.factor > 1 and _allowed(conversion, others):
            distance = others.distance(conversion.undone(odd))
            copied = is_spread(places(others, conversion.undone(odd)), others.rows)
            if copied and len(odd) >= _fewest(conversion) and distance <= min(others.limit(len(odd), LIKELY), 0.5):
                yield _Fit(conversion, len(odd) / len(values), distance, len(odd))
