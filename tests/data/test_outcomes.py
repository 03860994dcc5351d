"""The label join: one contract for every mixture of parquet, SQLite and PostgreSQL, and a join by plain loops."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_tasks.data import key_index
from monitoring_tasks.data.outcomes import Joined, read_outcomes
from monitoring_tasks.errors import ConfigurationError, SourceInvalid, SourceUnavailable
from monitoring_tasks.performance.outcomes import NEVER, Outcomes, microseconds
from monitoring_tasks.window import Window
from tests.data.logs import KINDS, WEEK, Columns, Logs, at

LATE = WEEK.end + timedelta(days=30)
MIXTURES = list(product(KINDS, KINDS))
FEW = [("parquet", "parquet"), ("sqlite", "sqlite"), ("postgresql", "postgresql"), ("sqlite", "parquet")]
"""Each place with itself, which may join there, and one mixture."""
NAN = float("nan")
PREDICTIONS: Columns = {
    "ts": [at(1), at(5), at(3), at(3), at(9), at(-1), at(7 * 24), at(0), at(20.5), at(21)],
    "id": [10, 7, 9, 8, 7, 1, 2, 11, 12, None],
    "score": [0.1, 0.2, None, 0.4, 0.9, 0.5, 0.6, 0.7, 0.8, 0.3],
    "Dest": ["LAX", "it's", "東京", None, "JFK", "x", "y", "", "LAX", "LAX"],
}
LABELS: Columns = {
    "id": [10, 7, 9, 9, 8, 12, 1, 99, 11, None, 99],
    "label": [1, 0, 0, 1, 1, None, 1, 1, 0, 1, 0],
    "label_time": [*map(at, [30, 31, 33, 32, 24, 40, 2, 50, 7 * 24 + 24, 3, 51])],
}


@pytest.fixture
def logs(request: pytest.FixtureRequest, tmp_path: Path) -> Logs:
    """Logs in a folder; with a PostgreSQL database where a parameter of the test says so."""
    wanted = hasattr(request.node, "callspec") and "postgresql" in request.node.callspec.params.values()
    return Logs(tmp_path, request.getfixturevalue("postgres_url") if wanted else None)


def read(logs: Logs, known_at: datetime = LATE, span: Window = WEEK, **changes: Any) -> Joined:
    """The outcomes of a week."""
    return read_outcomes(logs.monitor(**changes), logs.connections, span, known_at=known_at)


def counts(found: Joined) -> tuple[int, int, int]:
    """Its numbers: orphans, corrections, anonymous."""
    return found.orphans, found.corrections, found.anonymous


def hours(moments: Sequence[int] | Any) -> list[float | None]:
    """Moments as hours after the week's start, None for `NEVER`."""
    start = microseconds(WEEK.start)
    return [None if moment == NEVER else (moment - start) / 3.6e9 for moment in moments.tolist()]


def plain(values: Any) -> list[float | None]:
    """Numbers with None for NaN."""
    return [None if math.isnan(value) else value for value in values.tolist()]


def raw(found: Joined) -> tuple[Any, ...]:
    """The bytes of every array, and all else."""
    outcomes = found.outcomes
    arrays = [outcomes.moment, outcomes.prediction, outcomes.label, outcomes.known, outcomes.previous]
    arrays += [each for each in (outcomes.probabilities, outcomes.latency, outcomes.failed) if each is not None]
    groups = [(name, group.values, group.codes.tobytes()) for name, group in outcomes.groups.items()]
    return [(array.dtype, array.tobytes()) for array in arrays], groups, outcomes.classes, counts(found)


