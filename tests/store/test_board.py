"""What pages and metrics read of many monitors or windows at once, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from monitoring_tasks.performance.headline import headline_of
from monitoring_tasks.policy.verdict import Outcome
from monitoring_tasks.scores import scores_of
from monitoring_tasks.severity import Severity
from monitoring_tasks.store.database import Store
from monitoring_tasks.window import Window
from tests.store.samples import entry, restated, results, retraining, subject, verdict, window

RUN = {"dag_id": "monitor_flight_delay", "run_id": "r"}


def put(store: Store, *days: int, **changes: object) -> None:
    """Verdicts on days, each with the usual results."""
    for day in days:
        store.put_results(subject(day, **changes), results(), rows=10 + day)
        store.put(verdict(day, **changes), results(), report="r.html", run=RUN)


def test_heads_are_the_newest_windows(store: Store) -> None:
    """One per monitor, in short: the whole verdict is not read."""
    put(store, 3, 1, 2)
    put(store, 7, monitor="another")
    first, second = store.heads()
    assert (first.subject, second.subject) == (subject(7, monitor="another"), subject(3))
    assert (second.outcome, second.severity, second.rows) == (Outcome.DRIFTED, Severity.HIGH, 13)
    assert second.headline.columns == ("temp",)
    assert second.headline.reason == verdict().reasons[0]
    assert (second.report, second.run) == ("r.html", RUN)
    assert store.scores([first.digest, second.digest, "none"]) == {
        each.digest: scores_of(results()) for each in (first, second)
    }


def test_checks_without_a_verdict_are_no_head(store: Store) -> None:
    """A run that has not come to its verdict shows nothing of its window."""
    put(store, 1)
    store.put_results(subject(2), results(), rows=1)
    assert [head.subject for head in store.heads()] == [subject(1)]
    assert [head.subject for head in store.windows("flight_delay")] == [subject(1)]


def test_windows_of_a_span(store: Store) -> None:
    """Those that lie wholly in it, in order; of a window that was judged twice the verdict written last."""
    put(store, 4, 2, 3, 1)
    put(store, 3, champion="v2")
    span = Window(window(2).start, window(3).end)
    heads = store.windows("flight_delay", span)
    assert [head.subject for head in heads] == [subject(2), subject(3, champion="v2")]
    assert store.window_scores("flight_delay", span) == {window(day): scores_of(results()) for day in (2, 3)}
    assert store.windows("nobody") == []


def test_windows_in_parts(store: Store) -> None:
    """Some at a time, each after the last of those before: also where windows of one start differ in their end."""
    put(store, 1, 2, 3)
    wide = replace(subject(2), window=Window(window(2).start, window(4).end))
    store.put(replace(verdict(2), subject=wide), results(), report=None, run=RUN)
    order = [window(1), window(2), wide.window, window(3)]
    read, last = [], None
    while part := store.windows("flight_delay", after=last, limit=1):
        read.append(last := part[0].subject.window)
    assert read == order
    assert list(store.window_scores("flight_delay", after=window(1), limit=2)) == order[1:3]
    for day in (1, 2, 3):
        store.put_performance(entry(day))
    found = store.performance_windows("flight_delay", after=window(1), limit=1)
    assert [head.subject.window for head in found] == [window(2)]


def test_one_monitor_is_read_as_among_all(store: Store) -> None:
    """Its newest windows, its first one and what waits are those that it has in the answers about all."""
    for monitor, day in (("one", 4), ("two", 7)):
        put(store, day, day + 1, monitor=monitor)
        for each in (day, day + 2):
            store.put_performance(entry(each, monitor=monitor))
        store.put_retraining(retraining(monitor=monitor, state="awaiting"))
    for name in ("one", "two", "nobody"):
        assert store.heads(name) == [each for each in store.heads() if each.subject.monitor == name]
        assert store.performance_heads(name) == [
            each for each in store.performance_heads() if each.subject.monitor == name
        ]
        assert store.first_windows(name) == {key: at for key, at in store.first_windows().items() if key == name}
        assert store.awaiting(name) == [each for each in store.awaiting() if each.monitor == name]
    assert len(store.heads()) == len(store.performance_heads()) == len(store.awaiting()) == 2


@pytest.mark.parametrize("run_id", ["scheduled__2013", 'a "run" of 100 %_\\ naïve 🙂', "../x'; --"])
def test_what_a_run_found(store: Store, run_id: str) -> None:
    """The newest window whose verdict it wrote, unless a later run wrote it anew; whatever the run is called."""
    run, later = {"dag_id": "monitor_flight_delay", "run_id": run_id}, {"dag_id": "monitor_flight_delay", "run_id": "x"}
    for day, by in ((1, run), (3, run), (2, run), (3, later), (4, later)):
        store.put(verdict(day), results(), report=None, run=by)
    assert store.found_by("flight_delay", "monitor_flight_delay", run_id) == subject(2)
    assert store.found_by("flight_delay", "monitor_flight_delay", "x") == subject(4)
    assert store.found_by("flight_delay", "monitor_other", run_id) is None
    assert store.found_by("flight_delay", "monitor_flight_delay", run_id.upper()) is None
    assert store.found_by("flight_delay", "monitor_flight_delay", run_id, performance=True) is None
    for day in (5, 6, 4):
        store.put_performance(replace(entry(day), run=run))
    found = store.found_by("flight_delay", "monitor_flight_delay", run_id, performance=True)
    assert found == entry(6).verdict.subject


def test_the_newest_of_one_monitor(store: Store) -> None:
    """Its newest verdict, and where the newest window ends that was judged on drift or performance."""
    assert (store.head("flight_delay"), store.last_end("flight_delay")) == (None, None)
    store.put_results(subject(9), results(), rows=1)
    assert (store.head("flight_delay"), store.last_end("flight_delay")) == (None, None)
    put(store, 2, 3, 1)
    head = store.head("flight_delay")
    assert head is not None
    assert head.subject == subject(3)
    assert store.last_end("flight_delay") == window(3).end
    store.put_performance(entry(5))
    assert store.last_end("flight_delay") == window(5).end


def test_performance_in_short(store: Store) -> None:
    """The newest version of each window; of a monitor the newest window that could be judged."""
    store.put_performance(entry(1))
    newer = entry(1, after=3, figures=())
    store.put_performance(newer)
    store.put_performance(entry(2))
    waiting = replace(entry(3), verdict=replace(entry(3).verdict, outcome=Outcome.LABELS_IMMATURE))
    store.put_performance(waiting)
    found = store.performance_windows("flight_delay")
    assert [head.subject.window for head in found] == [window(1), window(2), window(3)]
    assert found[0].known_at == newer.restatement.known_at
    assert found[1].headline == headline_of(restated(2))
    [head] = store.performance_heads()
    assert head.subject.window == window(2)


def test_a_monitor_of_immature_labels_has_a_head(store: Store) -> None:
    """Where no window could be judged, the newest says that labels are waited for."""
    for day in (1, 2):
        waiting = replace(entry(day).verdict, outcome=Outcome.LABELS_IMMATURE, severity=Severity.LOW)
        store.put_performance(replace(entry(day), verdict=waiting))
    [head] = store.performance_heads()
    assert (head.subject.window, head.outcome) == (window(2), Outcome.LABELS_IMMATURE)


def test_first_windows(store: Store) -> None:
    """Where each monitor's verdicts begin."""
    put(store, 5, 2, 9)
    put(store, 4, monitor="another")
    assert store.first_windows() == {"flight_delay": window(2).start, "another": window(4).start}


