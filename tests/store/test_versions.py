"""Which champions judged windows of a monitor."""

from __future__ import annotations

from monitoring_tasks.runtime import Runtime
from monitoring_tasks.store.board import Version
from tests.ui.world import DAYS, NEW, OLD, PROMOTED, results, subject, verdict, window


def test_champions_of_a_monitors_windows(runtime: Runtime) -> None:
    """Each with its first and its newest window, that of the newest window first; none of another monitor."""
    for monitor, day in (("churn", 0), ("churn", PROMOTED - 1), ("churn", PROMOTED), ("churn", DAYS), ("spam", 0)):
        runtime.store.put(verdict(monitor, day), results(monitor, day), report=None, run={})
    assert runtime.store.versions("churn") == [
        Version(NEW, window(PROMOTED), window(DAYS)),
        Version(OLD, window(0), window(PROMOTED - 1)),
    ]
    assert runtime.store.versions("none") == []


def test_a_window_without_a_verdict_has_no_version(runtime: Runtime) -> None:
    """Its checks are done, and what they amount to is not known yet."""
    runtime.store.put_results(subject("churn", 0), results("churn", 0), rows=1000)
    assert runtime.store.versions("churn") == []
