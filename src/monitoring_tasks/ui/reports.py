"""The pages of stored reports and comparisons. Every route asks Airflow who may see it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse

from monitoring_tasks.errors import MonitoringError
from monitoring_tasks.orchestration.runtime import airflow_runtime
from monitoring_tasks.policy.verdict import Subject
from monitoring_tasks.report import report_key, self_contained
from monitoring_tasks.retraining.names import comparison_key, is_slug
from monitoring_tasks.store.artifacts import Artifacts, is_key
from monitoring_tasks.store.database import Store
from monitoring_tasks.ui.access import READS_DAG
from monitoring_tasks.window import Window

log = logging.getLogger(__name__)

# A report holds names and categories from outside. Sandboxed it has an origin of its own: its scripts reach neither
# Airflow's cookies nor its API, and nothing can be loaded or sent anywhere.
HEADERS = {
    "Content-Security-Policy": (
        "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline'; "
        "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-store",
}
DAG_ID = re.compile(r"(monitor|performance|retrain)_([a-z][a-z0-9_]{0,62})")
NO_MODEL = (
    "This DAG watches no model of its own, so that there is nothing to show of it. A model is shown in this place on "
    "its own DAGs, monitor_<name>, performance_<name> and retrain_<name>, and in the list of all models."
)
"""What is said where Airflow shows the tab of these pages: it shows it on every DAG, whoever's it is."""
SPAN = re.compile(r"(\d{4}-\d\d-\d\dT\d{6})_(\d{4}-\d\d-\d\dT\d{6})")


ROUTER = APIRouter(dependencies=[READS_DAG])


@ROUTER.get("/report/{dag_id}/{champion:path}/{span}/{config_hash}", response_class=HTMLResponse)
def report(dag_id: str, champion: str, span: str, config_hash: str) -> HTMLResponse:
    """The report of one window; 404 unless the results store knows exactly that subject."""
    subject = subject_of(dag_id, champion, span, config_hash)
    with told(dag_id):
        runtime = airflow_runtime()
        if subject is None or not known(runtime.store, dag_id, subject) or not is_key(report_key(subject)):
            raise HTTPException(404, "no such report: open it from its task")
        return HTMLResponse(self_contained(runtime.artifacts, report_key(subject)), headers=HEADERS)


@ROUTER.get("/comparison/{dag_id}/{run}", response_class=HTMLResponse)
def comparison(dag_id: str, run: str) -> HTMLResponse:
    """The page that compares challenger and champion, by the slug of its run; 404 unless the gate wrote just that."""
    monitor = _monitor(dag_id, "retrain")
    with told(dag_id):
        artifacts = airflow_runtime().artifacts
        key = comparison_key(monitor, run) if monitor and is_slug(run) else None
        if key is None or not artifacts.exists(key):
            raise HTTPException(404, "no such comparison: open it from its task; if it is lost, clear the gate's task")
        return HTMLResponse(self_contained(artifacts, key), headers=HEADERS)


def known(store: Store, dag_id: str, subject: Subject) -> bool:
    """Whether the store knows exactly this subject, as judged by the monitor's DAG or in its ledger of performance."""
    if _monitor(dag_id, "monitor") is not None:
        return store.knows(subject)
    written = (entry.verdict.subject for entry in store.restatements(subject.monitor, subject.window))
    return subject in written


def kept(artifacts: Artifacts, key: str) -> bool:
    """Whether an artifact is there; nothing is under what is no key, such as the address that an old release kept."""
    return is_key(key) and artifacts.exists(key)


@contextmanager
def told(dag_id: str) -> Iterator[None]:
    """Turns what went wrong into an answer: 503 where trying again can help, else 404."""
    try:
        yield
    except MonitoringError as error:
        log.exception("page.unreadable dag_id=%s", dag_id)
        raise HTTPException(503 if error.retryable else 404, str(error)) from error


def _monitor(dag_id: str, kind: str) -> str | None:
    found = DAG_ID.fullmatch(dag_id)
    return found[2] if found and found[1] == kind else None


def subject_of(dag_id: str, champion: str, span: str, config_hash: str) -> Subject | None:
    """The subject that a path names; None where it names none."""
    monitor, window = _monitor(dag_id, "monitor") or _monitor(dag_id, "performance"), SPAN.fullmatch(span)
    if monitor is None or window is None:
        return None
    try:
        return Subject(monitor, champion, Window(_moment(window[1]), _moment(window[2])), config_hash)
    except (ValueError, MonitoringError):
        return None


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H%M%S").replace(tzinfo=UTC)
