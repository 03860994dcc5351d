"""The domain classifier against made worlds: what it must see, what it must not, and what may come as input."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import NormalDist
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from monitoring_tasks.calibration.domain import JointNull, Separation, joint_null, separation
from monitoring_tasks.methods import Kind
from monitoring_tasks.profile.plan import HASH

Columns = dict[str, NDArray[Any]]
KINDS: Mapping[str, Kind] = {
    "age": "numeric",
    "income": "numeric",
    "left": "numeric",
    "right": "numeric",
    "spend": "numeric",
    "plan": "categorical",
    "score": "numeric",
}


def world(rows: int, seed: int) -> Columns:
    """Rows of one distribution: income goes with age, plan with spend, the score with left; some are missing."""
    random = np.random.default_rng([20, seed])
    age, noise, left, right, spend = random.standard_normal((5, rows))
    return {
        "age": age,
        "income": 0.9 * age + math.sqrt(0.19) * noise,
        "left": left,
        "right": np.where(random.random(rows) < 0.1, np.nan, right),
        "spend": np.exp(spend),
        "plan": np.where(spend > 1, "pro", np.where(spend > 0, "plus", "basic")),
        "score": 1 / (1 + np.exp(-(left + 0.5 * random.standard_normal(rows)))),
    }


def compared(current: Columns, *, reference_rows: int = 2000, **more: Any) -> Separation:
    """What tells these rows from ordinary ones."""
    found = separation(pa.table(world(reference_rows, 0)), pa.table(current), KINDS, **more)
    assert found is not None
    return found


def p_value(found: Separation) -> float:
    """Under the null of independent rows."""
    return JointNull().p_value(found.auc, found.rows)


def permuted(name: str) -> Callable[[Columns], Columns]:
    """The rows with one column's values in another order: its own distribution stays as it was."""
    return lambda rows: {**rows, name: np.random.default_rng(1).permutation(rows[name])}


def crossed(rows: Columns) -> Columns:
    """Left and right have one sign, each of both as often as before."""
    return {**rows, "right": np.abs(rows["right"]) * np.sign(rows["left"])}


def folded(rows: Columns) -> Columns:
    """Right is large where left is far from its middle, though they are uncorrelated."""
    order = np.argsort(np.argsort(np.abs(rows["left"]), kind="stable"), kind="stable")
    return {**rows, "right": np.sort(rows["right"])[order]}


@pytest.mark.parametrize(
    ("change", "columns"),
    [
        (permuted("income"), {"age", "income"}),
        (permuted("plan"), {"plan", "spend"}),
        (permuted("score"), {"score", "left"}),
        (crossed, {"left", "right"}),
        (folded, {"left", "right"}),
    ],
    ids=["correlated", "category", "prediction", "signs", "folded"],
)
def test_a_joint_change_is_found_and_its_columns_are_named(
    change: Callable[[Columns], Columns], columns: set[str]
) -> None:
    """Every column's own distribution is as before; the two whose relation broke come first."""
    for seed in (1, 2):
        found = compared(change(world(500, seed)))
        assert p_value(found) < 1e-4
        assert {name for name, _ in found.columns[:2]} == columns
        drops = [drop for _, drop in found.columns]
        assert drops == sorted(drops, reverse=True)


def test_a_joint_change_is_found_among_many_columns() -> None:
    """Trees that grow split by split would not find it: the products that changed most are shown to them."""
    random = np.random.default_rng(15)
    sides = []
    for rows, change in ((2000, dict), (500, blurred)):
        sides.append(change(world(rows, 16)) | {f"noise{each:02}": random.standard_normal(rows) for each in range(20)})
    found = separation(*map(pa.table, sides), dict.fromkeys(sides[0], "numeric") | KINDS)
    assert found is not None
    assert found.auc > 0.6
    assert {name for name, _ in found.columns[:2]} == {"left", "right"}


def blurred(rows: Columns) -> Columns:
    """As `folded`, but less exactly."""
    size = len(rows["left"])
    ranks = np.argsort(np.argsort(np.abs(rows["left"]), kind="stable"), kind="stable") / size
    noisy = ranks + 0.25 * np.random.default_rng(17).standard_normal(size)
    return {**rows, "right": np.sort(rows["right"])[np.argsort(np.argsort(noisy, kind="stable"), kind="stable")]}


