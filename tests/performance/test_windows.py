"""A window's figures: raw and corrected, of all rows and of segments."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cache

import numpy as np
import pytest
from scipy import special

from monitoring_tasks.performance.delays import DelayCurve
from monitoring_tasks.performance.ordinary import Ordinary
from monitoring_tasks.performance.outcomes import NEVER, Floats, Outcomes, Whole, microseconds
from monitoring_tasks.performance.point import Asked
from monitoring_tasks.performance.record import Figure, Interval
from monitoring_tasks.performance.windows import Learnt, measure_window
from monitoring_tasks.window import Window
from tests.performance.simulated import DAY, MICRO, START, drawn, undated

NAMES = ("auc", "log_loss", "predicted_minus_actual", "accuracy")
ASKED = Asked("binary", NAMES, segments=(("side",), ("side", "first")))
END = START + DAY


def learnt(curve: DelayCurve | None = None, asked: Asked = ASKED) -> Learnt:
    """What a reference of independent rows teaches."""
    return Learnt(asked, ordinary(asked), curve)


@cache
def ordinary(asked: Asked) -> Ordinary:
    """Learnt once."""
    return Ordinary.learn(undated(drawn(5, days=10, rows=1000)), asked, DAY)


def delays_of(random: np.random.Generator, labels: Floats, *, biased: bool = True) -> Whole:
    """Delays of a day on average; where they depend on the outcome, positives come at a third of the pace."""
    found: Whole = (random.gamma(2.0, MICRO / 2 * np.where((labels == 1) & biased, 3.0, 1.0))).astype(np.int64)
    return found


def seen(outcomes: Outcomes, delays: Whole, share: float) -> tuple[Outcomes, int]:
    """The outcomes as known when a share of their labels has come, and that moment."""
    known = outcomes.moment + delays
    moment = int(np.quantile(known, share))
    there = known <= moment
    label = np.where(there, outcomes.label, np.nan)
    return replace(outcomes, label=label, known=np.where(there, known, NEVER)), moment


def figure(found: list[Figure], metric: str, segment: str = "") -> Figure:
    """The one figure of a metric and a segment."""
    return next(each for each in found if (each.metric, each.segment) == (metric, segment))


def test_every_metric_of_every_segment() -> None:
    """All rows first, then each value and pair that has enough rows, as its own rows give them."""
    rows = drawn(1, days=1, rows=1000)
    found = measure_window(rows, learnt(), END)
    segments = list(dict.fromkeys(each.segment for each in found))
    assert segments == ["", "side=a", "side=b", "side=a, first=x", "side=b, first=x"]
    assert [each.metric for each in found] == list(NAMES) * 5
    own = measure_window(rows.take(rows.groups["side"].codes == 1), learnt(asked=replace(ASKED, segments=())), END)
    for name in NAMES:
        assert figure(found, name, "side=b").raw.value == figure(own, name).raw.value
    assert sum(figure(found, "auc", f"side={side}").rows for side in "ab") == 1000


def test_a_segment_of_few_rows_is_not_told() -> None:
    """Unlabelled rows do not count."""
    rows = drawn(1, days=1, rows=700)
    few = np.flatnonzero(rows.groups["side"].codes == 0)[190:]
    rows.label[few] = np.nan
    found = measure_window(rows, learnt(), END)
    assert {each.segment for each in found} == {"", "side=b", "side=b, first=x"}


def test_what_is_undefined_says_why() -> None:
    """One class, too few rows, none at all: no value, no limits."""
    rows = drawn(1, days=1, rows=300)
    rows.label[:] = 0.0
    found = measure_window(rows, learnt(), END)
    assert figure(found, "auc").raw == Interval(None)
    assert figure(found, "auc").reason
    assert figure(found, "accuracy").raw.value is not None
    for count in (0, 1, 19):
        few = measure_window(rows.take(np.arange(count)), learnt(), END)
        assert all(each.raw == Interval(None) and each.rows == count for each in few)
        assert figure(few, "accuracy").reason == f"{count} labelled rows, fewer than 20"


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    """Figures of the same rows in another order are the same to the last few bits."""
    rows = drawn(1, days=1, rows=600)
    other = rows.take(np.random.default_rng(seed).permutation(600))
    for one, two in zip(measure_window(rows, learnt(), END), measure_window(other, learnt(), END), strict=True):
        assert (one.metric, one.segment, one.rows) == (two.metric, two.segment, two.rows)
        assert one.raw.value == pytest.approx(two.raw.value, rel=1e-12)
        assert one.raw.low == pytest.approx(two.raw.low, rel=1e-9)


def test_limits_stay_where_the_metric_can_be() -> None:
    """Nobody is shown an accuracy above 1."""
    rows = drawn(1, days=1, rows=30)
    sure = replace(rows, prediction=rows.label * 0.9 + 0.05)
    sure.label[0] = 1 - sure.label[0]
    found = figure(measure_window(sure, learnt(), END), "accuracy").raw
    assert found.high == 1
    assert found.low is not None
    assert found.low < found.value < 1  # type: ignore[operator]


def test_nothing_is_corrected_once_all_delays_have_passed() -> None:
    """Nor where the delay is not known."""
    random = np.random.default_rng(1)
    reference = drawn(2, days=2, rows=1000)
    curve = DelayCurve.learn(delays_of(random, reference.label), reference.label, "binary")
    rows = drawn(1, days=1, rows=500)
    assert all(each.corrected is None for each in measure_window(rows, learnt(), END))
    late = END + timedelta(days=100)
    assert all(each.corrected is None for each in measure_window(rows, learnt(curve), late))
    early = measure_window(rows, learnt(curve), END + DAY)
    assert all(each.corrected is not None for each in early)


def test_a_window_too_young_to_correct_is_undefined() -> None:
    """Rather than biased: the raw figure is there, the one that counts is not."""
    labels = np.repeat([0.0, 1.0], 200)
    delays = np.repeat([1, 50 * MICRO], 200).astype(np.int64)
    curve = DelayCurve.learn(delays, labels, "binary")
    found = figure(measure_window(drawn(1, days=1, rows=300), learnt(curve), END), "accuracy")
    assert found.corrected == Interval(None)
    assert found.best.value is None
    assert found.raw.value is not None
    assert found.reason == "labels of some outcomes can hardly be known so soon: all 300 known ones were left out"


@pytest.mark.parametrize("biased", [True, False])
def test_the_corrected_interval_holds_the_final_value(biased: bool) -> None:
    """At 30 % of the labels, in at least 93 % of windows; where delays depend on the outcome the raw one does not."""
    random = np.random.default_rng(11)
    past = drawn(3, days=30, rows=500)
    curve = DelayCurve.learn(delays_of(random, past.label, biased=biased), past.label, "binary")
    kept = replace(learnt(curve), asked=replace(ASKED, segments=()))
    held, naive, windows = dict.fromkeys(NAMES, 0), dict.fromkeys(NAMES, 0), 100
    for number in range(windows):
        whole = drawn(100 + number, days=1, rows=1500)
        final = measure_window(whole, kept, END + timedelta(days=400))
        partial, moment = seen(whole, delays_of(random, whole.label, biased=biased), 0.3)
        for each in measure_window(partial, kept, START + timedelta(microseconds=moment - microseconds(START))):
            value = figure(final, each.metric).raw.value
            assert each.corrected is not None
            held[each.metric] += each.corrected.low <= value <= each.corrected.high  # type: ignore[operator]
            naive[each.metric] += each.raw.low <= value <= each.raw.high  # type: ignore[operator]
    assert min(held.values()) >= 0.93 * windows
    if biased:
        assert max(naive[name] for name in ("log_loss", "predicted_minus_actual", "accuracy")) < 0.5 * windows


def test_a_days_rows_of_a_span_only() -> None:
    """The window's rows are those of its span, once for each id."""
    rows = drawn(1, days=3, rows=100)
    day = rows.within(Window(START + DAY, START + 2 * DAY))
    assert figure(measure_window(day, learnt(), END), "auc").rows == 100


def test_rows_without_a_probability_do_not_count() -> None:
    """Of several classes a row needs them all."""
    random = np.random.default_rng(1)
    chance = special.softmax(random.normal(size=(300, 3)), axis=1)
    chance[:50, 1] = np.nan
    rows = replace(
        undated(drawn(1, days=1, rows=300)),
        label=random.integers(0, 3, 300).astype(float),
        prediction=random.integers(0, 3, 300).astype(float),
        classes=("a", "b", "c"),
        probabilities=chance,
    )
    asked = Asked("multiclass", ("accuracy", "log_loss"))
    kept = Learnt(asked, Ordinary.learn(rows, asked, DAY))
    assert [each.rows for each in measure_window(rows, kept, END)] == [250, 250]
