"""Samples of texts: which rows, how much of each text, alike in files and databases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from pyarrow.fs import LocalFileSystem

from monitoring_tasks.data.memory import TableRows
from monitoring_tasks.data.parquet import ParquetRows
from monitoring_tasks.data.sql import SqlRows
from monitoring_tasks.profile.plan import HASH
from monitoring_tasks.profile.texts import CHARACTERS, TEXT_ROWS, join_texts, sample_texts
from monitoring_tasks.window import HOUR, Window

DAY = Window.parse("2013-06-04", "2013-06-05")
START = datetime(2013, 6, 4, tzinfo=UTC)
TEXTS = ["plain", "", None, "äöü", "a\0b", "\U0001f600" * 3000, "x" * 1_000_000, "<script>", "'; DROP TABLE log; --"]
KEPT = ["plain", "", None, "äöü", "a\0b", "\U0001f600" * 2000, "x" * 2000, "<script>", "'; DROP TABLE log; --"]


def moments(count: int) -> list[datetime]:
    """So many moments of the day, evenly."""
    return [START + number * timedelta(days=1) / count for number in range(count)]


def in_files(folder: Path, tables: Sequence[pa.Table]) -> ParquetRows:
    """Rows in one file for each table."""
    for number, table in enumerate(tables):
        pq.write_table(table, folder / f"{number:03}.parquet", row_group_size=200)
    return ParquetRows(LocalFileSystem(), str(folder), timestamp="at")


def in_database(url: str, columns: dict[str, list[Any]], **types: str) -> SqlRows:
    """Rows in a table called log; `types` are those of the database's columns, text when left out."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    stamp = "text" if engine.dialect.name == "sqlite" else "timestamptz"
    kinds = {name: types.get(name, "text") for name in columns} | {"at": stamp}
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE TABLE log ({', '.join(f'{name} {kind}' for name, kind in kinds.items())})")
        table = sa.table("log", *map(sa.column, columns))
        for row in zip(*columns.values(), strict=True):
            plain = [str(value)[:19] if stamp == "text" and isinstance(value, datetime) else value for value in row]
            connection.execute(sa.insert(table).values(dict(zip(columns, plain, strict=True))))
    return SqlRows(engine, timestamp="at", table="log")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path / 'rows.db'}"


def texts_of(table: pa.Table, name: str = "text") -> list[str | None]:
    """The column's texts, in an order that does not depend on the source."""
    return sorted(table[name].to_pylist(), key=lambda text: (text is None, text or ""))


def test_files_keep_the_beginning_of_each_text(tmp_path: Path) -> None:
    """Of a text 2,000 code points stay, none of them in part; nulls and empty texts stay what they are."""
    table = pa.table({"at": pa.array(moments(len(TEXTS)), pa.timestamp("us", "UTC")), "text": TEXTS})
    found = sample_texts(in_files(tmp_path, [table]), DAY, ["text"])
    assert found.column_names == ["text", HASH]
    assert texts_of(found) == texts_of(pa.table({"text": KEPT}))


def test_long_texts_are_read_a_few_at_a_time(tmp_path: Path) -> None:
    """Of a row group of 20 MB, which is read in parts, each row of the window has its own text."""
    texts = [f"{number:03} " + "x" * 200_000 for number in range(100)]
    table = pa.table({"at": pa.array(moments(100), pa.timestamp("us", "UTC")), "text": texts})
    rows = in_files(tmp_path, [table])
    (chunk,) = rows.chunks(DAY)
    assert len(list(chunk.parts("text"))) > 2
    assert texts_of(sample_texts(rows, DAY, ["text"])) == [text[:CHARACTERS] for text in texts]
    half = Window(START + 12 * HOUR, DAY.end)
    assert texts_of(sample_texts(rows, half, ["text"])) == [text[:CHARACTERS] for text in texts[50:]]
    assert list(chunk.parts("nowhere")) == []


def test_databases_keep_the_same(url: str) -> None:
    """The same texts from SQLite, whose own functions end one at NUL, and from PostgreSQL, which has no NUL."""
    postgres = url.startswith("postgresql")
    given, kept = ([each for each in side if not (postgres and each == "a\0b")] for side in (TEXTS, KEPT))
    rows = in_database(url, {"at": moments(len(given)), "text": given})
    found = sample_texts(rows, DAY, ["text"])
    assert texts_of(found) == texts_of(pa.table({"text": kept}))
    assert found.schema.types == [pa.string(), pa.uint64()]


def test_what_is_not_unicode_is_replaced(tmp_path: Path) -> None:
    """Lone surrogates and broken bytes end neither a scan of files nor one of SQLite."""
    raw = [b"a\xffb", b"\xed\xa0\x80c", b"cut \xf0\x9f"]
    broken = pa.Array.from_buffers(pa.string(), 3, pa.array(raw, pa.binary()).buffers())
    (tmp_path / "files").mkdir()
    table = pa.table({"at": pa.array(moments(3), pa.timestamp("us", "UTC")), "text": broken})
    found = sample_texts(in_files(tmp_path / "files", [table]), DAY, ["text"])
    rows = in_database(f"sqlite:///{tmp_path / 'rows.db'}", {"at": moments(3), "text": [f"{n}" for n in range(3)]})
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'rows.db'}", poolclass=sa.NullPool)
    with engine.begin() as connection:
        for number, text in enumerate(raw):
            connection.exec_driver_sql("UPDATE log SET text = CAST(? AS TEXT) WHERE text = ?", (text, f"{number}"))
    assert texts_of(sample_texts(rows, DAY, ["text"])) == texts_of(found)
    assert texts_of(found) == sorted(each.decode("utf-8", "replace") for each in raw)


