"""Each injected fault is named with its figures; ordinary windows and genuine changes are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitoring_tasks.checks import Check
from monitoring_tasks.faults.causes import Cause, Fault, Sides, probable_causes
from monitoring_tasks.profile.binning import CategoryBins, numeric_bins
from monitoring_tasks.profile.kernel import numbers, profile_column
from monitoring_tasks.profile.pairs import Pair
from tests.faults.windows import (
    BASELINE,
    EVERY,
    WEEK,
    WINDOW,
    chosen,
    of_column,
    rows,
    table,
    together,
    without_timestamps,
)


def named(column: str | None, columns: dict[str, Any], **options: Any) -> Cause | None:
    return of_column(BASELINE.beside(table(columns), **options), column)


@pytest.mark.parametrize("seed", range(100))
def test_clean_redraws_have_no_cause(seed: int) -> None:
    """Whatever is said to be found, an ordinary window has no probable cause, at any size and width."""
    random = np.random.default_rng(1000 + seed)
    count, wide = int(random.choice([60, 200, 500])), seed % 3 == 0
    columns = rows(random, count, days=7 if wide else 1)
    assert probable_causes(BASELINE.beside(table(columns), WEEK if wide else WINDOW), EVERY) == ()


@pytest.mark.parametrize("count", [500, 3000])
@pytest.mark.parametrize("share", [0.01, 0.05, 0.3, 1.0])
@pytest.mark.parametrize("column", ["age", "distance", "spend", "visits", "score"])
def test_a_thousandfold_share_is_named(column: str, share: float, count: int) -> None:
    """x1000 in one percent of 500 rows is five values, and they are enough."""
    random = np.random.default_rng(7)
    columns = rows(random, count)
    touched = chosen(random, count, share)
    cause = named(column, {**columns, column: np.where(touched, columns[column] * 1000.0, columns[column])})
    assert cause is not None
    assert cause.fault is Fault.UNIT_CHANGE
    assert "1,000 times too large" in cause.words
    assert cause.share == pytest.approx(share, rel=0.35)


@pytest.mark.parametrize(
    ("column", "factor", "offset", "share", "words"),
    [
        ("distance", 1.609344, 0, 1.0, "1.61 times too large, as miles in kilometres"),
        ("age", 60, 0, 0.05, "60 times too large"),
        ("age", 60, 0, 1.0, "60 times too large"),
        ("age", 0.001, 0, 0.3, "1,000 times too small"),
        ("balance", 100, 0, 1.0, "100 times too large"),
        ("rain", 25.4, 0, 1.0, "25.4 times too large, as inches in millimetres"),
        ("fahrenheit", 5 / 9, -160 / 9, 1.0, "in degrees Celsius instead of Fahrenheit"),
        ("fahrenheit", 5 / 9, -160 / 9, 0.3, "in degrees Celsius instead of Fahrenheit"),
        ("score", 100, 0, 1.0, "100 times too large"),
        ("age", 7.3, 0, 1.0, "7."),
        ("age", -1, 0, 1.0, "of the opposite sign"),
    ],
)
def test_units_are_told_apart(column: str, factor: float, offset: float, share: float, words: str) -> None:
    """The factor that is named is the one that was applied."""
    random = np.random.default_rng(8)
    columns = rows(random, 3000)
    touched = chosen(random, 3000, share)
    cause = named(column, {**columns, column: np.where(touched, columns[column] * factor + offset, columns[column])})
    assert cause is not None
    assert words in cause.words


@pytest.mark.parametrize("share", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("column", ["age", "distance", "visits", "carrier"])
def test_a_burst_of_nulls_is_named_with_its_time(column: str, share: float) -> None:
    """Missing in one stretch, and there only."""
    columns = rows(np.random.default_rng(9), 2000)
    gone = together(2000, share)
    values = pa.array(columns[column], mask=gone)
    cause = named(column, {**columns, column: values})
    assert cause is not None
    assert cause.fault is Fault.NULL_BURST
    assert cause.share == pytest.approx(share, abs=0.02)
    assert ("on 3 June UTC" in cause.words) == (share < 1)


def test_nulls_strewn_over_the_window_are_no_burst() -> None:
    """A larger missing share in all hours is no burst, and so it is without a time."""
    random = np.random.default_rng(10)
    columns = rows(random, 2000)
    strewn = {**columns, "age": np.where(chosen(random, 2000, 0.3), np.nan, columns["age"])}
    burst = {**columns, "age": np.where(together(2000, 0.3), np.nan, columns["age"])}
    assert named("age", strewn) is None
    assert of_column(without_timestamps(BASELINE.beside(table(burst))), "age") is None


@pytest.mark.parametrize("share", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("column", ["age", "distance", "spend", "carrier"])
def test_a_frozen_stretch_is_named(column: str, share: float) -> None:
    """One value in one stretch of time, be it an ordinary one."""
    columns = rows(np.random.default_rng(11), 2000)
    value = columns[column][0]
    cause = named(column, {**columns, column: np.where(together(2000, share), value, columns[column])})
    assert cause is not None
    assert cause.fault is Fault.FROZEN
    assert cause.share == pytest.approx(share, abs=0.04)
    assert (value if column == "carrier" else f"{value:.6g}") in cause.words


@pytest.mark.parametrize("share", [0.01, 0.05, 0.3])
def test_a_default_value_is_named_where_no_value_repeats(share: float) -> None:
    """A mark for what is missing needs no stretch of time; -999 neither, in any column."""
    random = np.random.default_rng(12)
    columns = rows(random, 3000)
    touched = chosen(random, 3000, share)
    for column, value in (("age", 40.0), ("visits", -999.0)):
        cause = named(column, {**columns, column: np.where(touched, value, columns[column])})
        assert cause is not None
        assert cause.fault is Fault.FROZEN
        assert cause.share == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.3, 1.0])
@pytest.mark.parametrize("change", [str.lower, lambda text: f" {text} ", lambda text: text.replace("É", "E")])
def test_a_change_of_case_is_named(change: Any, share: float) -> None:
    """Case, spaces and accents."""
    random = np.random.default_rng(13)
    columns = rows(random, 3000)
    touched = chosen(random, 3000, share)
    values = np.where(touched, [change(text) for text in columns["carrier"]], columns["carrier"])
    cause = named("carrier", {**columns, "carrier": values})
    if np.count_nonzero(values != columns["carrier"]) <= 3:
        return  # too few rows to say anything
    assert cause is not None
    assert cause.fault is Fault.CASE_CHANGE
    assert cause.share == pytest.approx(np.mean(values != columns["carrier"]))


@pytest.mark.parametrize("share", [0.3, 1.0])
@pytest.mark.parametrize("count", [500, 3000])
def test_a_rename_is_named(count: int, share: float) -> None:
    """An unseen category that has what a known one lost."""
    random = np.random.default_rng(14)
    columns = rows(random, count)
    touched = (columns["carrier"] == "AA") & (random.random(count) < share)
    cause = named("carrier", {**columns, "carrier": np.where(touched, "American", columns["carrier"])})
    if count * share < 500:
        return  # too few rows to tell it from a new category
    assert cause is not None
    assert cause.fault is Fault.RENAME
    assert "'American' took the place of 'AA'" in cause.words
    assert cause.share == pytest.approx(np.mean(touched), abs=0.01)


def test_every_category_renamed_is_one_cause() -> None:
    """Codes for names: all of them are matched by their shares."""
    columns = rows(np.random.default_rng(15), 3000)
    names = {"AA": "x1", "B6": "x2", "DL": "x3", "UA": "x4", "Écu": "x5"}
    cause = named("carrier", {**columns, "carrier": [names[each] for each in columns["carrier"]]})
    assert cause is not None
    assert cause.words.startswith("carrier: 'x1' took the place of 'AA' and 4 more")
    assert cause.share == 1


@pytest.mark.parametrize("share", [0.01, 0.05, 0.3])
def test_new_categories_are_no_rename(share: float) -> None:
    """A category that takes from all others alike is new."""
    for seed in range(4):
        random = np.random.default_rng(seed)
        columns = rows(random, 2000)
        values = np.where(chosen(random, 2000, share), "New", columns["carrier"])
        assert named("carrier", {**columns, "carrier": values}) is None


@pytest.mark.parametrize("hours", [-11, -5, -1, 1, 2, 8, 12])
@pytest.mark.parametrize(("column", "day"), [("hour", 24), ("minute", 1440)])
def test_hours_that_moved_are_named(column: str, day: int, hours: int) -> None:
    """Whole hours, around midnight."""
    columns = rows(np.random.default_rng(16), 2000)
    cause = named(column, {**columns, column: (columns[column] + hours * day // 24) % day})
    assert cause is not None
    assert cause.fault is Fault.TIME_SHIFT
    way = "late" if hours > 0 else "early"
    assert f"{abs(hours)} hour{'s' * (abs(hours) > 1)} too {way}" in cause.words


@pytest.mark.parametrize("hours", [-8, -5, 3, 6])
@pytest.mark.parametrize("lost", [False, True])
def test_timestamps_that_moved_are_named(hours: int, lost: bool) -> None:
    """The log's own times, whether or not the rows that leave the window are replaced by others that enter."""
    columns = rows(np.random.default_rng(17), 2000)
    moved = columns["at"] + np.timedelta64(hours, "h")
    start = np.datetime64("2013-06-03", "us")
    wrapped = start + (moved - start) % np.timedelta64(1, "D")
    kept = table({**columns, "at": moved if lost else wrapped})
    found = probable_causes(BASELINE.beside(kept), [(Check.TIME_GAP, None)])
    assert [each.fault for each in found] == [Fault.TIME_SHIFT]
    assert found[0].column == "at"
    assert f"{abs(hours)} hours too {'late' if hours > 0 else 'early'}" in found[0].words


