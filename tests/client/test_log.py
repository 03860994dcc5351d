"""Rows in by any thread, and out where a monitor reads them."""

from __future__ import annotations

import logging
import re
import threading
import weakref
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from monitoring_tasks.client import Buffering, LabelLog, PredictionLog
from monitoring_tasks.errors import ConfigurationError
from tests.client.logs import ids_in, rows_in, table

WEST = timezone(timedelta(hours=-5))
NOON = datetime(2013, 6, 3, 12, tzinfo=UTC)


@pytest.fixture(params=["files", "sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """A place of each kind to which nothing was logged yet."""
    if request.param == "files":
        return tmp_path / "log"
    return request.getfixturevalue("postgres_url") if request.param == "postgresql" else f"sqlite:///{tmp_path}/log.db"


def read(place: Path | str, name: str = "predictions", timestamp: str = "timestamp") -> list[dict[str, Any]]:
    """The rows in the order of their ids."""
    found = (
        rows_in(place, timestamp)
        if isinstance(place, Path)
        else [dict(row) for row in table(place, f"SELECT * FROM {name}")]
    )
    return sorted(found, key=lambda row: row["id"])


def test_a_prediction_has_its_columns(place: Path | str) -> None:
    """Id, moment in UTC, prediction, features, and what was said of the serving."""
    with PredictionLog(place) as log:
        log.append("b", 0.7, {"x": 1, "carrier": "UA"}, timestamp=NOON, model_version="3", latency_ms=4, error=None)
        log.append("a", np.float32(0.5), {"x": 2.5}, timestamp=NOON + timedelta(days=1), error="timeout")
    first, second = read(place)
    assert (first["prediction"], first["x"], first["error"], first.get("latency_ms")) == (0.5, 2.5, "timeout", None)
    assert (second["x"], second["carrier"], second["model_version"], second.get("latency_ms")) == (1.0, "UA", "3", 4.0)
    moment = "2013-06-03 12:00:00.000000" if str(place).startswith("sqlite") else NOON
    assert second["timestamp"] == moment
    assert log.dropped == 0


def test_labels_are_a_log_of_their_own(place: Path | str) -> None:
    """Id, label and the moment it was known; a label taken back is null."""
    with LabelLog(place) as log:
        log.append(7, 1, NOON)
        log.append(8, None, NOON)
    found = read(place, "labels", "label_time")
    assert [(row["id"], row["label"]) for row in found] == [(7, 1.0), (8, None)]
    assert set(found[0]) == {"id", "label", "label_time"}


def test_files_lie_by_utc_day(tmp_path: Path) -> None:
    """A row before midnight UTC lies in that day, whatever zone its moment is in; moments without zone are UTC."""
    late = datetime(2013, 6, 4, 1, tzinfo=timezone(timedelta(hours=2)))
    with PredictionLog(tmp_path) as log:
        log.extend([{"id": 1, "timestamp": late}, {"id": 2, "timestamp": datetime(2013, 6, 4)}])  # noqa: DTZ001
    days = {
        path.parent.name: pq.read_table(path, partitioning=None)["id"].to_pylist()
        for path in tmp_path.rglob("*.parquet")
    }
    assert days == {"day=2013-06-03": [1], "day=2013-06-04": [2]}
    name = next(tmp_path.rglob("*.parquet")).name
    assert re.fullmatch(r"part-\d{8}T\d{6}-[\w-]+-\d+-[0-9a-f]{8}-\d\.parquet", name)


def test_a_moment_left_out_is_now(tmp_path: Path) -> None:
    """None, NaT and nothing at all are the moment of the call."""
    before = datetime.now(UTC)
    with PredictionLog(tmp_path) as log:
        log.extend([{"id": 1}, {"id": 2, "timestamp": None}, {"id": 3, "timestamp": pd.NaT}])
    moments = [row["timestamp"] for row in rows_in(tmp_path)]
    assert all(before <= moment <= datetime.now(UTC) for moment in moments)


def test_columns_may_have_other_names_and_declared_types(place: Path | str) -> None:
    """As the monitor calls them; a whole number stays whole where that is declared."""
    names = {"id": "prediction_id", "timestamp": "at", "prediction": "score"}
    with PredictionLog(place, names=names, types={"code": int, "id": str}, table="served") as log:
        log.append(12, {"p_a": 0.25, "p_b": 0.75}, {"code": 2**60 + 1})
    (row,) = rows_in(place, "at") if isinstance(place, Path) else table(place, "SELECT * FROM served")
    assert (row["prediction_id"], row["code"], row["p_a"], row["p_b"]) == ("12", 2**60 + 1, 0.25, 0.75)


def test_types_stay_from_batch_to_batch(place: Path | str) -> None:
    """Whole numbers, floats, nulls and values that do not fit, in batches of one: one type, nothing lost but those."""
    with PredictionLog(place, buffering=Buffering(batch=1)) as log:
        for number, value in enumerate([3, 3.5, None, np.int64(4), "many", True]):
            log.append(number, 0.5, {"x": value, "late": "text" if number == 4 else None})
    found = read(place)
    assert [row["x"] for row in found] == [3.0, 3.5, None, 4.0, None, 1.0]
    assert [row.get("late") for row in found] == [None, None, None, None, "text", None]
    assert log.unfit == {"x": 1}
    if isinstance(place, Path):
        assert {str(pq.read_schema(path).field("id").type) for path in place.rglob("*.parquet")} == {"int64"}


@pytest.mark.parametrize(
    ("row", "error", "words"),
    [
        ("a", TypeError, "a row is a mapping .*found str"),
        ({"prediction": 1}, ValueError, "a row needs id; found prediction"),
        ({"id": None}, TypeError, "an id is text without NUL, a whole number of 64 bits or a UUID; found None"),
        ({"id": ""}, TypeError, "found ''"),
        ({"id": True}, TypeError, "found True"),
        ({"id": 1.0}, TypeError, "found 1.0"),
        ({"id": 2**63}, TypeError, "found 9223372036854775808"),
        ({"id": "text"}, TypeError, "ids are whole numbers; found the text 'text'.*types={'id': str}"),
        ({"id": 1, "timestamp": "2013-06-03"}, TypeError, "timestamp is a datetime .*found str"),
        ({"id": "a\0b"}, TypeError, "an id is text without NUL.*found 'a.*b'"),
        ({"id": chr(0xD800)}, TypeError, "found '.ud800'"),
        ({"id": 1, "features": [1, 2]}, TypeError, "features is a mapping of columns to values; found list"),
        ({"id": 1, "features": {1: 2, "1": 3}}, ValueError, "several values for 1: give a column once"),
        ({"id": 1, "timestamp": datetime.max.replace(tzinfo=WEST)}, ValueError, "no moment of the years 1 to 9999"),
        ({"id": 1, "features": {"id": 2}}, ValueError, "several values for id: give a column once"),
        ({"id": 1, "features": {"timestamp": 2}}, ValueError, "several values for timestamp"),
        ({"id": 1, "prediction": {"x": 1}, "features": {"x": 2}}, ValueError, "several values for x"),
    ],
)
def test_a_row_that_is_none_is_refused_at_once(tmp_path: Path, row: Any, error: type[Exception], words: str) -> None:
    """And none of the rows given with it is taken."""
    with PredictionLog(tmp_path) as log:
        log.append(0)
        with pytest.raises(error, match=words):
            log.extend([{"id": 1}, row])
    assert ids_in(tmp_path) == [0]


def test_ids_are_alike(tmp_path: Path) -> None:
    """Numbers in a log of text are written as text; a UUID is its text; numpy's whole numbers are whole numbers."""
    with PredictionLog(tmp_path / "text") as log:
        for id in ("a", 7, UUID(int=0)):
            log.append(id)
    with PredictionLog(tmp_path / "whole") as log:
        log.append(np.int16(7))  # type: ignore[arg-type]
    assert ids_in(tmp_path / "text") == [str(UUID(int=0)), "7", "a"]
    assert ids_in(tmp_path / "whole") == [7]


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("nosuch://bucket/log", "nothing installed writes to nosuch://"),
        ("mysql+pymysql://ada:secret@db/x", "nothing installed writes to mysql"),
        ("sqlite://", "a log cannot be kept in sqlite://"),
        ("postgresql+nodriver://ada:secret@db/x", "a log cannot be kept in postgresql"),
        ("postgresql://ada:secret@db:port/x", "none that SQLAlchemy reads"),
    ],
)
def test_a_place_that_is_none_is_refused_at_once(place: str, words: str) -> None:
    """With what is allowed, and without the password."""
    with pytest.raises(ConfigurationError, match=words) as caught:
        PredictionLog(place)
    assert "secret" not in str(caught.value)


