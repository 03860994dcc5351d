"""Who may see and do what: Airflow's own answers, for the DAGs of a monitor.

Whoever may read a monitor's DAG sees the monitor; whoever may edit it acts on its incidents; whoever may start runs of
its retraining's DAG requests retrainings and rolls back.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.base_auth_manager import ResourceMethod
from airflow.api_fastapi.auth.managers.models.resource_details import AccessView, DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag, requires_access_view
from airflow.models.dag import DagModel
from airflow.utils.session import create_session
from fastapi import Depends, HTTPException, Request
from sqlalchemy import select

from monitoring_tasks.ui.tokens import bearer_of

MONITOR, PERFORMANCE, RETRAIN = "monitor_", "performance_", "retrain_"
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
"""What names of monitors are."""
SIGNED_IN = Depends(requires_access_view(AccessView.PLUGINS))
"""What every route asks for at the least: somebody signed in, who may see plugins."""
READS_DAG = Depends(requires_access_dag(method="GET", access_entity=DagAccessEntity.RUN))
"""What a route with `dag_id` in its path asks for: that person may see the runs of that DAG."""


@dataclass(frozen=True)
class Dag:
    """What Airflow knows of a monitor's DAG: its id, who owns it, whether it is switched off, and when it runs next.

    `next_start` is where the next interval begins: up to there everything was started; `interval` is how long it is.
    None: nothing is scheduled.
    """

    dag_id: str
    owner: str
    paused: bool
    next_start: datetime | None
    interval: timedelta | None = None


@dataclass(frozen=True)
class Fleet:
    """The monitors that a person may see, by name, and the DAGs of theirs that there are."""

    monitors: Mapping[str, Dag]
    dag_ids: frozenset[str]

    def has(self, prefix: str, monitor: str) -> bool:
        """Whether a monitor has a DAG of a kind that the person may see."""
        return f"{prefix}{monitor}" in self.dag_ids


def visible(user: GetUserDep) -> Fleet:
    """The monitors that a person may see; DAGs that are gone from the folder are left out."""
    return _fleet(get_auth_manager().get_authorized_dag_ids(user=user, method="GET"))


def everything() -> Fleet:
    """All monitors: what a program with a token of this application's own may see."""
    return _fleet(None)


def _fleet(allowed: Collection[str] | None, *, among: Collection[str] | None = None) -> Fleet:
    with create_session() as session:
        known = (DagModel.dag_id, DagModel.owners, DagModel.is_paused, DagModel.next_dagrun)
        ends = (DagModel.next_dagrun_data_interval_start, DagModel.next_dagrun_data_interval_end)
        wanted = select(*known, *ends).where(DagModel.is_stale.is_(False))
        rows = session.execute(wanted if among is None else wanted.where(DagModel.dag_id.in_(among))).all()
    mine = [row for row in rows if allowed is None or row.dag_id in allowed]
    found = {row.dag_id.removeprefix(MONITOR): _dag(row) for row in mine if row.dag_id.startswith(MONITOR)}
    return Fleet(found, frozenset(row.dag_id for row in mine))


def fleet_of(monitor: str, user: Any) -> Fleet:
    """A fleet of one monitor, as far as a person may see its DAGs; without looking at any other's."""
    if NAME.fullmatch(monitor) is None:
        return Fleet({}, frozenset())
    ids = [f"{each}{monitor}" for each in (MONITOR, PERFORMANCE, RETRAIN)]
    mine = [each for each in ids if _may(user, "GET", each)]
    return _fleet(mine, among=mine)


Visible = Annotated[Fleet, Depends(visible)]
"""The monitors that the person who asks may see."""


def monitor_of(dag_id: str, fleet: Visible) -> str:
    """The monitor whose DAG a path names; 404 where it is none that the person may see."""
    name = dag_id.removeprefix(MONITOR)
    if not dag_id.startswith(MONITOR) or name not in fleet.monitors:
        raise HTTPException(404, "no such monitor, or none that you may see: the overview lists those")
    return name


def sees(monitor: str, user: Any) -> bool:
    """Whether there is such a monitor that a person may see; what is no name of a monitor reaches no database."""
    if NAME.fullmatch(monitor) is None:
        return False
    dag_id = f"{MONITOR}{monitor}"
    with create_session() as session:
        found = session.scalar(select(DagModel.is_stale).where(DagModel.dag_id == dag_id))
    return found is False and _may(user, "GET", dag_id)


def require_run(dag_id: str, user: Any) -> None:
    """Refuse (403) whoever may not start runs of a DAG."""
    if not _may(user, "POST", dag_id, DagAccessEntity.RUN):
        raise HTTPException(403, f"you may not start runs of {dag_id} in Airflow")


def may_edit_dag(dag_id: str, user: Any) -> bool:
    """Whether a person may edit a DAG: one over all monitors can be in an incident as well."""
    return _may(user, "PUT", dag_id)


def may_run(dag_id: str, user: Any) -> bool:
    """Whether a person may start runs of a DAG."""
    return _may(user, "POST", dag_id, DagAccessEntity.RUN)


def own_origin(request: Request) -> None:
    """Refuse (403) a change that a page of another origin asks for with the cookie of whoever looks at it.

    Airflow has no token against this. A browser names the origin of every POST; a program with a bearer token is not
    moved by other pages, so that it need not. Any other authorization, such as the password of a proxy, is sent by a
    browser of itself: it says nothing about the page, and Airflow takes the cookie beside it.
    """
    if bearer_of(request):
        return
    fetched, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin", "")
    if fetched not in (None, "same-origin") or not _is_of(origin, request.headers.get("host")):
        raise HTTPException(403, "this must be asked for from a page of this Airflow itself, or with a bearer token")


def _is_of(origin: str, host: str | None) -> bool:
    try:
        return bool(host) and urlsplit(origin).netloc == host
    except ValueError:  # no origin at all, such as "http://["
        return False


OWN_ORIGIN = Depends(own_origin)
"""What every route that changes something asks for."""


def _may(user: Any, method: ResourceMethod, dag_id: str, entity: DagAccessEntity | None = None) -> bool:
    details = DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
    return bool(get_auth_manager().is_authorized_dag(method=method, access_entity=entity, details=details, user=user))


def _dag(row: Any) -> Dag:
    start, end = row.next_dagrun_data_interval_start, row.next_dagrun_data_interval_end
    interval = end - start if start and end and row.next_dagrun else None
    return Dag(row.dag_id, row.owners or "", bool(row.is_paused), row.next_dagrun, interval)
