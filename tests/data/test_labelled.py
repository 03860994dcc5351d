"""Labelled predictions: one contract for every mixture of parquet, SQLite and PostgreSQL, and an oracle."""

from __future__ import annotations

import io
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_tasks.data.labelled import Labelled, fingerprint_labelled, read_labelled
from monitoring_tasks.errors import ConfigurationError, SourceInvalid, SourceUnavailable
from monitoring_tasks.window import Window
from tests.data.logs import KINDS, WEEK, Columns, Logs, at

LATE = WEEK.end + timedelta(days=30)
MIXTURES = list(product(KINDS, KINDS))
NAN = float("nan")

PREDICTIONS: Columns = {
    "ts": [at(1), at(5), at(3), at(3), at(9), at(-1), at(7 * 24), at(0), at(20.5)],
    "id": [10, 7, 9, 8, 7, 1, 2, 11, 12],
    "score": [0.1, 0.2, 0.3, 0.4, 0.9, 0.5, 0.6, 0.7, 0.8],
    "temp": [36.5, None, 1.25, -2.0, 0.0, 9.0, 9.0, 1e-300, 1e300],
    "stops": [1, 2, None, 4, 5, 6, 7, -(2**62), 2**62],
    "Dest": ["LAX", "it's", "東京", None, "JFK", "x", "y", "", "SFO"],
}
Outcome = tuple[int | None, int]
LABELS: Columns = {
    "id": [10, 7, 9, 9, 8, 12, 1, 99, 11],
    "label": [1, 0, 0, 1, 1, None, 1, 1, 0],
    "label_time": [at(30), at(31), at(33), at(32), at(24), at(40), at(2), at(50), at(7 * 24 + 24)],
}


@pytest.fixture
def logs(request: pytest.FixtureRequest, tmp_path: Path) -> Logs:
    """Logs in a folder; with a PostgreSQL database where a parameter of the test says so."""
    wanted = hasattr(request.node, "callspec") and "postgresql" in request.node.callspec.params.values()
    return Logs(tmp_path, request.getfixturevalue("postgres_url") if wanted else None)


def read(logs: Logs, known_at: datetime = LATE, window: Window = WEEK, **changes: Any) -> Labelled:
    """The labelled predictions of a week."""
    return read_labelled(logs.monitor(**changes), logs.connections, window, known_at=known_at)


def counts(found: Labelled) -> tuple[int, int, int, int]:
    """Its numbers: predictions, labelled, orphans, duplicates."""
    return found.predictions, found.labelled, found.orphans, found.duplicates


@pytest.mark.parametrize(("predictions", "labels"), MIXTURES)
def test_every_mixture_gives_the_same_rows(logs: Logs, predictions: str, labels: str) -> None:
    """Rows, order, types and counts do not depend on what keeps the two logs."""
    logs.keep("predictions", predictions, PREDICTIONS)
    logs.keep("labels", labels, LABELS)
    found = read(logs)
    expected = pa.table(
        {
            "id": [11, 10, 8, 9, 7],
            "ts": pa.array([at(0), at(1), at(3), at(3), at(5)], pa.timestamp("us", "UTC")),
            "Dest": ["", "LAX", None, "東京", "it's"],
            "stops": [-(2**62), 1, 4, None, 2],
            "temp": [1e-300, 36.5, -2.0, 1.25, None],
            "label": [0, 1, 1, 0, 0],
        }
    )
    assert found.rows.equals(expected)
    assert counts(found) == (6, 5, 2, 1)


