"""Check results keep to finite numbers and never pass without a value."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.checks import Check, CheckResult, Status, Suite


@given(st.floats() | st.none(), st.floats() | st.none(), st.sampled_from(Status))
def test_unknown_never_passes(value: float | None, threshold: float | None, status: Status) -> None:
    """A value that is missing, NaN or infinite becomes None, and then the check is not passed."""
    result = CheckResult(Suite.DATA_DRIFT, Check.DRIFT, status, "x", "psi", value, threshold)
    assert result.value is None or math.isfinite(result.value)
    assert result.threshold is None or math.isfinite(result.threshold)
    assert not (result.value is None and result.status is Status.PASSED)
    assert CheckResult.from_json(result.to_json()) == result
