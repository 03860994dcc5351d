"""The report: recall, delay, what is missed, what is too much, and the way to JSON and back."""

from __future__ import annotations

import json
import math
from statistics import median
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from monitoring_tasks.canary.report import CanaryReport, FaultRecall, allowed_alarms
from tests.canary.samples import DAY


def fault(found: list[int | None] | None = None, **changes: Any) -> FaultRecall:
    """A fault that was found by these windows."""
    fields = {"name": "mean_25", "fault": "mean .25 sd higher", "column": "age", "windows": 7, "expected": True}
    return FaultRecall(**{**fields, "found_by": tuple(found or ()), **changes})


def report(*faults: FaultRecall, **changes: Any) -> CanaryReport:
    """A report of these faults."""
    fields = {
        "monitor": "churn",
        "champion": "v1",
        "config_hash": "c0ffee",
        "window": DAY,
        "rows": 900,
        "of_rows": 900,
        "drawn_from": 900,
    }
    return CanaryReport(**{**fields, "faults": faults, **changes})


@given(st.lists(st.one_of(st.none(), st.integers(1, 7)), min_size=1, max_size=30))
def test_recall_and_delay_against_brute_force(found: list[int | None]) -> None:
    """Shares of trials, and the median window of those that found it."""
    made = fault(found)
    for by, recall in ((1, made.recall_1), (3, made.recall_3), (7, made.recall_7)):
        assert recall == len([each for each in found if each and each <= by]) / len(found)
    known = [each for each in found if each]
    assert made.delay == (median(known) if known else None)
    assert made.recall_1 <= made.recall_3 <= made.recall_7  # type: ignore[operator]


def test_short_trials() -> None:
    """What lies beyond a trial is not known; the last window counts in place of the third."""
    made = fault([1, 2, None, None], windows=2)
    assert (made.recall_1, made.recall_3, made.recall_7, made.in_time) == (0.25, None, None, 0.5)
    assert made.missed


def test_what_is_missed() -> None:
    """One that must be found and was not in four of five trials by the third window."""
    assert fault([1, 2, 3, 3, 4]).missed is False
    assert fault([1, 2, 3, 4, 4]).missed is True
    assert fault([None], expected=False).missed is False
    assert fault([], column=None).missed is False
    made = report(fault([None]), fault([None], name="x", expected=False), fault([], name="y", column=None))
    assert [each.name for each in made.missed] == ["mean_25"]
    assert (made.passed, report(fault([1])).passed) == (False, True)
    assert made.fault("x") == made.faults[1]
    left_out = fault([], name="joint", fault="ties broken", untried="no joint test is made")
    assert (left_out.missed, left_out.applicable) == (False, False)
    assert report(fault([1]), left_out).untried == {"ties broken": "no joint test is made"}
    assert report(fault([1]), left_out).passed
    assert made.fault("z") is None


def test_too_many_false_alarms() -> None:
    """Up to the budget, chance allowed for, is right; one more is not."""
    alarms = ("drift of age", "joint")
    assert report(false_alarms=alarms, allowed_alarms=2, clean_windows=140).passed
    noisy = report(false_alarms=alarms, allowed_alarms=1, clean_windows=140)
    assert (noisy.noisy, noisy.passed) == (True, False)


@pytest.mark.parametrize("expected", [1e-6, 0.05, 0.1, 1.56, 3, 11, 140, 499])
def test_chance_is_that_of_poisson(expected: float) -> None:
    """The 95 % point, by scipy."""
    assert allowed_alarms(expected) == max(0, int(stats.poisson.ppf(0.95, expected)))


def test_a_generous_budget() -> None:
    """Thousands of alarms are near the exact point, and cost no time."""
    assert allowed_alarms(1e5) == pytest.approx(stats.poisson.ppf(0.95, 1e5), abs=2)
    assert math.isfinite(allowed_alarms(1e12))


HOSTILE = 'it\'s "q"\0\x1b[31m ü 東京 \ud83d'


@pytest.mark.parametrize(
    "made",
    [
        report(),
        report(
            fault([1, None, 3]), fault([], column=None), clean_windows=140, false_alarms=("a", "b"), standing=("c",)
        ),
        report(fault([], untried="no joint test is made")),
        report(fault([2], column=HOSTILE), monitor="m", champion=HOSTILE, false_alarms=(HOSTILE,), of_rows=10**9),
    ],
)
def test_json_and_back(made: CanaryReport) -> None:
    """Every field reads back equal; readers find the figures beside them."""
    told = json.loads(json.dumps(made.to_json(), allow_nan=False))
    assert [each["untried"] for each in told["faults"]] == [each.untried for each in made.faults]
    assert CanaryReport.from_json(told) == made
    assert told["passed"] is made.passed
    for each, one in zip(told["faults"], made.faults, strict=True):
        assert (each["recall_3"], each["applicable"], each["delay"]) == (one.recall_3, one.applicable, one.delay)


def test_a_report_of_before_has_tried_all_it_could() -> None:
    """Reports that were stored without the word read as they did."""
    told = report(fault([1])).to_json()
    for each in told["faults"]:
        del each["untried"]
    assert CanaryReport.from_json(told).untried == {}