@pytest.mark.parametrize(("predictions", "labels"), MIXTURES)
def test_every_mixture_gives_the_same_arrays(logs: Logs, predictions: str, labels: str) -> None:
    """Rows, order and counts do not depend on what keeps the two logs."""
    logs.keep("predictions", predictions, PREDICTIONS)
    logs.keep("labels", labels, LABELS)
    found = read(logs, segments=["Dest"])
    outcomes = found.outcomes
    assert hours(outcomes.moment) == [0, 1, 3, 3, 5, 9, 20.5, 21]
    assert plain(outcomes.prediction) == [0.7, 0.1, 0.4, None, 0.2, 0.9, 0.8, 0.3]
    assert plain(outcomes.label) == [0, 1, 1, 0, 0, 0, None, None]
    assert hours(outcomes.known) == [192, 30, 24, 33, 31, 31, None, None]
    assert hours(outcomes.previous) == [None, None, None, None, None, 5, None, None]
    assert outcomes.groups["Dest"].values == ("", "JFK", "LAX", "it's", "東京")
    assert outcomes.groups["Dest"].codes.tolist() == [0, 2, -1, 4, 3, 1, 2, 2]
    assert counts(found) == (2, 2, 1)
    assert found.sampled == 1


@pytest.mark.parametrize(("predictions", "labels"), FEW)
def test_nothing_is_known_before_its_moment(logs: Logs, predictions: str, labels: str) -> None:
    """Labels logged at `known_at` or later are unknown, and an older label stands in for a newer one."""
    logs.keep("predictions", predictions, PREDICTIONS)
    logs.keep("labels", labels, LABELS)
    at_33 = read(logs, at(33))
    assert plain(at_33.outcomes.label) == [None, 1, 1, 1, 0, 0, None, None]
    assert counts(at_33) == (1, 0, 1)
    assert plain(read(logs, at(31)).outcomes.label) == [None, 1, 1, None, None, None, None, None]
    assert plain(read(logs, at(31) + timedelta(microseconds=999_999)).outcomes.label)[4] is None
    assert plain(read(logs, at(31) + timedelta(seconds=1)).outcomes.label)[4] == 0
    for moment in (at(0), at(-5)):
        found = read(logs, moment)
        assert (found.outcomes.known == NEVER).all()
        assert counts(found) == (0, 0, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_labels_may_stand_in_the_predictions(logs: Logs, kind: str) -> None:
    """Without a log of labels each row's own label is known from its moment on, if there is one."""
    logs.keep("predictions", kind, {**PREDICTIONS, "late": [1, 0, None, 1, 1, 1, 1, 0, None, 1]})
    found = read(logs, WEEK.start, label="late")
    assert plain(found.outcomes.label) == [0, 1, 1, None, 0, 1, None, 1]
    assert hours(found.outcomes.known) == [0, 1, 3, None, 5, 9, None, 21]
    assert counts(found) == (0, 0, 1)


IDS: dict[str, list[Any]] = {
    "whole": [1, 2, 2**53 + 1, 2**53 + 2],
    "far apart": [-(2**63), 2, 2**63 - 2, 2**63 - 1],
    "float": [1.0, 2.0, 4.0, 5.0],
    "text": ["", "a' OR 1=1", "東京", "東京" * 9],
    "uuid": [f"0e37df36-f698-11e6-8dd4-cb9ced3df97{last}" for last in "6789"],
    "decimal": [Decimal(1), Decimal(2), Decimal(2**53 + 1), Decimal(2**53 + 2)],
}


@pytest.mark.parametrize("kind", IDS)
@pytest.mark.parametrize(("predictions", "labels"), FEW)
def test_ids_of_every_kind(logs: Logs, predictions: str, labels: str, kind: str) -> None:
    """Whole numbers, whole floats, decimals and text are joined exactly, beyond what a float can tell apart too."""
    ids = IDS[kind]
    whole = [value if isinstance(value, str) else int(value) for value in ids]
    numeric = {"id": "numeric"} if kind == "decimal" else {}
    ours = ids if kind != "decimal" or predictions != "sqlite" else whole
    theirs = ids if kind != "decimal" or labels != "sqlite" else whole
    times = [at(hour) for hour in (4, 3, 2, 1)]
    logs.keep("predictions", predictions, {"ts": times, "id": ours, "score": [0.1, 0.2, 0.3, 0.4]}, **numeric)
    logs.keep("labels", labels, {"id": theirs[:3], "label": [1, 0, 1], "label_time": [*map(at, (5, 6, 7))]}, **numeric)
    found = read(logs)
    assert plain(found.outcomes.label) == [None, 1, 0, 1]
    assert counts(found) == (0, 0, 0)


@pytest.mark.parametrize(("predictions", "labels"), FEW)
def test_unlike_ids_are_refused_with_their_types(logs: Logs, predictions: str, labels: str) -> None:
    """Text against numbers would join nothing: it says which types were met where."""
    logs.keep("predictions", predictions, {"ts": [at(1)], "id": ["7"], "score": [0.1]})
    logs.keep("labels", labels, {"id": [7], "label": [1], "label_time": [at(5)]})
    told = r"column 'id' holds text \(string\) in the predictions and whole numbers \(int64\) in the labels: write"
    with pytest.raises(SourceInvalid, match=told):
        read(logs)


def test_files_that_write_ids_in_unlike_types_are_refused(logs: Logs) -> None:
    """Numbers in one file and text in another, in either log."""
    for name, moment in (("predictions", "ts"), ("labels", "label_time")):
        columns = {moment: [at(1)], "score": [0.1], "label": [1]}
        logs.write(f"{name}/a.parquet", pa.table({**columns, "id": [1]}))
        logs.sources[name] = {"kind": "parquet", "path": name}
    logs.write("labels/b.parquet", pa.table({"label_time": [at(1)], "label": [1], "id": ["1"]}))
    told = "column 'id' of .*{} has type int64 here and string there: write every id alike"
    with pytest.raises(SourceInvalid, match="^labels: " + told.format("labels")):
        read(logs)
    logs.write("predictions/b.parquet", pa.table({"ts": [at(1)], "score": [0.1], "id": ["1"]}))
    with pytest.raises(SourceInvalid, match="^" + told.format("predictions")):
        read(logs)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([(0, 5), (1, 5)], 1),
        ([(1, 5), (0, 5)], 1),
        ([(1, 5), (0, 6)], 0),
        ([(0, 6), (1, 5)], 0),
        ([(None, 5), (0, 5)], 0),
        ([(0, 5), (None, 5)], 0),
        ([(1, 5), (None, 6)], None),
        ([(None, 5), (1, 6)], 1),
        ([(None, 5)], None),
        ([], None),
    ],
)
def test_the_last_label_counts(
    logs: Logs, kind: str, labels: list[tuple[int | None, int]], expected: int | None
) -> None:
    """The last moment decides, of one moment the greatest, and a later null takes the label back."""
    logs.keep("predictions", kind, {"ts": [at(1)], "id": [7], "score": [0.1]})
    columns: Columns = {
        "id": [7] * len(labels) + [1],
        "label": [label for label, _ in labels] + [1],
        "label_time": [at(hour) for _, hour in labels] + [at(1)],
    }
    logs.keep("labels", kind, columns)
    found = read(logs)
    assert plain(found.outcomes.label) == [expected]
    assert hours(found.outcomes.known) == [None if expected is None else max(hour for _, hour in labels)]
    assert counts(found) == (1, max(len(labels) - 1, 0), 0)


