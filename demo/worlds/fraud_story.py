"""The tables at the end of the fraud world, and the checks that they tell what the generator put into the payments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from demo.worlds.fraud_retraining import Judged, Requested
from demo.worlds.payment_logs import (
    CENTS,
    CLEAN,
    PARTS,
    PATTERN,
    PORTFOLIO,
    SCENARIOS,
    WEEKS,
    Scenario,
    window_of,
)
from monitoring_tasks.policy.verdict import Action, Outcome, Verdict
from monitoring_tasks.severity import Severity

RETRAINING = "retraining"
NAMED: Mapping[Scenario, str] = {
    PATTERN: "average_precision: ",
    PORTFOLIO: "merchant_category: ",
    CENTS: "probable cause: amount",
    PARTS: "payments_24h: ",
}
"""How a reason begins that is about a scenario."""


@dataclass(frozen=True)
class Told:
    """How a scenario was found: in which week, how severe, in which words, and what was asked for; None: it was not."""

    scenario: Scenario
    week: int | None = None
    about: str = ""
    severity: Severity = Severity.NONE
    reason: str = ""
    asked: str = ""


def tell(judged: Sequence[Judged], requested: Sequence[Requested]) -> list[Told]:
    """Each scenario with the first verdict that names it, from the week on in which it began.

    A later one is told as well where it is the first to ask for a retraining.
    """
    return [_told(each, list(_telling(each, judged, requested))) for each in SCENARIOS]


def _told(scenario: Scenario, telling: Sequence[Told]) -> Told:
    if not telling:
        return Told(scenario)
    first, asking = telling[0], next((each for each in telling if each.asked.startswith(RETRAINING)), None)
    if asking is None or asking is first:
        return first
    return replace(first, asked=f"{first.asked}; in week {asking.week} {asking.asked}")


def _telling(scenario: Scenario, judged: Sequence[Judged], requested: Sequence[Requested]) -> Iterator[Told]:
    for each in judged[scenario.first - 1 :]:
        for verdict in each.verdicts:
            reason = next((line for line in verdict.reasons if line.startswith(NAMED[scenario])), None)
            if reason is not None and verdict.outcome in (Outcome.WARNING, Outcome.DRIFTED, Outcome.DEGRADED):
                about = f"{verdict.subject.window.start:%d %b}"
                yield Told(scenario, each.week, about, verdict.severity, reason, _asked(each.week, verdict, requested))


def _asked(week: int, verdict: Verdict, requested: Sequence[Requested]) -> str:
    if Action.BLOCK_RETRAINING in verdict.actions:
        return "alert; retraining is blocked"
    if Action.RETRAIN not in verdict.actions:
        return "alert"
    end = next((each for each in requested if each.week == week and _is_of(each, verdict)), None)
    return f"{RETRAINING}, {_state(end)}" if end else RETRAINING


def _is_of(requested: Requested, verdict: Verdict) -> bool:
    return (requested.record.origin == "performance") == (verdict.outcome is Outcome.DEGRADED)


def _state(requested: Requested) -> str:
    refused = f" ({requested.code})" if requested.record.state == "refused" else ""
    return f"{requested.record.state}{refused}"


def scenarios_table(told: Sequence[Told]) -> Table:
    """One row a scenario, for people."""
    headings = ("scenario", "began", "found at the end of", "severity", "how it was named", "what was asked for")
    table = Table(*headings, box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_lines=True)
    for each in told:
        found = f"week {each.week}, about {each.about}" if each.week else "not found"
        cells = (each.scenario.name, _week(each.scenario.first), found, each.severity.word, each.reason, each.asked)
        table.add_row(*map(Text, cells))
    return table


def retrainings_table(requested: Sequence[Requested]) -> Table:
    """One row a retraining that was admitted, with the gate's figures."""
    headings = ("asked by", "trained on", "compared on", "average precision", "better by", "gate", "end")
    table = Table(*headings, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for each in _trained(requested):
        table.add_row(*map(Text, _cells(each)))
    return table


def _cells(requested: Requested) -> list[str]:
    record, primary = requested.record, _primary(requested)
    spans = [f"{span.start:%d %b} to {span.end:%d %b}" if span else "" for span in (record.training, record.evaluation)]
    figures = "{champion:.3f}, challenger {challenger:.3f}".format(**primary) if primary else ""
    better = "{difference:+.3f} [{low:+.3f}, {high:+.3f}]".format(**primary) if primary else ""
    by = f" by {record.decided_by}" if record.decided_by else ""
    return [
        f"{record.origin}, week {requested.week}",
        *spans,
        figures,
        better,
        _decision(requested),
        f"{record.state}{by}",
    ]


def _week(number: int) -> str:
    return f"week {number}, {window_of(number).start:%d %b}"


def _trained(requested: Sequence[Requested]) -> list[Requested]:
    return [each for each in requested if each.record.state != "refused"]


def _verdict(requested: Requested) -> Mapping[str, Any]:
    return requested.record.verdict or {}


def _primary(requested: Requested) -> Mapping[str, Any]:
    found: Mapping[str, Any] = _verdict(requested).get("primary", {})
    return found


def _decision(requested: Requested) -> str:
    return str(_verdict(requested).get("decision", "none"))


def check(judged: Sequence[Judged], told: Sequence[Told], requested: Sequence[Requested]) -> list[str]:
    """Sentences that do not hold; empty when what was found is what the generator did, and nothing else."""
    sentences = {**_quiet(judged), **_found(told), **_asked_for(told), **_retrained(requested)}
    return [sentence for sentence, holds in sentences.items() if not holds]


def _quiet(judged: Sequence[Judged]) -> dict[str, bool]:
    shifted = {week for each in (PORTFOLIO, CENTS, PARTS) for week in range(each.first, each.last + 1)}
    told = [each for each in judged if each.week not in shifted and each.drift["outcome"] != "healthy"]
    drift = [each.week for each in told if each.week <= CLEAN]
    aloud = [each.week for each in told if Severity.of(each.drift["severity"]) > Severity.LOW]
    clean = [each for each in judged if each.figures and _about(each) <= CLEAN]
    worse = [_about(each) for each in clean if each.figures and each.figures["outcome"] != "healthy"]
    return {
        f"{WEEKS} weeks were judged (found {len(judged)})": len(judged) == WEEKS,
        f"there is no alarm in the clean half (found {drift})": not drift,
        f"in no week without a change of inputs more than low is told (found {aloud})": not aloud,
        f"the figures of the clean weeks are well (found {worse} of {len(clean)} not)": bool(clean) and not worse,
    }


def _about(judged: Judged) -> int:
    """The week that figures are about."""
    assert judged.figures is not None
    start = Verdict.from_json(judged.figures).subject.window.start
    return (start - window_of(1).start).days // 7 + 1


def _found(told: Sequence[Told]) -> dict[str, bool]:
    """Changes of inputs are found in their own week, or once they grew; the pattern once its labels are final."""
    latest = {PATTERN: PATTERN.first + 11, PORTFOLIO: PORTFOLIO.first, CENTS: CENTS.first, PARTS: PARTS.first + 1}
    return {
        f"'{each.scenario.name}' is found by week {latest[each.scenario]} (found {each.week})": each.week is not None
        and each.week <= latest[each.scenario]
        for each in told
    }


def _asked_for(told: Sequence[Told]) -> dict[str, bool]:
    asked = {each.scenario: each for each in told}
    return {
        "amounts in cents are not learnt": "blocked" in asked[CENTS].asked,
        "drift of a feature among the five asks for a retraining": RETRAINING in asked[PORTFOLIO].asked,
        "drift that grows asks for one as well": RETRAINING in asked[PARTS].asked,
        "worse figures ask for a retraining": RETRAINING in asked[PATTERN].asked,
    }


def _retrained(requested: Sequence[Requested]) -> dict[str, bool]:
    """The first challenger has nothing to know that the champion does not; the second has seen the new pattern."""
    trained = _trained(requested)
    ends = [(_decision(each), each.record.state) for each in trained]
    early, late = (ends[0], ends[-1]) if len(ends) == 2 else (("none", "none"), ("none", "none"))
    return {
        f"two retrainings are admitted, the others refused (found {len(ends)})": len(ends) == 2,
        f"the challenger that saw nothing new is not put in place (found {early})": early[1]
        in ("declined", "rejected"),
        f"the one that saw the new pattern is better, and promoted (found {late})": late == ("promote", "promoted"),
    }