@pytest.mark.parametrize(("predictions", "labels"), MIXTURES)
def test_nothing_is_known_before_its_moment(logs: Logs, predictions: str, labels: str) -> None:
    """Labels logged at `known_at` or later are unknown, and an older label stands in for a newer one."""
    logs.keep("predictions", predictions, PREDICTIONS)
    logs.keep("labels", labels, LABELS)
    assert read(logs, at(33)).rows.select(["id", "label"]).to_pylist() == [
        {"id": 10, "label": 1},
        {"id": 8, "label": 1},
        {"id": 9, "label": 1},
        {"id": 7, "label": 0},
    ]
    assert read(logs, at(31)).rows["id"].to_pylist() == [10, 8]
    assert read(logs, at(31) + timedelta(microseconds=999_999)).rows["id"].to_pylist() == [10, 8]
    assert read(logs, at(31) + timedelta(seconds=1)).rows["id"].to_pylist() == [10, 8, 7]
    for moment in (at(0), at(-5)):
        assert counts(read(logs, moment)) == (6, 0, 0, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_outcomes_may_stand_in_the_predictions(logs: Logs, kind: str) -> None:
    """Without a log of labels the column of the monitor's label is the outcome, whenever it is asked for."""
    logs.keep("predictions", kind, {**PREDICTIONS, "late": [1, 0, None, 1, 1, 1, 1, 0, None]})
    for moment in (LATE, WEEK.start):
        found = read(logs, moment, label="late")
        assert found.rows.column_names == ["id", "ts", "Dest", "stops", "temp", "label"]
        assert found.rows.select(["id", "label"]).to_pylist() == [
            {"id": 11, "label": 0},
            {"id": 10, "label": 1},
            {"id": 8, "label": 1},
            {"id": 7, "label": 0},
        ]
        assert counts(found) == (6, 4, 0, 1)


IDS: dict[str, list[Any]] = {
    "whole": [1, 2, 2**53 + 1],
    "float": [1.0, 2.0, 4.0],
    "text": ["b", "a' OR 1=1", "東京"],
    "decimal": [Decimal(1), Decimal(2), Decimal(2**53 + 1)],
}


@pytest.mark.parametrize("kind", IDS)
@pytest.mark.parametrize(("predictions", "labels"), MIXTURES)
def test_ids_of_every_kind(logs: Logs, predictions: str, labels: str, kind: str) -> None:
    """Whole numbers, whole floats, decimals and text are joined exactly, beyond what a float can tell apart too."""
    ids = IDS[kind]
    whole = [value if isinstance(value, str) else int(value) for value in ids]
    numeric = {"id": "numeric"} if kind == "decimal" else {}
    ours = ids if kind != "decimal" or predictions != "sqlite" else whole
    theirs = ids if kind != "decimal" or labels != "sqlite" else whole
    logs.keep(
        "predictions", predictions, {"ts": [at(3), at(2), at(1)], "id": ours, "score": [0.1, 0.2, 0.3]}, **numeric
    )
    logs.keep("labels", labels, {"id": theirs, "label": [1, 0, 1], "label_time": [at(5), at(6), at(7)]}, **numeric)
    found = read(logs)
    assert found.rows["id"].to_pylist() == whole[::-1]
    assert found.rows["id"].type == (pa.string() if kind == "text" else pa.int64())
    assert found.rows["label"].to_pylist() == [1, 0, 1]


@pytest.mark.parametrize(("predictions", "labels"), [("parquet", "postgresql"), ("sqlite", "parquet")])
def test_whole_floats_meet_whole_numbers(logs: Logs, predictions: str, labels: str) -> None:
    """A log that writes 7.0 where the other writes 7 means the same id."""
    logs.keep("predictions", predictions, {"ts": [at(1), at(2)], "id": [7.0, None], "score": [0.1, 0.2]})
    logs.keep("labels", labels, {"id": [7, 8], "label": [True, False], "label_time": [at(5), at(6)]})
    found = read(logs)
    assert found.rows["id"].to_pylist() == [7]
    assert counts(found) == (2, 1, 1, 0)


@pytest.mark.parametrize(("predictions", "labels"), MIXTURES)
def test_unlike_ids_are_refused_with_their_types(logs: Logs, predictions: str, labels: str) -> None:
    """Text against numbers would join nothing: it says which types were met where."""
    logs.keep("predictions", predictions, {"ts": [at(1)], "id": ["7"], "score": [0.1]})
    logs.keep("labels", labels, {"id": [7], "label": [1], "label_time": [at(5)]})
    told = r"column 'id' holds text \(string\) in the predictions and whole numbers \(int64\) in the labels: write"
    with pytest.raises(SourceInvalid, match=told):
        read(logs)


@pytest.mark.parametrize(
    ("ids", "told"),
    [
        ([1.5], r"column 'id' of .*part-0.parquet holds a number that is none \(Float value 1.5.*64 bits or text"),
        ([1e300], r"holds a number that is none"),
        ([Decimal("0.5")], r"holds a number that is none"),
        ([True], r"column 'id' of .* has type bool: an id may be a whole number of 64 bits or text; convert"),
        ([at(1)], r"has type timestamp"),
    ],
)
def test_what_is_no_id_is_refused(logs: Logs, ids: list[Any], told: str) -> None:
    """Fractions, numbers beyond 64 bits and other types are named."""
    logs.keep("predictions", "parquet", {"ts": [at(1)], "id": ids, "score": [0.1]})
    logs.keep("labels", "parquet", LABELS)
    with pytest.raises(SourceInvalid, match=told):
        read(logs)


@pytest.mark.parametrize("kind", ["postgresql"])
@pytest.mark.parametrize("value", [Decimal("0.5"), Decimal(2**63)])
def test_decimals_that_are_no_id_are_refused(logs: Logs, kind: str, value: Decimal) -> None:
    """In a database too; NaN is no id at all."""
    columns = {"ts": [at(1), at(2)], "id": [Decimal("NaN"), Decimal(3)], "score": [0.1, 0.2]}
    logs.keep("predictions", kind, columns, id="numeric")
    logs.keep("labels", "parquet", {"id": [3], "label": [1], "label_time": [at(5)]})
    assert counts(read(logs)) == (2, 1, 0, 0)
    logs.keep("wrong", kind, {**columns, "id": [value, None]}, id="numeric")
    with pytest.raises(SourceInvalid, match=rf"column 'id' of table wrong in postgresql .* holds {value}: an id may"):
        read(logs, source=logs.sources["wrong"])


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([(0, 5), (1, 5)], 1),
        ([(1, 5), (0, 5)], 1),
        ([(1, 5), (0, 6)], 0),
        ([(None, 5), (0, 5)], 0),
        ([(1, 5), (None, 6)], None),
        ([(None, 5), (1, 6)], 1),
        ([(None, 5)], None),
        ([], None),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_the_last_label_counts(
    logs: Logs, kind: str, labels: list[tuple[int | None, int]], expected: int | None
) -> None:
    """The last moment decides, of one moment the greatest, and a later null takes the outcome back."""
    logs.keep("predictions", "parquet", {"ts": [at(1)], "id": [7], "score": [0.1]})
    columns: Columns = {
        "id": [7] * len(labels) + [1],
        "label": [label for label, _ in labels] + [1],
        "label_time": [at(hour) for _, hour in labels] + [at(1)],
    }
    logs.keep("labels", kind, columns)
    found = read(logs)
    assert found.rows["label"].to_pylist() == ([] if expected is None else [expected])
    assert counts(found) == (1, int(expected is not None), 1, 0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("values", [["no", "yes"], [0.25, 1.5], [False, True]])
def test_outcomes_of_every_kind(logs: Logs, kind: str, values: list[Any]) -> None:
    """Text, numbers and true or false come as they were logged; of one moment the greatest counts."""
    logs.keep("predictions", "parquet", {"ts": [at(1), at(2)], "id": [7, 8], "score": [0.1, 0.2]})
    times = [at(5), at(5), at(6)]
    logs.keep("labels", kind, {"id": [7, 7, 8], "label": [values[1], values[0], values[0]], "label_time": times})
    assert read(logs).rows["label"].to_pylist() == values[::-1]


def test_nan_is_no_outcome(logs: Logs) -> None:
    """Writers without nulls put NaN: unknown, in a log of labels and in the predictions themselves."""
    logs.keep("predictions", "parquet", {"ts": [at(1), at(2)], "id": [7, 8], "score": [0.1, 0.2], "y": [NAN, 2.5]})
    logs.keep("labels", "parquet", {"id": [7, 8], "label": [1.0, NAN], "label_time": [at(5), at(6)]})
    assert read(logs).rows["id"].to_pylist() == [7]
    assert read(logs, labels=None, label="y", task="regression").rows.to_pylist() == [
        {"id": 8, "ts": at(2), "label": 2.5}
    ]


def test_who_scores_sees_neither_prediction_nor_outcome(logs: Logs) -> None:
    """The logged prediction, the reference's label and columns called like the outcome are left out."""
    spare = {"late": [1], "label": [1], "delayed": [1], "score": [0.1], "score_old": [0.2]}
    logs.keep("predictions", "parquet", {"ts": [at(1)], "id": [7], **spare})
    logs.keep("labels", "parquet", {"id": [7], "delayed": [0], "when": [at(5)]})
    labels = {"source": logs.sources["labels"], "column": "delayed", "timestamp": "when"}
    assert counts(read(logs, WEEK.start, labels=labels, label="late")) == (1, 0, 0, 0)
    found = read(logs, labels=labels, label="late")
    assert found.rows.to_pylist() == [{"id": 7, "ts": at(1), "score_old": 0.2, "label": 0}]


@pytest.mark.parametrize("kind", KINDS)
def test_missing_columns_are_named_with_the_likely_one(logs: Logs, kind: str) -> None:
    """Each column that is looked for by name says which log lacks it, and which columns that has."""
    logs.keep("predictions", kind, PREDICTIONS)
    logs.keep("labels", kind, LABELS)
    source = logs.sources["labels"]
    wrong = [
        ({"id": "idd"}, r"predictions.* has no id column 'idd'; did you mean 'id'\? its columns are "),
        ({"timestamp": "tss"}, r"predictions.* has no timestamp column 'tss'; did you mean 'ts'\?"),
        (
            {"labels": {"source": source, "column": "lable"}},
            r"^labels: .*no label column 'lable'; did you mean 'label'",
        ),
        ({"labels": {"source": source, "timestamp": "at"}}, r"^labels: .*labels.* has no timestamp column 'at'"),
        ({"labels": None, "label": "late"}, r"predictions.* has no label column 'late'"),
    ]
    for changes, told in wrong:
        with pytest.raises(SourceInvalid, match=told) as caught:
            read(logs, **changes)
        assert not caught.value.retryable


def test_an_outcome_is_one_value(logs: Logs) -> None:
    """A nested outcome is named with its type, in a log of labels and in the predictions themselves."""
    logs.keep("predictions", "parquet", {"ts": [at(1)], "id": [7], "score": [0.1], "late": [[1]]})
    logs.keep("labels", "parquet", {"id": [7], "label": [[1]], "label_time": [at(5)]})
    told = r"label column '{}' has type list<element: int64>: an outcome may be a number, text, true or false"
    with pytest.raises(SourceInvalid, match="labels: " + told.format("label")):
        read(logs)
    with pytest.raises(SourceInvalid, match="^" + told.format("late")):
        read(logs, labels=None, label="late")


def test_labels_without_the_id_are_named(logs: Logs) -> None:
    """The log of labels must bear the monitor's id."""
    logs.keep("predictions", "parquet", PREDICTIONS)
    logs.keep("labels", "parquet", {"key": [1], "label": [1], "label_time": [at(1)]})
    with pytest.raises(SourceInvalid, match=r"^labels: .*labels has no id column 'id': its columns are key, label"):
        read(logs)


def test_a_monitor_without_id_or_label_cannot_be_read(logs: Logs) -> None:
    """Both are mistakes of the configuration, told before anything is read."""
    logs.sources["predictions"] = {"kind": "parquet", "path": "nowhere"}
    with pytest.raises(ConfigurationError, match=r"monitor m names no id: .*add it"):
        read(logs, id=None, label="late")
    with pytest.raises(ConfigurationError, match="monitor m names no label or labels"):
        read(logs)


def test_a_log_that_is_not_there_is_unavailable(logs: Logs) -> None:
    """A missing log can be tried again, and says which of the two it is."""
    logs.keep("predictions", "parquet", PREDICTIONS)
    for source in ({"kind": "parquet", "path": "gone"}, {"kind": "sql", "connection": "sqlite", "table": "labels"}):
        for function in (read, fingerprint):
            with pytest.raises(SourceUnavailable, match=r"^labels: .*(gone|logs.db).* not exist"):
                function(logs, labels={"source": source})


def test_empty_logs_are_no_error(logs: Logs) -> None:
    """Nothing logged in the window, or no labels yet, is an answer; so is a folder of labels without files."""
    early = Window(WEEK.start - timedelta(days=9), WEEK.start - timedelta(days=2))
    for kind in ("parquet", "sqlite"):
        logs.keep("predictions", kind, PREDICTIONS)
        logs.keep("labels", kind, LABELS)
        assert counts(read(logs, window=early, known_at=WEEK.start)) == (0, 0, 0, 0)
        assert counts(read(logs, window=early, known_at=LATE)) == (0, 0, 7, 0)
        assert read(logs, window=early).rows.column_names[0] == "id"
        assert counts(read(logs, known_at=at(0.5))) == (6, 0, 0, 1)
    (logs.folder / "none").mkdir()
    assert counts(read(logs, labels={"source": {"kind": "parquet", "path": "none"}})) == (6, 0, 0, 1)


def test_rows_without_an_id_are_nobody_s(logs: Logs) -> None:
    """They count as predictions, are no duplicates of each other, and can have no label."""
    columns = {"ts": [at(1), at(2), at(3)], "id": [None, None, "a"], "score": [0.1] * 3, "late": [1] * 3}
    logs.keep("predictions", "parquet", columns)
    logs.keep("labels", "parquet", {"id": [None, "a"], "label": [1, 0], "label_time": [at(5), at(6)]})
    found = read(logs)
    assert found.rows["id"].to_pylist() == ["a"]
    assert counts(found) == (3, 1, 0, 0)
    assert counts(read(logs, labels=None, label="late")) == (3, 1, 0, 0)


def by_day(logs: Logs, name: str, columns: Columns, moment: str) -> None:
    """Keep rows in a folder partitioned by the day of a moment."""
    days = sorted({value.date() for value in columns[moment]})
    for day in days:
        chosen = [place for place, value in enumerate(columns[moment]) if value.date() == day]
        table = pa.table({column: [values[place] for place in chosen] for column, values in columns.items()})
        logs.write(f"{name}/day={day}/part-0.parquet", table)
    logs.sources[name] = {"kind": "parquet", "path": name, "partition": "day"}


def test_only_the_days_of_known_labels_are_opened(logs: Logs) -> None:
    """Files of labels before the window, or from `known_at` on, are not even looked at."""
    by_day(logs, "predictions", PREDICTIONS, "ts")
    by_day(logs, "labels", LABELS, "label_time")
    for outside in (WEEK.start - timedelta(days=1), WEEK.end):
        path = logs.folder / f"labels/day={outside:%Y-%m-%d}/part-0.parquet"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"not parquet")
    assert counts(read(logs, WEEK.end)) == (6, 4, 2, 1)
    with pytest.raises(SourceInvalid, match=r"labels: .*not a whole parquet file"):
        read(logs, WEEK.end + timedelta(hours=1))


def test_shuffled_files_give_the_same_bytes(logs: Logs) -> None:
    """However rows are spread over files, and whatever order and types those have, the rows' bytes are equal."""
    chance = random.Random(7)
    columns: dict[str, list[Any]] = {name: [*values, *values[:5]] for name, values in PREDICTIONS.items()}
    columns["temp"][9] = 99.0  # the same id at the same moment, and another value
    seen = set()
    for turn in range(6):
        order = list(range(len(columns["id"])))
        chance.shuffle(order)
        for part, (low, high) in enumerate(pairwise([0, 3, 4, 9, len(order)])):
            names = list(columns)
            chance.shuffle(names)
            table = pa.table({name: pa.array([columns[name][place] for place in order[low:high]]) for name in names})
            if turn % 2:
                table = table.set_column(
                    names.index("Dest"), "Dest", table["Dest"].cast(pa.string()).dictionary_encode()
                )
            logs.write(f"predictions/part-{part}.parquet", table, row_group_size=chance.randint(1, 4))
        logs.sources["predictions"] = {"kind": "parquet", "path": "predictions"}
        logs.keep("labels", "parquet", {name: [values[p] for p in order if p < 9] for name, values in LABELS.items()})
        stream = io.BytesIO()
        found = read(logs)
        pq.write_table(found.rows, stream)
        seen.add((stream.getvalue(), counts(found)))
    assert len(seen) == 1


def test_what_a_file_keeps_in_its_own_way_comes_plain(logs: Logs) -> None:
    """Small and large types, dictionaries and zones give the plain types; other types stay as they are."""
    zone = pa.timestamp("ns", "America/New_York")
    table = pa.table(
        {
            "ts": pa.array(["2013-06-03T01:00:00+02:00", "2013-06-03T00:30"]),
            "id": pa.array(["a", "b"]).dictionary_encode(),
            "score": [0.5, 0.5],
            "a": pa.array([1, None], pa.int8()),
            "b": pa.array([1.5, None], pa.float32()),
            "c": pa.array([Decimal("1.50"), None]),
            "d": pa.array(["x", None], pa.large_string()),
            "e": pa.array([at(1), None], zone),
            "f": pa.array([at(1).replace(tzinfo=None), None], pa.timestamp("us")),
            "g": pa.array([[1], None], pa.list_(pa.int32())),
            "h": pa.array([2**63, None], pa.uint64()),
            "y": pa.array([1, 0], pa.int8()),
        }
    ).replace_schema_metadata({"pandas": "{}"})
    logs.write("predictions/a.parquet", table)
    logs.sources["predictions"] = {"kind": "parquet", "path": "predictions"}
    window = Window(WEEK.start - timedelta(days=1), WEEK.end)
    rows = read(logs, window=window, label="y").rows
    types = [str(entry.type) for entry in rows.schema]
    kinds = ["int64", "double", "double", "string", "timestamp[ns, tz=UTC]", "timestamp[us]"]
    assert types == ["string", "timestamp[us, tz=UTC]", *kinds, "list<element: int32>", "uint64", "int64"]
    assert rows["ts"].to_pylist() == [at(-1), at(0.5)]
    assert rows["c"].to_pylist() == [1.5, None]
    assert rows.schema.metadata is None


def test_files_may_differ(logs: Logs) -> None:
    """A column that some files lack is null there; unlike numbers meet as floats, all else as text."""
    logs.write("predictions/a.parquet", pa.table({"ts": [at(1)], "id": [1], "y": [1], "n": [1], "m": [1], "k": [True]}))
    logs.write("predictions/b.parquet", pa.table({"ts": [at(2)], "id": [2.0], "y": [0], "n": [0.5], "m": ["x"]}))
    logs.sources["predictions"] = {"kind": "parquet", "path": "predictions"}
    assert read(logs, label="y").rows.drop_columns(["ts"]).to_pylist() == [
        {"id": 1, "k": True, "m": "1", "n": 1.0, "label": 1},
        {"id": 2, "k": None, "m": "x", "n": 0.5, "label": 0},
    ]


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"id": ["x"]}, r"column 'id' of .*predictions has type int64 here and string there: write every id alike"),
        ({"n": [[1]]}, r"column 'n' of .*predictions has types that cannot be joined: int64, list<element: int64>"),
    ],
)
def test_files_that_cannot_be_joined_are_refused(logs: Logs, columns: dict[str, Any], told: str) -> None:
    """Ids of two types, and nested values beside plain ones."""
    logs.write("predictions/a.parquet", pa.table({"ts": [at(1)], "id": [1], "y": [1], "n": [1]}))
    logs.write("predictions/b.parquet", pa.table({"ts": [at(2)], "id": [2], "y": [0], "n": [0], **columns}))
    logs.sources["predictions"] = {"kind": "parquet", "path": "predictions"}
    with pytest.raises(SourceInvalid, match=told):
        read(logs, label="y")


