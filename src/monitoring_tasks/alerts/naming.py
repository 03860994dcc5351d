"""What an incident is called: who is concerned, by what, since when. Pure functions, the same from first to last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time

from monitoring_tasks.incidents.incident import Incident
from monitoring_tasks.incidents.reading import OF_RUN, Cause
from monitoring_tasks.policy.missing import heading
from monitoring_tasks.window import Window

_FAULTS = {
    "column missing": "{} is missing",
    "column of wrong type": "{} is of the wrong type",
    "missing values": "values of {} are missing",
    "more values missing": "more values of {} are missing",
    "values out of range": "{} is out of range",
    "constant column": "{} is constant",
    "unseen categories": "{} has unseen categories",
}
"""What is said of a column by the row of the decision matrix that its finding begins with."""
_WINDOW_FAULTS = {"duplicated rows": "rows are duplicated", "time without rows": "some hours have no rows"}
_CAUSES = {
    Cause.DRIFT: "drift",
    Cause.PERFORMANCE: "the model got worse",
    Cause.LABELS: "labels are missing",
    Cause.LATE: "a run is late or missing",
    Cause.FAILED: "a run failed",
    Cause.SELF_TEST: "finds less than it did",
}


def name_of(incident: Incident) -> str:
    """Who and what, in one line: `flight_delay: temp is missing`, or `20 monitors: temp is missing`."""
    return f"{who(incident)}: {what(incident)}"


def who(incident: Incident) -> str:
    """The monitor, or DAG where runs are concerned; of more than two their number."""
    names = list(dict.fromkeys(member.name for member in incident.members))
    if len(names) > 2:
        return f"{len(names)} {'DAGs' if incident.cause in OF_RUN else 'monitors'}"
    return " and ".join(names)


def what(incident: Incident) -> str:
    """What is wrong, with the worst column first."""
    if incident.cause is Cause.DATA_QUALITY:
        return _fault(incident)
    if incident.cause is Cause.NO_DATA:
        none = any(reason.startswith("no rows") for reason in incident.reasons[:1])
        return "no rows arrive" if none else "too few rows"
    said = "sudden change" if _is_sudden(incident) else _CAUSES[incident.cause]
    if not incident.columns:
        return said
    columns = listed(incident.columns, 2, "more")
    return f"{said} ({columns})" if incident.cause is Cause.PERFORMANCE else f"{said} in {columns}"


def _is_sudden(incident: Incident) -> bool:
    """Whether drift is that of a column that jumped from one window to the next, the worst of all."""
    worst = incident.columns[0] if incident.cause is Cause.DRIFT and incident.columns else None
    return worst is not None and _begins(incident.reasons, f"{worst}: sudden change")


def _fault(incident: Incident) -> str:
    if not incident.columns:
        found = (words for rule, words in _WINDOW_FAULTS.items() if _begins(incident.reasons, rule))
        return next(found, "faults in the data")
    column = incident.columns[0]
    found = (words for rule, words in _FAULTS.items() if _begins(incident.reasons, f"{column}: {rule}"))
    several = (
        None if _begins(incident.reasons, f"{column}: ") else next(filter(None, map(heading, incident.reasons)), None)
    )
    said, left = several or (next(found, "data fault in {}").format(column), 1)
    return f"{said}{_others(len(incident.columns) - left)}"


def _others(number: int) -> str:
    return f", and {counted(number, 'more column')} at fault" if number > 0 else ""


def _begins(reasons: Sequence[str], start: str) -> bool:
    return any(reason.startswith(start) for reason in reasons)


def since(incident: Incident) -> str:
    """When it began, for how many windows in a row it has been found, and the newest of them."""
    windows = max(member.windows for member in incident.members)
    if incident.first == incident.last:
        return f"{span(incident.first)}, the first window with it"
    row = f"in {windows} windows in a row" if windows > 1 else "in this window again"
    return f"{moment(incident.first.start)}, {row}, newest {span(incident.last)}"


def span(window: Window) -> str:
    """A window as people say it.

    >>> span(Window.parse("2013-06-04", "2013-06-05")), span(Window.parse("2013-06-04T10:00", "2013-06-04T11:00"))
    ('2013-06-04', '2013-06-04 10:00 to 11:00 UTC')
    """
    start, end = window.start, window.end
    if window.width.days == 1 and start.time() == time():
        return moment(start)
    if start.date() == end.date():
        return f"{start:%Y-%m-%d %H:%M} to {end:%H:%M} UTC"
    return f"{moment(start)} to {moment(end)}"


def moment(value: datetime) -> str:
    """A moment as people say it: at midnight UTC the day alone.

    >>> moment(Window.parse("2013-06-04", "2013-06-05").end)
    '2013-06-05'
    """
    return f"{value:%Y-%m-%d}" if value.time() == time() else f"{value:%Y-%m-%d %H:%M} UTC"


def listed(names: Sequence[str], most: int, more: str) -> str:
    """The first names, and how many there are besides.

    >>> listed(["a", "b", "c"], 2, "more"), listed(["a"], 2, "more")
    ('a, b and 1 more', 'a')
    """
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} {more}" if len(names) > most else shown


def counted(number: int, thing: str) -> str:
    """A number of things.

    >>> counted(1, "window"), counted(2, "window")
    ('1 window', '2 windows')
    """
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
