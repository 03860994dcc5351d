"""Old files: when a folder was last used, and what is removed of it."""

from __future__ import annotations

import math
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.retraining.leftovers import Removed, folders_in, last_changed, last_used, remove_unused

TIMES = st.integers(1, 2**31)
NAMES = st.sampled_from(["a", "b/c", "b/d", "b/e/f", "g/h/i.tmp"])


def write(file: Path, *, read: float, changed: float) -> None:
    """A file that was last read and changed at these moments."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("text")
    os.utime(file, (read, changed))


def age(folder: Path, moment: float) -> None:
    """All folders below and with `folder` were last changed at `moment`."""
    for each in (folder, *(inner for inner in folder.rglob("*") if inner.is_dir() and not inner.is_symlink())):
        os.utime(each, (moment, moment), follow_symlinks=False)


def test_folders_are_real_ones(tmp_path: Path) -> None:
    """Files and links are none; neither has a link, or what is missing, any folders."""
    (tmp_path / "b" / "inner").mkdir(parents=True)
    (tmp_path / "a").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "b")
    assert folders_in(tmp_path) == [tmp_path / "a", tmp_path / "b"]
    assert folders_in(tmp_path / "link") == folders_in(tmp_path / "file") == folders_in(tmp_path / "absent") == []


@given(st.dictionaries(NAMES, st.tuples(TIMES, TIMES), min_size=1), TIMES)
def test_the_newest_moment_counts(files: dict[str, tuple[int, int]], made: int) -> None:
    """Whatever lies where: the newest change is the folder's, and with readings the newest of both."""
    with TemporaryDirectory() as scratch:
        root = Path(scratch) / "root"
        for name, (read, changed) in files.items():
            write(root / name, read=read, changed=changed)
        age(root, made)
        assert last_changed(root) == max(made, *(changed for _, changed in files.values()))
        assert last_used(root) == max(made, *(max(moments) for moments in files.values()))


def test_what_links_point_to_does_not_count(tmp_path: Path) -> None:
    """Neither a file nor a folder elsewhere makes a folder newer."""
    root = tmp_path / "root"
    write(root / "file", read=10, changed=20)
    for name, target in (("one", tmp_path), ("two", Path(__file__))):
        (root / name).symlink_to(target)
        os.utime(root / name, (5, 5), follow_symlinks=False)
    age(root, 15)
    assert (last_changed(root), last_used(root)) == (20, 20)


def test_a_folder_that_is_gone_is_not_old(tmp_path: Path) -> None:
    """Somebody else removed it."""
    assert last_changed(tmp_path / "gone") == last_used(tmp_path / "gone") == math.inf


def test_a_folder_that_cannot_be_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it holds may be new: an error, not an age."""
    write(tmp_path / "root" / "closed" / "file", read=10, changed=10)
    really = os.open

    def refuse(path: str, *more: int, **options: int) -> int:
        if str(path) == "closed":
            raise PermissionError(13, "Permission denied", path)
        return really(path, *more, **options)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(PermissionError):
        last_changed(tmp_path / "root")
    with pytest.raises(PermissionError):
        remove_unused(tmp_path / "root", lambda *_: True)


def test_only_unwanted_plain_files_go(tmp_path: Path) -> None:
    """A link, what it points to, a pipe and a file that is wanted stay; empty folders go, the root stays."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    write(outside / "kept", read=10, changed=10)
    for name in ("old", "deep/er/old", "half/old"):
        write(root / name, read=10, changed=20)
    write(root / "half" / "young", read=99, changed=20)
    (root / "empty").mkdir()
    os.mkfifo(root / "pipe")
    (root / "link").symlink_to(outside / "kept")
    (root / "folder").symlink_to(outside)
    assert remove_unused(root, lambda _, used: used < 50) == Removed(3, 12)
    assert sorted(str(path.relative_to(root)) for path in root.rglob("*")) == [
        "folder", "half", "half/young", "link", "pipe",
    ]  # fmt: skip
    assert (outside / "kept").exists()
    assert remove_unused(root, lambda name, _: name == "young") == Removed(1, 4)
    assert sorted(path.name for path in root.iterdir()) == ["folder", "link", "pipe"]
