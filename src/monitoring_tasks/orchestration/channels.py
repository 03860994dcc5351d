"""The channels of alerts, opened by Airflow's connections."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from monitoring_tasks.alerts.channel import Channel
from monitoring_tasks.alerts.opening import open_channel
from monitoring_tasks.orchestration.connections import AirflowConnections


def opener() -> Callable[[str], Channel]:
    """What opens the channel at an address; a connection that Airflow lacks is a `ConfigurationError` when opened."""
    return partial(open_channel, connections=AirflowConnections())
