"""What each task of a performance DAG does: one step of the package, with what Airflow knows about the run."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from monitoring_tasks.monitor import Monitor
from monitoring_tasks.orchestration.links import absolute, report_path
from monitoring_tasks.orchestration.performance_run import KNOWN_ON, resolve_performance
from monitoring_tasks.orchestration.run_log import say_all_clear
from monitoring_tasks.orchestration.run_window import RunFacts
from monitoring_tasks.orchestration.tasks import (
    alerted,
    occasion_of,
    requested,
    run_facts,
    run_type,
    taken,
    told,
    told_next,
)

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
            occasion = occasion_of(dag_run, silent=subject["silent"])
            verdict = judge_performance(self.monitor, runtime(), subject, run=run, occasion=occasion)
        log.info("report.url %s", absolute(report_path(dag_run.dag_id, verdict["report"])))
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


def _facts(dag_run: Any, params: Mapping[str, Any]) -> RunFacts:
    facts = run_facts(dag_run, params)
    return RunFacts(
        facts.run_type,
        facts.run_after,
        facts.interval_start,
        facts.interval_end,
        {**(facts.params or {}), KNOWN_ON: params.get(KNOWN_ON)},
    )
