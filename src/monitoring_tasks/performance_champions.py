"""Which champion's baseline a window's figures are compared with: that of the model which answered in it.

A window belongs to the champion that judged it first: the one of its first version in the ledger. Every run also looks
at the newest window that has ended, so that this is the champion in use at the window's end; a window in which a
promotion fell is the new champion's. Whoever is promoted later changes nothing: labels that come in restate a window
against the baseline it always had. A window that the ledger does not have belongs to the champion in use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from monitoring_tasks.champion import Pinned, pin_version
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.window import Window


@dataclass(frozen=True)
class Champions:
    """The champions of a monitor's windows: the `present` one is in use, `first` has the versions by which they were
    judged first.
    """

    monitor: Monitor
    runtime: Runtime
    present: Pinned
    first: Mapping[Window, str]

    @classmethod
    def of(cls, monitor: Monitor, runtime: Runtime, present: Pinned, windows: Sequence[Window]) -> Self:
        """The champions of at least these windows."""
        span = Window(min(each.start for each in windows), max(each.end for each in windows))
        return cls(monitor, runtime, present, runtime.store.first_champions(monitor.name, span))

    def version(self, window: Window) -> str:
        """The version by which a window is judged."""
        return self.first.get(window, self.present.version)

    def is_of(self, window: Window, version: str) -> bool:
        """Whether a window says something about a champion; one that the ledger does not have does about any."""
        return self.first.get(window, version) == version

    def pinned(self, version: str) -> Pinned:
        """The champion of a version, in use or not; raises as `pin_version` does."""
        present = version == self.present.version
        return self.present if present else pin_version(self.monitor, self.runtime, version)
