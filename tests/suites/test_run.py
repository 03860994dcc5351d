"""The suites on real files: every kind of bad input ends in a clear result and leaves the other checks alone."""

from __future__ import annotations

import decimal
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from evidently.core.report import Snapshot

from monitoring_tasks.checks import Check, CheckResult, Status, Suite
from monitoring_tasks.errors import ReferenceInvalid
from monitoring_tasks.suites import SuiteInput, SuiteOutcome, run_suites
from monitoring_tasks.suites.results import check_results
from tests.suites.conftest import ROWS, Judge, reference_rows, replaced, rows

PASSED, FAILED, UNDECIDED = Status.PASSED, Status.FAILED, Status.UNDECIDED
NUMERIC = (Check.COLUMN_PRESENT, Check.COLUMN_TYPE, Check.MISSING_SHARE, Check.OUT_OF_RANGE_SHARE, Check.CONSTANT)
Table = Callable[[pa.Table], pa.Table]


def found(outcome: SuiteOutcome, check: Check, column: str | None = None) -> CheckResult:
    """The one result of a check on a column."""
    results = [result for result in outcome.results if result.check is check and result.column == column]
    assert len(results) == 1
    return results[0]


def statuses(outcome: SuiteOutcome, column: str) -> dict[Check, Status]:
    """Status of every check of one column."""
    return {result.check: result.status for result in outcome.results if result.column == column}


def put(column: str, values: Any) -> Table:
    """A change that replaces one column."""
    return lambda table: replaced(table, column, values)