def test_retrainings_in_short(store: Store) -> None:
    """Counted by state; those that wait for a person, and those that put another champion in place."""
    end = window(20).start + timedelta(days=1)
    records = [
        retraining("old", state="promoted", challenger="v2", closed_at=end),
        retraining("new", state="rolled_back", challenger="v1", closed_at=end + timedelta(days=1)),
        retraining("no", state="rejected", closed_at=end),
        retraining("open", state="awaiting"),
        retraining("elsewhere", monitor="another", state="promoted", closed_at=end),
    ]
    for record in records:
        store.put_retraining(record)
    assert store.retraining_counts()[("flight_delay", "rejected")] == 1
    assert sum(store.retraining_counts().values()) == 5
    assert [record.run for record in store.awaiting()] == ["open"]
    assert [record.run for record in store.promotions("flight_delay")] == ["new", "old"]
    assert len(store.promotions()) == 3


@pytest.mark.parametrize("name", ["\0", "x" * 3000, "'; DROP TABLE monitoring_subjects; --", "\ud800"])
def test_hostile_names_find_nothing(store: Store, name: str) -> None:
    """A monitor that cannot be has no windows, whatever its name: nothing reaches the database as SQL."""
    put(store, 1)
    assert store.windows(name) == []
    assert store.performance_windows(name) == []
    assert store.promotions(name) == []
    assert len(store.heads()) == 1
