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
from monitoring_tasks.performance_champions import Champions
from monitoring_tasks.performance_window import Cadence
from monitoring_tasks.policy.easing import has_drift, is_drift_alone, is_worse, lowered, raised, stands_beside
from monitoring_tasks.policy.performance import decide_performance, judged_rows
from monitoring_tasks.policy.verdict import Verdict
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.window import Window

log = logging.getLogger(__name__)
NO_HARM = "no harm is expected: what the scores let expect of the model's figures lies within their limits"
HARM = "the model's figures are worse as well"
ALONE = "drift alone does not page here (policy.page: both), and the last window with labels is not worse"


def eased(monitor: Monitor, runtime: Runtime, pinned: Pinned, verdict: Verdict) -> Verdict:
    """The verdict on drift, worse where the model's figures are worse as well, lowered where no harm is to be expected.

    As the monitor's policy says. Labels and scores are only read when they can make a difference; what cannot be read
    changes nothing.
    """
    if monitor.performance is None or not has_drift(verdict):
        return verdict
    try:
        weighed = _weighed(monitor, runtime, pinned, verdict)
    except MonitoringError as error:
        log.warning("harm.unknown monitor=%s window=%s reason=%s", monitor.name, verdict.subject.window, error)
        return verdict
    if weighed.severity is not verdict.severity:
        severities = (verdict.severity.word, weighed.severity.word)
        log.info("verdict.weighed monitor=%s from=%s to=%s", monitor.name, *severities)
    return weighed


def _weighed(monitor: Monitor, runtime: Runtime, pinned: Pinned, verdict: Verdict) -> Verdict:
    policy, window = monitor.policy, verdict.subject.window
    asks = policy.page == "both" or policy.with_harm == "raise"
    figures = _figures_before(monitor, runtime, pinned, window) if asks else None
    if figures and policy.with_harm == "raise" and is_worse(figures):
        return raised(verdict, f"{HARM} ({figures.subject.window}): {figures.reasons[0]}")
    if not is_drift_alone(verdict):
        return verdict
    if policy.page == "both" and not stands_beside(figures):
        return lowered(verdict, ALONE)
    harmless = policy.without_harm == "lower" and _expected(monitor, runtime, pinned, window) is False
    return lowered(verdict, NO_HARM) if harmless else verdict


def _figures_before(monitor: Monitor, runtime: Runtime, pinned: Pinned, window: Window) -> Verdict | None:
    """The verdict on the figures of the last window whose labels are final at the end of this one, by its own champion.

    None while that window begins before the monitor's `start`: what answered then may have been another model.
    """
    cadence, known_at = Cadence.of(monitor), window.end
    last = cadence.newest(known_at)
    known = [last, *cadence.before(last, count=monitor.policy.persistence.of - 1)]
    windows = [each for each in known if each.start >= monitor.first_moment]
    if last not in windows:
        return None
    champions = Champions.of(monitor, runtime, pinned, windows)
    version = champions.version(last)
    measuring = Measuring.of(monitor, runtime, champions.pinned(version), windows, known_at=known_at)
    newest, *earlier = [measuring.restated(each) if champions.is_of(each, version) else None for each in windows]
    assert newest is not None
    history = [each.results if each and judged_rows(monitor, each.restatement.maturity) else None for each in earlier]
    return decide_performance(monitor, newest.restatement, newest.results, history)


def _expected(monitor: Monitor, runtime: Runtime, pinned: Pinned, window: Window) -> bool | None:
    measuring = Measuring.of(monitor, runtime, pinned, [window], known_at=window.end)
    limits = {name: each.champion for name, each in monitor.decisive.items() if each.champion is not None}
    ordinary = measuring.taught(window).ordinary
    baseline = {name: spread.value if (spread := ordinary.spread(name)) else None for name in limits}
    return harm(measuring.estimated(window), baseline, limits, task=monitor.task)
