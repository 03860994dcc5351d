"""Each fault does what it says, to the row, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_tasks.canary.changes import UNSEEN_NUMBER, UNSEEN_TEXT
from monitoring_tasks.canary.columns import Columns, known, put_numbers
from monitoring_tasks.canary.injections import INJECTIONS, Injection
from monitoring_tasks.canary.suitable import correlated, varying
from monitoring_tasks.checks import Check
from monitoring_tasks.window import Window
from tests.canary.samples import DAY, KINDS, columns, injection, moment, rows

ONE_COLUMN = sorted({each.name for each in INJECTIONS} - {"time_zone", "sent_twice", "truncated"})
WEEK = Window.parse("2013-06-03", "2013-06-10")


def apply(name: str, table: pa.Table, *, column: str, roles: Columns | None = None, seed: int = 0) -> pa.Table:
    """The table with a fault in one column."""
    return injection(name).apply(table, roles or columns(), np.random.default_rng(seed), column=column)


def changed(before: pa.Table, after: pa.Table, column: str) -> int:
    """Number of rows in which the column's value is another."""
    pairs = zip(before[column].to_pylist(), after[column].to_pylist(), strict=True)
    return sum(a != b for a, b in pairs)


def test_names_are_unique_and_said_in_words() -> None:
    """A fault is known by its name in the store; what it is stands beside it."""
    assert len({each.name for each in INJECTIONS}) == len({each.fault for each in INJECTIONS}) == len(INJECTIONS) == 18
    expected = {each.name for each in INJECTIONS if each.expected}
    assert expected == {"mean_25", "unit_1", "missing_5", "category_5", "unseen_1", "score_25"}


@pytest.mark.parametrize("name", ONE_COLUMN)
def test_one_column_is_changed_and_the_source_is_not(name: str) -> None:
    """The rows given stay as they are, and all other columns with them; the same chance gives the same rows."""
    table, roles, each = rows(), columns(), injection(name)
    column = each.target(table, roles, seed="churn")
    assert column is not None
    made = apply(name, table, column=column)
    assert table.equals(rows())
    assert made.num_rows == table.num_rows
    assert made.drop_columns([column]).equals(table.drop_columns([column]))
    assert made.schema.field(column).name == column
    assert not made[column].equals(table[column])
    assert made.equals(apply(name, table, column=column))


@pytest.mark.parametrize(("name", "size"), [("mean_25", 0.25), ("mean_50", 0.5)])
@pytest.mark.parametrize("column", ["age", "visits"])
def test_a_mean_moves_by_parts_of_a_standard_deviation(name: str, size: float, column: str) -> None:
    """Real numbers move exactly, whole ones on average, and keep their type."""
    table = rows(20_000)
    made, before = apply(name, table, column=column), table[column].to_numpy().astype(float)
    moved = made[column].to_numpy() - before
    assert made.schema == table.schema
    if column == "age":
        assert np.allclose(moved, size * before.std())
    else:
        assert set(np.unique(moved)) == {np.floor(size * before.std()), np.floor(size * before.std()) + 1}
        assert moved.mean() == pytest.approx(size * before.std(), abs=0.02)


@pytest.mark.parametrize(("name", "count"), [("unit_1", 20), ("unit_all", 1400)])
def test_units(name: str, count: int) -> None:
    """A thousand times the value, in one row of a hundred or in each; zeros are not drawn."""
    spend = np.r_[np.zeros(600), np.arange(1, 1401)]
    table = rows(spend=spend)
    made = apply(name, table, column="spend")
    times = made["spend"].to_numpy()[600:] / spend[600:]
    assert sorted(set(times)) == ([1, 1000] if name == "unit_1" else [1000])
    assert changed(table, made, "spend") == (times == 1000).sum() == count
    assert apply(name, rows(), column="visits").schema.field("visits").type == pa.int32()


def test_a_number_that_its_type_cannot_hold() -> None:
    """A column of small integers becomes one of reals, as a writer with a wrong unit would have it."""
    table = rows(visits=pa.array([100, 101] * 1000, pa.int8()))
    made = apply("unit_all", table, column="visits")
    assert made["visits"].to_pylist() == [100_000.0, 101_000.0] * 1000
    large = 2**62 + 1
    exact = apply("unit_1", rows(visits=pa.array([large, *range(1, 2000)])), column="visits", seed=3)
    assert made.num_rows == 2000
    assert exact["visits"][0].as_py() in (large, float(large) * 1000)


