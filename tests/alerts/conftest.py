"""A store, a Slack on loopback, and channels to send through."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitoring_tasks.alerts.slack import SlackChannel, open_slack
from monitoring_tasks.data.connections import Account
from monitoring_tasks.store.database import Store, open_store
from tests.slack_server import SlackServer

TOKEN = "xoxb-very-secret"
PATIENT, HASTY = 30.0, 3.0  # seconds; a machine that is busy may take one to answer itself


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An open store on an empty SQLite database."""
    with open_store(f"sqlite:///{tmp_path}/results.db") as opened:
        yield opened


@pytest.fixture
def server() -> Iterator[SlackServer]:
    """Slack on loopback."""
    with SlackServer() as running:
        yield running


@pytest.fixture
def slack(server: SlackServer) -> SlackChannel:
    """The Slack channel, opened with a connection that points to loopback."""
    return open_slack(Account("slack", password=TOKEN, extra={"base_url": server.url}), "#ml-alerts", timeout=PATIENT)
