"""A checkout: a clone of a model's repository at one revision, and the files that DVC recorded there."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from monitoring_tasks.errors import ConfigurationError, PipelineFailed, PipelineUnavailable
from monitoring_tasks.redaction import redact
from monitoring_tasks.retraining.command import execute

Parsed = TypeVar("Parsed")
CLONE_SECONDS = 300
TRANSFER_SECONDS = 1800
_GIT_SECONDS = 60
# Links would let a repository name files of this machine as its own; hooks are this machine's, and none are wanted.
_LITERAL = ("core.symlinks=false", "core.autocrlf=false", f"core.hooksPath={os.devnull}")
# Hard links would let a stage that writes in place change the cache that all runs share.
_DVC_CONFIG = """\
[core]
    analytics = false
    check_update = false
    autostage = false
[cache]
    dir = "{cache}"
    shared = group
    type = "reflink,copy"
"""
_BRANCH = re.compile(r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9_./=-]*")
# What tells git and DVC which programs to run and where to send things; git has no commondir in a clone of its own.
_SETTINGS = (".git/config", ".git/commondir", ".dvc/config", ".dvc/config.local")
_OWN = "/.dvc/config.local\n/.dvc/tmp\n/.dvc/site\n"


@dataclass(frozen=True)
class Output:
    """A file or folder as DVC recorded it: MD5 in hexadecimal (of a folder: ends with `.dir`) and size in bytes.

    `md5` is empty for what DVC knows by another mark; `size` is None where none is recorded.
    """

    md5: str
    size: int | None = None


@dataclass(frozen=True)
class Stage:
    """A stage as `dvc.lock` records its last run: what it read of `params.yaml` by key, and its outputs by path."""

    name: str
    parameters: Mapping[str, Any]
    outputs: Mapping[str, Output] = field(default_factory=dict)


def check_out(repository: str, revision: str, folder: Path, *, branch: str | None = None) -> Path:
    """Clone `repository` into the new `folder` at `revision`, on the new local `branch` if one is named.

    Hooks do not run, links are plain files, and no credential of the URL is kept in the clone. Raises
    `PipelineUnavailable` when the repository does not answer, `PipelineFailed` when it has no such revision.
    """
    if branch is not None and not _BRANCH.fullmatch(branch):
        raise PipelineFailed(f"branch {branch!r} is refused: write letters, digits and _ - / . = without '..'")
    settings = [word for setting in _LITERAL for word in ("-c", setting)]
    # Only git's own transport copies a local repository whole that is written to meanwhile.
    clone = ["git", "clone", "--quiet", "--no-checkout", "--no-local", *settings, "--", repository, str(folder)]
    execute(clone, seconds=CLONE_SECONDS, about=repository, failure=PipelineUnavailable)
    if redact(repository) != repository:
        git(folder, "remote", "set-url", "origin", redact(repository))
    (folder / ".git" / "info").mkdir(exist_ok=True)
    (folder / ".git" / "info" / "exclude").write_text(_OWN, encoding="utf-8")
    commit = find_commit(folder, revision)
    if commit is None:
        raise PipelineFailed(f"{redact(repository)} has no revision {revision}: push it, or name another")
    place = ["-B", branch, "--no-track"] if branch else ["--detach"]
    git(folder, "checkout", "--quiet", *place, commit, "--", seconds=CLONE_SECONDS)
    return folder


def git(
    checkout: Path, *arguments: str, seconds: float = _GIT_SECONDS, settings: Mapping[str, str] | None = None
) -> str:
    """Output of a git command that works within the checkout; raises `PipelineUnavailable`."""
    argv = ["git", *arguments]
    return execute(
        argv, seconds=seconds, about=str(checkout), folder=checkout, settings=settings, failure=PipelineUnavailable
    ).rstrip("\n")


def push_target(repository: str) -> str:
    """What git pushes to: the checkout's origin, or the URL itself where its credentials were not kept."""
    return "origin" if redact(repository) == repository else repository


def find_commit(checkout: Path, revision: str) -> str | None:
    """The commit that a name stands for in the clone; None when it stands for none."""
    wanted = ["rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}"]
    try:
        return git(checkout, *wanted)
    except PipelineUnavailable:
        return None


def dvc(checkout: Path, *arguments: str) -> str:
    """Output of a DVC command that reads or writes the default remote. Raises `PipelineUnavailable`."""
    origin = git(checkout, "config", "--get", "remote.origin.url")
    about = f"the DVC remote of {origin}"
    argv = dvc_command(*arguments)
    return execute(argv, seconds=TRANSFER_SECONDS, about=about, folder=checkout, failure=PipelineUnavailable)


