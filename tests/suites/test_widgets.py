"""What a person on call sees first, and in which order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from monitoring_tasks.checks import Check, CheckResult, Evidence, Status, Suite
from monitoring_tasks.profile.binning import CategoryBins
from monitoring_tasks.profile.profile import CategoryProfile
from monitoring_tasks.suites.columns import Column
from monitoring_tasks.suites.widgets import (
    PLOTTED,
    Drawn,
    figure,
    findings,
    overview,
    plotted,
    segments_table,
    status_words,
    urgency,
)
from tests.suites.conftest import Judge, replaced, rows
from tests.suites.test_page import data_of

QUALITY, DRIFT = Suite.DATA_QUALITY, Suite.DATA_DRIFT
FAILED, UNDECIDED, PASSED = Status.FAILED, Status.UNDECIDED, Status.PASSED


def drift(column: str, value: float, method: str = "psi", threshold: float = 0.2, **more: Any) -> CheckResult:
    """A failed drift check."""
    return CheckResult(DRIFT, Check.DRIFT, FAILED, column, method, value, threshold, **more)


def undecided(check: Check, column: str | None, detail: str) -> CheckResult:
    """An undecided quality check."""
    return CheckResult(QUALITY, check, UNDECIDED, column, detail=detail)


def test_order() -> None:
    """Broken input, severe drift by its excess whichever way the method counts, failed, undecided, passed."""
    ordered = [
        CheckResult(QUALITY, Check.COLUMN_PRESENT, FAILED, "gone", None, 0.01, 0.0),
        drift("a", 1e-9, "ks_p_value", 0.05, severe=True),
        drift("b", 2.0, severe=True),
        drift("c", 0.5, severe=True),
        drift("d", 0.22),
        CheckResult(QUALITY, Check.DUPLICATE_SHARE, FAILED, None, None, 0.5, 0.0),
        undecided(Check.CONSTANT, "e", "no values"),
        CheckResult(DRIFT, Check.DRIFT, PASSED, "f", "psi", 0.1, 0.2),
    ]
    mixed = [ordered[place] for place in (3, 7, 0, 5, 2, 6, 4, 1)]
    assert sorted(mixed, key=urgency) == ordered
    words = ["✗ failed", "✗✗ severe", "✗✗ severe", "✗✗ severe", "✗ failed", "✗ failed", "? undecided", "✓ passed"]
    assert [status_words(result) for result in ordered] == words


def test_findings_share_a_row_where_they_share_a_reason() -> None:
    """An absent column is one undecided row, not five; checks that failed keep rows of their own."""
    results = [
        undecided(Check.CONSTANT, "a", "the column is not there"),
        CheckResult(DRIFT, Check.DRIFT, UNDECIDED, "a", "psi", detail="the column is not there"),
        undecided(Check.CONSTANT, "b", "the column is not there"),
        drift("c", 2.0, detail="the column is not there"),
        drift("d", 2.0, detail="the column is not there"),
    ]
    rows = findings(results, Drawn({})).params["data"]
    assert [(row["column"], row["check"]) for row in rows] == [
        ("c", "psi"),
        ("d", "psi"),
        ("a", "constant, psi"),
        ("b", "constant"),
    ]


def test_no_rows_are_one_finding() -> None:
    """Without rows the table says so once, for every column."""
    results = [undecided(Check.CONSTANT, column, "no rows") for column in ("a", "b")]
    (row,) = findings(results, Drawn({})).params["data"]
    assert (row["column"], row["detail"]) == ("every column", "no rows")


def test_no_findings() -> None:
    """When every check passed the page says that, instead of an empty table."""
    assert findings([CheckResult(DRIFT, Check.DRIFT, PASSED, "f", "psi", 0.1, 0.2)], Drawn({})).type == "counter"


def test_overview_counts() -> None:
    """The counters add up to all checks."""
    results = [drift("a", 2.0, severe=True), drift("b", 0.3), undecided(Check.CONSTANT, "c", "no values")]
    shown = {each["label"]: each["value"] for each in overview(results, 12_345, "orders").params["counters"]}
    assert list(shown.values()) == ["12,345", "2", "1", "0", "1", "0"]


def test_figures() -> None:
    """Whole numbers are exact, others have four digits, and none is a dash."""
    assert [figure(value) for value in (123_456.0, 0.123456, 1e-12, None)] == [123_456, 0.1235, 1e-12, "-"]


def test_the_worst_columns_are_drawn() -> None:
    """Of many columns the predictions, those with a finding and the highest scores are drawn, in the page's order."""
    names = [f"f{number}" for number in range(PLOTTED + 100)]
    side = CategoryProfile(np.array([1]), {})
    columns = {name: Column(name, "categorical", CategoryBins(("a",)), side, side) for name in [*names, "score"]}
    scores = [
        CheckResult(DRIFT, Check.DRIFT, PASSED, name, "psi", place / 1e4, 0.2) for place, name in enumerate(names)
    ]
    present = [CheckResult(QUALITY, Check.COLUMN_PRESENT, PASSED, name, None, 0.0, 0.0) for name in columns]
    prediction = CheckResult(Suite.PREDICTION_DRIFT, Check.DRIFT, PASSED, "score", "psi", 0.0, 0.2)
    results = [*present, *scores, prediction, undecided(Check.CONSTANT, "f7", "no values")]
    assert list(plotted(results, columns)) == ["f7", *names[102:], "score"]
    few = {name: columns[name] for name in (*names[:3], "score")}
    assert list(plotted([result for result in results if result.column in few], few)) == list(few)


