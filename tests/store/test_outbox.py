"""The outbox: letters are posted once, claimed by one, told in order; on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from monitoring_tasks.store import letters as statements
from monitoring_tasks.store.database import Store
from monitoring_tasks.store.records import Letter
from monitoring_tasks.window import DAY, HOUR
from tests.store.processes import in_one
from tests.store.samples import HOSTILE, NOON, incident, letter, resolved

MINUTE = timedelta(minutes=1)
LAPSE = 5 * MINUTE
SLACK = "slack:c:#ml"


def post(store: Store, *letters: Letter) -> None:
    """Put letters into the outbox."""
    with store.transaction() as transaction:
        for each in letters:
            assert transaction.post(each)


def claim(store: Store, now: Any = NOON + HOUR, *, by: str = "a", skip: Iterable[str] = ()) -> Letter | None:
    """Claim the next letter."""
    claimed = store.claim_letter(by=by, now=now, lapse=LAPSE, skip=list(skip))
    return claimed and claimed[0]


def drain(store: Store, now: Any = NOON + HOUR) -> list[str]:
    """Send everything that is due; keys in the order sent."""
    sent = []
    while found := claim(store, now):
        sent.append(found.key)
        assert store.settle_letter(replace(found, state="sent", sent_at=now))
    return sent


def stand(store: Store, position: int = 1, **fields: Any) -> Letter:
    """The letter of a position as it stands."""
    given = letter(position, **fields)
    found = store.letter(given.key, given.channel)
    assert found is not None
    return found


def test_what_is_posted_comes_back_equal(store: Store) -> None:
    """Every field of a letter reads back equal, with all that a delivery adds."""
    full = letter(
        state="sent",
        digest=True,
        attempts=7,
        next_at=NOON + MINUTE,
        claimed_at=NOON,
        claimed_by="a",
        sent_at=NOON + HOUR,
        external={"ts": "1.2", "channel": "C1"},
        error="it was down",
    )
    notice = letter(0, "", event="notice", monitors=())
    post(store, full, notice)
    assert store.letter(full.key, full.channel) == full
    assert store.letter(notice.key, notice.channel) == notice
    assert store.letter(full.key, "log") is None


@pytest.mark.parametrize("hostile", [*HOSTILE, "half \ud83d of it"], ids=range(len(HOSTILE) + 1))
def test_hostile_texts_come_back(store: Store, hostile: str) -> None:
    """Whatever stands in a text survives, through claim and settlement, and is found again."""
    body = {hostile: [hostile], "links": {hostile: hostile}}
    given = letter(1, hostile[:100], hostile, key=hostile, body=body, monitors=(hostile,))
    post(store, given)
    assert store.letters(incident=hostile[:100]) == [given]
    claimed = claim(store, by=f"x{hostile}")
    assert claimed == replace(given, state="sending", claimed_at=NOON + HOUR, claimed_by=f"x{hostile}")
    sent = replace(claimed, state="sent", external={"ts": hostile}, error=hostile)
    assert store.settle_letter(sent)
    assert store.letter(hostile, hostile) == sent
    assert store.thread(hostile[:100], hostile) == {"ts": hostile}
    assert claim(store, skip=[hostile]) is None


def test_a_letter_is_posted_once_to_each_channel(store: Store) -> None:
    """A second letter of a key to a channel is not put there, and changes nothing; another channel's is."""
    with store.transaction() as transaction:
        assert transaction.post(letter())
        assert not transaction.post(letter(body={"title": "another"}))
        assert transaction.post(letter(channel="log"))
    assert store.letters(state="waiting") == [letter(channel="log"), letter()]


def test_letters_of_an_incident_and_in_a_state(store: Store) -> None:
    """In the order written: of one incident, of those without one, in a state, or all."""
    later = letter(2, "i2", state="dead")
    post(store, letter(3), later, letter(1), letter(0, "", event="notice"))
    assert [each.position for each in store.letters()] == [0, 1, 2, 3]
    assert [each.position for each in store.letters(incident="i1")] == [1, 3]
    assert [each.position for each in store.letters(incident="")] == [0]
    assert store.letters(state="dead") == [later]
    assert store.letters(incident="i1", state="dead") == []


