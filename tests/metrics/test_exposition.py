"""A scrape beside the store that it was read from, by another program's reader."""

from __future__ import annotations

import gzip
import math
import os
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event

from monitoring_tasks.checks import Check, CheckResult, Status, Suite
from monitoring_tasks.errors import StoreUnavailable
from monitoring_tasks.metrics.columns import MOST
from monitoring_tasks.metrics.exposition import Exposition
from monitoring_tasks.metrics.families import FAMILIES
from monitoring_tasks.policy.verdict import Outcome, Verdict
from monitoring_tasks.severity import Severity
from monitoring_tasks.store.database import Store, open_store
from monitoring_tasks.store.records import LetterState
from monitoring_tasks.views.overview import Watched
from tests.store.samples import letter
from tests.ui import world

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]
WATCHED = tuple(
    Watched(name, "risk" if name == "fraud" else "growth", False, world.window(world.DAYS).start, timedelta(days=7))
    for name in world.MODELS
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with the fleet of the pages' tests."""
    with open_store(f"sqlite:///{tmp_path / 'results.db'}") as opened:
        world.fill(opened)
        yield opened


def text_of(exposition: Exposition, watched: tuple[Watched, ...] = WATCHED, *, whole: bool = True) -> str:
    """A scrape as text; compressed it says the same."""
    scrape = exposition.scrape(watched, whole=whole)
    plain = b"".join(scrape.pieces())
    assert gzip.decompress(scrape.gzipped()) == plain
    return plain.decode()


def series_of(text: str) -> Series:
    """Every series of a scrape; none is there twice."""
    found: Series = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in found, key
            found[key] = sample.value
    return found


def value(series: Series, name: str, **labels: str) -> float | None:
    """The value of one series; None where there is none."""
    return series.get((f"monitoring_{name}", frozenset(labels.items())))


def named(series: Series, name: str, **labels: str) -> dict[frozenset[tuple[str, str]], float]:
    """The series of a family with these labels, whatever others they have."""
    wanted = set(labels.items())
    return {keys: number for (full, keys), number in series.items() if full == f"monitoring_{name}" and wanted <= keys}


def test_columns_are_those_of_the_store(store: Store) -> None:
    """Score, threshold, flag and missing share of every column of every newest window that says something."""
    series = series_of(text_of(Exposition(store)))
    heads = {head.subject.monitor: head for head in store.heads()}
    expected: Counter[str] = Counter()
    for digest, scores in store.scores({head.digest for head in heads.values()}).items():
        monitor = next(name for name, head in heads.items() if head.digest == digest)
        if monitor == "spam":
            continue
        for score in scores:
            role, key = ("feature", "feature") if score.role == "feature" else ("prediction", "column")
            about = {"monitor": monitor, key: score.column}
            assert score.method is not None
            assert value(series, f"{role}_drift_score", **about, method=score.method) == score.score
            assert value(series, f"{role}_drift_threshold", **about, method=score.method) == score.threshold
            assert value(series, f"{role}_drifted", **about) == (score.drift is Status.FAILED)
            assert value(series, f"{role}_missing_share", **about) == score.missing
            expected[f"{role}_drift_score"] += 1
    for name, count in expected.items():
        assert len(named(series, name)) == count


def test_verdicts_are_those_of_the_store(store: Store) -> None:
    """Outcome, severity, window and time of writing; of the outcomes one is 1."""
    series = series_of(text_of(Exposition(store)))
    streams = {
        "drift": store.heads(),
        "performance": store.performance_heads(),
        "labels": store.newest_performance_heads(),
    }
    for stream, heads in streams.items():
        for head in heads:
            about = {"monitor": head.subject.monitor, "stream": stream}
            outcomes = {dict(keys)["outcome"]: number for keys, number in named(series, "outcome", **about).items()}
            assert outcomes == {outcome.value: float(outcome is head.outcome) for outcome in Outcome}
            assert value(series, "severity", **about) == head.severity
            window = head.subject.window
            assert value(series, "window_end_timestamp_seconds", **about) == window.end.timestamp()
            assert value(series, "last_success_timestamp_seconds", **about) == head.written_at.timestamp()
    assert value(series, "window_rows", monitor="fraud") == 1000


def test_figures_are_those_of_the_store(store: Store) -> None:
    """Of the newest window that could be judged; the coverage of the newest of all is told beside it."""
    series = series_of(text_of(Exposition(store)))
    for head in store.performance_heads():
        for line in head.headline.lines:
            about = {"monitor": head.subject.monitor, "metric": line.metric}
            found = [
                value(series, f"performance{part}", **about) for part in ("", "_low", "_high", "_baseline", "_drop")
            ]
            assert found == [line.figure.value, line.figure.low, line.figure.high, line.baseline, line.drop]
    assert value(series, "performance_worse", monitor="fraud", metric="auc") == 1
    assert value(series, "performance_worse", monitor="churn", metric="auc") == 0
    assert value(series, "performance_worse", monitor="fraud", metric="log_loss") is None
    assert value(series, "performance_estimate", monitor="fraud", metric="auc") == 0.8
    assert value(series, "label_coverage", monitor="fraud", window="judged") == 0.95
    assert value(series, "label_coverage", monitor="fraud", window="newest") == 0.2
    assert value(series, "label_maturity", monitor="fraud", window="newest") == 0.1


def test_people_are_told_of_what_waits(store: Store) -> None:
    """Incidents, retrainings, approvals, champions and letters."""
    series = series_of(text_of(Exposition(store)))
    assert value(series, "open_incidents", monitor="fraud", state="open", severity="high") == 1
    assert sum(named(series, "open_incidents").values()) == 1
    opened = world.incident().opened.timestamp()
    assert named(series, "oldest_incident_timestamp_seconds") == {frozenset({("monitor", "fraud")}): opened}
    assert value(series, "retrainings", monitor="churn", state="promoted") == 1
    assert value(series, "approvals_waiting", monitor="fraud") == 1
    assert value(series, "approvals_waiting", monitor="quiet") == 0
    asked = store.awaiting()[0].requested_at.timestamp()
    assert value(series, "oldest_approval_timestamp_seconds", monitor="fraud") == asked
    assert value(series, "champion_info", monitor="churn", champion=world.NEW) == 1
    assert value(series, "champion_since_timestamp_seconds", monitor="fraud") == world.START.timestamp()
    assert value(series, "monitor_info", monitor="fraud", owner="risk") == 1
    assert value(series, "letters", state="dead") == 0


def test_letters_are_counted(store: Store) -> None:
    """Those that wait and those that were given up; what was sent needs nobody."""
    states: tuple[LetterState, ...] = ("waiting", "waiting", "dead", "sent")
    with store.transaction() as transaction:
        for position, state in enumerate(states):
            transaction.post(letter(position, state=state))
    series = series_of(text_of(Exposition(store)))
    assert {dict(keys)["state"]: number for keys, number in named(series, "letters").items()} == {
        "waiting": 2,
        "dead": 1,
    }


def test_unknown_is_not_healthy(store: Store) -> None:
    """A window with too few rows, and a monitor without one, have no series of columns: neither 1 nor 0."""
    series = series_of(text_of(Exposition(store)))
    assert value(series, "outcome", monitor="spam", stream="drift", outcome="too_few_rows") == 1
    for name in ("feature_drifted", "feature_drift_score", "prediction_drifted", "features", "columns_faulty"):
        assert named(series, name, monitor="fraud")
        for monitor in ("spam", "quiet"):
            assert not named(series, name, monitor=monitor)
    assert not named(series, "outcome", monitor="quiet")
    assert value(series, "due_timestamp_seconds", monitor="quiet") == world.window(world.DAYS).start.timestamp()
    assert value(series, "schedule_interval_seconds", monitor="quiet") == 604800


@pytest.mark.parametrize(("status", "flag"), [(Status.UNDECIDED, None), (Status.SUSPECT, 0), (Status.FAILED, 1)])
def test_an_undecided_check_has_no_flag(store: Store, status: Status, flag: int | None) -> None:
    """A score that could not be computed has no series; a suspect is no finding yet."""
    result = CheckResult(Suite.DATA_DRIFT, Check.DRIFT, status, "age", "psi", None if flag is None else 0.3, 0.2)
    judge(store, "churn", [result])
    series = series_of(text_of(Exposition(store)))
    assert value(series, "feature_drifted", monitor="churn", feature="age") == flag
    assert bool(named(series, "feature_drift_score", monitor="churn")) == (flag is not None)


def judge(store: Store, monitor: str, results: list[CheckResult], *, day: int = world.DAYS) -> None:
    """A verdict on one more day."""
    subject = world.subject(monitor, day)
    store.put_results(subject, results, rows=500)
    said = Verdict(subject, Outcome.WARNING, Severity.LOW, (), ("by hand",), {"rows": 500})
    store.put(said, results, report=None, run={})


def test_a_new_verdict_changes_its_monitor_alone(store: Store) -> None:
    """What was kept of the others still holds, line for line; the monitor's own columns are the new ones."""
    exposition = Exposition(store)
    before = text_of(exposition).splitlines()
    assert [line for line in text_of(exposition).splitlines() if "_scrape_" not in line] == [
        line for line in before if "_scrape_" not in line
    ]
    judge(store, "fraud", [world.drift("age", 0.11), world.drift("new", 0.5)])
    after = text_of(exposition)
    others = [line for line in after.splitlines() if 'monitor="fraud"' not in line and "_scrape_" not in line]
    assert others == [line for line in before if 'monitor="fraud"' not in line and "_scrape_" not in line]
    scores = {
        dict(keys)["feature"]: number
        for keys, number in named(series_of(after), "feature_drift_score", monitor="fraud").items()
    }
    assert scores == {"age": 0.11, "new": 0.5}
    assert series_of(after).keys() == series_of(text_of(Exposition(store))).keys()


def test_the_same_window_judged_anew_is_written_anew(store: Store) -> None:
    """A run that is cleared writes another verdict on the same subject: its digest is the same, its time is not."""
    exposition = Exposition(store)
    text_of(exposition)
    judge(store, "fraud", [world.drift("age", 0.01)], day=world.DAYS - 1)
    found = named(series_of(text_of(exposition)), "feature_drift_score", monitor="fraud")
    assert list(found.values()) == [0.01]


def test_only_what_changed_is_read(store: Store) -> None:
    """A scrape takes a query per kind of fact, and one more where columns changed."""
    exposition, counted = Exposition(store), []
    event.listen(store._engine, "before_cursor_execute", lambda *given: counted.append(given[2]))
    exposition.scrape(WATCHED, whole=True)
    first = [statement for statement in counted if statement != "BEGIN"]
    counted.clear()
    exposition.scrape(WATCHED, whole=True)
    second = [statement for statement in counted if statement != "BEGIN"]
    assert len(first) == len(second) + 1 <= 11
    assert [statement for statement in first if "scores" in statement] == [first[-1]]
    assert not any("scores" in statement for statement in second)


def test_what_is_not_watched_is_not_told(store: Store) -> None:
    """A person sees the monitors of hers and not the outbox; columns that are gone from the fleet are forgotten."""
    exposition = Exposition(store)
    text_of(exposition)
    mine = text_of(exposition, WATCHED[:1], whole=False)
    assert set(named(series_of(mine), "monitor_info")) == {frozenset({("monitor", "churn"), ("owner", "growth")})}
    for other in ("fraud", "secret", "monitoring_letters"):
        assert other not in mine
    assert len(exposition._kept) == 4
    text_of(exposition, WATCHED[:1])
    assert set(exposition._kept) == {"churn"}


def test_families_are_contiguous_and_known(store: Store) -> None:
    """Each family has one header, before all of its series; there is none that is not described."""
    lines = text_of(Exposition(store)).splitlines()
    headers = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    order = [line.split("{")[0].split()[0] for line in lines if not line.startswith("#")]
    runs = [name for place, name in enumerate(order) if place == 0 or order[place - 1] != name]
    assert runs == headers
    known = {family.name: set(family.labels) for family in FAMILIES}
    assert set(headers) <= set(known)
    for (name, keys), number in series_of("\n".join(lines) + "\n").items():
        assert {key for key, _ in keys} == known[name]
        assert not math.isnan(number)


def test_promtool_finds_no_fault(store: Store) -> None:
    """Names, types and help texts are as Prometheus' own tool wants them."""
    text = text_of(Exposition(store))
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_columns_are_bounded(store: Store) -> None:
    """A monitor has so many series and no more: those that drifted are among them, and the rest is counted."""
    results = [world.drift(f"c{number}", 0.9 if number % 100 == 99 else 0.01) for number in range(MOST + 100)]
    judge(store, "churn", results)
    series = series_of(text_of(Exposition(store)))
    assert len(named(series, "feature_drift_score", monitor="churn")) == MOST
    assert sum(named(series, "feature_drifted", monitor="churn").values()) == 6
    assert value(series, "features_left_out", monitor="churn") == 100
    assert value(series, "features_left_out", monitor="fraud") == 0


HOSTILE = ('a"} 1\nmonitoring_fake{x="', "back\\slash", "nul\0", "half \ud83d", "x" * 10_000, "x" * 10_001)


def test_hostile_columns_are_series_as_any_other(store: Store) -> None:
    """Names from outside forge nothing, and each has its score."""
    judge(store, "churn", [world.drift(name, 0.01 * number) for number, name in enumerate(HOSTILE)])
    text = text_of(Exposition(store))
    assert "monitoring_fake" not in {name for name, _ in series_of(text)}
    assert sorted(named(series_of(text), "feature_drift_score", monitor="churn").values()) == [
        0.01 * number for number in range(len(HOSTILE))
    ]


def test_threads_share_it(store: Store) -> None:
    """Scrapes at once, while verdicts are written, are whole each."""
    exposition, found = Exposition(store), []

    def scrape() -> None:
        for _ in range(5):
            found.append(len(series_of(text_of(exposition))))

    threads = [threading.Thread(target=scrape) for _ in range(4)]
    for thread in threads:
        thread.start()
    judge(store, "fraud", world.results("fraud", world.DAYS))
    for thread in threads:
        thread.join()
    assert len(found) == 20
    assert len(set(found)) == 1


def test_a_store_that_is_away_is_an_error_and_counted(store: Store, tmp_path: Path) -> None:
    """Nothing is told rather than half of it; the next scrape says that there was an error."""
    exposition = Exposition(store)
    with store._engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE monitoring_letters RENAME TO gone")
    with pytest.raises(StoreUnavailable):
        text_of(exposition)
    with store._engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO monitoring_letters")
    series = series_of(text_of(exposition))
    assert value(series, "scrape_errors_total", process=str(os.getpid())) == 1
    seconds = named(series, "scrape_duration_seconds")
    assert 0 < next(iter(seconds.values())) < timedelta(minutes=1).total_seconds()


def test_postgresql_says_the_same(store: Store, postgres_url: str) -> None:
    """Both kinds of store give the same scrape, but for when its verdicts were written."""
    with open_store(postgres_url) as other:
        world.fill(other)
        theirs, ours = (series_of(text_of(Exposition(each))) for each in (other, store))
    differing = ("monitoring_last_success_timestamp_seconds", "monitoring_scrape_duration_seconds")
    kept = [{key: number for key, number in each.items() if key[0] not in differing} for each in (theirs, ours)]
    assert kept[0] == kept[1]


def test_a_champion_without_a_promotion_is_at_least_as_old_as_its_first_window(store: Store) -> None:
    """The moment is the promotion's where the store knows of one."""
    record = replace(world.retrainings()[0], placed=world.NEW)
    store.put_retraining(record)
    series = series_of(text_of(Exposition(store)))
    assert record.closed_at is not None
    assert value(series, "champion_since_timestamp_seconds", monitor="churn") == record.closed_at.timestamp()
