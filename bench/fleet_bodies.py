"""What a made-up fleet's verdicts hold: check results of every column, figures of performance, as bodies to be shared.

Monitor, champion, window and moment as known stand in the texts as names that occur nowhere else in them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from monitoring_tasks.checks import Check, CheckResult, Evidence, Status, Suite
from monitoring_tasks.incidents.reading import Cause, Reading
from monitoring_tasks.performance.record import Against, Estimated, Figure, Interval, Maturity, Operating, Restatement
from monitoring_tasks.policy.verdict import Action, Outcome, Subject, Verdict
from monitoring_tasks.severity import Severity
from monitoring_tasks.store.ledger import LedgerEntry, ledger_fields
from monitoring_tasks.store.queries import headline_field, results_fields, verdict_fields
from monitoring_tasks.window import DAY, Window, stamp

MONITOR, CHAMPION, NEXT = "monitor-of-the-body", "v1.0.0-0a1b2c3d", "v1.1.0-4e5f6a7b"
CONFIG = "0123456789abcdef"
START = datetime(1999, 5, 17, tzinfo=UTC)
KNOWN = START + 9 * DAY
MOMENTS = (stamp(START), stamp(START + DAY), stamp(KNOWN))
ROWS = 50_000
SHARES = {Outcome.HEALTHY: 0.6, Outcome.DRIFTED: 0.25, Outcome.WARNING: 0.1, Outcome.TOO_FEW_ROWS: 0.05}
_SEVERITIES = {Outcome.WARNING: Severity.LOW, Outcome.TOO_FEW_ROWS: Severity.LOW, Outcome.DRIFTED: Severity.HIGH}
_LEVELS = ("first", "second", "third", "fourth", "fifth")
_SUBJECT = Subject(MONITOR, CHAMPION, Window(START, START + DAY), CONFIG)


@dataclass(frozen=True)
class Body:
    """What windows of one kind hold; `results` are their checks, `fields` the columns of the rows."""

    outcome: Outcome
    results: tuple[CheckResult, ...]
    verdict: Verdict

    @property
    def fields(self) -> Mapping[str, Any]:
        """The columns of a row that are the same in each of its windows, but for the names in the verdict."""
        row = verdict_fields(self.verdict, None, {}, KNOWN)
        kept = {name: row[name] for name in ("outcome", "severity", "verdict")}
        headline = headline_field(self.results, self.verdict.reasons)
        return {**kept, **results_fields(self.results), "headline": headline, "row_count": ROWS}


def bodies(features: int, count: int) -> list[Body]:
    """So many bodies of monitors with so many features, each kind at least once."""
    random = np.random.default_rng(0)
    kinds = [kind for kind, share in SHARES.items() for _ in range(max(1, round(share * count)))]
    return [_body(random, kind, features) for kind in kinds]


def _body(random: np.random.Generator, outcome: Outcome, features: int) -> Body:
    drifted = {Outcome.DRIFTED: max(1, features // 40), Outcome.WARNING: 1}.get(outcome, 0)
    chosen = set(random.choice(features, drifted, replace=False).tolist())
    found = [each for place in range(features) for each in _column(random, place, moved=place in chosen)]
    rows = CheckResult(Suite.DATA_QUALITY, Check.ROW_COUNT, Status.PASSED, value=ROWS, threshold=500)
    results = (rows, *found, _drift(random, "score", Suite.PREDICTION_DRIFT))
    return Body(outcome, results, _verdict(outcome, results))


def _verdict(outcome: Outcome, results: tuple[CheckResult, ...]) -> Verdict:
    failed = [each for each in results if each.status is Status.FAILED]
    reasons = [f"{each.column}: severe drift, psi {each.value:.3g} against 0.2" for each in failed]
    findings = [{"column": each.column, "check": each.check.value, "value": each.value} for each in failed]
    hashes = dict.fromkeys(("data", "reference", "importances", "binning"), "0123456789abcdef")
    evidence = {"rows": ROWS, "code_version": "0.1.0", "hashes": {**hashes, "config": CONFIG}, "findings": findings}
    actions = (Action.ALERT, Action.RETRAIN) if outcome is Outcome.DRIFTED else ()
    said = tuple(reasons) or (f"no finding on {ROWS} rows",)
    return Verdict(_SUBJECT, outcome, _SEVERITIES.get(outcome, Severity.NONE), actions, said, evidence)


def _column(random: np.random.Generator, place: int, *, moved: bool) -> Iterator[CheckResult]:
    """The six checks of a feature."""
    name, quality = f"feature_{place:03d}", Suite.DATA_QUALITY
    share = float(random.beta(1, 60))
    yield CheckResult(quality, Check.COLUMN_PRESENT, Status.PASSED, name, value=1.0, threshold=1.0)
    yield CheckResult(quality, Check.COLUMN_TYPE, Status.PASSED, name, value=1.0, threshold=1.0)
    yield CheckResult(quality, Check.MISSING_SHARE, Status.PASSED, name, value=share, threshold=0.1)
    beyond = Check.UNSEEN_SHARE if place % 5 == 0 else Check.OUT_OF_RANGE_SHARE
    yield CheckResult(quality, beyond, Status.PASSED, name, value=share / 3, threshold=0.05)
    yield CheckResult(quality, Check.CONSTANT, Status.PASSED, name, value=0.0, threshold=1.0)
    yield _drift(random, name, Suite.DATA_DRIFT, moved=moved, categories=place % 5 == 0)


def _drift(
    random: np.random.Generator, name: str, suite: Suite, *, moved: bool = False, categories: bool = False
) -> CheckResult:
    value = float(random.uniform(0.3, 2) if moved else random.gamma(2, 0.01))
    status = Status.FAILED if moved else Status.PASSED
    had, now = (_summary(random, categories=categories) for _ in range(2))
    p_value = float(random.uniform(1e-9, 1e-4) if moved else random.uniform())
    evidence = Evidence(p_value, min(1.0, 3 * p_value), value / 4, 0.05)
    found = CheckResult(suite, Check.DRIFT, status, name, "psi", value, 0.2, large=moved, severe=moved)
    return replace(found, reference=had, current=now, evidence=evidence)


def _summary(random: np.random.Generator, *, categories: bool) -> dict[str, Any]:
    if categories:
        shares = np.sort(random.dirichlet(np.ones(len(_LEVELS))))[::-1].tolist()
        return {"top": [list(each) for each in zip(_LEVELS, shares, strict=True)], "missing": float(random.beta(1, 60))}
    names = ("mean", "deviation", "minimum", "median", "maximum", "missing")
    return dict(zip(names, random.normal(40, 9, len(names)).tolist(), strict=True))


def entries() -> Iterator[tuple[int, bool, Mapping[str, Any]]]:
    """The versions of a window's performance, of a model that is well and of one that is not: 1 to 3, and the row."""
    random = np.random.default_rng(2)
    for drifted in (False, True):
        for version, share in enumerate((0.2, 0.7, 0.97), start=1):
            yield version, drifted, _entry(random, share, worse=drifted)