def test_a_body_is_not_amended_once_it_is_under_way(store: Store) -> None:
    """Only what waits can still be told otherwise."""
    post(store, letter())
    amended: list[bool] = []

    def amend() -> None:
        in_one(store, lambda it: amended.append(it.amend(letter().key, SLACK, {"title": str(len(amended))})))

    amend()
    assert stand(store).body == {"title": "0"}
    found = claim(store)
    amend()
    assert found is not None
    for state in ("sent", "dead", "bundled"):
        store.settle_letter(replace(found, state=state))
        amend()
    in_one(store, lambda it: amended.append(it.amend("unknown", SLACK, {})))
    assert amended == [True, False, False, False, False, False]
    assert stand(store).body == {"title": "0"}


def test_who_was_told_aloud(store: Store) -> None:
    """Channels with a letter that opens, escalates or reminds, whatever became of it; not those of quiet ones."""
    post(
        store,
        letter(1, channel="a"),
        letter(2, channel="b", event="escalated", state="dead"),
        letter(3, channel="c", event="reminded", state="bundled", digest=True),
        letter(4, channel="d", event="joined"),
        letter(5, channel="a", event="reminded"),
        letter(1, "i2", channel="e"),
    )
    told: list[set[str]] = []
    in_one(store, lambda it: told.extend([it.told("i1"), it.told("i2"), it.told("i3")]))
    assert told == [{"a", "b", "c"}, {"e"}, set()]


# Whose turn it is.


def test_nothing_is_claimed_before_it_is_due(store: Store) -> None:
    """Neither before its time, nor before its next try, nor what waits for a digest."""
    post(store, letter(1), letter(1, "i2", next_at=NOON + HOUR), letter(1, "i3", digest=True))
    assert claim(store, NOON + MINUTE - timedelta(microseconds=1)) is None
    found = claim(store, NOON + MINUTE)
    assert found == replace(letter(1), state="sending", claimed_at=NOON + MINUTE, claimed_by="a")
    assert store.settle_letter(replace(found, state="sent"))
    assert claim(store, NOON + HOUR - MINUTE) is None
    assert drain(store, NOON + HOUR) == [letter(1, "i2").key]
    assert claim(store, NOON + 100 * DAY) is None


def test_the_longest_due_comes_first(store: Store) -> None:
    """By when it was due, then when it was written, then by its place in the incident."""
    order = [
        letter(5, "", event="notice", due_at=NOON - HOUR),
        letter(9, "i1", created_at=NOON, due_at=NOON),
        letter(1, "i2", created_at=NOON + MINUTE, due_at=NOON),
        letter(2, "i3", created_at=NOON + MINUTE, due_at=NOON),
    ]
    post(store, *reversed(order))
    assert drain(store) == [each.key for each in order]


def test_a_claimed_letter_is_nobody_elses(store: Store) -> None:
    """Until its sender lapses, or asks again under its name; then it is told that somebody may have sent it."""
    post(store, letter())
    start = NOON + HOUR
    assert store.claim_letter(by="a", now=start, lapse=LAPSE) is not None
    assert store.claim_letter(by="b", now=start + LAPSE, lapse=LAPSE) is None
    again = store.claim_letter(by="a", now=start + MINUTE, lapse=LAPSE)
    assert again == (replace(letter(), state="sending", claimed_at=start + MINUTE, claimed_by="a"), True)
    late = start + MINUTE + LAPSE + timedelta(microseconds=1)
    taken = store.claim_letter(by="b", now=late, lapse=LAPSE)
    assert taken == (replace(letter(), state="sending", claimed_at=late, claimed_by="b"), True)


