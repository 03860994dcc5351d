"""Missing values are told in per cent, and once of columns that lack them together."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.checks import Check, CheckResult, Evidence, Status
from monitoring_tasks.policy.decision import Given, decide
from monitoring_tasks.policy.missing import MOST_DIGITS, heading, measured, percent, percents
from monitoring_tasks.policy.narrative import narrate
from monitoring_tasks.policy.verdict import Verdict
from tests.policy.made import MONITOR, SUBJECT, drift, result, verdict

SHARES = st.floats(0, 1)
CAUSE = "the same rows lack answer (a source or provider that did not answer?)"
NAMES = [f"c{number}" for number in range(8)]


def lacking(
    column: str, value: float = 0.054, usual: float = 0.012, *, cause: str = "", p: float = 1e-4
) -> CheckResult:
    """A column that lacks more values than its baseline does."""
    evidence = Evidence(p / 10, p, value - usual, 0.02)
    return replace(result(Check.MISSING_SHARE, column, value=value), evidence=evidence, cause=cause, large=True)


def told(*results: CheckResult) -> list[str]:
    """What a verdict says of them."""
    return list(verdict(*results).reasons)


@given(SHARES)
def test_per_cent_never_says_all_or_nothing_of_some(share: float) -> None:
    """Few digits, and never 100% of what is not all, nor 0% of what is something."""
    said = percent(share)
    assert (said == "0%") == (share == 0)
    assert said != "100%" or share > 1 - 10**-MOST_DIGITS
    assert "e" not in said
    assert float(said[:-1]) / 100 == pytest.approx(share, rel=0.06)


@given(SHARES, SHARES)
def test_two_shares_that_differ_are_told_apart(one: float, other: float) -> None:
    """With two digits where these do."""
    said = percents(one, other)
    assert said[0] != said[1] or one == pytest.approx(other, rel=1e-4)
    if percent(one) != percent(other):
        assert said == (percent(one), percent(other))


def test_one_column_is_told_in_per_cent_against_its_baseline() -> None:
    """Whether much is missing or little more than usual; what was asked for nowhere is not guessed."""
    small = replace(lacking("f1"), large=False)
    assert told(lacking("f1")) == ["f1: missing values, 5.4% against 1.2% in its baseline, p 0.0001"]
    assert told(small) == ["f1: more values missing, 5.4% against 1.2% in its baseline, p 0.0001"]
    assert told(result(Check.MISSING_SHARE, "f1")) == ["f1: missing values, 50% against 20% allowed"]
    assert told(lacking("f1", 1.0, 0.0)) == ["f1: missing values, 100% against 0% in its baseline, p 0.0001"]
    assert measured({"value": None, "threshold": 0.1}) == measured({"value": 0.1, "threshold": None}) == ""


def test_columns_that_lack_the_same_rows_are_one_fact() -> None:
    """One line and one cause, however many columns; as sure as the least sure of them."""
    first = lacking(NAMES[0], cause=CAUSE, p=1e-3)
    assert told(first, *(lacking(name, cause=CAUSE) for name in NAMES[1:]), drift("temp", 0.1)) == [
        "values of 8 columns are missing together, in 5.4% of the rows (1.2% in the baseline): "
        "c0, c1, c2, c3, c4 and 3 more; p 0.001",
        "temp: small shift of a feature, psi 0.1 against 0.2",
        f"probable cause: {CAUSE}",
    ]


def test_shares_that_differ_a_little_are_told_from_the_least_to_the_most() -> None:
    """The same rows, and a few more of a column that is computed from two."""
    few, more = lacking("f1", 0.054, cause=CAUSE), lacking("f2", 0.06, 0.02, cause=CAUSE)
    assert told(few, more)[0].startswith(
        "values of 2 columns are missing together, in 5.4% to 6% of the rows (1.2% to 2% in the baseline): f2, f1"
    )


def test_an_equal_share_is_no_more_than_that() -> None:
    """Where nothing says that the rows are the same it is not said; another share is another line."""
    said = told(lacking("f1"), lacking("f2"), lacking("f3", 0.06))
    assert said == [
        "f3: missing values, 6% against 1.2% in its baseline, p 0.0001",
        "values of 2 columns are missing, in 5.4% of the rows each (1.2% in the baseline): f1, f2; p 0.0001",
    ]
    assert told(*(result(Check.MISSING_SHARE, name) for name in ("f1", "f2"))) == [
        "values of 2 columns are missing, in 50% of the rows each (20% allowed): f1, f2"
    ]


def test_causes_of_their_own_keep_columns_apart() -> None:
    """Each was missing at another time: that both were so in as many rows is chance."""
    found = [lacking(name, cause=f"{name}: all values are missing at {name}") for name in ("f1", "f2")]
    assert [reason for reason in told(*found) if reason.startswith("values of")] == []


def test_what_persists_is_told_with_the_fewest_windows() -> None:
    """That is true of every column; a weak finding says no chance."""
    now, before = [lacking(name, cause=CAUSE) for name in ("f1", "f2")], [lacking("f1", cause=CAUSE)]
    assert "windows" not in verdict(*now, history=[before]).reasons[0]
    assert verdict(*now, history=[now]).reasons[0].endswith("f1, f2; p 0.0001, in 2 of the last 2 windows")
    weak = [replace(each, status=Status.SUSPECT) for each in now]
    assert verdict(*weak, history=[weak]).reasons[0].endswith("f1, f2; in 2 of the last 2 windows")


def test_too_few_rows_are_told_with_one_line() -> None:
    """Of what failed all the same."""
    found = verdict(*(lacking(name, cause=CAUSE) for name in NAMES), rows=499)
    assert [reason.partition(",")[0] for reason in found.reasons[1:]] == ["values of 8 columns are missing together"]


def test_the_words_decide_nothing() -> None:
    """Outcome, severity, actions and findings are those of columns told one by one, but for the cause itself."""
    together = verdict(*(lacking(name, cause=CAUSE) for name in NAMES))
    alone = verdict(*(lacking(name) for name in NAMES))
    apart = {name: found(each) for name, each in (("together", together), ("alone", alone))}
    assert apart["together"] == apart["alone"]
    assert (together.outcome, together.severity, together.actions) == (alone.outcome, alone.severity, alone.actions)


def found(of: Verdict) -> list[dict[str, object]]:
    """The findings of a verdict without their causes."""
    return [{key: value for key, value in each.items() if key != "cause"} for each in of.evidence["findings"]]


@given(st.permutations(NAMES), st.sampled_from(["", CAUSE]))
def test_the_order_of_results_changes_no_byte(names: list[str], cause: str) -> None:
    """A past window is told as it was."""
    first = [lacking(name, cause=cause) for name in NAMES]
    again = [lacking(name, cause=cause) for name in names]
    assert decided(first).dumps() == decided(again).dumps()


def decided(results: list[CheckResult]) -> Verdict:
    """The verdict on these results alone."""
    return decide(MONITOR, SUBJECT, Given(results=results, rows=1000))


def test_the_table_of_a_run_has_one_row_for_them() -> None:
    """In per cent, with what the baseline lacks as the reference."""
    results = [*(lacking(name, cause=CAUSE) for name in NAMES), lacking("f1", 0.3, 0.0)]
    table = [re.split(" {2,}", line) for line in narrate(verdict(*results), results).splitlines() if "_share" in line]
    assert table == [
        ["data_quality", "missing_share", "f1", "30%", "20%", "0%"],
        ["data_quality", "missing_share", "8 columns", "5.4%", "20%", "1.2%"],
    ]


@pytest.mark.parametrize(
    "reason", ["", "temp: missing values", "values of many columns are missing, in", "x values of 2"]
)
def test_other_sentences_have_no_heading(reason: str) -> None:
    """Only a line about several columns has."""
    assert heading(reason) is None
