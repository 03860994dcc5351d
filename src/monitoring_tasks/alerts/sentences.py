"""What became of an incident in sentences, for whoever reads a run's log half asleep. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from monitoring_tasks.alerts.message import one_line
from monitoring_tasks.alerts_section import Alerts
from monitoring_tasks.incidents.fold import OUTRIGHT
from monitoring_tasks.incidents.incident import UNTOLD, Event, Incident, Member, State
from monitoring_tasks.store.records import Letter, Transition
from monitoring_tasks.window import stamp

_SHOWN = 3
_SENTENCE, _COLUMN = 1000, 60
_UNTOLD_EVENTS = frozenset(event.value for event in UNTOLD)


@dataclass(frozen=True)
class Known:
    """What the store knows of an incident now: how it stands, what happened to it, and its letters."""

    incident: Incident
    happened: Sequence[Transition]
    letters: Sequence[Letter]


def sentence_of(event: str, known: Known, alerts: Alerts, *, now: datetime) -> str:
    """What a run's change means for people: who was told, who will be and when; or why nobody is told again."""
    if event == Event.EASED:
        return one_line(f"{_name(known.incident)}: {still_open(known.incident, alerts)}", _SENTENCE)
    if event in _UNTOLD_EVENTS:
        return one_line(f"{_name(known.incident)} goes on: {_silence(known, alerts)}", _SENTENCE)
    told = "; ".join(_told(letters_about(event, known), now)) or _nobody(event)
    return one_line(f"{_name(known.incident)} {event}, {known.incident.severity.word}: {told}", _SENTENCE)


def still_open(incident: Incident, alerts: Alerts) -> str:
    """How far an incident is from its end: how many healthy windows are missing, and of which monitors."""
    needed = 1 if incident.cause in OUTRIGHT else alerts.healthy_windows
    missing = [(each, needed - each.healthy) for each in incident.members if each.healthy < needed]
    if not missing:
        return f"it is {incident.state.value}"
    return f"it stays {incident.state.value} until there are {_some(_missing(*each) for each in missing)}"


def to_take_on(incident: Incident) -> str:
    """How somebody says that they are on it, while nobody has."""
    return f"to take it on: `monitoring alerts acknowledge {incident.id}`, or the form of the DAG monitoring_incident"


def _missing(member: Member, windows: int) -> str:
    return f"{windows} more healthy window{'s' * (windows > 1)} of {member.name}"


def _name(incident: Incident) -> str:
    columns = [one_line(column, _COLUMN) for column in incident.columns]
    about = f" in {_some(columns)}" if columns else ""
    names = _some(dict.fromkeys(member.name for member in incident.members))
    return f"{incident.id} ({incident.cause.value.replace('_', ' ')}{about}; {names}; since {_minute(incident.opened)})"


def _some(items: Iterable[str]) -> str:
    named = list(items)
    more = f" and {len(named) - _SHOWN} more" if len(named) > _SHOWN else ""
    return ", ".join(named[:_SHOWN]) + more


def _silence(known: Known, alerts: Alerts) -> str:
    """Why nobody is told of a finding again, and when somebody will be."""
    incident = known.incident
    if incident.mute:
        return f"muted until {_minute(incident.mute.until)} by {incident.mute.by} ({incident.mute.reason})"
    if incident.state is State.ACKNOWLEDGED:
        return f"{_who(known)} is on it, so nobody is told again unless it gets worse"
    if not incident.open:
        return f"it has ended since ({incident.resolution})"
    again = incident.spoken + alerts.remind
    return f"nobody is told again unless it gets worse; reminded from {_minute(again)} on while nobody takes it on"


def _who(known: Known) -> str:
    found = [each.by for each in known.happened if each.event == Event.ACKNOWLEDGED.value and each.by]
    return found[-1] if found else "somebody"


def letters_about(event: str, known: Known) -> list[Letter]:
    """The letters about the newest event of a kind, to whatever channel."""
    positions = [each.position for each in known.happened if each.event == event]
    return [letter for letter in known.letters if positions and letter.position == positions[-1]]


def _told(letters: Sequence[Letter], now: datetime) -> Iterator[str]:
    """Channels by what became of their letters; what went wrong comes first."""
    found: dict[str, list[str]] = {}
    for letter in sorted(letters, key=lambda each: (not each.error, each.due_at, each.channel)):
        found.setdefault(_became(letter, now), []).append(letter.channel)
    return (words.format(", ".join(channels)) for words, channels in found.items())


def _became(letter: Letter, now: datetime) -> str:
    """What became of a letter; the channel's name goes into its braces."""
    error = one_line(letter.error).replace("{", "{{").replace("}", "}}")
    if letter.state == "dead":
        return f"NOT told {{}}, given up ({error}); `monitoring alerts retry` sends it again"
    if letter.state in ("sent", "bundled"):
        return "told {}" + (" in the digest" if letter.state == "bundled" else "")
    if letter.digest:
        return f"waits for the digest at {_minute(letter.due_at)}: {{}}"
    if letter.due_at > now:
        return f"waits for the end of quiet hours at {_minute(letter.due_at)}: {{}}"
    if letter.error:
        return f"NOT told {{}} yet ({error}); it stays in the outbox, and is tried again"
    return "on its way to {}"


def _nobody(event: str) -> str:
    if event == Event.JOINED:
        return "the first message has not been sent yet, and names it"
    return "no channel is told of that (pagers take neither digests nor notes)"


def _minute(moment: datetime) -> str:
    return stamp(moment.replace(second=0, microsecond=0)).replace("T", " ").replace(":00Z", "Z")