@pytest.mark.parametrize("share", [0.01, 0.05, 0.3, 1.0])
def test_a_batch_that_came_twice_is_named(share: float) -> None:
    """With its time where it is a part of the window."""
    current = table(rows(np.random.default_rng(18), 2500))
    twice = pa.concat_tables([current, current.filter(pa.array(together(2500, share)))])
    cause = of_column(BASELINE.beside(twice), None)
    assert cause is not None
    assert cause.fault is Fault.DUPLICATED_BATCH
    assert cause.share == pytest.approx(share / (1 + share), rel=0.01)
    assert ("on 3 June UTC" in cause.words) == (share < 1)


def test_ids_that_repeat_here_and_there_are_no_batch() -> None:
    """A client that sends some requests twice."""
    random = np.random.default_rng(19)
    current = table(rows(random, 2000))
    again = current.filter(pa.array(chosen(random, 2000, 0.2)))
    assert of_column(BASELINE.beside(pa.concat_tables([current, again])), None) is None


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
def test_a_truncated_file_is_named(share: float) -> None:
    """No rows after a moment at which many are still expected."""
    columns = rows(np.random.default_rng(20), 3000)
    kept = table(columns).slice(0, round(3000 * (1 - share)))
    cause = of_column(BASELINE.beside(kept), None)
    assert cause is not None
    assert cause.fault is Fault.TRUNCATED
    assert cause.words.startswith("no rows after ")
    assert "on 3 June UTC, where" in cause.words
    assert cause.share == pytest.approx(share, abs=0.08)


