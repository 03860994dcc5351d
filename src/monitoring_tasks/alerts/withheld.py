"""The channel of a backfill: the name of the one that would have told people, and nothing behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monitoring_tasks.alerts.message import Message
from monitoring_tasks.store.records import AlertState


@dataclass(frozen=True)
class WithheldChannel:
    """Stands for the channel of that name without opening it: no connection or token is needed."""

    name: str
    delivered: AlertState = "withheld"

    def send(self, message: Message, *, key: str, thread: str | None) -> Mapping[str, str]:  # noqa: ARG002  tells nobody
        """Tell nobody; there are no ids to return."""
        return {}
