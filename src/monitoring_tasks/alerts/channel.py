"""What a channel is: the one seam between the outbox and the services that reach people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from monitoring_tasks.alerts.message import Message


@dataclass(frozen=True)
class Delivery:
    """One letter on its way to one channel.

    `key` is the same at every try, and no other letter's to this channel: whoever can refuse doubles refuses by it.
    `incident` is the id of the incident, "" for none; `event` what happened to it (`opened`, `escalated`, `reminded`,
    `joined`, `acknowledged`, `muted`, `unmuted`, `resolved`), or `notice`, `digest`, `test`. `thread` holds the ids
    that the channel gave the first letter of this incident, empty for the first one. `external` holds the ids of what
    an earlier try of this letter got through. `again` says that there was an earlier try, which failed, or was ended
    before its outcome was known: the channel may have taken it all the same.
    """

    key: str
    message: Message
    incident: str = ""
    event: str = "notice"
    thread: Mapping[str, str] = field(default_factory=dict)
    external: Mapping[str, str] = field(default_factory=dict)
    again: bool = False

    @property
    def loud(self) -> bool:
        """Whether it is told aloud: where people see it at once, not only beneath an earlier message."""
        return self.event in ("opened", "escalated", "reminded", "notice", "digest", "test")


class Channel(Protocol):
    """A way to reach people, open: one class in one file for each kind."""

    def send(self, delivery: Delivery) -> Mapping[str, str]:
        """Deliver, and return the channel's ids, which later letters of the incident get as `thread`.

        Raises `AlertUndelivered` for what a later try may mend, with the ids of what got through and the time to wait
        if the service names one; `AlertRefused` for what none will mend. Neither holds a secret. It answers, or fails,
        within `TIMEOUT` seconds a request.
        """
        ...


TIMEOUT = 10.0
