"""Letters that are due go out: the step at the end of a run, and of the DAG that looks after the outbox."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from monitoring_tasks.alerts.channel import Channel
from monitoring_tasks.alerts.dispatch import MOST, deliver_due
from monitoring_tasks.errors import AlertUndelivered
from monitoring_tasks.store.database import Store
from monitoring_tasks.store.records import Letter

log = logging.getLogger(__name__)
Json = dict[str, Any]
Opener = Callable[[str], Channel]


def deliver(store: Store, open_channel: Opener, *, by: str, most: int = MOST) -> Json:
    """Send letters that are due, whoever wrote them, at most so many; how many were sent, failed, or were given up."""
    done = deliver_due(store, open_channel, by=by, now=lambda: datetime.now(UTC), most=most)
    return {"sent": done.sent, "failed": done.failed, "dead": done.dead}


def deliver_for(monitor: str, store: Store, open_channel: Opener, *, by: str) -> Json:
    """Send every letter that is due. Raises `AlertUndelivered` while one about this monitor is due and not delivered.

    The letter stays in the outbox, and is sent by whoever delivers next: this task's next try, another run's, or the
    DAG that looks after the outbox.
    """
    done, now = deliver(store, open_channel, by=by), datetime.now(UTC)
    left = [letter for letter in store.overdue(now) if monitor in letter.monitors]
    if left:
        raise AlertUndelivered(_complaint(monitor, left))
    return done


def _complaint(monitor: str, left: list[Letter]) -> str:
    told = "; ".join(
        dict.fromkeys(f"{letter.channel}: {letter.error or 'another run is sending it'}" for letter in left)
    )
    return f"{len(left)} letters about {monitor} are not delivered yet and stay in the outbox: {told}"
