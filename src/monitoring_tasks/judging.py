"""Rows that no source holds, judged as a window's would be: for self-tests, which must not write anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from monitoring_tasks.assessment import Assessor, Basis, Observed, load_assessor
from monitoring_tasks.calibration.assess import TestKey
from monitoring_tasks.calibration.domain import LEAST_WINDOW_ROWS, LEAST_WINDOWS
from monitoring_tasks.champion import Pinned, load_reference
from monitoring_tasks.checks import Check, Status
from monitoring_tasks.data.memory import TableRows
from monitoring_tasks.kept_nulls import joint_kinds
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.pieces import SAMPLE_ROWS
from monitoring_tasks.profile.arrow import scan_arrow
from monitoring_tasks.profile.plan import Plan
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.window import Window

_NO_JOINT = "no joint test is made"
_LACKING = {
    "windows": f"fewer than {LEAST_WINDOWS} windows as wide",
    "rows": f"fewer than {LEAST_WINDOWS} windows as wide of which {LEAST_WINDOW_ROWS} rows are sampled",
}


@dataclass(frozen=True, eq=False)
class Judge:
    """Judges tables of rows as if they were those of one window of a monitor."""

    assessor: Assessor

    @classmethod
    def prepare(cls, monitor: Monitor, runtime: Runtime, pinned: Pinned, window: Window) -> Judge:
        """The judge of rows in `window`, against the pinned champion's reference and the baselines of that window."""
        reference = load_reference(monitor, runtime, pinned)
        return cls(load_assessor(monitor, runtime, Basis.of(monitor, runtime, reference, window), window))

    def untested(self) -> Mapping[TestKey, str]:
        """The tests that the monitor does not make of any window, and why: not what passes, nor what is missed."""
        why = self._no_joint()
        return {(Check.JOINT, None): why} if why else {}

    def _no_joint(self) -> str:
        joint, monitor = self.assessor.joint, self.assessor.monitor
        if joint is None:
            return f"{_NO_JOINT}: alarms.joint is false"
        if len(joint_kinds(monitor, self.assessor.compared.reference)) < 2:
            return f"{_NO_JOINT}: fewer than two columns are compared with the training reference"
        lack = joint().lacks
        return f"{_NO_JOINT}: the reference has {_LACKING[lack]}" if lack else ""

    def statuses(self, rows: pa.Table) -> Mapping[TestKey, Status]:
        """What each test of the window says of these rows; empty when there are none."""
        if not rows.num_rows:
            return {}
        monitor, reference = self.assessor.monitor, self.assessor.compared.reference
        roles = {"id": monitor.id, "timestamp": monitor.timestamp}
        plan = Plan(
            reference.binning, **roles, sample_rows=SAMPLE_ROWS, segments=self.assessor.basis.reference.divisions
        )
        found = scan_arrow(TableRows(rows), None, plan)
        judged = self.assessor.tests(Observed(self.assessor.window, found.profile, found.sample, found.segments))
        return {key: assessed.status for key, assessed in judged.tests.items()}
