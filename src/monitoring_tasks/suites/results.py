"""Evidently snapshots to check results; the one place where Evidently's statuses are read."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from evidently.core.report import Snapshot
from evidently.legacy.tests.base_test import TestStatus

from monitoring_tasks.checks import Check, CheckResult, Evidence, Status, Suite

STATUSES: dict[TestStatus, Status] = {
    TestStatus.SUCCESS: Status.PASSED,
    TestStatus.FAIL: Status.FAILED,
    TestStatus.WARNING: Status.SUSPECT,
    TestStatus.ERROR: Status.UNDECIDED,
    TestStatus.SKIPPED: Status.UNDECIDED,
}
"""Evidently's statuses: a warning is evidence that one window alone does not settle."""


def check_results(suite: Suite, snapshot: Snapshot) -> Iterator[CheckResult]:
    """One result for each test of a snapshot, in the report's order; the same from one that was loaded again."""
    for metric in snapshot.metric_results.values():
        for test in metric.tests:
            yield _result(suite, metric, test)


def _result(suite: Suite, metric: Any, test: Any) -> CheckResult:
    params, config = metric.get_metric_value_location().metric.params, test.test_config
    value = float(metric.value)
    return CheckResult(
        suite=suite,
        check=Check(params["check"]),
        status=STATUSES[test.status],
        column=params.get("column"),
        method=params.get("method"),
        value=value if math.isfinite(value) else None,
        threshold=config["threshold"],
        large=config["large"],
        severe=config["severe"],
        detail=config["detail"],
        evidence=None if config["evidence"] is None else Evidence(**config["evidence"]),
    )
