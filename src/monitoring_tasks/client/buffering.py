"""How much a log keeps in memory, and how often it writes."""

from __future__ import annotations

from dataclasses import dataclass, fields

_MOST = 1 << 30


@dataclass(frozen=True)
class Buffering:
    """When rows are written, and how many may wait for that; the newest beyond it are dropped and counted.

    A file is written per interval, process and day: 30 seconds make 2,880 small files a day of each process, which a
    monitor reads well; below 5 seconds listing them costs more than reading them. Raises `ValueError` for what is not
    above 0, or beyond what a clock or a column of text can hold.
    """

    interval: float = 30.0
    """Seconds between two writes."""
    batch: int = 10_000
    """So many rows are written without waiting for the interval, and at most so many at once."""
    rows: int = 100_000
    """Most rows in memory, those that are being written included."""
    bytes: int = 64 << 20
    """Most bytes in memory, by the sizes of the rows' own names and values; at most 1 GiB."""
    patience: float = 30.0
    """Seconds that `close()`, and the end of the process, wait for the last rows to be written."""

    def __post_init__(self) -> None:
        for entry in fields(self):
            if not 0 < getattr(self, entry.name) <= _MOST:
                raise ValueError(
                    f"{entry.name} is {getattr(self, entry.name)!r}: give a number above 0 and at most {_MOST:,}"
                )