def test_tables_of_a_page(judge: Judge) -> None:
    """Every column is in the drift and quality tables with its histograms, the drifted one first, plots by id."""
    outcome = judge(replaced(rows(), "items", pa.array(np.full(1000, 40))))
    widgets = {widget["id"]: widget for widget in data_of(outcome.html)["widgets"]}
    assert list(widgets) == [
        "overview", "findings", "prediction_drift", "data_drift", "data_quality", "whole", "facts"
    ]  # fmt: skip
    table = widgets["data_drift"]["params"]["data"]
    assert [row["column"] for row in table] == ["items", "amount", "colour"]
    assert sum(table[0]["current"]["y"]) == 1
    parts = {part["id"] for row in table for part in row["details"]["parts"]}
    assert all(f'"{part}": {{' in outcome.html for part in parts)
    assert widgets["data_quality"]["params"]["data"][0]["column"] == "items"


def test_findings_show_what_they_stand_on() -> None:
    """Effect, and p after the correction; a check that has no evidence shows dashes."""
    sure = Evidence(p_value=1e-6, adjusted=2e-4, effect=0.12, floor=0.05)
    found = CheckResult(Suite.DATA_DRIFT, Check.DRIFT, Status.FAILED, "age", "psi", 0.3, 0.2, True, evidence=sure)
    limited = CheckResult(Suite.DATA_QUALITY, Check.COLUMN_PRESENT, Status.FAILED, "plan", None, 1.0, 0.0)
    rows = {row["column"]: row for row in findings([found, limited], Drawn({})).params["data"]}
    assert [rows["age"][name] for name in ("effect", "adjusted")] == [0.12, 0.0002]
    assert [rows["plan"][name] for name in ("effect", "adjusted")] == ["-", "-"]


def test_missing_shares_are_in_per_cent() -> None:
    """As numbers, which a table sorts by; the check says so, and other shares stay what they are."""
    share = Evidence(1e-5, 1e-4, 0.0496, 0.02)
    lacking = CheckResult(QUALITY, Check.MISSING_SHARE, FAILED, "words", None, 0.05396, 0.05391, evidence=share)
    unseen = CheckResult(QUALITY, Check.UNSEEN_SHARE, FAILED, "route", None, 0.05396, 0.05391)
    first, second = findings([lacking, unseen], Drawn({})).params["data"]
    assert [first[name] for name in ("check", "value", "threshold", "effect")] == [
        "missing share (%)",
        5.396,
        5.391,
        4.96,
    ]
    assert [second[name] for name in ("check", "value", "effect")] == ["unseen share", 0.05396, "-"]


def test_segments_are_one_table_of_the_worst() -> None:
    """What was found in segments, the most urgent first, at most a hundred; in one line when nothing was."""
    found = [drift("f", 0.3 + place / 1000, segment=f"carrier=C{place}") for place in range(150)]
    quiet = CheckResult(DRIFT, Check.DRIFT, PASSED, "f", "psi", 0.1, 0.2, segment="carrier=AA")
    (table,) = segments_table([quiet, drift("whole", 9.0), *found])
    assert table.title == "Segments: 151 looked at, the worst 100 of 150 findings"
    assert [row["segment"] for row in table.params["data"]] == [f"carrier=C{place}" for place in range(149, 49, -1)]
    assert table.params["data"][0]["column"] == "f"
    (line,) = segments_table([quiet])
    assert line.params["counters"] == [{"value": "1", "label": "every check passed"}]
    assert segments_table([drift("whole", 9.0)]) == []