@pytest.mark.parametrize("kind", KINDS)
def test_classes_are_those_predicted_and_those_that_count_as_labels(logs: Logs, kind: str) -> None:
    """In order; a label that was superseded, taken back or is nobody's adds no class; of one moment the greatest."""
    predictions: Columns = {"ts": [at(1), at(2), at(3)], "id": [1, 2, 3], "score": ["b", "d", None]}
    labels: Columns = {
        "id": [1, 2, 2, 3, 9, 3],
        "label": ["z", "b", "c", "x", "y", "a"],
        "label_time": [at(5), at(5), at(5), at(5), at(5), at(6)],
    }
    logs.keep("predictions", kind, predictions)
    logs.keep("labels", kind, labels)
    outcomes = read(logs, task="multiclass").outcomes
    assert outcomes.classes == ("a", "b", "c", "d", "z")
    assert plain(outcomes.prediction) == [1, 3, None]
    assert plain(outcomes.label) == [4, 2, 0]


def test_classes_may_be_numbers_and_their_probabilities_columns(logs: Logs) -> None:
    """Whole numbers are text without a point; each class has its column, 0 where none is declared."""
    columns: Columns = {"ts": [at(1), at(2)], "id": [1, 2], "score": [10, 9], "p9": [0.25, None], "p10": [0.75, 1.0]}
    logs.keep("predictions", "parquet", columns)
    logs.keep("labels", "parquet", {"id": [1, 2], "label": [9.0, 8.0], "label_time": [at(5), at(5)]})
    performance = {"probabilities": {"9": "p9", "10": "p10"}}
    outcomes = read(logs, task="multiclass", performance=performance).outcomes
    assert outcomes.classes == ("10", "8", "9")
    assert outcomes.probabilities is not None
    assert [plain(row) for row in outcomes.probabilities] == [[0.75, 0, 0.25], [1.0, 0, None]]
    assert plain(outcomes.label) == [2, 1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("error", "failed"), [([True, False, None], [1, 0, 0]), (["late", "", None], [1, 0, 0])])
