"""Whether an estimate before labels is believed, and what it then says: is harm to be expected?

An estimate takes for granted that a score still means what it meant on the reference. Windows whose labels have come
since say whether it does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from monitoring_tasks.performance.metrics import METRICS
from monitoring_tasks.performance.record import Estimated, Interval
from monitoring_tasks.performance_section import Drop

Pair = tuple[Interval, float | None]
"""What was estimated for a window, and what it then was."""
REMEMBERED = 6
"""So many matured windows are asked."""
_RECENT = 3
_FEW = 2
_MANY = 3
_FAR = 2.0


def trusted(pairs: Sequence[Pair]) -> str:
    """Why an estimate is not believed, by matured windows, oldest first; empty where it is.

    It is not where two of the last three realised values lie outside of their estimated interval, or one of them
    farther than twice as far as the interval reaches, or three of the last six outside. With intervals of 95 % an
    estimate that is true is refused in about one window in a hundred. Pairs that lack a number are left out; the
    interval of an estimate that was itself refused counts, so that it can be believed again.

    >>> narrow = Interval(0.70, 0.65, 0.75)
    >>> trusted([(narrow, 0.71), (narrow, 0.64), (narrow, 0.66)])
    ''
    >>> trusted([(narrow, 0.64), (narrow, 0.63)])
    '2 of the last 2 windows with labels lie outside of what was estimated of them'
    """
    return _reason([_steps(*pair) for pair in pairs])


def trusted_together(pairs: Mapping[str, Sequence[Pair]]) -> str:
    """Why the estimates of several metrics are not believed, and of which; empty where all are.

    Every metric has one pair for each of the same windows, oldest first. All rest on one assumption, so that a window
    counts by the metric that lies farthest off: an estimate that is true is refused in up to 4 windows of a hundred.
    Raises `ValueError` where metrics have pairs of different windows.
    """
    steps = {metric: [_steps(*pair) for pair in each] for metric, each in pairs.items()}
    worst = [
        max((step for step in window if step is not None), default=None) for window in zip(*steps.values(), strict=True)
    ]
    if not (reason := _reason(worst)):
        return ""
    outside = [metric for metric, each in steps.items() if any(step > 1 for step in _known(each))]
    return f"{reason} ({', '.join(outside)})"


def _reason(steps: Sequence[float | None]) -> str:
    known = _known(steps)
    recent = known[-_RECENT:]
    if max(recent, default=0) > _FAR:
        return "one of the last windows with labels lies more than twice as far off as was estimated of it"
    for last, allowed in ((recent, _FEW), (known, _MANY)):
        if (outside := sum(step > 1 for step in last)) >= allowed:
            return f"{outside} of the last {len(last)} windows with labels lie outside of what was estimated of them"
    return ""


def _known(steps: Sequence[float | None]) -> list[float]:
    return [step for step in steps if step is not None][-REMEMBERED:]


def harm(
    estimated: Mapping[str, Estimated],
    baseline: Mapping[str, float | None],
    limits: Mapping[str, Drop],
    *,
    task: str,
    sure: bool = True,
) -> bool | None:
    """Whether estimates show that a window is worse than the champion's reference by more than its limits allow.

    `limits` names the metrics that decide. True: an estimate that is believed is worse than its limit. False: of all
    of them the whole interval is within the limit; where one need not be `sure`, the estimate itself. None is not
    known: an interval reaches across its limit, an estimate is missing or refused, or no metric decides.

    >>> found = {"auc": Estimated(Interval(0.70, 0.69, 0.71))}
    >>> [harm(found, {"auc": was}, {"auc": Drop(size=0.02)}, task="binary") for was in (0.70, 0.715, 0.73)]
    [False, None, True]
    """
    losses = [
        _losses(estimated.get(name), baseline.get(name), limits[name], METRICS[task, name].worse) for name in limits
    ]
    if any(loss is not None and loss[0] > 0 for loss in losses):
        return True
    return False if losses and all(loss is not None and loss[sure] <= 0 for loss in losses) else None


def _losses(found: Estimated | None, baseline: float | None, limit: Drop, worse: str) -> tuple[float, float] | None:
    """By how much the estimate, and the worse end of its interval, are beyond the limit; None where not known."""
    if found is None or found.refused or baseline is None:
        return None
    interval = found.interval
    if interval.value is None or interval.low is None or interval.high is None:
        return None
    if limit.relative and not baseline:
        return None
    allowed = limit.size * (abs(baseline) if limit.relative else 1)
    value, *ends = (_loss(each, baseline, worse) for each in (interval.value, interval.low, interval.high))
    return value - allowed, max(ends) - allowed


def _loss(value: float, baseline: float, worse: str) -> float:
    return {"lower": baseline - value, "higher": value - baseline, "either": abs(value) - abs(baseline)}[worse]


def _steps(interval: Interval, value: float | None) -> float | None:
    """How far a realised value lies from its estimate, the interval's reach to that side being 1."""
    if value is None or interval.value is None or interval.low is None or interval.high is None:
        return None
    if not math.isfinite(value):
        return None
    if interval.low <= value <= interval.high:
        return 0.0
    reach = interval.low - interval.value if value < interval.value else interval.high - interval.value
    return (value - interval.value) / reach if reach else math.inf
