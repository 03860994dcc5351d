"""What holds of incidents whatever the readings are, and whatever their order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.alerts_section import Alerts, Patience
from monitoring_tasks.incidents.fold import advance
from monitoring_tasks.incidents.incident import UNTOLD, Change, Event, Incident
from monitoring_tasks.incidents.reading import Cause, Reading, Signal
from monitoring_tasks.incidents.replay import replay
from monitoring_tasks.severity import Severity
from tests.incidents.readings import Told, fault, reading, signal

LOW, MEDIUM, HIGH, CRITICAL = Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL
UPSTREAM = {"one": "orders", "two": "orders", "three": "elsewhere"}
ALERTS = Alerts(remind=timedelta(days=3), patience=Patience(no_data=2))
severities = st.sampled_from([LOW, MEDIUM, HIGH, CRITICAL])
columns = st.sampled_from(["temp", "wind", "gust"])


@st.composite
def of_data(draw: st.DrawFn, monitor: str) -> tuple[Signal, ...]:
    """Signals of a window that was judged: a fault for each of some columns or of rows, and drift."""
    source = UPSTREAM[monitor]
    faults = [fault(each, draw(severities), upstream=source) for each in sorted(draw(st.sets(columns)))]
    if draw(st.booleans()):
        faults.append(
            signal(Cause.DATA_QUALITY, draw(severities), anchors=draw(st.sampled_from([(), (f"{source}#",)])))
        )
    drifted = tuple(sorted(draw(st.sets(columns))))
    anchors = tuple(f"{source}#{column}" for column in drifted)
    drift = signal(Cause.DRIFT, draw(severities), columns=drifted, anchors=anchors)
    return (*draw(st.permutations(faults)), *([drift] if draw(st.booleans()) else []))


@st.composite
def readings(draw: st.DrawFn) -> Reading:
    """A reading of one of three monitors, two of which have a table in common."""
    monitor, number = draw(st.sampled_from(sorted(UPSTREAM))), draw(st.integers(0, 8))
    days = draw(st.integers(1, 3))
    what = draw(st.sampled_from(["judged", "judged", "judged", "unknown", "figures", "run"]))
    if what == "judged":
        return reading(number, *draw(of_data(monitor)), monitor=monitor, days=days)
    if what == "unknown":
        outcome = draw(st.sampled_from(["no_data", "too_few_rows"]))
        none = signal(
            Cause.NO_DATA, MEDIUM if outcome == "no_data" else LOW, outcome=outcome, anchors=(UPSTREAM[monitor],)
        )
        return reading(number, none, monitor=monitor, covers=[Cause.NO_DATA], days=days)
    cause = Cause.PERFORMANCE if what == "figures" else Cause.FAILED
    signals = [signal(cause, draw(severities))] if draw(st.booleans()) else []
    stream = "performance" if what == "figures" else "run"
    return reading(number, *signals, monitor=monitor, covers=[cause], stream=stream, days=days)


histories = st.lists(readings(), max_size=14)


def folded(history: Sequence[Reading]) -> Told:
    """The incidents of a history, in the order of its readings."""
    told = Told(ALERTS)
    told.read(*history)
    return told


@given(histories)
def test_the_same_reading_again_changes_nothing(history: list[Reading]) -> None:
    """A run that writes its reading twice tells nothing twice, and leaves every incident as it was."""
    told = Told(ALERTS)
    for each in history:
        told.read(each)
        for change in advance(told.open, each, ALERTS, now=each.tick):
            if change.event is Event.OPENED:
                # The window is one that an incident ended in, which the caller knows: see `unless_over`.
                assert not told.incidents[change.incident.id].open
                continue
            assert change.event in UNTOLD
            assert change.incident == told.incidents[change.incident.id]


@given(histories, st.randoms(use_true_random=False))
def test_a_replay_does_not_depend_on_the_order_of_readings(history: list[Reading], random: object) -> None:
    """However a backfill shuffles its runs, the same incidents come of them."""
    shuffled = list(history)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert replay(shuffled, lambda _: ALERTS) == replay(history, lambda _: ALERTS)


@given(histories)
def test_each_change_follows_from_the_one_before(history: list[Reading]) -> None:
    """What was told only gets worse, what is told is counted, and one that has ended stays as it is."""
    last: dict[str, Change] = {}
    for change in replay(history, lambda _: ALERTS).changes:
        incident = change.incident
        assert incident.severity <= incident.told
        assert incident.severity <= incident.worst
        assert incident.members
        assert all(member.first.end <= member.last.end for member in incident.members)
        before = last.get(incident.id)
        if before is None:
            assert (change.event, incident.number) == (Event.OPENED, 1)
        else:
            assert_follows(before.incident, change)
        last[incident.id] = change


def assert_follows(before: Incident, change: Change) -> None:
    """That an incident may stand so after it stood so."""
    after, counted = change.incident, change.event not in UNTOLD
    assert before.open
    assert after.number == before.number + counted
    assert before.told <= after.told
    assert before.worst <= after.worst
    assert (after.told > before.told) == (change.event is Event.ESCALATED)
    assert (change.event is Event.RESOLVED) == (not after.open)
    assert (after.spoken != before.spoken) <= change.loud
    assert {*before.columns} <= {*after.columns}
    assert {*before.anchors} <= {*after.anchors}
    assert [member.name for member in after.members][: len(before.members)] == [each.name for each in before.members]


@given(histories)
def test_a_reading_changes_an_incident_once(history: list[Reading]) -> None:
    """However many columns a window has at fault; and no two changes that are told have the same key."""
    told = Told(ALERTS)
    for each in history:
        before = len(told.changes)
        told.read(each)
        ids = [change.incident.id for change in told.changes[before:]]
        assert len(ids) == len(set(ids))
    whole = replay(history, lambda _: ALERTS)
    keys = [change.key for change in whole.changes if change.event not in UNTOLD]
    assert len(keys) == len(set(keys))


@given(histories)
def test_a_replay_is_what_live_runs_did(history: list[Reading]) -> None:
    """Readings that came when they were due, and no window a second time: live and replayed incidents are equal."""
    once = {(each.tick, each.stream != "run", each.stream, each.monitor, each.window): each for each in history}
    in_time = [once[key] for key in sorted(once)]
    live, replayed = folded(in_time), replay(in_time, lambda _: ALERTS)
    assert replayed.changes == tuple(live.changes)
    assert replayed.incidents == tuple(live.incidents.values())


@given(st.lists(severities, min_size=1, max_size=20), st.integers(0, 3))
def test_one_fault_upstream_is_one_page(found: list[Severity], more: int) -> None:
    """Monitors of one broken column: the first is a page, those that are no worse join it, only worse ones page."""
    told = Told()
    extra = [f"own{number}" for number in range(more)]
    for number, severity in enumerate(found):
        told.read(reading(0, fault("temp", severity), monitor=f"m{number}"))
    escalations = sum(severity > max(found[:number]) for number, severity in enumerate(found) if number)
    assert len(told.loud) == 1 + escalations
    assert told.only.monitors == tuple(f"m{number}" for number in range(len(found)))
    told.read(*(reading(0, fault(column), monitor="m0") for column in extra[:1]))
    assert len(told.incidents) == 1 + bool(extra)


KINDS = {"healthy": None, "low": LOW, "medium": MEDIUM, "high": HIGH, "unknown": None}


def counted_by_hand(kinds: Sequence[str], needed: int) -> list[tuple[int, Event]]:
    """What happens day by day to drift of one monitor, by looking back over all days each time."""
    events: list[tuple[int, Event]] = []
    start: int | None = None
    for today, kind in enumerate(kinds):
        severity = KINDS[kind]
        if kind == "unknown" or (start is None and severity is None):
            continue
        if start is None:
            events.append((today, Event.OPENED))
            start = today
            continue
        worst = max(KINDS[each] or Severity.NONE for each in kinds[start:today])
        if severity is not None and (severity > LOW or worst <= LOW):
            events.append((today, Event.ESCALATED if severity > worst else Event.REPEATED))
            continue
        known = [each for each in kinds[start : today + 1] if each != "unknown"]
        calm = next((n for n, each in enumerate(reversed(known)) if not is_calm(each, worst)), len(known))
        events.append((today, Event.RESOLVED if calm == needed else Event.EASED))
        if calm == needed:
            start = today if kind == "low" else None
            events += [(today, Event.OPENED)] if kind == "low" else []
    return events


def is_calm(kind: str, worst: Severity) -> bool:
    """Whether a day is one without a finding, or without one to speak of."""
    return kind == "healthy" or (kind == "low" and worst > LOW)


@given(st.lists(st.sampled_from(sorted(KINDS)), max_size=30), st.integers(1, 4))
def test_days_are_counted_as_by_hand(kinds: list[str], needed: int) -> None:
    """Openings, escalations and ends agree with a count that looks back over all days."""
    told = Told(Alerts(healthy_windows=needed, remind=timedelta(days=999)))
    found = []
    for number, kind in enumerate(kinds):
        severity = KINDS[kind]
        signals = () if severity is None else (signal(severity=severity),)
        covers = [Cause.NO_DATA] if kind == "unknown" else [Cause.DRIFT]
        found += [(number, event) for event in told.read(reading(number, *signals, covers=covers))]
    assert found == counted_by_hand(kinds, needed)


@given(st.lists(st.sampled_from(["fine", "few", "none"]), max_size=20), st.integers(1, 5), st.integers(1, 5))
def test_patience_is_counted_as_by_hand(kinds: list[str], few: int, none: int) -> None:
    """A window without enough rows pages when so many have come in a row without one that had enough."""
    told = Told(Alerts(healthy_windows=99, patience=Patience(too_few_rows=few, no_data=none)))
    for number, kind in enumerate(kinds):
        outcome = {"few": "too_few_rows", "none": "no_data"}.get(kind)
        severity = MEDIUM if kind == "none" else LOW
        signals = (signal(Cause.NO_DATA, severity, outcome=outcome),) if outcome else ()
        told.read(reading(number, *signals, covers=[Cause.NO_DATA]))
        if outcome:
            row = next((n for n, each in enumerate(reversed(kinds[: number + 1])) if each == "fine"), number + 1)
            assert told.only.severity is (LOW if row < (few if kind == "few" else none) else MEDIUM)
            assert told.only.members[0].windows == row


@given(readings())
def test_readings_survive_json(found: Reading) -> None:
    """What the store keeps is what was read."""
    assert Reading.from_json(found.to_json()) == found
