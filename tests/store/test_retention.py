"""What the store gives up with time, on both databases: what was written before a moment, and nobody needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_tasks.policy.verdict import Outcome
from monitoring_tasks.store import retention
from monitoring_tasks.store.database import Store, open_store
from monitoring_tasks.store.ledger import LedgerEntry
from monitoring_tasks.store.retention import Kind, Old
from tests.store.samples import canary, entry, incident, member, resolved, results, retraining, subject, verdict, window

RUN = {"run_id": "r"}


def put(store: Store, *days: int, **changes: object) -> None:
    """Verdicts on days, each with the usual results."""
    for day in days:
        store.put_results(subject(day, **changes), results(), rows=10 + day)
        store.put(verdict(day, **changes), results(), report="r.html", run=RUN)


def put_figures(store: Store, *entries: LedgerEntry) -> None:
    """Entries of the ledger, in this order."""
    for each in entries:
        store.put_performance(each)


def immature(day: int, *, after: int = 1) -> LedgerEntry:
    """An entry of a day whose labels are waited for."""
    made = entry(day, after=after)
    return replace(made, verdict=replace(made.verdict, outcome=Outcome.LABELS_IMMATURE))


def now() -> datetime:
    """The moment between what is old and what is not."""
    return datetime.now(UTC)


def purge(store: Store, kind: Kind, before: datetime) -> int:
    """Purge every page."""
    return sum(store.purge(kind, page, before) for page in store.old(kind, before))


def days(found: Iterable[Old]) -> list[int]:
    """The days of old rows after 2013-06-01."""
    return [(each.subject.window.start - window(0).start).days for each in found]


def judged_days(store: Store, monitor: str = "flight_delay") -> list[int]:
    """The days of a monitor's verdicts."""
    return [(head.subject.window.start - window(0).start).days for head in store.windows(monitor)]


def known_days(store: Store) -> list[tuple[int, int]]:
    """The days of the ledger, and how many versions there are of each."""
    found = []
    for each in store.performance("flight_delay"):
        versions = store.restatements("flight_delay", each.restatement.window)
        found.append(((each.restatement.window.start - window(0).start).days, len(versions)))
    return found


def test_results_are_rolled_up(store: Store) -> None:
    """The body of an old window goes, all that is read of many windows stays; nothing younger is touched."""
    put(store, 0, 1)
    before = now()
    put(store, 2)
    heads, scores, verdicts = store.windows("flight_delay"), store.window_scores("flight_delay"), store.verdicts("x")
    assert store.roll_up(before) == 2
    assert [store.results(subject(day)) for day in range(3)] == [None, None, results()]
    assert all(store.knows(subject(day)) for day in range(3))
    assert store.windows("flight_delay") == heads
    assert store.window_scores("flight_delay") == scores
    assert store.verdicts("x") == verdicts
    assert store.roll_up(before) == 0


def test_results_without_a_verdict_are_as_old_as_their_window(store: Store) -> None:
    """What was computed for the history of another window stands in nobody's list."""
    for day in (0, 9):
        store.put_results(subject(day), results(), rows=1)
    assert store.roll_up(window(5).end) == 1
    assert [store.results(subject(day)) for day in (0, 9)] == [None, results()]


def test_old_verdicts_go(store: Store) -> None:
    """But for each monitor's newest window, whatever its age, and what was written since."""
    put(store, 0, 1, 2, 5)
    put(store, 1, 3, monitor="gone")
    before = now()
    put(store, 1)
    assert purge(store, "drift", before) == 3
    assert judged_days(store) == [1, 5]
    assert judged_days(store, "gone") == [3]
    assert purge(store, "drift", before) == 0


def test_what_was_never_judged_is_nobodys_last_word(store: Store) -> None:
    """A run that broke off long ago left check results, which go with the age of their window."""
    for day in (0, 9):
        store.put_results(subject(day), results(), rows=1)
    assert purge(store, "drift", window(5).end) == 1
    assert [store.knows(subject(day)) for day in (0, 9)] == [False, True]


def test_what_is_written_anew_meanwhile_stays(store: Store) -> None:
    """Between the look and the deletion a backfill judges a window again."""
    put(store, 0, 1, 2)
    before = now()
    [page] = store.old("drift", before)
    put(store, 1)
    assert days(page) == [0, 1]
    assert store.purge("drift", page, before) == 1
    assert judged_days(store) == [1, 2]


def test_versions_of_a_window_go_together(store: Store) -> None:
    """One that was restated since keeps all of its versions; the newest judged window stays, and those after it."""
    put_figures(store, entry(0), entry(0, after=2), entry(1), entry(2), entry(2, after=2), immature(3))
    before = now()
    put_figures(store, entry(1, after=2))
    [page] = store.old("performance", before)
    assert days(page) == [0, 0]
    assert store.purge("performance", page, before) == 2
    assert known_days(store) == [(1, 2), (2, 2), (3, 1)]


