"""Publication: what a training made reaches the DVC remote, a commit and a branch of its own, in that order."""

from __future__ import annotations

import json
from collections.abc import Container
from datetime import datetime
from pathlib import Path, PurePosixPath

from monitoring_tasks.errors import PipelineFailed, PipelineUnavailable
from monitoring_tasks.redaction import redact
from monitoring_tasks.retraining.checkout import TRANSFER_SECONDS, dvc, git, outputs, push_target
from monitoring_tasks.retraining.command import execute

PARAMETERS = "params.yaml"
_LIST_SECONDS = 60
_IDENTITY = ("-c", "user.name=monitoring", "-c", "user.email=monitoring@localhost")


def push_files(checkout: Path) -> None:
    """Push the checkout's outputs to the DVC remote, and ask it for them.

    `dvc push` ends well although an object is missing on both sides, so the remote's own answers decide. Raises
    `PipelineUnavailable` when it does not take the files.
    """
    dvc(checkout, "push")
    status = dvc(checkout, "status", "--cloud", "--json").strip()
    missing = json.loads(dvc(checkout, "data", "status", "--not-in-remote", "--json")).get("not_in_remote", [])
    if status != "{}" or missing:
        raise PipelineUnavailable(
            f"the DVC remote lacks files after the push ({redact(status)}; {', '.join(missing)}): see to its rights "
            "and its room; the next try pushes again"
        )


def commit_results(checkout: Path, *, message: str, moment: datetime) -> str:
    """Commit what a run of the pipeline made, and nothing else that its stages may have left; the commit.

    Author and committer are monitoring's unless the environment's GIT_* say otherwise, the date of both is `moment`, so
    that equal results on one base are one commit.
    """
    known, literal = outputs(checkout), {"GIT_LITERAL_PATHSPECS": "1"}
    changed = git(checkout, "ls-files", "-z", "--modified", "--others", "--exclude-standard").split("\0")
    git(checkout, "add", "--", *sorted({name for name in changed if is_result(name, known)}), settings=literal)
    date = f"@{int(moment.timestamp())} +0000"
    settings = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    commit = ["commit", "--quiet", "--no-gpg-sign", "--cleanup=whitespace", f"--message={message}"]
    git(checkout, *_IDENTITY, *commit, settings=settings)
    return git(checkout, "rev-parse", "HEAD")


def is_result(name: str, known: Container[str]) -> bool:
    """Whether a run of the pipeline may change the file `name`: parameters, DVC's own files, and the `known` outputs.

    >>> [is_result(name, {"metrics"}) for name in ("params.yaml", "dvc.lock", "metrics/auc.json", "train.py")]
    [True, True, True, False]
    """
    path = PurePosixPath(name)
    written_by_dvc = path.name in {"dvc.lock", ".gitignore"} or path.suffix == ".dvc"
    return name == PARAMETERS or written_by_dvc or any(str(place) in known for place in (path, *path.parents))


def push_branch(checkout: Path, repository: str, branch: str) -> str:
    """Publish the checkout's commit as a branch that is not there yet; the commit that is there in the end.

    A branch that appeared meanwhile is never moved: with the same files it is the result, else `PipelineFailed`. Raises
    `PipelineUnavailable` when origin does not take it.
    """
    name, origin = f"refs/heads/{branch}", push_target(repository)
    own = git(checkout, "rev-parse", "HEAD")
    # The lease is on a branch that does not exist: one that does is not even moved forward.
    push = ["push", "--quiet", "--no-verify", f"--force-with-lease={name}:", "--", origin, f"HEAD:{name}"]
    try:
        git(checkout, *push, seconds=TRANSFER_SECONDS)
    except PipelineUnavailable:
        found = published(repository, branch)
        if found is None:
            raise
        git(checkout, "fetch", "--quiet", "--", origin, name, seconds=TRANSFER_SECONDS)
        if _tree(checkout, found) != _tree(checkout, own):
            raise PipelineFailed(occupied(repository, branch, found, f"{own} as made here")) from None
        return found
    return own


def _tree(checkout: Path, commit: str) -> str:
    return git(checkout, "rev-parse", f"{commit}^{{tree}}")


def occupied(repository: str, branch: str, found: str, made: str) -> str:
    """Says that a branch holds another commit than the one that was `made`."""
    return (
        f"branch {branch} of {redact(repository)} is at {found}, which is not {made}: it is left as it is. "
        "Delete the branch there, or train under another run"
    )


def published(repository: str, branch: str) -> str | None:
    """The commit of a branch on origin, by one `git ls-remote`; None when there is no such branch.

    Raises `PipelineUnavailable` when the repository does not answer.
    """
    name = f"refs/heads/{branch}"
    command = ["git", "ls-remote", "--heads", "--", repository, name]
    listing = execute(command, seconds=_LIST_SECONDS, about=repository, failure=PipelineUnavailable)
    commits = {ref: commit for commit, _, ref in (line.partition("\t") for line in listing.splitlines())}
    return commits.get(name)