def test_settings_must_make_sense(tmp_path: Path) -> None:
    """No interval of none or without end, no column of text above two gigabytes, no type that no column has."""
    with pytest.raises(ValueError, match="interval is 0: give a number above 0"):
        Buffering(interval=0)
    for setting in ({"interval": float("inf")}, {"patience": float("nan")}, {"bytes": 2**31}):
        with pytest.raises(ValueError, match="give a number above 0 and at most 1,073,741,824"):
            Buffering(**setting)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"types\['x'\] is .*list.*: a column holds one of float, int, str, bool"):
        PredictionLog(tmp_path, types={"x": list})  # type: ignore[dict-item]


def test_a_uri_is_written_through_fsspec() -> None:
    """An object store, where a file is there as a whole or not at all."""
    import fsspec

    with PredictionLog("memory://lake/predictions") as log:
        log.append(1, timestamp=NOON)
    (found,) = fsspec.filesystem("memory").glob("/lake/predictions/day=2013-06-03/*")
    assert re.search(r"/part-[^/]+\.parquet$", found)


def test_another_file_system_gets_a_name_that_readers_skip_first(tmp_path: Path) -> None:
    """Written under a hidden name and moved, as on a disk."""
    with PredictionLog(f"local://{tmp_path}") as log:
        log.append(1, timestamp=NOON)
    assert ids_in(tmp_path) == [1]
    assert not list(tmp_path.rglob(".*"))


