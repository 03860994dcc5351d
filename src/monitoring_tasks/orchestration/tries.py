"""How often a task is tried, how long it may take, and what a failed try says."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from airflow.sdk import Context

from monitoring_tasks.monitor import Monitor

log = logging.getLogger(__name__)


def say_why(context: Context) -> None:
    """Callback of a failed try: the reason in one plain line, after Airflow's traceback."""
    log.error("%s", context.get("exception"))


def tries(monitor: Monitor) -> dict[str, Any]:
    """Default arguments of a monitor's tasks."""
    return {
        "owner": monitor.owner,
        "show_return_value_in_logs": False,
        # Tries with growing pauses wait for a source, the store or a channel to come back; errors that no waiting
        # mends end the task at once (tasks.py).
        "retries": 4,
        "retry_delay": timedelta(seconds=30),
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": timedelta(minutes=15),
        "execution_timeout": timedelta(hours=2),
        "on_failure_callback": say_why,
        "on_retry_callback": say_why,
    }


def patient_tries() -> dict[str, Any]:
    """Default arguments of tasks that come again by themselves, the next day or week: few tries, far apart."""
    return {
        "retries": 2,
        "retry_delay": timedelta(minutes=10),
        "execution_timeout": timedelta(hours=2),
        "on_failure_callback": say_why,
        "on_retry_callback": say_why,
    }
