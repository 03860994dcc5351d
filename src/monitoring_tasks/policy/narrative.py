"""What a run tells a person: the table of what drifted, the verdict in words, and the next step."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from monitoring_tasks.checks import Check, CheckResult, Status
from monitoring_tasks.policy.missing import alike, percent, usual
from monitoring_tasks.policy.verdict import Action, Outcome, Verdict
from monitoring_tasks.severity import Severity
from monitoring_tasks.window import stamp

HEADER = ("suite", "check", "column", "method", "score", "threshold", "reference", "current")
WIDEST = 44


_UNKNOWN = {
    Outcome.NO_DATA: "Check that the model serves and that its prediction log arrives; then clear this run to judge "
    "again.",
    Outcome.TOO_FEW_ROWS: "Check traffic and the prediction log; if so few rows are normal, widen the window or lower "
    "minimum_rows.",
    Outcome.LABELS_IMMATURE: "Check that labels arrive, and bear the ids of the predictions.",
}

UNTRAINED = "Open the report and look for the cause: what was released, configured anew, or failed in that window?"
"""The next step for a model that nobody retrains here, such as one that answers with text."""


def next_step(verdict: Verdict, *, faulty: str = "") -> str:
    """The one thing to do now, for the person who reads the log or the alert; `faulty` names columns to ask about."""
    if verdict.outcome is Outcome.LABELS_IMMATURE and verdict.severity <= Severity.LOW:
        return "Wait: labels are still coming, and this window is judged anew by the next runs."
    if verdict.outcome in _UNKNOWN:
        return _UNKNOWN[verdict.outcome]
    if verdict.evidence.get("retrainable") is False and verdict.severity >= Severity.MEDIUM:
        return UNTRAINED
    if Action.BLOCK_RETRAINING in verdict.actions:
        columns = plain(faulty) or "the columns named above"
        return f"Ask data engineering about {columns}; retraining stays blocked until the data is sound."
    return _by_report(verdict)


def _by_report(verdict: Verdict) -> str:
    if Action.RETRAIN in verdict.actions:
        return f"{why_retrain(verdict)}: look at the report, then retrain."
    if Action.INVESTIGATE in verdict.actions:
        return "Open the report and look for the cause; one window is no reason to retrain."
    return "Nothing to do." if verdict.outcome is Outcome.HEALTHY else "Look at the checks named above in the report."


def narrate(verdict: Verdict, results: Sequence[CheckResult], *, step: str = "") -> str:
    """The whole story of a run as text: verdict, reasons, table of findings, next step (`step`, where it is known)."""
    subject = verdict.subject
    lines = [
        f"{subject.monitor}: {verdict.outcome.upper()}, severity {verdict.severity.word}",
        f"window {subject.window}, champion {subject.champion}, {verdict.evidence.get('rows', '?')} rows",
        *(f"- {plain(reason)}" for reason in verdict.reasons),
        f"Next step: {plain(step) or next_step(verdict)}",
    ]
    # Without rows every check is undecided: a table of them would hide the one thing that is known.
    table = "" if verdict.outcome is Outcome.NO_DATA else findings_table(told(verdict, results))
    return "\n".join([*lines[:-1], *([table] if table else []), lines[-1]])


def told(verdict: Verdict, results: Sequence[CheckResult]) -> list[CheckResult]:
    """The results, a suspect that the verdict found to persist being a finding: failed."""
    findings = verdict.evidence.get("findings") or ()
    weak = {
        (each["suite"], each["check"], each["column"] or "", each["segment"]) for each in findings if each.get("weak")
    }
    return [replace(result, status=Status.FAILED) if result.key in weak else result for result in results]


def findings_table(results: Sequence[CheckResult], *, most: int = 30) -> str:
    """An aligned text table of the checks that did not pass, drift first by score; empty when all passed.

    Those of segments are left to the report: there may be hundreds, and the verdict names the worst. Columns that lack
    values together share a row.
    """
    failed = [each for each in results if each.status not in (Status.PASSED, Status.SUSPECT) and not each.segment]
    failed.sort(key=lambda result: (result.check is not Check.DRIFT, -(result.value or 0.0), result.key))
    together: dict[Hashable, list[CheckResult]] = {}
    for result in failed:
        together.setdefault(alike(result.to_json()) or result.key, []).append(result)
    rows = [HEADER, *(_row(group[0], len(group)) for group in list(together.values())[:most])]
    if len(rows) == 1:
        return ""
    widths = [max(len(row[index]) for row in rows) for index in range(len(HEADER))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    more = [f"... and {len(together) - most} more"] if len(together) > most else []
    return "\n".join([text[0], "-" * len(text[0]), *text[1:], *more])


def _row(result: CheckResult, columns: int) -> tuple[str, ...]:
    score, threshold = (in_table(result, number, digits=4) for number in (result.value, result.threshold))
    column = f"{columns} columns" if columns > 1 else plain(result.column or "(all)")
    cells = (result.suite, result.check, column, result.method or "", score or "undecided", threshold)
    return (*(str(cell) for cell in cells), *sides(result))


def in_table(result: CheckResult, number: float | None, *, digits: int) -> str:
    """A result's value or threshold as a cell: a missing share in per cent, a large number whole; empty for none.

    >>> from monitoring_tasks.checks import Suite
    >>> missing = CheckResult(Suite.DATA_QUALITY, Check.MISSING_SHARE, Status.FAILED, "temp", value=0.05396)
    >>> in_table(missing, 0.05396, digits=3), in_table(missing, None, digits=3)
    ('5.4%', '')
    """
    if number is None:
        return ""
    if result.check is Check.MISSING_SHARE:
        return percent(number, 3)
    return f"{number:.0f}" if 1000 <= abs(number) < 1e12 else f"{number:.{digits}g}"


def sides(result: CheckResult) -> tuple[str, str]:
    """What a result compared, its baseline and its window, in a few words each; its detail where nothing was kept."""
    own = usual(result.to_json()) if result.check is Check.MISSING_SHARE else None
    if own is not None:
        return percent(own), ""
    return brief(result.reference), brief(result.current) or plain(result.detail)


def brief(summary: Mapping[str, Any]) -> str:
    """One column's summary in a few words.

    >>> brief({"rows": 5, "missing_share": 0.0, "mean": 36.52, "sd": 9.1})
    'mean 36.52 sd 9.1'
    >>> brief({"rows": 5, "missing_share": 0.25, "top": [["EWR", 0.5]]})
    'EWR 50%, missing 25%'
    >>> brief({"level": "mean 35.9", "rows": 5, "mean": 36.52})
    'mean 35.9'
    """
    if summary.get("level"):  # the figure that was tested
        return str(summary["level"])
    parts = []
    if summary.get("mean") is not None:
        parts.append(f"mean {summary['mean']:.4g} sd {summary.get('sd') or 0:.4g}")
    if summary.get("top"):
        parts.append(" ".join(f"{plain(str(value))} {share:.0%}" for value, share in summary["top"]))
    if (summary.get("missing_share") or 0) >= 0.005:
        parts.append(f"missing {summary['missing_share']:.0%}")
    return ", ".join(parts)[:WIDEST]


def plain(text: str) -> str:
    """Text on one line without control characters: column names and categories come from outside.

    >>> plain("a\\nb\\x1b[31m")
    'a b [31m'
    """
    return "".join(character if character.isprintable() else " " for character in text)


def why_retrain(verdict: Verdict) -> str:
    """Why a verdict asks for a retraining, in three words or four; drift of unknown findings is taken to persist."""
    if verdict.outcome is Outcome.DEGRADED:
        return "The model got worse"
    findings = verdict.evidence.get("findings") or [{}]
    return "The drift persists" if any(each.get("persistent", True) for each in findings) else "The drift is severe"


def request_reason(verdict: Verdict) -> str:
    """Why a verdict requests a retraining, in a sentence."""
    return plain(f"{verdict.outcome.value} in {verdict.subject.window}: {next(iter(verdict.reasons), '')}")


def request_end(verdict: Verdict) -> str:
    """The moment up to which the retraining that a verdict requests uses rows: its window's end.

    Worse figures are found when labels are final, perhaps months after the window: then it is the moment at which they
    were known, or the newest labels would be left out.
    """
    return str(verdict.evidence.get("known_at") or stamp(verdict.subject.window.end))