def test_a_database_in_another_encoding(tmp_path: Path) -> None:
    """SQLite may keep texts as UTF-16."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'rows.db'}", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA encoding = 'UTF-16le'")
        connection.exec_driver_sql("CREATE TABLE other (x text)")
        connection.commit()
    rows = in_database(str(engine.url), {"at": moments(3), "text": ["naïve", "\U0001f600" * 3000, None]})
    assert texts_of(sample_texts(rows, DAY, ["text"])) == ["naïve", "\U0001f600" * 2000, None]


def test_only_texts_are_sampled(tmp_path: Path, url: str) -> None:
    """A column that is not there, or of another type, is left out; in SQLite a value of another type is null."""
    table = pa.table(
        {
            "at": pa.array(moments(2), pa.timestamp("us", "UTC")),
            "number": [1, 2],
            "raw": [b"a", b"b"],
            "coded": pa.array(["a", "b"]).dictionary_encode(),
            "large": pa.array(["a", None], pa.large_string()),
        }
    )
    asked = ["number", "raw", "nowhere", "coded", "large"]
    (tmp_path / "files").mkdir()
    found = sample_texts(in_files(tmp_path / "files", [table]), DAY, asked)
    assert found.column_names == ["coded", "large", HASH]
    rows = in_database(
        url, {"at": moments(2), "number": [1, 2], "text": ["a", None]}, number="integer", other="integer"
    )
    sampled = sample_texts(rows, DAY, ["number", "nowhere", "text"])
    numbers = sampled["number"].to_pylist() if "number" in sampled.column_names else None
    assert numbers == ([None, None] if url.startswith("sqlite") else None)
    assert texts_of(sampled) == ["a", None]


def test_the_sample_of_a_window_does_not_depend_on_how_it_was_cut(tmp_path: Path) -> None:
    """Hours that are files of their own, joined in any order, or all at once: the 500 rows of smallest hashes."""
    random = np.random.default_rng(3)
    table = pa.table(
        {
            "at": pa.array(moments(4000), pa.timestamp("us", "UTC")),
            "text": [f"text {number}" for number in random.permutation(4000)],
        }
    )
    cuts = np.searchsorted(table["at"].to_numpy(), [np.datetime64(f"2013-06-04T{hour:02}") for hour in range(24)])
    ends = [*cuts[1:], 4000]
    rows = in_files(tmp_path, [table.slice(cut, end - cut) for cut, end in zip(cuts, ends, strict=True)])
    whole = sample_texts(rows, DAY, ["text"])
    hours = [sample_texts(rows, Window(at, at + HOUR), ["text"]) for at in (START + n * HOUR for n in range(24))]
    assert whole.num_rows == TEXT_ROWS
    assert all(hour.num_rows <= TEXT_ROWS for hour in hours)
    assert join_texts(hours).equals(whole)
    assert join_texts(hours[::-1]).equals(whole)
    assert np.all(np.diff(whole[HASH].to_numpy().astype(float)) >= 0)


def test_the_sample_of_a_database_is_that_of_its_rows(url: str, tmp_path: Path) -> None:
    """Rows in another order give the same sample, those of one moment among them."""
    count = 1300
    columns: dict[str, list[Any]] = {
        "at": [START + timedelta(minutes=number // 10) for number in range(count)],
        "text": [f"text {number}" for number in range(count)],
    }
    order = np.random.default_rng(0).permutation(count)
    mixed = {name: [values[place] for place in order] for name, values in columns.items()}
    first = sample_texts(in_database(url, columns), DAY, ["text"])
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE log")
    assert sample_texts(in_database(url, mixed), DAY, ["text"]).equals(first)
    assert first.num_rows == TEXT_ROWS
    assert len(set(first["text"].to_pylist())) == TEXT_ROWS


def test_nothing_to_sample(tmp_path: Path, url: str) -> None:
    """A window without rows gives a sample without any; no column that is a text gives rows without texts."""
    later = Window.parse("2014-01-01", "2014-01-02")
    table = pa.table({"at": pa.array(moments(3), pa.timestamp("us", "UTC")), "text": ["a", "b", "c"]})
    (tmp_path / "files").mkdir()
    for rows in (in_files(tmp_path / "files", [table]), in_database(url, {"at": moments(3), "text": ["a", "b", "c"]})):
        assert sample_texts(rows, later, ["text"]).num_rows == 0
        assert sample_texts(rows, DAY, ["other"]).column_names == [HASH]
        assert sample_texts(rows, DAY, ["other"]).num_rows == 3
    assert sample_texts(TableRows(table), None, ["text"]).num_rows == 3
    assert CHARACTERS == 2000