def test_a_shift_of_one_column_is_found_and_named() -> None:
    """Half a standard deviation at 500 rows."""
    rows = world(500, 3)
    found = compared({**rows, "right": rows["right"] + 0.5})
    assert p_value(found) < 1e-3
    assert found.columns[0][0] == "right"


def test_missing_and_new_values_are_seen() -> None:
    """They are values of their own: of numbers and of categories."""
    rows, lost = world(500, 4), np.random.default_rng(4).random(500) < 0.3
    for change in (
        {"spend": np.where(lost, np.nan, rows["spend"])},
        {"plan": pa.array(rows["plan"], mask=lost)},
        {"plan": np.where(lost, "free", rows["plan"])},
        {"spend": np.where(lost, np.inf, rows["spend"])},
    ):
        found = compared({**rows, **change})
        assert p_value(found) < 1e-6
        assert found.columns[0][0] in {*change, "plan", "spend"}  # the two go together


@pytest.mark.parametrize(("rows", "repeats"), [((100, 100), 80), ((600, 200), 40)])
def test_clean_windows_are_rarely_unusual(rows: tuple[int, int], repeats: int) -> None:
    """p-values of redraws are as they should be: on the normal scale their spread is 1, and few are small."""
    p_values = np.array([p_value(redraw(rows, seed)) for seed in range(repeats)])
    assert np.count_nonzero(p_values <= 0.01) <= 2
    scores = np.array([NormalDist().inv_cdf(1 - each) for each in p_values])
    assert 0.75 < scores.std() < 1.15  # 1.36 if the folds' sharing of rows were forgotten
    assert abs(scores.mean()) < 0.35


def redraw(rows: tuple[int, int], seed: int) -> Separation:
    """Two samples of one distribution."""
    names = ("age", "income", "plan")
    sides = (world(count, 1000 + 2 * seed + side) for side, count in enumerate(rows))
    found = separation(*(pa.table(side) for side in sides), {name: KINDS[name] for name in names})
    assert found is not None
    return found


def test_the_same_samples_give_the_same_result_whatever_the_order_of_columns() -> None:
    """And whatever the order of the kinds, and the number of threads."""
    from threadpoolctl import threadpool_limits

    reference, current = pa.table(world(600, 5)), pa.table(permuted("age")(world(300, 6)))
    first = separation(reference, current, KINDS)
    assert first is not None
    with threadpool_limits(2):
        again = separation(reference, current, KINDS)
        assert again is not None
        assert again == first
        assert again.columns == first.columns != ()
    names = list(reversed(current.column_names))
    kinds = {name: KINDS[name] for name in names}
    turned = separation(reference.select(names), current.select(names[::-1]), kinds)
    assert turned is not None
    assert turned == first
    assert turned.columns == first.columns


def test_hashes_decide_which_rows_are_used_and_not_their_order() -> None:
    """Samples come sorted by them; a shuffled one is the same sample."""
    hashes = np.random.default_rng(7).permutation(2500).astype(np.uint64)
    reference = pa.table({**world(2500, 7), HASH: hashes})
    shuffled = reference.take(pa.array(np.random.default_rng(8).permutation(2500)))
    current = pa.table(world(300, 8))
    found = separation(reference, current, KINDS)
    assert found is not None
    assert found.rows == (2000, 300)
    assert separation(shuffled, current, KINDS) == found
    fewer = separation(reference, current, KINDS, most_rows=150)
    assert fewer is not None
    assert fewer.rows == (2000, 150)


HOSTILE: dict[str, Any] = {
    "absent": None,
    "text": np.array(["a"] * 200),
    "null": pa.nulls(200),
    "all missing": np.full(200, np.nan),
    "no number but one": np.where(np.arange(200) == 7, 1.0, np.nan),
    "infinite": np.where(np.arange(200) % 2 == 0, np.inf, -np.inf),
    "absurd": np.where(np.arange(200) % 2 == 0, 1e308, -1e308),
    "whole": np.arange(200) + 2**62,
    "flags": np.arange(200) % 2 == 0,
    "nested": pa.array([[1]] * 200),
    "decimal": pa.array(np.arange(200)).cast(pa.decimal128(38, 2)),
    "dictionary": pa.array(np.arange(200) % 5).dictionary_encode(),
    "many categories": np.array([f"id-{number}" for number in range(200)]),
    "not utf-8": pa.array([b"\xff"] * 200, pa.binary()).view(pa.string()),
    "days": pa.array([datetime(2013, 1, 1, tzinfo=UTC)] * 200),
}


