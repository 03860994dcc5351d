"""The channel that is always there: the task's log."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from monitoring_tasks.alerts.message import Message, to_text
from monitoring_tasks.store.records import AlertState

_log = logging.getLogger(__name__)


class LogChannel:
    """Writes alerts to the log, each as one event of several lines."""

    name = "log"
    delivered: AlertState = "logged"

    def send(self, message: Message, *, key: str, thread: str | None) -> Mapping[str, str]:  # noqa: ARG002  one log
        """Write the alert; there are no ids to return."""
        _log.warning("alert key=%s severity=%s\n%s", key, message.severity.word, to_text(message))
        return {}
