"""Letters in the outbox: what makes one due, whose turn it is, and the way between rows and objects."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Delete,
    Row,
    Select,
    Update,
    and_,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)

from monitoring_tasks.incidents.incident import LOUD, State
from monitoring_tasks.severity import Severity
from monitoring_tasks.store.queries import Fields, digest, insert
from monitoring_tasks.store.records import Letter, LetterState
from monitoring_tasks.store.schema import INCIDENTS, LETTERS

MOST = 5000
"""So many letters are bundled at once: SQLite takes no more than 32766 values in a statement."""
_TURN = ("due_at", "created_at", "position", "digest")
_PLAIN = (
    "key",
    "channel",
    "incident",
    "position",
    "event",
    "created_at",
    "due_at",
    "state",
    "attempts",
    "next_at",
    "claimed_at",
    "claimed_by",
    "sent_at",
    "error",
)
_UNTRIED = (LETTERS.c.attempts == 0, LETTERS.c.error == "")  # a letter that is revived keeps its error
_SETTLED = ("state", "attempts", "next_at", "sent_at", "error")


def post(connection: Connection, letter: Letter) -> bool:
    """Add a letter unless one with its key to its channel is there; return whether it was added.

    One that is told aloud does not wait behind what is held back of its incident, neither overtakes it: what waits for
    the end of quiet hours comes with it, and what waits for a later digest is told by it.
    """
    statement = insert(connection.dialect.name, LETTERS).values(_fields(letter)).on_conflict_do_nothing()
    added = connection.execute(statement).rowcount == 1
    if added and letter.incident and letter.event in _LOUD and not letter.digest:
        connection.execute(_hastened(letter))
        connection.execute(_absorbed(letter))
    return added


def amend(key: str, channel: str, body: Mapping[str, Any]) -> Update:
    """Another body for a letter that waits and was never tried: of one that was, people may have the old body."""
    return _waiting(key, channel, "waiting").where(*_UNTRIED).values(body=_json(body))


def withdraw(incident: str, channel: str, by: str) -> Update:
    """What waits for a channel about an incident, and nobody tried to send, is as good as told by another letter."""
    columns = LETTERS.c
    of = (columns.incident == incident, columns.channel == channel, columns.state == "waiting")
    return update(LETTERS).where(*of, *_UNTRIED).values(state="bundled", external=_json({"told_by": by}))


def revive(key: str, channel: str, now: datetime) -> Update:
    """A dead letter waits again, as if it were due now for the first time."""
    return _waiting(key, channel, "dead").values(state="waiting", attempts=0, next_at=None, due_at=now)


def settle(letter: Letter) -> Update:
    """What became of a letter, if it is still claimed by whoever the letter says."""
    columns = LETTERS.c
    held = (columns.state == "sending", columns.claimed_by == letter.claimed_by)
    values = {name: getattr(letter, name) for name in _SETTLED}
    return update(LETTERS).where(_is(letter), *held).values(**values, external=_json(letter.external))


def postpone(channel: str, until: datetime) -> Update:
    """No letter to a channel is tried before a moment."""
    columns = LETTERS.c
    sooner = or_(columns.next_at.is_(None), columns.next_at < until)
    return update(LETTERS).where(columns.channel == channel, columns.state == "waiting", sooner).values(next_at=until)


def claim(letter: Letter) -> Update:
    """A letter as claimed."""
    values = {name: getattr(letter, name) for name in ("state", "claimed_at", "claimed_by")}
    return update(LETTERS).where(_is(letter)).values(values)


def select_claimable(by: str, now: datetime, lapse: timedelta, skip: Collection[str]) -> Select[Any]:
    """The letter whose turn it is, locked against other claimants, who pass it over."""
    columns = LETTERS.c
    passed = or_(columns.next_at.is_(None), columns.next_at <= now)
    ready = and_(columns.state == "waiting", columns.for_digest.is_(False), columns.due_at <= now, passed)
    lapsed: list[ColumnElement[bool]] = [columns.claimed_at < now - lapse]
    if by:
        lapsed.append(columns.claimed_by == by)
    left = and_(columns.state == "sending", or_(*lapsed))
    wanted = (or_(ready, left), columns.channel.not_in(sorted(skip)), ~_behind_another())
    # What was left by its sender comes last: if it ended its sender, it must not keep the others from being sent.
    turn = (columns.state == "sending", *(columns[name] for name in _TURN))
    found = select(LETTERS).where(*wanted).order_by(*turn).limit(1)
    return found.with_for_update(of=LETTERS, skip_locked=True)


def select_letters(incident: str | None, state: LetterState | None) -> Select[Any]:
    """Letters of an incident, in a state, or all; in the order written."""
    columns = LETTERS.c
    wanted: list[ColumnElement[bool]] = []
    if incident is not None:
        wanted.append(columns.incident == incident)
    if state is not None:
        wanted.append(columns.state == state)
    order = (columns.created_at, columns.incident, columns.position, columns.channel, columns.digest)
    return select(LETTERS).where(*wanted).order_by(*order)


def select_one(key: str, channel: str) -> Select[Any]:
    """The letter with a key to a channel."""
    return select(LETTERS).where(LETTERS.c.digest == digest(key, channel))


def select_told(incident: str) -> Select[Any]:
    """Channels that have a loud letter of an incident, delivered or not; one that was withdrawn told nobody."""
    columns = LETTERS.c
    stands = or_(columns.state != "bundled", columns.for_digest)
    wanted = (columns.incident == incident, columns.event.in_(sorted(_LOUD)), stands)
    return select(columns.channel).where(*wanted).distinct()


def select_thread(incident: str, channel: str) -> Select[Any]:
    """What the channel gave for the letters of an incident that it took, wholly or in part; the first one first."""
    columns = LETTERS.c
    # Of a letter that was given up a part may stand in the channel: what follows belongs beneath it.
    taken = (columns.state.in_(["sent", "dead"]), columns.external != _json({}))
    of = (columns.incident == incident, columns.channel == channel)
    return select(columns.external).where(*of, *taken).order_by(columns.position, columns.digest).limit(1)


def select_digest_channels(now: datetime) -> Select[Any]:
    """Channels that have letters for a digest that is due."""
    return select(LETTERS.c.channel).where(*_due_digest(now)).distinct().order_by(LETTERS.c.channel)


def select_due_digest(channel: str, now: datetime) -> Select[Any]:
    """Letters that wait for a channel's digest that is due, in the order of their turn; at most `MOST`."""
    columns = LETTERS.c
    wanted = (*_due_digest(now), columns.channel == channel)
    return select(LETTERS).where(*wanted).order_by(*(columns[name] for name in _TURN)).limit(MOST)