def test_operating_columns(logs: Logs, kind: str, error: list[Any], failed: list[int]) -> None:
    """Latency is a number, an error is true or text that is not empty."""
    columns: Columns = {"ts": [at(1), at(2), at(3)], "id": [1, 2, 3], "score": [0.5] * 3, "ms": [7, None, 9]}
    logs.keep("predictions", kind, {**columns, "error": error})
    logs.keep("labels", kind, LABELS)
    outcomes = read(logs, performance={"latency": "ms", "error": "error"}).outcomes
    assert outcomes.latency is not None
    assert outcomes.failed is not None
    assert plain(outcomes.latency) == [7, None, 9]
    assert outcomes.failed.tolist() == [bool(each) for each in failed]


def test_segments_may_be_numbers_and_pairs(logs: Logs) -> None:
    """Numbers and booleans are text, every column of a pair is read, and a column that some files lack is null."""
    logs.write("predictions/a.parquet", pa.table({"ts": [at(1)], "id": [1], "score": [1], "n": [2.0], "k": [True]}))
    logs.write("predictions/b.parquet", pa.table({"ts": [at(2)], "id": [2], "score": [0.5], "n": [2]}))
    logs.sources["predictions"] = {"kind": "parquet", "path": "predictions"}
    logs.keep("labels", "parquet", LABELS)
    groups = read(logs, segments=[["n", "k"], "n"]).outcomes.groups
    assert {name: (group.values, group.codes.tolist()) for name, group in groups.items()} == {
        "n": (("2",), [0, 0]),
        "k": (("true",), [0, -1]),
    }


WRONG: list[tuple[dict[str, Any], list[Any], list[Any], str]] = [
    ({}, [0.5], [2], r"^labels: label column 'label' of .*labels holds 2: .*binary model may be 0, 1, true, false"),
    ({}, [0.5], [0.5], r"^labels: .* holds 0.5: the label of a binary model"),
    ({}, [0.5], ["yes"], r"^labels: .* has type string and holds 'yes': the label of a binary model may be"),
    ({"task": "regression"}, [0.5], [math.inf], r"^labels: .* holds inf: the label of a regression may be a finite"),
    ({"task": "regression"}, [0.5], ["1"], r"^labels: .* has type string and holds '1': the label of a regression"),
    ({"task": "multiclass"}, ["a"], [at(1)], r"^labels: .* has type timestamp.*: a label may be text, a number"),
    ({}, ["high"], [1], r"^prediction column 'score' of .*predictions has type string and holds 'high': a binary"),
    ({"task": "multiclass"}, [[1]], [1], r"^prediction column .* has type list.*: a prediction may be text"),
    ({"performance": {"latency": "score"}}, ["x"], [1], r"^prediction column|^latency column"),
    ({"segments": ["when"]}, [0.5], [1], r"^segment column 'when' .* has type timestamp.*: a segment may be text"),
    ({"performance": {"error": "ts"}}, [0.5], [1], r"^error column 'ts' .*: an error may be true, false, text or null"),
]


