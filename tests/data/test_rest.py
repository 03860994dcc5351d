"""JSON endpoints as sources: the same rows as from files, page by page, within limits, and no secret said."""

from __future__ import annotations

import json
import logging
import math
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from ruamel.yaml import YAML

from monitoring_tasks.data.labelled import fingerprint_labelled, read_labelled
from monitoring_tasks.data.source import open_rows
from monitoring_tasks.data.tables import Roles, read_table
from monitoring_tasks.data.undated import undated_rows
from monitoring_tasks.errors import SourceInvalid
from monitoring_tasks.sections import RestSource
from tests.data.json_server import Answer, Query, between, found, serving
from tests.data.logs import START, WEEK, Logs
from tests.data.rest_source import DAY, iso, made, opened, read


def test_a_span_is_asked_for_by_its_moments() -> None:
    """Start, end, version and further parameters, under the names that the endpoint gives them."""
    with serving(lambda *_: found(made(3))) as server:
        more = {"start": "from", "end": "until", "version": "7", "model_version": "v", "parameters": {"site": "a b"}}
        assert [row["id"] for row in read(opened(server, **more))] == [0, 1, 2]
    (path, query, _) = server.asked[0]
    assert path == "/rows"
    assert query == {"from": "2013-06-03T00:00:00Z", "until": "2013-06-10T00:00:00Z", "v": "7", "site": "a b"}
    assert len(server.asked) == 1


def paged(rows: list[dict[str, Any]], way: str) -> Any:
    """An endpoint that gives three rows at once."""

    def answer(path: str, query: Query) -> Answer:
        some = between(rows, query)
        number = int(query.get("p", query.get("cursor", "1"))) - 1
        first = int(query["skip"]) if way == "offset" else 3 * number
        page, more = some[first : first + 3], first + 3 < len(some)
        token: Any = str(number + 2) if more else None
        if way == "url" and more:
            token = f"http://{HOST[0]}/rows?start={query['start']}&end={query['end']}&p={number + 2}"
        if way == "relative" and more:
            token = f"?start={query['start']}&end={query['end']}&p={number + 2}"
        return found({"result": {"items": page}, "links": {"next": token}})

    return answer


HOST = [""]


@pytest.mark.parametrize(
    ("way", "keys"),
    [
        ("url", {"next": "links.next"}),
        ("relative", {"next": "links.next"}),
        ("token", {"next": "links.next"}),
        ("page", {"page": "p"}),
        ("offset", {"offset": "skip"}),
    ],
)
@pytest.mark.parametrize("count", [0, 1, 3, 10])
def test_pages_are_read_to_the_last(way: str, keys: dict[str, str], count: int) -> None:
    """By URL, token, number or offset: every row once, in order."""
    with serving(paged(made(count), way)) as server:
        HOST[0] = server.url.removeprefix("http://")
        assert [row["id"] for row in read(opened(server, rows="result.items", **keys))] == list(range(count))
    assert len(server.asked) <= count // 3 + 2


@pytest.mark.parametrize("rows", [{"rows": "a.b"}, {}])
def test_rows_are_found_at_their_place(rows: dict[str, str]) -> None:
    """At a dotted place, in `data`, or the answer itself; else it is said where they were looked for."""
    document = {"a": {"b": made(2)}, "data": made(2)}
    with serving(lambda *_: found(document)) as server:
        assert len(read(opened(server, **rows))) == 2
        with pytest.raises(SourceInvalid, match=r"/rows: a.c is no list of JSON objects: set source.rows"):
            read(opened(server, rows="a.c"))
    with serving(lambda *_: found([1, 2])) as server, pytest.raises(SourceInvalid, match="itself or its `data` is no"):
        read(opened(server))


def test_rows_outside_of_the_window_are_left_out_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    """An endpoint that gives whole days, or everything, changes no window's rows; undated rows are known."""
    rows = [*made(50), {"id": 99, "ts": None, "score": 1.0, "carrier": "UA"}]
    with serving(lambda *_: found(rows)) as server, caplog.at_level(logging.WARNING):
        opens = opened(server)
        assert [row["id"] for row in read(opens, DAY)] == list(range(24))
        assert undated_rows(opens, DAY) == 1
    assert "rest.rows_outside" in caplog.text
    assert "rows=26" in caplog.text
    assert len(server.asked) == 1


def test_json_becomes_columns_of_one_type() -> None:
    """Whole numbers, numbers, booleans, text; what is mixed or nested is text; moments of any zone are UTC."""
    rows = [
        {"ts": "2013-06-03T02:00:00+02:00", "a": 1, "b": 1, "c": True, "d": 1, "e": {"x": [1]}, "f": None, "g": 2**70},
        {"ts": "2013-06-03T01:00:00", "a": 2, "b": 1.5, "c": None, "d": "x", "e": None, "h": "late"},
    ]
    with serving(lambda *_: found(rows)) as server:
        source = opened(server)
        (chunk,) = source.chunks(DAY)
        table = chunk.read(["ts", *"abcdefgh"])
    assert table.to_pylist() == [
        {"ts": START, "a": 1, "b": 1.0, "c": True, "d": "1", "e": '{"x": [1]}', "f": None, "g": str(2**70), "h": None},
        {"ts": START + timedelta(hours=1), "a": 2, "b": 1.5, "c": None, "d": "x"}
        | dict.fromkeys("efg")
        | {"h": "late"},
    ]
    assert source.schema().field("ts").type == pa.timestamp("us", "UTC")
    assert source.schema().field("a").type == pa.int64()


