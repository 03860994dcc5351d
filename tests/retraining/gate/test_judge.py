"""Every branch of the rule, every guardrail, and what never changes a verdict."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.windows import Window, window
from monitoring_tasks.errors import GateInvalid
from monitoring_tasks.retraining.gate import Cost, GateData, GateVerdict, Guardrail, judge
from monitoring_tasks.retraining.gate.power import rows_to_see
from monitoring_tasks.retraining_section import Gate

EQUAL = window(1, Window(3000, days=14))
BETTER = window(2, Window(3000, days=14, champion=1.2, challenger=0.2))
WORSE = replace(BETTER, champion=BETTER.challenger, challenger=BETTER.champion)
COSTS = {"champion_cost": Cost(2.0, 1000), "challenger_cost": Cost(3.0, 1500)}


def judged(data: GateData, task: str = "binary", **gate: Any) -> GateVerdict:
    """The verdict under a gate with these settings."""
    return judge(data, Gate(**gate), task=task, **COSTS)


def guardrail(verdict: GateVerdict, name: str) -> Guardrail:
    """The guardrail of that name."""
    (found,) = (each for each in verdict.guardrails if each.name == name)
    return found


def part(data: GateData, rows: Any) -> GateData:
    """These rows alone."""
    day = None if data.day is None else data.day[rows]
    segments = {name: values[rows] for name, values in data.segments.items()}
    return GateData(data.label[rows], data.champion[rows], data.challenger[rows], day, segments)


def numbers(seed: int, noise: tuple[float, float], rows: int = 1000) -> GateData:
    """A regression window of ten days whose sides miss by so much noise."""
    random = np.random.default_rng(seed)
    label = 50 * random.normal(size=rows)
    champion, challenger = (label + each * random.normal(size=rows) for each in noise)
    return GateData(label, champion, challenger, np.arange(rows) % 10)


def test_a_better_challenger_is_promoted() -> None:
    """The whole interval above 0 and every guardrail held; both are told with their numbers."""
    verdict = judged(BETTER)
    assert verdict.decision == "promote"
    assert verdict.primary.low is not None
    assert verdict.primary.low > 0
    assert verdict.needed_rows is None
    assert verdict.reasons[0].startswith("auc .")
    assert "(95 %, day blocks, 3000 rows of 14 days)." in verdict.reasons[0]
    assert verdict.reasons[1:] == (
        "All of the interval is above 0: the challenger is better.",
        "Guardrails that hold: 5 of 5.",
    )


def test_a_worse_challenger_is_rejected() -> None:
    """All of the interval below 0, told as such beside what guardrails say."""
    verdict = judged(numbers(1, (1.0, 1.5)), task="regression", tolerance=1e9)
    assert verdict.decision == "reject"
    assert verdict.reasons[1] == "All of the interval is below 0: the challenger is worse."
    assert judged(WORSE).reasons[1] == f"{verdict.reasons[1]} Broken guardrails: 2 of 5."


def test_an_equal_challenger_is_inconclusive() -> None:
    """The rows it would take are told, by the days' standard error, and in days like these."""
    verdict = judged(EQUAL)
    primary = verdict.primary
    assert primary.standard_error is not None
    assert primary.difference is not None
    wanted = max(primary.difference, 0.01)
    expected = 3000 * ((primary.standard_error * (1.95996 + 0.84162) / wanted) ** 2 - 1)
    assert verdict.decision == "inconclusive"
    assert verdict.needed_rows == pytest.approx(expected, rel=1e-3, abs=1)
    assert f"about {verdict.needed_rows} more labelled rows needed (" in verdict.reasons[1]
    assert "days like these) to see an improvement of .010 with 80 % power" in verdict.reasons[1]


