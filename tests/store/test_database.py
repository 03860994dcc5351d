"""The store's promises, on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from sqlalchemy import create_engine, text

from monitoring_tasks.checks import Check, CheckResult, Status, Suite
from monitoring_tasks.policy.verdict import Outcome, Verdict
from monitoring_tasks.severity import Severity
from monitoring_tasks.store.database import Store, open_store
from monitoring_tasks.window import Window
from tests.store.samples import HOSTILE, results, subject, verdict, window

RUN = {"dag_run": "scheduled__2013-06-02", "task": "verdict"}


def put(store: Store, given: Verdict) -> None:
    """Store a verdict without results or report."""
    store.put(given, [], report=None, run={})


def test_what_is_put_comes_back_equal(store: Store) -> None:
    """A verdict, its results and its circumstances read back equal, the verdict byte by byte."""
    store.put(verdict(), results(), report="file:///r/report.html", run=RUN)
    found = store.verdict(subject())
    assert found is not None
    assert found.dumps() == verdict().dumps()
    assert found == verdict()
    assert store.results(subject()) == results()
    [stored] = store.latest()
    assert (stored.verdict, stored.report, stored.run) == (verdict(), "file:///r/report.html", RUN)


def test_summaries_keep_the_order_of_their_entries(store: Store) -> None:
    """Top categories are listed by share; the order is part of what a person reads."""
    given = CheckResult(
        Suite.DATA_DRIFT, Check.DRIFT, Status.FAILED, "dest", "psi", 1.0, 0.2, current={"z": 0.5, "a": 0.3, "m": 0.2}
    )
    store.put_results(subject(), [given], rows=10)
    [found] = store.results(subject()) or []
    assert list(found.current) == ["z", "a", "m"]


def test_unknown_subjects_have_nothing(store: Store) -> None:
    """What was never computed is None, which differs from computed and empty."""
    assert store.verdict(subject()) is None
    assert store.results(subject()) is None
    assert store.latest() == []
    assert store.verdicts("flight_delay") == []
    store.put_results(subject(), [], rows=0)
    assert store.results(subject()) == []


def test_writing_again_replaces(store: Store) -> None:
    """The same subject has one verdict and one set of results, the last one, however often it is written."""
    store.put(verdict(), results(), report="old", run={"id": "1"})
    again = replace(verdict(), outcome=Outcome.HEALTHY, severity=Severity.NONE)
    for _ in range(2):
        store.put(again, results()[:1], report=None, run={"id": "2"})
    [stored] = store.verdicts("flight_delay")
    assert (stored.verdict, stored.report, stored.run) == (again, None, {"id": "2"})
    assert store.results(subject()) == results()[:1]


@pytest.mark.parametrize(
    "change", [{"monitor": "other"}, {"champion": "v2"}, {"window": window(0, 2)}, {"config_hash": "beef"}]
)
def test_each_part_of_the_subject_counts(store: Store, change: dict[str, object]) -> None:
    """Subjects that differ in one part only are kept apart."""
    store.put(verdict(), results(), report=None, run={})
    store.put(verdict(**change), results()[:2], report=None, run={})
    assert store.results(subject()) == results()
    assert store.results(subject(**change)) == results()[:2]


def test_results_before_their_verdict(store: Store, store_url: str) -> None:
    """Results written by the suites' task stand without a verdict, and the verdict joins them."""
    store.put_results(subject(), results(), rows=6543)
    assert store.results(subject()) == results()
    assert store.verdict(subject()) is None
    assert store.latest() == []
    assert store.verdicts("flight_delay") == []
    store.put(verdict(), results(), report=None, run={})
    assert [stored.verdict for stored in store.latest()] == [verdict()]
    assert column(store_url, "SELECT row_count FROM monitoring_subjects") == [6543]


def test_results_written_again_leave_the_verdict(store: Store) -> None:
    """A rerun's new results do not take the standing verdict away before there is a new one."""
    store.put(verdict(), results(), report=None, run={})
    store.put_results(subject(), results()[:1], rows=1)
    assert store.verdict(subject()) == verdict()
    assert store.results(subject()) == results()[:1]


def test_a_failed_put_leaves_nothing(store: Store) -> None:
    """A put is one transaction: when its last result cannot be stored, the verdict and the other results are not."""
    broken = CheckResult(Suite.DATA_DRIFT, Check.DRIFT, Status.FAILED, "temp", current={"mean": float("nan")})
    with pytest.raises(ValueError, match="JSON"):
        store.put(verdict(), [*results(), broken], report=None, run={})
    assert store.results(subject()) is None
    store.put(verdict(), results(), report=None, run={})
    with pytest.raises(ValueError, match="JSON"):
        store.put_results(subject(), [broken], rows=1)
    assert store.results(subject()) == results()


def test_numpy_numbers_are_stored_as_numbers(store: Store) -> None:
    """A score that is a NumPy float is stored like any other."""
    given = CheckResult(
        Suite.DATA_DRIFT, Check.DRIFT, Status.FAILED, "temp", "psi", np.float64(0.3), np.float32(0.25), severe=np.True_
    )
    store.put_results(subject(), [given], rows=1)
    [found] = store.results(subject()) or []
    assert (type(found.value), found.value, found.threshold, found.severe) == (float, 0.3, 0.25, True)


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_come_back(store: Store, hostile: str) -> None:
    """Quotes, line ends, NUL, any script and great length survive in every text field, and are found again."""
    given = verdict(champion=hostile, config_hash=hostile)
    result = CheckResult(
        Suite.DATA_QUALITY, Check.UNSEEN_SHARE, Status.FAILED, hostile, hostile, 1.0, 0.0, detail=hostile,
        reference={hostile: hostile}, current={"top": [[hostile, 1.0]]},
    )  # fmt: skip
    store.put(given, [result], report=hostile, run={hostile: hostile})
    [stored] = store.latest()
    assert (stored.verdict, stored.report, stored.run) == (given, hostile, {hostile: hostile})
    assert store.verdict(given.subject) == given
    assert store.results(given.subject) == [result]


