"""The ledger of performance in the store, on SQLite and PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.performance.record import (
    Estimated,
    Figure,
    Interval,
    Maturity,
    Restatement,
)
from monitoring_tasks.policy.verdict import Outcome
from monitoring_tasks.store.database import Store
from tests.store.samples import entry, restated, window

DAY = timedelta(days=1)


def test_what_is_put_comes_back_equal(store: Store) -> None:
    """Every field reads back equal, hostile texts too; an unknown monitor has none."""
    store.put_performance(entry())
    assert store.performance("flight_delay") == [entry()]
    assert store.restatements("flight_delay", window(0)) == [entry()]
    assert store.performance("other") == []


def test_nothing_is_overwritten(store: Store) -> None:
    """Each restatement is a version of its own; what is written again is there once."""
    first, second = entry(after=1), entry(after=2, maturity=Maturity(1000, 990, 1000))
    for each in (second, first, first):
        store.put_performance(each)
    assert store.restatements("flight_delay", window(0)) == [first, replace(second, version=2)]
    assert store.performance("flight_delay") == [replace(second, version=2)]


def test_what_was_known_on_a_day(store: Store) -> None:
    """An old number reads back to the byte; before the first version nothing is known."""
    for after in (1, 3, 5):
        store.put_performance(entry(after=after))
    asked = window(0).end + 4 * DAY
    (found,) = store.performance("flight_delay", window(0), known_by=asked)
    assert found.restatement.dumps() == restated(after=3).dumps()
    assert found.version == 2
    assert store.performance("flight_delay", known_by=window(0).end) == []


def test_the_champion_that_judged_a_window_first(store: Store) -> None:
    """By the moment as known at, whichever was written first; of windows that lie wholly in the span."""
    for after, champion in ((3, "v1.2.0-00000003"), (1, "v1.1.0-00000002")):
        store.put_performance(entry(after=after, champion=champion))
    store.put_performance(entry(2))
    assert store.first_champions("flight_delay", window(0)) == {window(0): "v1.1.0-00000002"}
    assert store.first_champions("other", window(0)) == {}


def test_windows_of_a_span_in_order(store: Store) -> None:
    """Only windows that lie wholly in the span, each with its newest version."""
    for day in (2, 0, 1):
        store.put_performance(entry(day))
    span = replace(window(0), end=window(1).end)
    assert [found.restatement.window for found in store.performance("flight_delay", span)] == [window(0), window(1)]


def test_the_newest_window_that_could_be_judged(store: Store) -> None:
    """A younger one, of which labels are waited for, is not the state of the model."""
    assert store.latest_performance("flight_delay") is None
    young = entry(3)
    for each in (
        entry(0),
        entry(1, after=1),
        entry(1, after=2),
        replace(young, verdict=replace(young.verdict, outcome=Outcome.LABELS_IMMATURE)),
    ):
        store.put_performance(each)
    assert store.latest_performance("flight_delay") == entry(1, after=2)


NUMBERS = st.none() | st.floats(allow_nan=True, allow_infinity=True)


@given(st.builds(Interval, NUMBERS, NUMBERS, NUMBERS), st.text(), st.none() | st.builds(Interval, NUMBERS))
def test_a_restatement_survives_json(raw: Interval, segment: str, corrected: Interval | None) -> None:
    """Read back from its JSON it is equal, byte for byte; NaN and infinities are None."""
    figure = Figure("auc", segment, 1, raw, corrected, None if corrected is None else Estimated(corrected))
    said = restated(figures=(figure,))
    again = Restatement.from_json(said.to_json())
    assert again == said
    assert again.dumps() == said.dumps()
    assert again.figure("auc", segment) == figure
