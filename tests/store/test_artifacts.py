"""Artifacts on a local path, by file:// and in memory."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from uuid import uuid4

import pytest
from upath import UPath

from monitoring_tasks.errors import StoreUnavailable
from monitoring_tasks.store.artifacts import Artifacts


@pytest.fixture(params=["path", "file", "memory"])
def artifacts(request: pytest.FixtureRequest, tmp_path: Path) -> Artifacts:
    """Artifacts under an empty root of each kind."""
    roots = {"path": str(tmp_path / "root"), "file": f"file://{tmp_path}/root", "memory": f"memory://{uuid4().hex}"}
    return Artifacts(UPath(roots[request.param]))


def test_what_is_written_is_read(artifacts: Artifacts) -> None:
    """A blob reads back byte by byte, through its key and through its URI."""
    content = bytes(range(256)) * 1000
    uri = artifacts.write("monitor/window/a.bin", content)
    assert artifacts.read("monitor/window/a.bin") == content
    assert artifacts.exists("monitor/window/a.bin")
    assert uri == artifacts.uri("monitor/window/a.bin")
    assert UPath(uri).read_bytes() == content


def test_writing_again_replaces(artifacts: Artifacts) -> None:
    """A shorter blob replaces a longer one wholly; an empty one is a blob."""
    artifacts.write("a.json", b"longer")
    artifacts.write("a.json", b"no")
    assert artifacts.read("a.json") == b"no"
    artifacts.write("a.json", b"")
    assert artifacts.read("a.json") == b""


def test_absent_blobs_are_none(artifacts: Artifacts) -> None:
    """What was never written is None; a folder is no blob."""
    artifacts.write("a/b/c.json", b"{}")
    assert artifacts.read("a/b/d.json") is None
    assert artifacts.read("other/d.json") is None
    assert not artifacts.exists("a/b/d.json")
    assert not artifacts.exists("a/b")


@pytest.mark.parametrize(
    "key",
    ["", "/", "/etc/passwd", "..", "../a", "a/../b", "a/..", "./a", "a//b", "a/", "a\\b", "..\\a", "a\0b",
     "memory://other/a", "file:///etc/passwd"],
)  # fmt: skip
def test_hostile_keys_are_refused(artifacts: Artifacts, key: str) -> None:
    """A key that could leave the root is refused by every method, and the message shows a good one."""
    for method in (artifacts.read, artifacts.exists, artifacts.uri, lambda key: artifacts.write(key, b"")):
        with pytest.raises(ValueError, match="no artifact key: write a relative path like"):
            method(key)


@pytest.mark.parametrize(
    "key", ["~/a", "s3:a/b", "C:a", "a b/ü%20?#.json", "...", "a*[b]", "$HOME/a", "-rf", "x" * 255]
)
def test_odd_keys_stay_below_the_root(tmp_path: Path, artifacts: Artifacts, key: str) -> None:
    """Names that mean something elsewhere are plain names here."""
    uri = artifacts.write(key, b"odd")
    assert artifacts.read(key) == b"odd"
    assert uri.endswith(f"/{key}")
    if not uri.startswith("memory"):
        assert (tmp_path / "root" / key).read_bytes() == b"odd"


def test_a_failed_write_keeps_the_old_blob(tmp_path: Path) -> None:
    """A write that breaks half way leaves the old content and no temporary file."""
    artifacts = Artifacts(UPath(tmp_path))
    artifacts.write("a.json", b"old")
    with pytest.raises(StoreUnavailable, match="could not write"):
        artifacts.write("a.json", "text, not bytes")  # type: ignore[arg-type]
    assert artifacts.read("a.json") == b"old"
    assert os.listdir(tmp_path) == ["a.json"]


def test_readers_see_whole_blobs_only(tmp_path: Path) -> None:
    """While a blob is being replaced again and again, a reader sees one of its versions, never a mixture."""
    artifacts = Artifacts(UPath(tmp_path))
    versions = [bytes([letter]) * 300_000 for letter in b"ab"]
    artifacts.write("a", versions[0])
    writer = threading.Thread(target=lambda: [artifacts.write("a", versions[turn % 2]) for turn in range(100)])
    writer.start()
    seen = set()
    while writer.is_alive():
        seen.add(artifacts.read("a"))
    writer.join()
    assert seen <= set(versions)


def test_blobs_are_readable_by_other_users(tmp_path: Path) -> None:
    """The umask decides about access, as for any file: the web server may be another user."""
    before = os.umask(0o022)
    try:
        Artifacts(UPath(tmp_path)).write("a/b.json", b"{}")
    finally:
        os.umask(before)
    assert (tmp_path / "a/b.json").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("prefix", ["", "file://"])
def test_a_broken_root_is_unavailable(tmp_path: Path, prefix: str) -> None:
    """A root that is a file is told with its path and what to do."""
    (tmp_path / "root").touch()
    artifacts = Artifacts(UPath(f"{prefix}{tmp_path}/root"))
    with pytest.raises(StoreUnavailable, match=r"could not write .*root/a.*check that the artifacts' root"):
        artifacts.write("a", b"")


def test_a_folder_in_place_of_a_blob_is_told(tmp_path: Path) -> None:
    """A folder where the blob should be is an error, not an absent blob."""
    (tmp_path / "a").mkdir()
    with pytest.raises(StoreUnavailable, match="could not read"):
        Artifacts(UPath(tmp_path)).read("a")


def test_a_folder_is_removed(artifacts: Artifacts) -> None:
    """With all that is in it; what lies beside it stays, and what is not there is no error."""
    for key in ("runs/a/1/x.json", "runs/a/1/deep/y.json", "runs/a/2/x.json", "runs/b/1/x.json"):
        artifacts.write(key, b"{}")
    assert artifacts.remove("runs/a/1")
    assert not artifacts.remove("runs/a/1")
    assert not artifacts.remove("runs/a/2/x.json")
    found = {key: artifacts.exists(key) for key in ("runs/a/1/x.json", "runs/a/1/deep/y.json", "runs/a/2/x.json")}
    assert found == {"runs/a/1/x.json": False, "runs/a/1/deep/y.json": False, "runs/a/2/x.json": True}
    assert artifacts.remove("runs/b/1")
    assert artifacts.read("runs/a/2/x.json") == b"{}"


def test_folders_are_listed(artifacts: Artifacts, tmp_path: Path) -> None:
    """Those in a folder, by name and without blobs; none where there is no folder, an error where it cannot be read."""
    for key in ("texts/b/2/x", "texts/a/1/x", "texts/blob"):
        artifacts.write(key, b"")
    assert artifacts.folders("texts") == ["a", "b"]
    assert artifacts.folders("texts/a") == ["1"]
    assert artifacts.folders("texts/a/1") == artifacts.folders("texts/blob") == artifacts.folders("nowhere") == []
    with pytest.raises(StoreUnavailable, match="could not list"):
        Artifacts(UPath(tmp_path)).folders("x" * 300)


def test_a_removal_leaves_no_empty_folder_above(tmp_path: Path) -> None:
    """The folder of a window goes with its last configuration."""
    artifacts = Artifacts(UPath(tmp_path))
    for key in ("a/window/1/x", "a/window/2/x"):
        artifacts.write(key, b"")
    artifacts.remove("a/window/1")
    assert (tmp_path / "a/window").exists()
    artifacts.remove("a/window/2")
    assert not (tmp_path / "a/window").exists()
    assert (tmp_path / "a").exists()


def test_a_removal_follows_no_link(tmp_path: Path) -> None:
    """What a link in the folder points to stays; a link in the place of the folder is told."""
    artifacts = Artifacts(UPath(tmp_path / "root"))
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "kept").touch()
    artifacts.write("a/b/x", b"")
    (tmp_path / "root" / "a" / "b" / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "root" / "link").symlink_to(tmp_path / "outside")
    assert artifacts.remove("a/b")
    with pytest.raises(StoreUnavailable, match=r"could not remove .*root/link"):
        artifacts.remove("link")
    assert (tmp_path / "outside" / "kept").exists()


@pytest.mark.parametrize("key", ["", ".", "..", "a/..", "/", "/etc", "a//b"])
def test_a_removal_stays_below_the_root(artifacts: Artifacts, key: str) -> None:
    """A key that could name the root, or what is above it, is refused."""
    with pytest.raises(ValueError, match="is no artifact key"):
        artifacts.remove(key)
