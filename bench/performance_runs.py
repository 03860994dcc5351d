"""The simulations of the performance bench: labels flipped, labels that come late, and the weeks of a year."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

import numpy as np

from bench.estimate import FIRST, LAST, MONTHS, flights
from monitoring_tasks.alarms_section import WEEK, AlarmBudget
from monitoring_tasks.checks import CheckResult, Status
from monitoring_tasks.degradation import Deciding, judge, trailing
from monitoring_tasks.performance.delays import DelayCurve
from monitoring_tasks.performance.ordinary import Ordinary
from monitoring_tasks.performance.outcomes import NEVER, Floats, Outcomes, Whole, microseconds
from monitoring_tasks.performance.point import Asked
from monitoring_tasks.performance.record import Interval
from monitoring_tasks.performance.windows import Learnt, measure_window
from monitoring_tasks.performance_section import DECISIVE, Before
from monitoring_tasks.window import DAY, Window

LATE, BEFORE = 7, 37
"""Windows of a sequence, and the clean days before them."""
ASKED = Asked("binary", tuple(DECISIVE["binary"]))
LIMITS = {str(name): each for name, each in DECISIVE["binary"].items()}
SHOWN = Asked("binary", ("auc", "log_loss", "predicted_minus_actual", "accuracy"))
MICRO = DAY // timedelta(microseconds=1)
MATURITY = 0.3
Key = tuple[str, str, str, str]


@dataclass
class Watch:
    """Windows in a row: a finding that fails alarms at once, any that stands in two of the last three windows too."""

    recent: list[set[Key]] = field(default_factory=list)

    def alarms(self, results: Sequence[CheckResult]) -> set[Key]:
        """The checks of the newest window that alarm."""
        failed = {each.key for each in results if each.status is Status.FAILED}
        found = failed | {each.key for each in results if each.status is Status.SUSPECT}
        earlier, self.recent = self.recent, [*self.recent[-1:], found]
        return failed | {key for key in found if any(key in each for each in earlier)}


@dataclass(frozen=True)
class Pool:
    """Rows to draw from, as independent of each other, and what windows of a day and of a week of them show."""

    rows: Outcomes
    learnt: Learnt
    weekly: Ordinary

    @classmethod
    def of(cls, rows: Outcomes) -> Pool:
        """The pool of a reference, without its times."""
        still = replace(rows, moment=np.full(len(rows), NEVER))
        daily, weekly = (Ordinary.learn(still, ASKED, width) for width in (DAY, WEEK))
        return cls(still, Learnt(ASKED, daily), weekly)


@lru_cache(maxsize=1)
def pool(work: Path) -> Pool:
    """The out-of-fold scores of January to March."""
    return Pool.of(flights(work)[0])


def first_alarms(work: Path, rows: int, share: float, seeds: range) -> Counter[int]:
    """How many sequences have their first alarm in each window, 0 meaning in none of seven."""
    return Counter(first_alarm(pool(work), rows, share, seed) for seed in seeds)


def first_alarm(drawn: Pool, rows: int, share: float, seed: int) -> int:
    """The first daily window that alarms when a share of the labels is flipped after 37 clean days; 0: none of 7."""
    outcomes, watch = _flipped_days(drawn.rows, rows, share, seed), Watch()
    deciding = Deciding(LIMITS, AlarmBudget(), DAY)
    for number in range(LATE):
        window = Window(MONTHS[0] + (BEFORE + number) * DAY, MONTHS[0] + (BEFORE + number + 1) * DAY)
        before = trailing(outcomes, window, Before(), incidents=(), ordinary=drawn.weekly)
        found = judge(outcomes.within(window), window.end, learnt=drawn.learnt, before=before, deciding=deciding)
        if watch.alarms(found.results):
            return number + 1
    return 0


def _flipped_days(rows: Outcomes, daily: int, share: float, seed: int) -> Outcomes:
    random, days = np.random.default_rng([1, daily, int(1000 * share), seed]), BEFORE + LATE
    places = random.integers(0, len(rows), days * daily)
    flipped = random.random(days * daily) < share
    flipped[: BEFORE * daily] = False
    label = np.where(flipped, 1 - rows.label[places], rows.label[places])
    return _dated(rows.prediction[places], label, days)


def _dated(prediction: Floats, label: Floats, days: int) -> Outcomes:
    """Rows at even distances over some days, their labels known at once."""
    moment = microseconds(MONTHS[0]) + np.arange(len(label)) * (days * MICRO) // len(label)
    return Outcomes(moment, prediction, label, moment, np.full(len(label), NEVER))


@dataclass(frozen=True)
class Lateness:
    """Delays of labels: days on average, and how many times as long those of late flights take."""

    mean: float
    slower: float = 1.0

    def drawn(self, random: np.random.Generator, label: Floats) -> Whole:
        """A delay for each label, in microseconds: gamma distributed, of shape 2."""
        scale = self.mean / 2 * np.where(label == 1, self.slower, 1.0)
        found: Whole = (random.gamma(2.0, scale) * MICRO).astype(np.int64)
        return found


DELAYS = {
    "alike": Lateness(1.0),
    "late flights 2x": Lateness(1.0, 2.0),
    "late flights 4x": Lateness(1.0, 4.0),
    "late flights half": Lateness(1.0, 0.5),
}
Held = Mapping[str, tuple[int, int]]
"""By metric: windows whose corrected and whose raw interval holds the final value."""


def held(work: Path, rows: int, delay: str, seeds: range) -> Held:
    """How often the intervals of windows of a day, at 30 % of their labels, hold the value of all labels."""
    rows_of, lateness = pool(work).rows, DELAYS[delay]
    random = np.random.default_rng([2, rows, list(DELAYS).index(delay)])
    curve = DelayCurve.learn(lateness.drawn(random, rows_of.label), rows_of.label, "binary")
    learnt = Learnt(SHOWN, Ordinary.learn(rows_of, SHOWN, DAY), curve)
    return together(early(rows_of, rows, learnt, lateness, seed) for seed in seeds)


def together(found: Iterable[Held]) -> Held:
    """The sums of several counts."""
    counts = {name: np.zeros(2, int) for name in SHOWN.metrics}
    for each in found:
        for name, pair in each.items():
            counts[name] += pair
    return {name: (int(pair[0]), int(pair[1])) for name, pair in counts.items()}


def early(drawn: Outcomes, rows: int, learnt: Learnt, lateness: Lateness, seed: int) -> Held:
    """Of one window: which intervals at 30 % of the labels hold the value of all."""
    random = np.random.default_rng([3, rows, seed])
    places = random.integers(0, len(drawn), rows)
    whole = _dated(drawn.prediction[places], drawn.label[places], 1)
    known = whole.moment + lateness.drawn(random, whole.label)
    moment = int(np.quantile(known, MATURITY))
    label = np.where(known <= moment, whole.label, np.nan)
    partial = replace(whole, label=label, known=np.where(known <= moment, known, NEVER))
    final = measure_window(whole, replace(learnt, curve=None), FIRST)
    figures = measure_window(partial, learnt, datetime.fromtimestamp(moment / 1e6, tz=FIRST.tzinfo))
    return {
        one.metric: (_holds(one.best, two.raw), _holds(one.raw, two.raw))
        for one, two in zip(figures, final, strict=True)
    }


def _holds(interval: Interval, final: Interval) -> int:
    if interval.low is None or interval.high is None or final.value is None:
        return 0
    return int(interval.low <= final.value <= interval.high)


@dataclass(frozen=True)
class Week:
    """A week of flights: its figures, and the checks that alarm (`check metric`)."""

    start: datetime
    figures: Mapping[str, float | None]
    alarms: frozenset[str]


def year(reference: Outcomes, rows: Outcomes) -> list[Week]:
    """The weeks from April on, from Tuesday to Tuesday, judged as a monitor with a weekly schedule would."""
    learnt, watch = Learnt(SHOWN, Ordinary.learn(reference, SHOWN, WEEK)), Watch()
    starts = [FIRST + number * WEEK for number in range((LAST - FIRST) // WEEK)]
    return [_week(rows, start, learnt, watch) for start in starts]


def held_out(reference: Outcomes) -> list[Week]:
    """Each week of the reference by what the others teach."""
    found, watch = [], Watch()
    for start in [MONTHS[0] + number * WEEK for number in range((MONTHS[-1] - MONTHS[0]) // WEEK)]:
        low, high = microseconds(start), microseconds(start + WEEK)
        rest = reference.take((reference.moment < low) | (reference.moment >= high))
        found.append(_week(reference, start, Learnt(SHOWN, Ordinary.learn(rest, SHOWN, WEEK)), watch))
    return found


def _week(rows: Outcomes, start: datetime, learnt: Learnt, watch: Watch) -> Week:
    window = Window(start, start + WEEK)
    before = trailing(rows, window, Before(), incidents=(), ordinary=learnt.ordinary)
    deciding = Deciding(LIMITS, AlarmBudget(), WEEK)
    found = judge(rows.within(window), window.end, learnt=learnt, before=before, deciding=deciding)
    alarms = watch.alarms(found.results)
    figures = {each.metric: each.raw.value for each in found.figures}
    return Week(start, figures, frozenset(f"{check} {metric}" for _, check, metric, _ in alarms))
