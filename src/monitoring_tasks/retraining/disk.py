"""Room on the disk: asked for before a training, and named when it was what failed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from monitoring_tasks.errors import MonitoringError, PipelineUnavailable

LEAST = 64 << 20
"""Bytes without which no training starts."""
_STALE_SECONDS = 86_400


def require_room(folders: Sequence[Path], needed: int = LEAST) -> None:
    """Raise `PipelineUnavailable` unless each folder's disk has so many bytes free."""
    for folder in folders:
        if (free := shutil.disk_usage(folder).free) < needed:
            raise PipelineUnavailable(_full(folder, free, needed))


@contextmanager
def naming_full_disk(folders: Sequence[Path]) -> Iterator[None]:
    """An error inside is `PipelineUnavailable` with the folder's name if a folder's disk is full by then.

    So is what the system refuses to do with files. Programs tell of a full disk in words of their own, or not at all,
    which is why the disk itself is asked.
    """
    try:
        yield
    except (OSError, MonitoringError) as error:
        for folder in folders:
            if (free := shutil.disk_usage(folder).free) < LEAST:
                raise PipelineUnavailable(f"{_full(folder, free, LEAST)}. It was found when: {error}") from error
        if isinstance(error, OSError):
            raise PipelineUnavailable(f"this machine does not serve a training: {error}") from error
        raise


def remove_stale(cache: Path) -> None:
    """Delete what transfers that were stopped more than a day ago left in a DVC cache."""
    oldest = time.time() - _STALE_SECONDS
    for file in cache.glob("files/md5/*/.*.tmp"):
        with suppress(FileNotFoundError):  # another training removed it first
            if file.stat().st_mtime < oldest:
                file.unlink()


def _full(folder: Path, free: int, needed: int) -> str:
    return (
        f"the disk of {folder} has {free >> 20} MB free, {-(-needed >> 20)} MB are needed: delete workspaces or caches "
        f"there, or give it more room"
    )
