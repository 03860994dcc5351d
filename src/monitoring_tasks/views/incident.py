"""Incidents as pages show them: to somebody who may see some of the models concerned, and perhaps not all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from monitoring_tasks.alerts.naming import what, who
from monitoring_tasks.incidents.incident import Incident, Member, State
from monitoring_tasks.incidents.reading import OF_RUN, Cause
from monitoring_tasks.store.records import Letter, Transition

HIDDEN = "a model that you may not see"
COLUMN = "a column that you may not see"
CHANNEL = "a channel"
PAGE = 50
"""So many incidents that have ended are on a page."""
STATES = tuple(state.value for state in State)
CAUSES = tuple(cause.value for cause in Cause)
Sees = Callable[[Member], bool]
"""Whether a person may see the model, or the DAG, of a member."""


@dataclass(frozen=True)
class Shown:
    """An incident as one person sees it; `hidden` counts the members that the person may not see.

    Names of those are nowhere in it, and neither are columns and reasons that are theirs alone; `veil` writes a text
    without them.
    """

    incident: Incident
    title: str
    hidden: int
    veil: Callable[[str], str]

    @property
    def seen(self) -> tuple[Member, ...]:
        """The members that the person may see, never none."""
        return tuple(member for member in self.incident.members if member.name != HIDDEN)


def shown_to(incident: Incident, sees: Sees) -> Shown | None:
    """An incident as a person sees it; None where that person may see none of its members."""
    hidden = [member for member in incident.members if not sees(member)]
    if len(hidden) == len(incident.members):
        return None
    foreign = _foreign(incident, sees)
    veil = _veil({name for member in hidden for name in (member.name, member.monitor)}, foreign)
    veiled = _veiled(incident, sees, foreign, veil) if hidden else incident
    names = who(incident) if len({member.name for member in incident.members}) > 2 else who(veiled)
    return Shown(veiled, f"{names}: {what(veiled)}", len(hidden), veil)


def _foreign(incident: Incident, sees: Sees) -> frozenset[str]:
    """The columns that are those of hidden members alone."""
    seen = {column for member in incident.members if sees(member) for column in member.columns}
    hidden = {column for member in incident.members if not sees(member) for column in member.columns}
    return frozenset({*incident.columns, *hidden} - seen) if hidden else frozenset()


def _veiled(incident: Incident, sees: Sees, foreign: frozenset[str], veil: Callable[[str], str]) -> Incident:
    seen = {column for member in incident.members if sees(member) for column in member.columns}
    # A reason begins with its column, and its segment where it is about one.
    theirs = tuple(f"{column}{then}" for column in foreign for then in (": ", " in "))
    return replace(
        incident,
        members=tuple(member if sees(member) else _masked(member) for member in incident.members),
        columns=tuple(column for column in incident.columns if column in seen),
        anchors=tuple(anchor for anchor in incident.anchors if anchor.rpartition("#")[2] in seen),
        reasons=tuple(veil(reason) for reason in incident.reasons if not reason.startswith(theirs)),
        mute=incident.mute and replace(incident.mute, reason=veil(incident.mute.reason)),
        resolution=veil(incident.resolution),
    )


def _masked(member: Member) -> Member:
    return replace(member, name=HIDDEN, monitor=HIDDEN, owner="", columns=())


def _veil(names: Iterable[str], columns: Iterable[str]) -> Callable[[str], str]:
    """What writes `HIDDEN` in place of each of the names, and of the DAGs that are called after them, and `COLUMN`."""
    either, column = _either(names), _either(columns)
    if not either:
        return str
    dag = rf"(?:monitor_|performance_|retrain_)?(?:{either})"
    pattern = re.compile(rf"(?<!\w)(?:({dag}){f'|(?:{column})' if column else ''})(?!\w)")
    return lambda text: pattern.sub(lambda found: HIDDEN if found[1] else COLUMN, text)


def _either(texts: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(filter(None, texts), key=len, reverse=True)))


def dags_of(incident: Incident) -> tuple[str, ...]:
    """The DAGs that an action on an incident concerns: those of its monitors, or a DAG over all monitors itself."""
    return tuple(dict.fromkeys(dag_of(incident, member) for member in incident.members))


def dag_of(incident: Incident, member: Member) -> str:
    """The DAG that stands for a member of an incident: whoever may see or edit it may see or act on the incident."""
    over_all = incident.cause in OF_RUN and member.name == member.monitor
    return member.name if over_all else f"monitor_{member.monitor}"


@dataclass(frozen=True)
class Wish:
    """Which incidents somebody wants to see: in a state, of an owner, of a cause; and which page of the ended ones."""

    state: str = ""
    owner: str = ""
    cause: str = ""
    page: int = 1


@dataclass(frozen=True)
class Chosen:
    """The incidents that fit: open ones, the worst first; a page of those that ended, the last first; and how many."""

    open: tuple[Shown, ...]
    ended: tuple[Shown, ...]
    count: int
    page: int
    pages: int


def chosen(incidents: Iterable[Shown], wish: Wish) -> Chosen:
    """The incidents that fit a wish."""
    fitting = [each for each in incidents if _fits(each, wish)]
    running = sorted((each for each in fitting if each.incident.open), key=_urgent)
    ended = sorted((each for each in fitting if not each.incident.open), key=_late)
    pages = max(1, -(-len(ended) // PAGE))
    page = min(max(1, wish.page), pages)
    return Chosen(tuple(running), tuple(ended[(page - 1) * PAGE : page * PAGE]), len(ended), page, pages)


def _fits(shown: Shown, wish: Wish) -> bool:
    incident = shown.incident
    return (
        wish.state in ("", incident.state.value)
        and wish.cause in ("", incident.cause.value)
        and (not wish.owner or wish.owner in owners_of(shown))
    )


def owners_of(shown: Shown) -> tuple[str, ...]:
    """Owners of the members that the person may see."""
    return tuple(dict.fromkeys(member.owner for member in shown.seen))


def _urgent(shown: Shown) -> tuple[Any, ...]:
    incident = shown.incident
    return (incident.state is State.MUTED, -incident.severity, -incident.opened.timestamp(), incident.id)


def _late(shown: Shown) -> tuple[Any, ...]:
    ended = shown.incident.resolved or shown.incident.opened
    return (-ended.timestamp(), shown.incident.id)


@dataclass(frozen=True)
class Told:
    """A letter about an incident, and what became of it in words. `channel` is the address it went to."""

    letter: Letter
    channel: str
    state: str
    bad: bool


def told_of(letters: Sequence[Letter], *, whole: bool) -> list[Told]:
    """What became of the letters about an incident, in the order in which they were written.

    Not `whole`, for who may not see all of its models: the addresses are those of the others' owners as well, so that
    neither they are told, nor errors, which may name them.
    """
    return [_told(letter, whole=whole) for letter in letters]


def _told(letter: Letter, *, whole: bool) -> Told:
    words = _LETTERS[letter.state]
    if letter.state == "waiting" and letter.digest:
        words = "waits for the digest"
    failed = bool(letter.error) and letter.state != "sent"
    error = f": {letter.error}" if failed and whole else ""
    return Told(letter, letter.channel if whole else CHANNEL, f"{words}{error}", bad=letter.state == "dead" or failed)


_LETTERS: Mapping[str, str] = {
    "waiting": "waits for the next delivery",
    "sending": "is being sent",
    "sent": "sent",
    "bundled": "told in another letter",
    "dead": "given up, nobody was told",
}


def timeline_of(transitions: Sequence[Transition], veil: Callable[[str], str]) -> list[Transition]:
    """What happened to an incident, the last first, without the names of models that the person may not see."""
    return [replace(each, reason=veil(each.reason)) for each in reversed(transitions)]
