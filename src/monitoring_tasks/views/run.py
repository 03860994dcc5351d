"""The page of one window's verdict: what was found, on what evidence, and which other verdicts there are on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from monitoring_tasks.checks import Check, CheckResult, Status
from monitoring_tasks.performance.headline import CHAMPION, TRAILING
from monitoring_tasks.performance.record import Against, Figure, Restatement
from monitoring_tasks.policy.narrative import brief, told
from monitoring_tasks.policy.verdict import Outcome, Subject, Verdict
from monitoring_tasks.store.ledger import LedgerEntry
from monitoring_tasks.store.records import StoredVerdict
from monitoring_tasks.views.words import number, share
from monitoring_tasks.window import stamp

Parameters = Mapping[str, str]
SHOWN = 30
"""So many findings of one kind are shown; the report has all of them."""
_CLEAN = frozenset({Status.PASSED, Status.SUSPECT})


@dataclass(frozen=True)
class Finding:
    """A check that did not pass, with what it compared in a few words. `because` is why, as far as that is known."""

    result: CheckResult
    reference: str
    current: str
    because: str


@dataclass(frozen=True)
class Findings:
    """What did not pass, the worst first: over all rows, and in segments; `more` counts those left to the report."""

    whole: tuple[Finding, ...]
    segments: tuple[Finding, ...]
    more: int = 0


def findings_of(verdict: Verdict, results: Sequence[CheckResult]) -> Findings:
    """The checks that did not pass; none of a window without rows, where each is undecided for that alone."""
    if verdict.outcome is Outcome.NO_DATA:
        return Findings((), ())
    failed = sorted((each for each in told(verdict, results) if each.status not in _CLEAN), key=_worst)
    whole, segments = [each for each in failed if not each.segment], [each for each in failed if each.segment]
    more = max(0, len(whole) - SHOWN) + max(0, len(segments) - SHOWN)
    return Findings(tuple(map(_finding, whole[:SHOWN])), tuple(map(_finding, segments[:SHOWN])), more)


def _worst(result: CheckResult) -> tuple[Any, ...]:
    return (result.status is Status.UNDECIDED, result.check is not Check.DRIFT, -(result.value or 0.0), result.key)


def _finding(result: CheckResult) -> Finding:
    because = "; ".join(filter(None, (result.cause, result.season, result.detail)))
    return Finding(result, brief(result.reference), brief(result.current), because)


@dataclass(frozen=True)
class Version:
    """Another verdict on the window, or this one: by which champion and configuration, and as known at which moment.

    `address` is the path of its page below that of the pages; `known_at` is None for a verdict on drift.
    """

    address: str
    subject: Subject
    outcome: Outcome
    verdict: Verdict
    run: Parameters
    known_at: datetime | None
    written_at: datetime | None
    shown: bool


def run_address(dag_id: str, subject: Subject, known_at: datetime | None = None) -> str:
    """Path of a window's page below that of the pages; with `known_at` that of one version of its performance.

    >>> from monitoring_tasks.window import Window
    >>> window = Window.parse("2013-06-04", "2013-06-11")
    >>> run_address("monitor_delay", Subject("delay", "v1.0.0-3f2a9c1b", window, "9c1b"))
    '/run/monitor_delay/v1.0.0-3f2a9c1b/2013-06-04T000000_2013-06-11T000000/9c1b'
    """
    span = f"{subject.window.start:%Y-%m-%dT%H%M%S}_{subject.window.end:%Y-%m-%dT%H%M%S}"
    parts = (quote(part, safe="") for part in (dag_id, subject.champion, span, subject.config_hash))
    version = f"?known_at={quote(stamp(known_at))}" if known_at else ""
    return f"/run/{'/'.join(parts)}{version}"


def judged(dag_id: str, judgements: Iterable[StoredVerdict], subject: Subject) -> list[Version]:
    """The verdicts on a window's drift, one for each champion and configuration, the last written first."""
    return [
        Version(
            run_address(dag_id, each.verdict.subject),
            each.verdict.subject,
            each.verdict.outcome,
            each.verdict,
            each.run,
            known_at=None,
            written_at=each.written_at,
            shown=each.verdict.subject == subject,
        )
        for each in reversed(list(judgements))
    ]


