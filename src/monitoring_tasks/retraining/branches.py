"""The branches of a model's repository that retrainings published, and their deletion."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from monitoring_tasks.errors import MonitoringError, PipelineFailed, ReferenceUnavailable
from monitoring_tasks.policy.narrative import plain
from monitoring_tasks.retraining.command import execute
from monitoring_tasks.retraining.names import is_slug
from monitoring_tasks.retraining.repository import READ_SECONDS

PUSH_SECONDS = 300
FOLDER = "retrain/"
_LAST_SECOND = 253402300799  # of the year 9999: a commit may bear any number as its date
# A hook or the server's rules; anything else that stops a push can be another time's success.
_REFUSED = re.compile(r"\[remote rejected\].*\b(declined|prohibited|denied)\b")


@dataclass(frozen=True)
class Branch:
    """A branch `retrain/<slug>` at the commit `revision`, which was made at `moment` (UTC)."""

    name: str
    revision: str
    moment: datetime


class _PushFailed(MonitoringError):
    """A push that git ended with an error; its text is git's own words."""


def published_branches(clone: Path) -> list[Branch]:
    """The branches in a bare clone whose names retrainings give; others are not listed."""
    form = "%(refname:lstrip=2) %(objectname) %(committerdate:unix)"
    listing = ["git", "for-each-ref", f"--format={form}", "--", f"refs/heads/{FOLDER}"]
    lines = execute(listing, seconds=READ_SECONDS, about="branches", folder=clone).splitlines()
    found = (line.split(" ") for line in lines)
    return [
        Branch(name, revision, datetime.fromtimestamp(min(int(seconds or 0), _LAST_SECOND), UTC))
        for name, revision, seconds in found
        if is_slug(name.removeprefix(FOLDER))
    ]


def delete_branch(clone: Path, branch: Branch) -> bool:
    """Delete a branch on the clone's origin; False when it moved, or was deleted, since the clone was made.

    Raises `ReferenceUnavailable` when origin does not answer, `PipelineFailed` when its rules keep the branch.
    """
    ref = f"refs/heads/{branch.name}"
    push = ["git", "push", "--quiet", f"--force-with-lease={ref}:{branch.revision}", "--delete", "origin", ref]
    english = {"LC_ALL": "C"}  # the words that are looked for below
    try:
        execute(push, seconds=PUSH_SECONDS, about="push", folder=clone, settings=english, failure=_PushFailed)
    except _PushFailed as failure:
        said = plain(str(failure))
        if "(stale info)" in said:
            return False
        if _REFUSED.search(said):
            text = f"branch {branch.name} must stay: {said}; let this machine's account delete branches {FOLDER}*"
            raise PipelineFailed(text) from failure
        raise ReferenceUnavailable(f"branch {branch.name} could not be deleted, try again: {said}") from failure
    return True
