"""Windows judged anew in one run: each by its own champion, with those before it that say what persisted."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from monitoring_tasks.champion import Pinned
from monitoring_tasks.checks import CheckResult
from monitoring_tasks.errors import MonitoringError, StoreUnavailable
from monitoring_tasks.measuring import Measuring, Restated
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.performance.record import Restatement
from monitoring_tasks.performance_champions import Champions
from monitoring_tasks.performance_window import Cadence
from monitoring_tasks.policy.performance import judged_rows
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.window import Window

log = logging.getLogger(__name__)
Key = tuple[Window, str]
"""A window, and the version of a champion that it is measured by."""


@dataclass(frozen=True)
class Measured:
    """Windows measured in one run: those that are judged, and those that only say what persisted.

    `judged` has the version of the champion by which each window is judged. `kept` says why a window of a former
    champion could not be judged anew: it stays as it was. `left_over` counts what belongs to no figure.
    """

    judged: Mapping[Window, str]
    windows: Mapping[Key, Restated]
    kept: Mapping[Window, str]
    left_over: Mapping[str, int]

    def of(self, window: Window) -> Restated:
        """A window that is judged."""
        return self.windows[window, self.judged[window]]

    def history(self, monitor: Monitor, window: Window) -> list[Sequence[CheckResult] | None]:
        """Results of the windows before one that is judged, newest first.

        None for one that could not be judged, and for one in which another champion answered: a new one begins anew.
        """
        found = (self.windows.get((each, self.judged[window])) for each in _before(monitor, window))
        return [each.results if each and judged_rows(monitor, each.restatement.maturity) else None for each in found]

    def restatements(self) -> list[Restatement]:
        """The figures of every window once, newest first: those by its own champion where it is judged."""
        found = {window: each.restatement for (window, _), each in self.windows.items()}
        found |= {window: self.of(window).restatement for window in self.judged}
        return [found[window] for window in sorted(found, reverse=True)]

    def noted(self) -> dict[str, str]:
        """Which windows stayed as they were, and why, for whoever reads what the run wrote; empty without any."""
        apart: dict[str, list[str]] = {}
        for window, why in self.kept.items():
            apart.setdefault(why, []).append(str(window))
        return {"kept": "; ".join(f"{', '.join(windows)}: {why}" for why, windows in apart.items())} if apart else {}

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        return {
            "judged": [[window.to_json(), version] for window, version in self.judged.items()],
            "windows": [restated.to_json() for restated in self.windows.values()],
            "kept": [[window.to_json(), why] for window, why in self.kept.items()],
            "left_over": dict(self.left_over),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`."""
        judged, kept = ({Window.from_json(each): said for each, said in value[name]} for name in ("judged", "kept"))
        restated = [Restated.from_json(each) for each in value["windows"]]
        return cls(judged, {each.key: each for each in restated}, kept, value["left_over"])


def champions_of(monitor: Monitor, runtime: Runtime, present: Pinned, windows: Sequence[Window]) -> Champions:
    """The champions of windows that are to be judged, and of those before them that say what persisted."""
    return Champions.of(monitor, runtime, present, [each for window in windows for each in _with(monitor, window)])


def measure_together(champions: Champions, windows: Sequence[Window], *, known_at: datetime) -> Measured:
    """The windows as known at a moment, but for those that begin before the monitor's `start`.

    What a former champion taught may be gone: its windows then stay as they were, and stop no other. Of the champion in
    use that is an error.
    """
    monitor = champions.monitor
    every = _since_start(monitor, [each for window in windows for each in _with(monitor, window)])
    measuring = Measuring.of(monitor, champions.runtime, champions.present, every, known_at=known_at)
    judged = {window: champions.version(window) for window in _since_start(monitor, windows)}
    # The ledger has them after this run: repeated, it must find the same windows before each.
    champions = replace(champions, first={**champions.first, **judged})
    found: dict[Key, Restated] = {}
    kept: dict[Window, str] = {}
    for version in dict.fromkeys(judged.values()):
        mine = [window for window, own in judged.items() if own == version]
        try:
            found |= _by(champions, measuring, version, mine)
        except MonitoringError as error:
            # What the store does not answer it answers later: the task is tried again.
            if version == champions.present.version or isinstance(error, StoreUnavailable):
                raise
            kept |= _unreached(monitor, version, mine, error)
    judged = {window: version for window, version in judged.items() if window not in kept}
    return Measured(judged, found, kept, measuring.left_over)


def _by(champions: Champions, measuring: Measuring, version: str, windows: Sequence[Window]) -> dict[Key, Restated]:
    """The windows of one champion, with those before them that are its own."""
    monitor, by = champions.monitor, measuring.by(champions.pinned(version))
    needed = _since_start(monitor, [each for window in windows for each in _with(monitor, window)])
    return {(each, version): by.restated(each) for each in needed if champions.is_of(each, version)}


def _unreached(monitor: Monitor, version: str, windows: Sequence[Window], error: MonitoringError) -> dict[Window, str]:
    reason = f"champion {version} answered there, and its reference cannot be had now: {error}"
    named = ",".join(map(str, windows))
    log.warning("performance.kept monitor=%s windows=%s reason=%s", monitor.name, named, reason)
    return dict.fromkeys(windows, reason)


def _with(monitor: Monitor, window: Window) -> list[Window]:
    """A window and those before it that say what persisted."""
    return [window, *_before(monitor, window)]


def _before(monitor: Monitor, window: Window) -> list[Window]:
    return Cadence.of(monitor).before(window, count=monitor.policy.persistence.of - 1)


def _since_start(monitor: Monitor, windows: Sequence[Window]) -> list[Window]:
    return [each for each in dict.fromkeys(windows) if each.start >= monitor.first_moment]