def test_a_gap_in_the_middle_of_a_day_is_no_truncated_file() -> None:
    """Rows came again on the same day."""
    columns = rows(np.random.default_rng(21), 3000)
    current = table(columns).filter(pa.array(~together(3000, 0.3)))
    assert of_column(BASELINE.beside(current), None) is None


GENUINE = {
    "age": [("mean", lambda values: values + 4), ("spread", lambda values: 40 + (values - 40) * 2)],
    "balance": [("mean", lambda values: values + 100), ("spread", lambda values: values * 2)],
    "distance": [("mean", lambda values: values + 400), ("growth", lambda values: np.round(values * 1.2))],
    "spend": [("mean", lambda values: values + 10), ("spread", lambda values: np.exp(3 + (np.log(values) - 3) * 1.5))],
    "rain": [("wet", lambda values: np.where(values == 0, np.arange(len(values)) % 7 / 3, values))],
    "visits": [("mean", lambda values: values + 1), ("more", lambda values: values + (np.arange(len(values)) % 3))],
    "fahrenheit": [("summer", lambda values: values + 18), ("winter", lambda values: values - 25)],
    "hour": [("no evenings", lambda values: np.where(values > 16, values - 8, values))],
    "minute": [("later", lambda values: np.minimum(values + 25, 1439))],
    "score": [("logit", lambda values: 1 / (1 + np.exp(-(np.log(values / (1 - values)) + 0.6))))],
}


