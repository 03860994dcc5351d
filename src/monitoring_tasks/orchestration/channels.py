"""The channels a monitor's alerts go through, opened by Airflow's connections."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowNotFoundException

from monitoring_tasks.alerts.delivery import Channel
from monitoring_tasks.alerts.log import LogChannel
from monitoring_tasks.alerts.slack import SlackChannel
from monitoring_tasks.alerts.withheld import withheld_channels
from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.orchestration.connections import defined

if TYPE_CHECKING:
    from slack_sdk import WebClient

log = logging.getLogger(__name__)


def channels_of(monitor: Monitor, *, silent: bool) -> Sequence[Channel]:
    """Slack when the monitor names it and it can be opened; otherwise the task log, which says why.

    `silent` (a backfill) opens nothing: the channel that is named stands for what would have been told there.
    """
    if silent:
        return withheld_channels(monitor)
    slack = monitor.alerts.slack
    if slack is None:
        log.info("alert.route channel=log reason=the monitor's YAML names no alerts.slack")
        return [LogChannel()]
    try:
        return [SlackChannel(slack_client(slack.connection), slack.channel)]
    except ConfigurationError as error:
        log.warning(
            "alert.route channel=log reason=%s, then clear this task to send the alert to %s", error, slack.channel
        )
        return [LogChannel()]


def slack_client(connection: str) -> WebClient:
    """Slack's client by an Airflow connection; nothing is sent yet. Raises `ConfigurationError`."""
    if defined(connection) is None:
        raise ConfigurationError(f"Airflow has no connection {connection}: create it (type slack)")
    try:
        from airflow.providers.slack.hooks.slack import SlackHook

        return SlackHook(slack_conn_id=connection).client
    except ImportError as error:
        raise ConfigurationError(
            f"Airflow's Slack provider cannot be imported ({error}): install apache-airflow-providers-slack"
        ) from error
    except AirflowNotFoundException as error:
        raise ConfigurationError(
            f"connection {connection} has no token: put the bot token (xoxb-...) into its password"
        ) from error
    except ValueError as error:
        raise ConfigurationError(f"connection {connection} cannot be read ({error}): mend its extra fields") from error
