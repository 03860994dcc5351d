"""Finding what Slack took already, by the keys that messages carry."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from monitoring_tasks.alerts.slack_api import SlackApi, SlackError

EVENT = "monitoring_alert"
LOOK_BACK = timedelta(days=3)
PAGE, PAGES, PICTURES = 200, 10, 10
Json = Mapping[str, Any]


def metadata(key: str, part: str) -> dict[str, Any]:
    """What tells a message of a letter from all others, for programs."""
    return {"event_type": EVENT, "event_payload": {"key": key, "part": part}}


def mark(key: str, part: str) -> str:
    """The same as an id of a block: an app can read it without the scope for metadata.

    >>> mark("churn-1", "headline")
    'headline:churn-1'
    """
    return f"{part}:{key}" if len(key) <= 200 else f"{part}:{hashlib.sha256(key.encode()).hexdigest()}"


def picture(key: str, number: int) -> str:
    """The file name of a letter's plot, by which it is found again."""
    return f"{hashlib.sha256(key.encode()).hexdigest()[:16]}-{number}.png"


def posted(api: SlackApi, key: str, *, place: str, thread: str, now: datetime) -> dict[str, str]:
    """The ids of the parts of a letter that Slack has, and of the `channel`; only the channel when there are none.

    `place` is a channel's id, or its name, for which Slack is asked; `thread` the message beneath which the letter
    stands, "" when it stands in the channel. The last three days are searched, newest first. Raises `SlackError`.
    """
    channel = place if re.fullmatch("[CDG][A-Z0-9]{8,}", place) else _channel(api, place.removeprefix("#"))
    found: dict[str, str] = {}
    if not thread:
        since = str((now - LOOK_BACK).timestamp())
        found = next((parts for parts in (_parts(each, key) for each in _newest(api, channel, since)) if parts), {})
        thread = found.get("ts", "")
    if thread:
        for message in _thread(api, channel, thread):
            found = {**_parts(message, key), **found}
    return {**found, "channel": channel}


def _parts(message: Json, key: str) -> dict[str, str]:
    """What part of the letter the message is, with its id; nothing for another message."""
    ts = str(message.get("ts", ""))
    payload = (message.get("metadata") or {}).get("event_payload") or {}
    blocks = message.get("blocks") or [{}]
    for part, name in (("headline", "ts"), ("note", "ts"), ("details", "details")):
        if payload == {"key": key, "part": part} or blocks[0].get("block_id") == mark(key, part):
            return {name: ts}
    names = {picture(key, number) for number in range(1, PICTURES + 1)}
    files = [str(file.get("id")) for file in message.get("files") or [] if file.get("name") in names]
    return {"plots": ",".join(files)} if files else {}


def _newest(api: SlackApi, channel: str, since: str) -> Iterator[Json]:
    """Messages of the channel back to a time, newest first: Slack is not given the time, which may turn the order."""
    pages = api.pages(
        "conversations.history", "messages", channel=channel, limit=PAGE, include_all_metadata=True
    )  # fmt: skip
    for number in range(PAGES):
        try:
            page = next(pages, [])
        except SlackError as error:
            if error.limited and number:
                return  # asked again it would end here again; what is looked for is among the newest
            raise
        yield from page
        if not page or str(page[-1].get("ts", "")) < since:
            return


def _thread(api: SlackApi, channel: str, thread: str) -> Iterator[Json]:
    try:
        for page in api.pages(
            "conversations.replies", "messages", channel=channel, ts=thread, limit=PAGE, include_all_metadata=True
        ):
            yield from page
    except SlackError as error:
        if error.cause != "thread_not_found":
            raise


def _channel(api: SlackApi, name: str) -> str:
    """The id of a channel in which the app is."""
    missing = SlackError("channel_not_found")
    for types in ("public_channel", "private_channel"):
        try:
            for page in api.pages("users.conversations", "channels", types=types, limit=PAGE, exclude_archived=True):
                if ids := [str(channel.get("id")) for channel in page if channel.get("name") == name]:
                    return ids[0]
        except SlackError as error:
            if error.cause != "missing_scope":
                raise
            missing = error
    raise missing