@pytest.mark.parametrize(("changes", "scores", "labels", "told"), WRONG)
def test_values_that_their_role_does_not_allow_are_refused(
    logs: Logs, changes: dict[str, Any], scores: list[Any], labels: list[Any], told: str
) -> None:
    """The error names the column, what it holds and what is allowed."""
    logs.keep("predictions", "parquet", {"ts": [at(1)], "when": [at(1)], "id": [7], "score": scores})
    logs.keep("labels", "parquet", {"id": [7], "label": labels, "label_time": [at(5)]})
    with pytest.raises(SourceInvalid, match=told) as caught:
        read(logs, **changes)
    assert not caught.value.retryable


def test_an_infinite_prediction_is_none(logs: Logs) -> None:
    """So is NaN; minus zero is zero, whose bytes are others."""
    columns: Columns = {"ts": [*map(at, range(4))], "id": [1, 2, 3, 4], "score": [math.inf, -math.inf, NAN, -0.0]}
    logs.keep("predictions", "parquet", columns)
    logs.keep("labels", "parquet", LABELS)
    found = read(logs)
    assert plain(found.outcomes.prediction) == [None, None, None, 0]
    assert math.copysign(1, found.outcomes.prediction[3]) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_missing_columns_are_named_with_the_likely_one(logs: Logs, kind: str) -> None:
    """Each column that the monitor names says which log lacks it, and which columns that has."""
    logs.keep("predictions", kind, PREDICTIONS)
    logs.keep("labels", kind, LABELS)
    source = logs.sources["labels"]
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"id": "idd"}, r"predictions.* has no id column 'idd'; did you mean 'id'\? its columns are "),
        ({"timestamp": "tss"}, r"predictions.* has no timestamp column 'tss'; did you mean 'ts'\?"),
        ({"prediction": "scor"}, r"predictions.* has no prediction column 'scor'; did you mean 'score'\?"),
        ({"segments": ["dest"]}, r"predictions.* has no segment column 'dest'; did you mean 'Dest'\?"),
        ({"performance": {"latency": "ms"}}, r"predictions.* has no latency column 'ms'"),
        ({"performance": {"error": "e"}}, r"predictions.* has no error column 'e'"),
        ({"labels": {"source": source, "column": "lable"}}, r"^labels: .*no label column 'lable'; did you mean"),
        ({"labels": {"source": source, "timestamp": "at"}}, r"^labels: .*labels.* has no timestamp column 'at'"),
        ({"labels": None, "label": "late"}, r"predictions.* has no label column 'late'"),
    ]
    for changes, told in wrong:
        with pytest.raises(SourceInvalid, match=told):
            read(logs, **changes)


def test_a_probability_that_is_not_logged_is_named(logs: Logs) -> None:
    """The column of a class's probability must be there as well."""
    logs.keep("predictions", "parquet", {"ts": [at(1)], "id": [1], "score": ["a"], "y": ["a"]})
    with pytest.raises(SourceInvalid, match="has no probability column 'pa'"):
        read(logs, task="multiclass", label="y", performance={"probabilities": {"a": "pa"}})


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


@pytest.mark.parametrize("kind", ["parquet", "sqlite"])
def test_a_log_that_is_not_there_is_unavailable(logs: Logs, kind: str) -> None:
    """A missing log can be tried again, and says which of the two it is."""
    logs.keep("predictions", "parquet", PREDICTIONS)
    source = {"parquet": {"path": "gone"}, "sqlite": {"connection": "sqlite", "table": "labels"}}[kind]
    labels = {"source": {"kind": "parquet" if kind == "parquet" else "sql", **source}}
    monitor = logs.monitor(labels=labels)
    with pytest.raises(SourceUnavailable, match=r"^labels: .*(gone|logs.db).* not exist"):
        read_outcomes(monitor, logs.connections, WEEK, known_at=LATE)


