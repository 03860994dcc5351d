"""What is said of a change of an incident, at most a screen long: pure functions of the change and its window.

The order is that of somebody who was just woken: what and where, since when, how sure, what it does to the model, why,
and what to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from monitoring_tasks.alerts.advice import advice
from monitoring_tasks.alerts.message import CAUSE, Message, Plot, links_of, one_line, reasons_of, title_of
from monitoring_tasks.alerts.naming import listed, moment, name_of, since, what, who
from monitoring_tasks.alerts.ranking import columns_table
from monitoring_tasks.alerts.requested import Request
from monitoring_tasks.alerts.sureness import how_sure, season, segments
from monitoring_tasks.checks import CheckResult
from monitoring_tasks.incidents.incident import Change, Event, Incident, State
from monitoring_tasks.incidents.reading import Cause
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.policy.verdict import Verdict

NAMES = 6
REASONS, WITH_TABLE, JOINED = 6, 4, 3
"""Reasons in a message, beside a table that says the rest, and of a monitor that joins."""
_AGAIN = {Event.ESCALATED: ", worse than before", Event.REMINDED: ", still"}


@dataclass(frozen=True)
class Told:
    """What there is to say besides the change itself: the monitor whose window it was, and what is known of that.

    `links` are labelled addresses such as `run` and `report`; `performance` says in a line what is known of the model's
    figures; `runbook` is an address, the monitor's when None; `request` says what becomes of a retraining. Without a
    verdict (a person's action, a late run) only the incident speaks.
    """

    monitor: Monitor | None = None
    verdict: Verdict | None = None
    results: Sequence[CheckResult] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    performance: str = ""
    plots: tuple[Plot, ...] = ()
    runbook: str | None = None
    request: Request | None = None


def compose(change: Change, told: Told) -> Message:
    """The message about a change: all there is to know when it is told aloud, a line or two beneath the first one."""
    whole = change.loud or change.event is Event.JOINED
    return _whole(change, told) if whole else _note(change, told)


def _whole(change: Change, told: Told) -> Message:
    """All there is to know; of a monitor that joins without table and pictures, which the first message has."""
    incident = change.incident
    table = columns_table(incident, told.verdict, told.results) if change.loud else ()
    why = _reasons(change, told)
    reasons = reasons_of(why if change.loud else why[:JOINED], most=WITH_TABLE if table else REASONS)
    return Message(
        severity=incident.severity,
        title=title_of(incident.severity, _title(change, told)),
        headline=_headline(incident, reasons),
        facts=_facts(change, told),
        lines=reasons,
        table=table,
        step=one_line(advice(incident, told.monitor, told.verdict, told.request)),
        links=_links(told, incident.cause),
        plots=told.plots if change.loud else (),
    )


def _title(change: Change, told: Told) -> str:
    name = name_of(change.incident)
    if change.event is Event.JOINED and told.monitor is not None:
        return f"{name}; {told.monitor.name} joined"
    return name + _AGAIN.get(change.event, "")


def _headline(incident: Incident, reasons: Sequence[str]) -> tuple[str, ...]:
    """Since when, the first reason, and what may have caused it: enough to decide whether to get up."""
    causes = [reason for reason in incident.reasons if reason.startswith(CAUSE)][:1]
    return tuple(map(one_line, dict.fromkeys((f"since {since(incident)}", *reasons[:1], *causes))))


def _reasons(change: Change, told: Told) -> list[str]:
    """Why: what ended the silence, what several monitors have in common, and what was found, worst first."""
    incident = change.incident
    causes = [f"{CAUSE}{cause}" for cause in (_shared(incident), season(incident, told.verdict)) if cause]
    return [*filter(None, [change.reason]), *causes, *incident.reasons]


def _shared(incident: Incident) -> str:
    """Where the columns of several monitors come from."""
    if len(incident.monitors) < 2 or not incident.anchors:
        return ""
    own = [anchor for anchor in incident.anchors if anchor.rpartition("#")[2] in incident.columns[:1]]
    source, _, column = (own or list(incident.anchors))[0].rpartition("#")
    where = f"{column} from {source}" if source else f"from {column}"
    every = "both" if len(incident.monitors) == 2 else f"all {len(incident.monitors)}"
    return f"upstream: {every} monitors read {where}"


def _facts(change: Change, told: Told) -> dict[str, str]:
    incident = change.incident
    names = list(incident.monitors)
    watched = "" if told.monitor is None or told.monitor.performance else "not watched"
    facts = {
        "model" if len(names) == 1 else "monitors": listed(names, NAMES, "more"),
        "owner": listed(incident.owners, NAMES, "more"),
        "since": since(incident),
        "how sure": how_sure(incident, told.verdict),
        "segment": segments(told.verdict),
        "performance": (told.performance or watched) if incident.cause in (Cause.DATA_QUALITY, Cause.DRIFT) else "",
        "champion": told.verdict.subject.champion if told.verdict else "",
        **_handle(incident),
    }
    return {label: one_line(value) for label, value in facts.items() if value}


def _handle(incident: Incident) -> dict[str, str]:
    """What to type to take the incident on; how it stands with people who did."""
    if incident.state is State.OPEN:
        return {"to take it on": f"monitoring alerts acknowledge {incident.id}"}
    return {"incident": f"{incident.id}, {incident.state.value}"}


def _links(told: Told, cause: Cause | None = None) -> dict[str, str]:
    """Where to look; an address of a runbook that ends with # goes on to the heading of the incident's cause."""
    runbook = told.runbook or (told.monitor.alerts.runbook if told.monitor else None) or ""
    heading = f"incident-{cause.value}" if cause and runbook.endswith("#") else ""
    return links_of({**told.links, "runbook": f"{runbook}{heading}"})


def _note(change: Change, told: Told) -> Message:
    """A line about what became of an incident."""
    incident = change.incident
    said = one_line(_NOTES[change.event](change) if change.event in _NOTES else change.reason)
    return Message(
        severity=incident.severity,
        title=one_line(f"{change.event.value.upper()}: {who(incident)}: {what(incident)}", 150),
        headline=(said,),
        facts={"incident": incident.id},
        lines=(said,),
        links=_links(Told(links=told.links)),
    )


def _resolved(change: Change) -> str:
    incident = change.incident
    lasted = f"{moment(incident.first.start)} to {moment(incident.last.end)}"
    why = incident.resolution or change.reason
    return f"{_by(change)}{why}; it lasted from {lasted}, at worst {incident.worst.word}"


def _muted(change: Change) -> str:
    mute = change.incident.mute
    until = f" until {moment(mute.until)}" if mute else ""
    return f"{_by(change)}silent{until} unless it gets worse: {change.reason or (mute.reason if mute else '')}"


def _acknowledged(change: Change) -> str:
    why = f": {change.reason}" if change.reason else ""
    return f"{change.by or 'somebody'} takes it on{why}; it is told again only if it gets worse"


def _unmuted(change: Change) -> str:
    return f"{_by(change)}told again from now on{f': {change.reason}' if change.reason else ''}"


def _by(change: Change) -> str:
    return f"by {change.by}: " if change.by else ""


_NOTES = {
    Event.RESOLVED: _resolved,
    Event.MUTED: _muted,
    Event.UNMUTED: _unmuted,
    Event.ACKNOWLEDGED: _acknowledged,
}
