"""What the pages of one model have in common: whose it is, which windows they show, what stands on their axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Depends, HTTPException, Request

from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.scores import ColumnScore
from monitoring_tasks.store.board import Head, Version
from monitoring_tasks.store.database import Store
from monitoring_tasks.store.records import RetrainingRecord
from monitoring_tasks.ui.access import MONITOR, READS_DAG, SIGNED_IN, Fleet, fleet_of
from monitoring_tasks.ui.html import query
from monitoring_tasks.ui.reports import DAG_ID, NO_MODEL
from monitoring_tasks.views.heat_map import Links
from monitoring_tasks.views.ranges import Asked, Range, champion_of, range_of
from monitoring_tasks.views.run import run_address
from monitoring_tasks.views.timeline import Seen, Strip, Timeline, strips_of, timeline_of
from monitoring_tasks.window import DAY, Window


def named(dag_id: str) -> None:
    """Refuse (404) what is no id of a monitor's DAG before Airflow's database is asked about it."""
    if DAG_ID.fullmatch(dag_id) is None:
        raise HTTPException(404, NO_MODEL)


READS_MODEL = [SIGNED_IN, Depends(named), READS_DAG]
"""What every page of a model asks for."""
Query = Annotated[Asked, Depends()]
"""What a page's query asks for."""


def fleet_with(dag_id: str, user: GetUserDep) -> Fleet:
    """The fleet of the one monitor to which a DAG belongs; 404 where the person may not see it."""
    found = DAG_ID.fullmatch(dag_id)
    fleet = fleet_of(found[2], user) if found else Fleet({}, frozenset())
    if not fleet.monitors:
        raise HTTPException(404, "no such monitor, or none that you may see: the overview lists those")
    return fleet


One = Annotated[Fleet, Depends(fleet_with)]
"""The fleet of the one monitor that a path names."""


@dataclass(frozen=True)
class Shown:
    """A monitor and those of its windows that are asked for; `newest` is its newest verdict, whatever is asked for.

    `heads` are the windows of the champion that is asked for, or of all.
    """

    name: str
    asked: Asked
    range: Range | None
    newest: Head | None
    heads: Sequence[Head]
    timeline: Timeline
    strips: Sequence[Strip]
    promotions: Sequence[RetrainingRecord]
    versions: Sequence[Version]

    @property
    def dag_id(self) -> str:
        """The DAG that is the monitor's own."""
        return MONITOR + self.name

    @property
    def head(self) -> Head | None:
        """The newest of the windows that are asked for."""
        return self.heads[-1] if self.heads else None


def shown_of(store: Store, name: str, asked: Asked) -> Shown:
    """The windows that are asked for; 400 where that makes no sense, with a sentence that says why."""
    versions, newest = store.versions(name), store.head(name)
    end = store.last_end(name)
    try:
        champion = champion_of(asked, [each.champion for each in versions])
        picked = next((each.last.end for each in versions if each.champion == champion), end)
        wanted = None if picked is None else range_of(asked, picked)
        if wanted is None:
            range_of(asked, datetime.fromisoformat("2000-01-01T00:00:00+00:00"))
    except ConfigurationError as error:
        raise HTTPException(400, str(error)) from error
    before, heads = _heads(store, name, wanted, newest)
    promotions, strips = store.promotions(name), strips_of(store.incidents(name), name)
    timeline = timeline_of(list(map(_seen, heads)), promotions, strips, before=before)
    mine = [each for each in heads if champion in ("", each.subject.champion)]
    return Shown(name, asked, wanted, newest, mine, timeline, strips, promotions, versions)


def _heads(store: Store, name: str, wanted: Range | None, newest: Head | None) -> tuple[Seen | None, list[Head]]:
    """The window that ends where a range begins, where there is one, and the windows of the range."""
    if wanted is None or newest is None:
        return None, []
    read = store.windows(name, wanted.reading(newest.subject.window.width))
    inside = [each for each in read if wanted.holds(each.subject.window)]
    before = (_seen(each) for each in reversed(read) if not wanted.holds(each.subject.window))
    return next(before, None), inside


def _seen(head: Head) -> Seen:
    return Seen(head.subject.window, head.subject.champion)


def scores_of(store: Store, name: str, heads: Sequence[Head]) -> Mapping[Window, Sequence[ColumnScore]]:
    """The scores of windows."""
    if not heads:
        return {}
    windows = {each.subject.window for each in heads}
    span = Window(min(each.start for each in windows), max(each.end for each in windows))
    return {window: scores for window, scores in store.window_scores(name, span).items() if window in windows}


def links_of(request: Request, shown: Shown) -> Links:
    """Where the names on a model's page lead; the range is kept."""
    base = str(request.scope.get("root_path", ""))
    kept = query(shown.asked.kept).removesuffix("?")
    model = f"{base}/model/{quote(shown.dag_id, safe='')}"
    return Links(
        column=lambda column: f"{model}/column/{quote(column, safe='', errors='replace')}{kept}",
        window=lambda head: base + run_address(shown.dag_id, head.subject),
        incident=lambda id: f"{base}/incident/{quote(id, safe='')}",
    )


def performance_span(wanted: Range) -> Window:
    """The span of the ledger in which windows lie that end in a range; they may be as wide as a quarter of a year."""
    return wanted.reading(92 * DAY)


def facts(request: Request, shown: Shown) -> dict[str, Any]:
    """What the templates of a model's pages have in common."""
    links = links_of(request, shown)
    return {
        "name": shown.name,
        "dag_id": shown.dag_id,
        "asked": shown.asked,
        "kept": query(shown.asked.kept).removesuffix("?"),
        "range": shown.range,
        "heads": shown.heads,
        "head": shown.head,
        "timeline": shown.timeline,
        "versions": shown.versions,
        "column_link": links.column,
    }
