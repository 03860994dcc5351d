"""Plots of watched levels in the report: which are shown at once, under what words, and held to which limits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from monitoring_tasks.checks import Check, CheckResult, Status, Suite
from monitoring_tasks.suites.level_plots import jumps, level_plots, plot_of
from tests.alerts.levels import course

RARE, WORDS = course([0.01] * 8, now=0.09), course([100.0] * 8, now=40.0, share=False)
COURSES = {"words": WORDS, "refusal": RARE}


def result(column: str, status: Status, check: Check = Check.LEVEL) -> CheckResult:
    """A check of a column."""
    return CheckResult(Suite.DATA_DRIFT, check, status, column, value=0.5, threshold=0.1)


def traces(shown: Any) -> dict[str, Any]:
    """The traces of a plot that have a name, by it."""
    return {each["name"]: each for each in shown.params["data"] if "name" in each}


def test_what_may_be_a_jump_is_shown_at_once() -> None:
    """A failed level and a suspect one, each under its words; what passed, has no course, or only drifts is not."""
    results = [
        result("refusal", Status.SUSPECT),
        result("words", Status.FAILED),
        result("seconds", Status.FAILED),
        result("words", Status.FAILED, Check.DRIFT),
    ]
    shown = [(each.id, each.title) for each in jumps(results, COURSES)]
    assert shown == [
        ("jump-0", "refusal: a small sudden change, if it persists"),
        ("jump-1", "words: sudden change"),
    ]
    assert jumps([result("words", Status.PASSED), result("refusal", Status.UNDECIDED)], COURSES) == []


def test_every_course_has_a_plot_to_open() -> None:
    """With an id that does not depend on the order in which they were made."""
    ids = {name: each.id for name, each in level_plots(COURSES).items()}
    assert ids == {"refusal": "level-0", "words": "level-1"}
    assert {name: each.id for name, each in level_plots(dict(reversed(COURSES.items()))).items()} == ids


@pytest.mark.parametrize(("name", "limits"), [("refusal", 1), ("words", 2)])
def test_both_limits_are_drawn_where_they_can_be_reached(name: str, limits: int) -> None:
    """A share of 1 in a hundred cannot fall by 3; one entry in the legend says what they are."""
    found = [each for each in plot_of(name, COURSES[name], title="").params["data"] if "legendgroup" in each]
    assert [each["showlegend"] for each in found] == [True, False][:limits]
    assert [each["y"] for each in found] == [[limit] * 2 for limit in ([0.06], [70.0, 130.0])[limits - 1]]


def test_a_limit_that_holds_at_one_hour_says_so() -> None:
    """Where the hours of the day are allowed for, those before are held to others."""
    plain, seasonal = (plot_of("words", replace(WORDS, seasonal=each), title="") for each in (False, True))
    assert "large enough to be told, if beyond what is usual" in traces(plain)
    assert "large enough to be told at this time of day, if beyond what is usual" in traces(seasonal)


def test_a_share_has_an_axis_in_per_cent_from_0() -> None:
    """A mean has one of its own."""
    axes = [plot_of("a", each, title="").params["layout"]["yaxis"] for each in (RARE, WORDS)]
    assert [(each["tickformat"], each.get("rangemode")) for each in axes] == [(".3~%", "tozero"), ("", None)]


def test_names_are_escaped_where_plotly_reads_html() -> None:
    """On the axis; the widget's title is text."""
    shown = plot_of("<b>a</b>", RARE, title="<b>a</b>")
    assert shown.params["layout"]["yaxis"]["title"]["text"] == "&lt;b&gt;a&lt;/b&gt;: share of true"
    assert shown.title == "<b>a</b>"
