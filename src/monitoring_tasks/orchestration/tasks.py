"""What each task of a monitor's DAG does: one step of the package, with what Airflow knows about the run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowFailException

from monitoring_tasks.errors import MonitoringError
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.orchestration.links import absolute, model_path, report_path, run_path
from monitoring_tasks.orchestration.request import quiet_reason, request_conf, request_run_id
from monitoring_tasks.orchestration.run_log import refuse_untold, say_all_clear, say_changes
from monitoring_tasks.orchestration.run_window import END, START, RunFacts, resolve

if TYPE_CHECKING:
    from monitoring_tasks.alerts.telling import Occasion
    from monitoring_tasks.runtime import Runtime

log = logging.getLogger(__name__)
Json = dict[str, Any]
REQUEST = "request"
"""Key of the XCom that holds the request for a retraining."""


@dataclass(frozen=True)
class MonitorTasks:
    """The tasks of one monitor; each takes and returns small JSON. Steps are imported by the task that needs them."""

    monitor: Monitor

    def window(self, dag_run: Any, params: Mapping[str, Any]) -> Json:
        """Resolve the run's window and pin the champion."""
        from monitoring_tasks.steps import open_window

        with told() as runtime:
            facts = run_facts(dag_run, params)
            resolved = resolve(self.monitor, facts)
            log.info(
                "window.resolved run_type=%s window=%s silent=%s", facts.run_type, resolved.window, resolved.silent
            )
            opened = open_window(self.monitor, runtime(), resolved.window)
            return {**opened, "silent": resolved.silent, "current": resolved.current}

    def profile(self, subject: Json) -> Json:
        """Profile every row of the window."""
        from monitoring_tasks.steps import profile_window

        with told() as runtime:
            return profile_window(self.monitor, runtime(), subject)

    def suites(self, subject: Json, dag_run: Any) -> Json:
        """Run Evidently's suites and write the report."""
        from monitoring_tasks.steps import run_suites

        with told() as runtime:
            done = run_suites(self.monitor, runtime(), subject)
        log.info("report.written url=%s", absolute(report_path(dag_run.dag_id, done["report"])))
        return done

    def verdict(self, subject: Json, dag_run: Any, outlet_events: Any) -> Json:
        """Judge the window, with the incidents it changes, and tell the verdict to whoever listens to the asset."""
        from monitoring_tasks.steps import reach_verdict

        run = {"dag_id": dag_run.dag_id, "run_id": dag_run.run_id, "run_type": run_type(dag_run)}
        with told() as runtime:
            occasion = occasion_of(dag_run, silent=subject["silent"])
            verdict = reach_verdict(self.monitor, runtime(), subject, run=run, occasion=occasion)
        log.info("report.url %s", absolute(report_path(dag_run.dag_id, verdict["report"])))
        outlet_events[verdict_asset(self.monitor)].extra = _announcement(verdict, silent=subject["silent"])
        return verdict

    def branch(self, verdict: Json, subject: Json, ti: Any) -> list[str]:
        """The tasks that follow the verdict: people are told, a retraining is requested, or all is clear."""
        return taken(verdict, [*told_next(verdict), *requested(self.monitor, verdict, subject, ti)])

    def all_clear(self, verdict: Json) -> None:
        """Say that nobody need be told."""
        say_all_clear(self.monitor, verdict)

    def alert(self, verdict: Json, subject: Json, dag_run: Any) -> Json:
        """Deliver the letters that are due, and say what became of the incidents; a silent run tells nobody."""
        return alerted(self.monitor, verdict, dag_run, silent=subject["silent"])


def occasion_of(dag_run: Any, *, silent: bool) -> Occasion:
    """When and where a run finds something; a silent one tells nobody."""
    from monitoring_tasks.alerts.telling import SILENT, Occasion

    if silent:
        return SILENT
    return Occasion(datetime.now(UTC), lambda report: links_to(dag_run, {"report": report}))