def test_no_digit_of_a_whole_number_is_lost() -> None:
    """Ids beyond 2^53 and beyond 64 bits stay apart; beside fractions they are numbers, infinite at worst."""
    ids = [2**53, 2**53 + 1, 2**62 + 1], [2**64, 2**64 + 1, 3], [0.5, 2**70, -(10**400)]
    rows = [
        {"ts": iso(START), "a": a, "b": b, "c": c, "d": chr(0xD800), "e": "\U0001f600"}
        for a, b, c in zip(*ids, strict=True)
    ]
    with serving(lambda *_: found(rows)) as server:
        (chunk,) = opened(server).chunks(DAY)
        table = chunk.read(list("abcde"))
    assert table["a"].to_pylist() == ids[0]
    assert table["b"].to_pylist() == [str(each) for each in ids[1]]
    assert table["c"].to_pylist() == [0.5, 2.0**70, -math.inf]
    assert (table["d"].to_pylist()[0], table["e"].to_pylist()[0]) == ("\ufffd", "\U0001f600")


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (1370260800, "has type int64: a timestamp column may be"),
        ("June", "'June', which is no moment"),
        (..., "no timestamp"),
    ],
)
def test_a_timestamp_that_is_none_is_refused(moment: Any, words: str) -> None:
    """A number, other text, or no such column: said of the endpoint, not of a file of ours."""
    row = {"id": 1} if moment is ... else {"id": 1, "ts": moment}
    with serving(lambda *_: found([row])) as server, pytest.raises(SourceInvalid, match=words) as caught:
        read(opened(server))
    assert f"{server.url}/rows" in str(caught.value)


def test_the_fingerprint_is_the_content() -> None:
    """Equal for equal rows, whatever the order of keys and pages; another for any other row; asked for once."""
    rows = made(8)
    with serving(paged(rows, "page")) as server:
        whole = opened(server, rows="result.items", page="p")
        first = whole.fingerprint(WEEK)
        assert read(whole)
        assert whole.fingerprint(WEEK) == first
        asked = len(server.asked)
        server.answer = lambda _, query: found([dict(reversed(row.items())) for row in between(rows, query)])
        assert opened(server).fingerprint(WEEK) == first
        assert len(server.asked) == asked + 1
        rows[3]["score"] = 0.5
        assert opened(server).fingerprint(WEEK) != first
        assert opened(server).fingerprint(DAY) != first


def test_all_rows_cannot_be_asked_for() -> None:
    """A reference or a schema without a window is refused."""
    with serving(lambda *_: found(made(1))) as server:
        for ask in (lambda rows: rows.chunks(None), lambda rows: rows.fingerprint(None), lambda rows: rows.schema()):
            with pytest.raises(SourceInvalid, match="is read by window"):
                ask(opened(server))
    assert server.asked == []


def test_what_was_read_is_gone_with_the_source() -> None:
    """The file of the rows does not outlive them."""
    with serving(lambda *_: found(made(1))) as server:
        rows = opened(server)
        read(rows)
        folder = Path(rows.path)
        assert [path.suffix for path in folder.iterdir()] == [".parquet"]
        del rows
    assert not folder.exists()


def test_chunks_are_the_same_from_run_to_run() -> None:
    """The seed of the sample does not depend on where the rows are kept."""
    with serving(lambda *_: found(made(5))) as server:
        assert opened(server).chunks(WEEK)[0].key == opened(server).chunks(WEEK)[0].key


def test_the_same_rows_are_read_as_from_files(tmp_path: Path) -> None:
    """Predictions and labels through an endpoint give the table, the join and the labels that files give."""
    predictions = {
        "id": [f"p{number}" for number in range(60)],
        "ts": [START + timedelta(hours=number) for number in range(60)],
        "score": [number / 60 for number in range(60)],
        "x": [float(number % 7) if number % 5 else None for number in range(60)],
    }
    labels = {
        "id": [f"p{number}" for number in range(0, 70, 2)],
        "label": [number % 3 == 0 for number in range(35)],
        "timestamp": [START + timedelta(days=3, hours=number) for number in range(35)],
    }
    files = Logs(tmp_path)
    files.keep("predictions", "parquet", predictions)
    files.keep("labels", "parquet", labels)
    section = {"column": "label", "timestamp": "timestamp", "delay": "2d"}

    def answer(path: str, query: Query) -> Answer:
        columns, moment = (predictions, "ts") if path == "/predictions" else (labels, "timestamp")
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        return found(
            json.loads(json.dumps(between([{**row, moment: iso(row[moment])} for row in rows], query, moment)))
        )

    with serving(answer) as server:
        rest = Logs(tmp_path)
        rest.sources = {name: {"kind": "rest", "url": f"{server.url}/{name}"} for name in ("predictions", "labels")}
        made = [logs.monitor(labels={"source": logs.sources["labels"], **section}) for logs in (files, rest)]
        tables = [
            read_table(open_rows(monitor, files.connections), WEEK, Roles("id", "ts"), other=lambda _: True)
            for monitor in made
        ]
        known = [
            read_labelled(monitor, files.connections, WEEK, known_at=START + timedelta(days=4)) for monitor in made
        ]
        assert fingerprint_labelled(made[1], files.connections, WEEK)
    assert tables[0].equals(tables[1])
    assert known[0].rows.equals(known[1].rows)
    assert [(each.labelled, each.orphans) for each in known] == [(known[0].labelled, known[0].orphans)] * 2


def test_the_endpoint_of_the_docs_loads() -> None:
    """The example that people copy is valid."""
    text = (Path(__file__).parents[2] / "docs" / "add-a-model.md").read_text(encoding="utf-8")
    blocks = [block.split("```")[0] for block in text.split("```yaml\n")]
    block = next(block for block in blocks if "kind: rest" in block)
    source = RestSource.model_validate(YAML(typ="safe").load(block)["source"])
    assert (source.version, source.next, source.rows) == ("3", "links.next", "result.items")
