"""Whether a monitor finds less than it did: the newest report of its self-test against those published before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

from monitoring_tasks.canary.report import BY, FOUND, CanaryReport, FaultRecall

LEVEL = 0.05
"""Chance, over all faults together, that a recall which did not change is said to have fallen below the last one."""
SURE = 0.005
"""Chance, for one fault, that a recall which did not change is said to be below what it was at its best."""
USED_TO = 0.95
"""A fault with this recall in a report before is one that the monitor used to find."""
EARLIER = 8
"""So many reports before the newest are looked at."""


@dataclass(frozen=True)
class Fall:
    """A fault that is found less often than before: its recall then and now, and the column it was put into."""

    name: str
    fault: str
    column: str
    before: float
    now: float

    @property
    def words(self) -> str:
        """The fall as a person says it.

        >>> Fall("mean_25", "mean .25 sd higher", "age", 1.0, 0.35).words
        'age, mean .25 sd higher: found in 35 % of trials, 100 % before'
        """
        now, before = (f"{100 * share:.0f} %" for share in (self.now, self.before))
        return f"{self.column}, {self.fault}: found in {now} of trials, {before} before"


def falls(report: CanaryReport, earlier: Sequence[CanaryReport]) -> list[Fall]:
    """The faults whose recall fell, those of the report's order; `earlier` has the newest first.

    One fell when its recall by the third window is lower than in the last report by more than chance (Fisher's exact
    test, one-sided, the level shared among all faults compared). Or when it is below .8, although the monitor used to
    find it, at least 95 % in one of the last reports, and chance does not explain it, against that one or against all
    of them together; that is said once. Recalls are compared for the same fault in the same column only, and a fault
    that is not applicable now did not fall.
    """
    pairs = [(fault, _same(fault, earlier[:EARLIER])) for fault in report.faults if fault.applicable]
    compared = [(fault, before) for fault, before in pairs if before and before[0] is not None]
    found = [_fall(fault, [each for each in before if each], LEVEL / len(compared)) for fault, before in compared]
    return [fall for fall in found if fall is not None]


def _same(fault: FaultRecall, earlier: Sequence[CanaryReport]) -> list[FaultRecall | None]:
    """What each earlier report says of the fault in the same column; None where it says nothing."""
    found = [report.fault(fault.name) for report in earlier]
    return [each if each and each.applicable and each.column == fault.column else None for each in found]


def _fall(fault: FaultRecall, before: Sequence[FaultRecall], level: float) -> Fall | None:
    last, *rest = before
    said = bool(rest) and (_dropped(last, rest[0], level) or _lost(last, rest))
    if _dropped(fault, last, level):
        then = _recall(last)
    elif _lost(fault, before) and not said:
        then = max(map(_recall, before))
    else:
        return None
    return Fall(fault.name, fault.fault, str(fault.column), then, _recall(fault))


def _dropped(fault: FaultRecall, last: FaultRecall, level: float) -> bool:
    """Whether it is found less often than the last time, by more than chance."""
    return _recall(fault) < _recall(last) and chance(_trials(fault), _trials(last)) <= level


def _lost(fault: FaultRecall, before: Sequence[FaultRecall]) -> bool:
    """Whether it is not found any more, and used to be: by more than chance, against the best time or all together."""
    best = max(before, key=_recall)
    if _recall(fault) >= FOUND or _recall(best) < USED_TO:
        return False
    hits, trials = map(sum, zip(*map(_trials, before), strict=True))
    return min(chance(_trials(fault), each) for each in (_trials(best), (hits, trials))) <= SURE


def _recall(fault: FaultRecall) -> float:
    return fault.in_time or 0.0


def _trials(fault: FaultRecall) -> tuple[int, int]:
    return fault.hits(min(BY, fault.windows)), len(fault.found_by)


def chance(now: tuple[int, int], before: tuple[int, int]) -> float:
    """Chance of as few hits now, or fewer, when both were equally likely to hit: Fisher's exact test, one-sided.

    Each argument is hits and trials.

    >>> round(chance((13, 20), (20, 20)), 4)
    0.0042
    """
    (hits, trials), (others, rest) = now, before
    total, pool = hits + others, trials + rest
    ways = sum(comb(trials, each) * comb(rest, total - each) for each in range(max(0, total - rest), hits + 1))
    return ways / comb(pool, total)