def test_what_was_left_comes_last(store: Store) -> None:
    """A letter whose sender was ended does not keep the others from being sent, should it end this one as well."""
    post(store, letter(1, "", state="sending", claimed_by="a", claimed_at=NOON), letter(2, ""))
    assert drain(store) == [letter(2, "").key, letter(1, "").key]


def test_a_claim_of_nobody_is_nobodys(store: Store) -> None:
    """Claimants without a name are not one another."""
    post(store, letter())
    assert claim(store, by="") is not None
    assert claim(store, by="") is None


def test_who_lost_a_letter_settles_nothing(store: Store) -> None:
    """The sender that was too slow does not undo what another that took over says; nor does anybody unclaimed."""
    post(store, letter())
    assert not store.settle_letter(replace(letter(), state="sent", claimed_by="a"))
    slow = claim(store, by="a")
    quick = claim(store, NOON + 2 * HOUR, by="b")
    assert slow is not None
    assert quick is not None
    assert not store.settle_letter(replace(slow, state="dead"))
    assert store.settle_letter(replace(quick, state="sent", external={"ts": "1"}))
    assert not store.settle_letter(replace(quick, state="dead"))
    assert stand(store).state == "sent"


def test_a_failed_letter_waits_with_what_got_through(store: Store) -> None:
    """State, tries, next try, ids and error are kept, and the next claim brings them."""
    post(store, letter())
    found = claim(store)
    assert found is not None
    failed = replace(found, state="waiting", attempts=1, next_at=NOON + 2 * HOUR, external={"ts": "1"}, error="down")
    assert store.settle_letter(failed)
    assert stand(store) == failed
    assert claim(store, NOON + 2 * HOUR - MINUTE) is None
    later = claim(store, NOON + 2 * HOUR)
    assert later == replace(failed, state="sending", claimed_at=NOON + 2 * HOUR)


def test_a_channel_that_is_skipped_holds_up_no_other(store: Store) -> None:
    """What fails is left alone; letters of the same incident to another channel go."""
    post(store, letter(1), letter(2), letter(3, channel="log"))
    found = claim(store, skip=[SLACK])
    assert found is not None
    assert found.channel == "log"
    assert claim(store, by="b", skip=[SLACK]) is None
    assert claim(store, by="b") is not None


def test_a_channel_that_asks_for_it_is_left_alone(store: Store) -> None:
    """Nothing that waits for it is claimed before the moment, and what waits longer anyway is not hastened."""
    post(store, letter(1), letter(1, incident="j", next_at=NOON + 3 * HOUR), letter(1, incident="k", channel="log"))
    post(store, letter(1, incident="l", state="sent"))
    assert store.postpone(SLACK, until=NOON + 2 * HOUR) == 1
    assert len(drain(store, NOON + 2 * HOUR - MINUTE)) == 1
    assert len(drain(store, NOON + 2 * HOUR)) == 1
    assert len(drain(store, NOON + 3 * HOUR)) == 1


@pytest.mark.parametrize(("state", "free"), [("waiting", False), ("sending", False), ("sent", True), ("dead", True)])
def test_letters_of_an_incident_keep_their_order(store: Store, state: Any, free: bool) -> None:
    """A later letter waits until the one before it to that channel is told or given up, also while that backs off."""
    first = letter(1, next_at=NOON + DAY, state=state, claimed_at=NOON + HOUR, claimed_by="other")
    post(store, first, letter(2, event="resolved"), letter(1, "i2"), letter(2, channel="log"))
    assert (letter(2, event="resolved").key in drain(store)) is free
    assert stand(store, 1, incident="i2").state == "sent"
    assert stand(store, 2, channel="log").state == "sent"


def test_what_concerns_no_incident_has_no_order(store: Store) -> None:
    """A notice does not wait for another."""
    post(store, letter(1, "", next_at=NOON + DAY), letter(2, ""))
    assert drain(store) == [letter(2, "").key]


