"""What people are told about a monitor that finds less than it did. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from monitoring_tasks.alerts.message import Message, links_of, one_line, reasons_of, title_of
from monitoring_tasks.canary.fall import Fall
from monitoring_tasks.canary.report import CanaryReport
from monitoring_tasks.severity import Severity


def compose_falls(report: CanaryReport, fallen: Sequence[Fall], *, links: Mapping[str, str]) -> Message:
    """What to tell about faults that are found less often than before; at least one of them."""
    severity = Severity.HIGH if report.missed else Severity.MEDIUM
    reasons = reasons_of([fall.words for fall in fallen])
    return Message(
        severity=severity,
        title=title_of(severity, f"{report.monitor} finds less than it did"),
        headline=(one_line(str(report.window)), *reasons[:1]),
        facts={label: one_line(value) for label, value in _facts(report, severity).items() if value},
        lines=reasons,
        step=one_line(_step(report)),
        links=links_of(links),
    )


def _facts(report: CanaryReport, severity: Severity) -> dict[str, str]:
    return {
        "model": report.monitor,
        "severity": severity.word,
        "window": str(report.window),
        "champion": report.champion,
        "rows": str(report.rows) if report.rows == report.of_rows else f"{report.rows} of {report.of_rows}",
        "missed": ", ".join(f"{fault.column}, {fault.fault}" for fault in report.missed),
        "not tried": "; ".join(f"{fault} ({why})" for fault, why in report.untried.items()),
        "false alarms": f"{len(report.false_alarms)} in {report.clean_windows} windows without a fault",
    }


def _step(report: CanaryReport) -> str:
    return (
        "Look for what changed since the last self-test: champion, the monitor's YAML, or the number of rows. "
        f"monitoring canary {report.monitor} repeats it."
    )
