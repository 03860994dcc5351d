"""Git tags in GTO's format: `<model>@vX.Y.Z` is a version of a model, `<model>#champion#N` its Nth champion."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from monitoring_tasks.retraining.command import execute

LIST_SECONDS = 60


def tag_patterns(model: str) -> tuple[str, str]:
    """Patterns of the refs of a model's champion tags and version tags, as git matches them."""
    return f"refs/tags/{model}#champion#*", f"refs/tags/{model}@v*"


def tagged_commits(repository: str, model: str) -> dict[str, str]:
    """Commit of every champion tag and version tag of `model`, by the tag's name, in one `git ls-remote`.

    Raises `ReferenceUnavailable` when the repository does not answer.
    """
    listing = ["git", "ls-remote", "--tags", "--", repository, *tag_patterns(model)]
    commits = {}
    for line in execute(listing, seconds=LIST_SECONDS, about=repository).splitlines():
        commit, _, ref = line.partition("\t")
        # An annotated tag is listed twice: its own object, then the commit it points to as `^{}`.
        commits[ref.removeprefix("refs/tags/").removesuffix("^{}")] = commit
    return commits


def champion_numbers(model: str, commits: Mapping[str, str]) -> dict[int, str]:
    """Number to commit of the champion tags among `commits`; a tag of another form is none.

    >>> champion_numbers("churn", {"churn#champion#2": "3f2a", "churn#champion#x": "3f2a", "churn@v1.0.0": "3f2a"})
    {2: '3f2a'}
    """
    pattern = re.compile(re.escape(model) + r"#champion#([1-9][0-9]{0,8})")
    return {int(match[1]): commit for tag, commit in commits.items() if (match := pattern.fullmatch(tag))}


def version_tag(model: str, commits: Mapping[str, str], commit: str) -> str | None:
    """The highest version tag on a commit; None when it has none.

    >>> version_tag("churn", {"churn@v1.9.0": "3f2a", "churn@v1.10.0": "3f2a", "churn@v2.0.0": "77aa"}, "3f2a")
    'churn@v1.10.0'
    """
    found = _versions(model, (tag for tag, tagged in commits.items() if tagged == commit))
    return found[max(found)] if found else None


def next_version_tag(model: str, tags: Iterable[str]) -> str:
    """The version tag after the highest of `tags`: a new model is a new minor version; the first is v1.0.0.

    >>> next_version_tag("churn", ["churn@v1.9.4", "churn#champion#3", "fraud@v7.0.0"])
    'churn@v1.10.0'
    """
    major, minor, _ = max(_versions(model, tags), default=(1, -1, 0))
    return f"{model}@v{major}.{minor + 1}.0"


def _versions(model: str, tags: Iterable[str]) -> dict[tuple[int, ...], str]:
    pattern = re.compile(re.escape(model) + r"@v([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})")
    return {tuple(map(int, match.groups())): tag for tag in tags if (match := pattern.fullmatch(tag))}