def test_the_end_waits_for_the_digest_that_tells_the_beginning(store: Store) -> None:
    """A quiet letter stays behind one that waits for the digest or the end of quiet hours."""
    post(store, letter(1, digest=True), letter(2, event="resolved"))
    post(store, letter(1, "i2", due_at=NOON + DAY), letter(2, "i2", event="resolved"))
    assert drain(store) == []
    store.bundle(letter(0, "", event="digest", key="d"), store.due_digest(SLACK, NOON + HOUR))
    assert drain(store) == ["d", "i1-2-resolved"]
    assert drain(store, NOON + DAY) == ["i2-1-opened", "i2-2-resolved"]


@pytest.mark.parametrize("event", ["opened", "escalated", "reminded"])
def test_what_is_told_aloud_does_not_wait_for_the_morning(store: Store, event: str) -> None:
    """An escalation at night takes along what waits for the end of quiet hours, in order, and only that."""
    others = [
        letter(1, "i2", due_at=NOON + DAY),
        letter(1, channel="log", due_at=NOON + DAY),
        letter(5, due_at=NOON + DAY),
        letter(1, "", event="notice", due_at=NOON + DAY),
    ]
    post(store, letter(1, due_at=NOON + DAY), letter(2, event="joined", due_at=NOON + 2 * MINUTE), *others)
    assert drain(store) == []
    post(store, letter(3, event=event))
    assert drain(store) == ["i1-1-opened", "i1-2-joined", f"i1-3-{event}"]
    assert sorted(drain(store, NOON + DAY)) == sorted(each.key for each in others)


def test_what_is_told_aloud_is_told_in_no_later_digest(store: Store) -> None:
    """What waits for a digest after it is bundled with it; a digest that is due before it still tells."""
    post(store, letter(1, digest=True, due_at=NOON + DAY), letter(1, "i2", digest=True, due_at=NOON))
    post(store, letter(2, event="escalated"), letter(2, "i2", event="escalated"))
    found = stand(store, 1)
    assert (found.state, found.external) == ("bundled", {"told_by": "i1-2-escalated"})
    assert stand(store, 1, incident="i2").state == "waiting"
    assert drain(store) == ["i1-2-escalated"]


def test_a_second_post_hastens_nothing(store: Store) -> None:
    """A letter that is there already, one for the digest, and one that concerns no incident leave others alone."""
    post(store, letter(3, due_at=NOON - HOUR), letter(1, due_at=NOON + DAY), letter(1, "", due_at=NOON + DAY))
    in_one(store, lambda it: it.post(letter(3, due_at=NOON - HOUR)))
    post(store, letter(4, event="reminded", digest=True), letter(2, "", event="reminded"))
    assert stand(store, 1).due_at == NOON + DAY
    assert stand(store, 1, incident="").due_at == NOON + DAY


def letters() -> st.SearchStrategy[list[Letter]]:
    """Outboxes in any state."""
    minutes = st.integers(-3, 3).map(lambda count: NOON + count * MINUTE)
    one = st.builds(
        letter,
        st.integers(0, 3),
        st.sampled_from(["", "i1", "i2"]),
        st.sampled_from(["log", SLACK]),
        event=st.sampled_from(["joined", "resolved"]),
        state=st.sampled_from(["waiting", "waiting", "sending", "sent", "dead", "bundled"]),
        created_at=minutes,
        due_at=minutes,
        next_at=st.none() | minutes,
        claimed_at=st.none() | minutes,
        claimed_by=st.sampled_from([None, "a", "b"]),
        digest=st.booleans(),
    )
    return st.lists(one, max_size=12, unique_by=lambda each: (each.incident, each.position, each.channel))


