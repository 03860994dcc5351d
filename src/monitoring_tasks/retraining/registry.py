"""The registry: git tags in GTO's format say which commit is champion; DVC holds the files of that commit."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from monitoring_tasks.errors import PipelineFailed, PipelineUnavailable, ReferenceInvalid, ReferenceUnavailable
from monitoring_tasks.redaction import redact
from monitoring_tasks.retraining.checkout import check_out, outputs, pull, require_file, verify
from monitoring_tasks.retraining.repository import require_sound
from monitoring_tasks.retraining.tags import champion_numbers, tagged_commits, version_tag

logger = logging.getLogger(__name__)


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
    return _champion(model, commits, max(numbers))


def find_version(repository: str, model: str, version: str) -> Champion:
    """The champion of `model` whose commit is that of `version`; of several champion tags on it the newest.

    Raises `ReferenceUnavailable` when the repository does not answer, `ReferenceInvalid` when no champion tag of it
    leads to such a commit.
    """
    require_sound(repository=repository, model=model)
    commits = tagged_commits(repository, model)
    revision = version.rpartition("-")[2]
    found = [number for number, commit in champion_numbers(model, commits).items() if commit[:8] == revision]
    if not found:
        raise ReferenceInvalid(
            f"{redact(repository)} has no champion {version} of {model}: no tag {model}#champion#N is on a commit "
            f"{revision}; champion tags are never deleted or moved, put it back"
        )
    return _champion(model, commits, max(found))


def _champion(model: str, commits: Mapping[str, str], number: int) -> Champion:
    revision = champion_numbers(model, commits)[number]
    return Champion(model, number, revision, version_tag(model, commits, revision))


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
        with _as_reference_errors():
            checkout = check_out(repository, revision, Path(scratch) / "checkout")
            _bring(checkout, path)
        with (checkout / path).open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        os.replace(checkout / path, target)
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


@contextmanager
def _as_reference_errors() -> Iterator[None]:
    """A checkout's errors as those of a reference, which is what its caller asked for."""
    try:
        yield
    except PipelineUnavailable as error:
        raise ReferenceUnavailable(str(error)) from error
    except PipelineFailed as error:
        raise ReferenceInvalid(str(error)) from error


def _bring(checkout: Path, path: str) -> None:
    """Make `path` a file of the checkout, with the bytes that DVC recorded where it recorded any."""
    there = (checkout / path).is_file()
    if there and path not in outputs(checkout):
        return
    if not there:
        require_file(checkout, path)
        pull(checkout, [path], cache=checkout / ".dvc" / "cache")
    verify(checkout, [path])
