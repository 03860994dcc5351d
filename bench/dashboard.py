"""What the dashboard costs: pages, API and scrape of a large fleet in PostgreSQL, asked by HTTP one after the other.

Beside each stand the limits of the machine: a file of the package through the same stack, and a bare `SELECT 1`.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from sqlalchemy import create_engine, text

from bench.fleet import Fleet, Size, seed
from bench.fleet_bodies import Body, bodies
from bench.fleet_server import SCRAPE_TOKEN, Server, postgres, serving
from bench.measure import MEGABYTE
from bench.table import machine
from monitoring_tasks.store.database import Store, open_store
from monitoring_tasks.window import DAY

PAGE_GOAL, SCRAPE_GOAL = 0.2, 1.0
"""Seconds in which 95 of 100 answers should be there."""
QUICK = Size(models=200)
TIMES = 40
SCRAPES = 10
CHANGED = 0.01
YEAR = 400
TABLES = ("subjects", "performance", "readings", "incidents", "retrainings", "canaries", "letters")
_SIZE = "SELECT count(*), pg_total_relation_size('NAME') FROM NAME"
NOTES = """\
Each is asked by one client, one request after the other, in turn with the others; two requests before count for
nothing. kB: as sent. CPU ms: processor time of the API server for an answer, without PostgreSQL's. x file: how many
times as long as a file of the package takes through the same stack, which asks who it is as every page does.
The first scrape of a process writes the lines of all columns, once; it is no twentieth of anything, and has no goal.
Following scrapes: a hundredth of the monitors has a new verdict since the one before.
Store size: tables with their indexes and what PostgreSQL keeps out of line; a year: 400 days of windows, of which the
newest 35 have their check results."""


@dataclass(frozen=True)
class Asked:
    """What was asked, how long each answer took in seconds, and what the server's processor spent on one."""

    title: str
    seconds: Sequence[float]
    cpu: float
    size: int
    goal: float | None = None

    def quantile(self, share: float) -> float:
        """The time within which a share of the answers came."""
        return float(np.quantile(self.seconds, share))


@dataclass(frozen=True)
class Question:
    """A path to ask for, `times` times; `paths` are asked in turn."""

    title: str
    paths: Sequence[str]
    goal: float | None = PAGE_GOAL
    times: int = TIMES


def show(console: Console, progress: Console, *, quick: bool, folder: Path) -> None:
    """Seed, ask and print; `quick` takes a fifth of the models and judges no goal."""
    console.width = max(console.width, 150)
    run(QUICK if quick else Size(), console, progress, judged=not quick, folder=folder.absolute())