def turn(outbox: list[Letter]) -> list[Letter]:
    """The letters that `a` may claim at noon, by plain reading of the rules; those first in turn."""

    def free(each: Letter) -> bool:
        if each.state == "sending":
            return each.claimed_by == "a" or (each.claimed_at is not None and each.claimed_at < NOON - MINUTE)
        ready = each.due_at <= NOON and (each.next_at is None or each.next_at <= NOON)
        return each.state == "waiting" and not each.digest and ready

    def behind(each: Letter) -> bool:
        line = [other for other in outbox if (other.incident, other.channel) == (each.incident, each.channel)]
        earlier = [other.state for other in line if other.position < each.position]
        return bool(each.incident) and bool({"waiting", "sending"} & {*earlier})

    def place(each: Letter) -> tuple[Any, ...]:
        return each.state == "sending", each.due_at, each.created_at, each.position

    able = [each for each in outbox if free(each) and not behind(each)]
    return [each for each in able if place(each) == min(map(place, able))]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(outbox=letters())
def test_whose_turn_it_is(store: Store, outbox: list[Letter]) -> None:
    """Of any outbox the letter is claimed that the rules, read plainly, name."""
    with store._engine.connect().execution_options(writes=True) as connection, connection.begin():
        connection.execute(text("DELETE FROM monitoring_letters"))
    post(store, *outbox)
    claimed = store.claim_letter(by="a", now=NOON, lapse=MINUTE)
    if claimed is None:
        assert turn(outbox) == []
    else:
        found, taken_over = claimed
        before = next(each for each in outbox if (each.key, each.channel) == (found.key, found.channel))
        assert before in turn(outbox)
        assert taken_over == (before.state == "sending")
        assert found == replace(before, state="sending", claimed_at=NOON, claimed_by="a")


# Threads.


def test_the_thread_is_that_of_the_first_letter_that_was_taken(store: Store) -> None:
    """Its ids, whatever later ones have; nothing before any is taken, and nothing of other incidents or channels."""
    assert store.thread("i1", SLACK) == {}
    post(store, letter(1, external={"ts": "half"}), letter(1, "i2", external={"ts": "9"}, state="sent"))
    post(store, letter(1, channel="log", external={"ts": "8"}, state="sent"))
    assert store.thread("i1", SLACK) == {}
    post(store, letter(4, event="resolved", external={"ts": "4"}, state="sent"))
    post(store, letter(3, event="joined", external={}, state="sent"))
    assert store.thread("i1", SLACK) == {"ts": "4"}
    post(store, letter(2, event="escalated", external={"ts": "2"}, state="sent"))
    assert store.thread("i1", SLACK) == {"ts": "2"}


def test_what_was_given_up_half_way_has_a_thread(store: Store) -> None:
    """The part of a dead letter that stands in the channel is what later letters belong to; a digest is not."""
    post(store, letter(1, external={"digest": "d"}, state="bundled"))
    assert store.thread("i1", SLACK) == {}
    post(store, letter(2, external={"ts": "1"}, state="dead"))
    assert store.thread("i1", SLACK) == {"ts": "1"}


# Digests.


def test_a_digest_takes_the_place_of_its_letters(store: Store) -> None:
    """Channels with something due; what is due, in order; then one letter instead, and the letters say which."""
    due = [letter(2, "i1", digest=True), letter(3, "i2", digest=True)]
    post(store, *reversed(due), letter(4, "i3", digest=True, due_at=NOON + DAY), letter(5, "i4"))
    post(store, letter(1, "i5", channel="log", digest=True), letter(1, "i6", channel="log", digest=True, state="sent"))
    assert store.digest_channels(NOON) == []
    assert store.digest_channels(NOON + HOUR) == ["log", SLACK]
    assert store.due_digest(SLACK, NOON + HOUR) == due
    told = letter(0, "", event="digest", key="d")
    assert store.bundle(told, due)
    assert store.digest_channels(NOON + HOUR) == ["log"]
    assert store.due_digest(SLACK, NOON + HOUR) == []
    assert store.letters(state="bundled") == [replace(each, state="bundled", external={"digest": "d"}) for each in due]
    assert drain(store) == ["d", "i4-5-opened"]
    assert len(store.due_digest(SLACK, NOON + DAY)) == 1


