"""What a scrape reads of the store: a query per kind of fact, however many monitors there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from monitoring_tasks.incidents.incident import Incident
from monitoring_tasks.store.board import Head, PerformanceHead
from monitoring_tasks.store.database import Store
from monitoring_tasks.store.records import RetrainingRecord


@dataclass(frozen=True)
class Facts:
    """What the store holds of all monitors, but for the scores of columns.

    `performance` is of the newest windows that could be judged, `labels` of the newest of all. `retrainings` counts by
    monitor and state, `letters` by state.
    """

    heads: Sequence[Head] = ()
    performance: Sequence[PerformanceHead] = ()
    labels: Sequence[PerformanceHead] = ()
    incidents: Sequence[Incident] = ()
    retrainings: Mapping[tuple[str, str], int] = field(default_factory=dict)
    awaiting: Sequence[RetrainingRecord] = ()
    promotions: Sequence[RetrainingRecord] = ()
    first_windows: Mapping[str, datetime] = field(default_factory=dict)
    letters: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, store: Store) -> Facts:
        """The facts as they are now. Raises `StoreUnavailable`."""
        return cls(
            heads=store.heads(),
            performance=store.performance_heads(),
            labels=store.newest_performance_heads(),
            incidents=store.incidents(open_only=True),
            retrainings=store.retraining_counts(),
            awaiting=store.awaiting(),
            promotions=store.promotions(),
            first_windows=store.first_windows(),
            letters=store.letter_counts(),
        )

    def oldest_incidents(self) -> dict[str, datetime]:
        """When the oldest open incident of each monitor began."""
        found: dict[str, datetime] = {}
        for incident in self.incidents:
            for monitor in incident.monitors:
                found[monitor] = min(found.get(monitor, incident.opened), incident.opened)
        return found

    def open_incidents(self) -> Counter[tuple[str, str, str]]:
        """Open incidents by monitor, state and severity."""
        return Counter(
            (monitor, incident.state.value, incident.severity.word)
            for incident in self.incidents
            for monitor in incident.monitors
        )

    def approvals(self) -> dict[str, list[datetime]]:
        """When the retrainings that wait for approval were asked for, by monitor, the oldest first."""
        found: dict[str, list[datetime]] = {}
        for record in self.awaiting:
            found.setdefault(record.monitor, []).append(record.requested_at)
        return found

    def since(self) -> dict[tuple[str, str | None], datetime | None]:
        """When each version of a monitor was put in place; the newest time where there were several."""
        return {(each.monitor, each.placed): each.closed_at for each in reversed(self.promotions)}
