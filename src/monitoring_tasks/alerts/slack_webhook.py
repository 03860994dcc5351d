"""Slack by an incoming webhook: one message for each event, without threads, plots or ids."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from slack_sdk.webhook import WebhookClient, WebhookResponse

from monitoring_tasks.alerts.channel import TIMEOUT, Delivery
from monitoring_tasks.alerts.message import one_line
from monitoring_tasks.alerts.slack import UNFIT
from monitoring_tasks.alerts.slack_api import in_time, silent_logger, wait
from monitoring_tasks.alerts.slack_blocks import notification, plain_text, whole_blocks
from monitoring_tasks.data.connections import Account
from monitoring_tasks.errors import AlertRefused, AlertUndelivered, ConfigurationError

_log = logging.getLogger(__name__)
HOST = "https://hooks.slack.com/services"
_NEW = "make a new webhook in the Slack app, and put its token into the channel's Airflow connection"
_ADVICE = {
    "no_service": _NEW,
    "no_active_hooks": _NEW,
    "no_team": _NEW,
    "invalid_token": _NEW,
    "channel_not_found": _NEW,
    "channel_is_archived": "bring the channel back, or make a webhook for another one",
    "action_prohibited": "ask a Slack administrator to let the app post there",
    "posting_to_general_channel_denied": "make a webhook for another channel",
}
_OTHERWISE = "check the network and Slack's status; a later try sends it"
_NEVER = UNFIT | {"invalid_payload", "too_many_attachments"}


def open_slack_webhook(account: Account, target: str = "", *, timeout: float = TIMEOUT) -> SlackWebhook:  # noqa: ARG001
    """The channel of an incoming webhook, whose token (T.../B.../...) is the connection's password.

    The address is put together as Airflow does: the host, or a whole address in its place, then the token. A webhook
    has one channel, so there is no target. Raises `ConfigurationError`.
    """
    token = (account.password or "").strip()
    if not token:
        raise ConfigurationError("the Slack webhook's connection has no token: put T.../B.../... into its password")
    address = token if "://" in token else f"{_base(account).rstrip('/')}/{token.strip('/')}"
    if not re.fullmatch(r"https?://[^/\s?#@\\]+/[^\s?#@\\]+", address):
        # What stands there is the secret, wherever it was put.
        raise ConfigurationError(f"the Slack webhook's connection gives no address like {HOST}/T.../B.../...: mend it")
    client = WebhookClient(
        address,
        timeout=timeout,  # type: ignore[arg-type]  # fractions of a second serve as well
        proxy=account.extra.get("proxy"),
        logger=silent_logger(),
        retry_handlers=[],
    )
    return SlackWebhook(client)


def _base(account: Account) -> str:
    if "://" in account.host:
        return account.host
    return f"{account.schema or 'https'}://{account.host}" if account.host else HOST


class SlackWebhook:
    """Posts each letter as one message, which names its incident.

    Slack cannot be asked what came this way: a letter whose outcome is not known is posted again.
    """

    def __init__(self, client: WebhookClient) -> None:
        self._client = client

    def send(self, delivery: Delivery) -> Mapping[str, str]:
        """Post the letter; there are no ids. Raises `AlertUndelivered` and `AlertRefused`, as `Channel` says."""
        if delivery.again:
            _log.info("slack_webhook.again key=%s: Slack does not tell what an earlier try posted", delivery.key)
        message = delivery.message
        blocks = whole_blocks(message, loud=delivery.loud, incident=delivery.incident)
        cause = self._posted({"text": notification(message), "blocks": blocks, "mrkdwn": False})
        if cause:
            _log.warning("slack_webhook.blocks_refused key=%s error=%s", delivery.key, cause)
            cause = self._posted({"text": plain_text(message)})
        if cause:
            raise AlertRefused(f"{self._told(cause)}, not as plain text either: shorten what it says")
        return {}

    def _posted(self, body: Mapping[str, Any]) -> str:
        """Post; "" when it was taken, Slack's word when this message will never be."""
        try:
            sent = {**body, "unfurl_links": False, "unfurl_media": False}
            answer = in_time(self._client.timeout, partial(self._client.send_dict, sent))
        except Exception as error:  # the client stumbles in many ways over what is no answer of Slack's
            # The cause is told, not chained: its own text may hold the address.
            raise AlertUndelivered(f"{self._told(f'{type(error).__name__}: {error}')}: {_OTHERWISE}") from None
        cause = str(answer.body).strip()
        if answer.status_code == 200 and cause == "ok":
            return ""
        if answer.status_code == 400 and cause in _NEVER:
            return cause
        raise self._undelivered(answer, cause)

    def _undelivered(self, answer: WebhookResponse, cause: str) -> AlertUndelivered:
        limited = answer.status_code == 429
        advice = "wait; a later try sends it" if limited else _ADVICE.get(cause, _OTHERWISE)
        told = self._told(f"{answer.status_code} {cause}")
        return AlertUndelivered(f"{told}: {advice}", after=wait(answer.headers) if limited else None)

    def _told(self, cause: str) -> str:
        parts = urlsplit(self._client.url)
        *others, token = parts.path.split("/")
        for secret in (parts.path, token, *(part for part in others if len(part) > len("services"))):
            cause = cause.replace(secret, "***")
        return f"Slack's webhook at {parts.hostname} did not take the alert ({one_line(cause, 120)})"
