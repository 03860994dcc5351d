"""What people may do from the pages: about incidents, and with a model. Each is a POST from a page of this Airflow."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from monitoring_tasks.alerts.acting import ACTIONS, Order, carry_out
from monitoring_tasks.incidents.incident import Incident
from monitoring_tasks.orchestration.links import answer_path
from monitoring_tasks.orchestration.run_request import PREVIOUS, REASON, ROLLBACK
from monitoring_tasks.orchestration.runtime import airflow_runtime
from monitoring_tasks.store.database import Store
from monitoring_tasks.store.records import RetrainingRecord
from monitoring_tasks.ui.access import (
    MONITOR,
    OWN_ORIGIN,
    RETRAIN,
    SIGNED_IN,
    Fleet,
    Visible,
    may_run,
    monitor_of,
    require_run,
)
from monitoring_tasks.ui.declared import retraining_of
from monitoring_tasks.ui.forms import Fields, required
from monitoring_tasks.ui.html import HEADERS, page, wants_page
from monitoring_tasks.ui.incidents import may_not_edit, visible_incident
from monitoring_tasks.ui.triggering import request_run, run_id_of, startable
from monitoring_tasks.views.asking import Standing, limits_of, outlook, standing_of
from monitoring_tasks.views.words import span
from monitoring_tasks.window import DAY, last_tick, parse_width

ROUTER = APIRouter(dependencies=[SIGNED_IN])
LONGEST_MUTE = 365 * DAY
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
NONCE, CHAMPION, TO = "nonce", "champion", "to"
Facts = dict[str, Any]


@ROUTER.post("/incident/{id}/{action}", dependencies=[OWN_ORIGIN])
def act(request: Request, id: str, action: str, fields: Fields, fleet: Visible, user: GetUserDep) -> Response:
    """Acknowledge, mute, unmute or resolve an incident, as whoever may edit every model that it concerns.

    What is to be told of it waits in the outbox for the next delivery: a channel that hangs holds up no page.
    """
    changed = carried_out(id, action, fields, fleet, user)
    return _done(request, f"/incident/{_segment(id)}?done={action}", {"id": id, "state": changed.state.value})


def carried_out(id: str, action: str, fields: Mapping[str, str], fleet: Fleet, user: Any) -> Incident:
    """An incident after what a person wanted done about it; refused where that person may not, or it has no place."""
    if action not in ACTIONS:
        raise HTTPException(404, f"nothing of that name can be done: there are {', '.join(ACTIONS)}")
    store, now = airflow_runtime().store, datetime.now(UTC)
    found, shown = visible_incident(store, id, fleet)
    if missing := may_not_edit(found, user):
        told = sorted(shown.veil(dag_id) for dag_id in missing)
        raise HTTPException(403, f"an action on an incident concerns all its models; you may not edit {told[0]}")
    until = now + _width(fields) if action == "mute" else None
    order = Order(action, user.get_name(), fields.get("reason", ""), until)
    return carry_out(store, found.id, order, now=now)[0].incident


def _width(fields: Mapping[str, str]) -> timedelta:
    try:
        width = parse_width(required(fields, "for", "say for how long, such as 7d"))
    except ValueError as error:
        raise HTTPException(400, f"for: {error}") from None
    if width > LONGEST_MUTE:
        raise HTTPException(400, "for: a mute lasts a year at most, so that nothing is forgotten")
    return width


@ROUTER.get("/model/{dag_id}/retrain")
def ask_retraining(request: Request, dag_id: str, fleet: Visible, user: GetUserDep) -> Response:
    """The page that asks for the reason of a retraining, and says what would become of it now."""
    name, retrain = _retrained(dag_id, fleet, user)
    facts = [("Model", name), *_outlook(name)]
    return _confirm(
        request, dag_id, "retrain", title=f"Request a retraining of {name}", facts=facts, paused=_paused(retrain)
    )


@ROUTER.post("/model/{dag_id}/retrain", dependencies=[OWN_ORIGIN])
def retrain(request: Request, dag_id: str, fields: Fields, fleet: Visible, user: GetUserDep) -> Response:
    """Request a retraining: a run of the model's own DAG, whose first task asks about cooldown, budget and data.

    Nothing overrides those here: to force one, somebody triggers the DAG with its form in Airflow.
    """
    _, asked = _retrained(dag_id, fleet, user)
    reason = required(fields, "reason", "say why, it is kept with the retraining")
    return _requested(request, asked, fields, user, {REASON: reason})


@ROUTER.get("/model/{dag_id}/rollback")
def ask_rollback(request: Request, dag_id: str, fleet: Visible, user: GetUserDep) -> Response:
    """The page that says which champion would be replaced, and by which, and asks whether that is meant."""
    name, asked = _retrained(dag_id, fleet, user)
    standing = _standing(airflow_runtime().store, name)
    facts = [("In use", standing.champion), ("Known by", standing.known_by)]
    choices = [(version, f"{version}, last in use in {span(window)}") for version, window in standing.earlier]
    return _confirm(
        request,
        dag_id,
        "rollback",
        title=f"Roll back the champion of {name}",
        facts=facts,
        paused=_paused(asked),
        choices=[*choices, (PREVIOUS, "the one before it, by the model's registry")],
        champion=standing.champion,
    )


@ROUTER.post("/model/{dag_id}/rollback", dependencies=[OWN_ORIGIN])
def roll_back(request: Request, dag_id: str, fields: Fields, fleet: Visible, user: GetUserDep) -> Response:
    """Put an earlier champion in place again, by a run of the model's own DAG.

    The field `champion` names the one that is replaced: 409 where another is in use by now.
    """
    name, asked = _retrained(dag_id, fleet, user)
    champion = required(fields, CHAMPION, "name the champion that is to be replaced")
    reason = required(fields, "reason", "say why, it is kept with the champion")
    to = fields.get(TO, PREVIOUS)
    if VERSION.fullmatch(to) is None:
        raise HTTPException(400, f"to: {to!r} is no version: name one such as v1.0.0-3f2a9c1b, or {PREVIOUS}")
    standing = _standing(airflow_runtime().store, name)
    if champion != standing.champion:
        raise HTTPException(409, f"{standing.champion} is in use by now: look again before you roll back")
    return _requested(request, asked, fields, user, {ROLLBACK: to, REASON: reason})


def actions_for(fleet: Fleet, name: str, user: Any, past: Sequence[RetrainingRecord]) -> Facts:
    """What a person may do with a model, as its page shows it (`model_actions.html`); `past` are all its retrainings.

    `retrain` and `rollback` are paths of the pages that ask for it, below the pages' own; empty where the person may
    not, or the model has no retraining. `awaiting` are paths below Airflow's address on which somebody answers a
    retraining, and `under_way` says which retraining there is, None where there is none.
    """
    dag_id = f"{RETRAIN}{name}"
    if not fleet.has(RETRAIN, name):
        return {"retrain": "", "rollback": "", "awaiting": [], "under_way": None}
    may, address = may_run(dag_id, user), f"/model/{_segment(MONITOR + name)}"
    records = [each for each in past if each.open]
    return {
        "retrain": f"{address}/retrain" if may else "",
        "rollback": f"{address}/rollback" if may else "",
        "awaiting": [answer_path(dag_id, each.run, "ask") for each in records if each.state == "awaiting"],
        "under_way": next(iter(records), None),
    }


def _retrained(dag_id: str, fleet: Fleet, user: Any) -> tuple[str, str]:
    """The monitor of a path, and the DAG that retrains its model; refused where there is none, or it is not theirs."""
    name = monitor_of(dag_id, fleet)
    if not fleet.has(RETRAIN, name):
        raise HTTPException(404, f"{name} has no retraining that you may see: its YAML has no section retraining")
    require_run(RETRAIN + name, user)
    return name, RETRAIN + name


def _outlook(name: str) -> list[tuple[str, str]]:
    """What is known beforehand of a retraining, as names and texts; little where the YAML is not at hand."""
    store, found = airflow_runtime().store, retraining_of(RETRAIN + name)
    if found is None:
        return [("Admitted", "its first task decides, by cooldown, budget and the data")]
    section, schedule = found
    past, head = store.retrainings(name), store.head(name)
    newest = store.verdict(head.subject) if head else None
    said = outlook(section, name, past, newest, window_end=last_tick(schedule, datetime.now(UTC)))
    would = "it would begin, if there are rows with labels enough" if said.admitted else f"refused: {said.reason}"
    return [*limits_of(section, past), ("Asked now", would)]


def _standing(store: Store, name: str) -> Standing:
    standing = standing_of(store.head(name), store.versions(name), store.promotions(name))
    if standing is None:
        raise HTTPException(409, f"no window of {name} was judged yet: use the form of its DAG in Airflow to roll back")
    return standing


def _paused(dag_id: str) -> bool:
    return startable(dag_id).paused


def _confirm(request: Request, dag_id: str, action: str, **facts: Any) -> Response:
    """A page that asks once more; its nonce makes one run of however many times it is sent."""
    about = {"choices": [], "champion": "", "action": action, "dag_id": dag_id, "nonce": secrets.token_hex(8)}
    return page(request, "confirm.html", **{**about, **facts})


def _requested(
    request: Request, dag_id: str, fields: Mapping[str, str], user: Any, conf: Mapping[str, str]
) -> Response:
    """Ask for the run, once for each nonce; 409 while the DAG is paused: its run would wait, and be of the past."""
    if _paused(dag_id):
        raise HTTPException(409, f"{dag_id} is paused in Airflow, and its runs wait: switch it on, then ask again")
    nonce = fields.get(NONCE) or secrets.token_hex(8)
    run_id = run_id_of("asked", dag_id, str(user.get_id()), nonce)
    made = request_run(dag_id, run_id=run_id, conf=conf, by=user.get_name())
    address = f"/of-run/{_segment(dag_id)}?run_id={_segment(run_id)}"
    return _done(request, address, {"dag_id": dag_id, "run_id": run_id, "requested": made})


def _done(request: Request, address: str, said: Facts) -> Response:
    """Back to a page of these, chosen here; a program is told in JSON."""
    if wants_page(request):
        return RedirectResponse(str(request.scope.get("root_path", "")) + address, 303, HEADERS)
    return JSONResponse(said, headers=HEADERS)


def _segment(text: str) -> str:
    return quote(text, safe="")
