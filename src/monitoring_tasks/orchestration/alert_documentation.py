"""What a DAG says about its alerts: who is told what, when it is quiet, and how an incident ends."""

from __future__ import annotations

from monitoring_tasks.alerts_section import Alerts, Channel, QuietHours, Route
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.window import in_words, stamp

LOG = "the task log only"


def alert_facts(monitor: Monitor) -> list[tuple[str, str]]:
    """Names and values of the facts about a monitor's alerts; what is not declared is left out."""
    alerts = monitor.alerts
    digest = f"in one message a day, at {alerts.digest.at:%H:%M} {alerts.digest.timezone}"
    facts = [
        ("Alerts", routes_of(alerts, monitor.owner)),
        ("Low ones", digest if alerts.channels else ""),
        ("Quiet hours", _quiet(alerts.quiet_hours) if alerts.quiet_hours else ""),
        ("Nobody is told", "; ".join(f"{stamp(d.start)} to {stamp(d.end)}: {d.reason}" for d in alerts.downtime)),
        ("An incident", f"is told again after {in_words(alerts.remind)}, and ends {_end(alerts.healthy_windows)}"),
        ("A run is late", f"after {in_words(alerts.deadline)}" if alerts.deadline else _LATE),
        ("Runbook", alerts.runbook or ""),
    ]
    return [(name, value) for name, value in facts if value]


_LATE = "after the schedule's interval, at most 6 hours"


def routes_of(alerts: Alerts, owner: str) -> str:
    """Who is told what of a model of this owner, in words.

    >>> alerts = Alerts(channels={"ml": Channel(to=("#ml",)), "pager": Channel(kind="pagerduty")})
    >>> routes_of(alerts, "growth")
    'slack #ml through slack_default; pagerduty through pagerduty_events_default: everything'
    >>> routes_of(Alerts(), "growth")
    'the task log only'
    """
    if not alerts.channels:
        return LOG
    routes = alerts.routes or (Route(to=tuple(alerts.channels)),)
    told = [_route(route, alerts) for route in routes if not route.owners or owner in route.owners]
    return " | ".join(told) or LOG


def _route(route: Route, alerts: Alerts) -> str:
    channels = "; ".join(channel_words(alerts.channels[name]) for name in route.to)
    about = ", ".join(topic.replace("_", " ") for topic in route.about) or "everything"
    return f"{channels}: {about}" + (f", {route.least} or worse" if route.least != "low" else "")


def channel_words(channel: Channel) -> str:
    """Where a channel leads, in words.

    >>> channel_words(Channel(kind="email", to=("a@x.org", "b@x.org"))), channel_words(Channel(kind="log"))
    ('email a@x.org, b@x.org through smtp_default', 'the task log')
    """
    kind, connection, to = [*channel.address.split(":", 2), "", ""][:3]
    if not connection:
        return "the task log"
    reached = " ".join(filter(None, (kind.replace("_", " "), to.replace(",", ", "))))
    return f"{reached} through {connection}"


def _quiet(quiet: QuietHours) -> str:
    hours = f"{quiet.start:%H:%M} to {quiet.end:%H:%M} {quiet.timezone}"
    days = f" and all day on {', '.join(quiet.days)}" if quiet.days else ""
    return f"{hours}{days}, but for what is {quiet.unless}" + ("" if quiet.unless == "critical" else " or worse")


def _end(windows: int) -> str:
    return "with the first healthy window" if windows == 1 else f"after {windows} healthy windows in a row"
