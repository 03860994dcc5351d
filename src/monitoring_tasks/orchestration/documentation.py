"""What a monitor's DAG says about itself in Airflow's UI."""

from __future__ import annotations

import re

from monitoring_tasks.monitor import Monitor, Slack
from monitoring_tasks.orchestration.run_window import END, START
from monitoring_tasks.sections import ParquetSource, SqlSource
from monitoring_tasks.window import stamp

TASKS = (
    ("window", "which window this run examines, and the champion it is compared with"),
    ("profile", "one pass over every row of the window"),
    ("suites", "Evidently's data quality, data drift and prediction drift; writes the report (button **Report**)"),
    ("verdict", "what the checks amount to; its log tells the whole story and the next step"),
    ("branch", "healthy goes to `all_clear`, everything else to `alert`"),
)


def monitor_document(monitor: Monitor) -> str:
    """The monitor in Markdown: what it watches, what each task does, how to run it by hand."""
    facts = "\n".join(f"| {name} | {plain(value)} |" for name, value in _facts(monitor))
    tasks = "\n".join(f"* **{name}**: {text}" for name, text in TASKS)
    return "\n\n".join(
        [
            f"### {monitor.name}",
            plain(monitor.description) or "Watches a model in production.",
            f"| | |\n|---|---|\n{facts}",
            tasks,
            "A run that was asked for by hand examines the last complete window, or the one given in the form "
            f"(`{START}` and `{END}`, UTC). **Backfill** judges any span of the past; it tells nobody, it records who "
            "would have been told. A task that fails says in its last line what was found and what to do.",
        ]
    )


def window_help() -> list[tuple[str, str, str]]:
    """Name, title and explanation of each field of the trigger form."""
    both = "Leave both fields empty for the last complete window."
    return [
        (START, "Start of the window (UTC)", f"First moment examined. {both}"),
        (END, "End of the window (UTC)", f"First moment no longer examined. {both}"),
    ]


def _facts(monitor: Monitor) -> list[tuple[str, str]]:
    return [
        ("Owner", monitor.owner),
        ("Task", monitor.task),
        ("Schedule", f"{monitor.schedule} (UTC), from {stamp(monitor.first_moment)}"),
        ("Window", "the schedule's interval" if monitor.window is None else f"{monitor.window} before each tick"),
        ("Source", _source(monitor.source)),
        ("Features", ", ".join(monitor.features) if monitor.lists_features else "every feature of the reference"),
        ("Fewest rows to judge", str(monitor.minimum_rows)),
        ("Alerts", _route(monitor.alerts.slack)),
    ]


def _source(source: ParquetSource | SqlSource) -> str:
    if isinstance(source, ParquetSource):
        return f"parquet at {source.path}"
    return f"{'table ' + source.table if source.table else 'a query'} through connection {source.connection}"


def _route(slack: Slack | None) -> str:
    return f"Slack {slack.channel} through {slack.connection}" if slack else "the task log only"


def plain(text: str) -> str:
    """Text that Markdown shows as it is, on one line.

    >>> plain("a|b\\n<script>")
    'a\\\\|b \\\\<script\\\\>'
    """
    return re.sub(r"([\\\\`*_{}\[\]<>#|!])", r"\\\1", " ".join(text.split()))
