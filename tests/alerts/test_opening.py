"""Channels by their addresses: each kind from its own module, and words for what a connection lacks."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, get_args

import pytest

from monitoring_tasks.alerts.opening import TYPES, open_channel
from monitoring_tasks.alerts_section import KINDS, Kind
from monitoring_tasks.data.connections import PREFIX, EnvironmentConnections
from monitoring_tasks.errors import ConfigurationError

ADDRESSES = {
    "slack": "slack:x:#ml-alerts",
    "slack_webhook": "slack_webhook:x",
    "email": "email:x:ml@example.org",
    "pagerduty": "pagerduty:x",
    "webhook": "webhook:x",
}
EXTRA = {"email": {"from_email": "bot@example.org"}}


def connections(**document: Any) -> EnvironmentConnections:
    """A connection `x`."""
    return EnvironmentConnections({f"{PREFIX}X": json.dumps(document)})


@pytest.mark.parametrize("kind", ADDRESSES)
def test_each_kind_opens_by_each_of_its_types(kind: Kind) -> None:
    """Every type that is said to serve does; what is opened is of the kind's module."""
    for type_ in TYPES[kind]:
        document = {"conn_type": type_, "host": "host.example.org", "password": "secret", "extra": EXTRA.get(kind, {})}
        channel = open_channel(ADDRESSES[kind], connections(**document))
        assert type(channel).__module__ == f"monitoring_tasks.alerts.{kind}"


def test_every_kind_but_the_log_needs_a_type() -> None:
    """The kinds of the YAML and those that can be opened are the same."""
    assert {*TYPES, "log"} == {*KINDS} == {*get_args(Kind)}


def test_the_log_needs_no_connection() -> None:
    """The log is opened where no connection is."""
    assert type(open_channel("log", EnvironmentConnections({}))).__name__ == "LogChannel"


@pytest.mark.parametrize("kind", ADDRESSES)
def test_a_missing_connection_says_which_type_is_needed(kind: Kind) -> None:
    """Without the connection: how it is called, and of which type it must be."""
    with pytest.raises(ConfigurationError, match=f"need a connection of type {TYPES[kind][0]}, but no connection 'x'"):
        open_channel(ADDRESSES[kind], EnvironmentConnections({}))


@pytest.mark.parametrize("kind", ADDRESSES)
def test_a_connection_of_another_type_is_not_used(kind: Kind) -> None:
    """A connection of another type is named with its type, and the one that is needed."""
    told = f"connection 'x' has type 'postgres': {kind} alerts need one of type {TYPES[kind][0]}"
    with pytest.raises(ConfigurationError, match=told):
        open_channel(ADDRESSES[kind], connections(conn_type="postgres", password="secret"))


@pytest.mark.parametrize("kind", ["slack", "slack_webhook", "pagerduty", "webhook"])
def test_a_connection_without_its_secret_is_refused(kind: Kind) -> None:
    """What cannot work is said when the channel is opened, not when a person should have been paged."""
    with pytest.raises(ConfigurationError, match="password"):
        open_channel(ADDRESSES[kind], connections(conn_type=TYPES[kind][0], host="host.example.org"))


@pytest.mark.parametrize("address", ["", "pigeon:x", "email:x", "slack", "pagerduty:x:somebody", "slack:x:#a,#b"])
def test_an_address_that_names_no_channel_is_told(address: str) -> None:
    """A letter of another version, or one that was edited by hand: what is wrong with its address."""
    with pytest.raises(ConfigurationError, match="is no address of a channel"):
        open_channel(address, EnvironmentConnections({}))


def test_nothing_heavy_is_loaded_before_it_is_needed() -> None:
    """Importing the opener, as a DAG file does, loads no client and no library of data."""
    heavy = {"slack_sdk", "smtplib", "http.client", "matplotlib", "pyarrow", "numpy", "sqlalchemy"}
    code = f"import sys, monitoring_tasks.alerts.opening; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
