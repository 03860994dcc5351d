"""What the page of a column says: its checks, its two sides, its history."""

from __future__ import annotations

from typing import Any

from monitoring_tasks.checks import Check, CheckResult, Status, Suite
from monitoring_tasks.policy.verdict import Outcome
from monitoring_tasks.views.column import (
    SEGMENTS,
    checks_of,
    neighbours,
    of_column,
    pictures_of,
    segments_of,
    sides_of,
)
from monitoring_tasks.views.heat_map import names_of, slots_of
from monitoring_tasks.views.words import NOTHING, ORDINARY
from tests.views.made import axis, head, score, window


def drift(status: Status = Status.PASSED, value: float = 0.1, **more: Any) -> CheckResult:
    """The drift of a column."""
    return CheckResult(Suite.DATA_DRIFT, Check.DRIFT, status, value=value, threshold=0.2, **{"column": "age", **more})


def test_checks_of_the_column_findings_first() -> None:
    """Those of other columns and of segments are left out; causes, seasons and details are told together."""
    quality = CheckResult(Suite.DATA_QUALITY, Check.CONSTANT, Status.FAILED, "age", value=1.0)
    told = drift(cause="a unit changed", season="summer", detail="in all rows")
    found = checks_of([told, quality, drift(column="city"), drift(segment="plan=pro")], "age")
    assert [(each.result.check, each.why) for each in found] == [
        (Check.CONSTANT, ""),
        (Check.DRIFT, "a unit changed; summer; in all rows"),
    ]


def test_a_pass_beyond_a_limit_is_not_called_severe() -> None:
    """A score beyond its limits that is usual for the column says so; a finding says how large it is."""
    sizes = {"large": True, "severe": True}
    results = [drift(value=0.3159, **sizes), drift(Status.FAILED, **sizes), drift(Status.SUSPECT, large=True), drift()]
    told = [checks_of([each], "age")[0].size for each in results]
    assert told == [ORDINARY, "severe", "large", ""]


def test_segments_of_the_column() -> None:
    """The worst are shown, passed ones too, and all are counted."""
    many = [drift(segment=f"plan={place}", value=place / 100) for place in range(30)]
    found, count = segments_of([*many, drift(Status.FAILED, segment="plan=bad"), drift()], "age")
    assert (len(found), count, found[0].result.segment) == (SEGMENTS, 31, "plan=bad")


def test_both_sides_in_numbers() -> None:
    """Shares in per cent, the most frequent categories by name, and a dash for what is not known."""
    sides = {
        "reference": {"rows": 5, "top": [["A", 0.5], ["B", 0.25]], "mean": None},
        "current": {"rows": 7, "missing_share": 0.25, "mean": "odd"},
    }
    assert sides_of(checks_of([drift(**sides)], "age")) == [
        ("rows", "5", "7"),
        ("top", "A 50%, B 25%", NOTHING),
        ("mean", NOTHING, "odd"),
        ("missing share", NOTHING, "25%"),
    ]
    assert sides_of(checks_of([drift()], "age")) == []


def test_a_history_shows_no_score_that_was_not_judged() -> None:
    """Of a window with too few rows the missing share is shown, which is counted, and not the score."""
    heads = [head(0), head(1, Outcome.TOO_FEW_ROWS), head(2)]
    scores = {window(0): [score("age", missing=0.1)], window(1): [score("age", missing=0.2)], window(2): []}
    drifted, missing = pictures_of(heads, of_column(scores, "age"), axis(heads))
    values = {trace["name"]: trace["y"] for trace in drifted.figure["data"]}
    assert values["drift score"] == [0.1, None, None]
    assert values["threshold"] == [0.2, None, None]
    assert "too few rows" in values
    assert {trace["name"]: trace["y"] for trace in missing.figure["data"]}["missing share"] == [0.1, 0.2, None]
    assert [row[1] for row in drifted.rows] == [NOTHING, NOTHING, "0.1"]


def test_neighbours_are_those_of_the_heat_map() -> None:
    """The columns before and after in the order of the model's page; none of one that is not in it."""
    heads = [head(0)]
    found = {window(0): [score("c"), score("a", Status.FAILED), score("b", Status.SUSPECT)]}
    names = names_of(slots_of(heads, axis(heads)), found)
    assert [neighbours(names, column) for column in "abcd"] == [(None, "b"), ("a", "c"), ("b", None), (None, None)]