def test_a_broken_file_of_labels_is_told_as_such(logs: Logs) -> None:
    """And only if it can hold labels that count: days before the span and from `known_at` on are not looked at."""
    logs.keep("predictions", "parquet", PREDICTIONS)
    for moment, label in zip(LABELS["label_time"], LABELS["label"], strict=True):
        table = pa.table({"id": [10], "label": [label], "label_time": [moment]})
        logs.write(f"labels/day={moment:%Y-%m-%d}/part-{moment:%H}.parquet", table)
    for outside in (WEEK.start - timedelta(days=1), WEEK.end):
        path = logs.folder / f"labels/day={outside:%Y-%m-%d}/part-0.parquet"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"not parquet")
    logs.sources["labels"] = {"kind": "parquet", "path": "labels", "partition": "day"}
    assert plain(read(logs, WEEK.end).outcomes.label)[1] == 0
    with pytest.raises(SourceInvalid, match=r"^labels: .*not a whole parquet file"):
        read(logs, WEEK.end + timedelta(hours=1))


@pytest.mark.parametrize("kind", ["parquet", "sqlite"])
def test_empty_logs_are_no_error(logs: Logs, kind: str) -> None:
    """Nothing logged in the span, or no labels yet, is an answer; so is a folder without files."""
    logs.keep("predictions", kind, PREDICTIONS)
    logs.keep("labels", kind, LABELS)
    early = Window(WEEK.start - timedelta(days=9), WEEK.start - timedelta(days=2))
    found = read(logs, span=early, segments=["Dest"])
    assert (len(found.outcomes), *counts(found)) == (0, 8, 2, 0)
    assert found.outcomes.groups["Dest"].values == ()
    (logs.folder / "none").mkdir()
    nothing = {"kind": "parquet", "path": "none"}
    assert counts(read(logs, labels={"source": nothing})) == (0, 0, 1)
    assert len(read(logs, source=nothing).outcomes) == 0


def test_labels_without_an_id_are_logged(logs: Logs, caplog: pytest.LogCaptureFixture) -> None:
    """They are nobody's, and their number is told; so are all counts."""
    logs.keep("predictions", "parquet", PREDICTIONS)
    logs.keep("labels", "parquet", LABELS)
    with caplog.at_level("INFO"):
        read(logs)
    assert "outcomes.label_without_id rows=1" in caplog.text
    assert "outcomes.joined monitor=m predictions=8 labelled=6 orphans=2 corrections=2 anonymous=1" in caplog.text


def test_within_keeps_the_first_of_each_id(logs: Logs) -> None:
    """What the arrays say of repeats is what `Outcomes.within` needs."""
    logs.keep("predictions", "parquet", PREDICTIONS)
    logs.keep("labels", "parquet", LABELS)
    outcomes = read(logs).outcomes
    assert hours(outcomes.within(WEEK).moment) == [0, 1, 3, 3, 5, 20.5, 21]
    assert hours(outcomes.within(Window(at(6), at(10))).moment) == [9]


class Prediction(NamedTuple):
    """A row of the log of predictions."""

    hour: int
    id: int | None
    score: float | None
    place: str | None


class Label(NamedTuple):
    """A row of the log of labels."""

    hour: int
    id: int | None
    label: int | None