def run(size: Size, console: Console, progress: Console, *, judged: bool, folder: Path, times: int = TIMES) -> None:
    """The whole bench of a fleet of a size, in a folder that is emptied before and after."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        with postgres(folder / "postgres") as database:
            fleet, began = Fleet.of(size), time.perf_counter()
            seed(fleet, database.set(database="monitoring").render_as_string(hide_password=False))
            progress.print(f"dashboard: {size.models:,} models seeded in {time.perf_counter() - began:.0f} s")
            with serving(folder, database, size.names) as server, open_store(server.store) as store:
                console.print(_asked_table(list(_answers(fleet, server, store, times)), size, judged=judged))
                console.print(size_table(fleet, server.store))
                console.print(_work_table(list(work(fleet, store))))
                console.print(NOTES, machine(), sep="\n", highlight=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def questions(fleet: Fleet, times: int = TIMES) -> list[Question]:
    """The pages, by titles: several filters, several models, and the windows of three months."""
    models = [f"monitor_{name}" for name in fleet.size.names[:: max(1, fleet.size.models // 10)]]
    newest = [
        fleet.subject(fleet.size.names.index(model.removeprefix("monitor_")), -1 % fleet.size.windows)
        for model in models
    ]
    runs = [
        f"/run/{model}/{each.champion}/{each.window.start:%Y-%m-%dT%H%M%S}_{each.window.end:%Y-%m-%dT%H%M%S}/{each.config_hash}"
        for model, each in zip(models, newest, strict=True)
    ]
    names = [each.monitor for each in newest]
    found = [
        Question("overview, the worst first", ["/"]),
        Question("overview, page 7 by name", ["/?sort=name&page=7"]),
        Question("overview, a drifted column", ["/?q=feature_001&sort=drifted"]),
        Question("overview, one owner and state", ["/?owner=risk&state=drifted"]),
        Question("model, 90 days", [f"/model/{each}?days=90" for each in models]),
        Question("column, 90 days", [f"/model/{each}/column/feature_001?days=90" for each in models]),
        Question("run", runs),
        Question("incidents", ["/incidents"]),
        Question("API: monitors", ["/api/v1/monitors?limit=100"]),
        Question("API: 90 days of 200 scores", [f"/api/v1/monitors/{each}/scores" for each in names]),
    ]
    return [replace(each, times=times) for each in found]


def _answers(fleet: Fleet, server: Server, store: Store, times: int) -> Iterator[Asked]:
    yield from ask(server, _limits(server, times))
    yield _ping(server, times)
    yield from ask(server, questions(fleet, times))
    yield from scrapes(fleet, server, store)


def _limits(server: Server, times: int) -> list[Question]:
    found = re.search(r"/monitoring(/static/[^\"]+app\.css)", server.client.get("/monitoring/").text)
    assert found is not None, "the overview names no style sheet"
    return [Question("limit: a file of the package", [found[1]], None, times)]


def _ping(server: Server, times: int) -> Asked:
    engine, taken = create_engine(server.store), []
    for _ in range(times):
        began = time.perf_counter()
        with engine.connect() as connection:
            connection.execute(text("SELECT 1")).all()
        taken.append(time.perf_counter() - began)
    engine.dispose()
    return Asked("limit: SELECT 1, from a pool", taken, 0.0, 0)


def ask(server: Server, asked: Sequence[Question]) -> Iterator[Asked]:
    """Ask every question in turn, so that a busy minute of the machine is shared by all."""
    taken: dict[str, list[tuple[float, float, int]]] = {each.title: [] for each in asked}
    for turn in range(-2, max(each.times for each in asked)):
        for each in asked:
            found = _timed(server, each.paths[turn % len(each.paths)])
            if turn >= 0:
                taken[each.title].append(found)
    for each in asked:
        seconds, cpu, sizes = zip(*taken[each.title], strict=True)
        yield Asked(each.title, seconds, statistics.mean(cpu), round(statistics.mean(sizes)), each.goal)


def _timed(server: Server, path: str, headers: Mapping[str, str] | None = None) -> tuple[float, float, int]:
    cpu, began = _spent(server), time.perf_counter()
    with server.client.stream("GET", f"/monitoring{path}", headers=headers) as answer:
        # As it is sent, which is compressed: to unpack it is the client's work.
        size = sum(map(len, answer.iter_raw()))
    taken = time.perf_counter() - began
    if answer.status_code != 200:
        raise RuntimeError(f"{path} answered {answer.status_code}: see server.log in the folder of the bench")
    return taken, _spent(server) - cpu, size


def _spent(server: Server) -> float:
    """Processor seconds of the server so far; 0 where the system does not tell."""
    told = Path(f"/proc/{server.pid}/stat")
    if not told.exists():
        return 0.0
    after_name = told.read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def scrapes(fleet: Fleet, server: Server, store: Store) -> Iterator[Asked]:
    """The first scrape of a process, and those that follow, before each of which some monitors are judged anew."""
    headers = {"Authorization": f"Bearer {SCRAPE_TOKEN}"}
    first = _timed(server, "/metrics", headers)
    yield Asked("/metrics, first scrape", [first[0]], first[1], first[2])
    made, found = bodies(fleet.size.features, 8), []
    for turn in range(SCRAPES):
        for model in range(turn, fleet.size.models, max(1, round(1 / CHANGED))):
            put(store, fleet, model, made[turn % len(made)], later=1 + turn)
        found.append(_timed(server, "/metrics", headers))
    seconds, cpu, sizes = zip(*found, strict=True)
    yield Asked("/metrics, following ones", seconds, statistics.mean(cpu), round(statistics.mean(sizes)), SCRAPE_GOAL)


def put(store: Store, fleet: Fleet, model: int, body: Body, *, later: int) -> None:
    """A verdict on a window so many days after the newest, as a run stores it: its results first."""
    subject = fleet.subject(model, fleet.size.windows - 1 + later)
    store.put_results(subject, body.results, rows=1000)
    store.put(replace(body.verdict, subject=subject), body.results, report=None, run={"run_id": "bench"})


def size_table(fleet: Fleet, url: str) -> Table:
    """Megabytes of each table, bytes of each row and window, and what a year of windows would take."""
    made = Table("table", "rows", "MB", "kB a window", "GB of 400 days", title="The store")
    windows, whole = fleet.size.models * fleet.size.windows, 0.0
    with _connected(url) as said:
        for name in TABLES:
            rows, size = said(_SIZE.replace("NAME", f"monitoring_{name}"))
            year = _year(fleet, said, size) if name == "subjects" else size / fleet.size.windows * YEAR
            whole += year
            cells = (f"{rows:,}", f"{size / MEGABYTE:,.1f}", f"{size / windows / 1000:.2f}", f"{year / 1e9:.2f}")
            made.add_row(f"monitoring_{name}", *cells)
    made.add_row("all", "", "", "", f"{whole / 1e9:.2f}")
    return made


def _year(fleet: Fleet, said: Callable[[str], Sequence[float]], size: float) -> float:
    """Bytes of 400 days of verdicts, of which the newest 35 have their check results, however many have them here."""
    (results,) = said("SELECT coalesce(avg(pg_column_size(results)), 0) FROM monitoring_subjects")
    (bodied,) = said("SELECT count(results) FROM monitoring_subjects")
    short = (size - float(results) * bodied) / fleet.size.windows * YEAR
    return short + float(results) * fleet.size.models * Size.bodied


@contextmanager
def _connected(url: str) -> Iterator[Callable[[str], Sequence[float]]]:
    engine = create_engine(url)
    with engine.connect() as connection:
        yield lambda statement: tuple(connection.execute(text(statement)).one())
    engine.dispose()


@dataclass(frozen=True)
class Work:
    """What the store was given to do: seconds of each time, and how many rows it was about in all."""

    title: str
    seconds: Sequence[float]
    rows: int


def work(fleet: Fleet, store: Store) -> Iterator[Work]:
    """Writing verdicts before and after a roll-up, and what maintenance takes: a day of it, then all there is."""
    [body, *_] = bodies(fleet.size.features, 1)
    title = f"write a verdict with {len(body.results):,} results"
    yield Work(f"{title}, before", _written(store, fleet, body, 20), 20)
    now = datetime.now(UTC)
    for named, keep in (("roll up a day's check results", fleet.size.bodied - 1), ("roll up the rest", -1)):
        began = time.perf_counter()
        rows = store.roll_up(now - keep * DAY)
        yield Work(named, [time.perf_counter() - began], rows)
    yield Work(f"{title}, after", _written(store, fleet, body, 40), 20)
    for kind in ("drift", "performance"):
        began, before = time.perf_counter(), now - (fleet.size.windows - 2) * DAY
        rows = sum(store.purge(kind, page, before) for page in store.old(kind, before))
        yield Work(f"purge a day of {kind}", [time.perf_counter() - began], rows)


def _written(store: Store, fleet: Fleet, body: Body, later: int) -> list[float]:
    taken = []
    for model in range(20):
        began = time.perf_counter()
        put(store, fleet, model % fleet.size.models, body, later=later + model)
        taken.append(time.perf_counter() - began)
    return taken


def _asked_table(found: Sequence[Asked], size: Size, *, judged: bool) -> Table:
    """A row for each question; goals are marked pass or miss when `judged`."""
    title = f"{size.models:,} models x {size.features} features x {size.windows} daily windows in PostgreSQL"
    made = Table("asked", "p50 ms", "p95 ms", "CPU ms", "x file", "kB", "goal", title=title)
    limit = found[0].quantile(0.5)
    for each in found:
        half, most = each.quantile(0.5), each.quantile(0.95)
        cells = (f"{1000 * half:.1f}", f"{1000 * most:.1f}", f"{1000 * each.cpu:.0f}", f"{half / limit:.0f}")
        made.add_row(each.title, *cells, f"{each.size / 1000:.0f}", _goal(each) if judged else "")
    return made


def _goal(each: Asked) -> str:
    if each.goal is None:
        return ""
    met, said = each.quantile(0.95) <= each.goal, f"at most {1000 * each.goal:.0f} ms"
    return f"[green]pass[/] {said}" if met else f"[red]miss[/] {said}"


def _work_table(found: Sequence[Work]) -> Table:
    made = Table("work", "rows", "median ms", "most ms", "rows a second", title="Writing and forgetting")
    for each in found:
        middle, most = 1000 * statistics.median(each.seconds), 1000 * max(each.seconds)
        made.add_row(
            each.title, f"{each.rows:,}", f"{middle:.1f}", f"{most:.1f}", f"{each.rows / sum(each.seconds):,.0f}"
        )
    return made
