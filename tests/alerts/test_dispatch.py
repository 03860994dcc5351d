"""Letters that are due are sent once each, in order, and nothing that one channel does stops the others."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.alerts.channel import Channel, Delivery
from monitoring_tasks.alerts.dispatch import (
    FIRST_WAIT,
    GIVE_UP,
    LAPSE,
    LEAST_TRIES,
    LONGEST_ASKED,
    LONGEST_WAIT,
    Dispatched,
    back_off,
    deliver_due,
)
from monitoring_tasks.errors import AlertRefused, AlertUndelivered, ConfigurationError, StoreUnavailable
from monitoring_tasks.severity import Severity
from monitoring_tasks.store.database import Store, open_store
from monitoring_tasks.store.records import Letter
from tests.alerts.letters import LOG, NOW, Clock, letter, post

EMAIL, SLACK, PAGER = "email:smtp_default:a@x.org", "slack:slack_default:#ml", "pagerduty:pagerduty_events_default"
SECRET = "hunter2"


class Post:
    """Channels that keep what they are sent, or raise what is laid out for them."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, Delivery]] = []
        self.errors: dict[str, deque[Exception | None]] = {}
        self.opened: list[str] = []

    def open(self, address: str) -> Channel:
        """The channel at an address."""
        self.opened.append(address)
        return Shelf(self, address)

    def fail(self, address: str, *errors: Exception | None) -> None:
        """Let a channel fail in its next letters."""
        self.errors.setdefault(address, deque()).extend(errors)

    def keys(self, address: str) -> list[str]:
        """Keys of what a channel took, in order."""
        return [delivery.key for taken_by, delivery in self.taken if taken_by == address]


class Shelf:
    """One of these channels."""

    def __init__(self, everything: Post, address: str) -> None:
        self.everything, self.address = everything, address

    def send(self, delivery: Delivery) -> Mapping[str, str]:
        """Keep it."""
        errors = self.everything.errors.get(self.address)
        if errors and (error := errors.popleft()):
            raise error
        self.everything.taken.append((self.address, delivery))
        return {"ts": str(len(self.everything.taken))}


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Store]:
    """An open store on an empty SQLite database."""
    with open_store(f"sqlite:///{tmp_path}/outbox.db") as opened:
        yield opened


@pytest.fixture
def office() -> Post:
    """Channels that take everything."""
    return Post()


@pytest.fixture
def clock() -> Clock:
    """A clock that stands at the moment the letters are due."""
    return Clock()


Deliver = Callable[..., Dispatched]


@pytest.fixture
def deliver(outbox: Store, office: Post, clock: Clock) -> Deliver:
    """A pass over the outbox, of a run of its own unless `by` names one."""
    runs = count()

    def passed(**changes: object) -> Dispatched:
        options = {"by": f"run {next(runs)}", "now": clock, "sleep": clock.sleep, **changes}
        return deliver_due(outbox, office.open, **options)  # type: ignore[arg-type]

    return passed


def test_what_is_due_is_sent(outbox: Store, office: Post, deliver: Deliver) -> None:
    """A letter that is due reaches its channel as it was written, is sent in the store, and is not sent again."""
    post(outbox, letter("k1"))
    assert deliver() == Dispatched(sent=1)
    [(address, delivery)] = office.taken
    assert (address, delivery.key, delivery.incident, delivery.event) == (LOG, "k1", "incident of k1", "opened")
    assert delivery.message.title == "HIGH: flight_delay: k1"
    assert (delivery.thread, delivery.external, delivery.again) == ({}, {}, False)
    sent = outbox.letter("k1", LOG)
    assert sent is not None
    assert (sent.state, sent.sent_at, sent.external, sent.attempts) == ("sent", NOW, {"ts": "1"}, 0)
    assert deliver() == Dispatched()
    assert len(office.taken) == 1


def test_what_is_not_due_waits(outbox: Store, office: Post, clock: Clock, deliver: Deliver) -> None:
    """A letter held back by quiet hours is sent when they end."""
    post(outbox, letter("k1", due_at=NOW + timedelta(hours=2)))
    assert deliver() == Dispatched(waiting=1)
    clock.move(hours=2)
    assert deliver().sent == 1
    assert office.keys(LOG) == ["k1"]


