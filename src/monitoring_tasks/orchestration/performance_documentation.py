"""What a performance DAG says about itself in Airflow's UI."""

from __future__ import annotations

from monitoring_tasks.monitor import Monitor
from monitoring_tasks.orchestration.alert_documentation import alert_facts
from monitoring_tasks.orchestration.documentation import document, window_help
from monitoring_tasks.orchestration.performance_run import KNOWN_ON
from monitoring_tasks.performance_section import MetricLimits, Performance
from monitoring_tasks.performance_window import Cadence
from monitoring_tasks.window import in_words

TASKS = (
    ("window", "the last window whose labels are final, and the moment as known at which it is examined"),
    ("measure", "joins labels to predictions; the figures of the window and of those before it, with intervals"),
    ("suites", "Evidently's performance suite; writes the report (button **Report**)"),
    ("verdict", "what the figures amount to; every version of every window is kept in the ledger"),
    ("branch", "healthy goes to `all_clear`, everything else to `alert`; worse than the reference asks to retrain"),
)


def performance_document(monitor: Monitor) -> str:
    """The watch over a model's figures in Markdown: what is compared with what, and what each task does."""
    return document(
        f"Performance of {monitor.name}",
        "Labels come late: each run judges the last window whose labels are final, and the windows before it anew.",
        _facts(monitor, monitor.performance or Performance()),
        TASKS,
        "A run that was asked for by hand examines that window as known now, or the one given in the form. With "
        f"`{KNOWN_ON}` it finds what was known then, and tells nobody. **Backfill** finds for each of its days what "
        "was known on that day, and tells nobody either.",
    )


def performance_help() -> list[tuple[str, str, str]]:
    """Name, title and explanation of each field of the trigger form."""
    text = "Only labels logged before this moment are used, and nobody is told. Empty: all that is known now."
    return [*window_help(), (KNOWN_ON, "As known on (UTC)", text)]


def _facts(monitor: Monitor, section: Performance) -> list[tuple[str, str]]:
    cadence = Cadence.of(monitor)
    width = in_words(cadence.width) if cadence.width else "the schedule's interval"
    metrics = "; ".join(f"{name} ({_limits(limits)})" for name, limits in monitor.decisive.items())
    before = section.trailing
    return [
        ("Owner", monitor.owner),
        ("Schedule", f"{cadence.schedule} (UTC)"),
        ("Window", f"{width}, ending {in_words(cadence.delay)} before the tick or earlier"),
        ("Judged anew", f"the {cadence.restate} windows before it"),
        ("Metrics that decide", metrics),
        ("Days before", f"the newest {in_words(before.span)} against the {in_words(before.against)} before"),
        ("Enough labels", f"{section.maturity:.0%} final, {section.coverage:.0%} known"),
        ("Segments", ", ".join(" x ".join(each) for each in monitor.segments) or "none"),
        ("False alarms", f"a budget of {section.budget.words}"),
        *alert_facts(monitor),
    ]


def _limits(limits: MetricLimits) -> str:
    said = [
        f"{drop.words} worse than {what}"
        for drop, what in ((limits.champion, "the reference"), (limits.trailing, "the days before"))
        if drop
    ]
    return ", ".join(said) or "shown only"
