"""Requests to Slack's Web API, and what their failures mean."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from datetime import timedelta
from functools import partial
from threading import Thread
from typing import Any, TypeVar

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from monitoring_tasks.alerts.message import one_line

LONGEST_WAIT = timedelta(hours=1)
_Answer = TypeVar("_Answer")


class SlackError(Exception):
    """A request that did not succeed; it never holds the token.

    `cause` is Slack's word for it, or what happened instead of an answer; `needed` the scope that is missing, "" if
    none is; `limited` whether there were too many requests, and `after` the time Slack asks to be left alone.
    """

    def __init__(self, cause: str, *, needed: str = "", limited: bool = False, after: timedelta | None = None) -> None:
        super().__init__(cause)
        self.cause = cause
        self.needed = needed
        self.limited = limited
        self.after = after


class SlackApi:
    """Slack's Web API with one bot token; what is not answered well raises `SlackError`."""

    def __init__(self, client: WebClient) -> None:
        self._client = client

    def post(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Post a message; the answer names its `ts`."""
        answer = self._asked("chat.postMessage", json=dict(body))
        if not isinstance(answer.get("ts"), str):
            raise SlackError("the answer names no ts")
        return answer

    def call(self, method: str, **fields: Any) -> Mapping[str, Any]:
        """Call any other method."""
        return self._asked(method, params=fields)

    def pages(self, method: str, name: str, **fields: Any) -> Iterator[list[Mapping[str, Any]]]:
        """The lists called `name` of one page after another."""
        cursor = ""
        while True:
            answer = self.call(method, **fields, **({"cursor": cursor} if cursor else {}))
            page = answer.get(name)
            if not isinstance(page, list):
                raise SlackError(f"the answer names no {name}")
            yield [item for item in page if isinstance(item, dict)]
            cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return

    def upload(self, files: Sequence[Mapping[str, Any]], *, channel: str, thread: str) -> str:
        """Upload files, and show them in a thread of a channel that is given by its id; their ids, joined by commas."""
        uploads = [dict(file) for file in files]
        seconds = self._client.timeout * (2 * len(uploads) + 1)
        try:
            answer = in_time(
                seconds, partial(self._client.files_upload_v2, file_uploads=uploads, channel=channel, thread_ts=thread)
            )
            return ",".join(str(file["id"]) for file in answer["files"])
        except Exception as error:  # as below
            raise self._error(error) from None

    def _asked(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        try:
            answer = in_time(self._client.timeout, partial(self._client.api_call, method, **arguments))
            return dict(answer.data)  # type: ignore[arg-type]  # bytes are an error as well
        except Exception as error:  # the client stumbles in many ways over what is no answer of Slack's
            # The cause is told, not chained: its own text may hold what was sent.
            raise self._error(error) from None

    def _error(self, error: Exception) -> SlackError:
        if not isinstance(error, SlackApiError):
            return SlackError(self._masked(f"{type(error).__name__}: {error}"))
        response = error.response
        cause = str(response.get("error"))
        limited = response.status_code == 429 or cause in ("ratelimited", "rate_limited")
        return SlackError(
            self._masked(cause),
            needed=self._masked(str(response.get("needed") or "")),
            limited=limited,
            after=wait(response.headers) if limited else None,
        )

    def _masked(self, text: str) -> str:
        return one_line(text.replace(self._client.token, "***") if self._client.token else text)


def in_time(seconds: float, work: Callable[[], _Answer]) -> _Answer:
    """What the work gives, or `TimeoutError` after twice the seconds.

    slack_sdk waits that long for each next byte: from a server that sends one now and then it would wait for ever.
    """
    outcome: Future[_Answer] = Future()
    thread = Thread(target=_settle, args=(outcome, work), daemon=True)
    thread.start()
    thread.join(2 * seconds)
    try:
        if not outcome.done():
            raise TimeoutError(f"no whole answer in {2 * seconds:g} seconds")
        return outcome.result()
    finally:
        del outcome  # it holds the error, whose traceback holds this frame: open connections would stay with both


def _settle(outcome: Future[_Answer], work: Callable[[], _Answer]) -> None:
    try:
        outcome.set_result(work())
    except Exception as error:
        outcome.set_exception(error)
    finally:
        del outcome  # as above


def wait(headers: Mapping[str, Any]) -> timedelta | None:
    """The time a rate limit asks for, at most an hour; None where it names none.

    >>> wait({"retry-after": "30"}), wait({"Retry-After": "soon"})
    (datetime.timedelta(seconds=30), None)
    """
    told = {name.lower(): str(value) for name, value in headers.items()}.get("retry-after", "")
    return min(timedelta(seconds=int(told[:9])), LONGEST_WAIT) if re.fullmatch("[0-9]+", told) else None


def silent_logger() -> logging.Logger:
    """A logger for slack_sdk's clients: theirs quote what a server answered, and at DEBUG the address of a webhook."""
    return logging.Logger("slack", logging.CRITICAL + 1)
