"""Champions, what put them in place, and retrainings."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from monitoring_tasks.store.records import RetrainingState
from monitoring_tasks.ui.api.models.base import Free, Next, Shape, Span


class InUse(Shape):
    """The champion in use, since when; with `at_least` it is the first window that is known of the monitor."""

    version: str
    since: datetime | None
    at_least: bool


class Promotion(Shape):
    """An event that put `version` in the place of `replaced`."""

    kind: Literal["promotion", "rollback"]
    version: str | None
    replaced: str | None
    at: datetime | None
    by: str | None
    run: str
    outcome: str


class Champions(Shape):
    """The champion in use (null where none is known), and what put champions in place, the newest first."""

    monitor: str
    champion: InUse | None
    promotions: tuple[Promotion, ...]


class Retraining(Shape):
    """One retraining or rollback, and how far it came; `run` is the id of its run of `retrain_<monitor>`.

    `challenger` is a revision, `placed` the version of the champion that was put in place. `verdict` is the gate's, in
    short. `outcome` is a sentence for people, `decided_by` the person or rule that decided.
    """

    monitor: str
    run: str
    origin: str
    reason: str
    state: RetrainingState
    open: bool
    requested_at: datetime
    requested_by: str | None
    window_end: datetime
    champion: Free
    challenger: str | None
    placed: str | None
    training: Span | None
    evaluation: Span | None
    snapshot: str
    verdict: Free | None
    outcome: str
    decided_by: str | None
    closed_at: datetime | None


class RetrainingPage(Shape):
    """Retrainings, the newest request first."""

    monitor: str
    retrainings: tuple[Retraining, ...]
    next: Next
