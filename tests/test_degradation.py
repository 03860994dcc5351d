"""Whether a window's figures are worse than its baselines allow."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from monitoring_tasks.alarms_section import AlarmBudget
from monitoring_tasks.calibration.correction import adjusted
from monitoring_tasks.checks import Check, CheckResult, Status, Suite
from monitoring_tasks.degradation import SEGMENT, WHOLE, Deciding, Judged, judge, trailing, trailing_spans
from monitoring_tasks.performance.ordinary import Ordinary
from monitoring_tasks.performance.outcomes import Outcomes, days
from monitoring_tasks.performance.point import Asked, point
from monitoring_tasks.performance.windows import Learnt
from monitoring_tasks.performance_section import DECISIVE, Before, Incident, MetricLimits
from monitoring_tasks.window import Window
from tests.performance.simulated import DAY, START, WEEK, drawn, undated

ASKED = Asked("binary", ("auc", "log_loss", "predicted_minus_actual", "accuracy"))
SIDES = replace(ASKED, segments=(("side",),))
DECIDING = Deciding(DECISIVE["binary"], AlarmBudget(), DAY)
FOUND = (Status.FAILED, Status.SUSPECT)
REFERENCE = undated(drawn(5, days=20, rows=1000))


@cache
def learnt(asked: Asked = ASKED) -> Learnt:
    """What independent rows teach."""
    return Learnt(asked, Ordinary.learn(REFERENCE, asked, DAY))


def limits(**given: object) -> Deciding:
    """What decides, by metric."""
    return replace(DECIDING, limits={name: MetricLimits.model_validate(each) for name, each in given.items()})  # type: ignore[arg-type]


def judged(rows: Outcomes, *, asked: Asked = ASKED, deciding: Deciding = DECIDING) -> Judged:
    """One window against the reference alone."""
    return judge(rows, START + DAY, learnt=learnt(asked), before=None, deciding=deciding)


def results(found: Judged) -> Mapping[tuple[str, str], CheckResult]:
    """The results against the champion's reference, by metric and segment."""
    return {(str(each.column), each.segment): each for each in found.results if each.check is Check.CHAMPION_DROP}


def flipped(outcomes: Outcomes, share: float, *, since: int = 0, seed: int = 7) -> Outcomes:
    """A share of the labels from a row on turned round; a larger share has all that a smaller one has."""
    chosen = np.random.default_rng(seed).random(len(outcomes)) < share
    chosen[:since] = False
    return replace(outcomes, label=np.where(chosen, 1 - outcomes.label, outcomes.label))


def test_the_same_data_never_alarms() -> None:
    """Not as a whole, nor in a segment, nor against the days before."""
    found = judged(REFERENCE, asked=SIDES)
    assert {each.status for each in found.results} == {Status.PASSED}
    for each in found.results:
        assert each.evidence is not None
        assert each.evidence.effect == pytest.approx(0, abs=1e-12)
        assert each.evidence.p_value is not None
        assert each.evidence.p_value >= 0.49


def test_a_clear_drop_fails_at_once() -> None:
    """With what was found, what was allowed, and how sure it is; the figures say the same."""
    found = judged(flipped(drawn(1, days=1, rows=2000), 0.3))
    result = results(found)["auc", ""]
    assert (result.suite, result.status) == (Suite.PERFORMANCE, Status.FAILED)
    assert result.large
    assert result.severe
    figure = next(each for each in found.figures if each.metric == "auc")
    against = figure.against["champion"]
    assert result.value == figure.raw.value
    assert against.baseline == result.reference["value"]
    assert result.threshold == pytest.approx(against.baseline - 0.02)  # type: ignore[operator]
    assert result.evidence is not None
    assert (against.drop, against.limit, against.relative) == (result.evidence.effect, 0.02, False)
    assert (against.p_value, against.adjusted) == (result.evidence.p_value, result.evidence.adjusted)
    assert against.status == "failed"
    assert result.detail.startswith(f"{result.value:.4f} on 2000 rows against {against.baseline:.4f} in the champion's")
    assert result.detail.endswith("limit 0.02")
    assert "accuracy" not in {each.column for each in found.results}
    assert next(each for each in found.figures if each.metric == "accuracy").against == {}


