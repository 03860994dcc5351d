"""The tasks of a retraining after the gate: promote, decline, roll back, tell, clean up."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from monitoring_tasks.alerts.notice import compose_notice, notice_key
from monitoring_tasks.alerts.telling import post_notice, put_promotion
from monitoring_tasks.champion import load_reference, pin_champion
from monitoring_tasks.errors import MonitoringError, PromotionRefused
from monitoring_tasks.kept import required
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.retraining.history import history
from monitoring_tasks.retraining.names import comparison_key
from monitoring_tasks.retraining.promotion import promote, roll_back
from monitoring_tasks.retraining.registry import Champion
from monitoring_tasks.retraining_task import (
    advance,
    allowed_source,
    artifact_paths,
    champion_of,
    folder_of,
    record_of,
    retraining_of,
    workspace_of,
)
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.store.records import RetrainingRecord
from monitoring_tasks.window import parse_moment

log = logging.getLogger(__name__)
Json = dict[str, Any]
AUTOMATIC = "the gate (approval: auto_if_superior)"


@dataclass(frozen=True)
class Answer:
    """How the question was answered: by whom, None when the time ran out; and the person's comment."""

    approved: bool
    by: str | None = None
    comment: str = ""


def route_of(monitor: Monitor, judged: Json) -> str:
    """What follows the gate's verdict: reject, promote or ask.

    What the gate rejects is never put in place, and an inconclusive verdict only by a person.
    """
    mode = retraining_of(monitor).approval.mode
    if judged["decision"] == "reject" or mode == "never":
        return "reject"
    return "promote" if mode == "auto_if_superior" and judged["decision"] == "promote" else "ask"


def await_answer(monitor: Monitor, runtime: Runtime, task: Json) -> None:
    """Record that the challenger waits for a person."""
    users = ", ".join(retraining_of(monitor).approval.users) or "everyone who may answer in Airflow"
    until = datetime.now(UTC).replace(microsecond=0) + retraining_of(monitor).approval.timeout
    advance(runtime, task, "awaiting", outcome=f"{users} may answer until {until:%Y-%m-%d %H:%M}Z; then it is declined")


def reject_challenger(runtime: Runtime, task: Json, judged: Json) -> None:
    """Record that the challenger stays on its branch: the gate rejected it, or nothing may be put in place here."""
    if judged["decision"] == "reject":
        advance(runtime, task, "rejected", outcome=_first(judged), decided_by="the gate")
        return
    outcome = f"approval.mode is never, so nothing was put in place. {_first(judged)}"
    advance(runtime, task, "withheld", outcome=outcome)


def decline_challenger(runtime: Runtime, task: Json, answer: Answer) -> None:
    """Record that a person said no, or that nobody answered."""
    if answer.by is None:
        advance(runtime, task, "expired", outcome="nobody answered in time, so the champion stays")
        return
    comment = f": {answer.comment}" if answer.comment else ""
    advance(runtime, task, "declined", outcome=f"declined by {answer.by}{comment}", decided_by=answer.by)


def promote_challenger(monitor: Monitor, runtime: Runtime, task: Json, judged: Json, answer: Answer) -> Json:
    """Put the challenger in place, in one act; `promoted` says whether it was.

    The answer was about one champion, one challenger and one verdict. When the champion moved since, nothing is done:
    the challenger is `superseded`, and is to be compared with the new champion. Raises `PromotionRefused` for a verdict
    or an answer that allows no promotion, as tasks that were marked as successful by hand leave them.
    """
    _require_approval(monitor, judged, answer)
    _require_verdict(runtime, task, judged)
    repository, model = allowed_source(monitor)
    try:
        made = promote(
            repository,
            model,
            challenger=judged["challenger"],
            expected=champion_of(task),
            decision=_decision(task, judged, answer),
            moment=datetime.now(UTC),
        )
    except PromotionRefused as refused:
        return _superseded(monitor, runtime, task, refused)
    outcome = _promoted(task, made, answer)
    advance(runtime, task, "promoted", outcome=outcome, decided_by=answer.by, placed=made.version)
    _take_over(monitor, runtime)
    return {"promoted": True, "version": made.version}


def _require_approval(monitor: Monitor, judged: Json, answer: Answer) -> None:
    allowed = route_of(monitor, judged)
    if allowed == "reject":
        raise PromotionRefused(f"the gate says {judged['decision']}, and nothing is put in place here for that")
    if not answer.approved or answer.by is None or (answer.by == AUTOMATIC and allowed != "promote"):
        raise PromotionRefused("nobody approved this verdict: clear the run from its task ask on, and answer it")


def _require_verdict(runtime: Runtime, task: Json, judged: Json) -> None:
    written = required(runtime.artifacts, f"{folder_of(task)}/verdict.json")
    if hashlib.sha256(written).hexdigest()[:16] != judged["hash"]:
        raise PromotionRefused("the gate's stored verdict is not the one that was decided on: clear the gate's task")