def fingerprint(logs: Logs, **changes: Any) -> str:
    """The fingerprint of the week."""
    return fingerprint_labelled(logs.monitor(**changes), logs.connections, WEEK)


def more(columns: Columns, **changes: Any) -> Columns:
    """The rows and one more, like the first but for some columns."""
    return {name: [*values, changes.get(name, values[0])] for name, values in columns.items()}


@pytest.mark.parametrize(("predictions", "labels"), [("parquet", "postgresql"), ("sqlite", "parquet")])
def test_the_fingerprint_follows_both_logs(logs: Logs, predictions: str, labels: str) -> None:
    """It changes with a prediction of the window, or a label of it that is late by its delay at most."""
    logs.keep("predictions", predictions, PREDICTIONS)
    logs.keep("labels", labels, LABELS)
    logs.keep("more_predictions", predictions, more(PREDICTIONS, ts=at(2)))
    logs.keep("more_labels", labels, more(LABELS, label_time=WEEK.end + timedelta(days=1)))
    sources = logs.sources
    longer = {"source": sources["more_labels"], "delay": "2d"}
    found = [
        fingerprint(logs, **changes)
        for changes in (
            {},
            {"source": sources["more_predictions"]},
            {"labels": longer},
            {"labels": None, "label": "temp"},
            {"labels": None, "label": "temp", "source": sources["more_predictions"]},
        )
    ]
    assert len(set(found)) == len(found)
    assert {len(text) for text in found} == {16}
    assert fingerprint(logs) == found[0]


