"""The gate: whether a challenger may replace the champion, from rows that both scored. Pure statistics, no I/O."""

from monitoring_tasks.retraining.gate.guardrails import Cost
from monitoring_tasks.retraining.gate.judge import judge
from monitoring_tasks.retraining.gate.sample import GateData
from monitoring_tasks.retraining.gate.verdict import Comparison, GateVerdict, Guardrail, SegmentComparison

__all__ = ["Comparison", "Cost", "GateData", "GateVerdict", "Guardrail", "SegmentComparison", "judge"]