def test_later_letters_know_the_first(outbox: Store, office: Post, deliver: Deliver) -> None:
    """Letters of an incident are sent in their order, and each later one has the ids that the first was given."""
    told = [
        letter(f"k{n}", incident="i", position=n, event=event) for n, event in enumerate(("opened", "escalated"), 1)
    ]
    post(outbox, *told[::-1])
    post(outbox, letter("k1", incident="i", channel=EMAIL))
    assert deliver().sent == 3
    assert office.keys(LOG) == ["k1", "k2"]
    threads = {(address, delivery.key): delivery.thread for address, delivery in office.taken}
    first = outbox.letter("k1", LOG)
    assert first is not None
    assert threads == {(LOG, "k1"): {}, (EMAIL, "k1"): {}, (LOG, "k2"): first.external}


def test_a_pass_ends(outbox: Store, office: Post, deliver: Deliver) -> None:
    """A pass sends so many letters at most; the next one goes on."""
    post(outbox, *(letter(f"k{n}") for n in range(5)))
    assert deliver(most=3) == Dispatched(sent=3, waiting=2)
    assert deliver(most=3) == Dispatched(sent=2)
    assert sorted(office.keys(LOG)) == [f"k{n}" for n in range(5)]


def test_a_channel_is_opened_once_a_pass(outbox: Store, office: Post, deliver: Deliver) -> None:
    """However many letters there are to a channel, its connection is asked for once."""
    post(outbox, *(letter(f"k{n}") for n in range(3)))
    deliver()
    assert office.opened == [LOG]


def test_a_channel_that_fails_is_left_alone_and_the_others_go_on(outbox: Store, office: Post, deliver: Deliver) -> None:
    """A channel that is down is tried once a pass; letters to other channels are sent in the same pass."""
    post(outbox, *(letter(f"k{n}", channel=address) for n in range(3) for address in (EMAIL, LOG)))
    office.fail(EMAIL, AlertUndelivered("the mail server does not answer"))
    done = deliver()
    assert (done.sent, done.failed, done.dead, done.waiting) == (3, 1, 0, 3)
    assert done.errors == {EMAIL: "the mail server does not answer"}
    assert office.opened.count(EMAIL) == 1
    assert deliver().sent == 2  # the one that failed has to wait


def test_a_letter_that_failed_waits_longer_each_time(
    outbox: Store, office: Post, clock: Clock, deliver: Deliver
) -> None:
    """It is tried again after the back-off and not before, and carries what got through; then its order goes on."""
    told = [letter(f"k{n}", incident="i", position=n, channel=EMAIL) for n in (1, 2)]
    post(outbox, *told)
    office.fail(EMAIL, AlertUndelivered("no", {"part": "through"}), AlertUndelivered("no"), ConfigurationError("no"))
    for tries in (1, 2, 3):
        assert (deliver().failed, deliver().failed) == (1, 0)
        failed = outbox.letter("k1", EMAIL)
        assert failed is not None
        assert (failed.state, failed.attempts, failed.next_at) == ("waiting", tries, clock() + back_off(tries))
        clock.moment += back_off(tries) - timedelta(seconds=1)
        assert deliver() == Dispatched(waiting=2)
        clock.move(seconds=1)
    assert deliver() == Dispatched(sent=2)
    assert office.keys(EMAIL) == ["k1", "k2"]
    assert office.taken[0][1].external == {"part": "through"}


@pytest.mark.parametrize("error", [AlertUndelivered("timed out"), ConfigurationError("gone"), RuntimeError("oops")])
def test_what_failed_may_have_been_taken(
    outbox: Store, office: Post, clock: Clock, deliver: Deliver, error: Exception
) -> None:
    """A try after a failure says so to the channel, which may have the letter: the answer alone may have been lost."""
    post(outbox, letter("k1"))
    office.fail(LOG, error)
    deliver()
    clock.moment += back_off(1)
    deliver()
    assert [delivery.again for _, delivery in office.taken] == [True]


def test_a_service_is_left_alone_as_long_as_it_asks(
    outbox: Store, office: Post, clock: Clock, deliver: Deliver
) -> None:
    """Retry-After holds for all letters to the channel, whoever sends them; others are sent meanwhile."""
    post(outbox, letter("k1", channel=EMAIL), letter("k2", channel=EMAIL), letter("k3"))
    office.fail(EMAIL, AlertUndelivered("slow down", after=timedelta(minutes=7)))
    assert deliver().sent == 1
    clock.move(minutes=7, seconds=-1)
    assert deliver() == Dispatched(waiting=2)
    clock.move(seconds=1)
    assert deliver().sent == 2