def test_the_fingerprint_ignores_labels_that_come_too_late(logs: Logs, tmp_path: Path) -> None:
    """A label logged after the labels' delay is no sign that the window's rows changed."""
    by_day(logs, "predictions", PREDICTIONS, "ts")
    by_day(logs, "labels", LABELS, "label_time")
    before = fingerprint(logs)
    for days, same in ((2, True), (1, False)):
        day = WEEK.end + timedelta(days=days)
        table = pa.table({"id": [7], "label": [1], "label_time": [day]})
        logs.write(f"labels/day={day:%Y-%m-%d}/part-1.parquet", table)
        assert (fingerprint(logs) == before) == same


HOURS = st.integers(-30, 200)
ROWS = st.lists(st.tuples(HOURS, st.integers(0, 8) | st.none(), st.sampled_from("abc")), max_size=25)
OUTCOMES = st.lists(st.tuples(HOURS, st.integers(0, 10), st.integers(0, 1) | st.none()), max_size=25)


@settings(max_examples=40)
@given(rows=ROWS, outcomes=OUTCOMES, known=st.integers(-10, 210), kind=st.sampled_from(["parquet", "sqlite"]))
def test_any_logs_by_brute_force(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[int, int | None, str]],
    outcomes: list[tuple[int, int, int | None]],
    known: int,
    kind: str,
) -> None:
    """What is read is what plain loops over the logs find."""
    logs = Logs(tmp_path_factory.mktemp("any"))
    ids = [id for _, id, _ in rows]
    logs.keep(
        "predictions",
        kind,
        {"ts": [at(hour) for hour, _, _ in rows], "id": ids, "score": [0.5] * len(rows), "x": [x for *_, x in rows]},
        **({} if kind == "parquet" else {"ts": "text", "id": "integer", "score": "real"}),
    )
    logs.keep(
        "labels",
        "parquet",
        {
            "id": pa.array([id for _, id, _ in outcomes], pa.int64()),
            "label": pa.array([label for *_, label in outcomes], pa.int64()),
            "label_time": pa.array([at(hour) for hour, *_ in outcomes], pa.timestamp("us", "UTC")),
        },
    )
    if kind == "parquet" and not rows:
        return  # a file without rows says nothing of its types
    found = read(logs, at(known))
    inside = sorted(
        (row for row in rows if 0 <= row[0] < 7 * 24), key=lambda row: (row[0], row[1] is None, row[1] or 0, row[2])
    )
    first: dict[int, tuple[int, int | None, str]] = {}
    for row in inside:
        if row[1] is not None:
            first.setdefault(row[1], row)
    nameless = sum(id is None for _, id, _ in inside)
    last: dict[int, tuple[tuple[int, int], int | None]] = {}
    for hour, id, label in outcomes:
        rank = (hour, -1 if label is None else label)
        if 0 <= hour < known and rank >= last.get(id, (rank, None))[0]:
            last[id] = (rank, label)
    valid = {id: label for id, (_, label) in last.items() if label is not None}
    expected = [(at(row[0]), id, row[2], valid[id]) for id, row in first.items() if id in valid]
    read_rows = [(row["ts"], row["id"], row["x"], row["label"]) for row in found.rows.to_pylist()]
    assert read_rows == sorted(expected, key=lambda row: row[:2])
    assert counts(found) == (
        len(first) + nameless,
        len(expected),
        len(valid) - len(expected),
        len(inside) - len(first) - nameless,
    )


def test_numbers_of_numpy_ids_are_exact(logs: Logs) -> None:
    """Neighbouring ids near 2**63 stay apart."""
    ids = np.array([2**63 - 1, 2**63 - 2], np.int64)
    logs.keep("predictions", "parquet", {"ts": [at(1), at(2)], "id": ids.tolist(), "score": [0.1, 0.2]})
    logs.keep("labels", "sqlite", {"id": ids[::-1].tolist(), "label": [0, 1], "label_time": [at(5), at(6)]})
    assert read(logs).rows["label"].to_pylist() == [1, 0]


def test_the_moment_needs_a_zone(logs: Logs) -> None:
    """A moment without a time zone is refused, as everywhere."""
    logs.keep("predictions", "parquet", PREDICTIONS)
    logs.keep("labels", "parquet", LABELS)
    with pytest.raises((ConfigurationError, TypeError)):
        read(logs, datetime(2013, 6, 9))  # noqa: DTZ001
    assert read(logs, datetime(2013, 6, 9, tzinfo=UTC)).labelled == 4