def test_what_is_alerted_is_compared_at_its_rate() -> None:
    """The sentence and the figure say at which rate, those of other metrics say none."""
    asked = replace(ASKED, metrics=("recall_at_rate", "auc"), alert_rate=0.005)
    deciding = limits(recall_at_rate={"champion": 0.02}, auc={"champion": 0.02})
    found = judged(flipped(drawn(1, days=1, rows=2000), 0.3), asked=asked, deciding=deciding)
    details = {name: each.detail for (name, _), each in results(found).items()}
    assert " at 0.5% alerted on 2000 rows against " in details["recall_at_rate"]
    assert "alerted" not in details["auc"]
    assert [each.name for each in found.figures] == ["recall at 0.5% alerted", "auc"]


def test_a_relative_limit_is_a_share_of_the_baseline() -> None:
    """Log loss 5 % above the reference's is the worst that is allowed."""
    result = results(judged(flipped(drawn(1, days=1, rows=2000), 0.3)))["log_loss", ""]
    usual = result.reference["value"]
    assert result.threshold == pytest.approx(1.05 * usual)
    assert result.evidence is not None
    assert result.evidence.effect == pytest.approx(result.current["value"] / usual - 1)
    assert "worse by" in result.detail
    assert result.detail.endswith("%, limit 5%")


def test_better_figures_pass() -> None:
    """However sure that they differ."""
    rows = drawn(1, days=1, rows=2000)
    sure = replace(rows, prediction=np.where(rows.label == 1, 0.8, 0.2))
    found = results(judged(sure, deciding=limits(auc={"champion": 0.02}, log_loss={"champion": "5%"})))
    assert {each.status for each in found.values()} == {Status.PASSED}
    assert all(each.detail.endswith("not worse") for each in found.values())


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_gap_is_worse_on_either_side(sign: int) -> None:
    """The worst allowed gap has the sign of the one found, the chance of either sign counts."""
    rows = drawn(1, days=1, rows=2000)
    moved = replace(rows, prediction=np.clip(rows.prediction + 0.15 * sign, 0.01, 0.99))
    result = results(judged(moved))["predicted_minus_actual", ""]
    assert result.status is Status.FAILED
    assert result.threshold is not None
    assert math.copysign(1, result.threshold) == sign
    assert abs(result.threshold) == pytest.approx(0.05 + abs(result.reference["value"]))


def test_a_gap_that_closes_is_no_drop() -> None:
    """The reference predicts too much; a window that does not is better."""
    high = replace(REFERENCE, prediction=np.clip(REFERENCE.prediction + 0.2, 0.01, 0.99))
    kept = Learnt(ASKED, Ordinary.learn(high, ASKED, DAY))
    found = judge(drawn(1, days=1, rows=2000), START + DAY, learnt=kept, before=None, deciding=DECIDING)
    assert results(found)["predicted_minus_actual", ""].status is Status.PASSED


def test_what_cannot_be_computed_is_undecided() -> None:
    """One class, too few rows, nothing: no pass; and the reason in words."""
    rows = drawn(1, days=1, rows=300)
    rows.label[:] = 0.0
    one_class = results(judged(rows))["auc", ""]
    assert one_class.status is Status.UNDECIDED
    assert one_class.detail == "all 300 labels are 0"
    for count in (0, 1, 19):
        few = judged(drawn(1, days=1, rows=300).take(np.arange(count)))
        assert {each.status for each in few.results} == {Status.UNDECIDED}
        assert few.results[0].detail == f"{count} labelled rows, fewer than 20"
    rows = drawn(1, days=1, rows=300)
    kept = Learnt(ASKED, Ordinary({}))
    found = judge(rows, START + DAY, learnt=kept, before=None, deciding=DECIDING)
    assert {each.detail for each in found.results} == {"it is undefined in the champion's reference"}
    assert {each.status for each in found.results} == {Status.UNDECIDED}


