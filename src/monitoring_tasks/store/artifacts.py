"""Artifacts: profiles, snapshots and reports as blobs under one root, local or in an object store."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from upath import UPath

from monitoring_tasks.errors import StoreUnavailable


class Artifacts:
    """Blobs under `root`, a UPath or Airflow's ObjectStoragePath; written whole or not at all.

    A key is a relative path such as `flight_delay/2013-06-04/report.html`; one that could leave the root raises
    `ValueError`. An object store or disk that fails raises `StoreUnavailable`.

    >>> artifacts = Artifacts(UPath("memory://doctest"))
    >>> artifacts.write("a/b.json", b"{}")
    'memory://doctest/a/b.json'
    >>> artifacts.read("a/b.json"), artifacts.read("a/c.json")
    (b'{}', None)
    """

    def __init__(self, root: UPath) -> None:
        self._root = root

    def write(self, key: str, content: bytes) -> str:
        """Write a blob, replacing the one of the same key, and return its URI. Readers see the old or the new one."""
        path = self._path(key)
        try:
            if _is_local(path):
                _write_local(Path(path.path), content)
            else:
                path.write_bytes(content)
        except Exception as error:  # object stores raise errors of their own
            raise _failed("write", path, error) from error
        return str(path)

    def read(self, key: str) -> bytes | None:
        """The blob's content; None when there is none."""
        path = self._path(key)
        try:
            return bytes(path.read_bytes())
        except FileNotFoundError:
            return None
        except Exception as error:  # object stores raise errors of their own
            raise _failed("read", path, error) from error

    def exists(self, key: str) -> bool:
        """Whether there is a blob of that key; a folder is none."""
        path = self._path(key)
        try:
            return bool(path.is_file())
        except Exception as error:  # object stores raise errors of their own
            raise _failed("find", path, error) from error

    def folders(self, folder: str) -> list[str]:
        """Names of the folders in a folder, sorted; none where there is no such folder."""
        path = self._path(folder)
        try:
            return sorted(each.name for each in path.iterdir() if each.is_dir()) if path.is_dir() else []
        except FileNotFoundError:  # another removed it
            return []
        except Exception as error:  # object stores raise errors of their own
            raise _failed("list", path, error) from error

    def remove(self, folder: str) -> bool:
        """Remove a folder with all blobs in it; False when there is none. What a link in it points to stays.

        On a disk the folder above goes as well when nothing else is in it.
        """
        path = self._path(folder)
        try:
            if not path.is_dir():
                return False
            if _is_local(path):
                _remove_local(Path(path.path))
            else:
                path.fs.rm(path.path, recursive=True)
        except FileNotFoundError:  # another was faster
            return False
        except Exception as error:  # object stores raise errors of their own
            raise _failed("remove", path, error) from error
        return True

    def uri(self, key: str) -> str:
        """The blob's URI, whether it exists or not; for a local root given as a plain path it is a plain path."""
        return str(self._path(key))

    def _path(self, key: str) -> UPath:
        check_key(key)
        return self._root / key


def is_key(key: str) -> bool:
    """Whether `key` is a plain relative path that stays below the root.

    >>> is_key("runs/churn/report.html"), is_key("file:///r/report.html")
    (True, False)
    """
    return set(key.split("/")).isdisjoint({"", ".", ".."}) and not any(character in key for character in "\\\0")


def check_key(key: str) -> None:
    """Raise `ValueError` unless `key` is a plain relative path that stays below the root.

    >>> check_key("../secrets")
    Traceback (most recent call last):
    ...
    ValueError: '../secrets' is no artifact key: write a relative path like monitor/window/report.html
    """
    if not is_key(key):
        raise ValueError(f"{key!r} is no artifact key: write a relative path like monitor/window/report.html")


def _is_local(path: UPath) -> bool:
    return path.protocol in ("", "file", "local")


def _remove_local(path: Path) -> None:
    shutil.rmtree(path)
    with suppress(OSError):  # something else is in it
        path.parent.rmdir()


def _write_local(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not tempfile: its files are readable by their owner alone, and the web server may be another user.
    temporary = path.parent / f".{uuid4().hex}.part"
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _failed(action: str, path: UPath, error: Exception) -> StoreUnavailable:
    return StoreUnavailable(
        f"could not {action} {path} ({type(error).__name__}: {error}): check that the artifacts' root exists, "
        "that it may be written, and the connection in its URI"
    )