@pytest.mark.parametrize("column", ["age", "visits", "plan", "member"])
def test_missing_values(column: str) -> None:
    """Five rows of a hundred lose their value, beside those that had none."""
    table = rows(**{column: put_nulls(rows()[column], 40)})
    made = apply("missing_5", table, column=column)
    assert made[column].null_count == 40 + 100
    assert made.schema == table.schema
    assert made.filter(made[column].is_valid())[column].to_pylist() == [
        value
        for value, left in zip(table[column].to_pylist(), made[column].to_pylist(), strict=True)
        if left is not None
    ]


def put_nulls(column: Any, count: int) -> pa.Array[Any]:
    """The column with nulls in its first rows."""
    return pa.array([None] * count + column.to_pylist()[count:], column.type)


def test_a_burst_of_nulls_is_one_stretch_of_time() -> None:
    """All rows of 30 % of the day, and no others, lose their value; where it lies is chance."""
    starts = set()
    for seed in range(5):
        made = apply("null_burst", rows(), column="age", seed=seed)
        lost = np.array([value is None for value in made["age"].to_pylist()])
        when = made["at"].to_numpy()[lost]
        assert np.flatnonzero(lost).tolist() == list(range(lost.argmax(), lost.argmax() + lost.sum()))
        assert timedelta(hours=7) < (when[-1] - when[0]).astype("timedelta64[s]").item() < timedelta(hours=7.2)
        starts.add(when[0])
    assert len(starts) == 5


@pytest.mark.parametrize("column", ["age", "plan"])
def test_frozen(column: str) -> None:
    """The column holds one value: everywhere, or in the last rows in order of time."""
    table = rows()
    everywhere = apply("frozen_all", table, column=column)
    assert everywhere[column].to_pylist() == [table[column][0].as_py()] * 2000
    mixed = table.take(pa.array(np.random.default_rng(5).permutation(2000)))
    late = apply("frozen_30", mixed, column=column).sort_by("at")
    assert late[column].to_pylist()[:1400] == table.sort_by("at")[column].to_pylist()[:1400]
    assert len(set(late[column].to_pylist()[1400:])) == 1


def test_what_freezes_is_a_value() -> None:
    """A null at the moment is passed over; without any value nothing changes."""
    nulls = pa.array([None] * 1500 + [7.0] + [None] * 499)
    made = apply("frozen_all", rows(age=nulls), column="age")
    assert made["age"].to_pylist() == [7.0] * 2000
    empty = rows(age=pa.nulls(2000, pa.float64()))
    assert apply("frozen_all", empty, column="age").equals(empty)


@pytest.mark.parametrize(("name", "count"), [("category_5", 100), ("category_20", 400)])
def test_rows_go_to_one_category(name: str, count: int) -> None:
    """Exactly that share of rows has another category now, the same one whichever rows are drawn."""
    table = rows()
    taken = set()
    for seed in range(3):
        made = apply(name, table, column="plan", seed=seed)
        pairs = zip(table["plan"].to_pylist(), made["plan"].to_pylist(), strict=True)
        moved = [now for before, now in pairs if before != now]
        assert len(moved) == count
        taken |= set(moved)
    assert len(taken) == 1


def test_unseen_values() -> None:
    """One row of a hundred has a value that was never there, in texts and in codes."""
    for column, value in (("plan", UNSEEN_TEXT), ("region", UNSEEN_NUMBER)):
        made = apply("unseen_1", rows(), column=column)
        assert made[column].to_pylist().count(value) == changed(rows(), made, column) == 20
    narrow = apply("unseen_1", rows(region=pa.array([1, 2] * 1000, pa.int8())), column="region")
    assert sorted(set(narrow["region"].to_pylist())) == [1, 2, UNSEEN_NUMBER]


def test_a_category_is_renamed() -> None:
    """Every row of one category, not too rare, has a new name; the others keep theirs."""
    table = rows(plan=["rare", *["basic", "plus"] * 999, None])
    made = apply("renamed", table, column="plan")
    pairs = set(zip(table["plan"].to_pylist(), made["plan"].to_pylist(), strict=True))
    old, new = next((before, now) for before, now in pairs if before != now)
    assert old in ("basic", "plus")
    assert new == f"{old}_renamed"
    assert len(pairs) == 4


def test_letters_change_case() -> None:
    """Small letters become capitals and the other way round."""
    made = apply("case", rows(plan=["Basic", "PRO", None, "7"] * 500), column="plan")
    assert made["plan"].to_pylist() == ["bASIC", "pro", None, "7"] * 500


def test_a_score_moves_in_log_odds() -> None:
    """Scores stay scores, and 0 and 1 stay themselves; an estimate moves by parts of its standard deviation."""
    scores = np.r_[0.0, 1.0, rows()["score"].to_numpy()[2:]]
    made = apply("score_25", rows(score=scores), column="score")["score"].to_numpy()
    assert made[:2].tolist() == [0, 1]
    assert np.allclose(np.log(made[2:] / (1 - made[2:])), np.log(scores[2:] / (1 - scores[2:])) + 0.25)
    estimates = scores * 300
    moved = apply("score_25", rows(score=estimates), column="score")["score"].to_numpy() - estimates
    assert np.allclose(moved, 0.25 * estimates.std())