@pytest.mark.parametrize("count", [500, 3000])
@pytest.mark.parametrize(
    ("column", "change"), [pytest.param(c, f, id=f"{c}-{name}") for c, all_ in GENUINE.items() for name, f in all_]
)
def test_genuine_changes_have_no_cause(column: str, change: Any, count: int) -> None:
    """Means, spreads, growth and seasons move without a fault."""
    for seed in range(2):
        columns = rows(np.random.default_rng(seed), count)
        cause = named(column, {**columns, column: change(np.asarray(columns[column], float))})
        assert cause is None, (seed, cause)


@pytest.mark.parametrize("factor", [1.609344, 1.852, 3.6, 2.54, 0.3048, 4.7])
@pytest.mark.parametrize("share", [0.3, 1.0])
def test_whole_numbers_that_are_whole_as_ever_were_not_converted_by_a_fraction(factor: float, share: float) -> None:
    """Tokens are no miles, whatever their number grows by; halves of them would be another matter."""
    random = np.random.default_rng(25)
    columns = rows(random, 3000)
    more = np.where(chosen(random, 3000, share), columns["distance"] * factor, columns["distance"])
    assert named("distance", {**columns, "distance": np.round(more)}) is None
    if share == 1:
        cause = named("distance", {**columns, "distance": more})
        assert cause is not None
        assert cause.fault is Fault.UNIT_CHANGE


@pytest.mark.parametrize("factor", [1000, 60, 0.1])
def test_whole_numbers_are_converted_by_whole_factors_and_divided_by_them(factor: float) -> None:
    """Seconds as milliseconds, and what is left of millimetres when they are cut off to centimetres."""
    columns = rows(np.random.default_rng(26), 3000)
    cause = named("distance", {**columns, "distance": np.floor(columns["distance"] * factor)})
    assert cause is not None
    assert cause.fault is Fault.UNIT_CHANGE


@pytest.mark.parametrize(("column", "by"), [("age", 24.4), ("age", 34), ("fahrenheit", 36), ("fahrenheit", -23)])
@pytest.mark.parametrize("count", [100, 150, 250])
def test_a_factor_that_fits_no_better_than_a_plain_shift_is_not_named(column: str, by: float, count: int) -> None:
    """A mean that moved far has the same spread as ever, which few rows do not tell from that of a factor."""
    for seed in range(4):
        columns = rows(np.random.default_rng([27, seed]), count)
        assert named(column, {**columns, column: columns[column] + by}) is None


def test_only_what_was_found_gets_a_cause() -> None:
    """A fault in a column without a finding stays unnamed; one of two findings gives one cause."""
    columns = rows(np.random.default_rng(22), 1000)
    sides = BASELINE.beside(table({**columns, "age": columns["age"] * 1000}))
    assert probable_causes(sides, [(Check.DRIFT, "spend"), (Check.MISSING_SHARE, "age"), (Check.DRIFT, "none")]) == ()
    assert len(probable_causes(sides, [(Check.DRIFT, "age"), (Check.OUT_OF_RANGE_SHARE, "age")])) == 1


def test_causes_come_by_their_share() -> None:
    """The most of the window first."""
    random = np.random.default_rng(23)
    columns = rows(random, 1000)
    odd = np.where(chosen(random, 1000, 0.1), columns["age"] * 1000, columns["age"])
    sides = BASELINE.beside(table({**columns, "age": odd, "carrier": ["aa"] * 1000}))
    found = probable_causes(sides, EVERY)
    assert [cause.column for cause in found] == ["carrier", "age"]
    assert [Cause.from_json(cause.to_json()) for cause in found] == list(found)


