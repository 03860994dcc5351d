"""The DAG `retrain_<name>`: admit, train, score, gate, a person's answer, promote; or a rollback."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.providers.standard.operators.python import BranchPythonOperator, PythonOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, CronDataIntervalTimetable, Param, TriggerRule

from monitoring_tasks.monitor import Monitor
from monitoring_tasks.orchestration.documentation import retraining_document, retraining_help
from monitoring_tasks.orchestration.links import ComparisonLink, ModelLink
from monitoring_tasks.orchestration.retrain_tasks import APPROVE, COMMENT, REJECT, RESULT, RetrainingTasks
from monitoring_tasks.orchestration.run_request import CHALLENGER, FORCE, REASON, WINDOW_END
from monitoring_tasks.orchestration.run_window import first_interval
from monitoring_tasks.orchestration.tries import say_why, tries
from monitoring_tasks.retraining_section import Retraining
from monitoring_tasks.window import cron

# What comes together from several ways is skipped only when every way to it was.
JOIN = TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS
SLACK = timedelta(minutes=30)


class ComparingOperator(BranchPythonOperator):
    """The gate's task, with buttons that open the comparison and the model's page."""

    operator_extra_links = (ComparisonLink(), ModelLink())


def build_retrain_dag(monitor: Monitor, section: Retraining) -> DAG:
    """The DAG that retrains the model of one monitor; one run at a time, others wait."""
    with DAG(
        dag_id=monitor.retrain_dag_id,
        description=f"Retrains the model {monitor.name}: a challenger, a gate, a person's answer",
        doc_md=retraining_document(monitor, section),
        schedule=CronDataIntervalTimetable(cron(section.schedule), timezone="UTC") if section.schedule else None,
        start_date=first_interval(monitor),
        catchup=False,
        max_active_runs=1,
        tags=["retraining", monitor.task],
        params=_form(),
        # Only of its last task: that one tells how a retraining failed, whatever failed in it.
        default_args={**tries(monitor), "on_failure_callback": say_why},
        auto_register=False,  # as for the monitor's own DAG
    ) as dag:
        _wire(RetrainingTasks(monitor), section)
    return dag


def _wire(tasks: RetrainingTasks, section: Retraining) -> None:
    # Tasks look up the results of others themselves: an argument that comes from a task would be one more way to it,
    # and a task that joins several ways runs when one of them was taken.
    patience = section.pipeline.timeout + SLACK
    admit = BranchPythonOperator(task_id="admit", python_callable=tasks.admit)
    train = BranchPythonOperator(task_id="train", python_callable=tasks.train, execution_timeout=patience)
    score = PythonOperator(task_id="score", python_callable=tasks.score, execution_timeout=2 * patience)
    gate = ComparingOperator(task_id="gate", python_callable=tasks.gate)
    ask, announce = _question(section), PythonOperator(task_id="announce", python_callable=tasks.announce)
    answer = BranchPythonOperator(task_id="answer", python_callable=tasks.answer)
    promote = BranchPythonOperator(task_id="promote", python_callable=tasks.promote, trigger_rule=JOIN)
    reject = PythonOperator(task_id="reject", python_callable=tasks.reject)
    decline = PythonOperator(task_id="decline", python_callable=tasks.decline)
    roll_back = PythonOperator(task_id="roll_back", python_callable=tasks.roll_back)
    again = _again(tasks.monitor)
    notify = PythonOperator(task_id="notify", python_callable=tasks.notify, trigger_rule=JOIN)
    clean_up = PythonOperator(
        task_id="clean_up",
        python_callable=tasks.clean_up,
        on_failure_callback=tries(tasks.monitor)["on_failure_callback"],
    )
    admit >> [train, roll_back, notify]
    train >> [score, notify]
    score >> gate >> [ask, announce, promote, reject]
    ask >> answer >> [promote, decline]
    promote >> [again, notify]
    [reject, decline, roll_back, again] >> notify
    [notify, announce] >> clean_up.as_teardown()


def _question(section: Retraining) -> HITLOperator:
    """The question to a person. It occupies no worker while it waits, and no answer in time is Reject.

    An answer given within seconds of the question is lost by Airflow 3.3, which then tries the task again: it must have
    tries left, and asks again soon.
    """
    text = f"ti.xcom_pull(task_ids='gate', key='{RESULT}')"
    return HITLOperator(
        task_id="ask",
        subject=f"{{{{ {text}['subject'] }}}}",
        body=f"{{{{ {text}['body'] }}}}",
        options=[APPROVE, REJECT],
        defaults=[REJECT],
        params={COMMENT: Param(None, type=["null", "string"], title="Comment", description="Kept with the decision")},
        assigned_users=[{"id": user, "name": user} for user in section.approval.users],
        response_timeout=section.approval.timeout,
        execution_timeout=None,
        retry_delay=timedelta(seconds=5),
    )


def _again(monitor: Monitor) -> TriggerDagRunOperator:
    """A run that compares the same challenger with the champion that came in between."""
    return TriggerDagRunOperator(
        task_id="again",
        trigger_dag_id=monitor.retrain_dag_id,
        trigger_run_id="{{ run_id }}__again",
        conf={
            REASON: "the champion moved while the answer was waited for",
            WINDOW_END: f"{{{{ ti.xcom_pull(task_ids='admit', key='{RESULT}')['window_end'] }}}}",
            CHALLENGER: f"{{{{ ti.xcom_pull(task_ids='gate', key='{RESULT}')['challenger'] }}}}",
        },
        logical_date=None,
        skip_when_already_exists=True,
    )


def _form() -> dict[str, Param]:
    return {name: _field(name, title, text, section) for name, title, text, section in retraining_help()}


def _field(name: str, title: str, text: str, section: str) -> Param:
    if name == FORCE:
        return Param(False, type="boolean", title=title, description=text, section=section)
    form = {"format": "date-time"} if name == WINDOW_END else {}
    schema: dict[str, Any] = {"type": ["null", "string"], "title": title, "section": section, **form}
    return Param(None, description=text, **schema)
