"""A window's figures to a verdict: pure functions of what was measured and the policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from monitoring_tasks.checks import CheckResult
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.performance.record import Maturity, Restatement
from monitoring_tasks.performance_section import Performance
from monitoring_tasks.policy.decision import Given, Unknown, too_few, unknown, weigh
from monitoring_tasks.policy.verdict import Outcome, Subject, Verdict
from monitoring_tasks.severity import Severity
from monitoring_tasks.window import in_words, stamp


def decide_performance(
    monitor: Monitor,
    said: Restatement,
    results: Sequence[CheckResult],
    history: Sequence[Sequence[CheckResult] | None],
) -> Verdict:
    """The verdict on a window's figures as known at a moment.

    Without predictions it is `no_data`; with too few final labels, or mature with too few labels at all,
    `labels_immature`; with too few labelled rows `too_few_rows`: unknown, whatever the checks say. `history` has the
    results of the windows before as known at the same moment, newest first; None for one that could not be judged.
    """
    section = monitor.performance or Performance()
    subject = Subject(said.monitor, said.champion, said.window, said.config_hash)
    maturity = said.maturity
    evidence = {
        "known_at": stamp(said.known_at),
        "predictions": maturity.predictions,
        "labelled": maturity.labelled,
        "coverage": maturity.coverage,
        "maturity": maturity.maturity,
    }
    given = Given(results, maturity.labelled, history, evidence=evidence)
    why = _why_unknown(monitor, section, maturity)
    verdict = weigh(monitor, subject, given) if why is None else unknown(monitor, subject, given, why)
    return replace(verdict, reasons=(*verdict.reasons, *said.notes))


def judged_rows(monitor: Monitor, maturity: Maturity) -> bool:
    """Whether so many labels are enough to judge a window by."""
    return _why_unknown(monitor, monitor.performance or Performance(), maturity) is None


def _why_unknown(monitor: Monitor, section: Performance, maturity: Maturity) -> Unknown | None:
    if not maturity.predictions:
        return too_few(0, 1)
    mature, covered = maturity.maturity or 0.0, maturity.coverage or 0.0
    if mature < section.maturity:
        delay = in_words(monitor.labels.delay) if monitor.labels else "no time"
        return Unknown(
            Outcome.LABELS_IMMATURE,
            Severity.LOW,
            f"{mature:.0%} of {maturity.predictions} predictions have a final label, fewer than the "
            f"{section.maturity:.0%} needed to judge: labels are final {delay} after their prediction",
        )
    if covered < section.coverage:
        return Unknown(
            Outcome.LABELS_IMMATURE,
            Severity.MEDIUM,
            f"only {covered:.0%} of {maturity.predictions} predictions have a label although their time has passed, "
            f"fewer than the {section.coverage:.0%} needed to judge: the label log did not arrive, or its ids differ",
        )
    needed = section.minimum_rows or monitor.minimum_rows
    few = too_few(maturity.labelled, needed)
    return few and Unknown(
        Outcome.TOO_FEW_ROWS,
        few.severity,
        f"{maturity.labelled} labelled predictions in the window, fewer than the {needed} needed to judge",
    )
