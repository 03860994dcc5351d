"""What is left behind in a cache, and which errors are the disk's."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from monitoring_tasks.errors import PipelineFailed, PipelineUnavailable
from monitoring_tasks.retraining import disk
from monitoring_tasks.retraining.disk import naming_full_disk, remove_stale, require_room


def test_stopped_transfers_are_removed(tmp_path: Path) -> None:
    """Old parts of files go; those of a transfer under way, and whole objects, stay."""
    folder = tmp_path / "files" / "md5" / "ab"
    folder.mkdir(parents=True)
    for name, age in ((".old.tmp", 2), (".new.tmp", 0), ("c0ffee", 9)):
        (folder / name).touch()
        os.utime(folder / name, (time.time() - age * 86_400,) * 2)
    remove_stale(tmp_path)
    assert {file.name for file in folder.iterdir()} == {".new.tmp", "c0ffee"}
    remove_stale(tmp_path / "no cache yet")


def test_stopped_transfers_that_another_removes_are_gone(tmp_path: Path) -> None:
    """Trainings share a cache: a file that was listed may be gone when looked at, like a link to nowhere."""
    folder = tmp_path / "files" / "md5" / "ab"
    folder.mkdir(parents=True)
    (folder / ".gone.tmp").symlink_to("nowhere")
    remove_stale(tmp_path)


def test_room_is_required(tmp_path: Path) -> None:
    """The error names the folder and both figures."""
    require_room((tmp_path,), 1)
    with pytest.raises(PipelineUnavailable, match=rf"the disk of {tmp_path} has \d+ MB free, 1099511627776 MB are"):
        require_room((tmp_path,), 1 << 60)


def test_errors_on_a_disk_with_room_are_what_they_are(tmp_path: Path) -> None:
    """The pipeline's own failure stays that; what the system refuses to do is this machine's."""
    with pytest.raises(PipelineFailed, match=r"^own$"), naming_full_disk((tmp_path,)):
        raise PipelineFailed("own")
    with (
        pytest.raises(PipelineUnavailable, match=r"does not serve a training: .*denied"),
        naming_full_disk((tmp_path,)),
    ):
        raise PermissionError("denied")
    with pytest.raises(KeyboardInterrupt), naming_full_disk((tmp_path,)):
        raise KeyboardInterrupt


@pytest.mark.parametrize("error", [PipelineFailed("strange words"), OSError(28, "No space left on device")])
def test_errors_on_a_full_disk_name_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Whatever a program said: when the disk is full, that is told, with the words."""
    monkeypatch.setattr(disk, "LEAST", 1 << 60)
    named = rf"the disk of {tmp_path} has .*It was found when: .*\w"
    with pytest.raises(PipelineUnavailable, match=named), naming_full_disk((tmp_path,)):
        raise error