def test_a_service_is_not_left_alone_for_ever(outbox: Store, office: Post, clock: Clock, deliver: Deliver) -> None:
    """A Retry-After of years is one of a day."""
    post(outbox, letter("k1"))
    office.fail(LOG, AlertUndelivered("slow down", after=timedelta.max))
    deliver()
    clock.moment += LONGEST_ASKED
    assert deliver().sent == 1


def test_a_letter_is_given_up_after_days(
    outbox: Store, office: Post, clock: Clock, deliver: Deliver, caplog: pytest.LogCaptureFixture
) -> None:
    """A channel that is away for more than three days leaves a dead letter with its error, its text in the log."""
    post(outbox, letter("k1", channel=EMAIL), letter("k2", channel=EMAIL, incident="incident of k1", position=2))
    office.fail(EMAIL, *[AlertUndelivered("still away")] * 1000)
    while (first := outbox.letter("k1", EMAIL)) and first.state == "waiting":
        done = deliver()
        clock.move(hours=6)
    assert first is not None
    assert (first.state, done.dead) == ("dead", 1)
    assert first.error == f"given up after {first.attempts} tries: still away"
    assert GIVE_UP <= clock() - NOW <= GIVE_UP + timedelta(hours=12)
    [told] = [each for each in caplog.records if each.levelno == logging.ERROR and "letter.untold" in each.message]
    assert "HIGH: flight_delay: k1" in told.message
    office.errors.clear()
    assert deliver().sent == 1  # the incident goes on
    assert office.keys(EMAIL) == ["k2"]


def test_a_letter_that_nobody_tried_for_days_is_tried(
    outbox: Store, office: Post, clock: Clock, deliver: Deliver
) -> None:
    """When nothing was delivered for a week the first failure is not the end of it."""
    post(outbox, letter("k1"))
    clock.move(days=7)
    office.fail(LOG, *[AlertUndelivered("no")] * (LEAST_TRIES - 1))
    for _ in range(LEAST_TRIES - 1):
        assert deliver().failed == 1
        clock.moment += LONGEST_WAIT
    assert deliver().sent == 1


def test_what_is_refused_is_dead_at_once(
    outbox: Store, office: Post, deliver: Deliver, caplog: pytest.LogCaptureFixture
) -> None:
    """A letter that a channel never takes is dead with its error and in the log; the channel takes the next one."""
    post(outbox, letter("k1"), letter("k2", due_at=NOW - timedelta(hours=1)))
    office.fail(LOG, AlertRefused("that is no address"))
    assert deliver() == Dispatched(sent=1, dead=1, errors={LOG: "that is no address"})
    dead = outbox.letter("k2", LOG)
    assert dead is not None
    assert (dead.state, dead.error, dead.next_at) == ("dead", "that is no address", None)
    assert "temp: psi 8.4 against 0.2" in caplog.text
    assert office.keys(LOG) == ["k1"]


def test_a_dead_letter_is_sent_by_hand(outbox: Store, office: Post, deliver: Deliver) -> None:
    """A dead letter that somebody revives is sent."""
    post(outbox, letter("k1"))
    office.fail(LOG, AlertRefused("no"))
    deliver()
    assert outbox.revive_letter("k1", LOG, now=NOW)
    assert deliver().sent == 1
    assert office.taken[0][1].again


def test_a_channel_that_breaks_tells_no_secret(
    outbox: Store, office: Post, deliver: Deliver, caplog: pytest.LogCaptureFixture
) -> None:
    """An error that nobody raised on purpose is a failure for now: where is logged, what it says is not."""
    post(outbox, letter("k1", channel=EMAIL), letter("k2"))
    office.fail(EMAIL, ZeroDivisionError(f"https://x?token={SECRET}"))
    done = deliver()
    assert (done.sent, done.failed) == (1, 1)
    assert done.errors[EMAIL].startswith(f"{EMAIL} broke (ZeroDivisionError)")
    broken = outbox.letter("k1", EMAIL)
    assert broken is not None
    assert (broken.state, broken.error) == ("waiting", done.errors[EMAIL])
    assert "test_dispatch.py" in caplog.text
    assert SECRET not in caplog.text


