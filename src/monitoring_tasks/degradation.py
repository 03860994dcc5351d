"""Whether a window's figures are worse than they should be: against the champion's reference, and the days before."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from monitoring_tasks.alarms_section import AlarmBudget
from monitoring_tasks.calibration.correction import Levels, adjusted, levels
from monitoring_tasks.checks import Check, CheckResult, Evidence, Status, Suite
from monitoring_tasks.performance.metrics import Metric
from monitoring_tasks.performance.ordinary import Ordinary
from monitoring_tasks.performance.outcomes import Outcomes, microseconds
from monitoring_tasks.performance.point import Point, usable
from monitoring_tasks.performance.record import Against, Figure
from monitoring_tasks.performance.spread import Spread, tail
from monitoring_tasks.performance.windows import Learnt, Measured, figures, measure
from monitoring_tasks.performance_section import AT_RATE, Before, Drop, Incident, MetricLimits, at_rate
from monitoring_tasks.window import Window

WHOLE, SEGMENT = 4.0, 1.0
"""Weights of the tests of all rows and of a segment in the correction."""
PERSISTING, SEVERE = 0.6, 2.0
"""A drop that persists may be so much of the limit; one of so many times the limit is severe."""
SPENT = 0.1
"""Part of the budget that is spent: the rest is for what a reference of a few months cannot teach."""
CHECKS = {"champion": Check.CHAMPION_DROP, "trailing": Check.TRAILING_DROP}
_BASELINES = {"champion": "the champion's reference", "trailing": "the days before"}


@dataclass(frozen=True)
class Deciding:
    """What decides: the limits of metrics, in their order, and what false alarms may cost.

    There is a window every `interval`; a finding that is weak must stand in k of n windows (`persistence`).
    """

    limits: Mapping[str, MetricLimits]
    budget: AlarmBudget
    interval: timedelta
    persistence: tuple[int, int] = (2, 3)


@dataclass(frozen=True, eq=False)
class Trailing:
    """The newest rows and those before them, as known at one moment; neither has rows of the other.

    `spans` are the newest and those before it, all as wide, newest first; `ordinary` is what windows of that width show
    on the reference. `repeated` says that the window before has rows among its newest that are among these as well.
    """

    newest: Outcomes
    before: Outcomes
    spans: tuple[Window, ...]
    ordinary: Ordinary
    repeated: bool = False

    def earlier(self) -> list[Outcomes]:
        """The rows of each span before the newest; one with less than half the rows of the usual one is left out.

        A baseline is measured in spans as wide as what is compared with it: a metric of many days is not the mean of
        theirs.
        """
        found = [self.before.within(span) for span in self.spans[1:]]
        rows = [int(usable(each).sum()) for each in found]
        usual = float(np.median([count for count in rows if count] or [0]))
        return [each for each, count in zip(found, rows, strict=True) if count and count >= usual / 2]


def trailing_spans(window: Window, before: Before) -> tuple[Window, ...]:
    """The span of the newest rows, which ends with the window and holds it, and those before it, newest first.

    The last one is cut off where the baseline begins, which is at least as wide as the newest span: what is learnt of
    wide windows does not hold for narrow ones.

    >>> [str(each.start.date()) for each in trailing_spans(Window.parse("2013-06-10", "2013-06-11"), Before())]
    ['2013-06-04', '2013-05-28', '2013-05-21', '2013-05-14', '2013-05-07', '2013-05-05']
    """
    width = max(before.span, window.width)
    start = window.end - width
    against = max(before.against, width)
    first = start - against
    ends = [start - number * width for number in range(-(-against // width))]
    return (Window(start, window.end), *(Window(max(end - width, first), end) for end in ends))


def trailing(
    outcomes: Outcomes, window: Window, before: Before, *, incidents: Sequence[Incident], ordinary: Ordinary
) -> Trailing:
    """The trailing comparison of a window, out of all rows of both spans.

    No row within an incident is in the baseline.
    """
    newest, *earlier = spans = trailing_spans(window, before)
    rows = outcomes.within(Window(earlier[-1].start, newest.start))
    calm = np.ones(len(rows), bool)
    for incident in incidents:
        calm &= (rows.moment < microseconds(incident.start)) | (rows.moment >= microseconds(incident.end))
    return Trailing(outcomes.within(newest), rows.take(calm), spans, ordinary, newest.width > window.width)


class Judged(NamedTuple):
    """A window's figures with their baselines, and what is made of them."""

    figures: list[Figure]
    results: list[CheckResult]


class _Usual(NamedTuple):
    """A baseline: its value, the variance of that, and how the windows compared with it vary.

    `repeated` says that the window before is compared with most of the same rows: its finding is no second one.
    """

    kind: str
    value: float
    error: float
    spread: Spread
    repeated: bool = False