def test_what_another_digest_has_told_is_not_told_again(store: Store) -> None:
    """A digest of a letter that waits no more is not posted, nor is one whose key is there; nothing changes."""
    first, second, third = (letter(1, f"i{number}", digest=True) for number in range(3))
    post(store, first, second, third)
    digests = [letter(0, "", event="digest", key=key) for key in "de"]
    assert store.bundle(digests[0], [first])
    assert not store.bundle(digests[1], [first, second])
    assert not store.bundle(digests[0], [second, third])
    assert store.letters(incident="") == [digests[0]]
    assert len(store.due_digest(SLACK, NOON + HOUR)) == 2


# Dead letters, and old ones.


def test_a_dead_letter_is_sent_again_by_hand(store: Store) -> None:
    """It waits again, due now for the first time, with the ids of what got through; no other letter is revived."""
    dead = letter(state="dead", attempts=9, next_at=NOON + DAY, external={"ts": "1"}, error="gone", claimed_by="a")
    post(store, dead, letter(2, "i2"))
    moment = NOON + 5 * DAY
    assert store.revive_letter(dead.key, SLACK, now=moment)
    assert not store.revive_letter(dead.key, SLACK, now=moment)
    assert not store.revive_letter(letter(2, "i2").key, SLACK, now=moment)
    assert not store.revive_letter("unknown", SLACK)
    assert stand(store) == replace(dead, state="waiting", attempts=0, next_at=None, due_at=moment)
    assert drain(store, moment) == [letter(2, "i2").key, dead.key]


def test_revived_by_the_clock(store: Store) -> None:
    """Without another moment it is due at once."""
    post(store, letter(state="dead"))
    before = datetime.now(UTC)
    assert store.revive_letter(letter().key, SLACK)
    assert before <= stand(store).due_at <= datetime.now(UTC)


def test_old_letters_are_purged(store: Store) -> None:
    """Those told before a moment go; younger ones, what was not told, and those of open incidents stay."""
    in_one(store, lambda it: it.put_incident(incident("open")), lambda it: it.put_incident(resolved("over")))
    gone = [letter(1, "over", state="sent"), letter(2, "unknown", state="bundled"), letter(3, "", state="sent")]
    stay = [
        letter(1, "open", state="sent"),
        letter(2, "over"),
        letter(3, "over", state="sending"),
        letter(4, "over", state="dead"),
        letter(30, "over", state="sent"),
    ]
    post(store, *gone, *stay)
    assert store.purge_letters(NOON + 10 * MINUTE) == len(gone)
    assert {each.key for each in store.letters()} == {each.key for each in stay}
    assert store.purge_letters(NOON + 10 * MINUTE) == 0


def test_a_body_that_is_no_json_is_refused(store: Store) -> None:
    """NaN in a message cannot be stored; nothing of its transaction is."""
    with pytest.raises(ValueError, match="JSON"):
        post(store, letter(1), letter(2, body={"value": float("nan")}))
    assert store.letters() == []


def test_what_is_overdue(store: Store) -> None:
    """What waits or is under way past its time; nothing that is for a digest, later, or over. All that waits counts."""
    under_way = letter(1, state="sending")
    waits, digest, later, gone = letter(2), letter(3, digest=True), letter(120), letter(4, state="dead")
    post(store, under_way, waits, digest, later, gone)
    assert store.overdue(NOON + HOUR) == [under_way, waits]
    assert store.waiting() == 3


def test_a_digest_takes_no_more_than_a_statement_does(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an outage of months: the first letters go into one digest, the rest into the next."""
    monkeypatch.setattr(statements, "MOST", 2)
    post(store, *(letter(position, digest=True) for position in (3, 1, 2)))
    first = store.due_digest(SLACK, NOON + HOUR)
    assert [each.position for each in first] == [1, 2]
    assert store.bundle(letter(9, "", event="digest", key="d"), first)
    assert [each.position for each in store.due_digest(SLACK, NOON + HOUR)] == [3]
