"""Hive-partitioned folders: which of their files can hold rows of a window."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from urllib.parse import unquote

from pyarrow.fs import FileInfo, FileSelector, FileSystem, FileType

from monitoring_tasks.errors import ConfigurationError, SourceInvalid
from monitoring_tasks.window import DAY, HOUR, Window

# The finest directive in the format says how long a partition is; months and years by their longest.
_SPANS = (
    ("f", timedelta(microseconds=1)),
    ("STXcs", timedelta(seconds=1)),
    ("M", timedelta(minutes=1)),
    ("HI", HOUR),
    ("djxDF", DAY),
    ("UWV", 7 * DAY),
    ("mbB", 31 * DAY),
)
# An end and a middle of a month, a leap day, hours before and after noon: what a format leaves out shows in one.
_TRIED = tuple(
    datetime(*parts, tzinfo=UTC) for parts in ((2013, 12, 31, 23, 59), (2024, 2, 29, 13, 30), (2026, 7, 15, 6, 5))
)
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class Partition:
    """A hive partition column that holds the day, hour or month of its rows, in UTC, written in a strftime format.

    Raises `ConfigurationError` for a format that cannot be read back to the moment it was written from.
    """

    column: str
    format: str = "%Y-%m-%d"

    def __post_init__(self) -> None:
        if not all(map(self._dates, _TRIED)):
            raise ConfigurationError(
                f"the partition format {self.format!r} does not say when its rows are from: set "
                "source.partition_format to one that names the year and what follows, like %Y-%m-%d, %Y%m%d, "
                "%Y-%m-%dT%H or %Y-%m"
            )

    def _dates(self, moment: datetime) -> bool:
        """Whether the partition written for a moment is read as a time that covers the moment."""
        try:
            start = self._start(moment.strftime(self.format))
        except ValueError:
            return False
        return start <= moment < start + self.width

    def _start(self, value: str) -> datetime:
        return _parsed(value, self.format)

    @cached_property
    def width(self) -> timedelta:
        """Longest time one partition covers.

        >>> Partition("hour", "%Y-%m-%dT%H").width == HOUR, Partition("day").width == DAY
        (True, True)
        """
        used = set(re.findall(r"%-?(\w)", self.format))
        return next((width for letters, width in _SPANS if used & set(letters)), 366 * DAY)

    def overlaps(self, value: str, window: Window, *, place: str) -> bool:
        """Whether the partition with this value can hold rows of the window. Raises `SourceInvalid`.

        >>> Partition("day").overlaps("2013-06-03", Window.parse("2013-06-03T22:00", "2013-06-04T04:00"), place="")
        True
        """
        if value == _NO_VALUE:
            return False
        try:
            start = self._start(value)
        except ValueError:
            raise SourceInvalid(
                f"{place}: {value!r} is not a time in the format {self.format!r}: set source.partition_format"
            ) from None
        return start < window.end and start + self.width > window.start


@lru_cache(4096)
def _parsed(value: str, form: str) -> datetime:
    # Each piece of each window lists the folder anew, and a year has hundreds of days.
    start = datetime.strptime(value, form)  # noqa: DTZ007  # the format may name no zone
    return start if start.tzinfo else start.replace(tzinfo=UTC)


def files_of(
    filesystem: FileSystem, folder: FileInfo, *, window: Window | None, partition: Partition | None
) -> Iterator[FileInfo]:
    """Files below `folder` that can hold rows of the window, in no order; hidden ones are skipped.

    With a partition, a folder named `<column>=<value>` outside the window is not listed; a file outside every such
    folder is still given, because its rows must not go missing unsaid.
    """
    pruned = window is not None and partition is not None
    selector = FileSelector(folder.path, recursive=not pruned)
    for entry in filesystem.get_file_info(selector):
        if _hidden(entry.path.removeprefix(folder.path)):
            continue
        if entry.type == FileType.File:
            yield entry
        elif pruned and window is not None and partition is not None:
            yield from _below(filesystem, entry, window, partition)


def _below(filesystem: FileSystem, folder: FileInfo, window: Window, partition: Partition) -> Iterator[FileInfo]:
    column, _, value = folder.base_name.partition("=")
    if column != partition.column:
        yield from files_of(filesystem, folder, window=window, partition=partition)
    elif partition.overlaps(unquote(value), window, place=folder.path):
        yield from files_of(filesystem, folder, window=window, partition=None)


def _hidden(relative: str) -> bool:
    return any(part.startswith(("_", ".")) for part in relative.split("/"))