@pytest.mark.parametrize("values", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("name", ["spend", "plan"])
@pytest.mark.parametrize("side", [0, 1])
def test_no_column_is_bad_enough_to_stop_it(values: Any, name: str, side: int) -> None:
    """It is left out or counted; the AUC is a number, and no warning is given."""
    tables = [pa.table(world(200, seed)).select(["age", "spend", "plan"]) for seed in (9, 10)]
    place = tables[side].column_names.index(name)
    tables[side] = tables[side].remove_column(place)
    if values is not None:
        tables[side] = tables[side].append_column(name, pa.array(values))
    found = separation(*tables, {each: KINDS[each] for each in ("age", "spend", "plan")})
    assert found is not None
    assert 0 <= found.auc <= 1


def test_a_column_twice_is_left_out() -> None:
    """Nobody can say which of both is meant."""
    table = pa.table(world(200, 11)).select(["age", "spend"])
    twice = table.append_column("spend", table["age"])
    found = separation(table, twice, {"age": "numeric", "spend": "numeric"})
    assert found == separation(table, table, {"age": "numeric"})


def test_what_cannot_be_compared_is_none() -> None:
    """Too few rows, no column on both sides, or none with more than one value."""
    table = pa.table(world(200, 12))
    assert separation(table, table.slice(0, 99), KINDS) is None
    assert separation(table.slice(0, 99), table, KINDS) is None
    assert separation(table, table.select(["age"]), {"spend": "numeric"}) is None
    assert separation(table, table, {}) is None
    constant = pa.table({"plan": ["basic"] * 200})
    assert separation(constant, constant, {"plan": "categorical"}) is None


def test_many_columns_are_ranked_by_those_that_matter() -> None:
    """Of more than thirty, a first look chooses which are tried in earnest."""
    random = np.random.default_rng(13)
    tables = []
    for rows in (600, 300):
        noise = {f"noise{number:02}": random.standard_normal(rows) for number in range(35)}
        tables.append({**noise, **{name: world(rows, 14)[name] for name in ("age", "income")}})
    tables[1] = permuted("income")(tables[1])
    found = separation(*map(pa.table, tables), dict.fromkeys(tables[0], "numeric"))
    assert found is not None
    assert {name for name, _ in found.columns[:2]} == {"age", "income"}


def dated(days: int, per_day: int, *, weather: float, seed: int = 0) -> pa.Table:
    """A reference whose days differ in the mean of one column, by `weather` standard deviations."""
    random = np.random.default_rng([30, seed])
    day = np.repeat(np.arange(days), per_day)
    moments = (day * 86_400 + random.integers(0, 86_400, len(day))) * 1_000_000
    columns = {
        "temperature": random.standard_normal(len(day)) + weather * random.standard_normal(days)[day],
        "load": random.standard_normal(len(day)),
        "at": pa.array(moments).cast(pa.timestamp("us", "UTC")),
        HASH: random.permutation(len(day)).astype(np.uint64),
    }
    return pa.table(columns)


DATED: Mapping[str, Kind] = {"temperature": "numeric", "load": "numeric"}
DAY = timedelta(days=1)


def test_days_that_differ_are_no_news() -> None:
    """Independent rows would make each of them an alarm; the null that knows days makes few."""
    reference = dated(30, 100, weather=0.7)
    null = joint_null(reference, DATED, timestamp="at", width=DAY)
    assert (null.windows, null.rows[1]) == (12, 100)
    p_values = {"days": [], "rows": []}
    for seed in range(1, 13):
        found = separation(reference, dated(1, 400, weather=0.7, seed=seed), DATED, most_rows=null.most_rows)
        assert found is not None
        assert found.rows[1] == 100
        p_values["days"].append(null.p_value(found.auc, found.rows))
        p_values["rows"].append(JointNull().p_value(found.auc, found.rows))
    assert sum(each < 0.01 for each in p_values["rows"]) >= 4
    assert min(p_values["days"]) > 0.005
    assert null.detectable > JointNull(rows=null.rows).detectable


def test_days_that_do_not_differ_leave_the_test_sharp() -> None:
    """A window whose two columns were independent and are not any more."""
    null = joint_null(dated(20, 100, weather=0), DATED, timestamp="at", width=DAY)
    assert null.windows == 12
    current = dated(1, 300, weather=0, seed=1)
    current = current.set_column(0, "temperature", current["load"])
    found = separation(dated(20, 100, weather=0), current, DATED, most_rows=null.most_rows)
    assert found is not None
    assert null.p_value(found.auc, found.rows) < 1e-3


@pytest.mark.parametrize(
    ("table", "timestamp", "width"),
    [
        (dated(20, 100, weather=1), None, DAY),
        (dated(20, 100, weather=1), "moment", DAY),
        (dated(20, 100, weather=1), "load", DAY),
        (dated(20, 100, weather=1).slice(0, 0), "at", DAY),
        (dated(20, 100, weather=1).drop_columns(["temperature", "load"]), "at", DAY),
    ],
    ids=["no time", "not there", "no moment", "empty", "no column"],
)
def test_without_times_rows_are_taken_as_independent(table: pa.Table, timestamp: str | None, width: timedelta) -> None:
    """The null says so: it has no windows."""
    assert joint_null(table, DATED, timestamp=timestamp, width=width) == JointNull()


@pytest.mark.parametrize(
    ("table", "width", "lack"),
    [
        (dated(4, 100, weather=1), DAY, "windows"),
        (dated(20, 100, weather=1), timedelta(days=7), "windows"),
        (dated(2, 100, weather=1), timedelta(days=7), "windows"),
        (dated(20, 30, weather=1), DAY, "rows"),
        (dated(20, 100, weather=1), timedelta(microseconds=1), "rows"),
    ],
    ids=["few days", "wide", "wider than all", "few rows", "narrow"],
)
def test_windows_that_cannot_be_learnt_are_not_assumed_to_be_alike(
    table: pa.Table, width: timedelta, lack: str
) -> None:
    """The null says what it lacks, so that nothing is judged by it, and keeps it in JSON."""
    null = joint_null(table, DATED, timestamp="at", width=width)
    assert (null.lacks, null.windows) == (lack, 0)
    assert JointNull.from_json(json.loads(json.dumps(null.to_json()))) == null


def test_the_null_survives_json() -> None:
    """Byte for byte, and made twice."""
    table = dated(12, 60, weather=1)
    null = joint_null(table, DATED, timestamp="at", width=DAY)
    assert JointNull.from_json(json.loads(json.dumps(null.to_json()))) == null
    shuffled = table.take(pa.array(np.random.default_rng(0).permutation(len(table))))
    assert joint_null(shuffled, DATED, timestamp="at", width=DAY) == null
    assert JointNull.from_json(JointNull().to_json()) == JointNull()


@pytest.mark.parametrize("null", [JointNull(), JointNull(0.8, 0.3, 9, (2000, 300))])
def test_a_larger_separation_is_stronger_evidence(null: JointNull) -> None:
    """Down to chance, and not beyond an AUC that ranks cannot tell from 1."""
    p_values = [null.p_value(auc, (2000, 300)) for auc in np.linspace(0, 1, 51)]
    assert all(0 <= later <= earlier <= 1 for earlier, later in pairwise(p_values))
    assert math.isnan(null.p_value(math.nan, (2000, 300)))
    assert null.p_value(0.9, (2000, 100)) >= null.p_value(0.9, (2000, 300))
    assert null.p_value(null.detectable, (2000, 300)) <= 0.0011 or not null.windows


def test_nothing_is_detectable_where_ordinary_windows_are_told_apart_already() -> None:
    """Days with a weather of their own."""
    null = JointNull(3.4, 0.3, 12, (2000, 900))
    assert null.detectable == 1.0
    assert null.p_value(1.0, (2000, 900)) > 0.1
