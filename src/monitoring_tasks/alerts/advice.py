"""The one thing to do next about an incident, concrete enough for somebody who was just woken: pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from monitoring_tasks.alerts.naming import listed
from monitoring_tasks.alerts.requested import Request
from monitoring_tasks.incidents.incident import Incident
from monitoring_tasks.incidents.reading import Cause
from monitoring_tasks.incidents.signals import Finding, cause_of
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.policy.narrative import next_step, why_retrain
from monitoring_tasks.policy.verdict import Action, Verdict
from monitoring_tasks.severity import Severity

BLOCKED = "Retraining stays blocked until the data is sound."
_OF_RUNS = {
    Cause.LATE: "See whether the scheduler runs, and whether {} is paused or waits for a slot; then let it run: "
    "it judges the newest window by itself, those between by a backfill.",
    Cause.FAILED: "Open the log of the failed task of {}, mend the cause, and clear the task: finished steps are not "
    "repeated.",
}


def advice(incident: Incident, monitor: Monitor | None, verdict: Verdict | None, request: Request | None = None) -> str:
    """What to do now; `monitor` and `verdict` are those of the newest finding, where there are any.

    `request` is what the run of that finding does about the retraining that the verdict asks for.
    """
    if incident.cause in _OF_RUNS:
        return _OF_RUNS[incident.cause].format(incident.members[-1].name)
    if incident.cause is Cause.DATA_QUALITY:
        return _data(incident, monitor, verdict)
    if incident.cause is Cause.SELF_TEST:
        name = incident.monitors[0]
        return f"Look for what changed since the last self-test, then repeat it: monitoring canary {name}."
    if verdict is None:
        return "Open the newest run of the models named above."
    if incident.cause in (Cause.DRIFT, Cause.PERFORMANCE) and Action.RETRAIN in verdict.actions:
        return request.step(verdict, since=incident.first.start) if request else _retrain(verdict, monitor)
    faulty = _faulty(verdict) if Action.BLOCK_RETRAINING in verdict.actions else []
    return next_step(verdict, faulty=listed(faulty, 3, "more"))


def _faulty(verdict: Verdict) -> list[str]:
    """The columns whose data is at fault: an incident of drift is about others."""
    findings = verdict.evidence.get("findings") or ()
    return list(dict.fromkeys(str(each["column"]) for each in findings if each["column"] and _is_fault(each)))


def _is_fault(finding: Finding) -> bool:
    return cause_of(finding) is Cause.DATA_QUALITY


def _data(incident: Incident, monitor: Monitor | None, verdict: Verdict | None) -> str:
    columns = f"about {_logged(incident.columns, monitor)}" if incident.columns else "about the rows"
    sources = list(dict.fromkeys(anchor.rpartition("#")[0] or anchor for anchor in incident.anchors))
    source = f"whoever fills {sources[0]}" if sources else "data engineering"
    urgent = ", now: the model answers from broken input" if incident.severity >= Severity.CRITICAL else ""
    blocked = f" {BLOCKED}" if verdict is not None and Action.BLOCK_RETRAINING in verdict.actions else ""
    return f"Ask {source} {columns}{urgent}.{blocked}"


def _logged(columns: Sequence[str], monitor: Monitor | None) -> str:
    """The logged columns to ask about: nobody fills a derived one, so what it is computed from stands for it.

    An input that is itself at fault explains it; its other inputs are then not in question.
    """
    derived = monitor.derived if monitor is not None else {}
    logged = [name for name in columns if name not in derived]
    of = [derived[name].of for name in columns if name in derived]
    inputs = [column for each in of if not set(each) & set(logged) for column in each]
    told = listed(list(dict.fromkeys([*logged, *inputs])), 3, "more")
    computed = listed([name for name in columns if name in derived], 3, "more")
    return f"{told} (from which {computed} {'are' if len(of) > 1 else 'is'} computed)" if of else told


def _retrain(verdict: Verdict, monitor: Monitor | None) -> str:
    by = f"trigger {monitor.retrain_dag_id}" if monitor is not None and monitor.retraining else "retrain the model"
    return f"{why_retrain(verdict)}: look at the report, then {by}."
