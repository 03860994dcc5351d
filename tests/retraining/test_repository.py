"""Which repositories and revisions may be used: hostile names, prefixes, and what lies where."""

from __future__ import annotations

import socket
import traceback
from pathlib import Path

import pytest

from monitoring_tasks.errors import ConfigurationError, ReferenceUnavailable
from monitoring_tasks.retraining.repository import admissible, allow, allowed_repositories
from tests.git_repository import commit, run, start, tag

ML = ("https://git.example/ml", "/srv/git/", "git@host:team", "ssh://git@host:2222/ml")


@pytest.mark.parametrize(
    "repository",
    [
        "https://git.example/ml/churn.git",
        "https://git.example/ml",
        "https://git.example/ml/deep/er/x.git",
        "/srv/git/churn.git",
        "git@host:team/churn.git",
        "ssh://git@host:2222/ml/x",
    ],
)
def test_repositories_in_an_allowed_folder(repository: str) -> None:
    """A prefix allows itself and what lies below it."""
    allow(repository, ML)


@pytest.mark.parametrize(
    "repository",
    [
        "https://git.example/mlevil/x.git",
        "https://git.example/ml.git",
        "https://git.example/ml/../evil.git",
        "https://git.example/ml/%2e%2e/evil.git",
        "https://git.example/ml/.%2E/evil.git",
        "https://git.example/ml\\..\\evil.git",
        "https://git.example.evil.org/ml/x.git",
        "https://git.example:8443/ml/x.git",
        "https://git.example@evil.org/ml/x.git",
        "http://git.example/ml/x.git",
        "/srv/git/../secret",
        "/srv/gitx/churn.git",
        "/srv/git",
        "git@host:teamx/churn.git",
        "git@host:team/../other.git",
        "evil",
        "",
    ],
)
def test_repositories_outside(repository: str) -> None:
    """What only begins with the same letters, or climbs out of the folder, is refused with what is allowed."""
    with pytest.raises(ConfigurationError, match=r"is not allowed here: MONITORING_REPOSITORIES names https://git\.ex"):
        allow(repository, ML)


def test_a_prefix_that_ends_with_its_boundary() -> None:
    """`git@host:` allows every repository of that host."""
    allow("git@host:any/x.git", ("git@host:",))
    with pytest.raises(ConfigurationError):
        allow("git@hosts:any/x.git", ("git@host:",))


def test_without_a_list_every_repository_is_allowed() -> None:
    """The YAML alone decides when the operator named none; blank entries name none."""
    allow("https://anywhere.example/../x", ())
    assert allowed_repositories({}) == allowed_repositories({"MONITORING_REPOSITORIES": " , "}) == ()
    assert allowed_repositories({"MONITORING_REPOSITORIES": "a, b ,"}) == ("a", "b")


def test_the_environment_names_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process's own environment is read when none is given."""
    monkeypatch.setenv("MONITORING_REPOSITORIES", "/srv/git")
    assert allowed_repositories() == ("/srv/git",)


def test_no_credentials_in_the_refusal() -> None:
    """Neither the repository's nor the list's credentials are told."""
    with pytest.raises(ConfigurationError) as caught:
        allow("https://s3cret@git.example/x", ("https://t0ken@git.example/ml",))
    assert "s3cret" not in str(caught.value)
    assert "t0ken" not in str(caught.value)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A git work tree whose origin has a default branch, a release branch, a user's branch, and tags."""
    work = start(tmp_path)
    run("git", "checkout", "--quiet", "-b", "main", cwd=work)
    run("git", "symbolic-ref", "HEAD", "refs/heads/main", cwd=tmp_path / "origin.git")
    commit(work)
    for name in ("release", "mine", "old", "older"):
        run("git", "checkout", "--quiet", "-b", name, "main", cwd=work)
        run("git", "commit", "--quiet", "--allow-empty", "-m", name, cwd=work)
        run("git", "push", "--quiet", "origin", name, cwd=work)
    tag(work, "old", "toy@v1.0.0", "other#champion#1")
    tag(work, "older", "toy#champion#1")
    tag(work, "mine", "toy", "other@v1.0.0")
    run("git", "push", "--quiet", "origin", "--delete", "old", "older", cwd=work)
    return work


