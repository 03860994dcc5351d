"""A made-up fleet in the results store, by the database's own means: a few hundred bodies, each in many windows.

What a row says of its monitor and window is its own; what the checks found is drawn once per body.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Engine, create_engine, text

from bench.fleet_bodies import CHAMPION, CONFIG, MOMENTS, MONITOR, NEXT, ROWS, Body, bodies, entries, reading_body
from monitoring_tasks.incidents.incident import Incident, Member, State
from monitoring_tasks.incidents.reading import Cause
from monitoring_tasks.policy.verdict import Outcome, Subject
from monitoring_tasks.severity import Severity
from monitoring_tasks.store.database import open_store
from monitoring_tasks.store.queries import subject_digest
from monitoring_tasks.store.records import RetrainingRecord, Transition
from monitoring_tasks.window import DAY, Window, stamp

LATE = timedelta(minutes=10)
"""So long after its window's end a verdict is written."""
DELAY = (1, 3, 7)
"""So many days after its window's end each version of its performance is known."""


@dataclass(frozen=True)
class Size:
    """How large a fleet is: `bodied` of its `windows`, the newest, have their check results; `bodies` are drawn."""

    models: int = 1000
    features: int = 200
    windows: int = 90
    bodied: int = 35
    bodies: int = 300

    @property
    def names(self) -> list[str]:
        """The names of the models."""
        return [f"model_{number:04d}" for number in range(self.models)]


@dataclass(frozen=True)
class Fleet:
    """A fleet of a size whose newest windows end at `end`."""

    size: Size
    end: datetime

    @classmethod
    def of(cls, size: Size) -> Fleet:
        """The fleet whose last windows ended this midnight."""
        return cls(size, datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0))

    def window(self, number: int) -> Window:
        """A window by its number; the newest is `windows - 1`."""
        end = self.end - (self.size.windows - 1 - number) * DAY
        return Window(end - DAY, end)

    def subject(self, model: int, number: int) -> Subject:
        """What a verdict is about; half of the models have a new champion from the middle on."""
        promoted = model % 2 == 0 and number >= self.size.windows // 2
        return Subject(self.size.names[model], NEXT if promoted else CHAMPION, self.window(number), CONFIG)


