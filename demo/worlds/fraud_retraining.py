"""The retrainings that verdicts ask for, as the monitor's own steps admit, train and compare them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from demo.worlds.payment_logs import tick
from monitoring_tasks import admission_steps, promotion_steps, training_steps
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.orchestration.request import request_run_id
from monitoring_tasks.policy.narrative import request_end, request_reason
from monitoring_tasks.policy.verdict import Outcome, Verdict
from monitoring_tasks.promotion_steps import Answer
from monitoring_tasks.request_step import retraining_due
from monitoring_tasks.retraining_task import retraining_of
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.store.records import RetrainingRecord
from monitoring_tasks.window import parse_moment

Json = dict[str, Any]
APPROVER = "head of payments risk"


@dataclass(frozen=True)
class Judged:
    """A week of production: the verdict on its rows, and that on the figures which were final at its end, as JSON."""

    week: int
    drift: Json
    figures: Json | None

    @property
    def verdicts(self) -> list[Verdict]:
        """What was found at the end of the week, drift first."""
        return [Verdict.from_json(each) for each in (self.drift, self.figures) if each is not None]


@dataclass(frozen=True)
class Requested:
    """A retraining that a week's verdict asked for, and what became of it; `code` says why it was refused."""

    week: int
    record: RetrainingRecord
    code: str


def answer_requests(
    monitor: Monitor, runtime: Runtime, judged: Judged, *, say: Callable[[str], None]
) -> list[Requested]:
    """Every request of a week's verdicts, each to its end before the next is asked for."""
    return [
        _answered(monitor, runtime, judged.week, verdict, say)
        for verdict in judged.verdicts
        if retraining_due(
            monitor, lambda: runtime, verdict.to_json(), quiet=None, run=request_run_id(verdict.to_json())
        )
    ]


def _answered(monitor: Monitor, runtime: Runtime, week: int, verdict: Verdict, say: Callable[[str], None]) -> Requested:
    asked = admission_steps.Asked(
        run=request_run_id(verdict.to_json()),
        origin="performance" if verdict.outcome is Outcome.DEGRADED else "drift",
        reason=request_reason(verdict),
        window_end=parse_moment(request_end(verdict)),
    )
    task = admission_steps.admit_retraining(monitor, runtime, asked, now=tick(week), ended=lambda _: False)
    if task["admitted"]:
        say(f"week {week}: {asked.origin} asks for a retraining; training a challenger with DVC")
        _retrained(monitor, runtime, task)
    record = runtime.store.retraining(monitor.name, asked.run)
    assert record is not None
    return Requested(week, record, str(task["code"]))


def _retrained(monitor: Monitor, runtime: Runtime, task: Json) -> None:
    """Train, score, judge, and answer as the approver does: what the gate finds better by enough is put in place."""
    challenger = training_steps.train_challenger(monitor, runtime, task, tell=_unheard)["challenger"]
    if challenger is not None:
        scored = training_steps.score_both(monitor, runtime, task, challenger, tell=_unheard)
        judged = training_steps.judge_challenger(monitor, runtime, task, scored)
        _decided(monitor, runtime, task, judged)
    promotion_steps.clean_up(runtime, task)


def _decided(monitor: Monitor, runtime: Runtime, task: Json, judged: Json) -> None:
    if promotion_steps.route_of(monitor, judged) == "reject":
        promotion_steps.reject_challenger(runtime, task, judged)
        return
    promotion_steps.await_answer(monitor, runtime, task)
    worth = retraining_of(monitor).gate.improvement
    if judged["decision"] == "promote" and judged["primary"]["difference"] >= worth:
        answer = Answer(approved=True, by=APPROVER, comment="it finds the frauds of the new pattern")
        promotion_steps.promote_challenger(monitor, runtime, task, judged, answer)
    else:
        answer = Answer(approved=False, by=APPROVER, comment=f"less than {worth:g} is not worth another model")
        promotion_steps.decline_challenger(runtime, task, answer)


def _unheard(_: str) -> None:
    """The pipeline's lines, which Airflow would log."""
