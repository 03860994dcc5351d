"""A whole run of a monitor's window, step by step as its DAG does."""

from __future__ import annotations

from monitoring_tasks import steps
from monitoring_tasks.alerts.telling import SILENT, Occasion
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.policy.verdict import Subject, Verdict
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.window import Window


def judge(monitor: Monitor, runtime: Runtime, window: Window, *, occasion: Occasion = SILENT) -> Verdict:
    """The verdict that is stored of the window."""
    subject = steps.open_window(monitor, runtime, window)
    steps.profile_window(monitor, runtime, subject)
    steps.run_suites(monitor, runtime, subject)
    steps.reach_verdict(monitor, runtime, subject, run={}, occasion=occasion)
    stored = runtime.store.verdict(Subject.from_json(subject))
    assert stored is not None
    return stored
