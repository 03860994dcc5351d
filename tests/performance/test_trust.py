"""Whether estimates are believed, and whether they show harm: case by case, and how often a true one is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.performance.record import Estimated, Interval
from monitoring_tasks.performance.trust import harm, trusted, trusted_together
from monitoring_tasks.performance_section import Drop

USUAL = Interval(0.70, 0.65, 0.75)
IN, BELOW, ABOVE, FAR = 0.72, 0.64, 0.76, 0.59


def reason(*values: float | None) -> str:
    """What is said after windows with these realised values, of each of which 0.65 to 0.75 was expected."""
    return trusted([(USUAL, value) for value in values])


@pytest.mark.parametrize(
    "values",
    [
        (),
        (IN,),
        (BELOW,),
        (IN, IN, ABOVE),
        (BELOW, IN, IN, ABOVE),
        (FAR, IN, IN, IN),
        (0.65, 0.75, 0.65, 0.75),
        (BELOW, BELOW, BELOW, IN, IN, IN, IN, IN),
    ],
)
def test_what_is_believed(values: tuple[float, ...]) -> None:
    """Nothing known, values inside or at the limits, and misses that are rare or long ago."""
    assert reason(*values) == ""


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((BELOW, ABOVE), "2 of the last 2 windows"),
        ((BELOW, IN, BELOW), "2 of the last 3 windows"),
        ((IN, IN, BELOW, BELOW, BELOW), "3 of the last 3 windows"),
        ((BELOW, IN, ABOVE, IN, IN, BELOW), "3 of the last 6 windows"),
        ((FAR,), "more than twice as far"),
        ((0.81, IN, IN), "more than twice as far"),
    ],
)
def test_what_is_not_believed(values: tuple[float, ...], words: str) -> None:
    """Several misses, on either side, or one by far."""
    assert words in reason(*values)


def test_pairs_without_a_number_are_left_out() -> None:
    """A window without an estimate or without a realised value says nothing, and makes nothing older."""
    unknown = (Interval(None), 0.1), (Interval(0.7), 0.1), (USUAL, None), (USUAL, math.nan)
    assert trusted([*unknown, (USUAL, IN)]) == ""
    assert "2 of the last 2" in trusted([(USUAL, BELOW), *unknown, (USUAL, BELOW)])


def test_an_interval_without_reach_has_no_twice() -> None:
    """Where an estimate lies at the edge of its interval, whatever is beyond lies far beyond."""
    assert trusted([(Interval(1.0, 0.9, 1.0), 1.0)]) == ""
    assert trusted([(Interval(0.5, 0.5, 0.5), 0.6)]) != ""


def test_a_metric_that_is_not_believed_speaks_against_all() -> None:
    """All estimates rest on one assumption: a window counts by its worst metric, and the reason names those metrics."""
    good, bad = [(USUAL, IN)] * 3, [(USUAL, IN), (USUAL, IN), (USUAL, FAR)]
    assert trusted_together({"auc": good, "log_loss": good}) == ""
    assert trusted_together({"auc": good, "log_loss": bad}).endswith("estimated of it (log_loss)")
    once, then = [(USUAL, BELOW), (USUAL, IN), (USUAL, None)], [(USUAL, IN), (USUAL, ABOVE), (Interval(None), 1.0)]
    assert trusted(once) == trusted(then) == ""
    assert trusted_together({"auc": once, "log_loss": then, "ece": good}).endswith("of them (auc, log_loss)")
    assert trusted_together({}) == ""


def test_metrics_are_of_the_same_windows() -> None:
    """Pairs that cannot be of the same windows are a mistake of the caller."""
    with pytest.raises(ValueError, match="shorter"):
        trusted_together({"auc": [(USUAL, IN)] * 2, "log_loss": [(USUAL, IN)]})


def test_a_true_estimate_is_rarely_refused() -> None:
    """With intervals that hold 95 % of the values, Student's with 12 degrees of freedom, 1 or 2 in 100 windows."""
    random = np.random.default_rng(6)
    values = 0.7 + random.standard_t(12, (300, 26)) * 0.05 / 2.1788
    refused = [bool(reason(*row[:place])) for row in values for place in range(1, 27)]
    assert np.mean(refused) < 0.025


@given(st.lists(st.floats(0, 1), max_size=10), st.floats(0, 1))
def test_a_value_nearer_to_its_estimate_never_costs_trust(values: list[float], nearer: float) -> None:
    """If values are believed, so are the same values all drawn toward their estimate."""
    if not reason(*values):
        assert reason(*(0.7 + (value - 0.7) * nearer for value in values)) == ""


LIMITS = {"auc": Drop(size=0.02), "log_loss": Drop(size=0.05, relative=True), "predicted_minus_actual": Drop(size=0.05)}
BASELINE = {"auc": 0.7, "log_loss": 0.4, "predicted_minus_actual": 0.01}


def figures(auc: float = 0.7, loss: float = 0.4, gap: float = 0.01, *, reach: float = 0.005) -> dict[str, Estimated]:
    values = {"auc": auc, "log_loss": loss, "predicted_minus_actual": gap}
    return {name: Estimated(Interval(value, value - reach, value + reach)) for name, value in values.items()}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (figures(), False),
        (figures(auc=0.9, loss=0.2), False),
        (figures(auc=0.69), False),
        (figures(auc=0.683), None),
        (figures(auc=0.679), True),
        (figures(loss=0.414), False),
        (figures(loss=0.419), None),
        (figures(loss=0.421), True),
        (figures(gap=0.061), True),
        (figures(gap=-0.061), True),
        (figures(gap=-0.054), False),
        (figures(gap=-0.056), None),
        (figures(reach=0.03), None),
        (figures() | {"auc": Estimated(Interval(0.5, 0.49, 0.51), "not believed")}, None),
        (figures(loss=0.5) | {"auc": Estimated(Interval(0.7, 0.69, 0.71), "not believed")}, True),
        (figures() | {"auc": Estimated(Interval(None))}, None),
        ({}, None),
    ],
)
def test_harm(found: dict[str, Estimated], expected: bool | None) -> None:
    """Worse than the limit is harm, wholly within it none; in between, refused and missing are not known."""
    assert harm(found, BASELINE, LIMITS, task="binary") is expected


def test_one_who_need_not_be_sure_looks_at_the_estimate_alone() -> None:
    """An interval that reaches across its limit is then no harm; an estimate that is refused is still not known."""
    wide, missing = figures(reach=0.03), figures() | {"auc": Estimated(Interval(None), "not believed")}
    assert harm(wide, BASELINE, LIMITS, task="binary", sure=False) is False
    assert harm(figures(auc=0.67), BASELINE, LIMITS, task="binary", sure=False) is True
    assert harm(missing, BASELINE, LIMITS, task="binary", sure=False) is None


def test_harm_is_unknown_without_limits_or_baseline() -> None:
    """Where no metric decides, or its baseline is undefined, nothing is known."""
    assert harm(figures(), BASELINE, {}, task="binary") is None
    assert harm(figures(), {"auc": 0.7, "log_loss": None}, LIMITS, task="binary") is None
    assert harm(figures(), {**BASELINE, "log_loss": 0.0}, LIMITS, task="binary") is None
