"""Predictions with labels drawn at random: days that differ, labels that come late."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
from scipy import special

from monitoring_tasks.performance.outcomes import NEVER, Grouping, Outcomes, microseconds

START = datetime(2013, 1, 1, tzinfo=UTC)
DAY, WEEK = timedelta(days=1), timedelta(weeks=1)
MICRO = 86_400_000_000


def drawn(seed: int, *, days: int, rows: int, effect: float = 0.0, start: datetime = START) -> Outcomes:
    """`rows` predictions on each of some days; the log odds of each day are shifted by a normal number times `effect`.

    Their labels are known at once. The groups `side` (a or b, at random) and `first` (one value) are segment columns.
    """
    random = np.random.default_rng(seed)
    number = np.repeat(np.arange(days), rows)
    moment = microseconds(start) + number * MICRO + np.sort(random.integers(0, MICRO, (days, rows)), axis=1).ravel()
    odds = random.normal(-1.0, 1.0, days * rows)
    truth = special.expit(odds + effect * random.standard_normal(days)[number])
    label = (random.random(days * rows) < truth).astype(float)
    side = Grouping(("a", "b"), random.integers(0, 2, days * rows).astype(np.int32))
    return Outcomes(
        moment=moment,
        prediction=special.expit(odds),
        label=label,
        known=moment.copy(),
        previous=np.full(days * rows, NEVER),
        groups={"side": side, "first": Grouping(("x",), np.zeros(days * rows, np.int32))},
    )


def undated(outcomes: Outcomes) -> Outcomes:
    """The rows of a reference that has no times."""
    return replace(outcomes, moment=np.full(len(outcomes), NEVER))


def frauds(seed: int, *, days: int, rows: int, effect: float = 0.0) -> Outcomes:
    """Three positives in a thousand rows, whose log odds are higher by 3; on a day by a normal number more or less."""
    random = np.random.default_rng(seed)
    plain = drawn(seed, days=days, rows=rows)
    label = (random.random(days * rows) < 0.003).astype(float)
    seen = 3.0 + effect * np.repeat(random.standard_normal(days), rows)
    odds = random.normal(-4.0, 1.2, days * rows) + label * seen
    return replace(plain, label=label, prediction=special.expit(odds))
