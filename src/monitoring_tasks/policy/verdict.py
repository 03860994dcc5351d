"""The outcome for one monitor and window, with its evidence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from monitoring_tasks.severity import Severity
from monitoring_tasks.window import Window


class Outcome(StrEnum):
    """What a window's checks amount to. The last three mean unknown, which is not healthy."""

    HEALTHY = "healthy"
    WARNING = "warning"
    DRIFTED = "drifted"
    DEGRADED = "degraded"
    NO_DATA = "no_data"
    TOO_FEW_ROWS = "too_few_rows"
    LABELS_IMMATURE = "labels_immature"


class Action(StrEnum):
    """What the policy asks for."""

    ALERT = "alert"
    INVESTIGATE = "investigate"
    RETRAIN = "retrain"
    BLOCK_RETRAINING = "block_retraining"


@dataclass(frozen=True, order=True)
class Subject:
    """What a verdict is about: a monitor, the champion's version, a window, and the configuration in force."""

    monitor: str
    champion: str
    window: Window
    config_hash: str

    def to_json(self) -> dict[str, Any]:
        """The subject as plain JSON values."""
        return {
            "monitor": self.monitor,
            "champion": self.champion,
            "window": self.window.to_json(),
            "config_hash": self.config_hash,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`; further keys are ignored."""
        return cls(value["monitor"], value["champion"], Window.from_json(value["window"]), value["config_hash"])


@dataclass(frozen=True)
class Verdict:
    """Outcome for one subject; `reasons` are sentences for people, `evidence` is JSON for machines."""

    subject: Subject
    outcome: Outcome
    severity: Severity
    actions: tuple[Action, ...] = ()
    reasons: tuple[str, ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The verdict as plain JSON values."""
        return {
            "subject": self.subject.to_json(),
            "outcome": self.outcome.value,
            "severity": self.severity.word,
            "actions": [action.value for action in self.actions],
            "reasons": list(self.reasons),
            "evidence": dict(self.evidence),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`."""
        return cls(
            Subject.from_json(value["subject"]),
            Outcome(value["outcome"]),
            Severity[value["severity"].upper()],
            tuple(Action(action) for action in value["actions"]),
            tuple(value["reasons"]),
            value["evidence"],
        )

    def dumps(self) -> bytes:
        """Canonical JSON: the same verdict always gives the same bytes. Raises `ValueError` on NaN or infinity."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode()
