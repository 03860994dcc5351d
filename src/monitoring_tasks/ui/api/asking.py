"""What a request may ask for: a monitor that the person may see, a stretch of windows, a part of a long list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, TypeVar

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Depends, HTTPException, Path, Query, Response
from pydantic import BeforeValidator

from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.orchestration.runtime import airflow_runtime
from monitoring_tasks.store.database import Store
from monitoring_tasks.ui.access import sees
from monitoring_tasks.ui.api.models.base import Problem
from monitoring_tasks.ui.html import HEADERS
from monitoring_tasks.window import DAY, Window, parse_moment

USUAL = 90 * DAY
"""So long is the stretch of who asks for none: up to the end of the newest window."""
LONGEST = 400 * DAY
YEARS = range(1970, 9000)
MOST = 1000
"""So many entries an answer has at most."""
REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "Nobody is signed in, or the token has expired."},
    403: {"model": Problem, "description": "The token is none of this Airflow's, or your role may not do this."},
    422: {"model": Problem, "description": "A parameter is not what it may be: the answer names it."},
    503: {"model": Problem, "description": "The results store does not answer: try again."},
}
ABSENT: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "There is none of that name, or none that you may see."}
}
T = TypeVar("T")


def private(response: Response) -> None:
    """Sets the headers of every answer: kept by nobody on the way, taken for nothing but what it is."""
    for name, value in HEADERS.items():
        response.headers[name] = value


def results_store() -> Store:
    """The results store of this server."""
    return airflow_runtime().store


Results = Annotated[Store, Depends(results_store)]


def seen(monitor: Annotated[str, Path(description="Name of a monitor.", examples=["churn"])], user: GetUserDep) -> str:
    """The monitor that a path names; 404 where there is none that the person may see, whichever it is."""
    if not sees(monitor, user):
        raise HTTPException(404, "no such monitor, or none that you may see: /api/v1/monitors lists those")
    return monitor


Seen = Annotated[str, Depends(seen)]
"""The monitor in the path, which the person may see."""


def _moment(value: Any) -> datetime:
    try:
        found = parse_moment(str(value))
    except ConfigurationError as error:
        raise ValueError(str(error)) from error
    if found.year not in YEARS:
        raise ValueError(f"{value} is out of range: years are {YEARS.start} to {YEARS.stop - 1}")
    return found


Moment = Annotated[datetime, BeforeValidator(_moment)]
Start = Annotated[
    Moment | None,
    Query(description="Windows that begin then or later; by default 90 days before `end`. ISO 8601, UTC."),
]
End = Annotated[
    Moment | None, Query(description="Windows that end then or before; by default the end of the newest one.")
]
KnownBy = Annotated[
    Moment | None, Query(description="What was known of them at that moment; by default what is known now.")
]


@dataclass(frozen=True)
class Part:
    """A part of a list that somebody asks for: `limit` entries, after the one that `cursor` names."""

    limit: int
    cursor: str | None


def part(
    limit: Annotated[int, Query(ge=1, le=MOST, description="So many entries at most.")] = 400,
    cursor: Annotated[str | None, Query(max_length=500, description="`next` of the answer before.")] = None,
) -> Part:
    """The part of a list that a request asks for."""
    return Part(limit, cursor)


AskedPart = Annotated[Part, Depends(part)]


def cut(found: Sequence[T], asked: Part, key: Callable[[T], str]) -> tuple[Sequence[T], str | None]:
    """The part of a whole list, and the cursor of what follows it; 422 for the cursor of an entry that is gone."""
    first = 0
    if asked.cursor is not None:
        first = next((place for place, each in enumerate(found, start=1) if key(each) == asked.cursor), -1)
        if first < 0:
            raise HTTPException(422, "cursor: there is no such entry any more: read again from the first one")
    chosen = found[first : first + asked.limit]
    return chosen, key(chosen[-1]) if first + asked.limit < len(found) else None


@dataclass(frozen=True)
class Stretch:
    """Windows that somebody asks for: those wholly in `span` that come after one, `limit` of them.

    `span` is None where there are none: nothing was judged yet, or nothing since `start`.
    """

    span: Window | None
    after: Window | None
    limit: int

    def cut(self, found: Sequence[T], key: Callable[[T], Window]) -> tuple[Sequence[T], str | None]:
        """What belongs in this answer, of what begins in it, and the cursor of what follows."""
        later = found if self.after is None else [each for each in found if _order(key(each)) > _order(self.after)]
        return later[: self.limit], str(key(later[self.limit - 1])) if len(later) > self.limit else None


def stretch(monitor: Seen, store: Results, asked: AskedPart, start: Start = None, end: End = None) -> Stretch:
    """The windows that a request asks for; 422 for a span that is none, or too long."""
    after = None if asked.cursor is None else window_of(asked.cursor, "cursor")
    last = end or store.last_end(monitor)
    if last is None:
        return Stretch(None, after, asked.limit)
    first = start or last - USUAL
    if first >= last and end is None:
        return Stretch(None, after, asked.limit)
    if last - first > LONGEST:
        raise HTTPException(422, f"start, end: {days(last - first)} lie between, ask for {days(LONGEST)} at most")
    return Stretch(window(first, last, "start, end"), after, asked.limit)


AskedStretch = Annotated[Stretch, Depends(stretch)]


def window_of(text: str, name: str) -> Window:
    """The window that a parameter names as two moments with a `/` between; 422 where it names none."""
    start, slash, end = text.partition("/")
    if not slash:
        raise HTTPException(422, f"{name}: write two moments with a / between, such as 2013-06-04/2013-06-05")
    try:
        return window(_moment(start), _moment(end), name)
    except ValueError as error:
        raise HTTPException(422, f"{name}: {error}") from error


def window(start: datetime, end: datetime, name: str) -> Window:
    """The window between two moments; 422 where there is none."""
    try:
        return Window(start, end)
    except ConfigurationError as error:
        raise HTTPException(422, f"{name}: {error}") from error


def days(width: timedelta) -> str:
    """A length of time in whole days."""
    return f"{width.days} days"


def _order(window: Window) -> tuple[datetime, datetime]:
    return window.start, window.end
