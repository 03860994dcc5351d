"""A span of the past judged by each of the rules a monitor may name, so that their alarms can be compared.

Windows are judged as their runs would judge them, from the stored profiles of their pieces, which are made where they
are missing. Results and verdicts are neither read from the store nor written to it, and nobody is told.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar, get_args

from pydantic import BaseModel

from monitoring_tasks.alarms_section import Rules
from monitoring_tasks.assessment import Basis, Observed, assessed
from monitoring_tasks.champion import load_importances, load_reference, pin_champion
from monitoring_tasks.checks import CheckResult
from monitoring_tasks.errors import MonitoringError, SourceInvalid
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.pieces import SAMPLE_ROWS, Pieces
from monitoring_tasks.policy.decision import Given, decide
from monitoring_tasks.policy.tally import Tally, tally
from monitoring_tasks.policy.verdict import Subject, Verdict
from monitoring_tasks.profile.plan import join_samples
from monitoring_tasks.profile.profile import merge
from monitoring_tasks.profile.reference import ReferenceProfile
from monitoring_tasks.rules import FIXED, own_settings
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.undated_check import undated_check
from monitoring_tasks.window import Window, preceding

log = logging.getLogger(__name__)

RULES: tuple[Rules, ...] = get_args(Rules)
"""The rules that are compared, in the order they are told in."""
KNOWN_PIECES = 1024
"""Pieces whose profiles are held in memory: baselines ask for those of one window after the other."""
KNOWN_WINDOWS = 4


KINDS = ("numeric", "categorical", "prediction")


def with_rules(monitor: Monitor, rules: Rules) -> Monitor:
    """The monitor as it would be by other rules: a classical one takes away the methods and limits of its own."""
    if rules == monitor.policy.rules:
        return monitor
    policy = monitor.policy.model_copy(update={"rules": rules})
    if rules == "calibrated":
        return monitor.model_copy(update={"policy": policy})
    features = {name: _without(feature, FIXED) for name, feature in monitor.features.items()}
    drift = _without(monitor.drift, KINDS)
    return monitor.model_copy(update={"policy": policy, "features": features, "drift": drift})


S = TypeVar("S", bound=BaseModel)


def _without(section: S, names: Sequence[str]) -> S:
    kept = [name for name in type(section).model_fields if name in section.model_fields_set and name not in names]
    return type(section)(**{name: getattr(section, name) for name in kept})


@dataclass(frozen=True)
class Row:
    """One window: its rows, and the verdict by each of the rules; or the error for which there are none."""

    window: Window
    rows: int
    verdicts: Mapping[Rules, Verdict]
    error: MonitoringError | None = None


@dataclass(frozen=True, eq=False)
class Comparison:
    """Judges windows by all rules. `dropped` are the monitor's settings that no classical rule knows, as keys."""

    past: _Past
    replays: Mapping[Rules, _Replay]
    champion: str
    dropped: Sequence[str]
    joint: bool

    @classmethod
    def prepare(cls, monitor: Monitor, runtime: Runtime, *, joint: bool = False) -> Comparison:
        """The comparison against the champion in use; its joint test, which takes a second a window, only if asked.

        Raises what pinning the champion, reading its reference and opening the source raise.
        """
        pinned = pin_champion(monitor, runtime)
        reference = load_reference(monitor, runtime, pinned)
        past = _Past(Pieces.of(monitor, runtime, reference), reference)
        alarms = monitor.alarms.model_copy(update={"joint": joint and monitor.alarms.joint})
        importances = load_importances(monitor, runtime, pinned)
        judged = {rules: with_rules(monitor, rules).model_copy(update={"alarms": alarms}) for rules in RULES}
        replays = {rules: _Replay(each, past, pinned.version, importances) for rules, each in judged.items()}
        return cls(past, replays, pinned.version, own_settings(monitor.features, monitor.drift), alarms.joint)

    def row(self, window: Window) -> Row:
        """The verdicts on one window; the windows before it that they rest on are judged as well, once each."""
        try:
            rows = self.past.observed(window).profile.rows
            return Row(window, rows, {rules: replay.verdict(window) for rules, replay in self.replays.items()})
        except MonitoringError as error:  # the other windows can still be compared
            log.warning("window.unreadable window=%s reason=%s", window, error)
            return Row(window, 0, {}, error)