def test_a_relative_limit_needs_a_baseline() -> None:
    """A share of nothing is undefined."""
    perfect = replace(REFERENCE, prediction=REFERENCE.label)
    kept = Learnt(ASKED, Ordinary.learn(perfect, ASKED, DAY))
    deciding = limits(predicted_minus_actual={"champion": "5%"})
    found = judge(drawn(1, days=1, rows=300), START + DAY, learnt=kept, before=None, deciding=deciding)
    assert results(found)["predicted_minus_actual", ""].status is Status.UNDECIDED


def test_a_segment_is_tested_by_the_first_metric_that_decides() -> None:
    """A side whose labels are wrong is found in its segment; the other passes; one correction over all tests."""
    rows = drawn(1, days=1, rows=3000)
    side = rows.groups["side"].codes == 0
    wrong = replace(rows, label=np.where(side, 1 - rows.label, rows.label))
    found = judged(wrong, asked=SIDES)
    tests = results(found)
    assert list(tests) == [
        *(("auc", segment) for segment in ("",)),
        *((name, "") for name in ("log_loss", "predicted_minus_actual")),
        *(("auc", f"side={each}") for each in "ab"),
    ]
    assert tests["auc", "side=a"].status is Status.FAILED
    assert tests["auc", "side=b"].status is Status.PASSED
    p = [each.evidence.p_value for each in found.results if each.evidence is not None]
    again = adjusted([float(each) for each in p if each is not None], [WHOLE] * 3 + [SEGMENT] * 2)
    assert [each.evidence.adjusted for each in found.results if each.evidence] == pytest.approx(again)


def test_nothing_is_said_of_a_segment_without_a_baseline() -> None:
    """A value that the reference does not have is measured, and not tested against it."""
    rows = drawn(1, days=1, rows=1000)
    group = replace(rows.groups["side"], values=("a", "new"))
    found = judged(replace(rows, groups={"side": group}), asked=SIDES)
    assert ("auc", "side=a") in results(found)
    assert ("auc", "side=new") not in results(found)
    figure = next(each for each in found.figures if (each.metric, each.segment) == ("auc", "side=new"))
    assert figure.raw.low is not None
    assert figure.against["champion"].status == "undecided"


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.integers(100, 800))
def test_more_flips_never_look_healthier(seed: int, rows: int) -> None:
    """Of the same draw: each ten in a hundred more labels flipped make log loss worse, and its p-value smaller."""
    whole = drawn(seed, days=1, rows=rows)
    deciding = limits(log_loss={"champion": "5%"})
    found = [results(judged(flipped(whole, share), deciding=deciding))["log_loss", ""] for share in (0, 0.2, 0.4)]
    effects = [each.evidence.effect for each in found if each.evidence is not None]
    chances = [each.evidence.p_value for each in found if each.evidence is not None]
    if effects == sorted(effects):  # type: ignore[type-var]
        assert chances == sorted(chances, reverse=True)  # type: ignore[type-var]
    assert effects[-1] > effects[0]  # type: ignore[operator]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    """The same rows in another order get the same status, and the same chance to the last few bits."""
    rows = flipped(drawn(3, days=1, rows=500), 0.1)
    other = rows.take(np.random.default_rng(seed).permutation(500))
    for one, two in zip(judged(rows).results, judged(other).results, strict=True):
        assert (one.key, one.status) == (two.key, two.status)
        assert one.evidence is not None
        assert two.evidence is not None
        assert one.evidence.p_value == pytest.approx(two.evidence.p_value, rel=1e-6)


