"""What a model's page says beside its plots and its heat map: cards, segments, data quality and retrainings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from monitoring_tasks.checks import Check, CheckResult, Status, Suite
from monitoring_tasks.performance.headline import MetricLine
from monitoring_tasks.performance_section import metric_name
from monitoring_tasks.policy.narrative import brief
from monitoring_tasks.policy.verdict import Outcome
from monitoring_tasks.retraining.names import run_slug
from monitoring_tasks.scores import ColumnScore, Headline
from monitoring_tasks.store.board import Head, PerformanceHead
from monitoring_tasks.store.records import RetrainingRecord
from monitoring_tasks.views.plots import UNKNOWN, between
from monitoring_tasks.views.words import NOTHING, ORDINARY, number, share, signed, span, spoken
from monitoring_tasks.window import Window

SEGMENTS = 20
COLUMNS = 20
FAULTS = 40
"""So many findings of segments, columns with missing values, and faults are shown."""
_FOUND = (Status.FAILED, Status.SUSPECT, Status.UNDECIDED)
_WIDTH, _HEIGHT = 120, 22


@dataclass(frozen=True)
class Card:
    """One figure with what it is compared to. `state` is a word of the style sheet: healthy, unknown ...

    `decides` is False for a metric that is not held against a baseline.
    """

    title: str
    figure: str
    change: str = ""
    notes: tuple[str, ...] = ()
    state: str = ""
    decides: bool = True


def metric_cards(judged: PerformanceHead | None, newest: PerformanceHead | None) -> list[Card]:
    """A card for each metric of the newest window whose labels were enough, and one of how complete labels are."""
    shown = judged or newest
    if shown is None or newest is None:
        return []
    of = span(shown.subject.window)
    return [_maturity_card(newest), *(_metric_card(line, shown, of) for line in shown.headline.lines)]


def _metric_card(line: MetricLine, head: PerformanceHead, of: str) -> Card:
    immature, decides = head.outcome in UNKNOWN, line.status is not None
    state = "unknown" if immature else "" if _by_chance(line) else _STATES.get(line.status or "", "")
    said = f"{of}: {UNKNOWN[head.outcome]}" if immature else of
    notes = (f"interval {told}" if (told := between(line.figure)) else "", f"{number(line.rows)} labelled rows", said)
    value = NOTHING if line.figure.value is None else number(line.figure.value)
    if line.figure.value is None:
        return Card(
            spoken(line.name), value, line.reason or "undefined", tuple(filter(None, notes)), "unknown", decides
        )
    return Card(spoken(line.name), value, change_of(line), tuple(filter(None, notes)), state, decides)


_STATES = {"failed": "degraded", "passed": "healthy", "suspect": "warning", "undecided": "unknown"}


def change_of(line: MetricLine) -> str:
    """A metric against the champion's baseline, in words; that it is not compared where it is not.

    >>> from monitoring_tasks.performance.record import Interval
    >>> change_of(MetricLine("auc", 9, Interval(0.7), baseline=0.75, drop=0.05, limit=0.02))
    'worse than 0.75 by 0.05, limit 0.02'
    """
    if line.baseline is None:
        return "not compared"
    if line.drop is None:
        return f"baseline {number(line.baseline)}, not compared"
    told = share if line.relative else number
    if not line.drop:
        return f"the same as {number(line.baseline)}"
    how = f"{'worse' if line.drop > 0 else 'better'} than {number(line.baseline)} by {told(abs(line.drop))}"
    why = ", no more than windows vary by chance" if _by_chance(line) else ""
    return f"{how}, limit {told(line.limit)}{why}"


def _by_chance(line: MetricLine) -> bool:
    """Whether a metric lies beyond its limit, and is no finding."""
    return line.status == "passed" and line.drop is not None and line.limit is not None and line.drop > line.limit


def _maturity_card(newest: PerformanceHead) -> Card:
    it, waiting = newest.headline.maturity, newest.outcome is Outcome.LABELS_IMMATURE
    change = "labels immature: figures are judged once they are in" if waiting else f"{share(it.maturity)} final"
    notes = (f"{number(it.labelled)} of {number(it.predictions)} predictions", span(newest.subject.window))
    return Card("labelled", share(it.coverage), change, notes, "unknown" if newest.outcome in UNKNOWN else "")


def drift_cards(head: Head, scores: Sequence[ColumnScore], partial: Set[str] = frozenset()) -> list[Card]:
    """Cards of the newest window: drifted features, the prediction, missing values and rows.

    Columns that are `partial` have no value in some rows on purpose: those are not missing.
    """
    it, of = head.headline, span(head.subject.window)
    rows = Card("rows", number(head.rows), notes=(of,), state="unknown" if head.outcome in UNKNOWN else "")
    if head.outcome in UNKNOWN:
        why = UNKNOWN[head.outcome]
        return [Card("drifted features", NOTHING, why, (of,), "unknown"), rows]
    drifted = Card(
        "drifted features",
        f"{it.drifted} of {it.features}",
        ", ".join(it.columns) or f"{it.suspect} suspect, {it.undecided} undecided",
        (of,),
        _drift_state(it),
    )
    return [drifted, *_prediction_card(scores, of), *_missing_card(scores, of, partial), rows]


def _drift_state(told: Headline) -> str:
    if told.drifted:
        return "drifted"
    if told.undecided or not told.features:
        return "unknown"
    return "warning" if told.suspect else "healthy"


def _prediction_card(scores: Sequence[ColumnScore], of: str) -> Iterable[Card]:
    found = next((each for each in scores if each.role == "prediction"), None)
    if found is not None and found.drift is not None:
        state = {"failed": "drifted", "passed": "healthy", "suspect": "warning"}.get(found.drift, "unknown")
        limit = "" if found.threshold is None else f" against {number(found.threshold)}"
        measured = (
            f"{spoken(found.method or 'score')} {number(found.score)}{limit}{f', {ORDINARY}' if found.ordinary else ''}"
        )
        yield Card("prediction drift", str(found.drift), measured, (found.column, of), state)


def _missing_card(scores: Sequence[ColumnScore], of: str, partial: Set[str]) -> Iterable[Card]:
    known = [each for each in scores if each.missing is not None and each.column not in partial]
    if known:
        worst = max(known, key=lambda each: each.missing or 0.0)
        told = worst.column if worst.missing else "no column has missing values"
        yield Card("most missing", share(worst.missing), told, (of,), "drifted" if worst.quality == "failed" else "")


@dataclass(frozen=True)
class Finding:
    """A check that did not pass, with what it compared, and why as far as that is known."""

    result: CheckResult
    compared: str
    why: str


def segments_of(results: Iterable[CheckResult]) -> tuple[list[Finding], int]:
    """The worst findings in segments, and how many there are."""
    found = sorted((each for each in results if each.segment and each.status in _FOUND), key=_worst)
    return [finding(each) for each in found[:SEGMENTS]], len(found)


def faults_of(results: Iterable[CheckResult]) -> tuple[list[Finding], int]:
    """The worst findings of data quality over all rows, and how many there are."""
    of_quality = (each for each in results if each.suite is Suite.DATA_QUALITY and not each.segment)
    found = sorted((each for each in of_quality if each.status in _FOUND), key=_worst)
    return [finding(each) for each in found[:FAULTS]], len(found)


def _worst(result: CheckResult) -> tuple[Any, ...]:
    excess = (result.value or 0.0) / result.threshold if result.threshold else result.value or 0.0
    return (_FOUND.index(result.status), result.check is not Check.DRIFT, -excess, result.key)


def finding(result: CheckResult) -> Finding:
    """A check's result in words."""
    sides = [brief(side) for side in (result.reference, result.current)]
    compared = f"{sides[0] or NOTHING} → {sides[1] or NOTHING}" if any(sides) else ""
    return Finding(result, compared, "; ".join(filter(None, (result.cause, result.season, result.detail))))


