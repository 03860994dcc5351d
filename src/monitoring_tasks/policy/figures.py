"""A window's figures as text: what a log and the command line tell a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeGuard

from monitoring_tasks.performance.record import OF_CLASS, Against, Estimated, Figure, Interval, Maturity, Restatement
from monitoring_tasks.policy.narrative import next_step, plain
from monitoring_tasks.policy.verdict import Verdict
from monitoring_tasks.window import stamp

HEADER = ("metric", "value", "interval", "reference", "days before", "expected from scores")
CLASSES = 10
"""So many classes are shown."""
SEGMENTS = 5
"""So many segments are shown, the worst first."""


def narrate_performance(said: Restatement, verdict: Verdict, *, step: str = "") -> str:
    """The whole story of a performance run: verdict, how much is known, reasons, figures, next step.

    That is `step`, where it is known.
    """
    lines = [
        f"{said.monitor}: {verdict.outcome.upper()}, severity {verdict.severity.word}",
        f"window {said.window}, champion {said.champion}, as known on {stamp(said.known_at)}",
        known(said.maturity),
        *(f"- {plain(reason)}" for reason in verdict.reasons),
        *figures_table(said),
        f"Next step: {plain(step) or next_step(verdict)}",
    ]
    return "\n".join(lines)


def known(maturity: Maturity) -> str:
    """How much is known of a window, in words.

    >>> known(Maturity(predictions=6684, labelled=6126, final=6684))
    '6,684 predictions: 92% have a label, 100% are final'
    >>> known(Maturity(0, 0, 0))
    'no predictions'
    """
    if not maturity.predictions:
        return "no predictions"
    more = [
        f"{count:,} {words}"
        for count, words in ((maturity.repeated, "rows repeat an id"), (maturity.unpredicted, "bear no prediction"))
        if count
    ]
    covered, final = maturity.coverage or 0.0, maturity.maturity or 0.0
    told = f"{maturity.predictions:,} predictions: {covered:.0%} have a label, {final:.0%} are final"
    return "; ".join([told, *more])


def figures_table(said: Restatement) -> list[str]:
    """Aligned lines: every metric of all rows with what it is compared with, then the worst segments."""
    whole = [figure for figure in said.figures if not figure.segment]
    if not whole or not said.maturity.predictions:
        return []
    lines = aligned([HEADER, *(_row(figure) for figure in whole)])
    estimates = [each.estimated for each in whole]
    refused = dict.fromkeys(plain(each.refused) for each in filter(_is_refused, estimates))
    lines += [f"what scores let expect is not believed: {reason}" for reason in refused]
    lines += _by_class(said.figures)
    worst = list(_worst(said.figures))[:SEGMENTS]
    return [*lines, *([f"worst segments: {'; '.join(map(_segment, worst))}"] if worst else [])]


def _is_refused(estimated: Estimated | None) -> TypeGuard[Estimated]:
    """Whether there is an estimate that is not believed; where there is none, there is nothing to believe."""
    return estimated is not None and bool(estimated.refused) and estimated.interval.value is not None


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as lines of aligned text, with a rule beneath the first."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [text[0], "-" * len(text[0]), *text[1:]]


def _row(figure: Figure) -> tuple[str, ...]:
    corrected = "" if figure.corrected is None else f" (raw {number(figure.raw.value)})"
    value = "undefined" if figure.best.value is None else f"{number(figure.best.value)}{corrected}"
    interval = plain(figure.reason) if figure.best.value is None else span(figure.best)
    baselines = (_baseline(figure.against, kind) for kind in ("champion", "trailing"))
    return (figure.name, value, interval, *baselines, _expected(figure.estimated))


def _baseline(against: Mapping[str, Against], kind: str) -> str:
    found = against.get(kind)
    if found is None:
        return ""
    return f"{number(found.baseline)} {found.status}"


def _expected(estimated: Estimated | None) -> str:
    if estimated is None or estimated.interval.value is None:
        return ""
    return f"{number(estimated.interval.value)} [{span(estimated.interval)}]{' ?' if estimated.refused else ''}"


def span(interval: Interval) -> str:
    """The limits of an interval.

    >>> span(Interval(0.5, 0.25, 0.75)), span(Interval(0.5))
    ('0.25 to 0.75', '')
    """
    return "" if interval.low is None else f"{number(interval.low)} to {number(interval.high)}"


def number(value: float | None) -> str:
    """A figure with three digits that count, a large one as a whole number.

    >>> number(0.69012), number(1234.4), number(5e15), number(None)
    ('0.69', '1234', '5e+15', 'unknown')
    """
    if value is None:
        return "unknown"
    return f"{value:.0f}" if 1000 <= abs(value) < 1e12 else f"{value:.3g}"


def _by_class(figures: Sequence[Figure]) -> Iterator[str]:
    """A line for each metric that is known by class."""
    found = [each for each in figures if each.segment.startswith(OF_CLASS)]
    for metric in dict.fromkeys(each.name for each in found):
        told = [f"{plain(each.segment.removeprefix(OF_CLASS))} {_value(each)}" for each in found if each.name == metric]
        more = f", and {len(told) - CLASSES} more" if len(told) > CLASSES else ""
        yield f"{metric} by class: {', '.join(told[:CLASSES])}{more}"


def _value(figure: Figure) -> str:
    return "undefined" if figure.best.value is None else number(figure.best.value)


def _worst(figures: Sequence[Figure]) -> Iterator[Figure]:
    """Segments that are worse than their baseline, those farthest beyond their limit first."""
    compared = [each for each in figures if each.segment and each.against and each.best.value is not None]
    found = sorted(((_excess(figure), figure.segment, figure) for figure in compared), key=lambda each: each[:2])
    return (figure for excess, _, figure in found if excess < 0)


def _excess(figure: Figure) -> float:
    return -max((each.drop or 0.0) / each.limit for each in figure.against.values())


def _segment(figure: Figure) -> str:
    return f"{plain(figure.segment)} {figure.name} {number(figure.best.value)}"