def test_tested_rows_and_incidents_are_never_in_the_trailing_baseline() -> None:
    """The newest week is compared with the thirty days before it, less the days of an incident."""
    rows = drawn(1, days=60, rows=10)
    window = Window(START + 50 * DAY, START + 51 * DAY)
    incident = Incident(start=START + 20 * DAY, end=START + 23 * DAY, reason="labels were late")
    found = trailing(rows, window, Before(), incidents=(incident,), ordinary=learnt().ordinary)
    first = days(rows.moment)[0]
    assert (np.unique(days(found.newest.moment)) - first).tolist() == list(range(44, 51))
    assert (np.unique(days(found.before.moment)) - first).tolist() == [*range(14, 20), *range(23, 44)]
    assert found.repeated
    assert [len(each) for each in found.earlier()] == [70, 70, 70, 40]


def test_a_wide_window_counts_as_a_whole() -> None:
    """The newest rows are never fewer than the window's; then the window before has none of them."""
    window = Window(START + 40 * DAY, START + 54 * DAY)
    spans = trailing_spans(window, Before())
    assert spans[0] == window
    assert spans[-1].start == START + 10 * DAY
    rows = drawn(1, days=60, rows=10)
    assert not trailing(rows, window, Before(), incidents=(), ordinary=learnt().ordinary).repeated


@pytest.mark.parametrize("flips", [0.0, 0.3])
def test_the_days_before_are_a_baseline(flips: float) -> None:
    """A week that is worse than the four before fails against them; one that is not passes."""
    rows = flipped(drawn(2, days=37, rows=300), flips, since=300 * 30)
    window = Window(START + 30 * DAY, START + 37 * DAY)
    before = trailing(rows, window, Before(), incidents=(), ordinary=learnt().ordinary)
    found = judge(rows.within(window), window.end, learnt=learnt(), before=before, deciding=DECIDING)
    status = {str(each.column): each.status for each in found.results if each.check is Check.TRAILING_DROP}
    assert set(status) == {"auc", "log_loss"}
    assert set(status.values()) == {Status.FAILED if flips else Status.PASSED}
    figure = next(each for each in found.figures if each.metric == "auc")
    assert set(figure.against) == {"champion", "trailing"}
    assert figure.against["trailing"].relative
    assert "trailing" not in next(each for each in found.figures if each.metric == "accuracy").against


def test_without_days_before_the_trailing_drop_is_undecided() -> None:
    """The first weeks of a log: no pass."""
    rows = drawn(2, days=7, rows=300)
    window = Window(START, START + WEEK)
    before = trailing(rows, window, Before(), incidents=(), ordinary=learnt().ordinary)
    found = judge(rows, window.end, learnt=learnt(), before=before, deciding=DECIDING)
    told = {(each.status, each.detail) for each in found.results if each.check is Check.TRAILING_DROP}
    assert told == {(Status.UNDECIDED, "it is undefined in the days before")}


def test_the_same_rows_again_are_no_second_finding() -> None:
    """A week that ends a day later is mostly the same week: its weak evidence cannot persist."""
    weak = limits(auc={"trailing": 0.001})
    weak = replace(weak, budget=AlarmBudget(alarms=300))
    statuses = Counter[Status]()
    for seed in range(30):
        rows = flipped(drawn(seed, days=37, rows=40), 0.12, since=40 * 30)
        window = Window(START + 36 * DAY, START + 37 * DAY)
        before = trailing(rows, window, Before(), incidents=(), ordinary=learnt().ordinary)
        for repeated in (True, False):
            again = replace(before, repeated=repeated)
            found = judge(rows.within(window), window.end, learnt=learnt(), before=again, deciding=weak)
            statuses[found.results[0].status] += found.results[0].status is Status.SUSPECT and repeated
    assert not statuses[Status.SUSPECT]


def first_alarm(rows: Outcomes, kept: Learnt, *, start: int, windows: int, trail: Ordinary) -> int:
    """The first daily window with a finding that stands, from a day on; 0 for none."""
    before: list[set[tuple[str, str, str, str]]] = []
    for number in range(windows):
        window = Window(START + (start + number) * DAY, START + (start + number + 1) * DAY)
        past = trailing(rows, window, Before(), incidents=(), ordinary=trail)
        found = judge(rows.within(window), window.end, learnt=kept, before=past, deciding=DECIDING)
        suspects = {each.key for each in found.results if each.status in FOUND}
        failed = any(each.status is Status.FAILED for each in found.results)
        if failed or any(key in earlier for key in suspects for earlier in before[-2:]):
            return number + 1
        before.append(suspects)
    return 0