def test_many_threads_lose_nothing(place: Path | str) -> None:
    """Eight threads, small batches: every row once."""
    log = PredictionLog(place, buffering=Buffering(interval=0.01, batch=100))

    def serve(thread: int) -> None:
        for number in range(500):
            log.append(thread * 1000 + number, 0.5, {"x": 1.0})

    threads = [threading.Thread(target=serve, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    assert ids_in(place) == [thread * 1000 + number for thread in range(8) for number in range(500)]
    assert log.dropped == 0


def test_rows_are_written_by_number_and_by_time(tmp_path: Path) -> None:
    """A full batch does not wait for the interval; fewer rows do, and no longer."""
    with PredictionLog(tmp_path, buffering=Buffering(interval=3600, batch=10)) as log:
        log.extend({"id": number} for number in range(10))
        assert eventually(lambda: len(ids_in(tmp_path)) == 10)
    with PredictionLog(tmp_path / "b", buffering=Buffering(interval=0.05)) as log:
        log.append(1)
        assert eventually(lambda: ids_in(tmp_path / "b") == [1])


def eventually(true: Any, seconds: float = 20) -> bool:
    """Whether something becomes true."""
    pause = threading.Event()
    return any(true() or pause.wait(0.02) for _ in range(int(seconds / 0.02)))


@pytest.mark.parametrize("room", [Buffering(rows=5, interval=0.05), Buffering(bytes=4000, interval=0.05)])
def test_the_newest_rows_are_dropped_when_there_is_no_room(
    tmp_path: Path, room: Buffering, caplog: pytest.LogCaptureFixture
) -> None:
    """While nothing can be written memory is bounded; what is dropped is counted and said; the older rows arrive."""
    (tmp_path / "log").write_text("a file in the way")
    with caplog.at_level(logging.WARNING), PredictionLog(tmp_path / "log", buffering=room) as log:
        log.extend({"id": number, "text": "x" * 500} for number in range(20))
        kept = 20 - log.dropped
        assert kept == 5 if room.rows == 5 else 3 <= kept <= 6
        assert eventually(lambda: "log.rows_dropped" in caplog.text)
        (tmp_path / "log").unlink()
        assert log.flush()
    assert ids_in(tmp_path / "log") == list(range(kept))
    assert f"rows={20 - kept} since_start={20 - kept}" in caplog.text
    assert caplog.text.count("log.rows_dropped") == 1


def test_the_bound_of_memory_holds_for_names_and_for_what_no_column_holds(tmp_path: Path) -> None:
    """Each request brings its names anew; a list, of which nothing is written, is let go at once."""
    (tmp_path / "file").touch()
    with PredictionLog(tmp_path / "file" / "log", buffering=Buffering(bytes=100_000, patience=0.1)) as log:
        for number in range(100):
            log.append(number, 0.5, {f"{number}{'x' * 10_000}": 1.0})
        assert 85 < log.dropped < 95
    with PredictionLog(tmp_path / "log") as log:
        held = weakref.ref(value := np.zeros(1000))
        log.append(1, 0.5, {"x": value})
        del value
        assert held() is None
    assert log.unfit == {"x": 1}


def test_one_name_that_is_no_text_takes_no_row_with_it(tmp_path: Path) -> None:
    """A request can name a feature as it likes; its batch is others' as well."""
    with PredictionLog(tmp_path) as log:
        log.extend([{"id": 1, "features": {chr(0xD800): 1, 7: 2}}, {"id": 2}])
    assert [(row["id"], row["7"]) for row in rows_in(tmp_path)] == [(1, 2.0), (2, None)]
    assert (log.unfit, log.dropped) == ({chr(0xD800): 1}, 0)


def test_a_place_that_fails_is_tried_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A folder that cannot be made, then can: every row once, and the log says why it took so long."""
    (tmp_path / "log").write_text("a file in the way")
    with caplog.at_level(logging.WARNING), PredictionLog(tmp_path / "log", buffering=Buffering(interval=0.05)) as log:
        log.append(1)
        assert eventually(lambda: "log.write_failed" in caplog.text)
        log.append(2)
        (tmp_path / "log").unlink()
        assert log.flush()
    assert ids_in(tmp_path / "log") == [1, 2]
    assert re.search(
        r"log.write_failed place=\S+/log rows_waiting=\d tries=1 next_try_seconds=1 error=.*Error", caplog.text
    )


def test_a_full_disk_leaves_no_half_file(tmp_path: Path) -> None:
    """The file that could not be finished is removed, and written whole when there is room."""
    code = """
        import resource, signal, sys
        from monitoring_tasks.client import PredictionLog
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
        log = PredictionLog(sys.argv[1])
        log.append(1)
        print(log.flush(1.5), flush=True)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        print(log.flush(20), flush=True)
    """
    from tests.client.logs import start

    out, err = start(code, tmp_path).communicate(timeout=60)
    assert out.split() == ["False", "True"], err
    assert "File too large" in err
    assert ids_in(tmp_path) == [1]
    assert not list(tmp_path.rglob(".*"))


def test_closing_gives_up_after_a_time(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What cannot be written is counted; a closed log takes nothing and hurts nobody; closing twice is closing."""
    (tmp_path / "log").write_text("a file in the way")
    log = PredictionLog(tmp_path / "log")
    log.extend({"id": number} for number in range(3))
    with caplog.at_level(logging.WARNING):
        log.close(timeout=0.3)
    assert log.dropped == 3
    assert "log.rows_dropped" in caplog.text
    log.append(4)
    log.close()
    assert log.dropped == 4


def test_repr_names_the_place(tmp_path: Path) -> None:
    """Without the password."""
    with PredictionLog(tmp_path) as log, LabelLog("postgresql://ada:secret@db:5432/served") as labels:
        assert repr(log) == f"PredictionLog({tmp_path})"
        assert repr(labels) == "LabelLog(table labels in postgresql db/served)"
