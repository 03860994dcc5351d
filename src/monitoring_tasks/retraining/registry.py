"""The registry: git tags in GTO's format say which commit is champion; DVC holds the files of that commit."""

from __future__ import annotations

import hashlib
import logging
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from monitoring_tasks.errors import ConfigurationError, ReferenceInvalid, ReferenceUnavailable
from monitoring_tasks.retraining.command import execute, redact
from monitoring_tasks.retraining.repository import require_sound
from monitoring_tasks.retraining.tags import champion_numbers, tagged_commits, version_tag

logger = logging.getLogger(__name__)

CLONE_SECONDS = 300
PULL_SECONDS = 1800
_DVC_CONFIG = """\
[core]
    analytics = false
    check_update = false
[cache]
    dir = cache
    type = "reflink,copy"
"""


@dataclass(frozen=True)
class Champion:
    """The model in use: commit `revision`, assigned by the tag `<model>#champion#<number>`.

    `tag` is the highest version tag `<model>@vX.Y.Z` on the same commit; None when it has none.
    """

    model: str
    number: int
    revision: str
    tag: str | None = None

    @property
    def version(self) -> str:
        """Short name of what is in use; equal for equal commits, so a rollback brings the old name back.

        >>> Champion("churn", 2, "3f2a9c1b" + 32 * "0", "churn@v1.1.0").version
        'v1.1.0-3f2a9c1b'
        >>> Champion("churn", 2, "3f2a9c1b" + 32 * "0").version
        'champion2-3f2a9c1b'
        """
        name = self.tag.rpartition("@")[2] if self.tag else f"champion{self.number}"
        return f"{name}-{self.revision[:8]}"


def find_champion(repository: str, model: str) -> Champion:
    """The champion of `model`: the commit under its champion tag of highest number, in one `git ls-remote`.

    Rollback is a new tag on an older commit, so the number decides, not the commit's or the tag's date. Raises
    `ReferenceUnavailable` when the repository does not answer, `ReferenceInvalid` when it has no champion.
    """
    require_sound(repository=repository, model=model)
    commits = tagged_commits(repository, model)
    numbers = champion_numbers(model, commits)
    if not numbers:
        raise ReferenceInvalid(no_champion(repository, model))
    newest = max(numbers)
    return Champion(model, newest, numbers[newest], version_tag(model, commits, numbers[newest]))


def fetch_artifact(repository: str, revision: str, path: str, target: Path) -> str:
    """Write the file `path` of `revision` to `target` and return its SHA-256 in hexadecimal.

    The file is an output in `dvc.lock`, a file with a `.dvc` file, or one that git itself holds; DVC's are pulled from
    its default remote. Its MD5 must be the recorded one, and `target` is replaced in one step: a reader sees the old
    file or the whole new one. Raises `ReferenceUnavailable` when repository, remote or object cannot be had, and
    `ReferenceInvalid` when the revision has no such file or the bytes are not the recorded ones.
    """
    require_sound(repository=repository, revision=revision, path=path)
    target.parent.mkdir(parents=True, exist_ok=True)
    # Beside the target: the last step is then a rename within one file system.
    with TemporaryDirectory(prefix=".fetch-", dir=target.parent) as scratch:
        checkout = _check_out(repository, revision, Path(scratch) / "checkout")
        recorded = _recorded_md5(checkout, path)
        if recorded and not (checkout / path).exists():
            _pull(checkout, path, repository)
        sha256 = _install(checkout / path, target, recorded)
    logger.info("artifact.fetched path=%s revision=%s sha256=%s", path, revision, sha256)
    return sha256


def no_champion(repository: str, model: str) -> str:
    """Says that a repository has no champion of `model`, and how to make one."""
    tag = f"{model}#champion#1"
    return (
        f"{redact(repository)} has no champion of {model}: no tag {model}#champion#N. Tag the commit whose "
        f"dvc.lock describes the model in use: git tag -a '{tag}' -m 'first champion' COMMIT && "
        f"git push origin 'refs/tags/{tag}'"
    )


def _check_out(repository: str, revision: str, folder: Path) -> Path:
    # Links would let a repository name files of this machine as its own.
    literal = ["-c", "core.symlinks=false", "-c", "core.autocrlf=false"]
    clone = ["git", "clone", "--quiet", "--no-checkout", *literal, "--", repository, str(folder)]
    execute(clone, seconds=CLONE_SECONDS, about=repository)
    try:
        execute(
            ["git", "checkout", "--quiet", "--detach", revision, "--"], seconds=CLONE_SECONDS, about="", folder=folder
        )
    except ReferenceUnavailable as error:
        raise ReferenceInvalid(f"{redact(repository)} has no revision {revision}: push it, or name another") from error
    return folder


def _recorded_md5(checkout: Path, path: str) -> str | None:
    """The MD5 that DVC recorded for `path`; None when git itself holds the file."""
    try:
        outputs = dict(_outputs(checkout, path))
    except (AttributeError, KeyError, TypeError, UnicodeDecodeError, YAMLError) as error:
        raise ReferenceInvalid(f"dvc.lock or {path}.dvc is not as DVC writes it: {error!r}") from error
    if path not in outputs and (checkout / path).is_file():
        return None
    md5 = outputs.get(path)
    if md5 is None or md5.endswith(".dir"):
        found = "a folder, or has no MD5," if path in outputs else "not an output"
        known = ", ".join(sorted(outputs)) or "none"
        raise ReferenceInvalid(f"{path} is {found} at this revision: name a file among the outputs: {known}")
    return md5


def _outputs(checkout: Path, path: str) -> Iterator[tuple[str, str | None]]:
    """Path and recorded MD5 of what the dvc.lock files on the way to `path`, and its own .dvc file, say."""
    for folder in PurePosixPath(path).parents:
        for stage in _read_yaml(checkout / folder / "dvc.lock").get("stages", {}).values():
            yield from ((str(folder / out["path"]), out.get("md5")) for out in stage.get("outs", ()))
    for out in _read_yaml(checkout / f"{path}.dvc").get("outs", ()):
        yield str(PurePosixPath(path).parent / out["path"]), out.get("md5")


def _read_yaml(file: Path) -> Any:
    return YAML(typ="safe", pure=True).load(file) if file.is_file() else {}


def _pull(checkout: Path, path: str, repository: str) -> None:
    if find_spec("dvc") is None:
        raise ConfigurationError("DVC is not installed: pip install 'monitoring-tasks[dvc]'")
    (checkout / ".dvc").mkdir(exist_ok=True)
    (checkout / ".dvc" / "config.local").write_text(_DVC_CONFIG, encoding="utf-8")
    # -P: without it Python would import the repository's own modules from the working folder.
    dvc = [sys.executable, "-P", "-m", "dvc", "pull", "--", path]
    execute(dvc, seconds=PULL_SECONDS, about=f"the DVC remote of {repository}", folder=checkout)


def _install(source: Path, target: Path, recorded: str | None) -> str:
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with source.open("rb") as file:
        while block := file.read(1 << 20):
            md5.update(block)
            sha256.update(block)
    if recorded not in (None, md5.hexdigest()):
        raise ReferenceInvalid(
            f"{source.name} has MD5 {md5.hexdigest()}, recorded is {recorded}: its object in the DVC remote is bad, "
            "or git holds an older file than dvc.lock. Restore the object; or `dvc repro`, `dvc push` and commit"
        )
    os.replace(source, target)
    return sha256.hexdigest()