def test_names_from_outside_are_made_plain() -> None:
    """Control characters end in no log, and long names are cut."""
    name = "x\n\x1b[31m" + "y" * 200
    values = np.random.default_rng(24).normal(40, 8, 1000)
    bins = numeric_bins(values, limits=None, slack=3)
    profile = profile_column(pa.chunked_array([values]), bins)
    wrong = pa.chunked_array([values * 1000])
    pair = Pair(bins, profile, profile_column(wrong, bins))
    empty = pa.table({"other": pa.array([], pa.int64())})
    sides = Sides(WINDOW, {name: pair}, empty, pa.table({name: wrong}), None, None, 1000, None)
    (cause,) = probable_causes(sides, [(Check.DRIFT, name)])
    assert cause.words.isprintable()
    assert len(cause.words) < 150
    assert cause.column == name


TIMES = st.sampled_from(
    [pa.timestamp("s"), pa.timestamp("ns", "Asia/Tokyo"), pa.timestamp("ms"), pa.date32(), pa.string()]
)
FLOATS = st.lists(st.none() | st.floats() | st.sampled_from([0.0, -0.0, 1e308, -1e308, 7.0]), max_size=80)
TEXTS = st.lists(st.none() | st.sampled_from(["AA", "aa", "\x00", "B6 "]) | st.text(max_size=3), max_size=80)


@st.composite
def columns_of(draw: st.DrawFn) -> pa.Array:
    kind = draw(st.sampled_from(["float", "text", "int", "bool", "time", "null", "dictionary"]))
    if kind == "float":
        return pa.array(draw(FLOATS), pa.float64())
    if kind in {"text", "dictionary"}:
        values = pa.array(draw(TEXTS), pa.string())
        return values.dictionary_encode() if kind == "dictionary" else values
    if kind == "time":
        counts = draw(st.lists(st.none() | st.integers(1_370_217_600, 1_370_304_000), max_size=80))
        return pa.array(counts, pa.int64()).cast(pa.timestamp("s")).cast(draw(TIMES), safe=False)
    many = draw(st.integers(0, 80))
    return {
        "int": pa.array([number % 5 for number in range(many)], pa.int16()),
        "bool": pa.array([number % 2 == 0 for number in range(many)]),
        "null": pa.nulls(many),
    }[kind]


def cut(arrays: dict[str, pa.Array], count: int) -> pa.Table:
    """A table of the arrays, each repeated or cut to `count` rows."""
    filled = {name: each.take(pa.array(np.arange(count) % len(each))) for name, each in arrays.items() if len(each)}
    return pa.table(filled) if filled else pa.table({"none": pa.nulls(count)})


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_nothing_is_raised_whatever_the_tables_hold(data: st.DataObject) -> None:
    """Empty, null, infinite, of the wrong type, absent on one side."""
    names = ["at", "id", "x", "y"]
    sample, reference = (
        cut(
            {name: data.draw(columns_of()) for name in names if data.draw(st.booleans())}, data.draw(st.integers(0, 80))
        )
        for _ in range(2)
    )
    pairs = {}
    for name in ("x", "y"):
        values = data.draw(columns_of())
        numeric = pa.types.is_floating(values.type) or pa.types.is_integer(values.type)
        bins = (
            numeric_bins(numbers(values).astype(float), limits=None, slack=3) if numeric else CategoryBins(("AA", "B6"))
        )
        current = sample[name] if name in sample.column_names else pa.chunked_array([pa.nulls(3)])
        pairs[name] = Pair(bins, profile_column(pa.chunked_array([values]), bins), profile_column(current, bins))
    sides = Sides(WINDOW, pairs, reference, sample, "at", data.draw(st.sampled_from(["id", None])), sample.num_rows, 3)
    found = [(check, column) for check in Check for column in ("x", "y", "z", None)]
    causes = probable_causes(sides, found)
    assert all(cause.words.isprintable() and 0 <= cause.share <= 1 for cause in causes)
    assert probable_causes(sides, found) == causes