@dataclass(frozen=True)
class Missing:
    """The share of missing values of a column over the range."""

    column: str
    newest: float | None
    lowest: float
    highest: float
    line: Markup


def missing_of(windows: Sequence[Window], scores: Mapping[Window, Sequence[ColumnScore]]) -> tuple[list[Missing], int]:
    """The columns with the highest missing shares, and how many columns have any missing value."""
    shares: dict[str, list[float | None]] = {}
    for place, window in enumerate(windows):
        for score in scores.get(window, ()):
            if score.missing is not None:
                shares.setdefault(score.column, [None] * len(windows))[place] = score.missing
    found = [(column, values) for column, values in shares.items() if any(values)]
    found.sort(key=lambda each: (-(each[1][-1] or 0.0), -max(value or 0.0 for value in each[1]), each[0]))
    return [_missing(column, values) for column, values in found[:COLUMNS]], len(found)


def _missing(column: str, values: Sequence[float | None]) -> Missing:
    known = [value for value in values if value is not None]
    return Missing(column, values[-1], min(known), max(known), sparkline(values))


def sparkline(values: Sequence[float | None]) -> Markup:
    """Values from 0 to the highest as a small line; a gap where there is none. The table beside it tells the numbers.

    >>> sparkline([0.0, None, 0.5]).count("<polyline")
    2
    """
    top, last = max((value for value in values if value is not None), default=0.0) or 1.0, max(len(values) - 1, 1)
    runs: list[list[str]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append(f"{_WIDTH * place / last:.1f},{_HEIGHT - 1 - (_HEIGHT - 2) * value / top:.1f}")
    # A point alone is drawn as a line without a length, whose round ends are seen.
    lines = "".join(f'<polyline points="{" ".join(run * 2 if len(run) == 1 else run)}"/>' for run in runs if run)
    size = f'viewBox="-2 -2 {_WIDTH + 4} {_HEIGHT + 4}" width="{_WIDTH}" height="{_HEIGHT}"'
    return Markup(f'<svg class="spark" {size} aria-hidden="true">{lines}</svg>')  # noqa: S704  numbers alone


@dataclass(frozen=True)
class Trial:
    """A retraining or rollback: what the gate decided, and where to read more. `slug` is empty without a comparison."""

    record: RetrainingRecord
    decision: str
    reasons: tuple[str, ...]
    slug: str

    @property
    def state(self) -> str:
        """A word of the style sheet."""
        return {"promoted": "healthy", "failed": "degraded"}.get(self.record.state, "")

    @property
    def primary(self) -> str:
        """The difference on the metric that decides, with its interval; empty where there is none."""
        found = (self.record.verdict or {}).get("primary") or {}
        if found.get("difference") is None:
            return ""
        low, high = found.get("low"), found.get("high")
        name = metric_name(str(found.get("metric", "")), found.get("alert_rate"))
        between = "" if low is None or high is None else f" [{signed(low)}, {signed(high)}]"
        return f"{spoken(name)} {signed(found['difference'])}{between}"


def trials_of(records: Iterable[RetrainingRecord]) -> list[Trial]:
    """The retrainings of a model in the order given."""
    return [_trial(each) for each in records]


def _trial(record: RetrainingRecord) -> Trial:
    verdict = record.verdict or {}
    decision, reasons = str(verdict.get("decision", "")), tuple(map(str, verdict.get("reasons", ())))
    return Trial(record, decision, reasons[:3], run_slug(record.run) if decision else "")