def test_latest_is_the_newest_window_of_each_monitor(store: Store) -> None:
    """The newest window is the one that ends last, whatever the order of writing and whatever waits for a verdict."""
    for day in (2, 5, 1):
        put(store, verdict(day))
        put(store, verdict(day + 10, monitor="other"))
    put(store, verdict(window=window(0, 3)))
    store.put_results(subject(9), [], rows=0)
    store.put_results(subject(0, monitor="never_judged"), [], rows=0)
    assert [(found.verdict.subject.monitor, found.verdict.subject.window) for found in store.latest()] == [
        ("flight_delay", window(5)),
        ("other", window(15)),
    ]


def test_latest_of_one_window_is_what_was_written_last(store: Store) -> None:
    """When the newest window was judged for two champions, the verdict written last stands, also after rewriting."""
    put(store, verdict(champion="v1"))
    put(store, verdict(champion="v2"))
    assert [found.verdict.subject.champion for found in store.latest()] == ["v2"]
    put(store, verdict(champion="v1"))
    assert [found.verdict.subject.champion for found in store.latest()] == ["v1"]


def test_verdicts_are_ordered_by_window(store: Store) -> None:
    """History comes in the order of windows, of one monitor only."""
    for day in (3, 0, 2, 1):
        put(store, verdict(day))
    put(store, verdict(1, monitor="other"))
    found = [stored.verdict.subject.window for stored in store.verdicts("flight_delay")]
    assert found == [window(day) for day in range(4)]


def test_verdicts_of_a_span(store: Store) -> None:
    """A span gives the windows that lie wholly in it; a window that crosses its end is out."""
    for day in range(6):
        put(store, verdict(day))
    put(store, verdict(window=window(3, 2)))
    found = [stored.verdict.subject.window for stored in store.verdicts("flight_delay", window(1, 3))]
    assert found == [window(1), window(2), window(3)]


def test_verdicts_have_one_row_per_window(store: Store) -> None:
    """A window judged under several configurations shows the verdict written last."""
    put(store, verdict(0, config_hash="old"))
    put(store, verdict(0, config_hash="new", outcome=Outcome.WARNING))
    put(store, verdict(1, config_hash="old"))
    found = [stored.verdict.subject.config_hash for stored in store.verdicts("flight_delay")]
    assert found == ["new", "old"]


def test_every_verdict_on_a_window_stays(store: Store) -> None:
    """A window judged against a second champion keeps the verdict against the first."""
    for champion in ("v1.0.0-0a1b2c3d", "v1.1.0-4e5f6a7b"):
        put(store, verdict(0, champion=champion))
    put(store, verdict(1))
    found = [stored.verdict.subject.champion for stored in store.judgements("flight_delay", window(0))]
    assert found == ["v1.0.0-0a1b2c3d", "v1.1.0-4e5f6a7b"]


def test_moments_are_utc(store: Store, store_url: str) -> None:
    """Windows given in another time zone and the moment of writing read back in UTC, with their time zone."""
    east = timezone(timedelta(hours=9))
    wanted = Window(datetime(2013, 6, 4, 9, 0, 1, tzinfo=east), datetime(2013, 6, 5, 9, tzinfo=east))
    before = datetime.now(UTC)
    put(store, verdict(window=wanted))
    [stored] = store.latest()
    assert before <= stored.written_at <= datetime.now(UTC)
    assert stored.written_at.tzinfo is UTC
    assert str(column(store_url, "SELECT window_end FROM monitoring_subjects")[0])[:19] == "2013-06-05 00:00:00"


def test_verdicts_are_found_by_plain_sql(store: Store, store_url: str) -> None:
    """Outcome, severity and code version are columns, and the verdict is its canonical text."""
    store.put(verdict(), results(), report=None, run={})
    [row] = rows(store_url, "SELECT outcome, severity, code_version, verdict FROM monitoring_subjects")
    assert row == ("drifted", 3, "0.1.0", verdict().dumps().decode())


def test_opening_again_finds_what_was_stored(store: Store, store_url: str) -> None:
    """A second process's store sees the first one's verdicts."""
    put(store, verdict())
    with open_store(store_url) as second:
        assert second.verdict(subject()) == verdict()


def test_evidence_that_is_no_json_is_refused(store: Store) -> None:
    """A verdict with NaN in its evidence cannot be stored; nothing is."""
    with pytest.raises(ValueError, match="JSON"):
        put(store, replace(verdict(), evidence={"score": float("nan")}))
    assert store.results(subject()) is None


def rows(url: str, statement: str) -> list[tuple[object, ...]]:
    """Rows of a plain SQL statement on a connection of its own, in UTC."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(text("SET TIME ZONE 'UTC'"))
            return [tuple(row) for row in connection.execute(text(statement))]
    finally:
        engine.dispose()


def column(url: str, statement: str) -> list[object]:
    """First column of a plain SQL statement."""
    return [row[0] for row in rows(url, statement)]


def test_run_is_readable_json(store: Store, store_url: str) -> None:
    """What is kept as text is JSON for other readers."""
    store.put(verdict(), results(), report=None, run=RUN)
    [kept] = column(store_url, "SELECT run FROM monitoring_subjects")
    assert json.loads(str(kept)) == RUN
