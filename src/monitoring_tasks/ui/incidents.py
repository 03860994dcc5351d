"""The pages of incidents: those that a person may see, and of each what happened, who was told, and what to do."""

from __future__ import annotations

from typing import Annotated, Any

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse

from monitoring_tasks.alerts.advice import advice
from monitoring_tasks.incidents.incident import Incident, Member
from monitoring_tasks.incidents.reading import OF_RUN, Cause
from monitoring_tasks.orchestration.runtime import airflow_runtime
from monitoring_tasks.policy.verdict import Verdict
from monitoring_tasks.request_step import request_made
from monitoring_tasks.store.database import Store
from monitoring_tasks.ui.access import MONITOR, PERFORMANCE, RETRAIN, SIGNED_IN, Fleet, Visible, may_edit_dag, may_run
from monitoring_tasks.ui.html import page
from monitoring_tasks.views.incident import (
    CAUSES,
    STATES,
    Shown,
    Wish,
    chosen,
    dag_of,
    dags_of,
    owners_of,
    shown_to,
    timeline_of,
    told_of,
)
from monitoring_tasks.views.run import run_address

ROUTER = APIRouter(dependencies=[SIGNED_IN])
Text = Annotated[str, Query(max_length=200)]
OF_FIGURES = frozenset({Cause.PERFORMANCE, Cause.LABELS})
"""Causes that a verdict on performance gives."""


@ROUTER.get("/incidents", response_class=HTMLResponse)
def incidents(
    request: Request, fleet: Visible, state: Text = "", owner: Text = "", cause: Text = "", number: Text = ""
) -> HTMLResponse:
    """Incidents of the models that the person may see: open ones first, ended ones a page at a time."""
    found = [shown for each in airflow_runtime().store.incidents() if (shown := seen_by(fleet, each))]
    wish = Wish(state, owner, cause, _number(number))
    return page(
        request,
        "incidents.html",
        chosen=chosen(found, wish),
        owners=sorted({name for shown in found for name in owners_of(shown)}),
        states=STATES,
        causes=CAUSES,
        wish=wish,
        asked={"state": state, "owner": owner, "cause": cause},
        owners_of=owners_of,
    )


@ROUTER.get("/incident/{id}", response_class=HTMLResponse)
def incident(request: Request, id: str, fleet: Visible, user: GetUserDep, done: Text = "") -> HTMLResponse:
    """One incident; 404 where the person may see none of its models, as for one that there is not."""
    store = airflow_runtime().store
    found, shown = visible_incident(store, id, fleet)
    newest = newest_of(shown)
    verdict = _verdict(store, shown.incident, newest)
    return page(
        request,
        "incident.html",
        shown=shown,
        newest=newest,
        address=_address(shown.incident, verdict),
        step=advice(shown.incident, None, verdict, request_made(store, verdict) if verdict else None),
        timeline=timeline_of(store.transitions(id), shown.veil),
        letters=told_of(store.letters(incident=id), whole=not shown.hidden),
        may=not may_not_edit(found, user),
        retrain=_retrainable(shown, fleet, user),
        done=done if done in DONE else "",
        monitor_prefix=MONITOR,
    )


DONE = ("acknowledge", "mute", "unmute", "resolve")
"""What somebody may have just done to an incident."""


def seen_by(fleet: Fleet, found: Incident) -> Shown | None:
    """An incident as a person sees it; None where that person may see none of its models."""
    return shown_to(found, lambda member: dag_of(found, member) in fleet.dag_ids)


def visible_incident(store: Store, id: str, fleet: Fleet) -> tuple[Incident, Shown]:
    """The incident of an id, whole and as the person sees it; 404 where there is none, or none of its models is seen.

    An id is the whole one: neither its beginning nor the name of a monitor, which name several.
    """
    found = store.incident(id) if id.isprintable() else None
    shown = seen_by(fleet, found) if found else None
    if found is None or shown is None:
        raise HTTPException(404, "no such incident, or none that you may see: the page of incidents lists those")
    return found, shown


def may_not_edit(found: Incident, user: Any) -> tuple[str, ...]:
    """The DAGs of an incident that a person may not edit: an action on it concerns them all."""
    return tuple(dag_id for dag_id in dags_of(found) if not may_edit_dag(dag_id, user))


def _retrainable(shown: Shown, fleet: Fleet, user: Any) -> list[str]:
    """The models of an incident that a new champion answers, of which the person may request a retraining."""
    if not shown.incident.open or shown.incident.cause not in (Cause.DRIFT, Cause.PERFORMANCE):
        return []
    names = dict.fromkeys(member.monitor for member in shown.seen)
    return [name for name in names if fleet.has(RETRAIN, name) and may_run(RETRAIN + name, user)]


def newest_of(shown: Shown) -> Member:
    """The member with the newest finding, of those that the person may see."""
    return max(shown.seen, key=lambda member: (member.last.end, member.last.start))


def _verdict(store: Store, found: Incident, member: Member) -> Verdict | None:
    """The verdict on a member's newest window with a finding; None for causes that no verdict gives."""
    if found.cause in OF_RUN or found.cause is Cause.SELF_TEST:
        return None
    if found.cause in OF_FIGURES:
        entries = store.restatements(member.monitor, member.last)
        return entries[-1].verdict if entries else None
    judged = store.judgements(member.monitor, member.last)
    return judged[-1].verdict if judged else None


def _address(found: Incident, verdict: Verdict | None) -> str:
    if verdict is None:
        return ""
    prefix = PERFORMANCE if found.cause in OF_FIGURES else MONITOR
    return run_address(prefix + verdict.subject.monitor, verdict.subject)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 1
