"""The report of a self-test: how soon each fault was found, and what was said of redraws without any."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from statistics import NormalDist, median
from typing import Any, Self

from monitoring_tasks.window import Window

FOUND = 0.8
"""A fault counts as found when at least this share of its trials found it by the window that counts."""
BY = 3
"""The window by which a fault must be found."""
_SURE = 0.95
_MANY = 500


@dataclass(frozen=True)
class FaultRecall:
    """How soon one fault was found: by which window of each trial, from 1; None where it was not.

    `windows` is the length of a trial. A fault that fits no column of the monitor has no column and no trials: it is
    not applicable, which is not the same as missed; nor is one that was not tried, since the monitor does not make the
    test that could find it: `untried` says why. One that is `expected` must be found by the third window.
    """

    name: str
    fault: str
    column: str | None
    windows: int
    found_by: tuple[int | None, ...] = ()
    expected: bool = False
    untried: str = ""

    @property
    def applicable(self) -> bool:
        """Whether there was a column to put the fault into, and a test that could find it."""
        return bool(self.found_by)

    def hits(self, by: int) -> int:
        """Number of trials that found it by that window."""
        return sum(found is not None and found <= by for found in self.found_by)

    def recall(self, by: int) -> float | None:
        """Share of trials that found it by that window; None when there were none, or all were shorter.

        >>> fault = FaultRecall("mean_25", "mean .25 sd higher", "age", 7, (1, 3, None, 2))
        >>> fault.recall(1), fault.recall(3), fault.recall(8)
        (0.25, 0.75, None)
        """
        return self.hits(by) / len(self.found_by) if self.found_by and by <= self.windows else None

    @property
    def recall_1(self) -> float | None:
        """Share found by the first window."""
        return self.recall(1)

    @property
    def recall_3(self) -> float | None:
        """Share found by the third window."""
        return self.recall(3)

    @property
    def recall_7(self) -> float | None:
        """Share found by the seventh window."""
        return self.recall(7)

    @property
    def in_time(self) -> float | None:
        """Share found by the window that counts: the third, or the last of shorter trials."""
        return self.recall(min(BY, self.windows))

    @property
    def delay(self) -> float | None:
        """Median window by which it was found, among the trials that found it; None when none did."""
        found = [number for number in self.found_by if number is not None]
        return median(found) if found else None

    @property
    def missed(self) -> bool:
        """Whether it is one that must be found, and was not."""
        return self.expected and self.in_time is not None and self.in_time < FOUND

    def to_json(self) -> dict[str, Any]:
        """The fault as plain JSON values, with its figures for readers."""
        figures = {name: getattr(self, name) for name in _FIGURES}
        return {**asdict(self), "found_by": list(self.found_by), **figures}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`."""
        own = {name: given for name, given in value.items() if name not in _FIGURES}
        return cls(**{**own, "found_by": tuple(value["found_by"])})


_FIGURES = ("applicable", "recall_1", "recall_3", "recall_7", "delay", "missed")


@dataclass(frozen=True)
class CanaryReport:
    """What the self-test of a monitor found on redraws of one window.

    `rows` is the number of rows of each redraw, `of_rows` that of the window, which is more when a sample stands for
    it, `drawn_from` that of the rows they are drawn from, which is more when the window has few. `false_alarms` names
    the findings of each false alarm in `clean_windows` redraws without a fault; up to `allowed_alarms` are within the
    budget, chance allowed for. `standing` names the checks that the window's own rows do not pass, or that too
    few rows cannot be judged by: they are left out of everything.
    """

    monitor: str
    champion: str
    config_hash: str
    window: Window
    rows: int
    of_rows: int
    drawn_from: int
    faults: tuple[FaultRecall, ...] = ()
    clean_windows: int = 0
    false_alarms: tuple[str, ...] = ()
    allowed_alarms: int = 0
    standing: tuple[str, ...] = field(default=())

    @property
    def missed(self) -> list[FaultRecall]:
        """The faults that must be found and were not."""
        return [fault for fault in self.faults if fault.missed]

    @property
    def untried(self) -> dict[str, str]:
        """The faults that were not tried, and why."""
        return {fault.fault: fault.untried for fault in self.faults if fault.untried}

    @property
    def noisy(self) -> bool:
        """Whether there were more false alarms than the budget allows."""
        return len(self.false_alarms) > self.allowed_alarms

    @property
    def passed(self) -> bool:
        """Whether every fault that must be found was, and there were no more false alarms than the budget allows."""
        return not (self.missed or self.noisy)

    def fault(self, name: str) -> FaultRecall | None:
        """The fault of that name; None when it was not tried."""
        return next((fault for fault in self.faults if fault.name == name), None)

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        return {
            **asdict(self),
            "window": self.window.to_json(),
            "faults": [fault.to_json() for fault in self.faults],
            "false_alarms": list(self.false_alarms),
            "standing": list(self.standing),
            "passed": self.passed,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`."""
        own = {name: given for name, given in value.items() if name != "passed"}
        window, faults = Window.from_json(value["window"]), tuple(map(FaultRecall.from_json, value["faults"]))
        lists = {name: tuple(value[name]) for name in ("false_alarms", "standing")}
        return cls(**{**own, **lists, "window": window, "faults": faults})


def allowed_alarms(expected: float) -> int:
    """The most false alarms that chance explains when `expected` are: 95 % point of the Poisson distribution.

    Of many its normal approximation, rounded up.

    >>> allowed_alarms(0.0), allowed_alarms(1.5), allowed_alarms(11.0)
    (0, 4, 17)
    """
    if expected > _MANY:
        return math.ceil(expected + NormalDist().inv_cdf(_SURE) * math.sqrt(expected))
    count, term = 0, math.exp(-expected)
    total = term
    while total < _SURE:
        count += 1
        term *= expected / count
        total += term
    return count
