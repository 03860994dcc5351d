"""What a monitor's DAG says about itself in Airflow's UI."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

from monitoring_tasks.alarms_section import baseline_words
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.orchestration.alert_documentation import alert_facts
from monitoring_tasks.orchestration.run_window import END, START
from monitoring_tasks.retraining_section import Retraining
from monitoring_tasks.sections import ParquetSource, RestSource, SqlSource
from monitoring_tasks.window import in_words, stamp

TASKS = (
    ("window", "which window this run examines, and the champion it is compared with"),
    ("profile", "one pass over every row of the window"),
    ("suites", "Evidently's data quality, data drift and prediction drift; writes the report (button **Report**)"),
    ("verdict", "what the checks amount to; its log tells the whole story and the next step"),
    ("branch", "healthy goes to `all_clear`, everything else to `alert`"),
)


RETRAINING_TASKS = (
    ("admit", "whether a challenger is trained: cooldown, budget, faults in the data, rows with labels"),
    ("train", "the model's own DVC pipeline, on a branch of its own; its lines are in this task's log"),
    ("score", "champion and challenger score the same rows, which neither was trained on"),
    ("gate", "compares them; writes the comparison (button **Comparison**)"),
    ("ask", "waits for a person, under **Required Actions**; no answer in time is Reject"),
    ("promote", "puts the challenger in place in one act, if the champion is still the one it was compared with"),
    ("reject, decline", "the champion stays: the gate says so, or a person"),
    ("roll_back", "puts an older version in place again, once its files are found to be there"),
    ("notify", "tells people how it ended"),
)


def monitor_document(monitor: Monitor) -> str:
    """The monitor in Markdown: what it watches, what each task does, how to run it by hand."""
    return document(
        monitor.name,
        plain(monitor.description) or "Watches a model in production.",
        _facts(monitor),
        TASKS,
        "A run that was asked for by hand examines the last complete window, or the one given in the form "
        f"(`{START}` and `{END}`, UTC). **Backfill** judges any span of the past and tells nobody; `monitoring alerts "
        "--would-have` lists who would have been told. A task that fails says in its last line what was found and what "
        "to do.",
    )


def document(
    title: str, about: str, facts: Sequence[tuple[str, str]], tasks: Sequence[tuple[str, str]], more: str
) -> str:
    """A DAG in Markdown: title, what it is about, a table of facts, what each task does, and what else to know."""
    table = "\n".join(f"| {name} | {plain(value)} |" for name, value in facts)
    listed = "\n".join(f"* **{name}**: {text}" for name, text in tasks)
    return "\n\n".join([f"### {title}", about, f"| | |\n|---|---|\n{table}", listed, more])


def retraining_document(monitor: Monitor, section: Retraining) -> str:
    """The retraining in Markdown: what a run does, who decides, how to start one and how to undo one."""
    return document(
        f"Retraining of {monitor.name}",
        f"Started by `{monitor.dag_id}` when drift persists, by `{monitor.performance_dag_id}` when the figures got "
        "worse, by hand with the form, or by its own schedule.",
        _retraining_facts(monitor, section),
        RETRAINING_TASKS,
        "Refused, rejected and declined are successful runs: the log of `notify` says what happened and why. To undo a "
        f"promotion, trigger a run with `rollback` = `previous`, or write `monitoring rollback {monitor.name}`.",
    )


def _retraining_facts(monitor: Monitor, section: Retraining) -> list[tuple[str, str]]:
    answer = {
        "manual": "a person, in every case",
        "auto_if_superior": "the gate when the challenger is better, a person when it cannot tell",
        "never": "nobody: challengers are compared and stay on their branch",
    }
    return [
        ("Owner", monitor.owner),
        (
            "Trained on",
            in_words(section.training_window) if section.training_window else "all history of its parameters",
        ),
        ("Compared on", f"the newest {in_words(section.evaluation_window)} with labels"),
        ("Who decides", answer[section.approval.mode]),
        ("Who may answer", ", ".join(section.approval.users) or "everyone who may answer in this Airflow"),
        ("No answer within", f"{in_words(section.approval.timeout)}: declined"),
        ("Cooldown", in_words(section.cooldown)),
        ("Budget", f"{section.budget.trainings} trainings in {in_words(section.budget.period)}"),
        ("Schedule of its own", section.schedule or "none"),
    ]


def _width(width: timedelta | None, otherwise: str) -> str:
    return in_words(width) if width else otherwise


def retraining_help() -> list[tuple[str, str, str, str]]:
    """Name, title, explanation and section of each field of the retraining's form."""
    train, back, inner = "Train a challenger", "Or put an older version in place", "Set by the system"
    end = "Rows up to this moment are used. Empty: the end of the monitor's last complete window."
    base = "Branch, tag or commit to train from. Empty: what the monitor's YAML says."
    force = "Train in spite of cooldown, budget and unchanged data. Faults in the data are never overridden."
    version = "`previous`, or a version such as v1.0.0. The run then only does this, and nothing is trained."
    challenger = "Compare a challenger that an earlier run trained, instead of training one."
    return [
        ("reason", "Reason", "Kept with the decision.", train),
        ("window_end", "End of the rows (UTC)", end, train),
        ("base_revision", "Train from", base, train),
        ("force", "Force", force, train),
        ("rollback", "Roll back to", version, back),
        ("challenger", "Challenger", challenger, inner),
    ]


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
        ("Schedule", f"{monitor.schedule} (UTC), from {stamp(monitor.first_moment)}{_end(monitor)}"),
        (
            "Window",
            "the schedule's interval" if monitor.window is None else f"{in_words(monitor.window)} before each tick",
        ),
        ("Source", _source(monitor.source)),
        ("Features", ", ".join(monitor.features) if monitor.lists_features else "every feature of the reference"),
        ("Fewest rows to judge", str(monitor.minimum_rows)),
        ("Rules", _rules(monitor)),
        ("Compared with", _baselines(monitor)),
        *alert_facts(monitor),
    ]


def _rules(monitor: Monitor) -> str:
    policy = monitor.policy
    if policy.rules == "classic":
        return f"classic: each column by itself, at a significance level of {policy.significance:g}"
    if policy.rules != "calibrated":
        return f"{policy.rules}: fixed limits for each column by itself"
    return (
        f"calibrated: a budget of {monitor.alarms.budget.words}; `monitoring explain {monitor.name}` says what it buys"
    )


def _baselines(monitor: Monitor) -> str:
    """What windows are compared with, and the columns that are compared with something else."""
    usual = monitor.drift.baseline
    others = [name for name in monitor.features if monitor.baseline(name) != usual]
    own = "".join(f"; {name}: {baseline_words(monitor.baseline(name))}" for name in others)
    return f"{baseline_words(usual)}{own}"


def _source(source: ParquetSource | SqlSource | RestSource) -> str:
    if isinstance(source, ParquetSource):
        return f"parquet at {source.path}"
    if isinstance(source, RestSource):
        return f"JSON of {source.url}"
    return f"{'table ' + source.table if source.table else 'a query'} through connection {source.connection}"


def plain(text: str) -> str:
    """Text that Markdown shows as it is, on one line.

    >>> plain("a|b\\n<script>")
    'a\\\\|b \\\\<script\\\\>'
    """
    return re.sub(r"([\\\\`*_{}\[\]<>#|!])", r"\\\1", " ".join(text.split()))


def _end(monitor: Monitor) -> str:
    return f" up to {monitor.end}" if monitor.end else ""
