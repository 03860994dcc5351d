"""The rule: promote, reject or inconclusive, and the sentences that say why."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from monitoring_tasks.errors import GateInvalid
from monitoring_tasks.retraining.gate import guardrails
from monitoring_tasks.retraining.gate.compare import compare
from monitoring_tasks.retraining.gate.guardrails import Cost, told
from monitoring_tasks.retraining.gate.power import POWER, rows_for, rows_to_see, shortages
from monitoring_tasks.retraining.gate.sample import GateData, Sample, sample
from monitoring_tasks.retraining.gate.segments import compare_segments
from monitoring_tasks.retraining.gate.verdict import Comparison, Decision, GateVerdict
from monitoring_tasks.retraining.gate.words import compared, decimals, figure, percent
from monitoring_tasks.retraining_section import METRICS, Gate, gate_metrics

UNKNOWN = Cost()


@dataclass(frozen=True)
class _Ruling:
    decision: Decision
    why: str
    needed_rows: int | None = None


def judge(
    data: GateData, gate: Gate, *, task: str, champion_cost: Cost = UNKNOWN, challenger_cost: Cost = UNKNOWN
) -> GateVerdict:
    """The gate's decision on rows that both sides scored; the same rows in any order give the same verdict.

    In this order: too few rows, rows of a class or days are inconclusive; identical predictions, a broken guardrail and
    an interval of the deciding metric below 0 are rejected; an interval above 0 is promoted; anything else is
    inconclusive. Raises `GateInvalid` for a metric that does not fit the task, a declared segment column that is
    missing, and rows that cannot be compared (see `GateData`).

    >>> import numpy as np
    >>> label, champion = np.tile([0, 1], 300), np.tile([0.4, 0.3, 0.2, 0.6], 150)
    >>> verdict = judge(GateData(label, champion, np.tile([0.1, 0.8], 300)), Gate(), task="binary")
    >>> verdict.decision, verdict.primary.difference
    ('promote', 0.25)
    """
    metric, *guarding = _metrics(gate, task)
    rows, order = sample(data, task=task, days=gate.blocks == "day")
    columns = {column: data.segments[column][order] for column in _declared(data, gate)}
    primary, *others = (
        compare(name, rows, confidence=gate.confidence, alert_rate=gate.alert_rate) for name in (metric, *guarding)
    )
    segments = compare_segments(rows, columns, metric, gate)
    found = GateVerdict(
        "inconclusive",
        (),
        primary,
        tuple(others),
        tuple(each for column in segments for each in column.judged),
        (
            *guardrails.other_metrics(others, gate),
            *guardrails.segments(segments, gate),
            *guardrails.calibration(rows, task, gate),
            *guardrails.floor(primary, gate),
            *guardrails.costs(champion_cost, challenger_cost, gate),
        ),
        _counts(rows, task),
        thresholds={**gate.model_dump(mode="json"), "metric": metric, "guardrails": guarding, "task": task},
    )
    identical = bool(np.array_equal(data.champion, data.challenger))
    return _ruled(found, _rule(found, gate, rows, identical=identical), gate)


def _metrics(gate: Gate, task: str) -> tuple[str, ...]:
    try:
        return gate_metrics(gate, task)
    except (KeyError, ValueError) as error:
        raise GateInvalid(f"a gate for the task {task}: {error}; tasks are {', '.join(METRICS)}") from error


def _declared(data: GateData, gate: Gate) -> tuple[str, ...]:
    missing = [column for column in gate.segments if column not in data.segments]
    if missing:
        raise GateInvalid(f"the rows lack the segment columns {missing}; they hold {sorted(data.segments)}")
    return gate.segments


def _counts(rows: Sample, task: str) -> dict[str, int | None]:
    positives = int(rows.label.sum()) if task == "binary" else None
    negatives = None if positives is None else len(rows) - positives
    return {"rows": len(rows), "days": rows.days, "positives": positives, "negatives": negatives}


def _rule(found: GateVerdict, gate: Gate, rows: Sample, *, identical: bool) -> _Ruling:
    primary = found.primary
    if short := shortages(found.counts, gate, blocks=rows.block is not None):
        return _too_few(short, len(rows))
    if identical:
        return _Ruling("reject", "Both sides predict the same in every row: nothing would change.")
    if against := _against(found):
        return _Ruling("reject", " ".join(against))
    if primary.low is not None and primary.low > 0:
        return _Ruling("promote", "All of the interval is above 0: the challenger is better.")
    return _undecided(primary, gate)


def _against(found: GateVerdict) -> list[str]:
    said = []
    if found.primary.high is not None and found.primary.high < 0:
        said.append("All of the interval is below 0: the challenger is worse.")
    if broken := sum(guardrail.held is False for guardrail in found.guardrails):
        said.append(f"Broken guardrails: {broken} of {len(found.guardrails)}.")
    return said


def _too_few(short: list[tuple[str, int, int]], rows: int) -> _Ruling:
    listed = ", ".join(f"{have} {name} where {wanted} are needed" for name, have, wanted in short)
    more = rows_for(short, rows)
    asked = "" if more is None else f"; about {more} more labelled rows needed"
    return _Ruling("inconclusive", f"Too few to judge: {listed}{asked}.", more)


def _undecided(primary: Comparison, gate: Gate) -> _Ruling:
    more = rows_to_see(primary, gate)
    if primary.difference is None or more is None:
        return _Ruling("inconclusive", "These rows say nothing about the difference.")
    places = decimals(primary.standard_error)
    if more == 0:
        improvement = figure(gate.improvement, places)
        return _Ruling(
            "inconclusive", f"The interval holds 0, though it would show an improvement of {improvement}.", 0
        )
    wanted = figure(max(primary.difference, gate.improvement), places)
    days = "" if not primary.days else f" ({-(-more * primary.days // primary.rows)} days like these)"
    text = f"about {more} more labelled rows needed{days} to see an improvement of {wanted} with {percent(POWER)} power"
    return _Ruling("inconclusive", f"The interval holds 0: {text}.", more)


def _ruled(found: GateVerdict, ruling: _Ruling, gate: Gate) -> GateVerdict:
    broken, unknown = ([told(each) for each in found.guardrails if each.held is held] for held in (False, None))
    held = sum(each.held is True for each in found.guardrails)
    reasons = (
        f"{compared(found.primary, gate.confidence)}.",
        ruling.why,
        *broken,
        *unknown,
        f"Guardrails that hold: {held} of {len(found.guardrails)}.",
    )
    return replace(found, decision=ruling.decision, reasons=reasons, needed_rows=ruling.needed_rows)
