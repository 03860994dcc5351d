"""Whether a verdict requests a retraining, decided where the verdict is known and before anything is started."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from monitoring_tasks.monitor import Monitor
from monitoring_tasks.policy.narrative import request_end, request_reason
from monitoring_tasks.policy.verdict import Action, Outcome, Verdict
from monitoring_tasks.retraining_task import lapse_of
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.store.records import RetrainingRecord
from monitoring_tasks.window import parse_moment

log = logging.getLogger(__name__)
Json = dict[str, Any]


def retraining_due(
    monitor: Monitor, runtime: Callable[[], Runtime], verdict: Json, *, quiet: str | None, run: str
) -> bool:
    """Whether a verdict's retraining is requested now.

    It is when the verdict asks for one, the run is not to be `quiet` (the reason why it would be), and none is under
    way for this model; the last is recorded as a refusal, under the id that the `run` would have had. A retraining that
    was asked for long ago and is still open stops no request: whether it is dead, the admission finds out.
    """
    judged = Verdict.from_json(verdict)
    if Action.RETRAIN not in judged.actions:
        return False
    if quiet:
        log.info("retraining.not_requested monitor=%s reason=%s", monitor.name, quiet)
        return False
    heard = datetime.now(UTC) - lapse_of(monitor)
    records = runtime().store.retrainings(monitor.name)
    under_way = [record for record in records if record.open and record.requested_at > heard]
    if not under_way:
        return True
    reason = f"retraining {under_way[0].run} is under way ({under_way[0].state})"
    log.warning("retraining.refused monitor=%s reason=%s", monitor.name, reason)
    _record(monitor, runtime(), judged, run, reason)
    return False


def _record(monitor: Monitor, runtime: Runtime, verdict: Verdict, run: str, reason: str) -> None:
    now = datetime.now(UTC)
    if runtime.store.retraining(monitor.name, run) is None:
        runtime.store.put_retraining(
            RetrainingRecord(
                monitor=monitor.name,
                run=run,
                origin="performance" if verdict.outcome is Outcome.DEGRADED else "drift",
                reason=request_reason(verdict),
                state="refused",
                requested_at=now,
                window_end=parse_moment(request_end(verdict)),
                outcome=reason,
                closed_at=now,
            )
        )