@pytest.mark.parametrize(("rows", "share", "by"), [(500, 0.1, 3), (1000, 0.05, 7), (500, 0.0, 0)])
def test_flipped_labels_are_found_and_clean_ones_are_not(rows: int, share: float, by: int) -> None:
    """Sequences of seven daily windows after 37 clean days: `make bench` has many more, on the flights' scores."""
    for seed in range(4):
        whole = flipped(drawn(50 + seed, days=44, rows=rows), share, since=37 * rows)
        first = first_alarm(whole, learnt(), start=37, windows=max(by, 5), trail=learnt().ordinary)
        assert 0 < first <= by or first == by == 0


def test_days_that_differ_raise_no_alarm() -> None:
    """Where days have their own rates the null of independent rows would alarm in most windows."""
    reference = drawn(8, days=90, rows=200, effect=0.5)
    asked = replace(ASKED, metrics=("auc", "log_loss", "predicted_minus_actual"))
    kept = Learnt(asked, Ordinary.learn(reference, asked, DAY))
    naive = Learnt(asked, Ordinary.learn(undated(reference), asked, DAY))
    fresh = drawn(9, days=30, rows=200, effect=0.5)
    alarms = Counter[str]()
    for number in range(30):
        rows = fresh.take(np.arange(number * 200, (number + 1) * 200))
        for name, each in (("days", kept), ("rows", naive)):
            found = judge(rows, START + DAY, learnt=each, before=None, deciding=DECIDING)
            alarms[name] += any(result.status is Status.FAILED for result in found.results)
    assert alarms["days"] == 0
    assert alarms["rows"] > 5


def test_wider_spacing_lets_more_be_spent() -> None:
    """A budget of one in ninety days has more for a weekly window than for a daily one."""
    rows = flipped(drawn(1, days=1, rows=700), 0.05)
    every = [replace(DECIDING, interval=timedelta(days=each)) for each in (1, 30)]
    daily, monthly = (sum(result.status in FOUND for result in judged(rows, deciding=each).results) for each in every)
    assert daily <= monthly


def test_the_chance_of_a_gap_is_that_of_either_sign() -> None:
    """Twice the chance of a drop as far on one side: of the same rows, by the normal distribution."""
    rows = drawn(1, days=1, rows=2000)
    result = results(judged(rows))["predicted_minus_actual", ""]
    assert result.evidence is not None
    spread = learnt().ordinary.usual("predicted_minus_actual")
    found = point(ASKED.metric("predicted_minus_actual"), rows, ASKED)
    score = abs(found.value - spread.value) / math.sqrt(found.chance + spread.error)
    assert result.evidence.p_value == pytest.approx(2 * stats.norm.sf(score), rel=0.01)


def test_one_score_for_all_is_found_at_once() -> None:
    """Nothing of its AUC is left to chance, which makes the drop no less certain where ordinary days vary."""
    asked = replace(ASKED, metrics=("auc",))
    dated = Learnt(asked, Ordinary.learn(drawn(6, days=40, rows=300), asked, DAY))
    window = drawn(8, days=1, rows=300)
    stuck = replace(window, prediction=np.full(len(window), 0.25))
    found = judge(stuck, START + DAY, learnt=dated, before=None, deciding=limits(auc={"champion": 0.02}))
    result = results(found)["auc", ""]
    assert (result.value, result.status) == (0.5, Status.FAILED)


def test_the_baseline_is_no_narrower_than_the_window() -> None:
    """A quarter is compared with the quarter before: a month varies more than what is known of quarters allows for."""
    window = Window(START + 100 * DAY, START + 190 * DAY)
    assert trailing_spans(window, Before()) == (window, Window(START + 10 * DAY, START + 100 * DAY))
