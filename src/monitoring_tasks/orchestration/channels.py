"""The channels a monitor's alerts go through, opened by Airflow's connections."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from airflow.providers.slack.hooks.slack import SlackHook

from monitoring_tasks.alerts.delivery import Channel
from monitoring_tasks.alerts.log import LogChannel
from monitoring_tasks.alerts.slack import SlackChannel
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.orchestration.connections import defined

log = logging.getLogger(__name__)


def channels_of(monitor: Monitor) -> Sequence[Channel]:
    """Slack when the monitor names it and Airflow has the connection; otherwise the task log, which says so."""
    slack = monitor.alerts.slack
    if slack is None:
        log.info("alert.route channel=log reason=the monitor's YAML names no alerts.slack")
        return [LogChannel()]
    if defined(slack.connection) is None:
        log.warning(
            "alert.route channel=log reason=Airflow has no connection %s: create it (type slack), "
            "then clear this task to send the alert to %s",
            slack.connection,
            slack.channel,
        )
        return [LogChannel()]
    return [SlackChannel(SlackHook(slack_conn_id=slack.connection).client, slack.channel)]