def _entry(random: np.random.Generator, share: float, *, worse: bool) -> Mapping[str, Any]:
    value = float(random.normal(0.74 if worse else 0.8, 0.005))
    segments = [f"{column}={level}" for column in ("plan", "country") for level in _LEVELS]
    whole = [_figure(random, metric, "", value) for metric in ("auc", "log_loss", "f1", "precision", "recall")]
    figures = (*whole, *(_figure(random, "auc", segment, value) for segment in segments))
    known = Maturity(ROWS, round(share * ROWS), round((share if share > 0.9 else share / 2) * ROWS))
    service = Operating(4.0, 9.0, 20.0, 2083.0, 0.001)
    said = Restatement(MONITOR, CHAMPION, _SUBJECT.window, CONFIG, KNOWN, known, figures, service)
    immature, bad = share < 0.5, worse and share >= 0.5
    outcome = Outcome.LABELS_IMMATURE if immature else Outcome.DEGRADED if bad else Outcome.HEALTHY
    severity = Severity.LOW if immature else Severity.HIGH if bad else Severity.NONE
    drop = CheckResult(
        Suite.PERFORMANCE, Check.CHAMPION_DROP, Status.FAILED if bad else Status.PASSED, "auc", None, 0.8 - value, 0.02
    )
    reached = Verdict(_SUBJECT, outcome, severity, (), (f"auc {value:.3g}",), {"rows": ROWS, "code_version": "0.1.0"})
    row = ledger_fields(LedgerEntry(said, (drop,) * 3, reached, {}), KNOWN)
    return {name: row[name] for name in ("outcome", "severity", "body", "results", "verdict", "headline")}


def _figure(random: np.random.Generator, metric: str, segment: str, value: float) -> Figure:
    near = value + float(random.normal(0, 0.003))
    interval = Interval(near, near - 0.01, near + 0.01)
    against = Against(0.8, 0.8 - near, 0.02, False, float(random.uniform()), float(random.uniform()), "passed")
    expected = None if segment else Estimated(Interval(0.8, 0.78, 0.82))
    return Figure(metric, segment, ROWS // (5 if segment else 1), interval, interval, expected, {"champion": against})


def reading_body() -> str:
    """What a run of a healthy window found."""
    covers = frozenset({Cause.DATA_QUALITY, Cause.DRIFT})
    said = Reading(MONITOR, "growth", f"monitor_{MONITOR}", "drift", _SUBJECT.window, _SUBJECT.window.end, covers, ())
    return said.dumps()
