"""How the service did over a span, from the prediction log alone: no label is needed."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from monitoring_tasks.performance.outcomes import Floats, Outcomes
from monitoring_tasks.performance.record import Operating
from monitoring_tasks.window import Window


def operating(outcomes: Outcomes, span: Window) -> Operating:
    """Latency, hourly volume and error share of the predictions made in a span, each id once.

    Quantiles are of all finite latencies, not of a sketch, and lie between two neighbours as NumPy's do. What is not
    logged is None, and all is None for a span without predictions: an empty log says nothing about the service.
    """
    within = outcomes.within(span)
    if not len(within):
        return Operating()
    p50, p95, p99 = (_quantile(within.latency, share) for share in (0.5, 0.95, 0.99))
    failed = None if within.failed is None else float(np.mean(within.failed))
    return Operating(p50, p95, p99, hourly_volume=len(within) / (span.width / timedelta(hours=1)), error_share=failed)


def _quantile(latency: Floats | None, share: float) -> float | None:
    finite = latency[np.isfinite(latency)] if latency is not None else np.zeros(0)
    return float(np.quantile(finite, share)) if len(finite) else None
