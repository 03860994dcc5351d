"""The channel of a backfill: the name of the one that would have told people, and nothing behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitoring_tasks.alerts.log import LogChannel
from monitoring_tasks.alerts.message import Message
from monitoring_tasks.alerts.slack import channel_name
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.store.records import AlertState


@dataclass(frozen=True)
class WithheldChannel:
    """Stands for the channel of that name without opening it: no connection or token is needed."""

    name: str
    delivered: AlertState = "withheld"

    def send(self, message: Message, *, key: str, thread: str | None) -> Mapping[str, str]:  # noqa: ARG002  tells nobody
        """Tell nobody; there are no ids to return."""
        return {}


def withheld_channels(monitor: Monitor) -> Sequence[WithheldChannel]:
    """The channels in which a backfill of the monitor would have told people."""
    slack = monitor.alerts.slack
    return [WithheldChannel(channel_name(slack.channel) if slack else LogChannel.name)]
