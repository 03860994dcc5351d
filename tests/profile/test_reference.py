"""The training reference: which columns, which bins, which pieces, and its files."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from monitoring_tasks.errors import ProfileMismatch, ReferenceInvalid
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.profile import derive
from monitoring_tasks.profile.binning import CategoryBins, NumericBins, dumps_binning
from monitoring_tasks.profile.profile import NumericProfile, dumps, merge
from monitoring_tasks.profile.reference import (
    HEAD,
    build_reference,
    dumps_reference,
    loads_reference,
    monitored_columns,
    piece_unit,
    reference_key,
)
from monitoring_tasks.window import DAY, HOUR, Window, floor
from tests.profile.shapes import MemoryRows

ROWS = 2000
HASH = "0123456789abcdef" * 4
START = datetime(2013, 1, 1, tzinfo=UTC)


def _monitor(**given: Any) -> Monitor:
    said: dict[str, Any] = {
        "name": "delay",
        "owner": "ml",
        "task": "binary",
        "source": {"kind": "parquet", "path": "log"},
        "reference": {"kind": "file", "path": "reference.parquet"},
        "timestamp": "when",
        "prediction": "score",
        "label": "late",
        "id": "id",
    }
    return Monitor.model_validate(said | given)


@pytest.fixture(scope="module")
def table() -> pa.Table:
    """Four days of rows; the first two of them are mixed up."""
    rng = np.random.default_rng(11)
    when = [START + timedelta(minutes=int(minute)) for minute in rng.permutation(2000)]
    when += [START + timedelta(days=2, minutes=minute) for minute in range(ROWS - 2000)]
    return pa.table(
        {
            "id": np.arange(ROWS),
            "when": pa.array(when, pa.timestamp("us", "UTC")),
            "temp": pa.array(rng.normal(size=ROWS), mask=rng.random(ROWS) < 0.1),
            "carrier": pa.array(rng.choice(["AA", "UA"], ROWS)).dictionary_encode(),
            "weekend": rng.random(ROWS) < 0.3,
            "score": rng.random(ROWS),
            "late": rng.random(ROWS) < 0.2,
        }
    )


@pytest.fixture(scope="module")
def rows(table: pa.Table) -> MemoryRows:
    """The table in three chunks."""
    return MemoryRows([table.slice(0, 500), table.slice(500, 900), table.slice(1400)])


def test_features_are_every_other_column_by_default(table: pa.Table) -> None:
    """Time, id and label are no features; numbers are numeric, text and booleans categorical; prediction last."""
    kinds = monitored_columns(_monitor(), table.schema)
    assert list(kinds.items()) == [
        ("temp", "numeric"),
        ("carrier", "categorical"),
        ("weekend", "categorical"),
        ("score", "numeric"),
    ]


def test_the_moment_of_a_label_is_no_feature(table: pa.Table) -> None:
    """A reference may say when its labels became known, from which the delay of labels is learnt."""
    labels = {"source": {"path": "labels"}, "timestamp": "temp"}
    assert "temp" not in monitored_columns(_monitor(labels=labels), table.schema)
    assert "temp" in monitored_columns(_monitor(), table.schema)


def test_ignored_columns_and_pandas_row_index_are_left_out(table: pa.Table) -> None:
    """What the monitor ignores is not watched, nor the index that pandas writes as a column."""
    schema = table.schema.append(pa.field("__index_level_0__", pa.int64()))
    assert list(monitored_columns(_monitor(ignore=["temp", "weekend"]), schema)) == ["carrier", "score"]


def test_declared_features_and_kinds_hold(table: pa.Table) -> None:
    """Only the features listed are watched; a number may be declared a category and a boolean a number."""
    monitor = _monitor(features={"weekend": "numeric", "temp": "categorical", "carrier": None})
    assert monitored_columns(monitor, table.schema) == {
        "weekend": "numeric",
        "temp": "categorical",
        "carrier": "categorical",
        "score": "numeric",
    }


def test_a_multiclass_prediction_is_a_category(table: pa.Table) -> None:
    """The predicted class is text or a number; it is compared by shares either way."""
    assert monitored_columns(_monitor(task="multiclass"), table.schema)["score"] == "categorical"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"features": {"gust": None}}, "no column 'gust'.*it has id, when, temp.*correct the name"),
        ({"prediction": "guess", "features": {"temp": None}}, "no column 'guess'"),
        ({"features": {"carrier": "numeric"}}, "'carrier'.*has type string and should be numeric.*convert it"),
        ({"features": {"route": None}}, "'route'.*has type list.*number, text or boolean"),
        ({"features": {"route": "categorical"}}, "'route'.*should be categorical"),
        ({"features": {"empty": None}}, "'empty'.*cannot be inferred.*declare it"),
        (
            {"timestamp": "other"},
            "'when'.*has type timestamp.*there is no 'other': name the moment of the rows as timestamp",
        ),
        ({"prediction": "carrier", "features": {"temp": None}}, "'carrier'.*should be numeric"),
        ({"ignore": ["temp", "carrier", "weekend", "route", "empty"]}, "no column left to monitor"),
    ],
)
def test_unfit_references_are_refused(table: pa.Table, given: dict[str, Any], message: str) -> None:
    """The error names the column, what was found, what is allowed and what to do."""
    spoilt = table.append_column("route", pa.array([[1]] * ROWS)).append_column("empty", pa.nulls(ROWS))
    with pytest.raises(ReferenceInvalid, match=message):
        monitored_columns(_monitor(**given), spoilt.schema)


@pytest.mark.parametrize("role", ["id", "timestamp", "prediction", "features", "listed"])
def test_the_samples_own_name_is_refused(table: pa.Table, role: str) -> None:
    """A column that would hide the sample's hashes is refused, whatever its role; an ignored one is none."""
    schema = table.schema.append(pa.field("__hash", pa.int64()))
    given = {"features": {}, "listed": {"features": {"__hash": None}}}.get(role, {role: "__hash", "ignore": ["when"]})
    with pytest.raises(ReferenceInvalid, match=r"'__hash'.*rename the column"):
        monitored_columns(_monitor(**given), schema)
    assert "__hash" not in monitored_columns(_monitor(ignore=["__hash"]), schema)