def test_a_clock_in_another_zone() -> None:
    """Hours go round; the number of rows stays."""
    made = apply("time_zone", rows(), column="hour")
    assert np.array_equal(made["hour"].to_numpy(), (rows()["hour"].to_numpy() + 5) % 24)
    assert made.drop_columns(["hour"]).equals(rows().drop_columns(["hour"]))


def test_timestamps_in_another_zone() -> None:
    """Rows that then lie after the window are lost, and its first hours are empty."""
    table = rows()
    made = apply("time_zone", table, column="at")
    assert set(made["id"].to_pylist()) == set(
        table.filter(pc.field("at") < moment("2013-06-03T19:00"))["id"].to_pylist()
    )
    assert min(made["at"].to_pylist()) >= moment("2013-06-03T05:00")
    assert max(made["at"].to_pylist()) < DAY.end


def test_a_batch_that_is_sent_twice() -> None:
    """One row of ten is there again, with its id: rows that follow each other."""
    made = apply("sent_twice", rows(), column="id", seed=2)
    assert made.slice(0, 2000).equals(rows())
    again = made.slice(2000)
    first = int(str(again["id"][0])[1:])
    assert again.combine_chunks().equals(rows().slice(first, 200).combine_chunks())


def test_a_truncated_file() -> None:
    """What is logged in the last 40 % of the day is lost, all else is there."""
    made = apply("truncated", rows(), column="at")
    assert made.equals(rows().filter(pc.field("at") < moment("2013-06-03T14:24")))
    assert 1000 < made.num_rows < 1400


def test_ties_are_broken() -> None:
    """The column has the same values in other rows."""
    made = apply("joint", rows(), column="age")
    assert sorted(made["age"].to_pylist()) == sorted(rows()["age"].to_pylist())
    assert changed(rows(), made, "age") > 1900


def test_the_column_of_the_closest_tie_is_mixed() -> None:
    """Of all numeric features one of the two that are tied most; without a tie none."""
    random = np.random.default_rng(0)
    free = {name: random.random(2000) for name in ("age", "spend", "hour")}
    assert correlated(rows(**free), columns()) == []
    tied = {**free, "hour": -(free["spend"] ** 3)}
    assert correlated(rows(**tied), columns()) == ["spend"]
    assert correlated(rows(age=None, spend=None, hour=None), columns()) == []


@pytest.mark.parametrize("each", INJECTIONS, ids=lambda each: each.name)
def test_what_each_fault_can_cause(each: Injection) -> None:
    """A finding in an innocent column is not the fault's, unless rows as such are at fault."""
    column = each.target(rows(), columns(), seed="s")
    assert column is not None
    innocent = each.causes((Check.DRIFT, "other"), column, "at")
    assert innocent == (each.reach == "window")
    assert each.causes((Check.DRIFT, column), column, "at") == (each.reach in ("column", "window"))
    assert each.causes((Check.JOINT, None), column, "at") == (each.reach != "duplicates")
    assert each.causes((Check.DRIFTED_SHARE, None), column, "at") == (each.reach in ("column", "window"))
    assert each.causes((Check.DUPLICATE_SHARE, None), column, "at") == (each.reach in ("duplicates", "window"))
    assert each.causes((Check.DRIFT, "other"), "at", "at")


ABSENT: dict[str, tuple[dict[str, Any], set[str]]] = {
    "no text": ({"plan": None}, {"category_5", "category_20", "renamed", "case"}),
    "no category": (
        {"plan": None, "region": None, "member": None},
        {"category_5", "category_20", "renamed", "case", "unseen_1"},
    ),
    "no number": (
        {"age": None, "spend": None, "visits": None, "hour": None},
        {"mean_25", "mean_50", "unit_1", "unit_all", "joint"},
    ),
    "no score": ({"score": None}, {"score_25"}),
    "no id": ({"id": None}, {"sent_twice"}),
    "digits only": ({"plan": ["1", "2"] * 1000}, {"case"}),
    "one category": ({"plan": ["a"] * 2000}, {"category_5", "category_20", "renamed"}),
    "mostly zero": ({name: np.r_[np.zeros(1500), range(500)] for name in ("age", "spend", "visits", "hour")}, set()),
}


