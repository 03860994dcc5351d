"""What the page of one column says: its checks in one window, its two sides in numbers, and its scores over time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitoring_tasks.checks import Check, CheckResult, Status
from monitoring_tasks.scores import ColumnScore
from monitoring_tasks.store.board import Head
from monitoring_tasks.views.heat_map import Name
from monitoring_tasks.views.plots import UNKNOWN, Picture, Point, history_picture, with_level
from monitoring_tasks.views.timeline import Timeline
from monitoring_tasks.views.words import NOTHING, ORDINARY, number, share, spoken
from monitoring_tasks.window import Window

SEGMENTS = 20
_PLACES = (Status.FAILED, Status.SUSPECT, Status.UNDECIDED, Status.PASSED)
Scores = Mapping[Window, Sequence[ColumnScore]]


@dataclass(frozen=True)
class Told:
    """A check of the column, and why it came out as it did, as far as that is known."""

    result: CheckResult
    why: str

    @property
    def size(self) -> str:
        """How large what was found is; of what passed beyond its limit, that it does so usually."""
        if self.result.status is Status.PASSED:
            return ORDINARY if self.result.large or self.result.severe else ""
        return "severe" if self.result.severe else "large" if self.result.large else ""


def checks_of(results: Iterable[CheckResult], column: str) -> list[Told]:
    """The checks of a column over all rows, findings first."""
    mine = [each for each in results if each.column == column and not each.segment]
    return [_told(each) for each in sorted(mine, key=_place)]


def segments_of(results: Iterable[CheckResult], column: str) -> tuple[list[Told], int]:
    """The drift of a column in segments, the worst first, and in how many segments it was looked at."""
    mine = sorted((each for each in results if each.column == column and each.segment), key=_place)
    return [_told(each) for each in mine[:SEGMENTS]], len(mine)


def _place(result: CheckResult) -> tuple[Any, ...]:
    return (_PLACES.index(result.status), result.check is not Check.DRIFT, -(result.value or 0.0), result.key)


def _told(result: CheckResult) -> Told:
    return Told(result, "; ".join(filter(None, (result.cause, result.season, result.detail))))


def sides_of(checks: Iterable[Told]) -> list[tuple[str, str, str]]:
    """The reference and the window in numbers, line by line; empty where no check kept them.

    >>> from monitoring_tasks.checks import Suite
    >>> sides = {"reference": {"mean": 40.0}, "current": {"mean": 52.5, "missing_share": 0.01}}
    >>> sides_of([Told(CheckResult(Suite.DATA_DRIFT, Check.DRIFT, Status.PASSED, "age", value=0.1, **sides), "")])
    [('mean', '40', '52.5'), ('missing share', '–', '1%')]
    """
    found = next((each.result for each in checks if each.result.reference or each.result.current), None)
    if found is None:
        return []
    names = dict.fromkeys((*found.reference, *found.current))
    return [(spoken(name), _said(name, found.reference), _said(name, found.current)) for name in names]


def _said(name: str, summary: Mapping[str, Any]) -> str:
    value = summary.get(name)
    if name == "top":
        return ", ".join(f"{category} {share(part)}" for category, part in value or ()) or NOTHING
    if isinstance(value, int | float):
        return share(value) if name.endswith("share") else number(value)
    return NOTHING if value is None else str(value)


def of_column(scores: Scores, column: str) -> dict[Window, ColumnScore]:
    """A column's scores by window; windows that know nothing of it are left out."""
    found = (
        (window, next((each for each in several if each.column == column), None)) for window, several in scores.items()
    )
    return {window: score for window, score in found if score is not None}


def pictures_of(heads: Sequence[Head], mine: Mapping[Window, ColumnScore], timeline: Timeline) -> list[Picture]:
    """The column's drift score with its threshold, and its missing share, over time.

    Of a window that could not be judged no score is shown, whatever was computed of it.
    """
    unknown = [(head.subject.window, head.outcome) for head in heads if head.outcome in UNKNOWN]
    hidden = {window for window, _ in unknown}
    found = [(head.subject.window, mine.get(head.subject.window)) for head in heads]
    told = [(window, None if window in hidden else score) for window, score in found]
    scores = [Point(window, score.score, _of(score)) if score else Point(window, None) for window, score in told]
    levels = [(window, score.threshold if score else None) for window, score in told]
    shares = [Point(window, score.missing if score else None) for window, score in found]
    drift = with_level(history_picture(scores, unknown, timeline, name="drift score"), levels, name="threshold")
    return [drift, history_picture(shares, unknown, timeline, name="missing share", form=".1%")]


def _of(score: ColumnScore) -> str:
    said = f"{score.drift or 'not judged'}{f', {ORDINARY}' if score.ordinary else ''}"
    return f"{spoken(score.method or 'score')}, {said}, threshold {number(score.threshold)}"


def neighbours(names: Sequence[Name], column: str) -> tuple[str | None, str | None]:
    """The columns before and after one in the order of the heat map."""
    order = [each.column for each in names]
    if column not in order:
        return None, None
    at = order.index(column)
    return (order[at - 1] if at else None), (order[at + 1] if at + 1 < len(order) else None)
