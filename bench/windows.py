"""Windows of rows that a champion and a challenger scored, drawn so that the truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitoring_tasks.retraining.gate import GateData
from monitoring_tasks.retraining.gate.sample import Floats, Whole


@dataclass(frozen=True)
class Window:
    """How a window is drawn: the noise in each side's logit, and how much rows of one day have in common.

    `odds` are the mean log odds of a row, `spread` their standard deviation.
    """

    rows: int
    days: int = 10
    clustering: float = 0.0
    champion: float = 0.7
    challenger: float = 0.7
    odds: float = -1.4
    spread: float = 1.0


def window(seed: int, about: Window) -> GateData:
    """A binary window; days are of unequal size, and a day shifts and tilts each side's scores by chance of its own."""
    random = np.random.default_rng(seed)
    day = random.choice(about.days, about.rows, p=random.dirichlet(np.full(about.days, 4.0)))
    signal = about.spread * random.normal(size=about.rows)
    base = about.odds + about.clustering * random.normal(size=about.days)[day]
    label = random.random(about.rows) < _logistic(base + signal)
    champion, challenger = (
        _logistic(_logit(random, signal, day, noise, about)) for noise in (about.champion, about.challenger)
    )
    return GateData(label, champion, challenger, day)


def _logit(random: np.random.Generator, signal: Floats, day: Whole, noise: float, about: Window) -> Floats:
    shift, tilt = about.clustering * random.normal(size=(2, about.days))
    logit: Floats = about.odds + np.exp(tilt[day]) * signal + shift[day] + noise * random.normal(size=about.rows)
    return logit


def _logistic(logit: Floats) -> Floats:
    probability: Floats = 1 / (1 + np.exp(-logit))
    return probability
