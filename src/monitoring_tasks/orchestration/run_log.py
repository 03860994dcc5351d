"""What a run's log says of people: who was told what, who will be, and which incidents stay open."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from monitoring_tasks.errors import AlertRefused, MonitoringError
from monitoring_tasks.monitor import Monitor

if TYPE_CHECKING:
    from monitoring_tasks.alerts.sentences import Known
    from monitoring_tasks.store.database import Store

log = logging.getLogger(__name__)
Json = Mapping[str, Any]
_NO_CHANGE = (
    "no incident changed, so nobody is told: it is planned downtime, was judged before, or may still pass by itself"
)


def say_changes(monitor: Monitor, verdict: Json, store: Store) -> None:
    """A line for each incident that a run changed: who was told, who will be, and how somebody takes it on."""
    if not verdict["changes"]:
        log.info("alert.untold outcome=%s: %s", verdict["outcome"], _NO_CHANGE)
    for change in verdict["changes"]:
        _say_change(monitor, change, store)


def _say_change(monitor: Monitor, change: Json, store: Store) -> None:
    from monitoring_tasks.alerts.sentences import sentence_of, to_take_on
    from monitoring_tasks.incidents.incident import State

    known, event = _known(store, change["incident"]), change["event"]
    if known is not None:
        log.info("incident.%s %s", event, sentence_of(event, known, monitor.alerts, now=datetime.now(UTC)))
        if known.incident.state is State.OPEN:
            log.info("incident.open %s", to_take_on(known.incident))


def _known(store: Store, incident: str) -> Known | None:
    from monitoring_tasks.alerts.sentences import Known

    found = store.incident(incident)
    return None if found is None else Known(found, store.transitions(incident), store.letters(incident=incident))


def say_all_clear(monitor: Monitor, verdict: Json) -> None:
    """That nobody need be told; incidents that are open all the same, with the healthy windows that they wait for.

    A store that does not answer takes nothing away from a verdict that is there: the log says so.
    """
    log.info("all_clear monitor=%s outcome=%s: nobody is told", monitor.name, verdict["outcome"])
    try:
        _say_open(monitor)
    except MonitoringError as error:
        log.warning("all_clear.unknown whether incidents are open: %s", error)


def _say_open(monitor: Monitor) -> None:
    from monitoring_tasks.alerts.sentences import still_open
    from monitoring_tasks.orchestration.runtime import airflow_runtime

    for incident in airflow_runtime().store.incidents(monitor.name, open_only=True):
        log.info("incident.open %s: %s", incident.id, still_open(incident, monitor.alerts))


def refuse_untold(monitor: Monitor, verdict: Json, store: Store) -> None:
    """Raise `AlertRefused` where a channel will never take what this run told of it: only a person can mend that."""
    from monitoring_tasks.alerts.sentences import letters_about

    found = [(change["event"], _known(store, change["incident"])) for change in verdict["changes"]]
    letters = [letter for event, known in found if known is not None for letter in letters_about(event, known)]
    dead = [f"{letter.channel}: {letter.error}" for letter in letters if letter.state == "dead"]
    if dead:
        raise AlertRefused(
            f"{len(dead)} letters about {monitor.name} were refused for good, and nobody there was told: "
            f"{'; '.join(dead)}; `monitoring alerts retry` sends them again"
        )
