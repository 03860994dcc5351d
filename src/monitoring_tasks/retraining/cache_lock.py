"""The lock of DVC's cache on this machine: trainings hold it together, whoever removes objects holds it alone.

It is a file beside the cache's folder, locked by the system: it is free again when its holder ends, however it ends.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from monitoring_tasks.errors import PipelineUnavailable

log = logging.getLogger(__name__)


@contextmanager
def shared(cache: Path) -> Iterator[None]:
    """Hold the lock of the folder `cache` together with others; waits while objects are removed from it.

    Raises `PipelineUnavailable` when this machine's disk has no room or no right for the lock's file.
    """
    with _opened(cache) as lock:
        if not _taken(lock, fcntl.LOCK_SH):
            log.info("cache.waiting folder=%s reason=old objects are being removed", cache)
            fcntl.flock(lock, fcntl.LOCK_SH)
        yield


@contextmanager
def exclusive(cache: Path) -> Iterator[bool]:
    """Whether the lock of the folder `cache` is held alone now: never waits, False when anybody else holds it.

    Raises `PipelineUnavailable` as `shared` does.
    """
    with _opened(cache) as lock:
        yield _taken(lock, fcntl.LOCK_EX)


@contextmanager
def _opened(cache: Path) -> Iterator[int]:
    file = cache.with_name(f"{cache.name}.lock")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        raise PipelineUnavailable(f"{file} cannot be locked: {error}; let this account write to its folder") from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _taken(lock: int, kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