class _Test(NamedTuple):
    """One comparison: `drop` is by how much the figure is worse, in the unit of the limit; NaN where undefined."""

    metric: Metric
    segment: str
    found: Point
    usual: _Usual
    limit: Drop
    drop: float
    p_value: float

    @property
    def key(self) -> tuple[str, str]:
        return self.metric.name, self.segment


def judge(
    window: Outcomes, known_at: datetime, *, learnt: Learnt, before: Trailing | None, deciding: Deciding
) -> Judged:
    """The figures of a window as known at a moment, and whether they are worse than the baselines allow.

    All tests of the window are under one Benjamini-Hochberg correction, in which those of all rows weigh four times
    those of a segment; segments are tested by the first metric that decides. `FAILED` is a finding at once: a drop
    beyond the limit, and evidence at the strong level of the budget. `SUSPECT` is one if it persists: six tenths of
    the limit, and the weak level; never where the window before was compared with the same rows. A metric that is
    undefined on either side is `UNDECIDED`; of a segment nothing is said then. Without `before` there is no trailing
    baseline.
    """
    measured = measure(window, learnt, known_at)
    tests = list(_against_champion(measured, learnt.ordinary, deciding))
    if before is not None:
        tests += _against_trailing(before, learnt, known_at, deciding)
    verdicts = _decided(tests, deciding)
    told, rate = figures(measured, learnt), learnt.asked.alert_rate
    return Judged(
        [replace(each, against=_against(each, verdicts)) for each in told],
        [_result(test, evidence, status, rate) for test, evidence, status in verdicts if _said(test, status)],
    )


def _against_champion(measured: Sequence[Measured], ordinary: Ordinary, deciding: Deciding) -> Iterator[_Test]:
    limits = {name: each.champion for name, each in deciding.limits.items() if each.champion is not None}
    for each in measured:
        name, segment = each.metric.name, each.segment
        if name not in limits or (segment and name != next(iter(limits))):
            continue
        spread = ordinary.spread(name, segment) or Spread(math.nan, math.nan)
        usual = _Usual("champion", spread.value, spread.error, spread)
        yield _compared(each.metric, segment, each.best, usual, limits[name])


def _against_trailing(before: Trailing, learnt: Learnt, known_at: datetime, deciding: Deciding) -> Iterator[_Test]:
    limits = {name: each.trailing for name, each in deciding.limits.items() if each.trailing is not None}
    if not limits:
        return
    first, rest = next(iter(limits)), tuple(limits)[1:]
    asked = (replace(learnt.asked, metrics=(first,)), replace(learnt.asked, metrics=rest, segments=()))
    for these in asked:
        own = replace(learnt, asked=these, ordinary=before.ordinary)
        spans = [_by_key(measure(span, own, known_at)) for span in before.earlier()]
        for each in measure(before.newest, own, known_at):
            name, segment = each.metric.name, each.segment
            earlier = [span[name, segment].best for span in spans if (name, segment) in span]
            usual = _trailing_usual(earlier, before.ordinary.usual(name, segment), repeated=before.repeated)
            yield _compared(each.metric, segment, each.best, usual, limits[name])


def _by_key(measured: Sequence[Measured]) -> dict[tuple[str, str], Measured]:
    return {(each.metric.name, each.segment): each for each in measured}


def _trailing_usual(earlier: Sequence[Point], spread: Spread, *, repeated: bool) -> _Usual:
    """The mean of the spans before, by their rows; each varies as ordinary windows do."""
    known = [each for each in earlier if each.known]
    if not known:
        return _Usual("trailing", math.nan, math.nan, spread, repeated)
    parts = np.array([each.rows for each in known], float)
    parts /= parts.sum()
    variances = np.array([spread.variance(each.chance) for each in known])
    value = float(parts @ np.array([each.value for each in known]))
    return _Usual("trailing", value, float(parts**2 @ variances), spread, repeated)


def _compared(metric: Metric, segment: str, found: Point, usual: _Usual, limit: Drop) -> _Test:
    step = found.value - usual.value
    unit = abs(usual.value) if limit.relative else 1.0
    worse = {"lower": -step, "higher": step, "either": abs(found.value) - abs(usual.value)}[metric.worse]
    drop = worse / unit if unit else math.nan
    if not math.isfinite(drop):
        return _Test(metric, segment, found, usual, limit, math.nan, math.nan)
    either = metric.worse == "either"
    p = _chance(abs(step) if either else worse, found, usual) * (2 if either else 1)
    return _Test(metric, segment, found, usual, limit, drop, min(p, 1.0))