def test_needed_rows_would_do() -> None:
    """With as many more rows, a challenger that is better by as much is promoted about four times in five."""
    about = Window(1000, days=14, champion=0.9, challenger=0.6)
    truth = judged(window(0, replace(about, rows=200_000))).primary.difference
    few = (judged(window(seed, about)).primary for seed in range(15))
    needed = int(np.median([rows_to_see(replace(each, difference=truth), Gate()) or 0 for each in few]))
    more = replace(about, rows=1000 + needed, days=14 * (1000 + needed) // 1000)
    lows = [judged(window(seed, more)).primary.low for seed in range(60)]
    assert 0.65 <= np.mean([low is not None and low > 0 for low in lows]) <= 0.95


def test_more_rows_are_not_what_is_missing() -> None:
    """Where the interval excludes an improvement worth having, no rows are asked for."""
    verdict = judged(EQUAL, improvement=0.5)
    assert (verdict.decision, verdict.needed_rows) == ("inconclusive", 0)
    assert verdict.reasons[1] == "The interval holds 0, though it would show an improvement of .500."


def test_the_same_order_everywhere_says_nothing() -> None:
    """Unlike predictions that rank rows alike have no difference and no error: nothing to compute rows from."""
    verdict = judged(replace(EQUAL, challenger=EQUAL.champion**1.01))
    assert (verdict.decision, verdict.needed_rows) == ("inconclusive", None)
    assert verdict.reasons[1] == "These rows say nothing about the difference."


@pytest.mark.parametrize(
    ("rows", "settings_", "message", "needed"),
    [
        (slice(0, 400), {}, "400 rows where 500 are needed; about 100 more", 100),
        (slice(0, 1000), {"minimum_class": 900}, "positives where 900 are needed, ", None),
        (slice(0, 1000), {"minimum_days": 28}, "14 days where 28 are needed; about 1000 more", 1000),
        (slice(0, 0), {}, "0 rows where 500 are needed, 0 positives", None),
    ],
)
def test_too_few_are_inconclusive(rows: slice, settings_: dict[str, int], message: str, needed: int | None) -> None:
    """Rows, rows of a class, days: what is short, and about how many rows more would do."""
    verdict = judged(part(BETTER, rows), **settings_)
    assert verdict.decision == "inconclusive"
    assert message in verdict.reasons[1]
    assert needed is None or verdict.needed_rows == needed
    assert (verdict.needed_rows is None) == (rows.stop == 0)


def test_days_matter_only_where_they_are_blocks() -> None:
    """Independent rows, by configuration or for want of moments, need no days."""
    assert judged(BETTER, minimum_days=28, blocks="none").decision == "promote"
    verdict = judged(replace(BETTER, day=None), minimum_days=28)
    assert (verdict.decision, verdict.primary.method, verdict.counts["days"]) == ("promote", "delong", None)
    assert "(95 %, DeLong, 3000 rows)." in verdict.reasons[0]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_identical_predictions_are_rejected(task: str) -> None:
    """The same predictions throughout change nothing."""
    verdict = judged(replace(EQUAL, label=EQUAL.label.astype(float), challenger=EQUAL.champion), task=task)
    assert verdict.decision == "reject"
    assert verdict.reasons[1] == "Both sides predict the same in every row: nothing would change."


def test_one_class_is_inconclusive() -> None:
    """Rows without a positive give no AUC; the verdict has no NaN in it."""
    verdict = judged(part(BETTER, ~BETTER.label))
    assert verdict.decision == "inconclusive"
    assert verdict.primary.difference is None
    assert verdict.reasons[0].startswith("auc is undefined (")
    assert guardrail(verdict, "log_loss").held is not None
    verdict.dumps()


def test_positives_of_one_day_are_inconclusive() -> None:
    """Enough positives that all fell on one day give a value and no interval; nothing is promoted on it."""
    assert BETTER.day is not None
    verdict = judged(part(BETTER, ~BETTER.label | (BETTER.day == 3)), minimum_class=20)
    assert verdict.decision == "inconclusive"
    assert "(no interval from so few, " in verdict.reasons[0]


def test_a_worse_other_metric_rejects() -> None:
    """A challenger that ranks better but whose probabilities cost more is rejected; a tolerance allows it."""
    sharp = 1 / (1 + ((1 - BETTER.challenger) / BETTER.challenger) ** 6)
    verdict = judged(replace(BETTER, challenger=sharp), calibration=1)
    assert verdict.decision == "reject"
    assert guardrail(verdict, "log_loss").held is False
    assert any(reason.startswith("Guardrail log_loss is broken: log_loss ") for reason in verdict.reasons)
    assert judged(replace(BETTER, challenger=sharp), calibration=1, tolerance=5).decision == "promote"


def test_a_worse_segment_rejects() -> None:
    """Better everywhere but in one place is rejected, and the place named."""
    place = np.array(["here", "there", None], dtype=object)[np.arange(3000) % 3]
    challenger = np.where(np.arange(3000) % 3 == 1, 1 - BETTER.challenger, BETTER.challenger)
    data = replace(BETTER, challenger=challenger, segments={"place": place})
    verdict = judged(data, segments=("place",), calibration=1, tolerance=0.1)
    assert verdict.decision == "reject"
    assert guardrail(verdict, "segments of place").value == 1
    assert [(each.value, each.worse) for each in verdict.segments] == [("here", False), ("there", True), (None, False)]
    assert "3 of 3 values judged, worse in 1; there: auc ." in guardrail(verdict, "segments of place").detail


def test_small_segments_are_told_not_passed() -> None:
    """A column of values too rare to judge is open, and the reasons say so."""
    data = replace(BETTER, segments={"id": np.arange(3000)})
    verdict = judged(data, segments=("id",))
    assert verdict.decision == "promote"
    assert guardrail(verdict, "segments of id").held is None
    assert (
        "Guardrail segments of id cannot be judged: 0 of 3000 values judged, worse in 0; "
        "3000 with 3000 rows in all left out, as too small."
    ) in verdict.reasons
    assert verdict.reasons[-1] == "Guardrails that hold: 5 of 6."


def test_undeclared_segments_are_ignored() -> None:
    """Only what the gate declares is compared; what it declares must be there."""
    assert judged(replace(BETTER, segments={"place": np.zeros(3000)})).segments == ()
    with pytest.raises(GateInvalid, match=r"lack the segment columns \['place'\]; they hold \[\]"):
        judged(BETTER, segments=("place",))


def test_worse_calibration_rejects() -> None:
    """A challenger whose mean prediction is further from the mean outcome by more than allowed is rejected."""
    shifted = replace(BETTER, challenger=np.clip(BETTER.challenger + 0.1, 0, 1))
    verdict = judged(shifted, tolerance=1)
    found = guardrail(verdict, "calibration")
    actual = BETTER.label.mean()
    assert verdict.decision == "reject"
    assert found.value == pytest.approx(abs(shifted.challenger.mean() - actual) - abs(BETTER.champion.mean() - actual))
    assert judged(shifted, tolerance=1, calibration=0.2).decision == "promote"


def test_calibration_of_rare_outcomes_has_digits_that_tell() -> None:
    """Of three positives in a thousand three decimals would be zeros against zeros, and tell an approver nothing."""
    label = np.zeros(20_000)
    label[::400] = 1.0
    old, new = np.full(20_000, 0.0026), np.full(20_000, 0.00306)
    data = GateData(label, old, new, np.arange(20_000) % 20)
    assert guardrail(judged(data, calibration=0.001), "calibration").detail == (
        "mean prediction .00306 against .00260, mean outcome .00250: off by .00056 against .00010; "
        "+.00046, at least +.00046 (95 %)"
    )


def test_few_rows_break_no_calibration_by_chance() -> None:
    """Of challengers without bias the guardrail breaks as seldom as an interval misses, however few rows there are."""
    found = []
    for seed in range(60):
        random = np.random.default_rng(seed)
        label = random.normal(size=500)
        data = GateData(label, label + random.normal(size=500), label + random.normal(size=500), np.arange(500) % 10)
        found.append(guardrail(judged(data, task="regression"), "calibration").held)
    assert found.count(True) >= 57


def test_calibration_of_numbers_is_in_standard_deviations() -> None:
    """A shift of 2 in outcomes that spread by 50 is .04 of a standard deviation, whatever the unit."""
    data = numbers(2, (5.0, 1.0))
    found = guardrail(judged(replace(data, challenger=data.challenger + 2), task="regression"), "calibration")
    offs = [abs(side.mean() - data.label.mean()) for side in (data.champion, data.challenger + 2)]
    assert found.value == pytest.approx((offs[1] - offs[0]) / data.label.std())
    assert found.held is False
    constant = replace(data, label=np.zeros(1000))
    assert guardrail(judged(constant, task="regression"), "calibration").held is None


@pytest.mark.parametrize(
    ("data", "task", "least", "held"),
    [(BETTER, "binary", 0.6, True), (BETTER, "binary", 0.99, False), (numbers(3, (5, 1)), "regression", 2.0, True)],
)
def test_a_floor_is_absolute(data: GateData, task: str, least: float, held: bool) -> None:
    """Least value of a metric, most of a loss, whatever the champion's."""
    verdict = judged(data, task, floor=least)
    assert guardrail(verdict, "floor").held is held
    assert verdict.decision == ("promote" if held else "reject")


def test_a_floor_of_nothing_is_open() -> None:
    """An undefined metric is neither above nor below."""
    assert guardrail(judged(part(BETTER, ~BETTER.label), floor=0.6), "floor").held is None


@pytest.mark.parametrize(
    ("champion", "challenger", "name", "held"),
    [
        (Cost(10.0, 10), Cost(31.0, 10), "latency", False),
        (Cost(10.0, 10), Cost(30.0, 10), "latency", True),
        (Cost(1.0, 10), Cost(11.0, 10), "latency", True),
        (Cost(1.0, 10), Cost(11.1, 10), "latency", False),
        (Cost(1.0, 1 << 20), Cost(1.0, (3 << 20) + 1), "size", False),
        (Cost(1.0, 1 << 20), Cost(1.0, 3 << 20), "size", True),
        (Cost(1.0, 10), Cost(1.0, 31), "size", True),
        (Cost(), Cost(1.0, 10), "latency", None),
        (Cost(0.0, 0), Cost(1.0, 10), "size", None),
        (Cost(1.0, 10), Cost(), "size", None),
    ],
)
def test_costs_are_ratios(champion: Cost, challenger: Cost, name: str, held: bool | None) -> None:
    """Scoring time and size of model; what was not measured is open."""
    verdict = judge(BETTER, Gate(), task="binary", champion_cost=champion, challenger_cost=challenger)
    assert guardrail(verdict, name).held is held
    assert verdict.decision == ("reject" if held is False else "promote")


def test_classes_are_compared_by_accuracy() -> None:
    """A multiclass model's challenger that is right more often is promoted; there is no calibration of names."""
    random = np.random.default_rng(4)
    label = np.array(["a", "b", "c"])[random.integers(0, 3, 2000)]
    champion, challenger = (np.where(random.random(2000) < right, label, "c") for right in (0.5, 0.7))
    verdict = judged(GateData(label, champion, challenger, np.arange(2000) % 9), task="multiclass")
    assert (verdict.decision, verdict.primary.metric) == ("promote", "accuracy")
    assert verdict.primary.challenger == (label == challenger).mean()
    assert [each.name for each in verdict.guardrails] == ["latency", "size"]
    assert verdict.counts["positives"] is None


def test_the_gates_metric_decides() -> None:
    """Another metric of the task can decide; the default then guards."""
    verdict = judged(BETTER, metric="log_loss")
    assert verdict.primary.metric == verdict.thresholds["metric"] == "log_loss"
    assert [each.metric for each in verdict.others] == ["auc", "brier"]
    with pytest.raises(GateInvalid, match=r"gate\.metric mae does not fit a binary model"):
        judged(BETTER, metric="mae")
    with pytest.raises(GateInvalid, match="tasks are binary, multiclass, regression"):
        judged(BETTER, task="ranking")


def test_a_gate_guards_by_the_metrics_it_names() -> None:
    """Left out, they are what they always were, whichever metrics could be named; named, those and no others."""
    usual = judged(BETTER, metric="average_precision")
    assert usual.primary.metric == "average_precision"
    assert [each.metric for each in usual.others] == ["auc", "log_loss", "brier"]
    named = judged(BETTER, metric="average_precision", guardrails=("recall_at_rate", "log_loss"))
    assert [each.metric for each in named.others] == ["recall_at_rate", "log_loss"]
    assert [each.name for each in named.guardrails][:2] == ["recall at 1% alerted", "log_loss"]
    assert (named.decision, named.thresholds["guardrails"]) == ("promote", ["recall_at_rate", "log_loss"])
    assert judged(BETTER, guardrails=()).others == ()


def test_a_guardrail_of_the_ranking_is_broken_by_a_worse_one() -> None:
    """A challenger that puts fewer positives on top is rejected, however good its probabilities are."""
    best = np.argsort(-BETTER.challenger)[:300]
    spoilt = BETTER.challenger.copy()
    spoilt[best] = 0.3
    verdict = judged(replace(BETTER, champion=BETTER.challenger, challenger=spoilt), guardrails=("average_precision",))
    assert guardrail(verdict, "average_precision").held is False
    assert verdict.decision == "reject"
    assert "Guardrail average_precision is broken: average_precision ." in " ".join(verdict.reasons)


def test_the_rate_of_alerts_is_the_gates() -> None:
    """At another rate recall is another."""
    found = [judged(BETTER, metric="recall_at_rate", alert_rate=rate).primary.challenger or 0 for rate in (0.01, 0.2)]
    assert found[0] < 0.05 < 0.35 < found[1]


def test_what_is_said_of_alerts_names_their_rate() -> None:
    """Reasons, guardrails and what is kept say at which rate; a verdict from before there was one has its name."""
    found = judged(BETTER, metric="recall_at_rate", alert_rate=0.005, guardrails=(), floor=0.9)
    reasons = " ".join(found.reasons)
    assert "recall at 0.5% alerted ." in reasons
    assert "Guardrail floor is broken: recall at 0.5% alerted ." in reasons
    assert "recall_at_rate" not in reasons
    kept = found.to_json()
    assert GateVerdict.from_json(kept).primary.name == "recall at 0.5% alerted"
    del kept["primary"]["alert_rate"]
    assert GateVerdict.from_json(kept).primary.name == "recall_at_rate"


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.sampled_from(["binary", "regression", "multiclass"]), st.sampled_from(["day", "none"]))
def test_the_order_of_rows_never_matters(seed: int, task: str, blocks: str) -> None:
    """Rows in any order, and days that all moved by as much, give the same bytes."""
    data = window(seed, Window(300, days=8))
    if task == "multiclass":
        data = replace(data, champion=data.champion > 0.5, challenger=data.challenger > 0.4)
    place = np.random.default_rng(seed).integers(0, 4, 300).astype(str)
    data = replace(data, segments={"place": place})
    assert data.day is not None
    shuffled = part(replace(data, day=data.day + 15_000), np.random.default_rng(seed + 1).permutation(300))
    rule = {"segments": ("place",), "segment_rows": 20, "minimum_rows": 20, "blocks": blocks}
    assert judged(shuffled, task, **rule).dumps() == judged(data, task, **rule).dumps()