def test_without_its_connection_an_alert_can_be_read_in_the_log(
    outbox: Store, office: Post, deliver: Deliver, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """A channel that cannot be opened is a failure that says why; the alert itself is in the log, once."""

    def unable(address: str) -> Channel:
        raise ConfigurationError("connection 'smtp_default' is missing: create it")

    post(outbox, letter("k1"))
    for _ in range(3):
        done = deliver_due(outbox, unable, by="run", now=clock, sleep=clock.sleep)
        assert done.errors == {LOG: "connection 'smtp_default' is missing: create it"}
        clock.moment += LONGEST_WAIT
    assert caplog.text.count("temp: psi 8.4 against 0.2") == 1
    assert deliver().sent == 1


def test_a_letter_that_another_version_wrote_is_a_failure(outbox: Store, deliver: Deliver) -> None:
    """A body that cannot be read stops nothing else."""
    post(outbox, letter("k1", body={"lines": "?"}), letter("k2", channel=EMAIL))
    done = deliver()
    assert (done.sent, done.failed) == (1, 1)
    assert "broke (KeyError)" in done.errors[LOG]


def test_a_store_that_is_away_is_told(outbox: Store, office: Post, clock: Clock, tmp_path: Path) -> None:
    """Without the store nothing can be claimed: the pass ends with its error."""
    outbox.close()
    (tmp_path / "outbox.db").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreUnavailable):
        deliver_due(outbox, office.open, by="run", now=clock)


def test_a_run_that_was_ended_takes_its_letter_over(outbox: Store, office: Post, deliver: Deliver) -> None:
    """The retry of the same run goes on at once, with a warning to the channel; others leave the letter alone."""
    post(outbox, letter("k1"))
    assert outbox.claim_letter(by="mine", now=NOW, lapse=LAPSE)
    assert deliver(by="another").sent == 0
    assert deliver(by="mine").sent == 1
    assert [delivery.again for _, delivery in office.taken] == [True]


def test_another_run_takes_over_after_a_while(outbox: Store, office: Post, clock: Clock, deliver: Deliver) -> None:
    """A letter whose sender is not heard of any more is sent by whoever comes after `LAPSE`."""
    post(outbox, letter("k1"))
    assert outbox.claim_letter(by="mine", now=NOW, lapse=LAPSE)
    clock.moment += LAPSE
    assert deliver().sent == 0
    clock.move(seconds=1)
    assert deliver().sent == 1
    assert [delivery.again for _, delivery in office.taken] == [True]


def test_a_letter_that_ends_its_senders_is_given_up(
    outbox: Store, office: Post, clock: Clock, deliver: Deliver
) -> None:
    """A letter at which every sender is ended is tried for three days, holds up no other one, and is then dead."""

    class Ended(BaseException):
        """What ends a process."""

    class Deadly:
        def send(self, delivery: Delivery) -> Mapping[str, str]:
            raise Ended

    post(outbox, letter("deadly", channel=EMAIL))
    tries = 0
    while (deadly := outbox.letter("deadly", EMAIL)) and deadly.state != "dead":
        other = letter(f"k{tries}", due_at=clock(), created_at=clock())
        post(outbox, other)
        with suppress(Ended):
            deliver_due(outbox, lambda at: Deadly() if at == EMAIL else office.open(at), by=other.key, now=clock)
        assert office.keys(LOG)[-1] == other.key
        tries += 1
        clock.move(hours=6)
    assert deadly is not None
    assert "ended before it knew the outcome" in deadly.error
    assert deadly.attempts == tries - 1 >= LEAST_TRIES
    assert GIVE_UP <= clock() - NOW <= GIVE_UP + timedelta(hours=12)


def test_one_message_a_second_to_a_slack_channel(outbox: Store, office: Post, clock: Clock, deliver: Deliver) -> None:
    """Letters to one Slack channel are a second apart, others are not held up by it."""
    post(outbox, *(letter(f"s{n}", channel=SLACK) for n in range(4)))
    post(outbox, *(letter(f"k{n}") for n in range(4)))
    assert deliver().sent == 8
    assert sum(clock.slept) == 3
    assert max(clock.slept) == 1


