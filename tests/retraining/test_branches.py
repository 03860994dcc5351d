"""Branches of retrainings on real git repositories."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitoring_tasks.errors import PipelineFailed, ReferenceUnavailable
from monitoring_tasks.retraining.branches import Branch, delete_branch, published_branches
from monitoring_tasks.retraining.names import retraining_branch
from monitoring_tasks.retraining.repository import bare_clone
from tests.git_repository import commit, run, start

NAME = retraining_branch("churn", "manual__2013-07-01")
HOSTILE = ("retrain/--force-0a1b2c3d", "retrain/a/b-0a1b2c3d", "retrain/mine", "retrain/$(touch,x)-0a1b2c3d", "topic")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A git work tree with a bare origin beside it, which has one branch of a retraining."""
    work = start(tmp_path)
    commit(work)
    publish(work, NAME)
    return work


def publish(work: Path, name: str) -> str:
    """Push a new commit to a branch; its revision."""
    dated = ["env", "GIT_COMMITTER_DATE=2013-07-01T10:00:00Z", "git"]
    run(*dated, "commit", "--quiet", "--allow-empty", "-m", name, cwd=work)
    run("git", "push", "--quiet", "origin", f"HEAD:refs/heads/{name}", cwd=work)
    return run("git", "rev-parse", "HEAD", cwd=work)


def origin(work: Path) -> Path:
    """The bare origin of a work tree."""
    return work.parent / "origin.git"


def branches(work: Path) -> list[str]:
    """Branches of the origin that are not its default one."""
    names = run("git", "for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads", cwd=origin(work)).split()
    return [name for name in names if name not in {"main", "master"}]


def test_only_branches_of_runs_are_listed(work: Path) -> None:
    """Name, commit and the commit's moment; branches that people named are none of ours."""
    for name in HOSTILE:
        run("git", "push", "--quiet", "origin", f"HEAD:refs/heads/{name}", cwd=work)
    revision = run("git", "rev-parse", "HEAD", cwd=work)
    with bare_clone(str(origin(work))) as clone:
        assert published_branches(clone) == [Branch(NAME, revision, datetime(2013, 7, 1, 10, tzinfo=UTC))]


def test_a_date_that_no_calendar_has_is_the_last_one(work: Path) -> None:
    """Whoever may push a branch chooses its commit's date; it must not stop the others from being listed."""
    dated = ["env", "GIT_COMMITTER_DATE=@999999999999 +0000", "git"]
    run(*dated, "commit", "--quiet", "--allow-empty", "-m", "later", cwd=work)
    later = retraining_branch("churn", "manual__33658-01-01")
    run("git", "push", "--quiet", "origin", f"HEAD:refs/heads/{later}", cwd=work)
    with bare_clone(str(origin(work))) as clone:
        moments = {branch.name: branch.moment for branch in published_branches(clone)}
    assert moments[NAME] == datetime(2013, 7, 1, 10, tzinfo=UTC)
    assert moments[later].year == 9999


def test_a_branch_is_deleted_once(work: Path) -> None:
    """The second time it is gone already."""
    with bare_clone(str(origin(work))) as clone:
        [branch] = published_branches(clone)
        assert delete_branch(clone, branch)
        assert branches(work) == []
        assert not delete_branch(clone, branch)


def test_a_branch_that_moved_stays(work: Path) -> None:
    """Somebody pushed to it after it was looked at."""
    with bare_clone(str(origin(work))) as clone:
        [branch] = published_branches(clone)
        moved = publish(work, NAME)
        assert not delete_branch(clone, branch)
    assert run("git", "rev-parse", NAME, cwd=origin(work)) == moved


def test_a_server_that_keeps_branches(work: Path) -> None:
    """Its rules are told with what to do; trying again would not help."""
    run("git", "config", "receive.denyDeletes", "true", cwd=origin(work))
    with bare_clone(str(origin(work))) as clone:
        [branch] = published_branches(clone)
        with pytest.raises(PipelineFailed, match=rf"{NAME} must stay.*deletion prohibited.*let this machine's account"):
            delete_branch(clone, branch)
    assert branches(work) == [NAME]


def test_a_server_that_is_gone(work: Path) -> None:
    """It may come back."""
    with bare_clone(str(origin(work))) as clone:
        [branch] = published_branches(clone)
        origin(work).rename(work.parent / "away")
        with pytest.raises(ReferenceUnavailable, match=rf"{NAME} could not be deleted, try again"):
            delete_branch(clone, branch)
