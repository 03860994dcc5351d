"""Standard errors where rows of a block (a day) are not independent: whole blocks are drawn, with replacement.

Blocks are taken as independent of each other: weather that lasts for days makes intervals somewhat too narrow.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from monitoring_tasks.retraining.gate.sample import Floats

DRAWS = 2000
SEED = 20130701
LEAST_BLOCKS = 3
"""Fewer blocks than this give no interval."""
Statistic = Callable[[Floats], Floats]
"""Values under weights: one row of weights (how often each block was drawn) for each value; NaN where undefined."""


@lru_cache(maxsize=128)
def weights(blocks: int, draws: int = DRAWS) -> Floats:
    """How often each block is in each draw, as draws x blocks; always the same for the same sizes.

    >>> weights(3, 2)
    array([[1., 2., 0.],
           [0., 2., 1.]])
    """
    # The bit generator's raw stream, unlike the distributions made of it, never changes between versions of numpy.
    drawn = np.random.PCG64(SEED).random_raw((draws, blocks)) % np.uint64(blocks)
    rows = np.arange(draws)[:, None] * blocks + drawn.astype(np.intp)
    return np.bincount(rows.ravel(), minlength=draws * blocks).reshape(draws, blocks).astype(np.float64)


def standard_error(statistic: Statistic, blocks: int) -> float | None:
    """Standard deviation over the draws, times sqrt(D / (D - 1)) for D blocks, by which the draws vary too little.

    Draws in which the statistic is undefined are left out. None for fewer than three blocks, or fewer than half of the
    draws left.
    """
    if blocks < LEAST_BLOCKS:
        return None
    values = statistic(weights(blocks))
    values = values[np.isfinite(values)]
    if len(values) < DRAWS // 2:
        return None
    return float(values.std(ddof=1) * np.sqrt(blocks / (blocks - 1)))


def degrees(*counts: Floats) -> float:
    """Degrees of freedom of that standard error: the effective number of blocks less one, at least one.

    Each of `counts` says how much every block holds (of rows; of positives, of negatives); the effective number
    (sum)^2 / (sum of squares) is what as many equal blocks would give, the least over the counts.

    >>> degrees(np.array([10.0, 10.0, 10.0])), degrees(np.array([100.0, 1.0, 1.0]))
    (2.0, 1.0)
    """
    return float(max(min(float(each.sum() ** 2 / (each**2).sum()) for each in counts) - 1, 1.0))