def first_infinite(table: pa.Table) -> pa.Table:
    """One percent of the amounts become infinite."""
    values = table["amount"].to_numpy().copy()
    values[: ROWS // 100] = np.inf
    return replaced(table, "amount", values)


def cast(column: str, kind: pa.DataType) -> Table:
    """A change of one column's type, its values kept."""
    return lambda table: replaced(table, column, table[column].cast(kind, safe=False))


def decimals(table: pa.Table) -> pa.Table:
    """The amounts as decimals."""
    values = [decimal.Decimal(f"{value:.4f}") for value in table["amount"].to_pylist()]
    return replaced(table, "amount", pa.array(values, pa.decimal128(12, 4)))


QUIET = {
    Check.COLUMN_PRESENT: PASSED,
    Check.COLUMN_TYPE: PASSED,
    Check.MISSING_SHARE: PASSED,
    Check.OUT_OF_RANGE_SHARE: PASSED,
    Check.CONSTANT: PASSED,
    Check.DRIFT: PASSED,
}
NOTHING = dict.fromkeys(QUIET, UNDECIDED)
UNREADABLE = {**NOTHING, Check.COLUMN_PRESENT: PASSED, Check.COLUMN_TYPE: FAILED}

# What is wrong, the change that makes it so, and how the amount's checks end; "wrong" must be named in the detail.
AMOUNTS: list[tuple[str, Table, dict[Check, Status], str]] = [
    ("nothing", lambda table: table, QUIET, ""),
    ("more columns", put("extra", np.arange(ROWS)), QUIET, ""),
    ("column gone", lambda table: table.drop_columns("amount"), {**NOTHING, Check.COLUMN_PRESENT: FAILED}, "not there"),
    (
        "all null",
        put("amount", pa.nulls(ROWS, pa.float64())),
        {**NOTHING, Check.COLUMN_PRESENT: PASSED, Check.COLUMN_TYPE: PASSED, Check.MISSING_SHARE: FAILED},
        "every row is missing",
    ),
    (
        "all null without a type",
        put("amount", pa.nulls(ROWS)),
        {**NOTHING, Check.COLUMN_PRESENT: PASSED, Check.COLUMN_TYPE: PASSED, Check.MISSING_SHARE: FAILED},
        "every row is missing",
    ),
    (
        "all NaN",
        put("amount", np.full(ROWS, np.nan)),
        {**NOTHING, Check.COLUMN_PRESENT: PASSED, Check.COLUMN_TYPE: PASSED, Check.MISSING_SHARE: FAILED},
        "every row is missing",
    ),
    ("text in a number", put("amount", ["12"] * (ROWS - 1) + ["n/a"]), UNREADABLE, "found string, expected numeric"),
    ("lists", put("amount", [[1.0]] * ROWS), UNREADABLE, "expected numeric"),
    ("durations", put("amount", pa.array([timedelta(seconds=1)] * ROWS)), UNREADABLE, "expected numeric"),
    ("moments", put("amount", rows()["at"]), UNREADABLE, "expected numeric"),
    (
        "constant",
        put("amount", np.full(ROWS, 5.0)),
        {**QUIET, Check.CONSTANT: FAILED, Check.DRIFT: FAILED},
        "one value only",
    ),
    ("some infinite", first_infinite, {**QUIET, Check.OUT_OF_RANGE_SHARE: FAILED}, "plausible"),
    (
        "out of range",
        put("amount", np.full(ROWS, -1e6) + np.arange(ROWS)),
        {**QUIET, Check.OUT_OF_RANGE_SHARE: FAILED, Check.DRIFT: FAILED},
        "plausible",
    ),
    ("half floats", cast("amount", pa.float16()), QUIET, ""),
    ("single floats", cast("amount", pa.float32()), QUIET, ""),
    ("decimals", decimals, QUIET, ""),
    ("dictionary of numbers", lambda t: replaced(t, "amount", t["amount"].dictionary_encode()), QUIET, ""),
]


@pytest.mark.parametrize("method", ["psi", "evidently:wasserstein"])
@pytest.mark.parametrize(("change", "expected", "words"), [case[1:] for case in AMOUNTS], ids=[c[0] for c in AMOUNTS])
def test_bad_numbers(judge: Judge, method: str, change: Table, expected: dict[Check, Status], words: str) -> None:
    """A broken numeric column fails or is undecided with words for it; every other column is judged as before."""
    features = {"amount": {"kind": "numeric", "method": method}, "items": "numeric", "colour": "categorical"}
    outcome = judge(change(rows()), features=features)
    assert statuses(outcome, "amount") == expected
    bad = [result for result in outcome.results if result.column == "amount" and result.status is not PASSED]
    assert all(result.value is None for result in bad if result.status is UNDECIDED)
    assert all(result.detail for result in bad if result.status is UNDECIDED)
    assert not words or any(words in result.detail for result in bad)
    for column in ("items", "colour", "score"):
        assert set(statuses(outcome, column).values()) == {PASSED}


@pytest.mark.parametrize(
    ("method", "drift"), [("psi", PASSED), ("evidently:ks", PASSED), ("evidently:wasserstein", UNDECIDED)]
)
def test_the_largest_numbers(judge: Judge, method: str, drift: Status) -> None:
    """Numbers whose sums overflow are judged without a warning; a distance that needs their spread is undecided."""
    current, reference = (
        replaced(table, "amount", np.where(np.arange(len(table)) % 2, 1e308, -1e308))
        for table in (rows(), reference_rows())
    )
    features = {"amount": {"kind": "numeric", "method": method}}
    assert statuses(judge(current, reference, features=features), "amount") == {**QUIET, Check.DRIFT: drift}


CATEGORIES: list[tuple[str, Table, dict[Check, Status]]] = [
    ("nothing", lambda table: table, {}),
    ("dictionary", lambda table: replaced(table, "colour", table["colour"].dictionary_encode()), {}),
    ("large strings", cast("colour", pa.large_string()), {}),
    (
        "new category",
        put("colour", ["mauve"] * 20 + ["blue"] * 480 + ["green"] * 300 + ["red"] * 200),
        {Check.UNSEEN_SHARE: FAILED},
    ),
    ("all new", put("colour", ["mauve", "pink"] * (ROWS // 2)), {Check.UNSEEN_SHARE: FAILED, Check.DRIFT: FAILED}),
    ("numbers for words", put("colour", [1, 2] * (ROWS // 2)), {Check.UNSEEN_SHARE: FAILED, Check.DRIFT: FAILED}),
    (
        "all distinct",
        put("colour", [f"c{number}" for number in range(ROWS)]),
        {Check.UNSEEN_SHARE: FAILED, Check.DRIFT: FAILED},
    ),
    ("constant", put("colour", ["blue"] * ROWS), {Check.CONSTANT: FAILED, Check.DRIFT: FAILED}),
    (
        "text not UTF-8",
        put("colour", pa.array([b"\xff"] * ROWS).view(pa.string())),
        {Check.UNSEEN_SHARE: FAILED, Check.CONSTANT: FAILED, Check.DRIFT: FAILED},
    ),
    (
        "all null",
        put("colour", pa.nulls(ROWS, pa.string())),
        {Check.MISSING_SHARE: FAILED, Check.UNSEEN_SHARE: UNDECIDED, Check.CONSTANT: UNDECIDED, Check.DRIFT: UNDECIDED},
    ),
]


@pytest.mark.parametrize("method", ["psi", "evidently:jensenshannon"])
@pytest.mark.parametrize(("change", "expected"), [case[1:] for case in CATEGORIES], ids=[c[0] for c in CATEGORIES])
def test_bad_categories(judge: Judge, method: str, change: Table, expected: dict[Check, Status]) -> None:
    """A broken categorical column fails or is undecided; what is not expected to does pass."""
    features = {"amount": "numeric", "items": "numeric", "colour": {"kind": "categorical", "method": method}}
    outcome = judge(change(rows()), features=features)
    checks = (
        Check.COLUMN_PRESENT,
        Check.COLUMN_TYPE,
        Check.MISSING_SHARE,
        Check.UNSEEN_SHARE,
        Check.CONSTANT,
        Check.DRIFT,
    )
    assert statuses(outcome, "colour") == {**dict.fromkeys(checks, PASSED), **expected}
    for column in ("amount", "items", "score"):
        assert set(statuses(outcome, column).values()) == {PASSED}


def test_no_rows(judge: Judge) -> None:
    """An empty window fails its row count and leaves everything else undecided."""
    outcome = judge(rows().slice(0, 0))
    count = found(outcome, Check.ROW_COUNT)
    assert (count.status, count.value, count.threshold) == (FAILED, 0, 500)
    rest = [result for result in outcome.results if result.check is not Check.ROW_COUNT]
    assert {(result.status, result.detail, result.value) for result in rest} == {(UNDECIDED, "no rows", None)}
    assert "undecided" in outcome.html


def test_one_row(judge: Judge) -> None:
    """A single row is judged as far as it can be; the row count says that it is too few."""
    outcome = judge(rows(1))
    assert found(outcome, Check.ROW_COUNT).status is FAILED
    assert found(outcome, Check.CONSTANT, "amount").status is UNDECIDED
    assert found(outcome, Check.MISSING_SHARE, "amount").status is PASSED
    assert found(outcome, Check.DRIFT, "amount").value is not None


def test_prediction_gone(judge: Judge) -> None:
    """Without the prediction column its drift is undecided, and the features are judged."""
    outcome = judge(rows().drop_columns("score"))
    assert found(outcome, Check.COLUMN_PRESENT, "score").status is FAILED
    drift = found(outcome, Check.DRIFT, "score")
    assert (drift.suite, drift.status, drift.detail) == (Suite.PREDICTION_DRIFT, UNDECIDED, "the column is not there")
    assert found(outcome, Check.DRIFT, "amount").status is PASSED


def test_shifted_prediction(judge: Judge) -> None:
    """A shifted score is severe prediction drift and not data drift."""
    outcome = judge(put("score", np.random.default_rng(0).beta(5, 2, ROWS))(rows()))
    drift = found(outcome, Check.DRIFT, "score")
    assert (drift.suite, drift.status, drift.severe) == (Suite.PREDICTION_DRIFT, FAILED, True)
    assert found(outcome, Check.DRIFTED_SHARE).value == 0


def test_constant_in_both(judge: Judge) -> None:
    """A column that is constant in the reference and now has not drifted, and is not asked to vary."""
    same = put("amount", np.full(ROWS, 5.0))(rows())
    outcome = judge(same, put("amount", np.full(8000, 5.0))(reference_rows()))
    assert found(outcome, Check.DRIFT, "amount").status is PASSED
    assert Check.CONSTANT not in statuses(outcome, "amount")


def test_a_column_that_may_stand_still(judge: Judge) -> None:
    """A feature can be left out of the check, or be the only one in it."""
    still = put("amount", np.full(ROWS, 5.0))(rows())
    allowed = judge(still, features={"*": {}, "amount": {"constant": False}})
    assert Check.CONSTANT not in statuses(allowed, "amount")
    assert Check.CONSTANT in statuses(allowed, "items")
    asked = judge(still, features={"*": {}, "amount": {"constant": True}}, quality={"constant": False})
    assert found(asked, Check.CONSTANT, "amount").status is FAILED
    assert Check.CONSTANT not in statuses(asked, "items")


def test_constant_reference(judge: Judge) -> None:
    """A column that was constant in the reference and varies now has drifted and left its range."""
    outcome = judge(rows(), put("amount", np.full(8000, 5.0))(reference_rows()))
    assert found(outcome, Check.DRIFT, "amount").status is FAILED
    assert found(outcome, Check.OUT_OF_RANGE_SHARE, "amount").status is FAILED


def test_reference_without_values(judge: Judge) -> None:
    """A feature whose reference is all null cannot be judged for drift, and says whose fault that is."""
    outcome = judge(rows(), put("amount", pa.nulls(8000, pa.float64()))(reference_rows()))
    drift = found(outcome, Check.DRIFT, "amount")
    assert (drift.status, drift.detail) == (UNDECIDED, "its baseline has no values")
    assert found(outcome, Check.OUT_OF_RANGE_SHARE, "amount").status is UNDECIDED


def test_reference_column_gone(judge: Judge) -> None:
    """A declared feature that the reference lacks is a named error, not a missing row in a table."""
    with pytest.raises(ReferenceInvalid, match="amount"):
        judge(rows(), reference_rows().drop_columns("amount"))


def test_missing_share_starts_at_the_references_own(judge: Judge) -> None:
    """The limit is the reference's own missing share and the allowance above it."""
    reference = put("amount", pa.array([None, 1.0, 2.0, 3.0] * 2000))(reference_rows())
    current = put("amount", pa.array([None] * 290 + [1.0, 2.0] * 355))(rows())
    result = found(judge(current, reference), Check.MISSING_SHARE, "amount")
    assert (result.status, result.value, result.threshold) == (PASSED, 0.29, 0.3)
    assert "25.0%" in result.detail
    own = {"amount": {"kind": "numeric", "missing": 0.01}}
    assert found(judge(current, reference, features=own), Check.MISSING_SHARE, "amount").status is FAILED


def test_duplicates(judge: Judge) -> None:
    """Rows that repeat an id fail; without the id column the check is undecided; without an id there is none."""
    doubled = put("id", ["a", "b"] * (ROWS // 2))(rows())
    result = found(judge(doubled), Check.DUPLICATE_SHARE)
    assert (result.status, result.value) == (FAILED, (ROWS - 2) / ROWS)
    assert found(judge(rows().drop_columns("id")), Check.DUPLICATE_SHARE).status is UNDECIDED
    features = {"amount": "numeric"}
    assert not [r for r in judge(rows(), id=None, features=features).results if r.check is Check.DUPLICATE_SHARE]


def test_empty_ids(judge: Judge) -> None:
    """Where no row has an id none can repeat one, which is not a pass; where some have one, those are compared."""
    result = found(judge(put("id", pa.nulls(ROWS, pa.string()))(rows())), Check.DUPLICATE_SHARE)
    assert (result.status, result.value) == (UNDECIDED, None)
    assert "no row has an id" in result.detail
    some = put("id", [None, *(str(number) for number in range(ROWS - 1))])(rows())
    assert found(judge(some), Check.DUPLICATE_SHARE).status is PASSED


def test_drifted_share(judge: Judge) -> None:
    """The share counts decided columns only, and says how many were not."""
    table = put("items", np.full(ROWS, 40))(rows().drop_columns("amount"))
    result = found(judge(table), Check.DRIFTED_SHARE)
    assert (result.value, result.status, result.threshold) == (0.5, FAILED, 0.5)
    assert result.detail == "1 of 2 columns drifted, 1 undecided"
    assert found(judge(rows(), drift={"share": 0.0}), Check.DRIFTED_SHARE).status is PASSED


def test_summaries(judge: Judge) -> None:
    """Drift results carry a small summary of both sides for people."""
    drift = found(judge(rows()), Check.DRIFT, "amount")
    assert drift.reference["rows"] == 8000
    assert drift.current["rows"] == ROWS


def test_same_input_same_bytes(given: Callable[..., SuiteInput]) -> None:
    """The same window judged twice gives the same results, snapshots and page, byte for byte."""
    features = {"amount": {"method": "evidently:anderson"}, "items": None, "colour": {"method": "evidently:chisquare"}}
    judged = given(rows(200), features=features)
    first, second = (run_suites(judged, script_href="evidently.js") for _ in range(2))
    assert first.results == second.results
    assert first.snapshots == second.snapshots
    assert first.html == second.html


def test_snapshot_loads_again(judge: Judge) -> None:
    """A stored snapshot is strict JSON that Evidently loads, with every value, status and widget."""
    outcome = judge(rows().drop_columns("amount"))
    loaded = {suite: Snapshot.loads(text) for suite, text in outcome.snapshots.items()}
    again = [result for suite, snapshot in loaded.items() for result in check_results(suite, snapshot)]
    assert [(r.key, r.status, r.value, r.detail) for r in again] == [
        (r.key, r.status, r.value, r.detail) for r in outcome.results
    ]
    assert all("NaN" not in text.replace('"nan"', "") for text in outcome.snapshots.values())
    page = loaded[Suite.DATA_DRIFT].get_html_str(as_iframe=False)
    assert "Data drift" in page


@pytest.mark.parametrize(("count", "shift"), [(50, 0.0), (500, 0.0), (500, 3.0)])
def test_report_is_small(judge: Judge, count: int, shift: float) -> None:
    """A page stays under a megabyte, also of five hundred columns, also when all of them drifted."""
    random = np.random.default_rng(0)
    extra = [f"f{number}" for number in range(count)]

    def widened(table: pa.Table, mean: float) -> pa.Table:
        added = [pa.array(random.lognormal(mean, 1, table.num_rows)) for _ in extra]
        return pa.table([*table.columns, *added], names=[*table.column_names, *extra])

    outcome = judge(widened(rows(), shift), widened(reference_rows(), 0.0), features=dict.fromkeys(extra, "numeric"))
    assert len(outcome.html.encode()) < 1_000_000
    assert outcome.html.count("evidently.js") == 1
    assert ("drawn for the worst 150 columns" in outcome.html) is (count > 150)


def test_one_broken_check_leaves_the_others(given: Callable[..., SuiteInput], monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception within one column's method leaves that check undecided, named, and the rest judged."""

    def broken(*_: Any) -> float:
        raise FloatingPointError("no such luck")

    monkeypatch.setattr("monitoring_tasks.suites.native._run", broken)
    judged = given(rows(), features={"amount": {"method": "evidently:ks"}, "items": None, "colour": None})
    outcome = run_suites(judged, script_href="evidently.js")
    drift = found(outcome, Check.DRIFT, "amount")
    assert (drift.status, drift.detail) == (UNDECIDED, "FloatingPointError: no such luck")
    assert found(outcome, Check.DRIFT, "items").status is PASSED
