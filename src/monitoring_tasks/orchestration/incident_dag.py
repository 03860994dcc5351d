"""The DAG `monitoring_incident`: a form with which people acknowledge, mute and resolve incidents, and test routes."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, Param

from monitoring_tasks.errors import AlertRefused, ConfigurationError
from monitoring_tasks.monitor_file import find_monitor
from monitoring_tasks.orchestration.tasks import told
from monitoring_tasks.orchestration.tries import say_why
from monitoring_tasks.window import parse_width

if TYPE_CHECKING:
    from monitoring_tasks.alerts.acting import Order

log = logging.getLogger(__name__)
Json = dict[str, Any]
DAG_ID = "monitoring_incident"
ACTION, ABOUT, HOW_LONG, REASON = "action", "about", "for", "reason"
TEST = "test the routes"
CHOICES = ("acknowledge", "mute", "unmute", "resolve", TEST)
SOMEBODY = "somebody in Airflow"
DOCUMENT = """\
### What to do about an incident

Trigger this DAG, and fill in its form; who did it is kept with the incident, and told beneath its first message.

* **acknowledge**: somebody is on it. It is told again only if it gets worse; there are no reminders
* **mute**: silence for a time, with a reason; it is told again when it gets worse, or when the time is over
* **unmute**: the mute ends now
* **resolve**: it is over. What is found later opens a new incident
* **test the routes**: a marked message on every channel of a monitor; the log has the answer of each

`monitoring alerts` lists incidents with their ids, and does the same at a terminal; each alert ends with its id.
Whoever may trigger this DAG may silence every monitor: in Airflow, give that permission to those on call alone.
"""


@dataclass(frozen=True)
class IncidentTasks:
    """The task of the form, for the monitors in `folder`."""

    folder: Path

    def act(self, dag_run: Any, params: Mapping[str, Any]) -> Json:
        """Do what the form asks for, and send what is to be told of it."""
        about = str(params[ABOUT]).strip()
        if params[ACTION] == TEST:
            return self._test(about, key=f"test-{dag_run.run_id}")
        from monitoring_tasks.alerts.acting import carry_out
        from monitoring_tasks.delivery_step import deliver
        from monitoring_tasks.orchestration.channels import opener

        with told() as runtime:
            store, now = runtime().store, datetime.now(UTC)
            changes = carry_out(store, about, _order(dag_run, params, now), now=now)
            sent = deliver(store, opener(), by=f"{dag_run.run_id} act")
        return {"incidents": [{"id": each.incident.id, "state": each.incident.state.value} for each in changes], **sent}

    def _test(self, name: str, *, key: str) -> Json:
        from monitoring_tasks.alerts.telling import send_test
        from monitoring_tasks.orchestration.channels import opener

        with told():
            answers = send_test(find_monitor(self.folder, name), opener(), key=key)
            if not answers:
                log.info("route.none monitor=%s: it names no channels, and its alerts go to the task's log", name)
            for address, error in answers:
                log.info("route.tested channel=%s answer=%s", address, error or "sent")
            refused = [f"{address}: {error}" for address, error in answers if error]
            if refused:
                raise AlertRefused("; ".join(refused))
        return {"sent": [address for address, _ in answers]}


def _order(dag_run: Any, params: Mapping[str, Any], now: datetime) -> Order:
    from monitoring_tasks.alerts.acting import Order

    by = getattr(dag_run, "triggering_user_name", None) or SOMEBODY
    until = now + _width(params) if params[ACTION] == "mute" else None
    return Order(params[ACTION], by, str(params.get(REASON) or "").strip(), until)


def _width(params: Mapping[str, Any]) -> timedelta:
    try:
        return parse_width(str(params.get(HOW_LONG) or ""))
    except ValueError as error:
        raise ConfigurationError(f"{HOW_LONG}: {error}") from None


def build_incident_dag(folder: Path) -> DAG:
    """The DAG with the form; it runs when somebody asks for it, and never by itself."""
    with DAG(
        dag_id=DAG_ID,
        description="Acknowledges, mutes and resolves incidents, and tests routes: trigger it with its form",
        doc_md=DOCUMENT,
        schedule=None,
        start_date=datetime(2000, 1, 1, tzinfo=UTC),
        catchup=False,
        is_paused_upon_creation=False,  # a run of a paused DAG waits, and whoever asked for it believes it was done
        tags=["monitoring"],
        params=_form(),
        # Whoever asked sees that it failed, and asks again.
        default_args={"retries": 0, "execution_timeout": timedelta(minutes=20), "on_failure_callback": say_why},
        auto_register=False,  # as for the monitors' own DAGs
    ) as dag:
        PythonOperator(task_id="act", python_callable=IncidentTasks(folder).act)
    return dag


def _form() -> dict[str, Param]:
    about = "Id of an incident; or name of a monitor, for all its open ones. To test routes: name of a monitor."
    return {
        ACTION: Param(CHOICES[0], type="string", enum=list(CHOICES), title="What to do"),
        ABOUT: Param("", type="string", minLength=1, maxLength=250, title="Incident or monitor", description=about),
        HOW_LONG: Param("7d", type="string", title="For how long", description="Mute only: such as 90m, 24h or 7d."),
        REASON: Param(
            None, type=["null", "string"], maxLength=1000, title="Reason", description="Kept with the incident."
        ),
    }
