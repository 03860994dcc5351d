"""Whether a monitor finds less than it did: by more than chance, or less than it must."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from monitoring_tasks.canary.fall import EARLIER, Fall, chance, falls
from monitoring_tasks.canary.report import CanaryReport
from tests.canary.test_report import fault, report


def seen(hits: int, trials: int = 20, **changes: Any) -> CanaryReport:
    """A report whose one fault was found in so many trials."""
    return report(fault([1] * hits + [None] * (trials - hits), **changes))


@given(st.integers(1, 30), st.integers(1, 30), st.data())
def test_chance_is_fishers(trials: int, rest: int, data: st.DataObject) -> None:
    """By scipy."""
    hits, others = data.draw(st.integers(0, trials)), data.draw(st.integers(0, rest))
    table = [[hits, trials - hits], [others, rest - others]]
    expected = stats.fisher_exact(table, alternative="less").pvalue
    assert chance((hits, trials), (others, rest)) == pytest.approx(expected, abs=1e-12)


def test_a_fall_by_more_than_chance() -> None:
    """Below the last report, with a chance of less than one in twenty."""
    assert falls(seen(12), [seen(18)]) == [Fall("mean_25", "mean .25 sd higher", "age", 0.9, 0.6)]
    assert falls(seen(13), [seen(18)]) == []
    assert falls(seen(18), [seen(13)]) == []
    assert falls(seen(0), [seen(6)]) != []


def test_below_what_it_used_to_find() -> None:
    """Under .8, when one of the last reports had it at .95, and all together speak against chance; said once."""
    before = [seen(hits) for hits in (18, 20, 19, 19, 20, 20)]
    [fall] = falls(seen(15), before)
    assert (fall.name, fall.before, fall.now) == ("mean_25", 1.0, 0.75)
    assert falls(seen(16), before) == []
    assert falls(seen(15), [seen(18)] * 5) == []
    assert falls(seen(15), [seen(17)] * EARLIER + before) == []
    assert falls(seen(14), [seen(15), *before]) == []
    assert falls(seen(3), [seen(15), *before]) != []


def test_a_slow_decline_is_said_once() -> None:
    """From all to half in small steps, none of which is more than chance."""
    weeks = [seen(hits) for hits in (20, 20, 19, 18, 17, 16, 15, 13, 13, 12)]
    told = [bool(falls(weeks[week], weeks[week - 1 :: -1])) for week in range(1, len(weeks))]
    assert sum(told) == 1


def test_chance_is_shared_among_all_faults() -> None:
    """What is a fall for one fault alone is none among twenty."""
    many = [fault([1] * 12 + [None] * 8, name=f"f{number}") for number in range(20)]
    before = [fault([1] * 18 + [None] * 2, name=f"f{number}") for number in range(20)]
    assert falls(report(*many), [report(*before)]) == []
    assert [each.name for each in falls(report(*many[:1], *before[1:3]), [report(*before[:3])])] == []
    assert [each.name for each in falls(report(many[0]), [report(*before)])] == ["f0"]


def test_only_like_is_compared_with_like() -> None:
    """Another column, another fault, one that fits no more, or nothing before: no fall."""
    assert falls(seen(0), []) == []
    assert falls(seen(0), [seen(20, column="spend")]) == []
    assert falls(seen(0), [seen(20, name="mean_50")]) == []
    assert falls(report(fault([], column=None)), [seen(20)]) == []
    assert falls(seen(0), [report(fault([], column=None)), seen(20)]) == []
    assert falls(seen(0), [seen(20), report(fault([], column=None)), seen(20, column="x")]) != []


def test_trials_of_other_lengths() -> None:
    """Fewer trials prove less; shorter ones count by their last window."""
    assert falls(seen(1, 3), [seen(2, 3)]) == []
    short = report(fault([2] * 2 + [None] * 18, windows=2))
    assert [each.now for each in falls(short, [seen(20)])] == [0.1]


@pytest.mark.parametrize("share", [1.0, 0.97, 0.9, 0.5])
def test_steady_monitors_are_left_in_peace(share: float) -> None:
    """18 faults of equal and steady recall, for 200 weeks: seldom a word, and none at all where all is found."""
    random = np.random.default_rng(3)
    weeks = [
        report(*(fault([1] * hits + [None] * (20 - hits), name=f"f{at}") for at, hits in enumerate(row)))
        for row in random.binomial(20, share, (200, 18)).tolist()
    ]
    told = sum(bool(falls(weeks[week], weeks[week - 1 :: -1])) for week in range(1, 200))
    assert told <= {1.0: 0, 0.97: 2, 0.9: 20, 0.5: 8}[share]