def dvc_command(*arguments: str) -> list[str]:
    """Command line of DVC in this interpreter's environment; raises `ConfigurationError` when it is not installed."""
    if find_spec("dvc") is None:
        raise ConfigurationError("DVC is not installed: pip install 'monitoring-tasks[dvc]'")
    # -P: without it Python would import the repository's own modules from the working folder.
    return [sys.executable, "-P", "-m", "dvc", *arguments]


def configure_cache(checkout: Path, cache: Path) -> None:
    """Let DVC keep the checkout's objects in the folder `cache`, which other checkouts may share at the same time."""
    (checkout / ".dvc").mkdir(exist_ok=True)
    text = _DVC_CONFIG.format(cache=cache.absolute())
    (checkout / ".dvc" / "config.local").write_text(text, encoding="utf-8")


@contextmanager
def keeping_settings(checkout: Path) -> Iterator[None]:
    """Git's and DVC's settings in the checkout are, after the block, what they were before.

    Code that ran there may have named hooks, helpers or another remote, which would get this machine's credentials.
    """
    files = [checkout / name for name in _SETTINGS]
    kept = [file.read_bytes() if file.is_file() else None for file in files]
    yield
    for file, content in zip(files, kept, strict=True):
        file.unlink(missing_ok=True)  # what stands there now may be a link or a pipe
        if content is not None:
            file.write_bytes(content)


def pull(checkout: Path, paths: Sequence[str], *, cache: Path) -> None:
    """Bring outputs from the DVC remote into the checkout by way of the folder `cache`; all outputs without `paths`.

    Raises `PipelineUnavailable` when the remote does not answer or lacks an object. What arrived is not proven to be
    what was recorded: see `verify`.
    """
    configure_cache(checkout, cache)
    dvc(checkout, "pull", "--", *paths)


def verify(checkout: Path, paths: Sequence[str]) -> None:
    """Compare the bytes of output files with the recorded MD5; raises `PipelineFailed` for the first that differs."""
    known = outputs(checkout)
    for path in paths:
        recorded = _recorded(known, path)
        if not (checkout / path).is_file():
            raise PipelineFailed(f"{path} is recorded and was not made: the stage that declares it must write a file")
        if (md5 := _md5(checkout / path)) != recorded:
            raise PipelineFailed(
                f"{path} has MD5 {md5}, recorded is {recorded}: its object in the DVC remote or in the cache is bad, "
                "or git holds an older file than dvc.lock. Restore the object; or `dvc repro`, `dvc push` and commit"
            )


def require_file(checkout: Path, path: str) -> None:
    """Raise `PipelineFailed` unless DVC recorded `path` as an output that is one file."""
    _recorded(outputs(checkout), path)


def _recorded(known: Mapping[str, Output], path: str) -> str:
    md5 = known[path].md5 if path in known else None
    if not md5 or md5.endswith(".dir"):
        found = "not an output" if md5 is None else "a folder, or has no MD5,"
        raise PipelineFailed(
            f"{path} is {found} at this revision: name a file among the outputs: {', '.join(sorted(known)) or 'none'}"
        )
    return md5


def _md5(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def outputs(checkout: Path) -> dict[str, Output]:
    """What DVC recorded in the checkout's `dvc.lock` and `.dvc` files, by path from the checkout's root."""
    recorded = dict(entry for file in _files(checkout, "*.dvc") for entry in _parse(file, checkout, _outputs_of))
    for stage in stages(checkout):
        recorded.update(stage.outputs)
    return recorded


def stages(checkout: Path) -> list[Stage]:
    """Every stage of the checkout's `dvc.lock` files; raises `PipelineFailed` for a file of another shape."""
    return [stage for lock in _files(checkout, "dvc.lock") for stage in _parse(lock, checkout, _stages_of)]


def _files(checkout: Path, pattern: str) -> Iterator[Path]:
    for folder, folders, files in os.walk(checkout):
        folders[:] = sorted(name for name in folders if name not in {".git", ".dvc"})
        yield from (Path(folder, name) for name in sorted(fnmatch.filter(files, pattern)))


def _parse(file: Path, checkout: Path, read: Callable[[Any, PurePosixPath], list[Parsed]]) -> list[Parsed]:
    name = file.relative_to(checkout).as_posix()
    try:
        return read(YAML(typ="safe", pure=True).load(file) or {}, PurePosixPath(name).parent)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError, YAMLError) as error:
        raise PipelineFailed(f"{name} is not as DVC writes it: {error!r}") from error


def _stages_of(lock: Any, folder: PurePosixPath) -> list[Stage]:
    return [
        Stage(str(folder / name), entry.get("params", {}).get("params.yaml", {}), dict(_outputs_of(entry, folder)))
        for name, entry in lock.get("stages", {}).items()
    ]


def _outputs_of(entry: Any, folder: PurePosixPath) -> list[tuple[str, Output]]:
    return [(str(folder / out["path"]), Output(out.get("md5", ""), out.get("size"))) for out in entry.get("outs", ())]
