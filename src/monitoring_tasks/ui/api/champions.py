"""Champions and the retrainings that bring them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query

from monitoring_tasks.store.board import Head
from monitoring_tasks.store.database import Store
from monitoring_tasks.store.records import RetrainingRecord, RetrainingState
from monitoring_tasks.ui.api.asking import ABSENT, AskedPart, Results, Seen, cut
from monitoring_tasks.ui.api.models import champions as models

ROUTER = APIRouter(prefix="/monitors/{monitor}", responses=ABSENT)


@ROUTER.get(
    "/champions", operation_id="list_champions", summary="Champion in use, and those before", tags=["champions"]
)
def list_champions(monitor: Seen, store: Results) -> models.Champions:
    """The champion in use since when, and every promotion and rollback, the newest first."""
    promotions = store.promotions(monitor)
    return models.Champions(
        monitor=monitor,
        champion=_in_use(store, monitor, promotions),
        promotions=tuple(map(_promotion, promotions)),
    )


@ROUTER.get("/retrainings", operation_id="list_retrainings", summary="Retrainings", tags=["retrainings"])
def list_retrainings(
    monitor: Seen,
    store: Results,
    asked: AskedPart,
    state: Annotated[list[RetrainingState] | None, Query(max_length=20, description="Only in these states.")] = None,
) -> models.RetrainingPage:
    """Retrainings and rollbacks that were asked for, and how far each came; the newest request first."""
    found = [each for each in store.retrainings(monitor) if not state or each.state in state]
    records, following = cut(found, asked, lambda record: record.run)
    shown = tuple(map(models.Retraining.model_validate, records))
    return models.RetrainingPage(monitor=monitor, retrainings=shown, next=following)


def _in_use(store: Store, monitor: str, promotions: Sequence[RetrainingRecord]) -> models.InUse | None:
    """The champion of the newest verdict, unless another one was put in place after it was written."""
    head, newest = store.head(monitor), next(iter(promotions), None)
    if newest is not None and newest.placed and (head is None or _later(newest, head)):
        return models.InUse(version=newest.placed, since=newest.closed_at, at_least=False)
    if head is None:
        return None
    version = head.subject.champion
    since = next((each.closed_at for each in promotions if each.placed == version), None)
    first = None if since else store.first_windows().get(monitor)
    return models.InUse(version=version, since=since or first, at_least=since is None)


def _later(record: RetrainingRecord, head: Head) -> bool:
    return record.closed_at is not None and record.closed_at > head.written_at


def _promotion(record: RetrainingRecord) -> models.Promotion:
    return models.Promotion(
        kind="rollback" if record.state == "rolled_back" else "promotion",
        version=record.placed,
        replaced=record.champion.get("version"),
        at=record.closed_at,
        by=record.decided_by,
        run=record.run,
        outcome=record.outcome,
    )
