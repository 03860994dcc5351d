"""Whether drift does harm, as far as is known when a window ends: by its scores, and by labels of windows before it.

All of it is read from the logs as known at the window's end, so that a past window finds the same again.
"""

from __future__ import annotations

import logging

from monitoring_tasks.champion import Pinned
from monitoring_tasks.errors import MonitoringError
from monitoring_tasks.measuring import Measuring
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.performance.trust import harm
from monitoring_tasks.performance_window import Cadence
from monitoring_tasks.policy.easing import is_drift_alone, lowered, stands_beside
from monitoring_tasks.policy.performance import decide_performance, judged_rows
from monitoring_tasks.policy.verdict import Verdict
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.window import Window

log = logging.getLogger(__name__)
NO_HARM = "no harm is expected: what the scores let expect of the model's figures lies within their limits"
ALONE = "drift alone does not page here (policy.page: both), and the last window with labels is not worse"


def eased(monitor: Monitor, runtime: Runtime, pinned: Pinned, verdict: Verdict) -> Verdict:
    """The verdict on drift, lowered where the monitor's policy asks for harm and none is to be expected.

    Labels and scores are only read when they can make a difference; what cannot be read lowers nothing.
    """
    if monitor.performance is None or not is_drift_alone(verdict):
        return verdict
    try:
        reason = _reason(monitor, runtime, pinned, verdict.subject.window)
    except MonitoringError as error:
        log.warning("harm.unknown monitor=%s window=%s reason=%s", monitor.name, verdict.subject.window, error)
        return verdict
    if reason:
        log.info("verdict.lowered monitor=%s from=%s reason=%s", monitor.name, verdict.severity.word, reason)
    return lowered(verdict, reason) if reason else verdict


def _reason(monitor: Monitor, runtime: Runtime, pinned: Pinned, window: Window) -> str:
    """Why the drift of a window wakes nobody; empty where it does."""
    if monitor.policy.page == "both" and not _worse_before(monitor, runtime, pinned, window):
        return ALONE
    if monitor.policy.without_harm == "lower" and _expected(monitor, runtime, pinned, window) is False:
        return NO_HARM
    return ""


def _worse_before(monitor: Monitor, runtime: Runtime, pinned: Pinned, window: Window) -> bool:
    """Whether the last window whose labels are final at the end of this one is worse than it should be."""
    cadence, known_at = Cadence.of(monitor), window.end
    last = cadence.newest(known_at)
    windows = [last, *cadence.before(last, count=monitor.policy.persistence.of - 1)]
    measuring = Measuring.of(monitor, runtime, pinned, windows, known_at=known_at)
    newest, *earlier = (measuring.restated(each) for each in windows)
    history = [each.results if judged_rows(monitor, each.restatement.maturity) else None for each in earlier]
    return stands_beside(decide_performance(monitor, newest.restatement, newest.results, history))


def _expected(monitor: Monitor, runtime: Runtime, pinned: Pinned, window: Window) -> bool | None:
    measuring = Measuring.of(monitor, runtime, pinned, [window], known_at=window.end)
    limits = {name: each.champion for name, each in monitor.decisive.items() if each.champion is not None}
    ordinary = measuring.taught(window).ordinary
    baseline = {name: spread.value if (spread := ordinary.spread(name)) else None for name in limits}
    return harm(measuring.estimated(window), baseline, limits, task=monitor.task)
