"""How a run went is recorded with the incidents it changes; by callbacks of Airflow, and by the DAG over all alerts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from monitoring_tasks.alerts_section import Alerts
from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.incidents.reading import OF_RUN, Cause, Reading
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.orchestration.links import absolute, run_path
from monitoring_tasks.orchestration.run_reading import RunSpan, Whose, name_of

if TYPE_CHECKING:
    from monitoring_tasks.store.database import Store

MOST = 20
"""So many letters are sent by a callback: the outbox has whoever delivers the rest."""


def tell(store: Store, whose: Whose, reading: Reading, span: RunSpan) -> None:
    """Record how a run went, and post it to whom it concerns."""
    from monitoring_tasks.alerts.telling import tell_of_run

    links = {} if span.run_id is None else {"run": absolute(run_path(span.dag_id, span.run_id))}
    whom = whose if isinstance(whose, Monitor) else shared_routes(whose)
    tell_of_run(store, whom, reading, links=links, now=datetime.now(UTC))


def airflow_store() -> Store:
    """The results store of this process."""
    from monitoring_tasks.orchestration.runtime import airflow_runtime

    return airflow_runtime().store


def is_known(store: Store, whose: Whose, span: RunSpan, *causes: Cause) -> bool:
    """Whether it is recorded of this run, or of a later one, that something of the kind was found."""
    found = [each for each in store.readings(name_of(whose, span.dag_id), live=True) if each.stream == "run"]
    return any(
        signal.cause in causes
        for each in found
        if each.dag_id == span.dag_id and each.tick >= span.tick
        for signal in each.signals
    )


def has_open(store: Store, whose: Whose, dag_id: str) -> bool:
    """Whether an incident about runs of this DAG is open."""
    found = store.incidents(name_of(whose, dag_id), open_only=True)
    return any(each.cause in OF_RUN and dag_id in {member.name for member in each.members} for each in found)


def send_due(store: Store, by: str) -> None:
    """Send what is due, at most `MOST` letters; what a channel does not take stays in the outbox."""
    from monitoring_tasks.delivery_step import deliver
    from monitoring_tasks.orchestration.channels import opener

    deliver(store, opener(), by=by, most=MOST)


def shared_routes(folder: Path) -> Alerts:
    """Whom runs of a DAG over all monitors of `folder` concern; the task's log while the shared file is broken."""
    from monitoring_tasks.monitor_file import alerts_file, shared_alerts

    try:
        return Alerts.model_validate(shared_alerts(alerts_file(folder)))
    except ConfigurationError:
        return Alerts()
