"""Whether a verdict requests a retraining, decided where the verdict is known and before anything is started."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from monitoring_tasks.alerts.requested import Request
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.policy.asking import request_run
from monitoring_tasks.policy.narrative import request_end, request_reason
from monitoring_tasks.policy.verdict import Action, Outcome, Verdict
from monitoring_tasks.retraining_task import lapse_of
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.store.database import Store
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
    under_way = _under_way(monitor, runtime().store.retrainings(monitor.name), datetime.now(UTC))
    if under_way is None:
        return True
    reason = f"retraining {under_way.run} is under way ({under_way.state})"
    log.warning("retraining.refused monitor=%s reason=%s", monitor.name, reason)
    _record(monitor, runtime(), judged, run, reason)
    return False


def request_of(
    monitor: Monitor, runtime: Runtime, verdict: Verdict, *, quiet: str = "", now: datetime | None
) -> Request | None:
    """What a run is going to do about its verdict's retraining, for whoever is told of the verdict.

    None where it asks for none, where the monitor has no DAG for it, and where nobody is told (`now` is None).
    """
    if monitor.retraining is None or Action.RETRAIN not in verdict.actions or now is None:
        return None
    records = runtime.store.retrainings(monitor.name)
    return Request(
        monitor.retraining.approval.mode,
        quiet,
        made=_made(runtime.store, verdict),
        under_way=_under_way(monitor, records, now),
        last=max(records, key=lambda record: record.requested_at, default=None),
    )


def request_made(store: Store, verdict: Verdict) -> Request | None:
    """What became of the retraining that a verdict asked for; None where it asked for none, or nothing is known."""
    made = _made(store, verdict) if Action.RETRAIN in verdict.actions else None
    return None if made is None else Request(made=made)


def _made(store: Store, verdict: Verdict) -> RetrainingRecord | None:
    return store.retraining(verdict.subject.monitor, request_run(verdict.subject))


def _under_way(monitor: Monitor, records: Sequence[RetrainingRecord], now: datetime) -> RetrainingRecord | None:
    heard = now - lapse_of(monitor)
    return next((record for record in records if record.open and record.requested_at > heard), None)


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