def seed(fleet: Fleet, url: str) -> None:
    """Fill an empty store in PostgreSQL, and let it know how its rows are spread."""
    open_store(url).close()
    made = bodies(fleet.size.features, fleet.size.bodies)
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in _TABLES:
            connection.execute(text(statement))
        connection.execute(text(_ADD_BODY), [_body_row(number, body) for number, body in enumerate(made)])
        connection.execute(text(_ADD_ENTRY), [_entry_row(*each) for each in entries()])
    _copy(engine, "bench_windows", _windows(fleet, made))
    with engine.begin() as connection:
        for statement in (_SUBJECTS, _LEDGER, _READINGS, *_DROPS):
            connection.execute(text(statement), {"reading": reading_body()} if statement is _READINGS else {})
    _told(fleet, url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    engine.dispose()


def _windows(fleet: Fleet, made: Sequence[Body]) -> Iterator[Sequence[Any]]:
    random, first = np.random.default_rng(1), fleet.size.windows - fleet.size.bodied
    kinds = {kind: [place for place, body in enumerate(made) if body.outcome is kind] for kind in Outcome}
    for model in range(fleet.size.models):
        for number, outcome in enumerate(_story(random, fleet.size.windows)):
            subject = fleet.subject(model, number)
            body = int(random.choice(kinds[outcome]))
            span = (stamp(subject.window.start), stamp(subject.window.end))
            written, known = subject.window.end + LATE, [subject.window.end + days * DAY for days in DELAY]
            yield (
                subject_digest(subject),
                subject.monitor,
                subject.champion,
                *span,
                body,
                number >= first,
                stamp(written),
                outcome is Outcome.DRIFTED,
                *(stamp(each) if each <= fleet.end + DAY else None for each in known),
            )


def _story(random: np.random.Generator, windows: int) -> list[Outcome]:
    """What a model goes through: healthy, but for weeks of drift and single days without enough rows."""
    rare = random.choice(4, windows, p=[0.95, 0.03, 0.015, 0.005])
    found = [_RARE[each] for each in rare]
    if random.random() < 0.3:
        begins = int(random.integers(0, windows))
        ends = min(windows, begins + 10)
        found[begins:ends] = [Outcome.DRIFTED] * (ends - begins)
    return found


_RARE = (Outcome.HEALTHY, Outcome.WARNING, Outcome.DRIFTED, Outcome.TOO_FEW_ROWS)


def _body_row(number: int, body: Body) -> Mapping[str, Any]:
    return {"number": number, **body.fields}


def _entry_row(version: int, drifted: bool, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"version": version, "drifted": drifted, **fields}


def _copy(engine: Engine, table: str, rows: Iterator[Sequence[Any]]) -> None:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    buffer.seek(0)
    connection: Any = engine.raw_connection()
    try:
        connection.cursor().copy_expert(f"COPY {table} FROM STDIN (FORMAT csv)", buffer)
        connection.commit()
    finally:
        connection.close()


def _told(fleet: Fleet, url: str) -> None:
    """Incidents of the models that drifted, retrainings that followed, and who waits for an approval."""
    with open_store(url) as store, store.transaction() as transaction:
        for model, name in enumerate(fleet.size.names):
            for number in range(2):
                incident = _incident(fleet, name, model * 2 + number, open=number == 0 and model % 40 == 0)
                transaction.put_incident(incident)
                opened = Transition(incident.id, 1, "opened", "open", Severity.HIGH, incident.opened, incident.opened)
                transaction.add_transition(opened)
            for record in _retrainings(fleet, name, model):
                transaction.put_retraining(record)


def _incident(fleet: Fleet, name: str, number: int, *, open: bool) -> Incident:
    last = fleet.size.windows - 1
    window = fleet.window(last if open else number % last)
    columns = ("feature_001", "feature_002")
    member = Member(name, name, "risk", Severity.HIGH, columns, window, window, 1)
    found = Incident(
        id=f"drift-{number:016x}",
        cause=Cause.DRIFT,
        state=State.OPEN,
        severity=Severity.HIGH,
        told=Severity.HIGH,
        worst=Severity.HIGH,
        topics=("drift",),
        anchors=(f"{name}#feature_001",),
        columns=columns,
        reasons=("feature_001: severe drift, psi 0.9 against 0.2",),
        members=(member,),
        opened=window.end,
        spoken=window.end,
    )
    ended = window.end + 2 * DAY
    return found if open else replace(found, state=State.RESOLVED, resolved=ended, resolution="well again")


def _retrainings(fleet: Fleet, name: str, model: int) -> Iterator[RetrainingRecord]:
    middle = fleet.window(fleet.size.windows // 2)
    asked = RetrainingRecord(
        monitor=name,
        run=f"retrain__{stamp(middle.start)}__{CHAMPION}",
        origin="drift",
        reason="drift persists",
        state="promoted" if model % 2 == 0 else "rejected",
        requested_at=middle.start,
        window_end=middle.start,
        champion={"version": CHAMPION, "number": 1, "revision": "0" * 40},
        challenger=NEXT,
        verdict={"decision": "promote"},
        outcome="judged",
        closed_at=middle.start + LATE,
    )
    yield asked
    if model % 50 == 0:
        run = f"retrain__{stamp(fleet.end)}__{CHAMPION}"
        yield replace(asked, run=run, state="awaiting", requested_at=fleet.end, window_end=fleet.end, closed_at=None)


_TABLES = (
    """CREATE UNLOGGED TABLE bench_bodies (number int PRIMARY KEY, outcome text, severity int, row_count bigint,
       verdict text, results bytea, scores bytea, headline text)""",
    """CREATE UNLOGGED TABLE bench_entries (version int, drifted boolean, outcome text, severity int, body text,
       results text, verdict text, headline text)""",
    """CREATE UNLOGGED TABLE bench_windows (digest text, monitor text, champion text, first text, last text, body int,
       bodied boolean, written_at timestamptz, drifted boolean, known_1 text, known_2 text, known_3 text)""",
)
_ADD_BODY = """INSERT INTO bench_bodies VALUES
    (:number, :outcome, :severity, :row_count, :verdict, :results, :scores, :headline)"""
_ADD_ENTRY = """INSERT INTO bench_entries VALUES
    (:version, :drifted, :outcome, :severity, :body, :results, :verdict, :headline)"""
_RUN = """json_build_object('dag_id', 'monitor_' || w.monitor, 'run_id', 'scheduled__' || w.last,
    'run_type', 'scheduled')::text"""


def _filled(column: str, known: str | None = None) -> str:
    """A text of a body as that of a row: monitor, champion, window and moment as known put in their places."""
    places = {MONITOR: "w.monitor", CHAMPION: "w.champion", MOMENTS[0]: "w.first", MOMENTS[1]: "w.last"}
    if known is not None:
        places[MOMENTS[2]] = known
    for place, value in places.items():
        column = f"replace({column}, '{place}', {value})"
    return column


def _apart(column: str) -> str:
    """A headline with a number of rows of its own: no two of a fleet are the same text."""
    return f"replace({column}, '{ROWS}', (40000 + floor(20000 * random()))::int::text)"


_SUBJECTS = f"""INSERT INTO monitoring_subjects (digest, monitor, champion, window_start, window_end, config_hash,
    row_count, outcome, severity, code_version, verdict, report, run, written_at, results, scores, headline)
    SELECT w.digest, w.monitor, w.champion, w.first::timestamptz, w.last::timestamptz, '{CONFIG}',
    b.row_count, b.outcome, b.severity, '0.1.0', {_filled("b.verdict")}, NULL, {_RUN}, w.written_at,
    CASE WHEN w.bodied THEN b.results END, b.scores, {_apart("b.headline")}
    FROM bench_windows w JOIN bench_bodies b ON b.number = w.body ORDER BY w.last, w.monitor"""  # noqa: S608  our own texts
_LEDGER = f"""INSERT INTO monitoring_performance (digest, monitor, window_start, window_end, champion, config_hash,
    known_at, outcome, severity, body, results, verdict, run, written_at, headline)
    SELECT encode(sha256(convert_to(w.digest || k.known, 'UTF8')), 'hex'), w.monitor, w.first::timestamptz,
    w.last::timestamptz, w.champion, '{CONFIG}', k.known::timestamptz, e.outcome, e.severity,
    {_filled("e.body", "k.known")}, e.results, {_filled("e.verdict", "k.known")}, {_RUN}, k.known::timestamptz,
    {_apart("e.headline")} FROM bench_windows w
    CROSS JOIN LATERAL (VALUES (1, w.known_1), (2, w.known_2), (3, w.known_3)) AS k(version, known)
    JOIN bench_entries e ON e.version = k.version AND e.drifted = w.drifted
    WHERE k.known IS NOT NULL ORDER BY k.known, w.monitor"""  # noqa: S608  our own texts
_READINGS = f"""INSERT INTO monitoring_readings (digest, monitor, stream, window_start, window_end, tick, live, body,
    written_at) SELECT encode(sha256(convert_to(w.digest || 'reading', 'UTF8')), 'hex'), w.monitor, 'drift',
    w.first::timestamptz, w.last::timestamptz, w.last::timestamptz, true, {_filled("CAST(:reading AS text)")},
    w.written_at FROM bench_windows w"""  # noqa: S608  our own texts
_DROPS = tuple(f"DROP TABLE bench_{name}" for name in ("bodies", "entries", "windows"))
