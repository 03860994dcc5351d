"""The label join within a database: when it is made there, and that it is the same join."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from monitoring_tasks.data.logged import Fields
from monitoring_tasks.data.outcomes import read_outcomes
from monitoring_tasks.data.sql_outcomes import JoinedThere, join_there
from monitoring_tasks.errors import SourceInvalid
from monitoring_tasks.performance.outcomes import Outcomes
from monitoring_tasks.window import Window
from tests.data.logs import WEEK, Columns, Logs, at

LATER = Window(WEEK.start, WEEK.end + timedelta(days=30))
DATABASES = ("sqlite", "postgresql")


@pytest.fixture
def logs(request: pytest.FixtureRequest, tmp_path: Path) -> Logs:
    """Logs in a folder; with a PostgreSQL database where a parameter of the test says so."""
    wanted = hasattr(request.node, "callspec") and "postgresql" in request.node.callspec.params.values()
    return Logs(tmp_path, request.getfixturevalue("postgres_url") if wanted else None)


def there(logs: Logs, **changes: Any) -> JoinedThere | None:
    """The join as the database makes it, if it does."""
    return join_there(Fields(logs.monitor(**changes)), logs.connections, WEEK, LATER)


def read(logs: Logs, **changes: Any) -> Outcomes:
    """The outcomes of the week."""
    return read_outcomes(logs.monitor(**changes), logs.connections, WEEK, known_at=LATER.end).outcomes


def keep(logs: Logs, kind: str, ids: list[Any], labels: list[Any], **types: str) -> None:
    """A prediction and a later label of each id."""
    count = len(ids)
    logs.keep("predictions", kind, {"ts": [at(1)] * count, "id": ids, "score": [0.5] * count}, **types)
    logs.keep("labels", kind, {"id": ids, "label": labels, "label_time": [at(5)] * count}, **types)


@pytest.mark.parametrize("kind", DATABASES)
def test_one_database_joins_its_own_logs(logs: Logs, kind: str) -> None:
    """Whole numbers and texts as ids; labels of each task."""
    keep(logs, kind, [7, 8], [1, 0])
    found = there(logs)
    assert found is not None
    assert (len(found.gathered), found.orphans, found.corrections) == (2, 0, 0)
    assert there(logs, task="regression") is not None
    logs.keep("words", kind, {"ts": [at(1)], "id": ["a"], "score": ["x"]})
    logs.keep("outcomes", kind, {"id": ["a"], "label": ["x"], "label_time": [at(5)]})
    changes = {"source": logs.sources["words"], "labels": {"source": logs.sources["outcomes"]}, "task": "multiclass"}
    assert there(logs, **changes) is not None
    assert read(logs, **changes).label.tolist() == [0]


@pytest.mark.parametrize("kind", DATABASES)
def test_queries_are_joined_as_tables_are(logs: Logs, kind: str) -> None:
    """Both logs may be queries, even of one table."""
    columns: Columns = {"ts": [at(1), at(5)], "id": [7, 7], "score": [0.5, None], "label": [None, 1]}
    logs.keep("predictions", kind, columns)
    source = {"kind": "sql", "connection": kind}
    changes = {
        "source": {**source, "query": "SELECT ts, id, score FROM predictions WHERE label IS NULL;"},
        "labels": {"source": {**source, "query": "SELECT ts, id, label FROM predictions -- all"}, "timestamp": "ts"},
    }
    assert there(logs, **changes) is not None
    assert read(logs, **changes).label.tolist() == [1]


@pytest.mark.parametrize(
    ("kind", "ids", "labels", "types"),
    [
        ("sqlite", [1.0, 2.0], [0, 1], {}),
        ("postgresql", [1.0, 2.0], [0, 1], {}),
        ("postgresql", [1, 2], [0, 1], {"id": "numeric"}),
        ("sqlite", [1, 2], [None, None], {}),
        ("postgresql", [1, 2], [float("nan"), 1.0], {}),
    ],
)
def test_what_it_would_compare_otherwise_is_read(
    logs: Logs, kind: str, ids: list[Any], labels: list[Any], types: dict[str, str]
) -> None:
    """Ids that are floats or decimals, labels that are NaN or nothing at all: the rows are read, and joined here."""
    keep(logs, kind, ids, labels, **types)
    assert there(logs) is None
    expected = [np.nan if label is None else float(label) for label in labels]
    np.testing.assert_array_equal(read(logs).label, expected)


@pytest.mark.parametrize("kind", DATABASES)
def test_a_label_that_is_not_allowed_is_refused_there_too(logs: Logs, kind: str) -> None:
    """Even where no prediction has its id."""
    keep(logs, kind, [1, 2], [0, 1])
    logs.keep("more", kind, {"id": [1, 99], "label": [0, 2], "label_time": [at(5), at(6)]})
    with pytest.raises(SourceInvalid, match=r"^labels: label column 'label' of table more in .* holds 2: the label of"):
        read(logs, labels={"source": logs.sources["more"]})


def test_ids_are_compared_by_their_characters(logs: Logs) -> None:
    """A collation that takes a and A for one does not join them."""
    keep(logs, "sqlite", ["a", "A"], [0, 1], id="text collate nocase")
    assert there(logs) is not None
    assert sorted(read(logs).label.tolist()) == [0, 1]
    engine = sa.create_engine(f"sqlite:///{logs.folder}/logs.db", poolclass=NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM labels WHERE id = 'a' COLLATE BINARY")
    assert sorted(map(str, read(logs).label.tolist())) == ["1.0", "nan"]


def test_moments_are_compared_as_time(logs: Logs) -> None:
    """SQLite keeps moments as text in several forms, whose own order is another."""
    logs.keep("predictions", "sqlite", {"ts": [at(1)], "id": [7], "score": [0.5]})
    times = ["2013-06-04T06:00Z", "2013-06-04 07:00:00.5", "2013-06-04 06:30"]
    logs.keep("labels", "sqlite", {"id": [7, 7, 7], "label": [0, 1, 0], "label_time": times})
    found = there(logs)
    assert found is not None
    assert found.corrections == 2
    assert read(logs).label.tolist() == [1]


def test_two_databases_are_joined_here(logs: Logs) -> None:
    """The statement of one cannot read the other."""
    logs.keep("predictions", "sqlite", {"ts": [at(1)], "id": [7], "score": [0.5]})
    logs.keep("labels", "parquet", {"id": [7], "label": [1], "label_time": [at(5)]})
    assert there(logs) is None
    assert there(logs, labels=None, label="y") is None
    assert read(logs).label.tolist() == [1]