def test_an_open_range_has_a_key_and_a_reference(rows: MemoryRows) -> None:
    """`range: [0, .inf]` is the natural way to say that nothing is negative."""
    monitor = _monitor(features={"temp": {"range": [0, float("inf")]}})
    assert reference_key(monitor, HASH) != reference_key(_monitor(features={"temp": None}), HASH)
    files = dumps_reference(build_reference(monitor, rows, HASH))
    bins = loads_reference(files.get).binning.columns["temp"]
    assert isinstance(bins, NumericBins)
    assert (bins.low, bins.high) == (0.0, np.finfo(np.float64).max)


def test_an_empty_column_of_declared_kind_is_allowed(table: pa.Table) -> None:
    """A column without any value has a kind if the monitor says so, and no bins."""
    spoilt = MemoryRows([table.append_column("empty", pa.nulls(ROWS))])
    built = build_reference(_monitor(features={"empty": "numeric"}), spoilt, HASH)
    bins = built.binning.columns["empty"]
    assert isinstance(bins, NumericBins)
    assert len(bins.edges) == 0


def test_a_reference_without_rows_is_refused(table: pa.Table) -> None:
    """Nothing can be compared with nothing."""
    with pytest.raises(ReferenceInvalid, match="has no rows"):
        build_reference(_monitor(), MemoryRows([table.slice(0, 0)]), HASH)