def _chance(worse: float, found: Point, usual: _Usual) -> float:
    """Chance that an ordinary window is so much worse than its baseline.

    Where the window leaves nothing to chance, as one score for all rows does, an ordinary one of the reference would.
    """
    spread = usual.spread
    if not found.chance:
        found = found._replace(chance=max(spread.known - spread.between, 0.0))
    variance = spread.variance(found.chance) + usual.error
    if variance <= 0:
        return float(worse <= 0)
    return tail(spread.freedom_of(found, usual.error), worse / math.sqrt(variance))


_Verdict = tuple[_Test, Evidence, Status]


def _decided(tests: Sequence[_Test], deciding: Deciding) -> list[_Verdict]:
    made = [test for test in tests if math.isfinite(test.p_value)]
    corrected = adjusted([test.p_value for test in tests], [_weight(test) for test in tests])
    allowed = _levels(made, deciding)
    return [(test, *_judged(test, q, allowed)) for test, q in zip(tests, corrected, strict=True)]


def _weight(test: _Test) -> float:
    return SEGMENT if test.segment else WHOLE


def _levels(tests: Sequence[_Test], deciding: Deciding) -> Levels:
    """The levels of the window's tests; only those that can persist may be found again."""
    weights = tuple(_weight(test) for test in tests) or (WHOLE,)
    again = tuple(test.usual.spread.correlation for test in tests if not test.usual.repeated)
    return _spent(deciding.budget, deciding.interval, deciding.persistence, weights, again)


@lru_cache(maxsize=64)  # windows of one monitor ask for the same again and again
def _spent(
    budget: AlarmBudget,
    interval: timedelta,
    persistence: tuple[int, int],
    weights: tuple[float, ...],
    correlations: tuple[float, ...],
) -> Levels:
    shares = np.array(weights) / sum(weights)
    return levels(
        budget, interval * SPENT, persistence=persistence, shares=shares, correlations=np.array(correlations, float)
    )


def _judged(test: _Test, corrected: float, allowed: Levels) -> tuple[Evidence, Status]:
    evidence = Evidence(test.p_value, corrected, test.drop, test.limit.size)
    if math.isnan(corrected):
        return evidence, Status.UNDECIDED
    if corrected <= allowed.strong and test.drop >= test.limit.size:
        return evidence, Status.FAILED
    weak = not test.usual.repeated and corrected <= allowed.weak and test.drop >= PERSISTING * test.limit.size
    return evidence, Status.SUSPECT if weak else Status.PASSED


def _said(test: _Test, status: Status) -> bool:
    return not test.segment or status is not Status.UNDECIDED


def _against(figure: Figure, verdicts: Sequence[_Verdict]) -> dict[str, Against]:
    own = [each for each in verdicts if each[0].key == (figure.metric, figure.segment)]
    return {
        test.usual.kind: Against(
            _finite(test.usual.value),
            evidence.effect,
            test.limit.size,
            test.limit.relative,
            evidence.p_value,
            evidence.adjusted,
            status.value,
        )
        for test, evidence, status in own
    }


def _result(test: _Test, evidence: Evidence, status: Status, alert_rate: float) -> CheckResult:
    return CheckResult(
        Suite.PERFORMANCE,
        CHECKS[test.usual.kind],
        status,
        column=test.metric.name,
        value=test.found.value,
        threshold=_allowed(test),
        large=test.drop >= test.limit.size,
        severe=test.drop >= SEVERE * test.limit.size,
        detail=_words(test, alert_rate),
        reference={"value": _finite(test.usual.value)},
        current={"value": _finite(test.found.value), "rows": test.found.rows},
        evidence=evidence,
        segment=test.segment,
    )


def _allowed(test: _Test) -> float:
    """The worst value that is within the limit."""
    usual = test.usual.value
    size = test.limit.size * (abs(usual) if test.limit.relative else 1.0)
    if test.metric.worse == "either":
        return math.copysign(abs(usual) + size, test.found.value)
    return usual - size if test.metric.worse == "lower" else usual + size


def _words(test: _Test, alert_rate: float) -> str:
    """The comparison in words, or why there is none."""
    baseline = _BASELINES[test.usual.kind]
    if not test.found.known:
        return test.found.reason or "it is undefined in the window"
    if not math.isfinite(test.drop):
        return f"it is undefined in {baseline}"
    form, share = test.metric.form, 100 * test.drop
    by = f"{share:.1f}%" if test.limit.relative else f"{test.drop:{form}}"
    found = f"{test.found.value:{form}}{f' {at_rate(alert_rate)}' if test.metric.name in AT_RATE else ''}"
    told = f"{found} on {test.found.rows} rows against {test.usual.value:{form}} in {baseline}"
    return f"{told}: worse by {by}, limit {test.limit.words}" if test.drop > 0 else f"{told}: not worse"


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