def by_loops(predictions: list[Prediction], labels: list[Label], known: int) -> tuple[list[Any], int, int, int]:
    """The rows of the outcomes without regard to the order of equal moments, and the counts."""
    logged = [each for each in labels if 0 <= each.hour < known and each.id is not None]
    last: dict[int, tuple[int, int]] = {}
    for each in logged:
        assert each.id is not None
        rank = (each.hour, -1 if each.label is None else each.label)
        last[each.id] = max(last.get(each.id, rank), rank)
    inside = [each for each in predictions if 0 <= each.hour < 7 * 24]
    rows = []
    for each in inside:
        hour, label = last.get(each.id, (0, -1)) if each.id is not None else (0, -1)
        rows.append((each.hour, each.score, each.place, *((label, hour) if label >= 0 else (None, None))))
    ids = {each.id for each in inside}
    return rows, len(set(last) - ids), len(logged) - len(last), sum(each.id is None for each in inside)


def rows_of(outcomes: Outcomes) -> list[Any]:
    """The rows of the outcomes as `by_loops` has them."""
    places = outcomes.groups["x"]
    return list(
        zip(
            hours(outcomes.moment),
            plain(outcomes.prediction),
            [places.values[code] if code >= 0 else None for code in places.codes],
            plain(outcomes.label),
            hours(outcomes.known),
            strict=True,
        )
    )


def previous_by_loops(predictions: list[Prediction]) -> dict[tuple[int, int], list[int | None]]:
    """The moments before, of each id and moment."""
    found: dict[tuple[int, int], list[int | None]] = {}
    before: dict[int, int] = {}
    for each in sorted((each for each in predictions if 0 <= each.hour < 7 * 24), key=lambda each: each.hour):
        if each.id is not None:
            found.setdefault((each.hour, each.id), []).append(before.get(each.id))
            before[each.id] = each.hour
    return found


def keep(logs: Logs, kind: str, predictions: list[Prediction], labels: list[Label], ids: str) -> None:
    """Both logs, with ids as whole numbers or text."""
    typed: Any = (lambda id: id) if ids == "whole" else (lambda id: None if id is None else f"row-{id:07}-{'x' * id}")
    kinds = {"id": "integer" if ids == "whole" else "text", "ts": "text", "label_time": "text"}
    arrow = {"id": pa.int64() if ids == "whole" else pa.string()}
    for name, moment, value, rows in (
        ("predictions", "ts", "score", predictions),
        ("labels", "label_time", "label", labels),
    ):
        columns: dict[str, Any] = {
            moment: [at(each.hour) for each in rows],
            "id": [typed(each.id) for each in rows],
            value: [each[2] for each in rows],
        }
        if name == "predictions":
            columns["x"] = [each[3] for each in rows]
        types = {
            **arrow,
            moment: pa.timestamp("us", "UTC"),
            "x": pa.string(),
            "label": pa.int8(),
            "score": pa.float64(),
        }
        if kind == "parquet":
            table = pa.table({column: pa.array(values, types[column]) for column, values in columns.items()})
            half = len(rows) // 2
            logs.write(f"{name}/a.parquet", table.slice(half), row_group_size=3)
            logs.write(f"{name}/b.parquet", table.slice(0, half), row_group_size=2)
            logs.sources[name] = {"kind": "parquet", "path": name}
        else:
            logs.keep(name, kind, columns, **kinds)


HOURS = st.integers(-30, 200) | st.integers(0, 9)
IDS_DRAWN = st.integers(0, 8) | st.none()
SCORES = st.sampled_from([0.0, 0.25, 1.0]) | st.none()
ROWS = st.lists(st.builds(Prediction, HOURS, IDS_DRAWN, SCORES, st.sampled_from(["a", "b", None])), max_size=25)
OUTCOMES = st.lists(st.builds(Label, HOURS, st.integers(0, 10) | st.none(), st.integers(0, 1) | st.none()), max_size=25)