def test_reference_is_profiled_with_its_own_bins(rows: MemoryRows, table: pa.Table) -> None:
    """Each half percent of the reference lies in each bin, none of it is unseen or out of range."""
    built = build_reference(_monitor(), rows, HASH)
    column, bins = built.profile.columns["temp"], built.binning.columns["temp"]
    assert isinstance(column, NumericProfile)
    assert isinstance(bins, NumericBins)
    assert built.profile.rows == ROWS
    assert column.counts.sum() == ROWS - table["temp"].null_count
    assert column.counts.max() <= column.counts.sum() / 200 + 1
    carrier = built.binning.columns["carrier"]
    assert isinstance(carrier, CategoryBins)
    assert carrier.values == ("AA", "UA")
    assert built.sample.num_rows == ROWS
    assert built.content_hash == HASH


def test_declared_range_and_slack_shape_the_bins(rows: MemoryRows, table: pa.Table) -> None:
    """A feature's range is its plausible range; without one the reference's span is widened."""
    monitor = _monitor(features={"temp": {"range": [-9, 9]}}, quality={"range_slack": 1.0})
    built = build_reference(monitor, rows, HASH)
    temp, score = built.binning.columns["temp"], built.binning.columns["score"]
    assert isinstance(temp, NumericBins)
    assert isinstance(score, NumericBins)
    assert (temp.low, temp.high) == (-9.0, 9.0)
    values = table["score"].to_numpy()
    assert score.low == pytest.approx(values.min() - (values.max() - values.min()))


@pytest.mark.parametrize(
    ("given", "unit"),
    [
        ({}, DAY),
        ({"schedule": "@hourly"}, HOUR),
        ({"schedule": "@hourly", "window": "1d"}, DAY),
        ({"window": "6h"}, HOUR),
        ({"schedule": "*/15 * * * *"}, HOUR),
        ({"schedule": "@weekly"}, DAY),
        ({"schedule": "@monthly"}, DAY),
        ({"schedule": "0 9-17 * * 1-5"}, HOUR),
        ({"schedule": "0 6 * * *"}, DAY),
        ({"schedule": "0 0 29 2 *"}, DAY),
    ],
    ids=str,
)
def test_the_unit_of_pieces_follows_the_windows(given: dict[str, Any], unit: timedelta) -> None:
    """Windows narrower than a day ask for hours; the window's own width comes before the schedule's interval."""
    assert piece_unit(_monitor(**given)) == unit


@pytest.mark.parametrize("schedule", ["@daily", "@hourly"])
def test_every_piece_has_a_profile_and_they_add_up(rows: MemoryRows, table: pa.Table, schedule: str) -> None:
    """Pieces are UTC days or hours by the reference's own timestamps, whichever chunk the rows are in."""
    built = build_reference(_monitor(schedule=schedule), rows, HASH)
    unit = DAY if schedule == "@daily" else HOUR
    starts, counts = np.unique([floor(moment, unit) for moment in table["when"].to_pylist()], return_counts=True)
    expected = [(Window(start, start + unit), count) for start, count in zip(starts, counts, strict=True)]
    assert [(piece, profile.rows) for piece, profile in built.pieces.items()] == expected
    total, whole = merge(list(built.pieces.values())), built.profile
    assert total.rows == whole.rows
    assert total.types == whole.types
    for name, column in whole.columns.items():
        np.testing.assert_array_equal(total.columns[name].counts, column.counts)
        assert total.columns[name].null == column.null


def test_very_many_categories_are_capped(monkeypatch: pytest.MonkeyPatch, table: pa.Table) -> None:
    """Beyond the cap the most frequent categories are kept, and the reference's own rest counts as unseen."""
    monkeypatch.setattr(derive, "CATEGORIES", 1)
    built = build_reference(_monitor(), MemoryRows([table]), HASH)
    carrier = built.binning.columns["carrier"]
    counted = table["carrier"].to_pylist()
    assert isinstance(carrier, CategoryBins)
    assert carrier.values == (max(("AA", "UA"), key=counted.count),)


