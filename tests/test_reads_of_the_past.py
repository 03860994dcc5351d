"""How often a judged window asks its source for the windows before it: once each, and never again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from monitoring_tasks import steps
from monitoring_tasks.calibration.level import BEFORE
from monitoring_tasks.champion import load_reference, pin_champion
from monitoring_tasks.data.sql import SqlRows
from monitoring_tasks.maintenance_steps import Keeping, tidy_windows
from monitoring_tasks.pieces import Pieces
from monitoring_tasks.policy.verdict import Outcome, Subject
from monitoring_tasks.report import run_folder
from monitoring_tasks.runtime import Runtime, environment_runtime
from monitoring_tasks.window import HOUR, Window
from tests.data.json_server import between, found, serving
from tests.hourly import START, YAML, Hourly, answers, hour
from tests.whole_run import judge

SOURCE = next(line for line in YAML.splitlines() if line.startswith("source:"))
FIRST = 52
"""A run of this hour has a whole past: no hour of it lies before the monitor's start."""
LAST = FIRST + 2


@dataclass
class Asked:
    """An hourly monitor of a source that is asked, its rows by hour, and the spans it was asked for."""

    hourly: Hourly
    folder: Path
    hours: dict[int, pa.Table]
    spans: list[Window]
    each: int
    change: Callable[[int], None]

    def run(self, runtime: Runtime, *hours: int) -> Counter[int]:
        """Judge hours one after the other; how often each hour was asked for."""
        self.spans.clear()
        for number in hours:
            judge(self.hourly.monitor, runtime, hour(number))
        return Counter((span.start - START) // HOUR for span in self.spans)

    @contextmanager
    def store(self, name: str) -> Iterator[Runtime]:
        """A store of its own, cold."""
        urls = {"AIRFLOW_CONN_LAKE": f"sqlite:///{self.folder}/lake.db"}
        opened = environment_runtime({"MONITORING_HOME": str(self.folder / name), **urls})
        with opened.store:
            yield opened

    def kept(self, runtime: Runtime, number: int) -> dict[str, bytes | None]:
        """What a run keeps of one hour."""
        subject = Subject.from_json(steps.open_window(self.hourly.monitor, runtime, hour(number)))
        names = ["profile.json", "sample.parquet", "checked.txt", "verdict.json", "report.html", "data_drift.json"]
        return {name: runtime.artifacts.read(f"{run_folder(subject)}/{name}") for name in names}


def written(table: pa.Table) -> list[dict[str, Any]]:
    """Rows as an endpoint writes them."""
    return [{**row, "at": row["at"].isoformat()} for row in table.to_pylist()]


@contextmanager
def endpoint(
    folder: Path, hours: dict[int, pa.Table], undated: Callable[[int], list[dict[str, Any]]] = lambda _: []
) -> Iterator[Asked]:
    """A JSON endpoint: to learn what tells its rows from others, all of them are read.

    With the rows of an hour it gives those `undated` ones, without a time.
    """
    rows = {number: written(table) for number, table in hours.items()}
    spans: list[Window] = []

    def answer(_: str, query: dict[str, str]) -> Any:
        start, end = (datetime.fromisoformat(query[name]) for name in ("start", "end"))
        spans.append(Window(start, end))
        number = (start - START) // HOUR
        return found([*between(rows.get(number, []), query, "at"), *undated(number)])

    def change(number: int) -> None:
        rows[number] = written(answers(START + HOUR * number, count=200, refused=0.5))

    with serving(answer) as server:
        hourly = Hourly(folder, YAML.replace(SOURCE, f"source: {{kind: rest, url: '{server.url}/rows'}}"))
        yield Asked(hourly, folder, hours, spans, 1, change)


@contextmanager
def table(folder: Path, hours: dict[int, pa.Table]) -> Iterator[Asked]:
    """A table of a database: what tells its rows from others is a statement, and reading them is another."""
    engine, spans = sa.create_engine(f"sqlite:///{folder}/lake.db"), list[Window]()
    log = sa.table("log", *map(sa.column, next(iter(hours.values())).column_names))

    def put(connection: sa.Connection, rows: pa.Table) -> None:
        moments = [{**row, "at": f"{row['at']:%Y-%m-%d %H:%M:%S.%f}"} for row in rows.to_pylist()]
        connection.execute(sa.insert(log), moments)

    def change(number: int) -> None:
        start, end = (f"{START + HOUR * (number + more):%Y-%m-%d %H:%M:%S.%f}" for more in (0, 1))
        with engine.begin() as connection:
            connection.execute(sa.delete(log).where(log.c["at"] >= start, log.c["at"] < end))
            put(connection, answers(START + HOUR * number, count=200, refused=0.5))

    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE log (at text, words real, seconds real, refusal boolean, topic text)"))
        for rows in hours.values():
            put(connection, rows)
    hourly = Hourly(folder, YAML.replace(SOURCE, "source: {kind: sql, connection: lake, table: log}"))
    with pytest.MonkeyPatch.context() as patch:
        snapshot = SqlRows.snapshot

        def recorded(rows: SqlRows, window: Window | None) -> Any:
            if window is not None:
                spans.append(window)
            return snapshot(rows, window)

        patch.setattr(SqlRows, "snapshot", recorded)
        yield Asked(hourly, folder, hours, spans, 2, change)
    engine.dispose()


@pytest.fixture(params=[endpoint, table])
def asked(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Asked]:
    """The monitor, by each kind of source that is asked."""
    hours = {number: answers(START + HOUR * number, count=200) for number in range(LAST + 1)}
    with request.param(tmp_path, hours) as opened:
        yield opened


def test_each_window_of_the_past_is_read_once_and_never_again(asked: Asked) -> None:
    """The first run of a configuration reads the hours that its levels are compared with; the next read their own."""
    with asked.store("home") as runtime:
        cold = asked.run(runtime, FIRST)
        past = range(FIRST - 2 - BEFORE, FIRST)  # those before the two windows that the verdict rests on as well
        assert cold == Counter(dict.fromkeys([*past, FIRST], asked.each))
        for number in (FIRST + 1, FIRST):
            assert asked.run(runtime, number) == Counter({number: asked.each})


def test_a_backfill_reads_each_window_as_a_past_one_and_as_its_own(asked: Asked) -> None:
    """In whatever order windows are judged, and what they keep is the same, were the windows before known or not."""
    order = (LAST, FIRST, LAST - 1)
    with ExitStack() as stack:
        warm, cold = (stack.enter_context(asked.store(name)) for name in ("warm", "cold"))
        read = asked.run(warm, *order)
        assert all(read[number] <= asked.each * (1 + (number in order)) for number in read)
        asked.run(warm, LAST)
        asked.run(cold, FIRST)
        assert asked.kept(warm, FIRST) == asked.kept(cold, FIRST)
        with asked.store("colder") as colder:
            asked.run(colder, LAST)
            assert asked.kept(warm, LAST) == asked.kept(colder, LAST)


def test_what_is_corrected_counts_once_its_own_window_is_judged_again(asked: Asked) -> None:
    """A window of the past stands as it was judged; judged again, it is another, for itself and for those after it."""
    with asked.store("home") as runtime:
        asked.run(runtime, FIRST, FIRST + 1)
        before = asked.kept(runtime, FIRST + 1)
        asked.change(FIRST)
        asked.run(runtime, FIRST + 1)
        assert asked.kept(runtime, FIRST + 1) == before
        assert judge(asked.hourly.monitor, runtime, hour(FIRST)).outcome is Outcome.DRIFTED
        asked.run(runtime, FIRST + 1)
        assert asked.kept(runtime, FIRST + 1)["checked.txt"] != before["checked.txt"]


def test_a_window_without_rows_is_known_to_have_none(tmp_path: Path) -> None:
    """Hours of which an endpoint has nothing are not asked for again, and older ones stand in for them."""
    hours = {number: answers(START + HOUR * number, count=200) for number in range(LAST + 1)}
    empty = [*range(FIRST - 10, FIRST)]
    some = {number: rows for number, rows in hours.items() if number not in empty}
    with endpoint(tmp_path, some) as asked, asked.store("home") as runtime:
        cold = asked.run(runtime, FIRST)
        assert set(empty) < set(cold)
        assert set(cold.values()) == {1}
        assert asked.run(runtime, FIRST + 1) == Counter({FIRST + 1: 1})


def test_a_piece_that_is_gone_is_read_again(tmp_path: Path) -> None:
    """What is remembered of its rows alone is no profile of them."""
    hours = {number: answers(START + HOUR * number, count=200) for number in range(9)}
    with endpoint(tmp_path, hours) as asked, asked.store("home") as runtime:
        asked.run(runtime, 6, 7)
        gone = list((tmp_path / "home").rglob(f"profiles/**/{START:%Y-%m-%d}T03*.json"))
        assert len(gone) == 1
        gone[0].unlink()
        assert asked.run(runtime, 8) == Counter({3: 1, 8: 1})


def test_a_wide_window_is_asked_for_as_it_is_now(tmp_path: Path) -> None:
    """Of windows that overlap, each run looks at the rows of its own, an hour at a time, and at no others."""
    hours = {number: answers(START + HOUR * number, count=200) for number in range(30)}
    with endpoint(tmp_path, hours) as asked, asked.store("home") as runtime:
        own = (tmp_path / "answers.yaml").read_text()
        asked.hourly.configure(f"{own}window: 3h\n")
        wide = [Window(START + HOUR * number, START + HOUR * (number + 3)) for number in (24, 25)]
        judge(asked.hourly.monitor, runtime, wide[0])
        asked.spans.clear()
        judge(asked.hourly.monitor, runtime, wide[1])
        assert asked.spans == list(wide[1].pieces())
        assert {span.width for span in asked.spans} == {HOUR}


def test_a_row_without_a_time_is_one_row_though_every_answer_has_it(tmp_path: Path) -> None:
    """Of undated rows, those that come with each hour count once, an hour's own beside them; nobody is asked anew."""

    def undated(number: int) -> list[dict[str, Any]]:
        always = [{"at": None, "words": 7, "topic": "login"}] * 2
        return [*always, {"at": None, "words": 100 + number if number % 2 else 100.5 + number}]

    hours = {number: answers(START + HOUR * number, count=200) for number in range(5)}
    hours[5] = answers(START + HOUR * 5, count=0)
    with endpoint(tmp_path, hours, undated) as asked, asked.store("home") as runtime:
        monitor = asked.hourly.monitor
        reference = load_reference(monitor, runtime, pin_champion(monitor, runtime))
        whole = Window(START + HOUR * 3, START + HOUR * 6)
        for _ in range(2):
            assert Pieces.of(monitor, runtime, reference).undated(whole) == 2 + 3
        assert asked.spans == list(whole.pieces())


def test_pieces_go_with_the_verdicts_of_their_days(asked: Asked) -> None:
    """What is older than verdicts are kept is deleted; a window that rests on it asks for it again, and is the same."""
    with asked.store("home") as runtime:
        asked.run(runtime, FIRST)
        before, keeping = asked.kept(runtime, FIRST), Keeping(results=timedelta(days=1), verdicts=timedelta(days=1))
        told = tidy_windows(runtime, keeping, now=START + timedelta(days=3))
        assert (told["drift"], told["pieces"]) == (0, 1)
        again = asked.run(runtime, FIRST)
        gone = range(FIRST - 2 - BEFORE, 48)
        assert again == Counter(dict.fromkeys([*gone, FIRST], asked.each))
        assert asked.kept(runtime, FIRST) == before