def test_what_is_low_is_one_digest(outbox: Store, office: Post, clock: Clock, deliver: Deliver) -> None:
    """Letters for the digest wait for its hour and are one message for each channel, once."""
    due = NOW + timedelta(hours=2)
    low = {"digest": True, "due_at": due, "severity": Severity.LOW}
    post(outbox, *(letter(f"k{n}", **low, channel=address) for n in range(3) for address in (LOG, EMAIL)))
    assert deliver() == Dispatched(waiting=6)
    clock.moment = due
    assert deliver() == Dispatched(sent=2)
    assert deliver() == Dispatched()
    assert sorted(address for address, _ in office.taken) == [EMAIL, LOG]
    assert {delivery.message.title for _, delivery in office.taken} == {"Digest of 2013-06-11: 3 incidents"}
    assert {each.state for each in outbox.letters()} == {"bundled", "sent"}


def test_a_digest_that_fails_is_sent_later(outbox: Store, office: Post, clock: Clock, deliver: Deliver) -> None:
    """A digest is a letter as others are: it waits while its channel is down, and what comes after it is another."""
    post(outbox, letter("k1", digest=True))
    office.fail(LOG, AlertUndelivered("no"))
    assert deliver().failed == 1
    post(outbox, letter("k2", digest=True))
    clock.move(minutes=1)
    assert deliver().sent == 2
    assert [delivery.message.lines[0].split(": ")[2] for _, delivery in office.taken] == ["k1", "k2"]


def test_a_page_does_not_wait_for_the_digest(outbox: Store, office: Post, deliver: Deliver) -> None:
    """An incident that was low and gets worse is told at once; the digest need not tell it again."""
    low = letter("k1", incident="i", digest=True, due_at=NOW + timedelta(hours=9), severity=Severity.LOW)
    post(outbox, low, letter("k2", incident="i", position=2, event="escalated"))
    assert deliver() == Dispatched(sent=1)
    assert office.keys(LOG) == ["k2"]


def test_a_page_does_not_wait_for_the_end_of_quiet_hours(outbox: Store, office: Post, deliver: Deliver) -> None:
    """What is bad enough to break the quiet hours takes what was held back of its incident with it, in order."""
    post(outbox, letter("k1", incident="i", due_at=NOW + timedelta(hours=5), severity=Severity.MEDIUM))
    post(outbox, letter("k2", incident="i", position=2, event="escalated", severity=Severity.CRITICAL))
    assert deliver().sent == 2
    assert office.keys(LOG) == ["k1", "k2"]


def test_what_people_did_does_not_break_the_quiet_hours(outbox: Store, office: Post, deliver: Deliver) -> None:
    """A note that an incident is over waits for the letter it belongs to."""
    post(outbox, letter("k1", incident="i", due_at=NOW + timedelta(hours=5), severity=Severity.MEDIUM))
    post(outbox, letter("k2", incident="i", position=2, event="resolved"))
    assert deliver() == Dispatched(waiting=2)


@given(st.integers(-1, 10**6), st.none() | st.timedeltas())
def test_the_back_off_has_bounds(tries: int, after: timedelta | None) -> None:
    """Whatever was counted or asked for: never below the first wait, never below what is asked up to a day."""
    waits = back_off(tries, after)
    assert FIRST_WAIT <= waits <= max(LONGEST_WAIT, LONGEST_ASKED)
    assert waits >= min(after or timedelta(0), LONGEST_ASKED)
    assert waits >= back_off(tries - 1, after)


def test_a_later_letter_is_never_before_an_earlier_one(
    outbox: Store, office: Post, clock: Clock, deliver: Deliver
) -> None:
    """Letters of three incidents over channels that fail now and then: all arrive once, in order."""
    told: list[Letter] = []
    for number in range(1, 6):
        for incident in "abc":
            base = letter(f"{incident}{number}", incident=incident, position=number)
            told += [replace(base, channel=address) for address in (LOG, EMAIL, PAGER)]
    post(outbox, *told)
    for turn, address in enumerate((LOG, EMAIL, PAGER)):
        office.fail(address, *(AlertUndelivered("no") if (n + turn) % 3 == 0 else None for n in range(12)))
    for _ in range(40):
        deliver()
        clock.move(minutes=1)
    for address in (LOG, EMAIL, PAGER):
        for incident in "abc":
            keys = [key for key in office.keys(address) if key[0] == incident]
            assert keys == [f"{incident}{number}" for number in range(1, 6)]
