"""The columns of a monitor's newest window as lines: by far most of a scrape, and what changes least."""

from __future__ import annotations

from collections.abc import Sequence

from monitoring_tasks.checks import Status
from monitoring_tasks.metrics import families
from monitoring_tasks.metrics.families import Family
from monitoring_tasks.metrics.sheet import Sheet
from monitoring_tasks.policy.verdict import Outcome
from monitoring_tasks.scores import ColumnScore, Role

MOST = 500
"""So many columns of a monitor have series; those that drifted come first, then those with a fault."""
UNKNOWN = frozenset({Outcome.NO_DATA, Outcome.TOO_FEW_ROWS})
"""Outcomes of windows whose columns say nothing."""

_FAMILIES: dict[Role, tuple[Family, Family, Family, Family]] = {
    "feature": (
        families.FEATURE_SCORE,
        families.FEATURE_THRESHOLD,
        families.FEATURE_DRIFTED,
        families.FEATURE_MISSING,
    ),
    "prediction": (
        families.PREDICTION_SCORE,
        families.PREDICTION_THRESHOLD,
        families.PREDICTION_DRIFTED,
        families.PREDICTION_MISSING,
    ),
}


def column_texts(monitor: str, scores: Sequence[ColumnScore], outcome: Outcome) -> dict[Family, str]:
    """The lines of a monitor's columns, by family; none of a window that says nothing of them."""
    sheet = Sheet()
    known = () if outcome in UNKNOWN else tuple({score.column: score for score in scores}.values())
    chosen = _chosen(known)
    for score in chosen:
        _column(sheet, monitor, score)
    sheet.put(families.LEFT_OUT, len(known) - len(chosen), monitor)
    return {family: sheet.text(family) for family in families.OF_FEATURES if family in sheet.lines}


def _chosen(scores: Sequence[ColumnScore]) -> Sequence[ColumnScore]:
    if len(scores) <= MOST:
        return scores
    return sorted(scores, key=lambda each: (each.drift is not Status.FAILED, each.quality is not Status.FAILED))[:MOST]


def _column(sheet: Sheet, monitor: str, score: ColumnScore) -> None:
    value, threshold, drifted, missing = _FAMILIES[score.role]
    sheet.put(value, score.score, monitor, score.column, score.method or "")
    if score.drift is not None:
        sheet.put(threshold, score.threshold, monitor, score.column, score.method or "")
    sheet.put(drifted, _finding(score.drift), monitor, score.column)
    sheet.put(missing, score.missing, monitor, score.column)
    if score.role == "feature":
        sheet.put(families.FEATURE_FAULTY, _finding(score.quality), monitor, score.column)


def _finding(status: Status | None) -> int | None:
    """1 for a finding, 0 for none; None where nothing is known. A suspect is none as long as it does not persist."""
    return None if status in (None, Status.UNDECIDED) else int(status is Status.FAILED)