def _due_digest(now: datetime) -> list[ColumnElement[bool]]:
    columns = LETTERS.c
    return [columns.state == "waiting", columns.for_digest.is_(True), columns.due_at <= now]


def select_overdue(now: datetime) -> Select[Any]:
    """Letters that are due and not delivered, but for those of a digest; in the order of their turn."""
    columns = LETTERS.c
    wanted = (columns.state.in_(["waiting", "sending"]), columns.due_at <= now, columns.for_digest.is_(False))
    return select(LETTERS).where(*wanted).order_by(*(columns[name] for name in _TURN))


def count_waiting() -> Select[Any]:
    """How many letters wait, as one row."""
    return select(func.count()).where(LETTERS.c.state == "waiting")


def select_unbundled(letters: Collection[Letter]) -> Select[Any]:
    """Those of the letters that nobody else has bundled or is bundling, locked."""
    columns = LETTERS.c
    wanted = (columns.digest.in_([_key(letter) for letter in letters]), columns.state == "waiting", columns.for_digest)
    return select(columns.digest).where(*wanted).with_for_update(skip_locked=True)


def bundled(letters: Collection[Letter], by: Letter) -> Update:
    """Letters as told in a digest, which their `external` names."""
    of = LETTERS.c.digest.in_([_key(letter) for letter in letters])
    return update(LETTERS).where(of).values(state="bundled", external=_json({"digest": by.key}))


def purge(before: datetime) -> Delete:
    """Letters told that were written before a moment, but for those of open incidents, whose threads go on."""
    columns = LETTERS.c
    ongoing = select(INCIDENTS.c.id).where(INCIDENTS.c.state != State.RESOLVED.value)
    told = (columns.state.in_(["sent", "bundled"]), columns.created_at < before)
    return delete(LETTERS).where(*told, columns.incident.not_in(ongoing))


def letter(row: Row[Any]) -> Letter:
    """A row of `monitoring_letters` as an object."""
    values = {name: getattr(row, name) for name in _PLAIN}
    maps = {name: json.loads(getattr(row, name)) for name in ("body", "external")}
    monitors = tuple(json.loads(row.monitors))
    return Letter(**values, **maps, monitors=monitors, severity=Severity(row.severity), digest=row.for_digest)


_LOUD = frozenset(event.value for event in LOUD)


def _behind_another() -> ColumnElement[bool]:
    """Whether an earlier letter of the incident to the channel is not told yet."""
    columns, earlier = LETTERS.c, LETTERS.alias("earlier").c
    same = (columns.incident != "", earlier.incident == columns.incident, earlier.channel == columns.channel)
    return exists().where(*same, earlier.position < columns.position, earlier.state.in_(["waiting", "sending"]))


def _before(letter: Letter) -> Update:
    columns = LETTERS.c
    of = (columns.incident == letter.incident, columns.channel == letter.channel)
    later = columns.due_at > letter.due_at
    return update(LETTERS).where(*of, columns.position < letter.position, columns.state == "waiting", later)


def _hastened(letter: Letter) -> Update:
    return _before(letter).where(LETTERS.c.for_digest.is_(False)).values(due_at=letter.due_at)


def _absorbed(letter: Letter) -> Update:
    absorbed = {"state": "bundled", "external": _json({"told_by": letter.key})}
    return _before(letter).where(LETTERS.c.for_digest.is_(True)).values(absorbed)


def _waiting(key: str, channel: str, state: LetterState) -> Update:
    return update(LETTERS).where(LETTERS.c.digest == digest(key, channel), LETTERS.c.state == state)


def _is(letter: Letter) -> ColumnElement[bool]:
    return LETTERS.c.digest == _key(letter)


def _key(letter: Letter) -> str:
    return digest(letter.key, letter.channel)


def _fields(letter: Letter) -> Fields:
    return {
        "digest": _key(letter),
        **{name: getattr(letter, name) for name in _PLAIN},
        "severity": int(letter.severity),
        "monitors": json.dumps(letter.monitors),
        "body": _json(letter.body),
        "for_digest": letter.digest,
        "external": _json(letter.external),
    }


def _json(value: Mapping[str, Any]) -> str:
    # Escaped to ASCII, so that any text is storable.
    return json.dumps(dict(value), allow_nan=False)
