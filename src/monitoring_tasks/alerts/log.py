"""The channel that is always there: the task's log."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from monitoring_tasks.alerts.channel import Delivery
from monitoring_tasks.alerts.message import to_text

_log = logging.getLogger(__name__)


class LogChannel:
    """Writes each alert to the log, as one event of several lines; it takes everything."""

    def send(self, delivery: Delivery) -> Mapping[str, str]:
        """Write the alert, as a warning when it is told aloud; there are no ids to return."""
        _log.log(
            logging.WARNING if delivery.loud else logging.INFO,
            "alert.told key=%s event=%s incident=%s severity=%s\n%s",
            delivery.key,
            delivery.event,
            delivery.incident or "-",
            delivery.message.severity.word,
            to_text(delivery.message),
        )
        return {}