def told_next(verdict: Json) -> list[str]:
    """The task that tells people, where a window is not healthy, or an incident changed by it."""
    changed = any(each["event"] != "eased" for each in verdict["changes"])
    return ["alert"] if verdict["outcome"] != "healthy" or changed else []


def alerted(monitor: Monitor, verdict: Json, dag_run: Any, *, silent: bool) -> Json:
    """Deliver the letters that are due, and say in the log who was told what; of one not delivered before it fails.

    A letter that its channel refused for good fails the task as well, at once: nobody was told, and no retry helps.
    """
    from monitoring_tasks.delivery_step import deliver_for
    from monitoring_tasks.orchestration.channels import opener

    if silent:
        log.info(
            "alert.silent outcome=%s: a run of the past is recorded, and nobody is told; `monitoring alerts "
            "--would-have` lists what would have been",
            verdict["outcome"],
        )
        return {"changes": [], "sent": 0}
    with told() as runtime:
        store = runtime().store
        try:
            done = deliver_for(monitor.name, store, opener(), by=f"{dag_run.dag_id} {dag_run.run_id}")
        finally:
            say_changes(monitor, verdict, store)
        refuse_untold(monitor, verdict, store)
    return {"changes": verdict["changes"], **done}


def requested(monitor: Monitor, verdict: Json, subject: Json, ti: Any) -> list[str]:
    """The task that requests a retraining, with the request left for it; one that is not made says why."""
    from monitoring_tasks.request_step import retraining_due

    if monitor.retraining is None:
        return []
    with told() as runtime:
        run, quiet = request_run_id(verdict), quiet_reason(subject)
        if not retraining_due(monitor, runtime, verdict, quiet=quiet, run=run):
            return []
    ti.xcom_push(key=REQUEST, value={"run": run, "conf": request_conf(verdict)})
    return ["request_retraining"]


def taken(verdict: Json, following: list[str]) -> list[str]:
    """The tasks that follow a verdict; where there is none, all is clear."""
    following = following or ["all_clear"]
    log.info(
        "branch.taken outcome=%s severity=%s next=%s", verdict["outcome"], verdict["severity"], ",".join(following)
    )
    return following


def links_to(dag_run: Any, verdict: Json) -> dict[str, str]:
    """Addresses of a run, of the report that a verdict names, and of the model's page."""
    return {
        "run": absolute(run_path(dag_run.dag_id, dag_run.run_id)),
        "report": absolute(report_path(dag_run.dag_id, verdict["report"])),
        "dashboard": absolute(model_path(dag_run.dag_id)),
    }


def verdict_asset(monitor: Monitor) -> Asset:
    """The asset whose events carry the monitor's verdicts; other DAGs may be scheduled on it."""
    return Asset(name=f"monitoring/{monitor.name}/verdict", uri=f"monitoring://{monitor.name}/verdict")


def run_type(dag_run: Any) -> str:
    """How a run was started, in Airflow's word: scheduled, backfill, manual, asset_triggered and others."""
    return str(getattr(dag_run.run_type, "value", dag_run.run_type))


def run_facts(dag_run: Any, params: Mapping[str, Any]) -> RunFacts:
    """What decides about a run's window, from Airflow's run."""
    return RunFacts(
        run_type=run_type(dag_run),
        run_after=dag_run.run_after,
        interval_start=dag_run.data_interval_start,
        interval_end=dag_run.data_interval_end,
        params={name: params.get(name) for name in (START, END)},
    )


@contextmanager
def told() -> Iterator[Callable[[], Runtime]]:
    """The runtime, opened when it is called for; an error that no retry mends ends the task for good."""
    from monitoring_tasks.orchestration.runtime import airflow_runtime

    try:
        yield airflow_runtime
    except MonitoringError as error:
        if error.retryable:
            raise
        raise AirflowFailException(f"{type(error).__name__}: {error}") from error


def _announcement(verdict: Mapping[str, Any], *, silent: bool) -> Json:
    """The verdict without its evidence: an event's extra is kept in Airflow's database for ever."""
    small = {key: verdict[key] for key in ("subject", "outcome", "severity", "actions", "reasons", "report")}
    return {**small, "silent": silent}
