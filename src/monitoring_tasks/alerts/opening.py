"""Channels opened by their addresses: each kind has its own module, which is loaded when it is first needed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from pydantic import ValidationError

from monitoring_tasks.alerts.channel import Channel
from monitoring_tasks.alerts.log import LogChannel
from monitoring_tasks.alerts_section import KINDS, Kind
from monitoring_tasks.alerts_section import Channel as Declared
from monitoring_tasks.errors import ConfigurationError

if TYPE_CHECKING:
    from monitoring_tasks.data.connections import Account, Connections

TYPES: Mapping[Kind, tuple[str, ...]] = {
    "slack": ("slack",),
    "slack_webhook": ("slackwebhook",),
    "email": ("smtp",),
    "pagerduty": ("pagerduty_events", "pagerduty", "generic"),
    "webhook": ("http", "https", "generic"),
}
"""Types of connection that open a kind of channel, the usual one first; the log needs none."""


def open_channel(address: str, connections: Connections) -> Channel:
    """The channel at an address of `monitoring_tasks.alerts_section.Channel`; nothing is sent yet.

    A kind `pager` is the function `open_pager(account, target)` of the module `alerts/pager.py`; `target` is what `to`
    names, joined by commas, "" for nothing. Raises `ConfigurationError` for an address that names no channel, and for a
    connection that is missing, is of another type, or lacks something.

    >>> from monitoring_tasks.data.connections import EnvironmentConnections
    >>> type(open_channel("log", EnvironmentConnections({}))).__name__
    'LogChannel'
    """
    channel = _declared(address)
    if channel.kind == "log":
        return LogChannel()
    account = _account(channel, connections)
    module = import_module(f"monitoring_tasks.alerts.{channel.kind}")
    opened: Channel = getattr(module, f"open_{channel.kind}")(account, ",".join(channel.to))
    return opened


def _declared(address: str) -> Declared:
    try:
        return Declared.at(address)
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"{address!r} is no address of a channel ({reason})") from None


def _account(channel: Declared, connections: Connections) -> Account:
    wanted, connection = TYPES[channel.kind], channel.connection or KINDS[channel.kind].connection
    try:
        account = connections.account(connection)
    except ConfigurationError as error:
        raise ConfigurationError(f"{channel.kind} alerts need a connection of type {wanted[0]}, but {error}") from None
    if account.kind not in wanted:
        raise ConfigurationError(
            f"connection {connection!r} has type {account.kind!r}: {channel.kind} alerts need one of type {wanted[0]}"
        )
    return account
