"""The bench of the estimate before labels at a size that takes seconds, on flights made up here."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from bench.estimate import (
    ASKED,
    FAULTS,
    FIRST,
    MONTHS,
    Judged,
    as_outcomes,
    clean_table,
    drawn,
    held_out,
    judge,
    production,
    redraws,
    references,
    shift_table,
    told,
    windows,
    year_table,
)
from monitoring_tasks.performance.outcomes import Outcomes
from monitoring_tasks.window import DAY


def flights(days: int, first: str, *, late: float = 1.0) -> pd.DataFrame:
    """A hundred flights a day whose score is the chance that they are late, times `late`."""
    random = np.random.default_rng(days)
    score = random.beta(1.5, 4, days * 100)
    moment = pd.Timestamp(first, tz="UTC") + pd.to_timedelta(np.arange(days * 100) * 24 / 100, unit="h")
    return pd.DataFrame({"timestamp": moment, "score": score, "label": random.random(days * 100) < score * late})


REFERENCE = as_outcomes(flights(90, "2013-01-01"))


def printed(*parts: object) -> str:
    target = io.StringIO()
    Console(file=target, width=200).print(*parts)
    return target.getvalue()


def test_a_year_that_shifts_is_refused() -> None:
    """Twice as many late flights as scores say from June on: held before, refused after, and told in words."""
    calm = flights(60, "2013-04-02")
    year = production(REFERENCE, as_outcomes(pd.concat([calm, flights(30, "2013-06-01", late=2.0)])))
    before = [each for each in year["weeks"] if each.start < pd.Timestamp("2013-05-28", tz="UTC").value // 1000]
    assert len(before) == 8
    assert np.mean([each.held("predicted_minus_actual") for each in before]) > 0.8
    assert not any(each.together for each in before)
    assert year["weeks"][-1].together
    assert year["weeks"][-1].harm is None
    assert "pass" not in printed(*told(year["weeks"], judged=False))
    assert "11 June" in printed(*told(year["weeks"], judged=True))
    assert "predicted_minus_actual" in printed(year_table(year))


def test_windows_are_whole_and_in_order() -> None:
    """Ninety days are twelve weeks; rows without a day of their own are none."""
    found = list(windows(REFERENCE, MONTHS[0], MONTHS[3], 7 * DAY))
    assert len(found) == 12
    assert {len(each) for each in found} == {700}
    assert list(windows(REFERENCE, FIRST, FIRST + 7 * DAY, DAY)) == []


@pytest.mark.parametrize(("fault", "rate"), [("", 1.0), ("late rate x 1.5", 1.5)])
def test_the_late_rate_rises_as_told(fault: str, rate: float) -> None:
    """Without a fault the rate of late flights stays, with one it is that much higher."""
    rows = drawn(REFERENCE, 20_000, 1, np.random.default_rng(0), fault)
    assert rows.label.mean() == pytest.approx(rate * REFERENCE.label.mean(), rel=0.05)


def test_flipped_labels_are_as_many_as_told() -> None:
    """A fifth of the labels is the other one."""
    rows, same = (drawn(REFERENCE, 20_000, 1, np.random.default_rng(0), fault) for fault in ("20 % flipped", ""))
    plain = replace(same, label=same.label)
    assert (rows.label != plain.label).mean() == pytest.approx(FAULTS["20 % flipped"], abs=0.01)


def clean_and_shifted() -> tuple[list[list[Judged]], list[list[Judged]]]:
    taught = references(REFERENCE, 2)
    return redraws(REFERENCE, taught, 1_000, 3), redraws(REFERENCE, taught, 1_000, 4, "20 % flipped")


def test_tables_tell_clean_from_shifted() -> None:
    """Windows drawn anew are held and believed, with a fifth of the labels flipped they are refused by window 2."""
    clean, shifted = clean_and_shifted()
    assert "pass" in printed(clean_table({"drawn anew": clean}, judged=True))
    assert "1.00 [1.00] │ pass" in printed(shift_table({"20 % flipped": {1_000: shifted}}, judged=True))
    assert "miss" in printed(shift_table({"20 % flipped": {1_000: clean}}, judged=True))
    assert "pass" not in printed(shift_table({"5 % flipped": {1_000: shifted}}, judged=True))


def test_months_are_held_out() -> None:
    """Each month is judged by the two others, in weeks and in days."""
    found = held_out(REFERENCE)
    assert [len(each) for each in found["weeks"]] == [4, 4, 4]
    assert [len(each) for each in found["days"]] == [31, 28, 31]


def test_the_newest_window_is_judged_by_those_before() -> None:
    """A window's own labels have no say in whether its estimate is believed."""
    estimator = references(REFERENCE, 1)[0]

    def turned(rows: Outcomes) -> Outcomes:
        return replace(rows, label=1 - rows.label)

    calm = [drawn(REFERENCE, 1_000, 1, np.random.default_rng(seed)) for seed in range(2)]
    first, second = (judge(estimator, each, {}) for each in (calm, [calm[0], turned(calm[1])]))
    assert first[1].together == second[1].together == ""
    assert set(first[0].pairs) == set(ASKED.metrics)
