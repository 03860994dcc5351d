"""Incidents, as far as a person may see the monitors in them, and what people do about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Annotated, Any

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Depends, Path, Query

from monitoring_tasks.alerts.acting import Action
from monitoring_tasks.incidents.incident import Incident, State
from monitoring_tasks.incidents.reading import Cause
from monitoring_tasks.severity import Severity
from monitoring_tasks.ui.access import OWN_ORIGIN, Visible
from monitoring_tasks.ui.actions import carried_out
from monitoring_tasks.ui.api.asking import ABSENT, AskedPart, Results, cut
from monitoring_tasks.ui.api.models import incidents as models
from monitoring_tasks.ui.api.models.base import Problem, Urgency
from monitoring_tasks.ui.forms import Fields
from monitoring_tasks.ui.incidents import seen_by, visible_incident
from monitoring_tasks.views.incident import Shown

ROUTER = APIRouter(prefix="/incidents", tags=["incidents"])
IncidentId = Annotated[str, Path(description="Id of an incident.", examples=["drift-0123456789abcdef"])]
REFUSED: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": why}
    for status, why in (
        (400, "What is asked makes no sense for this incident, or the body cannot be read."),
        (413, "The body is too large."),
        (415, "The body is neither a form nor JSON."),
    )
}


def wished(
    state: Annotated[list[State] | None, Query(max_length=10, description="Only in these states.")] = None,
    cause: Annotated[list[Cause] | None, Query(max_length=10, description="Only of these causes.")] = None,
    severity: Annotated[Urgency, Query(description="At least as urgent.")] = "none",
    open: Annotated[bool, Query(description="Only those that have not ended.")] = False,
) -> Callable[[Incident], bool]:
    """Which incidents a request asks for."""
    least = Severity.of(severity)

    def fits(incident: Incident) -> bool:
        known = (not state or incident.state in state) and (not cause or incident.cause in cause)
        return known and incident.severity >= least and (incident.open or not open)

    return fits


@ROUTER.get("", operation_id="list_incidents", summary="Incidents")
def list_incidents(
    fleet: Visible,
    store: Results,
    asked: AskedPart,
    fits: Annotated[Callable[[Incident], bool], Depends(wished)],
    monitor: Annotated[str | None, Query(max_length=63, description="Only those that it is in.")] = None,
) -> models.IncidentPage:
    """Incidents of monitors that you may see, the newest first."""
    found = [shown for each in store.incidents() if fits(each) and (shown := seen_by(fleet, each))]
    wanted = [each for each in found if monitor in (None, *(member.monitor for member in each.seen))]
    incidents, following = cut(wanted, asked, lambda shown: shown.incident.id)
    return models.IncidentPage(incidents=tuple(map(as_seen, incidents)), next=following)


def one(
    incident_id: IncidentId,
    fleet: Visible,
    store: Results,
) -> tuple[Incident, Shown]:
    """The incident that a path names, whole and as the person sees it; 404 where none of its models is seen."""
    return visible_incident(store, incident_id, fleet)


One = Annotated[tuple[Incident, Shown], Depends(one)]


@ROUTER.get("/{incident_id}", operation_id="get_incident", summary="One incident", responses=ABSENT)
def get_incident(found: One) -> models.Incident:
    """An incident with its members, as far as you may see them."""
    return as_seen(found[1])


@ROUTER.get(
    "/{incident_id}/transitions",
    operation_id="list_transitions",
    summary="What happened to an incident",
    responses=ABSENT,
)
def list_transitions(found: One, store: Results) -> models.Transitions:
    """Everything that happened to an incident, in order."""
    incident, shown = found
    happened = [models.Transition.model_validate(each) for each in store.transitions(incident.id)]
    veiled = tuple(each.model_copy(update={"reason": shown.veil(each.reason)}) for each in happened)
    return models.Transitions(incident=incident.id, transitions=veiled)


@ROUTER.post(
    "/{incident_id}/{action}",
    operation_id="act_on_incident",
    summary="Acknowledge, mute, unmute or resolve",
    responses=ABSENT | REFUSED,
    dependencies=[OWN_ORIGIN],
    openapi_extra={
        "requestBody": {"content": {"application/json": {"schema": models.Order.model_json_schema(by_alias=True)}}}
    },
)
def act_on_incident(
    incident_id: IncidentId,
    action: Annotated[Action, Path(description="What to do.")],
    fields: Fields,
    fleet: Visible,
    user: GetUserDep,
) -> models.Incident:
    """Does something about an incident; it asks for the right to edit the DAG of each monitor in it."""
    shown = seen_by(fleet, carried_out(incident_id, action, fields, fleet, user))
    assert shown is not None
    return as_seen(shown)


def as_seen(shown: Shown) -> models.Incident:
    """An incident as the API shows it to somebody."""
    whole = {name: getattr(shown.incident, name) for name in models.Incident.model_fields if name in _OWN}
    return models.Incident.model_validate(
        {**whole, "title": shown.title, "members": shown.seen, "hidden": shown.hidden}
    )


_OWN = {field.name for field in fields(Incident)}
