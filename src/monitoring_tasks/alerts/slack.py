"""The Slack channel: a headline in the channel, the details in its thread."""

from __future__ import annotations

from collections.abc import Mapping
from http.client import HTTPException

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

from monitoring_tasks.alerts.message import Block, Message, detail_blocks, escape, headline_blocks
from monitoring_tasks.errors import AlertUndelivered
from monitoring_tasks.store.records import AlertState

_TOKEN = "renew the bot token in the Airflow connection that alerts.slack.connection names"  # noqa: S105  no token
_ADVICE = {
    "channel_not_found": "check alerts.slack.channel, and invite the bot to the channel when it is private",
    "not_in_channel": "invite the bot to the channel",
    "is_archived": "name a channel in alerts.slack.channel that is not archived",
    "missing_scope": "give the Slack app the scope chat:write",
    "ratelimited": "wait; the task's next try sends it",
    "invalid_auth": _TOKEN,
    "not_authed": _TOKEN,
    "token_expired": _TOKEN,
    "token_revoked": _TOKEN,
    "account_inactive": _TOKEN,
}
_OTHERWISE = "check the network and Slack's status; the task's next try sends it"


def channel_name(channel: str) -> str:
    """What tells alerts to one Slack channel from all others.

    >>> channel_name("#ml-alerts")
    'slack:#ml-alerts'
    """
    return f"slack:{channel}"


class SlackChannel:
    """Posts alerts to one Slack channel, one thread per alert.

    A request that Slack asks to repeat later (429) is repeated once after the time it names. What cannot be posted
    raises `AlertUndelivered`, never with the token in it.
    """

    delivered: AlertState = "sent"

    def __init__(self, client: WebClient, channel: str) -> None:
        self.name = channel_name(channel)
        self._client = client
        self._channel = channel
        if not any(isinstance(handler, RateLimitErrorRetryHandler) for handler in client.retry_handlers):
            client.retry_handlers.append(RateLimitErrorRetryHandler())

    def send(self, message: Message, *, key: str, thread: str | None) -> Mapping[str, str]:
        """Post the headline, then the details in its thread; return the headline's `ts` and `channel`.

        With `thread`, the `ts` of a headline that is posted already, only the details are posted. When the details
        fail, the error's `external` holds the ids of the headline.
        """
        posted = {"ts": thread, "channel": self._channel} if thread else self._headline(message, key)
        try:
            self._post(message, detail_blocks(message), {"thread_ts": posted["ts"]})
        except AlertUndelivered as error:
            raise AlertUndelivered(str(error), posted) from error
        return posted

    def _headline(self, message: Message, key: str) -> dict[str, str]:
        about = {"metadata": {"event_type": "monitoring_alert", "event_payload": {"key": key}}}
        return self._post(message, headline_blocks(message), about)

    def _post(self, message: Message, blocks: list[Block], more: Mapping[str, object]) -> dict[str, str]:
        body = {
            "channel": self._channel,
            "text": escape(message.title),  # for notifications; the blocks are what is seen
            "blocks": blocks,
            "mrkdwn": False,
            "unfurl_links": False,
            **more,
        }
        try:
            answer = self._client.api_call("chat.postMessage", json=body)
        except (SlackClientError, OSError, HTTPException) as error:
            raise AlertUndelivered(self._complaint(error)) from None
        if not answer.get("ts"):
            raise AlertUndelivered(self._complaint(ValueError("the answer names no ts")))
        return {"ts": str(answer["ts"]), "channel": str(answer.get("channel", self._channel))}

    def _complaint(self, error: Exception) -> str:
        # The cause is told, not chained: its own text may hold what was sent.
        cause = str(error.response["error"]) if isinstance(error, SlackApiError) else f"{type(error).__name__}: {error}"
        if self._client.token:
            cause = cause.replace(self._client.token, "***")
        return f"Slack channel {self._channel} did not take the alert ({cause}): {_ADVICE.get(cause, _OTHERWISE)}"
