"""The lock of DVC's cache, held by real processes."""

from __future__ import annotations

import multiprocessing
import signal
from pathlib import Path

import pytest

from monitoring_tasks.errors import PipelineUnavailable
from monitoring_tasks.retraining.cache_lock import exclusive, shared
from tests.retraining.processes import wait_until

CONTEXT = multiprocessing.get_context("spawn")


def hold(cache: Path, file: Path) -> None:
    """Hold the lock as a training does, say so in a file, and never let go."""
    with shared(cache):
        file.touch()
        signal.pause()


def write_when_shared(cache: Path, file: Path) -> None:
    """Say that the lock was got, in a file."""
    with shared(cache):
        file.write_text("got it")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache's folder that is not there yet."""
    return tmp_path / "cache" / "dvc"


def test_trainings_share_and_removal_does_not_wait(cache: Path) -> None:
    """Two hold it together; alone it is held only when nobody else does."""
    with shared(cache), shared(cache), exclusive(cache) as alone:
        assert not alone
    with exclusive(cache) as alone, exclusive(cache) as twice:
        assert (alone, twice) == (True, False)
    assert sorted(file.name for file in cache.parent.iterdir()) == ["dvc.lock"]


def test_the_lock_is_free_after_an_error(cache: Path) -> None:
    """A training that fails lets go."""
    with pytest.raises(ZeroDivisionError), shared(cache):
        raise ZeroDivisionError
    with exclusive(cache) as alone:
        assert alone


def test_a_killed_training_holds_nothing(cache: Path, tmp_path: Path) -> None:
    """Another process holds it, and the system frees it when that one is killed."""
    process = CONTEXT.Process(target=hold, args=(cache, tmp_path / "held"))
    process.start()
    try:
        wait_until((tmp_path / "held").exists, "holding the lock")
        with exclusive(cache) as alone:
            assert not alone
    finally:
        process.kill()
        process.join(60)
    with exclusive(cache) as alone:
        assert alone


def test_a_training_waits_while_objects_are_removed(cache: Path, tmp_path: Path) -> None:
    """It goes on as soon as the removal is over, and not before."""
    file = tmp_path / "got"
    process = CONTEXT.Process(target=write_when_shared, args=(cache, file))
    with exclusive(cache) as alone:
        assert alone
        process.start()
        wait_until(lambda: _waits(process.pid), "waiting for the lock")
        assert not file.exists()
    process.join(60)
    assert file.read_text() == "got it"


def _waits(pid: int | None) -> bool:
    """Whether a process waits for a lock, by the system's list of locks."""
    lines = Path("/proc/locks").read_text().splitlines()
    return any("->" in line and f" {pid} " in line for line in lines)


def test_a_lock_that_cannot_be_made(tmp_path: Path) -> None:
    """A link in its place is not followed, and a folder that cannot be made is told."""
    (tmp_path / "dvc.lock").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "file").touch()
    for cache in (tmp_path / "dvc", tmp_path / "file" / "dvc"):
        with pytest.raises(PipelineUnavailable, match=r"dvc\.lock cannot be locked.*let this account"), shared(cache):
            pass
        with pytest.raises(PipelineUnavailable), exclusive(cache):
            pass
    assert not (tmp_path / "elsewhere").exists()
