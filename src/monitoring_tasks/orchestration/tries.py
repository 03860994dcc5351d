"""How often a task is tried, how long it may take, and what a failed try says."""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from airflow.sdk import Context

from monitoring_tasks.monitor import Monitor
from monitoring_tasks.orchestration.failures import tell_failure
from monitoring_tasks.orchestration.run_reading import Whose

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
        **_callbacks(monitor),
    }


def patient_tries(folder: Path) -> dict[str, Any]:
    """Default arguments of tasks that come again by themselves, the next day or week: few tries, far apart."""
    return {
        "retries": 2,
        "retry_delay": timedelta(minutes=10),
        "execution_timeout": timedelta(hours=2),
        **_callbacks(folder),
    }


def short_tries(folder: Path) -> dict[str, Any]:
    """Default arguments of tasks that come again within minutes: one try more, soon."""
    return {
        "retries": 1,
        "retry_delay": timedelta(seconds=20),
        "execution_timeout": timedelta(minutes=20),
        **_callbacks(folder),
    }


def _callbacks(whose: Whose) -> dict[str, Any]:
    # The reason comes last: it is what the person on call reads at the end of the log.
    return {"on_failure_callback": [partial(tell_failure, whose), say_why], "on_retry_callback": say_why}
