"""The thread that writes what a server logged, and the bounded memory between the two."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, Protocol

from monitoring_tasks.client.buffering import Buffering
from monitoring_tasks.client.columns import Columns, Row
from monitoring_tasks.redaction import redact

log = logging.getLogger(__name__)
_FIRST_DELAY, _LONGEST_DELAY, _LAST_DELAY = 1.0, 60.0, 0.5
_FORK_PATIENCE = 5.0

Write = Callable[[], None]


class Destination(Protocol):
    """Where rows end up: a folder or a table."""

    columns: Columns

    @property
    def place(self) -> str:
        """What people are told, without secrets."""
        ...

    def writes(self, rows: Sequence[Row]) -> list[Write]:
        """What writes these rows; each can be called again after an error, and then writes nothing twice."""
        ...

    def renew(self) -> None:
        """Become another writer, in a process that was forked from this one."""
        ...

    def close(self) -> None:
        """Leave nothing behind but rows."""
        ...


class Writer:
    """Takes rows at once, and writes them from a thread of its own, which starts with the first row.

    Nothing that the destination does reaches who puts rows: a failed write is tried again after 1, 2, 4 and at most 60
    seconds, rows that find no room meanwhile are dropped and counted, and both are said in the log. A forked process
    starts with no rows and a thread of its own.
    """

    def __init__(self, destination: Destination, buffering: Buffering) -> None:
        self.destination, self.buffering = destination, buffering
        self.renew()
        _OPEN.add(self)

    def renew(self) -> None:
        """Empty, without a thread: as in a new process."""
        # A signal handler may log in the middle of a log.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self.busy = threading.Lock()
        self._wake, self._urgent = threading.Event(), threading.Event()
        self._queue: deque[tuple[Row, int]] = deque()
        self._rows = self._bytes = self._taken = self._done = 0
        self.dropped = self._said = 0
        self._said_at = float("-inf")
        self._unfit_said = 0
        self._thread: threading.Thread | None = None
        self._deadline: float | None = None
        self.closed = False
        self.destination.renew()

    def put(self, rows: Sequence[Row]) -> None:
        """Take rows to be written, in order, until there is no room; drop and count the others. Never waits for I/O."""
        sizes = [_size(row) for row in rows]
        with self._lock:
            room = 0 if self.closed else self._room(sizes)
            self._queue.extend(zip(rows[:room], sizes, strict=False))
            self._rows, self._bytes = self._rows + room, self._bytes + sum(sizes[:room])
            self._taken += room
            self.dropped += len(rows) - room
            full = len(self._queue) >= self.buffering.batch
        if room and self._thread is None:
            self._start()
        if full:
            self._wake.set()

    def _room(self, sizes: Sequence[int]) -> int:
        """How many of the rows fit."""
        rows, left = self.buffering.rows - self._rows, self.buffering.bytes - self._bytes
        for place, size in enumerate(sizes[: max(rows, 0)]):
            left -= size
            if left < 0:
                return place
        return min(len(sizes), max(rows, 0))

    def _start(self) -> None:
        with self._lock:
            if self._thread is not None:
                return
            thread = threading.Thread(target=self._run, name="monitoring-log", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                # No thread can be had now; the next row tries again, and close() writes without one.
                return
            self._thread = thread
        _end_with_process()

    def flush(self, timeout: float | None = None) -> bool:
        """Write what was put before, now; whether that was done within so many seconds (default: the patience)."""
        until = time.monotonic() + (self.buffering.patience if timeout is None else timeout)
        with self._changed:
            wanted = self._taken
            self._wake.set()
            self._urgent.set()
            return self._changed.wait_for(lambda: self._done >= wanted, until - time.monotonic())

    def close(self, timeout: float | None = None) -> None:
        """Write what is left and end; rows that cannot be written within so many seconds are dropped and counted."""
        patience = self.buffering.patience if timeout is None else timeout
        with self._lock:
            self._deadline = self._deadline or time.monotonic() + patience
            self.closed = True
        self._wake.set()
        self._urgent.set()
        if self._thread is None:
            self._finish()
        elif self._thread is not threading.current_thread():
            self._thread.join(patience + _LAST_DELAY)
        self._give_up()
        _OPEN.discard(self)

    def _give_up(self) -> None:
        with self._lock:
            self.dropped += self._rows
            self._rows = self._bytes = 0
            self._queue.clear()
        self._report(now=True)

    def _run(self) -> None:
        while not self.closed:
            self._wake.wait(self.buffering.interval)
            self._wake.clear()
            self._drain()
            self._report()
        self._finish()

    def _finish(self) -> None:
        self._drain()
        if self._taken:
            self._quietly(self.destination.close)

    def _drain(self) -> None:
        while self._queue and not self._late():
            batch = self._next()
            if self._write(batch):
                self._settle(batch)

    def _next(self) -> list[tuple[Row, int]]:
        with self._lock:
            return [self._queue.popleft() for _ in range(min(len(self._queue), self.buffering.batch))]

    def _settle(self, batch: Sequence[tuple[Row, int]]) -> None:
        """Give the memory of a batch free, unless it was given up before."""
        with self._changed:
            if self._rows:
                self._rows -= len(batch)
                self._bytes -= sum(size for _, size in batch)
            self._done += len(batch)
            self._changed.notify_all()

    def _write(self, batch: Sequence[tuple[Row, int]]) -> bool:
        """Whether the batch is done with; not where time ran out, which whoever closes counts."""
        try:
            with self.busy:
                writes = self.destination.writes([row for row, _ in batch])
        except Exception as error:
            # Rows that cannot be written whatever is retried must not hold up those behind them.
            self._lose(len(batch), error)
            return True
        return all(self._insist(write) for write in writes)

    def _lose(self, rows: int, error: Exception) -> None:
        with self._lock:
            self.dropped += rows
        log.error("log.rows_lost place=%s rows=%d error=%s", self.destination.place, rows, _words(error))

    def _insist(self, write: Write) -> bool:
        """Call until it goes well, or until it is too late."""
        tries = 0
        while not self._late():
            try:
                with self.busy:
                    write()
            except Exception as error:
                tries += 1
                self._wait(tries, error)
            else:
                return True
        return False

    def _wait(self, tries: int, error: Exception) -> None:
        delay = _LAST_DELAY if self.closed else min(_FIRST_DELAY * 2 ** (tries - 1), _LONGEST_DELAY)
        log.warning(
            "log.write_failed place=%s rows_waiting=%d tries=%d next_try_seconds=%g error=%s",
            self.destination.place,
            self._rows,
            tries,
            delay,
            _words(error),
        )
        self._report()
        # Who flushes or closes does not wait for the next try.
        if self.closed:
            time.sleep(delay)
        else:
            self._urgent.wait(delay)
            self._urgent.clear()

    def _late(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    def _report(self, *, now: bool = False) -> None:
        """Say once per interval what was dropped, and which values did not fit."""
        if not now and time.monotonic() - self._said_at < self.buffering.interval:
            return
        self._said_at = time.monotonic()
        place, dropped, unfit = self.destination.place, self.dropped, dict(self.destination.columns.unfit)
        if dropped > self._said:
            log.warning("log.rows_dropped place=%s rows=%d since_start=%d", place, dropped - self._said, dropped)
        if sum(unfit.values()) > self._unfit_said:
            log.warning("log.values_unfit place=%s since_start=%s", place, dict(sorted(unfit.items())[:20]))
        self._said, self._unfit_said = dropped, sum(unfit.values())

    def _quietly(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:
            log.info("log.close_failed place=%s error=%s", self.destination.place, _words(error))


def _size(row: Row) -> int:
    # Each request's JSON brings its names anew.
    return sum(map(sys.getsizeof, chain(row, row.values())), sys.getsizeof(row))


def _words(error: Exception) -> str:
    """The first line of an error's own words: a library's further ones can quote rows."""
    own: Any = getattr(error, "orig", None) or error
    lines = str(own).strip().splitlines()
    return redact(f"{type(own).__name__}: {lines[0] if lines else ''}")[:300]


_OPEN: set[Writer] = set()
_paused: dict[int, list[Writer]] = {}
_ending: list[int] = []


def _close_all() -> None:
    for writer in list(_OPEN):
        writer.close()


def _pause_all() -> None:
    """Let no write be under way while a process forks: the locks of its libraries would stay closed in the child."""
    held = [writer for writer in list(_OPEN) if writer.busy.acquire(timeout=_FORK_PATIENCE)]
    _paused[threading.get_ident()] = held


def _go_on() -> None:
    for writer in _paused.pop(threading.get_ident()):
        writer.busy.release()


def _renew_all() -> None:
    _paused.clear()
    for writer in list(_OPEN):
        writer.renew()


def _end_with_process() -> None:
    """A process of multiprocessing ends without atexit; its own list of last things is written anew in each."""
    util, process = sys.modules.get("multiprocessing.util"), sys.modules.get("multiprocessing.process")
    if util is not None and process is not None and process.parent_process() and os.getpid() not in _ending:
        _ending[:] = [os.getpid()]
        util.Finalize(None, _close_all, exitpriority=10)


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_pause_all, after_in_parent=_go_on, after_in_child=_renew_all)
