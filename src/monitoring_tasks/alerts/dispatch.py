"""Dispatch: letters that are due go from the outbox to their channels, each once, in the order of their incident."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from monitoring_tasks.alerts.channel import Channel, Delivery
from monitoring_tasks.alerts.digest import digest_letter
from monitoring_tasks.alerts.message import Message, one_line, to_text
from monitoring_tasks.errors import AlertRefused, AlertUndelivered, MonitoringError
from monitoring_tasks.store.database import Store
from monitoring_tasks.store.records import Letter

LAPSE = timedelta(minutes=5)
"""Time after which a letter that is being sent is taken over: longer than any channel takes to answer or fail."""
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(minutes=30)
LONGEST_ASKED = timedelta(days=1)
"""The longest that a service is left alone because it asks for it."""
GIVE_UP, LEAST_TRIES = timedelta(days=3), 8
"""A letter is dead when it is due for so long and failed so often: one that nobody tried to send for days is tried."""
MOST = 500
"""So many letters are sent in one pass; whoever delivers next sends the others."""
INTERVAL = timedelta(seconds=1)
"""The time between two messages to one Slack channel: Slack takes one a second."""
_ERROR_LIMIT = 1000
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Dispatched:
    """What a pass over the outbox did: letters sent, failed for now, and given up; `waiting` are left in the outbox.

    Those that wait are failed ones, and others that are not due or stand behind a failed one. `errors` says for each
    channel that did not take a letter why.
    """

    sent: int = 0
    failed: int = 0
    dead: int = 0
    waiting: int = 0
    errors: Mapping[str, str] = field(default_factory=dict)


def deliver_due(
    store: Store,
    open_channel: Callable[[str], Channel],
    *,
    by: str,
    now: Callable[[], datetime],
    most: int = MOST,
    sleep: Callable[[float], None] = time.sleep,
) -> Dispatched:
    """Send the letters that are due, one by one, at most `most`; what is due for a digest is bundled first.

    A letter is claimed in the store before it is sent, and settled there afterwards; several passes at once share the
    work. One that was ended between the two leaves its letter claimed: the retry of the same run (`by`, which no other
    run has) takes it over at once, any other after `LAPSE`, and tells the channel that it may have it already. A
    channel that fails is left alone for the rest of the pass, the others go on; its letter waits for `back_off`. What
    a channel refuses for good, and what fails longer than `GIVE_UP`, is dead. Errors of channels are not raised;
    `StoreUnavailable` is.
    """
    bundle_digests(store, now())
    under_way = _Pass(store, open_channel, now, sleep)
    for _ in range(most):
        claimed = store.claim_letter(by=by, now=now(), lapse=LAPSE, skip=under_way.left_alone)
        if claimed is None:
            break
        under_way.deliver(*claimed)
    return under_way.outcome()


def bundle_digests(store: Store, now: datetime) -> None:
    """Put what is due for a digest into one letter for each channel."""
    for channel in store.digest_channels(now):
        letters = store.due_digest(channel, now)
        # Another pass may have bundled them by now: then there is nothing to do.
        if letters and store.bundle(digest_letter(channel, letters, now=now), letters):
            log.info("digest.bundled channel=%s letters=%d", channel, len(letters))


def back_off(tries: int, after: timedelta | None = None) -> timedelta:
    """How long a letter waits that failed `tries` times, the service having asked to be left alone for `after`.

    >>> [int(back_off(tries).total_seconds()) for tries in (1, 2, 3, 7, 50)]
    [30, 60, 120, 1800, 1800]
    >>> back_off(1, after=timedelta(hours=2))
    datetime.timedelta(seconds=7200)
    """
    doubled = FIRST_WAIT * (1 << min(max(tries, 1) - 1, 10))
    return max(min(doubled, LONGEST_WAIT), min(after or timedelta(0), LONGEST_ASKED))


class _Pass:
    """One pass over the outbox: its open channels, those it leaves alone, and what it did."""

    def __init__(
        self,
        store: Store,
        open_channel: Callable[[str], Channel],
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
    ) -> None:
        self.left_alone: set[str] = set()
        self._store, self._open_channel = store, open_channel
        self._now, self._sleep = now, sleep
        self._channels: dict[str, Channel] = {}
        self._used: dict[str, datetime] = {}
        self._counts = {"sent": 0, "failed": 0, "dead": 0}
        self._errors: dict[str, str] = {}

    def deliver(self, letter: Letter, taken_over: bool) -> None:
        """Send a claimed letter, and settle what became of it."""
        if taken_over:
            letter = self._counted(letter)
        settled = _dead(letter, _ENDED) if taken_over and _too_late(letter, self._now()) else self._tried(letter)
        if self._store.settle_letter(settled):
            self._note(settled)
        else:
            log.warning("letter.taken_away key=%s channel=%s", letter.key, letter.channel)

    def outcome(self) -> Dispatched:
        """What the pass did, and how much is left."""
        return Dispatched(**self._counts, waiting=self._store.waiting(), errors=self._errors)

    def _counted(self, letter: Letter) -> Letter:
        # Counted before it is sent: a letter that ends whoever sends it is not taken over for ever.
        log.warning("letter.taken_over key=%s channel=%s", letter.key, letter.channel)
        counted = replace(letter, attempts=letter.attempts + 1)
        self._store.settle_letter(counted)
        return counted

    def _tried(self, letter: Letter) -> Letter:
        thread = self._store.thread(letter.incident, letter.channel) if letter.incident else {}
        try:
            external = self._send(letter, thread)
        except AlertRefused as error:
            return _dead(letter, str(error))
        except MonitoringError as error:
            return self._put_off(letter, error)
        except Exception as error:  # whatever is wrong with one channel, the others must be reached
            return self._put_off(letter, _broken(letter, error))
        return _sent(letter, external, self._now())

    def _put_off(self, letter: Letter, error: MonitoringError) -> Letter:
        self.left_alone.add(letter.channel)
        if after := _asked(error):
            # What a service asks for holds for all its letters, whoever sends them.
            self._store.postpone(letter.channel, until=self._now() + after)
        return _failed(letter, error, self._now())

    def _send(self, letter: Letter, thread: Mapping[str, str]) -> Mapping[str, str]:
        delivery = _delivery(letter, thread)
        if letter.channel not in self._channels:
            self._channels[letter.channel] = self._open_channel(letter.channel)
        self._pause(letter.channel)
        try:
            return self._channels[letter.channel].send(delivery)
        finally:
            self._used[letter.channel] = self._now()

    def _pause(self, channel: str) -> None:
        used = self._used.get(channel)
        if used is None or channel.split(":")[0] not in _PACED:
            return
        left = INTERVAL - (self._now() - used)
        if left > timedelta(0):
            # A clock that was set back must not hold up the pass.
            self._sleep(min(left, INTERVAL).total_seconds())

    def _note(self, letter: Letter) -> None:
        became = "failed" if letter.state == "waiting" else letter.state
        self._counts[became] += 1
        if letter.error:
            self._errors[letter.channel] = letter.error
        _LOG_OF[became](
            "letter.%s key=%s channel=%s attempts=%d%s",
            became,
            letter.key,
            letter.channel,
            letter.attempts,
            f" error={letter.error}" if letter.error else "",
        )


def _delivery(letter: Letter, thread: Mapping[str, str]) -> Delivery:
    return Delivery(
        key=letter.key,
        message=Message.from_json(letter.body),
        incident=letter.incident,
        event=letter.event,
        thread=thread,
        external=letter.external,
        again=letter.attempts > 0 or bool(letter.error),  # a revived one keeps its error
    )


def _sent(letter: Letter, external: Mapping[str, str], now: datetime) -> Letter:
    return replace(letter, state="sent", sent_at=now, next_at=None, external=dict(external), error="")


def _failed(letter: Letter, error: MonitoringError, now: datetime) -> Letter:
    if not letter.error:
        log.warning("letter.untold key=%s channel=%s\n%s", letter.key, letter.channel, _text(letter))
    through = error.external if isinstance(error, AlertUndelivered) else {}
    tried = replace(
        letter,
        attempts=letter.attempts + 1,
        external=through or letter.external,
        error=one_line(str(error), _ERROR_LIMIT),
    )
    if _too_late(tried, now):
        return _dead(tried, f"given up after {tried.attempts} tries: {error}")
    return replace(tried, state="waiting", next_at=now + back_off(tried.attempts, _asked(error)))


def _asked(error: MonitoringError) -> timedelta | None:
    """How long a service asks to be left alone."""
    after = error.after if isinstance(error, AlertUndelivered) else None
    return None if after is None else min(after, LONGEST_ASKED)


def _too_late(letter: Letter, now: datetime) -> bool:
    return letter.attempts >= LEAST_TRIES and now - letter.due_at >= GIVE_UP


def _dead(letter: Letter, error: str) -> Letter:
    log.error("letter.untold key=%s channel=%s\n%s", letter.key, letter.channel, _text(letter))
    return replace(letter, state="dead", next_at=None, error=one_line(error, _ERROR_LIMIT))


def _broken(letter: Letter, error: Exception) -> AlertUndelivered:
    # Where it broke is logged, not what it says: an error that nobody raised on purpose may hold a secret.
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error(
        "channel.broke channel=%s key=%s error=%s at\n%s", letter.channel, letter.key, type(error).__name__, where
    )
    told = f"{letter.channel} broke ({type(error).__name__}): the task's log says where; a later try sends it"
    return AlertUndelivered(told)


def _text(letter: Letter) -> str:
    try:
        return to_text(Message.from_json(letter.body))
    except (KeyError, TypeError, ValueError, AttributeError):  # another version wrote it
        return one_line(str(letter.body))


_ENDED = "each of its senders was ended before it knew the outcome: send it again by hand"
_PACED = frozenset({"slack", "slack_webhook"})
_LOG_OF = {"sent": log.info, "failed": log.warning, "dead": log.error}
