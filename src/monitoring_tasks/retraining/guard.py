"""A guard process: runs one command, and leaves no process of it behind, however the command or its caller ends.

The caller's half is `guarded`. The other half is this file run as a program, with the standard library alone:
`python -I -S guard.py CALLER GRACE COMMAND...`. It starts the command in a process group of its own and looks after its
caller several times a second, so that a caller killed by SIGKILL is noticed too.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

GRACE = 10.0
"""Seconds between SIGINT, on which DVC releases its locks, and SIGKILL."""
ENDED = 143
NOT_STARTED = 127
_POLL = 0.02
_LAST = 2.0
_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_SET_CHILD_SUBREAPER = 36


@contextmanager
def guarded(
    argv: Sequence[str], *, folder: Path | None, environment: Mapping[str, str], stderr: int
) -> Iterator[subprocess.Popen[bytes]]:
    """The guard process of a command: its output is the command's, its exit code too (128 + N after signal N).

    On leaving the block, whatever the reason, every process of the command has ended. A program that cannot be started
    is exit code 127 with the reason on its stderr.
    """
    program = [sys.executable, "-I", "-S", __file__, str(os.getpid()), str(GRACE)]
    with subprocess.Popen(
        [*program, *argv],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            _await(process)


def _await(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(GRACE + 3 * _LAST)
    except subprocess.TimeoutExpired:
        process.kill()


class _Command:
    """The command and what became of it; the guard is the parent of its orphans."""

    def __init__(self, argv: Sequence[str]) -> None:
        self.status: int | None = None
        # What Python ignores is not the command's business; signals with a handler are reset anyway.
        ignored = [signal.SIGPIPE, signal.SIGXFSZ]
        self._pid = os.posix_spawnp(argv[0], list(argv), os.environ, setpgroup=0, setsigdef=ignored)

    def reap(self) -> None:
        """Take note of every child that ended."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            if pid == self._pid:
                self.status = os.waitstatus_to_exitcode(status)

    def end(self, grace: float) -> None:
        """End its group, then whatever left the group and lost its parent."""
        if not self._signal_group(signal.SIGINT, grace):
            self._signal_group(signal.SIGKILL, _LAST)
        limit = time.monotonic() + _LAST
        while (children := _children()) and time.monotonic() < limit:
            for child in children:
                with suppress(PermissionError):
                    os.kill(child, signal.SIGKILL)
            time.sleep(_POLL)
            self.reap()

    def _signal_group(self, number: int, seconds: float) -> bool:
        """Send a signal to the group; whether the group is gone within so many seconds."""
        limit = time.monotonic() + seconds
        while True:
            self.reap()
            try:
                os.killpg(self._pid, number)
            except (ProcessLookupError, PermissionError):  # macOS: the latter when only zombies are left
                return True
            if time.monotonic() > limit:
                return False
            number = 0
            time.sleep(_POLL)


def _children() -> list[int]:
    try:
        listing = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii")
    except OSError:  # not Linux: orphans belong to init
        return []
    return [int(pid) for pid in listing.split()]


def _adopt_orphans() -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def main(caller: int, grace: float, argv: Sequence[str]) -> int:
    """Run the command until it ends, the caller is gone or this process is told to end; the exit code."""
    told: list[int] = []
    for number in _ENDING:
        signal.signal(number, lambda number, _: told.append(number))
    _adopt_orphans()
    if os.getppid() != caller:
        return ENDED
    try:
        command = _Command(argv)
    except OSError as error:
        os.write(2, f"{argv[0]}: {error.strerror}\n".encode())
        return NOT_STARTED
    while command.status is None and not told and os.getppid() == caller:
        time.sleep(_POLL)
        command.reap()
    status = command.status
    command.end(grace if status is None else _LAST)
    return ENDED if status is None else status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]))