def test_edges_of_a_large_reference_come_from_a_sample(monkeypatch: pytest.MonkeyPatch, rows: MemoryRows) -> None:
    """Above the limit, quantiles are those of a deterministic sample; counts are still of all rows."""
    monkeypatch.setattr(derive, "EDGE_ROWS", 400)
    built, again = (build_reference(_monitor(), rows, HASH) for _ in range(2))
    score = built.profile.columns["score"]
    bins = built.binning.columns["score"]
    assert isinstance(bins, NumericBins)
    assert score.counts.sum() == ROWS
    np.testing.assert_allclose(bins.edges[bins.deciles], np.arange(1, 10) / 10, atol=0.1)
    assert dumps_reference(again) == dumps_reference(built)


def test_reference_survives_its_files(rows: MemoryRows) -> None:
    """What is read back is what was written: same bytes again, same order of columns, same sample."""
    built = build_reference(_monitor(), rows, HASH)
    files = dumps_reference(built)
    back = loads_reference(files.get)
    assert dumps_reference(back) == files
    assert list(back.kinds.items()) == list(built.kinds.items())
    assert list(back.binning.columns) == list(built.binning.columns)
    assert dumps_binning(back.binning) == dumps_binning(built.binning)
    assert list(back.pieces) == list(built.pieces)
    assert [dumps(profile) for profile in back.pieces.values()] == [dumps(each) for each in built.pieces.values()]
    assert back.sample.equals(built.sample)


def test_incomplete_or_foreign_files_are_refused(rows: MemoryRows) -> None:
    """A cache entry that lacks a file or has another format is not half read."""
    files = dumps_reference(build_reference(_monitor(), rows, HASH))
    with pytest.raises(ReferenceInvalid, match=r"lacks binning\.json"):
        loads_reference((files | {"binning.json": None}).get)
    with pytest.raises(ProfileMismatch, match="format 9"):
        loads_reference((files | {"reference.json": b'{"format":9}'}).get)


def test_pieces_are_read_when_asked_for(rows: MemoryRows) -> None:
    """Most runs never read the pieces; who does is told when they are gone."""
    files = dumps_reference(build_reference(_monitor(), rows, HASH))
    back = loads_reference((files | {"pieces.parquet": None}).get)
    with pytest.raises(ReferenceInvalid, match=r"lacks pieces\.parquet"):
        len(back.pieces)


def test_a_stored_piece_is_found_by_its_window(rows: MemoryRows) -> None:
    """Stored pieces are a mapping like those just built."""
    built = build_reference(_monitor(), rows, HASH)
    back = loads_reference(dumps_reference(built).get)
    day = Window(START, START + DAY)
    assert dumps(back.pieces[day]) == dumps(built.pieces[day])
    assert Window(START, START + HOUR) not in back.pieces


def test_the_head_is_written_last(rows: MemoryRows) -> None:
    """A writer that stopped half way leaves no head, so that the entry is not taken for whole."""
    assert list(dumps_reference(build_reference(_monitor(), rows, HASH)))[-1] == HEAD


def test_key_changes_with_what_shapes_the_profile_only() -> None:
    """Content, features, ranges and roles make a new key; limits, routes and texts do not."""
    key = reference_key(_monitor(), HASH)
    assert reference_key(_monitor(owner="other", minimum_rows=9, start=date(2013, 2, 1)), HASH) == key
    assert reference_key(_monitor(schedule="@weekly", window="3d"), HASH) == key
    for changed in (
        _monitor(prediction="late", label=None),
        _monitor(features={"temp": "numeric"}),
        _monitor(features={"temp": {"range": [0, 1]}}),
        _monitor(quality={"range_slack": 0.5}),
        _monitor(task="multiclass"),
        _monitor(ignore=["temp"]),
        _monitor(id=None),
        _monitor(schedule="@hourly"),
    ):
        assert reference_key(changed, HASH) != key
    assert reference_key(_monitor(), HASH[::-1]) != key
