"""What each task of a retraining's DAG does: one step of the package, with what Airflow knows about the run.

Tasks that decide what follows leave their result as XCom `result`: Airflow keeps no return value of a branch.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from monitoring_tasks.monitor import Monitor
from monitoring_tasks.orchestration.approval import question
from monitoring_tasks.orchestration.links import absolute, answer_path, comparison_path, report_path, run_path
from monitoring_tasks.orchestration.run_request import (
    base_of,
    challenger_of,
    forced,
    origin_of,
    reason_of,
    retraining_facts,
    rollback_of,
    window_end_of,
)
from monitoring_tasks.orchestration.run_window import BACKFILL, RunFacts
from monitoring_tasks.orchestration.tasks import run_facts, told
from monitoring_tasks.window import parse_moment, stamp

if TYPE_CHECKING:
    from monitoring_tasks.admission_steps import Asked
    from monitoring_tasks.promotion_steps import Answer
    from monitoring_tasks.runtime import Runtime
    from monitoring_tasks.store.records import RetrainingRecord

log = logging.getLogger(__name__)
pipeline_log = logging.getLogger("monitoring_tasks.pipeline")
Json = dict[str, Any]
RESULT = "result"
APPROVE, REJECT, COMMENT = "Approve", "Reject", "comment"
OVER = frozenset({"success", "failed"})


@dataclass(frozen=True)
class RetrainingTasks:
    """The tasks of one monitor's retraining; each takes and returns small JSON."""

    monitor: Monitor

    def admit(self, dag_run: Any, params: Mapping[str, Any], ti: Any) -> list[str]:
        """Decide whether a challenger is trained; a rollback needs no training."""
        from monitoring_tasks.admission_steps import admit_retraining

        facts = retraining_facts(run_facts(dag_run, params), params)
        with told() as runtime:
            asked = asked_for(self.monitor, facts, dag_run)
            if asked.origin == "rollback":
                task = self._open_rollback(runtime(), asked, lambda run: _is_over(ti, dag_run, run))
                return _followed(ti, task, "roll_back" if task["code"] == "rollback" else "notify")
            task = admit_retraining(
                self.monitor, runtime(), asked, now=datetime.now(UTC), ended=lambda run: _is_over(ti, dag_run, run)
            )
        return _followed(ti, task, "train" if task["admitted"] else "notify")

    def train(self, ti: Any) -> list[str]:
        """Run the model's own pipeline, whose lines go to this log."""
        from monitoring_tasks.training_steps import train_challenger

        with told() as runtime:
            trained = train_challenger(self.monitor, runtime(), result_of(ti, "admit"), tell=pipeline_log.info)
        return _followed(ti, trained, "score" if trained["challenger"] else "notify")

    def score(self, ti: Any) -> Json:
        """Let both sides score the same rows."""
        from monitoring_tasks.training_steps import score_both

        task, trained = result_of(ti, "admit"), result_of(ti, "train")
        with told() as runtime:
            return score_both(self.monitor, runtime(), task, trained["challenger"], tell=pipeline_log.info)

    def gate(self, dag_run: Any, ti: Any) -> list[str]:
        """Compare both sides; what follows is a rejection, a promotion, or a question."""
        from monitoring_tasks.promotion_steps import await_answer, route_of
        from monitoring_tasks.training_steps import judge_challenger

        task = result_of(ti, "admit")
        with told() as runtime:
            judged = judge_challenger(self.monitor, runtime(), task, ti.xcom_pull(task_ids="score"))
            route = route_of(self.monitor, judged)
            if route == "ask":
                await_answer(self.monitor, runtime(), task)
            links = self._links(runtime(), dag_run, task)
            judged["asked_at"] = stamp(datetime.now(UTC))
        log.info("comparison.written url=%s", links["comparison"])
        asked = question(self.monitor, task, judged, links=links)
        return _followed(ti, {**judged, **asked}, *(["ask", "announce"] if route == "ask" else [route]))

    def announce(self, dag_run: Any, ti: Any) -> Json | None:
        """Tell people that a challenger waits for an answer, unless it has one by now."""
        from monitoring_tasks.retraining_task import record_of

        task = result_of(ti, "admit")
        with told() as runtime:
            record = record_of(runtime(), task)
            return self._tell(runtime(), record, dag_run, task) if record.state == "awaiting" else None

    def answer(self, ti: Any) -> str:
        """What follows the person's answer."""
        with told():
            return "promote" if _answer(ti).approved else "decline"

    def promote(self, ti: Any) -> list[str]:
        """Put the challenger in place; when the champion moved meanwhile, compare them anew."""
        from monitoring_tasks.promotion_steps import promote_challenger

        task, judged = result_of(ti, "admit"), result_of(ti, "gate")
        with told() as runtime:
            done = promote_challenger(self.monitor, runtime(), task, judged, _answer(ti))
        return _followed(ti, done, "notify" if done["promoted"] else "again")

    def reject(self, ti: Any) -> None:
        """Keep the champion: the gate says so, or nothing may be put in place here."""
        from monitoring_tasks.promotion_steps import reject_challenger

        with told() as runtime:
            reject_challenger(runtime(), result_of(ti, "admit"), result_of(ti, "gate"))

    def decline(self, ti: Any) -> None:
        """Keep the champion: a person says so, or nobody answered."""
        from monitoring_tasks.promotion_steps import decline_challenger

        with told() as runtime:
            decline_challenger(runtime(), result_of(ti, "admit"), _answer(ti))

    def roll_back(self, dag_run: Any, params: Mapping[str, Any], ti: Any) -> Json:
        """Put an older version in place again."""
        from monitoring_tasks.promotion_steps import roll_back_champion
        from monitoring_tasks.retraining_task import record_of

        facts = retraining_facts(run_facts(dag_run, params), params)
        with told() as runtime:
            record = record_of(runtime(), result_of(ti, "admit"))
            return roll_back_champion(self.monitor, runtime(), record, to=rollback_of(facts))

    def notify(self, dag_run: Any, ti: Any) -> Json:
        """Tell people how it ended."""
        from monitoring_tasks.retraining_task import record_of

        task = result_of(ti, "admit")
        with told() as runtime:
            return self._tell(runtime(), record_of(runtime(), task), dag_run, task)

    def clean_up(self, dag_run: Any, ti: Any) -> None:
        """Remove the workspace; a retraining that a failed task left open is closed and told."""
        from monitoring_tasks.promotion_steps import clean_up
        from monitoring_tasks.retraining_task import task_of

        with told() as runtime:
            # A first task that failed left no result, and perhaps an open record.
            task = ti.xcom_pull(task_ids="admit", key=RESULT) or task_of(runtime(), self.monitor, dag_run.run_id)
            if task is None:
                return
            record = clean_up(runtime(), task)
            if record.state == "failed":
                self._tell(runtime(), record, dag_run, task)

    def _open_rollback(self, runtime: Runtime, asked: Asked, ended: Callable[[str], bool]) -> Json:
        from monitoring_tasks.admission_steps import open_rollback

        return open_rollback(self.monitor, runtime, asked, now=datetime.now(UTC), ended=ended)

    def _tell(self, runtime: Runtime, record: RetrainingRecord, dag_run: Any, task: Json) -> Json:
        from monitoring_tasks.delivery_step import deliver_for
        from monitoring_tasks.orchestration.channels import opener
        from monitoring_tasks.promotion_steps import tell

        told = tell(self.monitor, runtime, record, links=self._links(runtime, dag_run, task))
        deliver_for(self.monitor.name, runtime.store, opener(), by=f"{dag_run.dag_id} {dag_run.run_id}")
        return told

    def _links(self, runtime: Runtime, dag_run: Any, task: Json) -> dict[str, str]:
        from monitoring_tasks.promotion_steps import has_comparison, newest_report

        links = {"run": absolute(run_path(dag_run.dag_id, dag_run.run_id))}
        if has_comparison(runtime, task):
            links["answer"] = absolute(answer_path(dag_run.dag_id, dag_run.run_id, "ask"))
            links["comparison"] = absolute(comparison_path(dag_run.dag_id, task["slug"]))
        if report := newest_report(runtime, task):
            links["drift report"] = absolute(report_path(self.monitor.dag_id, report))
        return links


