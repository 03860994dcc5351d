"""A window's results in short."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.checks import Check, CheckResult, Status, Suite
from monitoring_tasks.scores import (
    NAMED,
    ColumnScore,
    Headline,
    dumps_scores,
    headline_of,
    loads_scores,
    pack,
    scores_of,
)

TEXT = st.text(max_size=20)
NUMBER = st.none() | st.floats(allow_nan=False, allow_infinity=False)
STATUS = st.none() | st.sampled_from(list(Status))
SCORES = st.builds(
    ColumnScore,
    column=TEXT,
    role=st.sampled_from(["feature", "prediction"]),
    method=st.none() | TEXT,
    score=NUMBER,
    threshold=NUMBER,
    drift=STATUS,
    missing=NUMBER,
    quality=STATUS,
)


def check(check: Check, status: Status, column: str | None = "temp", **more: object) -> CheckResult:
    """A result of a check of data quality."""
    return CheckResult(Suite.DATA_QUALITY, check, status, column, **{"value": 0.5, **more})


def test_a_column_is_one_line() -> None:
    """Its drift, its missing share, and the worst of its other checks; segments and whole tables are left out."""
    found = scores_of(
        [
            check(Check.ROW_COUNT, Status.PASSED, None),
            check(Check.MISSING_SHARE, Status.FAILED, value=0.25),
            check(Check.UNSEEN_SHARE, Status.PASSED),
            CheckResult(Suite.DATA_DRIFT, Check.DRIFT, Status.SUSPECT, "temp", "psi", 0.1, 0.2),
            CheckResult(Suite.DATA_DRIFT, Check.DRIFT, Status.FAILED, "temp", "psi", 9.0, 0.2, segment="origin=JFK"),
            CheckResult(Suite.PREDICTION_DRIFT, Check.DRIFT, Status.FAILED, "score", "psi", 0.5, 0.2),
            CheckResult(Suite.PERFORMANCE, Check.CHAMPION_DROP, Status.FAILED, "auc", value=0.5),
        ]
    )
    assert found == (
        ColumnScore("temp", "feature", "psi", 0.1, 0.2, Status.SUSPECT, 0.25, Status.FAILED),
        ColumnScore("score", "prediction", "psi", 0.5, 0.2, Status.FAILED),
    )


@pytest.mark.parametrize("order", [1, -1])
def test_the_worst_of_a_columns_checks_counts(order: int) -> None:
    """Undecided is worse than passed, in whatever order they come."""
    checks = [check(Check.UNSEEN_SHARE, Status.UNDECIDED), check(Check.CONSTANT, Status.PASSED)]
    assert scores_of(checks[::order])[0].quality is Status.UNDECIDED


@pytest.mark.parametrize("order", [1, -1])
def test_a_jump_of_a_level_is_drift_and_no_fault(order: int) -> None:
    """The worse of both is the column's; the score stays that of its distribution."""
    shift = CheckResult(Suite.DATA_DRIFT, Check.DRIFT, Status.PASSED, "temp", "psi", 0.1, 0.2)
    jump = CheckResult(Suite.DATA_DRIFT, Check.LEVEL, Status.FAILED, "temp", value=4.5, threshold=2.0)
    assert scores_of([shift, jump][::order]) == (ColumnScore("temp", "feature", "psi", 0.1, 0.2, Status.FAILED),)
    assert headline_of(scores_of([shift, jump])).columns == ("temp",)


def test_a_headline_counts_features() -> None:
    """The prediction is told apart; what was not checked for drift is no feature of it."""
    drifted = [ColumnScore(f"c{n}", score=0.2 + n, threshold=0.2, drift=Status.FAILED) for n in range(7)]
    others = [
        ColumnScore("s", drift=Status.SUSPECT),
        ColumnScore("u", drift=Status.UNDECIDED, quality=Status.FAILED),
        ColumnScore("id", quality=Status.FAILED),
        ColumnScore("score", "prediction", drift=Status.PASSED),
    ]
    found = headline_of([*drifted, *others], reason="why")
    assert found == Headline(9, 7, 1, 1, 2, ("c6", "c5", "c4", "c3", "c2"), Status.PASSED, "why")
    assert len(found.columns) == NAMED
    assert Headline.from_json(found.to_json()) == found


def test_no_results_are_no_scores() -> None:
    """A window in which nothing was checked has an empty headline, whose prediction is not known."""
    assert scores_of([]) == loads_scores(dumps_scores(())) == ()
    assert headline_of(()) == Headline()


@given(st.lists(SCORES))
def test_scores_come_back_as_they_were(scores: list[ColumnScore]) -> None:
    """Any text and any finite number."""
    assert loads_scores(dumps_scores(scores)) == tuple(scores)


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_what_is_no_json_is_refused(number: float) -> None:
    """NaN is never kept: a result without a number has None."""
    with pytest.raises(ValueError, match="JSON"):
        pack([number])


def test_two_hundred_columns_take_little() -> None:
    """About 20 bytes a column, so that ninety windows are read at once."""
    scores = [
        ColumnScore(f"feature_{n}", "feature", "psi", math.sin(n) ** 2, 0.2, Status.PASSED, 0.01) for n in range(200)
    ]
    assert len(dumps_scores(scores)) < 5_000