def _decision(task: Json, judged: Json, answer: Answer) -> Json:
    """What the champion's tag says: enough to read years later who put what in place, and why."""
    return {
        "run": _tag_run(task),
        "reason": task["reason"],
        "by": answer.by,
        "comment": answer.comment,
        "decision": judged["decision"],
        "verdict": judged["hash"],
        "figures": judged["primary"],
        "training": task["training"],
        "evaluation": task["evaluation"],
        "previous": {name: task["champion"][name] for name in ("number", "revision", "version")},
    }


def _tag_run(task: Json) -> str:
    """A run's name in a champion's tag: runs of two monitors on one model may bear the same id."""
    return f"{task['monitor']}/{task['run']}"


def _promoted(task: Json, made: Champion, answer: Answer) -> str:
    comment = f" ({answer.comment})" if answer.comment else ""
    return f"{made.version} replaced {task['champion']['version']}, decided by {answer.by}{comment}"


def _superseded(monitor: Monitor, runtime: Runtime, task: Json, refused: PromotionRefused) -> Json:
    past = history(*allowed_source(monitor))
    now, own = past[0].champion, next((made for made in past if made.details.get("run") == _tag_run(task)), None)
    if own:
        outcome = f"{own.champion.version} became champion #{own.number}; champion #{now.number} took its place since"
        if record_of(runtime, task).state != "promoted":
            by, placed = str(own.details.get("by")), own.champion.version
            advance(runtime, task, "promoted", outcome=outcome, decided_by=by, placed=placed)
        return {"promoted": True, "version": own.champion.version}
    if (now.number, now.revision) == (task["champion"]["number"], task["champion"]["revision"]):
        raise refused
    text = f"the champion became {now.version} meanwhile: the challenger is compared with it anew"
    advance(runtime, task, "superseded", outcome=text)
    return {"promoted": False, "version": now.version}


def _take_over(monitor: Monitor, runtime: Runtime) -> None:
    """Profile the new champion's reference now, so that the next window does not wait for it; it would do so itself."""
    try:
        load_reference(monitor, runtime, pin_champion(monitor, runtime))
    except MonitoringError as error:
        log.warning("reference.later monitor=%s reason=%s", monitor.name, error)


def roll_back_champion(monitor: Monitor, runtime: Runtime, record: RetrainingRecord, *, to: str | None) -> Json:
    """Put an older version in place of the record's champion, once its files are found to be there.

    The record is kept in the store.
    """
    repository, model = allowed_source(monitor)
    decision = {
        "run": f"{record.monitor}/{record.run}",
        "by": record.requested_by,
        "reason": record.reason,
        "previous": record.champion,
    }
    files = artifact_paths(monitor)
    made = roll_back(repository, model, to=to, decision=decision, files=files, moment=datetime.now(UTC))
    before = record.champion["version"]
    closed = replace(
        record,
        state="rolled_back",
        outcome=f"{made.version} is champion again, in place of {before}",
        decided_by=record.requested_by,
        closed_at=datetime.now(UTC),
        placed=made.version,
    )
    put_promotion(runtime.store, closed, now=datetime.now(UTC))
    log.info("champion.rolled_back from=%s to=%s", before, made.version)
    _take_over(monitor, runtime)
    return {"version": made.version}


def tell(monitor: Monitor, runtime: Runtime, record: RetrainingRecord, *, links: Mapping[str, str]) -> Json:
    """Post what became of a retraining, or that it waits for people: once for each state."""
    message = compose_notice(record, links=links)
    key = notice_key(record)
    post_notice(runtime.store, monitor, key, message, now=datetime.now(UTC))
    return {"state": record.state, "key": key}


def clean_up(runtime: Runtime, task: Json) -> RetrainingRecord:
    """Remove the run's workspace, and close its record as failed when a task before left it open."""
    shutil.rmtree(workspace_of(runtime, task), ignore_errors=True)
    record = record_of(runtime, task)
    if record.open:
        record = advance(runtime, task, "failed", outcome=f"a task failed after the retraining was {record.state}")
    return record


def has_comparison(runtime: Runtime, task: Json) -> bool:
    """Whether the gate left its comparison report."""
    return runtime.artifacts.exists(comparison_key(task["monitor"], task["slug"]))


def newest_report(runtime: Runtime, task: Json) -> str | None:
    """Key of the newest report on the model's windows up to the task's end; None when there is none."""
    until = parse_moment(task["window_end"])
    judged = [stored for stored in runtime.store.verdicts(task["monitor"]) if stored.report]
    ended = [stored for stored in judged if stored.verdict.subject.window.end <= until]
    return max(ended, key=lambda stored: stored.verdict.subject.window.end).report if ended else None


def _first(judged: Json) -> str:
    return str(next(iter(judged["reasons"]), ""))