def ask(work: Path, revision: str, *, branch: str | None = None) -> str:
    """The admitted commit."""
    return admissible(str(work.parent / "origin.git"), revision, model="toy", branch=branch)


def test_a_branch_in_a_folder_of_the_configured_name(work: Path) -> None:
    """Where the configured branch is gone, anyone may push one whose name goes on after a slash."""
    run("git", "checkout", "--quiet", "--orphan", "theirs", cwd=work)
    run("git", "commit", "--quiet", "--allow-empty", "-m", "theirs", cwd=work)
    run("git", "push", "--quiet", "origin", "theirs:refs/heads/gone/theirs", cwd=work)
    with pytest.raises(ConfigurationError, match="neither on main or gone nor a version"):
        ask(work, run("git", "rev-parse", "HEAD", cwd=work), branch="gone")


@pytest.mark.parametrize("name", ["main", "HEAD", "toy@v1.0.0", "toy#champion#1"])
def test_revisions_on_the_default_branch_or_under_a_champion(work: Path, name: str) -> None:
    """Default branch, version and champion tags are what somebody stood up for; names become commits."""
    expected = run("git", "rev-parse", f"{'main' if name == 'HEAD' else name}^{{commit}}", cwd=work)
    assert ask(work, name) == ask(work, expected) == ask(work, expected[:10]) == expected


def test_revisions_before_the_tip(work: Path) -> None:
    """An older commit of an admitted line is admitted."""
    before = run("git", "rev-parse", "main", cwd=work)
    run("git", "checkout", "--quiet", "main", cwd=work)
    commit(work)
    assert ask(work, before) == before


@pytest.mark.parametrize("name", ["mine", "toy", "other@v1.0.0"])
def test_revisions_that_anyone_may_push(work: Path, name: str) -> None:
    """A branch of one's own, or a tag that makes no version of the model, is no base to run code from."""
    revision = run("git", "rev-parse", f"{name}^{{commit}}", cwd=work)
    for asked in (name, revision):
        with pytest.raises(ConfigurationError, match=r"neither on main nor a version or champion of toy"):
            ask(work, asked)


def test_the_configured_branch(work: Path) -> None:
    """A branch that the monitor names is admitted as well, and named in refusals."""
    revision = run("git", "rev-parse", "release", cwd=work)
    assert ask(work, "release", branch="release") == revision
    with pytest.raises(ConfigurationError, match="neither on main nor"):
        ask(work, "release", branch="main")
    with pytest.raises(ConfigurationError, match="neither on main or release nor"):
        ask(work, "mine", branch="release")


@pytest.mark.parametrize("revision", ["", "-x", "--orphan", "a..b", "HEAD~1", "main^{/x}", "a b", ":/x", "a;touch x"])
def test_hostile_revisions(work: Path, revision: str) -> None:
    """Options, git's arithmetic and shell's words are refused before git sees them."""
    with pytest.raises(ConfigurationError, match=r"base revision .* is refused"):
        ask(work, revision)


def test_a_revision_that_is_not_there(work: Path, tmp_path: Path) -> None:
    """A commit or name that the repository does not have, and a repository that does not answer."""
    for revision in ("0123" * 10, "absent"):
        with pytest.raises(ConfigurationError, match="is not in the repository"):
            ask(work, revision)
    with pytest.raises(ReferenceUnavailable):
        admissible(str(tmp_path / "absent.git"), "main", model="toy", branch=None)


def test_credentials_never_show() -> None:
    """A server that refuses is told without user and password, in every part of the error."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://bot:s3cret@127.0.0.1:{bound.getsockname()[1]}/x.git"
        with pytest.raises(ReferenceUnavailable) as caught:
            admissible(url, "main", model="toy", branch=None)
    text = "".join(traceback.format_exception(caught.value))
    assert "***@127.0.0.1" in text
    assert "s3cret" not in text
