"""Looks at real processes: which are alive, and waiting for what they do."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

PATIENCE = 60.0


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not waited for yet does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] not in {"Z", "X"}


def wait_until(happened: Callable[[], bool], what: str) -> None:
    """Return once `happened`; fails after a minute."""
    limit = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < limit, f"{what}: not within {PATIENCE:g} s"
        time.sleep(0.01)


def wait_for_pids(folder: Path, count: int) -> list[int]:
    """Process ids that `count` processes wrote into files `*.pid` of a folder."""

    def written() -> list[int]:
        return [int(text) for file in folder.glob("*.pid") if (text := file.read_text())]

    wait_until(lambda: len(written()) >= count, f"{count} processes in {folder}")
    return written()


def wait_for_end(pids: list[int]) -> None:
    """Return once none of the processes is alive."""
    wait_until(lambda: not any(map(alive, pids)), f"end of processes {pids}")


def working_in(folder: Path) -> list[int]:
    """Processes whose working folder, command or environment names a folder."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _names(entry, str(folder))]


def _names(process: Path, folder: str) -> bool:
    try:
        words = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        return folder.encode() in words or str((process / "cwd").readlink()).startswith(folder)
    except OSError:  # it ended meanwhile, or is another user's
        return False