def test_a_ledger_that_waits_for_labels_keeps_its_newest_window(store: Store) -> None:
    """Where nothing could be judged the last that is known is how complete the labels are."""
    put_figures(store, immature(0), immature(1))
    assert purge(store, "performance", now()) == 1
    assert known_days(store) == [(1, 1)]


def test_old_self_tests_go(store: Store) -> None:
    """But for those of each monitor's newest window."""
    for day in (0, 1, 2):
        store.put_canary(canary(day))
    store.put_canary(canary(2, config_hash="other"))
    before = now()
    store.put_canary(canary(0, config_hash="new"))
    assert store.purge_canaries(before) == 2
    assert [report.window for report in store.canaries("flight_delay")] == [window(2), window(2), window(0)]


def test_an_open_incident_holds_its_windows(store: Store) -> None:
    """From its first window on nothing of its monitors goes; with its end all that is old does."""
    put(store, 0, 1, 2, 3)
    put(store, 0, 1, monitor="other")
    put_figures(store, *(entry(day) for day in range(4)))
    with store.transaction() as transaction:
        transaction.put_incident(incident(members=(member(day=1),)))
    before = now()
    assert store.roll_up(before) == 1 + 2
    assert [store.results(subject(day)) is None for day in range(4)] == [True, False, False, False]
    assert (purge(store, "drift", before), judged_days(store)) == (1 + 1, [1, 2, 3])
    assert (purge(store, "performance", before), known_days(store)) == (1, [(1, 1), (2, 1), (3, 1)])
    with store.transaction() as transaction:
        transaction.put_incident(resolved())
    assert store.roll_up(before) == 3
    assert (purge(store, "drift", before), judged_days(store)) == (2, [3])
    assert (purge(store, "performance", before), known_days(store)) == (2, [(3, 1)])


def test_an_open_retraining_holds_its_windows(store: Store) -> None:
    """From the first window it trains on; with its end they go."""
    put(store, 0, 1, 2, 3)
    record = retraining(day=11, training=window(1), evaluation=window(2), state="awaiting")
    store.put_retraining(record)
    before = now()
    assert (store.roll_up(before), purge(store, "drift", before), judged_days(store)) == (1, 1, [1, 2, 3])
    store.put_retraining(replace(record, state="declined"))
    assert (store.roll_up(before), purge(store, "drift", before), judged_days(store)) == (3, 2, [3])


def test_many_rows_go_page_by_page(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Held rows in a page hide none of the pages after it; what was ended half way is taken up where it stopped."""
    monkeypatch.setattr(retention, "PAGE", 3)
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    put(store, *range(10))
    for day in range(4):
        put(store, day, monitor="held")
    with store.transaction() as transaction:
        transaction.put_incident(incident(members=(member("held"),)))
    before = now()
    assert store.roll_up(before) == 10
    pages = store.old("drift", before)
    assert store.purge("drift", next(pages), before) < 10
    assert len(judged_days(store)) > 1
    purge(store, "drift", before)
    assert judged_days(store) == [9]
    assert judged_days(store, "held") == [0, 1, 2, 3]


_ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 6), st.booleans()), min_size=1, max_size=12)


@settings(max_examples=25)
@given(_ROWS)
def test_what_stays_is_young_or_the_last_word(tmp_path_factory: pytest.TempPathFactory, rows: object) -> None:
    """Whatever was written when: a purge leaves the young rows, and of each monitor its newest windows."""
    written: dict[tuple[str, int], bool] = {}
    folder: Path = tmp_path_factory.mktemp("store")
    with open_store(f"sqlite:///{folder}/results.db") as store:
        for young in (False, True):
            before = now()
            for monitor, day in [(name, day) for name, day, is_young in rows if is_young is young]:  # type: ignore[attr-defined]
                put(store, day, monitor=monitor)
                written[monitor, day] = young
        purge(store, "drift", before)
        last = {name: max(day for monitor, day in written if monitor == name) for name, _ in written}
        expected = {key for key, young in written.items() if young or last[key[0]] == key[1]}
        assert {(name, day) for name in last for day in judged_days(store, name)} == expected
        assert all(store.head(name) is not None for name in last)


def test_moments_are_compared_to_the_microsecond(store: Store) -> None:
    """A row that was written at the moment itself is not older than it."""
    put(store, 0, 1)
    [first, _] = store.windows("flight_delay")
    assert purge(store, "drift", first.written_at) == 0
    assert purge(store, "drift", first.written_at + timedelta(microseconds=1)) == 1