def asked_for(monitor: Monitor, facts: RunFacts, dag_run: Any) -> Asked:
    """What a run was asked for, as the first step takes it."""
    from monitoring_tasks.admission_steps import Asked

    return Asked(
        run=dag_run.run_id,
        origin=origin_of(facts),
        reason=reason_of(facts),
        window_end=window_end_of(monitor, facts),
        requested_by=getattr(dag_run, "triggering_user_name", None),
        force=forced(facts),
        base=base_of(facts),
        challenger=challenger_of(facts),
        silent=facts.run_type == BACKFILL,
    )


def result_of(ti: Any, task: str) -> Json:
    """What a task that decides left for the others."""
    found: Json = ti.xcom_pull(task_ids=task, key=RESULT)
    return found


def _followed(ti: Any, result: Json, *following: str) -> list[str]:
    ti.xcom_push(key=RESULT, value=result)
    log.info("branch.taken next=%s", ",".join(following))
    return list(following)


def _answer(ti: Any) -> Answer:
    """The person's answer to the gate's present verdict; without a question the gate itself decided."""
    from monitoring_tasks.errors import PromotionRefused
    from monitoring_tasks.promotion_steps import AUTOMATIC, Answer

    given, asked_at = ti.xcom_pull(task_ids="ask"), result_of(ti, "gate")["asked_at"]
    if given is None:
        return Answer(approved=True, by=AUTOMATIC)
    if parse_moment(str(given["responded_at"])) < parse_moment(asked_at):
        raise PromotionRefused("the answer is older than the gate's verdict: clear the run from its task ask on")
    user = given.get("responded_by_user") or {}
    comment = (given.get("params_input") or {}).get(COMMENT)
    return Answer(given["chosen_options"] == [APPROVE], user.get("name") or user.get("id"), comment or "")


def _is_over(ti: Any, dag_run: Any, run: str) -> bool:
    """Whether another run of this DAG has ended; one that Airflow does not know may be another Airflow's."""
    try:
        return str(ti.get_dagrun_state(dag_run.dag_id, run)) in OVER
    except Exception as error:  # the task's own interface raises its own kinds of error for an unknown run
        log.info("run.unknown run=%s reason=%s", run, error)
        return False