HOSTILE = ["a\nPromoted.", "x" * 5000, '"; DROP TABLE', "<b>", "\ud800", "", "\u202eabc", "1", "null"]


def test_hostile_segments_stay_in_their_place() -> None:
    """Values that would break a line, a page or an encoding are data: exact in the figures, plain in the sentences."""
    values = np.array(HOSTILE, dtype=object)[np.arange(3000) % len(HOSTILE)]
    verdict = judged(replace(WORSE, segments={"place": values}), segments=("place",), segment_rows=100)
    assert sorted(str(each.value) for each in verdict.segments) == sorted(HOSTILE)
    assert GateVerdict.from_json(json.loads(verdict.dumps())) == verdict
    text = "".join((*verdict.reasons, *(each.detail for each in verdict.guardrails)))
    assert text.isprintable()
    assert len(text) < 5000


def test_bytes_are_canonical() -> None:
    """The same rows give the same bytes, whose keys are sorted; they hold everything, and nothing but JSON."""
    data = replace(BETTER, segments={"place": np.arange(3000) % 3})
    first, second = (judged(data, segments=("place",)) for _ in range(2))
    assert first.dumps() == second.dumps()
    assert GateVerdict.from_json(json.loads(first.dumps())) == replace(
        first, thresholds=json.loads(first.dumps())["thresholds"]
    )
    assert list(json.loads(first.dumps())) == sorted(first.to_json())
    broken = replace(first, primary=replace(first.primary, low=float("nan")))
    with pytest.raises(ValueError, match="not JSON compliant"):
        broken.dumps()
