"""Runs a model's own code: lines as they come, a limit of time, and no process left behind."""

from __future__ import annotations

import os
import re
import selectors
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from monitoring_tasks.errors import PipelineFailed
from monitoring_tasks.redaction import redact
from monitoring_tasks.retraining.guard import guarded

LINE_CHARACTERS = 2000
"""Longer lines are cut."""
MOST_LINES = 20_000
"""Later lines are not told, but for the last."""
_LAST_LINES = 10
_BLOCK = 1 << 16
_POLL = 0.2
# Colours, and what else a terminal would act upon.
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")


def run(
    argv: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    seconds: float,
    tell: Callable[[str], None],
) -> int:
    """Exit code of a command run in `folder` with no more than `environment`; 128 + N after signal N.

    `tell` gets each line of its stdout and stderr in the order written: without credentials of URLs and control
    characters, cut at LINE_CHARACTERS, undecodable bytes replaced; of more than MOST_LINES the first and the last few.
    Every process that the command started has ended on return, on an error in the caller, and soon after the caller's
    death. Raises `PipelineFailed` when it takes longer than `seconds`.
    """
    deadline = time.monotonic() + seconds
    lines = _Lines(tell)
    try:
        with guarded(argv, folder=folder, environment=environment, stderr=subprocess.STDOUT) as process:
            for block in _blocks(process, deadline):
                lines.add(block)
            return process.wait(max(deadline - time.monotonic(), 0.0))
    except (_TooLong, subprocess.TimeoutExpired):
        raise PipelineFailed(
            f"{redact(' '.join(argv))} was ended after {seconds:g} s, the longest it may take: "
            "give it more time (pipeline.timeout), or less to do"
        ) from None
    finally:
        lines.close()


class _TooLong(Exception):
    pass


def _blocks(process: subprocess.Popen[bytes], deadline: float) -> Iterator[bytes]:
    """What the command writes until it ends: a process that escaped with the pipe in hand is not waited for."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            ended = process.poll() is not None  # asked first: all that it wrote is in the pipe by then
            if selector.select(0 if ended else _POLL):
                if not (block := os.read(process.stdout.fileno(), _BLOCK)):
                    return
                yield block
            elif ended:
                return
            if time.monotonic() > deadline:
                raise _TooLong


class _Lines:
    """Blocks of bytes in, lines out; never holds more than one block of an endless line.

    Of more than MOST_LINES the last few are told at the end: a program that never stops writing must not fill a disk.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._told = 0
        self._last: deque[str] = deque(maxlen=_LAST_LINES)
        self._rest = b""
        self._cut = False

    def add(self, block: bytes) -> None:
        *lines, rest = re.split(rb"[\r\n]", self._rest + block)
        for line in lines:
            self._rest = b""
            self._emit(line)
        if len(rest) > _BLOCK:
            self._emit(rest)
            rest, self._cut = b"", True
        self._rest = rest

    def close(self) -> None:
        self._emit(self._rest)
        if self._told > MOST_LINES:
            self._tell(f"… {self._told - MOST_LINES} lines were left out but the last of them:")
            for text in self._last:
                self._tell(text)

    def _emit(self, line: bytes) -> None:
        skipped, self._cut = self._cut, False
        text = _CONTROL.sub("", redact(line.decode(errors="replace"))).rstrip()
        if text and not skipped:
            self._say(text if len(text) <= LINE_CHARACTERS else text[:LINE_CHARACTERS] + " …")

    def _say(self, text: str) -> None:
        self._told += 1
        if self._told <= MOST_LINES:
            self._tell(text)
        else:
            self._last.append(text)