@pytest.mark.parametrize("case", ABSENT)
def test_a_fault_that_fits_nothing_has_no_column(case: str) -> None:
    """It is not applicable; every other one is."""
    changes, expected = ABSENT[case]
    table = rows(**changes)
    absent = {each.name for each in INJECTIONS if each.target(table, columns(), seed="s") is None}
    assert absent - {"joint"} == expected - {"joint"} | ({"unit_1", "unit_all"} if case == "mostly zero" else set())


def test_roles_decide() -> None:
    """Without an id nothing is sent twice, a class is no score, a narrow window has no hours to lose."""
    assert injection("sent_twice").target(rows(), columns(id=None), seed="s") is None
    kinds = {**KINDS, "score": "categorical"}
    assert injection("score_25").target(rows(score=rows()["plan"]), columns(kinds=kinds), seed="s") is None
    narrow = columns(Window.parse("2013-06-03", "2013-06-03T08:00"))
    assert injection("time_zone").target(rows(hour=None), narrow, seed="s") is None
    assert injection("time_zone").target(rows(hour=None), columns(), seed="s") == "at"
    assert injection("time_zone").target(rows(hour=rows()["age"]), columns(), seed="s") == "at"
    texts = rows(hour=None, at=[str(each) for each in rows()["at"].to_pylist()])
    assert injection("time_zone").target(texts, columns(), seed="s") is None
    early = rows(at=[DAY.start] * 2000)
    assert injection("truncated").target(early, columns(), seed="s") is None


def test_the_same_column_is_taken_while_it_is_there() -> None:
    """Other columns come and go; another monitor may have another; what stands out already is avoided."""
    each = injection("mean_25")
    first = str(each.target(rows(), columns(), seed="churn"))
    others = [name for name in varying(rows(), columns()) if name != first]
    for gone in others:
        assert each.target(rows(**{gone: None}), columns(), seed="churn") == first
    assert each.target(rows(), columns(), seed="churn", avoid={first}) in others
    assert each.target(rows(), columns(), seed="churn", avoid={first, *others}) == first
    assert len({each.target(rows(), columns(), seed=str(seed)) for seed in range(20)}) > 2


HOSTILE: dict[str, pa.Table] = {
    "one row": rows(1),
    "two rows": rows(2),
    "constant": rows(
        100,
        **{name: [rows(1)[name][0].as_py()] * 100 for name in KINDS},
    ),
    "all null": rows(100, **{name: pa.nulls(100, rows(1)[name].type) for name in KINDS}),
    "untyped nulls": rows(100, **{name: pa.nulls(100) for name in KINDS}),
    "nan": rows(100, age=[float("nan")] * 100, spend=[float("inf"), float("-inf")] * 50, score=[float("nan")] * 100),
    "huge": rows(100, age=[1.7e308, -1.7e308, *range(98)], spend=np.linspace(0, 5e-324, 100)),
    "wrong types": rows(100, age=["x"] * 100, plan=[1.5] * 100, score=["y"] * 100, hour=[None, True] * 50),
    "hostile texts": rows(100, plan=["", "\0", "ß", "x" * 1000] * 25),
    "no columns": rows(100, **dict.fromkeys(KINDS)),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.filterwarnings("error")
def test_hostile_rows(name: str) -> None:
    """Whatever fits is applied without an error or a warning; the rest is not applicable."""
    table = HOSTILE[name]
    for each in INJECTIONS:
        column = each.target(table, columns(), seed="s")
        if column is not None:
            made = each.apply(table, columns(), np.random.default_rng(0), column=column)
            assert made.column_names == table.column_names
            assert made.num_rows > 0


@settings(max_examples=30)
@given(
    st.lists(st.one_of(st.none(), st.floats(), st.integers(-5, 5).map(float)), min_size=1, max_size=40),
    st.integers(0, 9),
)
def test_any_numbers(values: list[float | None], seed: int) -> None:
    """A column of any numbers can be shifted, scaled, frozen and emptied."""
    table = rows(len(values), age=pa.array(values, pa.float64()))
    for name in ("unit_1", "missing_5", "null_burst", "frozen_all", "frozen_30"):
        made = apply(name, table, column="age", seed=seed)
        assert made.drop_columns(["age"]).equals(table.drop_columns(["age"]))


def test_values_are_put_where_they_belong() -> None:
    """NaN is no value; a type that can hold the new values stays."""
    table = pa.table({"x": pa.array([1.0, None, float("nan")]), "n": pa.array([1, 2, 3], pa.int16())})
    assert known(table, "x").tolist() == [True, False, False]
    where = np.array([True, False, True])
    assert put_numbers(table, "n", where, np.array([7.0, 8.0, 9.0]))["n"].to_pylist() == [7, 2, 9]
    made = put_numbers(table, "n", where, np.array([7.5, 8.0, 9.0]))
    assert made["n"].to_pylist() == [7.5, 2.0, 9.0]
