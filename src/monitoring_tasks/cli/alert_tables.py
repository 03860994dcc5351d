"""Tables and stories of incidents and letters, as wide as the terminal."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from monitoring_tasks.alerts.message import one_line
from monitoring_tasks.cli.tables import NARROW, cell, table_of
from monitoring_tasks.cli.terminal import counted, out, say
from monitoring_tasks.severity import Severity
from monitoring_tasks.store.records import Letter, Transition
from monitoring_tasks.window import stamp

if TYPE_CHECKING:
    from monitoring_tasks.alerts.pages import Page
    from monitoring_tasks.incidents.incident import Incident, Member

COLOURS = {Severity.LOW: "blue", Severity.MEDIUM: "yellow", Severity.HIGH: "red", Severity.CRITICAL: "bold red"}
SHOWN = 3
"""So many monitors are named in a row; the others are counted."""


def incident_table(incidents: Sequence[Incident]) -> Table:
    """A row for each incident; a narrow terminal has no room for state and windows."""
    wide = out.width >= NARROW
    table = table_of("incident", "severity", *(["state"] if wide else []), "monitors", "since", "first reason")
    for incident in incidents:
        state = [cell(_state(incident))] if wide else []
        since = cell(_day(incident.first.start))
        table.add_row(incident.id, _severity(incident.severity), *state, _monitors(incident), since, _reason(incident))
    return table


def letter_table(letters: Sequence[Letter]) -> Table:
    """A row for each letter that is not where it should be, with the reason."""
    table = table_of("undelivered", "channel", "monitors", "since", "tries", "reason")
    for letter in letters:
        names = cell(_some(letter.monitors))
        state = Text(letter.state, style="red" if letter.state == "dead" else "yellow")
        since, tries = cell(_minute(letter.due_at)), str(letter.attempts)
        table.add_row(state, cell(letter.channel), names, since, tries, cell(one_line(letter.error or "not tried yet")))
    return table


def troubled(letters: Sequence[Letter], now: datetime) -> list[Letter]:
    """Letters that are given up, or due and not delivered; those that wait for their time are well."""
    due = [each for each in letters if each.state in ("waiting", "sending") and each.due_at <= now]
    return [each for each in letters if each.state == "dead"] + due


def letter_json(letter: Letter) -> dict[str, Any]:
    """A letter as plain JSON values, without the message itself."""
    return {
        "key": letter.key,
        "channel": letter.channel,
        "incident": letter.incident,
        "event": letter.event,
        "severity": letter.severity.word,
        "monitors": list(letter.monitors),
        "state": letter.state,
        "due_at": stamp(letter.due_at),
        "sent_at": letter.sent_at and stamp(letter.sent_at),
        "attempts": letter.attempts,
        "error": letter.error,
    }


def incident_story(
    incident: Incident, happened: Sequence[Transition], letters: Sequence[Letter], *, as_json: bool
) -> str:
    """Everything known of one incident: for programs, or for people line by line."""
    if as_json:
        told = [letter_json(letter) for letter in letters]
        history = [_transition_json(each) for each in happened]
        return json.dumps({"incident": incident.to_json(), "transitions": history, "letters": told}, indent=2)
    return "\n".join(one_line(line) for line in _story(incident, happened, letters))


def _story(incident: Incident, happened: Sequence[Transition], letters: Sequence[Letter]) -> Iterator[str]:
    yield f"{incident.id}: {_state(incident)}, severity {incident.severity.word}, worst {incident.worst.word}"
    yield from (f"  {_member(member)}" for member in incident.members)
    if incident.columns:
        yield f"columns: {', '.join(incident.columns)}"
    yield from (f"- {reason}" for reason in incident.reasons)
    if incident.mute:
        yield f"muted until {_minute(incident.mute.until)} by {incident.mute.by}: {incident.mute.reason}"
    yield "what happened:"
    yield from (f"  {_transition(each)}" for each in happened)
    yield "who was told:"
    yield from (f"  {_letter(each)}" for each in letters)


def _member(member: Member) -> str:
    columns = f", {', '.join(member.columns)}" if member.columns else ""
    return (
        f"{member.name} ({member.owner}): {member.severity.word}{columns}, from {_day(member.first.start)} to "
        f"{_day(member.last.end)}; windows in a row: {member.windows}, healthy since: {member.healthy}"
    )


def _transition(each: Transition) -> str:
    """What happened: by a run when it was due, by a person when it was done."""
    when = each.at if each.by else each.tick
    by = f" by {each.by}" if each.by else ""
    why = f": {each.reason}" if each.reason else ""
    return f"{_minute(when)} {each.event}, {each.severity.word}{by}{why}"


def _letter(letter: Letter) -> str:
    when = f" {_minute(letter.sent_at)}" if letter.sent_at else f", due {_minute(letter.due_at)}"
    why = f": {letter.error}" if letter.error else ""
    return f"{letter.event} to {letter.channel}: {letter.state}{when}{why}"


def _transition_json(each: Transition) -> dict[str, Any]:
    moments = {"tick": stamp(each.tick), "at": stamp(each.at)}
    return {
        "event": each.event,
        "state": each.state,
        "severity": each.severity.word,
        **moments,
        "by": each.by,
        "reason": each.reason,
    }


def print_pages(pages: Sequence[Page], *, as_json: bool) -> None:
    """What would have been told aloud, a row each, and how many of each severity; JSON has what goes beneath too."""
    if as_json:
        say(json.dumps([page.to_json() for page in pages], indent=2))
        return
    aloud = [page for page in pages if page.change.loud]
    if aloud:
        out.print(_page_table(aloud))
    at_once = Counter(page.change.incident.severity for page in aloud if page.at_once)
    counts = ", ".join(f"{count} {severity.word}" for severity, count in sorted(at_once.items(), reverse=True))
    digests = sum(page.digest for page in aloud)
    pages_told = f"{counted(at_once.total(), 'page')}{f' ({counts})' if counts else ''}"
    say(f"{pages_told}, {counted(digests, 'line')} in digests")


def _page_table(pages: Sequence[Page]) -> Table:
    wide = out.width >= NARROW
    table = table_of("when", "severity", "told", "monitors", *(["channels"] if wide else []), "first reason")
    for page in pages:
        incident = page.change.incident
        told = f"{page.change.event.value}{', digest' if page.digest else ''}"
        channels = [cell(", ".join(page.channels))] if wide else []
        when, severity = cell(_minute(page.due)), _severity(incident.severity)
        table.add_row(when, severity, told, _monitors(incident), *channels, _reason(incident))
    return table


def _severity(severity: Severity) -> Text:
    return Text(severity.word, style=COLOURS.get(severity, ""))


def _state(incident: Incident) -> str:
    mute = f" until {_minute(incident.mute.until)}" if incident.mute else ""
    return f"{incident.state.value}{mute}"


def _monitors(incident: Incident) -> Text:
    return cell(_some(incident.monitors))


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _reason(incident: Incident) -> Text:
    more = f" (+{len(incident.reasons) - 1})" if len(incident.reasons) > 1 else ""
    return cell(one_line(incident.reasons[0] if incident.reasons else incident.cause.value) + more)


def _minute(moment: datetime) -> str:
    return stamp(moment.replace(second=0, microsecond=0)).replace("T", " ").replace(":00Z", "Z")


def _day(moment: datetime) -> str:
    return stamp(moment).removesuffix("T00:00:00Z")