@settings(max_examples=30, deadline=None)
@given(
    predictions=ROWS,
    labels=OUTCOMES,
    known=st.integers(-10, 210),
    ids=st.sampled_from(["whole", "text"]),
    seed=st.integers(0, 99),
)
def test_any_logs_by_brute_force(
    tmp_path_factory: pytest.TempPathFactory,
    predictions: list[Prediction],
    labels: list[Label],
    known: int,
    ids: str,
    seed: int,
) -> None:
    """What is joined is what plain loops over the logs join; files and SQLite, in any order, give the same bytes."""
    seen = set()
    for kind in ("parquet", "sqlite", "parquet"):
        logs = Logs(tmp_path_factory.mktemp("any"))
        keep(logs, kind, predictions, labels, ids)
        found = read(logs, at(known), segments=["x"])
        seen.add(repr(raw(found)))
        random.Random(seed).shuffle(predictions)
        random.Random(seed + 1).shuffle(labels)
    rows, *expected = by_loops(predictions, labels, known)
    key = repr
    assert sorted(rows_of(found.outcomes), key=key) == sorted(map(tuple_of_floats, rows), key=key)
    assert found.outcomes.moment.tolist() == sorted(found.outcomes.moment.tolist())
    assert list(counts(found)) == expected
    moments = hours(found.outcomes.previous)
    flat = [each for some in previous_by_loops(predictions).values() for each in some]
    assert sorted(moments, key=key) == sorted([*map(float_or_none, flat), *[None] * found.anonymous], key=key)
    assert len(seen) == 1


def float_or_none(value: float | None) -> float | None:
    """A number as float."""
    return None if value is None else float(value)


def tuple_of_floats(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """The row with its numbers as floats."""
    return tuple(each if each is None or isinstance(each, str) else float(each) for each in row)


@pytest.mark.parametrize("ids", ["whole", "far apart", "text"])
def test_many_rows_in_many_batches(logs: Logs, monkeypatch: pytest.MonkeyPatch, ids: str) -> None:
    """Labels that come in several batches, corrected within and across them, are joined as a dict joins them."""
    monkeypatch.setattr("monitoring_tasks.data.outcomes.BATCH", 1000)
    monkeypatch.setattr(key_index.Entries, "most", 700)
    monkeypatch.setattr(key_index.Table, "most", 300)
    random_ = np.random.default_rng(5)
    spread = {"whole": 1, "far apart": 2**50, "text": 1}[ids]
    drawn, labelled = random_.integers(0, 4000, 6000), random_.integers(0, 5000, 9000)
    times = random_.integers(0, 7 * 24 * 3600, 6000) * 1_000_000 + microseconds(WEEK.start)
    known = random_.integers(0, 40 * 24, 9000) * 3_600_000_000 + microseconds(WEEK.start)
    value = random_.integers(0, 2, 9000)

    def column(values: Any) -> Any:
        return [f"{each:06}" for each in values] if ids == "text" else values * spread

    moment = pa.timestamp("us", "UTC")
    table = pa.table({"id": column(drawn), "ts": pa.array(times, moment), "score": random_.random(6000)})
    logs.write("predictions/a.parquet", table, row_group_size=500)
    table = pa.table({"id": column(labelled), "label_time": pa.array(known, moment), "label": value})
    logs.write("labels/a.parquet", table, row_group_size=400)
    logs.sources |= {name: {"kind": "parquet", "path": name} for name in ("predictions", "labels")}
    found = read(logs, WEEK.start + timedelta(days=39))
    last: dict[int, tuple[int, int]] = {}
    seen = 0
    for id, time, label in zip(labelled.tolist(), known.tolist(), value.tolist(), strict=True):
        if time < microseconds(WEEK.start + timedelta(days=39)):
            seen += 1
            last[id] = max(last.get(id, (0, 0)), (time, label))
    order = np.lexsort([drawn, times])
    assert found.outcomes.moment.tolist() == times[order].tolist()
    expected = sorted(
        (time, *last.get(id, (NEVER, None))) for id, time in zip(drawn.tolist(), times.tolist(), strict=True)
    )
    joined = zip(times[order].tolist(), found.outcomes.known.tolist(), plain(found.outcomes.label), strict=True)
    assert sorted(joined, key=repr) == sorted(expected, key=lambda row: repr((*row[:2], float_or_none(row[2]))))
    assert counts(found) == (len(set(last) - set(drawn.tolist())), seen - len(last), 0)
