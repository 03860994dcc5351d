"""Alertmanager's webhook: an alert that asks for it requests a retraining, as a verdict does.

The run's first task decides whether anything is trained: cooldown, budget and faults of the data hold for a run that an
alert asked for as for any other. However often an alert is told, it asks for one run.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import AwareDatetime, BaseModel, Field, ValidationError
from sqlalchemy.exc import SQLAlchemyError

from monitoring_tasks.alerts.message import one_line
from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.orchestration.run_request import BY_ALERT, REASON, WINDOW_END
from monitoring_tasks.orchestration.runtime import airflow_runtime
from monitoring_tasks.ui.access import RETRAIN, Fleet, everything, own_origin, require_run, visible
from monitoring_tasks.ui.metrics import person_of
from monitoring_tasks.ui.tokens import WEBHOOK, bearer_of
from monitoring_tasks.ui.triggering import request_run, run_id_of
from monitoring_tasks.window import stamp

log = logging.getLogger(__name__)
MOST_BYTES = 2_000_000
MOST_ALERTS = 2_000
LONGEST_REASON = 400
ASKS = "retrain"
"""The value of an alert's label `action` that asks for a retraining of the label `monitor`."""
# A moment at the edge of the calendar has no UTC.
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
Result = Literal["requested", "known", "ignored", "unknown_monitor", "no_retraining", "refused"]


class Alert(BaseModel):
    """One alert of a notification, as far as it matters here."""

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str] = Field(default_factory=dict)
    starts_at: AwareDatetime = Field(alias="startsAt", ge=_FIRST, lt=_LAST)
    fingerprint: str = Field(min_length=1, max_length=64)

    @property
    def name(self) -> str:
        """The name of its rule, on one line."""
        return one_line(self.labels.get("alertname", ""), 100)

    @property
    def monitor(self) -> str:
        """The monitor it is about; empty where it names none."""
        return self.labels.get("monitor", "")

    @property
    def asks(self) -> bool:
        """Whether it asks for a retraining: one that is resolved asks for nothing."""
        return self.status == "firing" and self.labels.get("action") == ASKS

    @property
    def run_id(self) -> str:
        """The run that it asks for, the same however often it is told."""
        return run_id_of("alert", self.monitor, self.fingerprint, stamp(self.starts_at))

    @property
    def reason(self) -> str:
        """Why a retraining is asked for, as its form has it."""
        summary = self.annotations.get("summary", "")
        text = f"{BY_ALERT}{self.name} since {stamp(self.starts_at)}{': ' if summary else ''}{summary}"
        return one_line(text, LONGEST_REASON)


class Notification(BaseModel):
    """What Alertmanager posts, version 4 of its webhook."""

    version: Literal["4"]
    alerts: list[Alert] = Field(max_length=MOST_ALERTS)


class Told(BaseModel):
    """What became of one alert. `known`: its run was asked for before."""

    alertname: str
    monitor: str
    fingerprint: str
    result: Result
    detail: str = ""
    run_id: str | None = None


class Answer(BaseModel):
    """What became of each alert, in the order given."""

    alerts: list[Told]


class Caller:
    """Who posts: Alertmanager by its token, or a person."""

    def __init__(self, user: Any = None) -> None:
        self._user = user

    @property
    def name(self) -> str:
        """Who is kept with a run as the one that asked for it."""
        return "alertmanager" if self._user is None else str(self._user.get_name())

    @cached_property
    def fleet(self) -> Fleet:
        """The monitors that the caller may see."""
        return everything() if self._user is None else visible(self._user)

    def require(self, dag_id: str) -> None:
        """Refuse (403) a person who may not start runs of a DAG."""
        if self._user is not None:
            require_run(dag_id, self._user)


async def caller(request: Request) -> Caller:
    """Who posts; 401 or 403 for anybody else."""
    if await run_in_threadpool(WEBHOOK.admits, bearer_of(request)):
        return Caller()
    user = await person_of(request)
    own_origin(request)
    return Caller(user)


async def notification(request: Request, _: Annotated[Caller, Depends(caller)]) -> Notification:
    """What was posted, read only once it is known by whom; 413 for too much, 422 for what is none."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise HTTPException(413, f"more than {MOST_BYTES} bytes: set max_alerts of the webhook in alertmanager.yml")
    try:
        return Notification.model_validate_json(bytes(body))
    except ValidationError as error:
        raise HTTPException(422, f"no notification of Alertmanager, version 4: {_why(error)}") from None


ROUTER = APIRouter()
_BODY = {
    "required": True,
    "content": {"application/json": {"schema": Notification.model_json_schema()}},
}


@ROUTER.post("/api/v1/alertmanager", openapi_extra={"requestBody": _BODY})
def alertmanager(
    caller: Annotated[Caller, Depends(caller)], posted: Annotated[Notification, Depends(notification)]
) -> Answer:
    """Request a retraining for each firing alert with `action="retrain"`; 503 where Airflow cannot take it now."""
    try:
        for alert in posted.alerts:
            if alert.asks and caller.fleet.has(RETRAIN, alert.monitor):
                caller.require(f"{RETRAIN}{alert.monitor}")
        return Answer(alerts=list(_told(caller, posted)))
    except SQLAlchemyError as error:
        log.exception("alert.not_taken alerts=%d", len(posted.alerts))
        raise HTTPException(503, "Airflow's database did not answer: send it again") from error


def _told(caller: Caller, posted: Notification) -> Iterator[Told]:
    asking = any(alert.asks for alert in posted.alerts)
    ends = {head.subject.monitor: head.subject.window.end for head in airflow_runtime().store.heads()} if asking else {}
    for alert in posted.alerts:
        result, detail = _result(caller, alert, ends)
        log.info("alert.%s alertname=%s monitor=%s", result, alert.name, one_line(alert.monitor, 100))
        run_id = alert.run_id if result in ("requested", "known") else None
        yield Told(
            alertname=alert.name,
            monitor=one_line(alert.monitor, 100),
            fingerprint=one_line(alert.fingerprint),
            result=result,
            detail=detail,
            run_id=run_id,
        )


def _result(caller: Caller, alert: Alert, ends: Mapping[str, datetime]) -> tuple[Result, str]:
    if not alert.asks:
        return "ignored", f'it is not firing with action="{ASKS}"'
    if alert.monitor not in caller.fleet.monitors:
        return "unknown_monitor", "no such monitor, or none that you may see"
    dag_id = f"{RETRAIN}{alert.monitor}"
    if not caller.fleet.has(RETRAIN, alert.monitor):
        return "no_retraining", f"Airflow has no DAG {dag_id}: the monitor has no section retraining"
    # Up to the newest window that was judged, as a verdict asks: cooldown and budget count from there.
    until = {WINDOW_END: stamp(ends[alert.monitor])} if alert.monitor in ends else {}
    try:
        new = request_run(dag_id, run_id=alert.run_id, conf={REASON: alert.reason, **until}, by=caller.name)
    except ConfigurationError as error:
        return "refused", str(error)
    return "requested" if new else "known", dag_id


def _why(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return one_line(f"{'.'.join(map(str, first['loc']))}: {first['msg']}", 200)
