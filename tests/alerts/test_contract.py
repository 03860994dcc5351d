"""Every kind of channel against the contract."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from monitoring_tasks.alerts_section import KINDS, Channel
from tests.alerts.contract import (
    ChannelContract,
    Email,
    Log,
    OutageContract,
    PagerDuty,
    Service,
    Slack,
    SlackWebhook,
    Webhook,
)

SERVERS: tuple[type[Service], ...] = (Slack, SlackWebhook, Email, PagerDuty, Webhook)
KINDS_OF_SERVICE = (*SERVERS, Log)


class TestContract(ChannelContract):
    """The contract, by every kind."""

    @pytest.fixture(params=KINDS_OF_SERVICE, ids=lambda kind: kind.__name__)
    def service(self, request: pytest.FixtureRequest) -> Iterator[Service]:
        """A running service."""
        with request.param() as running:
            yield running


class TestOutages(OutageContract):
    """What a service does that fails; the log is none."""

    @pytest.fixture(params=SERVERS, ids=lambda kind: kind.__name__)
    def service(self, request: pytest.FixtureRequest) -> Iterator[Service]:
        """A running service."""
        with request.param() as running:
            yield running


def test_no_kind_is_left_out() -> None:
    """Each kind that a YAML can name is held to the contract."""
    assert {Channel.at(kind.address).kind for kind in KINDS_OF_SERVICE} == {*KINDS}