def tallies(rows: Sequence[Row]) -> dict[Rules, Tally]:
    """The tally of each of the rules over the windows that could be judged, which are in the order of time."""
    judged = [row for row in rows if row.error is None]
    return {rules: tally([row.verdicts[rules] for row in judged]) for rules in RULES}


class _Past:
    """What is known of the windows of the past: read once, for all rules."""

    def __init__(self, pieces: Pieces, reference: ReferenceProfile) -> None:
        self.pieces, self.reference = pieces, reference
        self.observed = lru_cache(KNOWN_WINDOWS)(self._observed)
        self.basis = lru_cache(KNOWN_WINDOWS)(self._basis)
        self._piece = lru_cache(KNOWN_PIECES)(pieces.profile)
        self._parts = lru_cache(KNOWN_PIECES)(pieces.segments)

    def _basis(self, window: Window) -> Basis:
        """Baselines are the same by all rules."""
        return Basis.over(self.pieces.monitor, self.reference, window, (self._piece, self._parts))

    def _observed(self, window: Window) -> Observed:
        found = [self.pieces.had(span) for span in window.pieces()]
        sample = join_samples([sample for _, sample in found], SAMPLE_ROWS)
        segments = self.pieces.segments_of(window.pieces())
        return Observed(window, merge([profile for profile, _ in found]), sample, segments)


class _Replay:
    """Verdicts by one set of rules; the check results of each window are remembered for those after it."""

    def __init__(self, monitor: Monitor, past: _Past, champion: str, importances: Mapping[str, float]) -> None:
        self.monitor, self.past, self.champion, self.importances = monitor, past, champion, importances
        self._known: dict[Window, tuple[CheckResult, ...] | None] = {}

    def verdict(self, window: Window) -> Verdict:
        monitor = self.monitor
        results, rows = self.checked(window), self.past.observed(window).profile.rows
        self._known[window] = results if rows >= monitor.minimum_rows else None
        subject = Subject(monitor.name, self.champion, window, monitor.config_hash)
        return decide(monitor, subject, Given(results, rows, self._history(window), self.importances))

    def _history(self, window: Window) -> list[tuple[CheckResult, ...] | None]:
        count = self.monitor.policy.persistence.of - 1
        earlier = preceding(self.monitor.schedule, self.monitor.window, window, count=count)
        return [self._before(before) for before in earlier if before.start >= self.monitor.first_moment]

    def _before(self, window: Window) -> tuple[CheckResult, ...] | None:
        """Results of a window before, as the runs of its successors take them: None where it could not be judged."""
        if window not in self._known:
            try:
                enough = self.past.observed(window).profile.rows >= self.monitor.minimum_rows
                self._known[window] = self.checked(window) if enough else None
            except SourceInvalid:
                self._known[window] = None
        return self._known[window]

    def checked(self, window: Window) -> tuple[CheckResult, ...]:
        # Evidently takes seconds to import.
        from monitoring_tasks import suites

        observed, basis, pieces = self.past.observed(window), self.past.basis(window), self.past.pieces
        judged = assessed(self.monitor, pieces.runtime, basis, observed)
        against, profile = basis.compared.reference, observed.profile
        given = suites.SuiteInput(self.monitor, window, against, profile, observed.sample, {}, judged)
        return (*suites.check(given), *undated_check(self.monitor, pieces.undated(window), profile.rows))


def row_json(row: Row) -> dict[str, Any]:
    """A window as plain JSON values: outcome, severity and what is told by each of the rules."""
    if row.error is not None:
        return {"window": row.window.to_json(), "error": f"{type(row.error).__name__}: {row.error}"}
    verdicts = {rules: _verdict_json(verdict) for rules, verdict in row.verdicts.items()}
    return {"window": row.window.to_json(), "rows": row.rows, "policies": verdicts}


def _verdict_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "outcome": verdict.outcome.value,
        "severity": verdict.severity.word,
        "findings": [dict(finding) for finding in verdict.evidence.get("findings", ())],
        "reasons": list(verdict.reasons),
    }
