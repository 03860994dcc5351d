"""The Slack channel: a headline in the channel, and all that follows of an incident in its thread."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from slack_sdk import WebClient

from monitoring_tasks.alerts.channel import TIMEOUT, Delivery
from monitoring_tasks.alerts.message import Message, one_line
from monitoring_tasks.alerts.slack_api import SlackApi, SlackError, silent_logger
from monitoring_tasks.alerts.slack_blocks import (
    Block,
    detail_blocks,
    headline_blocks,
    marked,
    note_blocks,
    notification,
    plain_text,
)
from monitoring_tasks.alerts.slack_search import PICTURES, mark, metadata, picture, posted
from monitoring_tasks.data.connections import Account
from monitoring_tasks.errors import AlertRefused, AlertUndelivered, ConfigurationError

_log = logging.getLogger(__name__)
_TOKEN = "renew the bot token in the channel's Airflow connection"  # noqa: S105  no token
_ADVICE = {
    "channel_not_found": "check the channel's `to`, and invite the bot to the channel when it is private",
    "not_in_channel": "invite the bot to the channel",
    "is_archived": "name a channel in `to` that is not archived",
    "missing_scope": "give the Slack app the scope chat:write",
    "ratelimited": "wait; a later try sends it",
    "invalid_auth": _TOKEN,
    "not_authed": _TOKEN,
    "token_expired": _TOKEN,
    "token_revoked": _TOKEN,
    "account_inactive": _TOKEN,
}
_OTHERWISE = "check the network and Slack's status; a later try sends it"
UNFIT = {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long", "no_text"}
"""Slack's words for a message that it will never take as it is."""
_NO_THREAD = {"thread_not_found", "message_not_found", "cannot_reply_to_message", "restricted_action_thread_locked"}
_UNREADABLE = {"missing_scope", "not_allowed_token_type", "channel_not_found", "not_in_channel", "no_permission"}
_MARK = "white_check_mark"


def open_slack(account: Account, target: str, *, timeout: float = TIMEOUT) -> SlackChannel:
    """The Slack channel `target`, a name or an id, with the bot token that is the connection's password.

    `base_url` and `proxy` of the connection's extra are used as Airflow does. Raises `ConfigurationError`.
    """
    if not account.password:
        raise ConfigurationError("the Slack connection has no token: put the bot token (xoxb-...) into its password")
    address = str(account.extra.get("base_url") or WebClient.BASE_URL)
    if not address.startswith(("https://", "http://")):
        raise ConfigurationError("the Slack connection's base_url is no address: write https://..., or remove it")
    client = WebClient(
        account.password,
        base_url=address,
        timeout=timeout,  # type: ignore[arg-type]  # fractions of a second serve as well
        proxy=account.extra.get("proxy"),
        logger=silent_logger(),
        retry_handlers=[],
    )
    return SlackChannel(SlackApi(client), target)


@dataclass(frozen=True)
class _Part:
    """One Slack message of a letter; `id` is the name that its id has in what is returned."""

    name: str
    id: str
    blocks: list[Block]
    reply: bool
    broadcast: bool = False


