"""The page of one window's verdict, with its report; and the way to it from a run of Airflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select

from monitoring_tasks.orchestration.links import report_path, run_path
from monitoring_tasks.orchestration.runtime import airflow_runtime
from monitoring_tasks.policy.narrative import next_step
from monitoring_tasks.policy.verdict import Subject, Verdict
from monitoring_tasks.report import report_key
from monitoring_tasks.request_step import request_made
from monitoring_tasks.retraining.names import comparison_key, run_slug
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.store.database import Store
from monitoring_tasks.store.queries import subject_digest
from monitoring_tasks.store.records import RetrainingRecord
from monitoring_tasks.ui.access import MONITOR, PERFORMANCE, READS_DAG, RETRAIN
from monitoring_tasks.ui.html import page
from monitoring_tasks.ui.reports import DAG_ID, NO_MODEL, kept, subject_of, told
from monitoring_tasks.views.run import (
    evidence_of,
    figures_of,
    findings_of,
    hashes_of,
    judged,
    restated,
    run_address,
    version_of,
)

ROUTER = APIRouter(dependencies=[READS_DAG])
KnownAt = Annotated[str, Query(max_length=40)]
RunId = Annotated[str, Query(max_length=250)]
NOT_JUDGED = "no such window: the page of the model lists those that were judged"
Facts = dict[str, Any]


@ROUTER.get("/run/{dag_id}/{champion:path}/{span}/{config_hash}")
def run(request: Request, dag_id: str, champion: str, span: str, config_hash: str, known_at: KnownAt = "") -> Response:
    """The verdict on one window; 404 unless the results store knows exactly that subject.

    `known_at` names one version of what was known of a window's performance; left out, the newest.
    """
    subject = subject_of(dag_id, champion, span, config_hash)
    with told(dag_id):
        runtime = airflow_runtime()
        if subject is None:
            raise HTTPException(404, NOT_JUDGED)
        of = _of_performance if dag_id.startswith(PERFORMANCE) else _of_drift
        facts = of(runtime.store, dag_id, subject, known_at)
        facts["report"] = report_path(dag_id, report_key(subject)) if _has_report(runtime, subject) else None
    return page(request, "run.html", dag_id=dag_id, subject=subject, monitor_dag=MONITOR + subject.monitor, **facts)


def _of_drift(store: Store, dag_id: str, subject: Subject, _known_at: str) -> Facts:
    if not store.knows(subject):
        raise HTTPException(404, NOT_JUDGED)
    versions = judged(dag_id, store.judgements(subject.monitor, subject.window), subject)
    shown = next((each for each in versions if each.shown), None)
    results = store.results(subject)
    facts = _about(store, shown.verdict if shown else None, shown.run if shown else {}, versions)
    if shown is None:
        return facts
    if results is None:
        digest = subject_digest(subject)
        return {**facts, "scores": store.scores([digest]).get(digest, ())}
    return {**facts, "findings": findings_of(shown.verdict, results)}


def _of_performance(store: Store, dag_id: str, subject: Subject, known_at: str) -> Facts:
    entries = store.restatements(subject.monitor, subject.window)
    if not any(each.verdict.subject == subject for each in entries):
        raise HTTPException(404, NOT_JUDGED)
    entry = version_of(entries, subject, known_at)
    if entry is None:
        raise HTTPException(404, "nothing was written down of this window at that moment: leave out known_at")
    whole, segments = figures_of(entry.restatement)
    facts = _about(store, entry.verdict, entry.run, restated(dag_id, entries, entry))
    findings = findings_of(entry.verdict, entry.results)
    return {**facts, "said": entry.restatement, "figures": whole, "segments": segments, "findings": findings}


def _about(store: Store, verdict: Verdict | None, run: Mapping[str, str], versions: list[Any]) -> Facts:
    """What both kinds of verdict have; `findings` is None where the results themselves are kept no more."""
    return {
        "verdict": verdict,
        "step": _step(store, verdict) if verdict else "",
        "evidence": evidence_of(verdict) if verdict else [],
        "hashes": hashes_of(verdict) if verdict else [],
        "run": run,
        "airflow_run": run_path(run["dag_id"], run["run_id"]) if {"dag_id", "run_id"} <= set(run) else "",
        "versions": versions,
        "findings": None,
        "scores": (),
        "said": None,
        "figures": [],
        "segments": [],
    }


def _step(store: Store, verdict: Verdict) -> str:
    """What to do next; of a retraining that was asked for, what became of it."""
    request = request_made(store, verdict)
    return request.step(verdict) if request else next_step(verdict)


def _has_report(runtime: Runtime, subject: Subject) -> bool:
    return kept(runtime.artifacts, report_key(subject))


@ROUTER.get("/of-run/{dag_id}")
def of_run(request: Request, dag_id: str, run_id: RunId) -> Response:
    """From a run of Airflow to what it found: the page of its window, or what is known of the run."""
    named = DAG_ID.fullmatch(dag_id)
    if named is None:
        raise HTTPException(404, NO_MODEL)
    if not run_id.isprintable():
        raise HTTPException(404, "no such run of a monitor: open it from its DAG")
    monitor = named[2]
    with told(dag_id):
        runtime = airflow_runtime()
        found, record = _of_run(runtime.store, dag_id, monitor, run_id)
        if found is not None:
            return RedirectResponse(request.scope.get("root_path", "") + run_address(dag_id, found), 303)
        compared = runtime.artifacts.exists(comparison_key(monitor, run_slug(run_id))) if record else False
    state = _state_of(dag_id, run_id)
    if state is None and record is None:
        raise HTTPException(404, "no such run: Airflow knows it no more, and nothing that it found is stored")
    facts: Facts = {"record": record, "compared": compared, "slug": run_slug(run_id), "state": state, "run_id": run_id}
    return page(request, "of_run.html", dag_id=dag_id, monitor=monitor, monitor_dag=MONITOR + monitor, **facts)


def _of_run(
    store: Store, dag_id: str, monitor: str, run_id: str
) -> tuple[Subject, None] | tuple[None, RetrainingRecord | None]:
    """What a run left: the newest window that it judged, or its retraining; None twice where it left neither."""
    if dag_id.startswith(RETRAIN):
        return None, store.retraining(monitor, run_id)
    found = store.found_by(monitor, dag_id, run_id, performance=dag_id.startswith(PERFORMANCE))
    return (found, None) if found else (None, None)


def _state_of(dag_id: str, run_id: str) -> str | None:
    """How a run stands by Airflow; None where it knows none of that id."""
    with create_session() as session:
        state = session.scalar(select(DagRun.state).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
    return None if state is None else str(state)
