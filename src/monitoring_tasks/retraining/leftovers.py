"""Files that nobody used for long: when a folder was last used, and the removal of what is old. No link is followed."""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Removed:
    """How many files were removed, and how many bytes they had."""

    files: int = 0
    bytes: int = 0


def folders_in(parent: Path) -> list[Path]:
    """The folders in `parent`, sorted; links to folders are none, and a `parent` that is missing or a link has none."""
    if parent.is_symlink() or not parent.is_dir():
        return []
    with os.scandir(parent) as entries:
        return sorted(Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False))


def last_changed(folder: Path) -> float:
    """When anything in a folder last changed, in seconds since 1970; infinity for a folder that is gone by now.

    Raises `OSError` for one that cannot be looked into.
    """
    return max((found.st_mtime for found in _everything(folder)), default=math.inf)


def last_used(folder: Path) -> float:
    """As `last_changed`, but reading a file counts too, as far as this file system notes that."""
    return max((_used(found) for found in _everything(folder)), default=math.inf)


def remove_unused(folder: Path, unwanted: Callable[[str, float], bool]) -> Removed:
    """Remove the plain files of a folder for whose name and last use `unwanted` is true, and folders left empty.

    Raises `OSError` when a file cannot be removed; those before it are gone.
    """
    files = size = 0
    for _, inner, names, descriptor in os.fwalk(folder, topdown=False, onerror=_refuse):
        for name in names:
            found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            if stat.S_ISREG(found.st_mode) and unwanted(name, _used(found)):
                os.unlink(name, dir_fd=descriptor)
                files, size = files + 1, size + found.st_size
        for name in inner:
            with suppress(OSError):  # not empty
                os.rmdir(name, dir_fd=descriptor)
    return Removed(files, size)


def _everything(folder: Path) -> Iterator[os.stat_result]:
    if not folder.is_dir():
        return
    for _, _, names, descriptor in os.fwalk(folder, onerror=_refuse):
        yield os.fstat(descriptor)
        for name in names:
            with suppress(FileNotFoundError):
                yield os.stat(name, dir_fd=descriptor, follow_symlinks=False)


def _used(found: os.stat_result) -> float:
    # Looking for folders and links, as is done here, already counts as reading those.
    return max(found.st_mtime, found.st_atime) if stat.S_ISREG(found.st_mode) else found.st_mtime


def _refuse(error: OSError) -> None:
    """What cannot be looked into must not count as unused; what is gone by now may."""
    if not isinstance(error, FileNotFoundError):
        raise error