class SlackChannel:
    """Tells one Slack channel: a thread for each incident.

    What is told aloud has a headline in the channel and its details and plots in the thread; within an incident's
    thread the headline is shown in the channel too. Everything else is a reply. Each message carries the key of its
    letter, by which a later try finds what Slack took already. Plots, and the mark of a headline whose incident is
    resolved, are left out where Slack does not take them.
    """

    def __init__(self, api: SlackApi, to: str) -> None:
        self._api = api
        self._to = to

    def send(self, delivery: Delivery) -> Mapping[str, str]:
        """Post what Slack does not have yet; the ids are `ts` and `channel`, and `details` and `plots` where there are.

        Raises `AlertUndelivered` and `AlertRefused`, as `Channel` says.
        """
        done = dict(delivery.external)
        if delivery.again:
            done = {**self._found(delivery, done), **done}
        for part in _parts_of(delivery):
            if part.id not in done:
                done = {**done, **self._sent(delivery, part, done)}
        if delivery.loud:
            done = {**done, **self._plots(delivery, done)}
        if delivery.event == "resolved":
            self._tick_off(delivery.thread)
        return done

    def _found(self, delivery: Delivery, done: Mapping[str, str]) -> Mapping[str, str]:
        """What Slack has of the letter, nothing where it cannot be read: to be told twice is better than never."""
        place = delivery.thread.get("channel") or done.get("channel") or self._to
        thread = _thread(delivery, done)
        try:
            return posted(self._api, delivery.key, place=place, thread=thread, now=datetime.now(UTC))
        except SlackError as error:
            if error.cause not in _UNREADABLE:
                raise self._undelivered(error, done) from None
            _log.warning(
                "slack.not_searched channel=%s key=%s error=%s needed=%s: the alert may be posted twice",
                self._to, delivery.key, error.cause, error.needed or "channels:history",
            )  # fmt: skip
            return {}

    def _sent(self, delivery: Delivery, part: _Part, done: Mapping[str, str]) -> dict[str, str]:
        body = {
            "channel": self._to,
            "text": notification(delivery.message),
            "blocks": marked(part.blocks, mark(delivery.key, part.name)),
            "mrkdwn": False,
            "unfurl_links": False,
            "unfurl_media": False,
            "metadata": metadata(delivery.key, part.name),
        }
        thread = _thread(delivery, done) if part.reply else ""
        if thread:
            body |= {"thread_ts": thread, "reply_broadcast": part.broadcast}
        try:
            answer = self._posted(body, delivery.message)
        except SlackError as error:
            raise self._undelivered(error, done) from None
        channel = {} if "channel" in done else {"channel": str(answer.get("channel") or self._to)}
        return {part.id: answer["ts"], **channel}

    def _posted(self, body: Mapping[str, Any], message: Message) -> Mapping[str, Any]:
        """Post, once more in plain text if the blocks are not taken, and in the channel if the thread is gone."""
        try:
            return self._api.post(body)
        except SlackError as error:
            if error.cause in UNFIT and "blocks" in body:
                _log.warning("slack.blocks_refused channel=%s error=%s", self._to, error.cause)
                plain = {name: value for name, value in body.items() if name != "blocks"}
                return self._posted({**plain, "text": plain_text(message), "mrkdwn": True}, message)
            if error.cause in _NO_THREAD and "thread_ts" in body:
                alone = {name: value for name, value in body.items() if name not in ("thread_ts", "reply_broadcast")}
                return self._posted(alone, message)
            raise

    def _plots(self, delivery: Delivery, done: Mapping[str, str]) -> dict[str, str]:
        plots = delivery.message.plots[:PICTURES]
        if not plots or "plots" in done:
            return {}
        try:
            from monitoring_tasks.alerts.pictures import draw  # matplotlib takes its time

            files = [
                {
                    "content": draw(plot),
                    "filename": picture(delivery.key, number),
                    "title": one_line(plot.title),
                    "alt_txt": one_line(plot.alt, 1000),
                }
                for number, plot in enumerate(plots, start=1)
            ]
            return {"plots": self._api.upload(files, channel=done["channel"], thread=_thread(delivery, done))}
        except Exception as error:  # an alert without its picture is better than none
            needed = error.needed or "none" if isinstance(error, SlackError) else "none"
            _log.warning(
                "slack.plots_left_out key=%s missing_scope=%s error=%s", delivery.key, needed, one_line(str(error))
            )
            return {}

    def _tick_off(self, thread: Mapping[str, str]) -> None:
        """Mark the incident's headline, which stays where people look for what is still open."""
        if not thread.get("ts") or not thread.get("channel"):
            return
        try:
            self._api.call("reactions.add", channel=thread["channel"], timestamp=thread["ts"], name=_MARK)
        except SlackError as error:
            if error.cause != "already_reacted":
                _log.info("slack.not_ticked_off error=%s missing_scope=%s", error.cause, error.needed or "none")

    def _undelivered(self, error: SlackError, done: Mapping[str, str]) -> AlertUndelivered | AlertRefused:
        told = f"Slack channel {self._to} did not take the alert ({error.cause})"
        if error.cause in UNFIT:
            return AlertRefused(f"{told}, not as plain text either: shorten what it says")
        advice = _ADVICE["ratelimited"] if error.limited else _ADVICE.get(error.cause, _OTHERWISE)
        return AlertUndelivered(f"{told}: {advice}", done, after=error.after)


def _thread(delivery: Delivery, done: Mapping[str, str]) -> str:
    """The message beneath which the letter stands, "" while it has no headline."""
    return delivery.thread.get("ts") or done.get("ts") or ""


def _parts_of(delivery: Delivery) -> list[_Part]:
    within = bool(delivery.thread.get("ts"))
    if not delivery.loud:
        return [_Part("note", "ts", note_blocks(delivery.message), reply=within)]
    headline = _Part("headline", "ts", headline_blocks(delivery.message), reply=within, broadcast=within)
    details = detail_blocks(delivery.message)
    return [headline, *([_Part("details", "details", details, reply=True)] if details else [])]
