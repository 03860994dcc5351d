"""The repository of a model: which may be used, what may be asked of it, and a copy of its commits and tags."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote

from monitoring_tasks.errors import ConfigurationError, ReferenceInvalid, ReferenceUnavailable
from monitoring_tasks.redaction import redact
from monitoring_tasks.retraining.command import execute
from monitoring_tasks.retraining.tags import tag_patterns

ALLOWED = "MONITORING_REPOSITORIES"
"""Environment variable: the repositories, separated by commas, that this machine may use."""
CLONE_SECONDS = 300
READ_SECONDS = 60
_SOUND = {
    "repository": (r"[^-\s][^\s\x00]*", "a URL or path without spaces that does not begin with '-'"),
    "model": (r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9_./=-]*", "letters, digits and _ - / . = without '..'"),
    "revision": (r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9_.@#/+=-]*", "a commit or tag: letters, digits and _ . @ # / + = -"),
    "path": (
        r"(?!.*\.\.)(?!(?i:.*/)?\.(?i:git|dvc))[^-/\\\x00-\x1f][^\\\x00-\x1f]*",
        "a path from the repository's root, outside .git and .dvc, without '..', that does not begin with '-'",
    ),
}


def require_sound(**values: str) -> None:
    """Raise `ReferenceInvalid` for a repository, model, revision or path that git could take for something else."""
    for what, value in values.items():
        pattern, allowed = _SOUND[what]
        if not re.fullmatch(pattern, value):
            raise ReferenceInvalid(f"{what} {redact(value)!r} is refused: write {allowed}")


def allowed_repositories(environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The repositories that `MONITORING_REPOSITORIES` allows; none named: those that the monitors' YAML names.

    >>> allowed_repositories({"MONITORING_REPOSITORIES": "https://git.example/ml, /srv/git"})
    ('https://git.example/ml', '/srv/git')
    """
    given = (os.environ if environment is None else environment).get(ALLOWED, "")
    return tuple(prefix.strip() for prefix in given.split(",") if prefix.strip())


def allow(repository: str, allowed: Sequence[str]) -> None:
    """Raise `ConfigurationError` unless `repository` is one of `allowed`, or lies in a folder that is.

    A prefix ends where a name in the path ends, so `https://git.example/ml` allows `https://git.example/ml/churn.git`
    and not `https://git.example/mlevil`; one that ends with `/` or `:` says so itself. Without `allowed` any is.
    """
    folders = (prefix if prefix.endswith(("/", ":")) else f"{prefix}/" for prefix in allowed)
    # A path that climbs leaves the folder that its text begins with.
    climbs = {".", ".."} & set(re.split(r"[/\\:]", unquote(repository)))
    if allowed and (climbs or not (repository in allowed or repository.startswith(tuple(folders)))):
        raise ConfigurationError(
            f"repository {redact(repository)} is not allowed here: {ALLOWED} names {redact(', '.join(allowed))}. "
            "Have this repository added there, or name one of those in the monitor's reference"
        )


@contextmanager
def bare_clone(repository: str) -> Iterator[Path]:
    """A copy of a repository's commits and tags that is gone at the end; files come only when they are asked for.

    Raises `ReferenceUnavailable` when the repository, or room on this machine's disk, cannot be had.
    """
    require_sound(repository=repository)
    try:
        with TemporaryDirectory(prefix="registry-") as scratch:
            folder = Path(scratch) / "registry.git"
            # A local repository that is written to meanwhile is only copied whole through git's own transport.
            light = ["--bare", "--no-local", "--filter=blob:none", "-c", "core.hooksPath=/dev/null"]
            clone = ["git", "clone", "--quiet", *light, "--", repository, str(folder)]
            execute(clone, seconds=CLONE_SECONDS, about=repository)
            yield folder
    except OSError as error:
        raise ReferenceUnavailable(f"no copy of {redact(repository)} fits on this disk: {error}") from error


def admissible(repository: str, revision: str, *, model: str, branch: str | None) -> str:
    """The commit of a revision that a person asked to train from.

    It must lie on the default branch, on `branch`, or under a version or champion of `model`: what anyone may push to a
    branch of their own is not run. Raises `ConfigurationError`, `ReferenceUnavailable`.
    """
    _require_revision(revision)
    require_sound(model=model)
    with bare_clone(repository) as clone:
        commit = _commit(clone, revision)
        default = (clone / "HEAD").read_text(encoding="utf-8").strip().removeprefix("ref: ")
        lines = [default, *([f"refs/heads/{branch}"] if branch else [])]
        named = [*lines, *tag_patterns(model)]
        containing = ["git", "for-each-ref", f"--contains={commit}", "--format=%(refname)", "--", *named]
        found = execute(containing, seconds=READ_SECONDS, about=repository, folder=clone).splitlines()
        # Where there is no branch x, git takes its name for the folder of x/y, which anyone may push.
        if not any(ref in lines or ref.startswith("refs/tags/") for ref in found):
            places = " or ".join(dict.fromkeys(name.removeprefix("refs/heads/") for name in lines))
            raise ConfigurationError(
                f"base revision {revision} is neither on {places} nor a version or champion of {model}: "
                "have it merged first, or leave the base revision out"
            )
    return commit


def _require_revision(revision: str) -> None:
    try:
        require_sound(revision=revision)
    except ReferenceInvalid as error:
        raise ConfigurationError(f"base {error}") from error


def _commit(clone: Path, revision: str) -> str:
    parse = ["git", "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"]
    try:
        return execute(parse, seconds=READ_SECONDS, about="", folder=clone).strip()
    except ReferenceUnavailable:
        raise ConfigurationError(f"base revision {revision} is not in the repository: name a commit or a tag") from None
