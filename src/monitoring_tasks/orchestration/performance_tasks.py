"""What each task of a performance DAG does: one step of the package, with what Airflow knows about the run."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from monitoring_tasks.monitor import Monitor
from monitoring_tasks.orchestration.links import absolute, report_path
from monitoring_tasks.orchestration.performance_run import KNOWN_ON, resolve_performance
from monitoring_tasks.orchestration.run_window import RunFacts
from monitoring_tasks.orchestration.tasks import links_to, requested, run_facts, run_type, taken, told

log = logging.getLogger(__name__)
Json = dict[str, Any]


@dataclass(frozen=True)
class PerformanceTasks:
    """The tasks of one monitor's performance; each takes and returns small JSON. Steps are imported by their tasks."""

    monitor: Monitor

    def window(self, dag_run: Any, params: Mapping[str, Any]) -> Json:
        """Resolve the run's window and the moment as known at which it is examined, and pin the champion."""
        from monitoring_tasks.performance_steps import open_performance

        with told() as runtime:
            found = resolve_performance(self.monitor, _facts(dag_run, params))
            log.info("window.resolved window=%s known_at=%s silent=%s", found.window, found.known_at, found.silent)
            opened = open_performance(self.monitor, runtime(), found.window, known_at=found.known_at)
            return {**opened, "silent": found.silent, "current": found.current}

    def measure(self, subject: Json) -> Json:
        """Join labels to predictions, and compute the figures of the window and of those before it."""
        from monitoring_tasks.performance_steps import measure_performance

        with told() as runtime:
            return measure_performance(self.monitor, runtime(), subject)

    def suites(self, subject: Json, dag_run: Any) -> Json:
        """Run Evidently's performance suite and write the report."""
        from monitoring_tasks.performance_steps import report_performance

        with told() as runtime:
            done = report_performance(self.monitor, runtime(), subject)
        log.info("report.written url=%s", absolute(report_path(dag_run.dag_id, done["report"])))
        return done

    def verdict(self, subject: Json, dag_run: Any) -> Json:
        """Judge the window and restate those before it; all of them are kept in the ledger."""
        from monitoring_tasks.performance_steps import judge_performance

        run = {"dag_id": dag_run.dag_id, "run_id": dag_run.run_id, "run_type": run_type(dag_run)}
        with told() as runtime:
            verdict = judge_performance(self.monitor, runtime(), subject, run=run)
        log.info("report.url %s", absolute(report_path(dag_run.dag_id, verdict["report"])))
        return verdict

    def branch(self, verdict: Json, subject: Json, ti: Any) -> list[str]:
        """The tasks that follow the verdict: people are told, a retraining is requested, or all is clear."""
        from monitoring_tasks.alerts.telling import needs_alert

        told_of = [verdict, *verdict["worsened"]]
        followed = ["alert"] if any(needs_alert(self.monitor, each) for each in told_of) else []
        return taken(verdict, [*followed, *requested(self.monitor, verdict, subject, ti)])

    def all_clear(self, verdict: Json) -> None:
        """Say that nobody need be told."""
        log.info("all_clear monitor=%s outcome=%s: nobody is told", self.monitor.name, verdict["outcome"])

    def alert(self, verdict: Json, subject: Json, dag_run: Any) -> Json:
        """Tell people about the window, and about windows before it that turned out worse; or record it only."""
        from monitoring_tasks.orchestration.channels import channels_of
        from monitoring_tasks.performance_steps import send_performance_alerts

        with told() as runtime:
            channels, links = channels_of(self.monitor, silent=subject["silent"]), links_to(dag_run, verdict)
            return send_performance_alerts(
                self.monitor, runtime(), verdict, silent=subject["silent"], links=links, channels=channels
            )


def _facts(dag_run: Any, params: Mapping[str, Any]) -> RunFacts:
    facts = run_facts(dag_run, params)
    return RunFacts(
        facts.run_type,
        facts.run_after,
        facts.interval_start,
        facts.interval_end,
        {**(facts.params or {}), KNOWN_ON: params.get(KNOWN_ON)},
    )
