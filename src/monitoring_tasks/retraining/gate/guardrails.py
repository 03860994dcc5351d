"""Conditions beside the deciding metric: other metrics, segments, calibration, floor, scoring time, size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from monitoring_tasks.retraining.gate.compare import excess_miss
from monitoring_tasks.retraining.gate.losses import better_when_less
from monitoring_tasks.retraining.gate.sample import Sample
from monitoring_tasks.retraining.gate.segments import SegmentColumn
from monitoring_tasks.retraining.gate.verdict import Comparison, Guardrail
from monitoring_tasks.retraining.gate.words import compared, decimals, figure, percent, shown
from monitoring_tasks.retraining_section import Gate

WORST_SHOWN = 3


SLACK_SECONDS = 10.0
"""A scoring that takes so much longer is no slower: starting a program on a busy machine varies by as much."""
SLACK_BYTES = 1 << 20


@dataclass(frozen=True)
class Cost:
    """What scoring the rows took one side, in seconds, and the bytes of its model; None where it was not measured."""

    seconds: float | None = None
    bytes: int | None = None


def other_metrics(others: Sequence[Comparison], gate: Gate) -> Iterator[Guardrail]:
    """Broken where all of the interval is below minus the tolerance."""
    for other in others:
        held = None if other.high is None else other.high >= -gate.tolerance
        yield Guardrail(other.name, held, compared(other, gate.confidence), other.difference, -gate.tolerance)


def segments(columns: Sequence[SegmentColumn], gate: Gate) -> Iterator[Guardrail]:
    """One for each segment column: broken where the challenger is worse in any value; open where none was judged."""
    for column in columns:
        worse = sorted((each for each in column.judged if each.worse), key=lambda each: each.adjusted)
        total = len(column.judged) + column.left
        told = f"{len(column.judged)} of {total} values judged, worse in {len(worse)}"
        if column.left:
            told += f"; {column.left} with {column.left_rows} rows in all left out, as too small"
        told += "".join(
            f"; {'rows without one' if each.value is None else shown(each.value)}: "
            f"{compared(each.comparison, gate.confidence)}, adjusted p {each.adjusted:.2g}"
            for each in worse[:WORST_SHOWN]
        )
        held = not worse if column.judged else None
        yield Guardrail(f"segments of {column.column}", held, told, float(len(worse)), 0.0)


def calibration(rows: Sample, task: str, gate: Gate) -> Iterator[Guardrail]:
    """By how much more the challenger's mean prediction misses the mean outcome than the champion's does.

    In probability for a binary model; in standard deviations of the outcome for a regression. Broken where all of the
    interval is above the limit: of few rows both miss by chance.
    """
    if task == "multiclass":
        return
    unit = float(rows.label.std()) if task == "regression" and len(rows) else 1.0
    if not len(rows) or unit == 0:
        yield Guardrail("calibration", None, "the outcomes do not vary: nothing to compare with")
        return
    actual, old, new = (float(np.mean(each)) for each in (rows.label, rows.champion, rows.challenger))
    excess, low = excess_miss(rows, confidence=gate.confidence)
    value, held = excess / unit, None if low is None else low / unit <= gate.calibration
    rare = min(actual, 1 - actual) if task == "binary" else unit
    places = decimals(rare / 10)
    beyond = places if task == "binary" else 3
    told = f"{_missed(actual, old, new, places)}; {figure(value, beyond, sign=True)}"
    if low is not None:
        told += f", at least {figure(low / unit, beyond, sign=True)} ({percent(gate.confidence)})"
    told += " standard deviations" if task == "regression" else ""
    yield Guardrail("calibration", held, told, value, gate.calibration)


def _missed(actual: float, old: float, new: float, places: int) -> str:
    means = (
        f"mean prediction {figure(new, places)} against {figure(old, places)}, mean outcome {figure(actual, places)}"
    )
    return f"{means}: off by {figure(abs(actual - new), places)} against {figure(abs(actual - old), places)}"


def floor(primary: Comparison, gate: Gate) -> Iterator[Guardrail]:
    """The challenger's own value of the deciding metric, where the gate has a floor."""
    if gate.floor is None:
        return
    if primary.challenger is None:
        yield Guardrail("floor", None, f"{primary.name} is undefined", None, gate.floor)
        return
    less = better_when_less(primary.metric)
    held = primary.challenger <= gate.floor if less else primary.challenger >= gate.floor
    places = decimals(primary.standard_error)
    told = f"{primary.name} {figure(primary.challenger, places)}, {'most' if less else 'least'} {gate.floor:g}"
    yield Guardrail("floor", held, told, primary.challenger, gate.floor)


def costs(champion: Cost, challenger: Cost, gate: Gate) -> Iterator[Guardrail]:
    """Scoring time and size of model, each as a ratio of challenger to champion; small differences do not count."""
    yield _ratio("latency", (champion.seconds, challenger.seconds), gate.latency, form="{:.1f} s", slack=SLACK_SECONDS)
    yield _ratio("size", (champion.bytes, challenger.bytes), gate.size, form="{:d} bytes", slack=SLACK_BYTES)


def _ratio(name: str, found: tuple[float | None, float | None], limit: float, *, form: str, slack: float) -> Guardrail:
    old, new = found
    if not old or new is None:
        return Guardrail(name, None, "not measured", None, limit)
    told = f"{form.format(new)} against {form.format(old)}: {new / old:.2f} times, most {limit:g}"
    return Guardrail(name, new / old <= limit or new - old <= slack, told, new / old, limit)


def told(guardrail: Guardrail) -> str:
    """The guardrail as a sentence.

    >>> told(Guardrail("size", False, "300 bytes against 60 bytes: 5.00 times, most 3", 5.0, 3.0))
    'Guardrail size is broken: 300 bytes against 60 bytes: 5.00 times, most 3.'
    """
    state = {True: "holds", False: "is broken", None: "cannot be judged"}[guardrail.held]
    return f"Guardrail {shown(guardrail.name)} {state}: {guardrail.detail}."
