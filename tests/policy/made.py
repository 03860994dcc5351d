"""Check results and verdicts of a monitor, made by hand."""

from __future__ import annotations

from collections.abc import Sequence

from monitoring_tasks.checks import Check, CheckResult, Status, Suite
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.policy.decision import Given, decide
from monitoring_tasks.policy.verdict import Subject, Verdict
from monitoring_tasks.sections import FileReference, ParquetSource
from monitoring_tasks.window import Window

MONITOR = Monitor(
    name="churn",
    owner="growth",
    task="binary",
    source=ParquetSource(path="data"),
    reference=FileReference(path="reference.parquet"),
    timestamp="at",
    prediction="score",
)
SUBJECT = Subject("churn", "v1", Window.parse("2013-06-03", "2013-06-04"), MONITOR.config_hash)
IMPORTANCES = {f"f{rank}": 1.0 / rank for rank in range(1, 8)}


def result(
    check: Check,
    column: str | None = None,
    *,
    suite: Suite = Suite.DATA_QUALITY,
    status: Status = Status.FAILED,
    value: float | None = 0.5,
    severe: bool = False,
) -> CheckResult:
    """A failed check unless told otherwise."""
    return CheckResult(suite, check, status, column, None, value, 0.2, (value or 0) > 0.2, severe)


def drift(column: str, value: float = 0.22, *, severe: bool = False, status: Status = Status.FAILED) -> CheckResult:
    """A drift result of a feature, or of the prediction when the column is the score."""
    suite = Suite.PREDICTION_DRIFT if column == "score" else Suite.DATA_DRIFT
    return CheckResult(suite, Check.DRIFT, status, column, "psi", value, 0.2, value > 0.2, severe)


def verdict(*results: CheckResult, rows: int = 1000, **given_more: object) -> Verdict:
    """The verdict on `results` with the default policy; features that are not in them passed."""
    return decide(MONITOR, SUBJECT, Given(results=with_quiet(results), rows=rows, **given_more))  # type: ignore[arg-type]


def with_quiet(results: Sequence[CheckResult]) -> list[CheckResult]:
    """The results, and passed ones of the features that are not in them."""
    quiet = [drift(name, 0.01, status=Status.PASSED) for name in IMPORTANCES if all(r.column != name for r in results)]
    return [*results, *quiet]