def restated(dag_id: str, entries: Iterable[LedgerEntry], shown: LedgerEntry) -> list[Version]:
    """The verdicts on a window's performance as they were known, the last known first."""
    return [
        Version(
            run_address(dag_id, each.verdict.subject, each.restatement.known_at),
            each.verdict.subject,
            each.verdict.outcome,
            each.verdict,
            each.run,
            known_at=each.restatement.known_at,
            written_at=None,
            shown=each is shown,
        )
        for each in reversed(list(entries))
    ]


def version_of(entries: Sequence[LedgerEntry], subject: Subject, known_at: str) -> LedgerEntry | None:
    """The entry of a subject as known at a moment, the newest where no moment is named; None where there is none."""
    mine = [each for each in entries if each.verdict.subject == subject]
    wanted = [each for each in mine if not known_at or stamp(each.restatement.known_at) == known_at]
    return wanted[-1] if wanted else None


@dataclass(frozen=True)
class FigureLine:
    """One metric of a window or a segment beside what it is compared with; `against` is None where with nothing."""

    figure: Figure
    against: Against | None

    @property
    def excess(self) -> float:
        """By how many times its limit the figure is worse than its baseline; 0 where it is not known."""
        found = self.against
        return found.drop / found.limit if found and found.drop is not None and found.limit else 0.0


def figures_of(said: Restatement) -> tuple[list[FigureLine], list[FigureLine]]:
    """The figures over all rows, those that decide first; and those of segments, the worst first."""
    lines = [FigureLine(each, each.against.get(CHAMPION) or each.against.get(TRAILING)) for each in said.figures]
    whole = sorted((each for each in lines if not each.figure.segment), key=lambda line: line.against is None)
    segments = [each for each in lines if each.figure.segment]
    return whole, sorted(segments, key=_worst_segment)


def _worst_segment(line: FigureLine) -> tuple[Any, ...]:
    return (line.against is None, -line.excess, line.figure.metric, -line.figure.rows, line.figure.segment)


def evidence_of(verdict: Verdict) -> list[tuple[str, str]]:
    """What a verdict rests on, as names and texts; what it does not say is left out."""
    said = verdict.evidence
    lines = [(name, _text(said[key], form)) for key, (name, form) in _EVIDENCE.items() if said.get(key) is not None]
    return [*lines, *_checks(said.get("checks")), *_persistence(said.get("persistence"))]


_EVIDENCE = {
    "rows": ("Rows", "number"),
    "minimum_rows": ("Fewest rows to judge", "number"),
    "known_at": ("As known at", ""),
    "predictions": ("Predictions", "number"),
    "labelled": ("With a label", "number"),
    "coverage": ("Label coverage", "share"),
    "maturity": ("Labels that are final", "share"),
    "importances_known": ("Importances of the features", "known"),
    "lowered_from": ("Severity lowered from", ""),
    "raised_from": ("Severity raised from", ""),
}


def _text(value: Any, form: str) -> str:
    if form == "known":
        return "known" if value else "not known"
    if form and isinstance(value, int | float):
        return number(value) if form == "number" else share(value)
    return str(value)


def _checks(counts: Any) -> list[tuple[str, str]]:
    if not isinstance(counts, Mapping):
        return []
    return [("Checks", ", ".join(f"{count} {status}" for status, count in counts.items() if count) or "none")]


def _persistence(rule: Any) -> list[tuple[str, str]]:
    if not isinstance(rule, Mapping):
        return []
    known = f"{rule.get('known')} of the windows before are known"
    return [("Persists", f"when found in {rule.get('windows')} of {rule.get('of')} windows; {known}")]


def hashes_of(verdict: Verdict) -> list[tuple[str, str]]:
    """What the verdict was computed from, by hash: the same hashes give the same verdict."""
    found = verdict.evidence.get("hashes")
    named = sorted(found.items()) if isinstance(found, Mapping) else []
    return [(str(name), str(value)) for name, value in named] or [("config", verdict.subject.config_hash)]
