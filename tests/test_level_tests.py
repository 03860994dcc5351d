"""Sudden changes of an hourly monitor, through its steps, on real files."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitoring_tasks.checks import Check, CheckResult, Status
from monitoring_tasks.policy.verdict import Outcome, Verdict
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.severity import Severity
from tests.hourly import Hourly, hour
from tests.whole_run import judge


@pytest.fixture
def hourly(tmp_path: Path) -> Hourly:
    """The monitor, with no hours written yet."""
    return Hourly(tmp_path)


def levels(runtime: Runtime, verdict: Verdict) -> dict[str, CheckResult]:
    """The results of the level tests, by column."""
    results = runtime.store.results(verdict.subject) or []
    return {str(each.column): each for each in results if each.check is Check.LEVEL}


def test_a_jump_of_a_share_is_found_in_its_hour_and_says_its_figures(hourly: Hourly, runtime: Runtime) -> None:
    """Refusals from 3 to 9 per cent: high, told with what they were in the hours before and in the reference."""
    hourly.write(range(26))
    hourly.write(range(26, 27), refused=0.09)
    before = judge(hourly.monitor, runtime, hour(25))
    assert before.outcome is Outcome.HEALTHY, before.reasons
    found = judge(hourly.monitor, runtime, hour(26))
    assert (found.outcome, found.severity) == (Outcome.DRIFTED, Severity.HIGH)
    result = levels(runtime, found)["refusal"]
    assert result.status is Status.FAILED
    assert "in the 24 windows before" in found.reasons[0]
    assert found.reasons[0].startswith("refusal: sudden change, ")
