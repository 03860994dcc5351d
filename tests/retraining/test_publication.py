"""Publication: files before the branch, the remote's own word, and branches that are never moved."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitoring_tasks.errors import PipelineFailed, PipelineUnavailable
from monitoring_tasks.retraining.checkout import check_out, configure_cache, dvc_command, git, outputs, pull
from monitoring_tasks.retraining.publication import commit_results, published, push_branch, push_files
from tests.dvc_pipeline import ModelRepository, copy_repository
from tests.git_repository import run

MOMENT = datetime(2013, 3, 3, 6, tzinfo=UTC)
BRANCH = "retrain/one"


@dataclass(frozen=True)
class Made:
    """A checkout in which a pipeline has run, its cache, and the repository it came from with a remote of its own."""

    repository: ModelRepository
    checkout: Path
    cache: Path

    def stored(self, name: str, folder: Path) -> Path:
        """Where a cache or a remote keeps an output."""
        md5 = outputs(self.checkout)[name].md5
        return folder / "files" / "md5" / md5[:2] / md5[2:]

    def commit(self, message: str = "Retrain churn") -> str:
        """Commit the results."""
        return commit_results(self.checkout, message=message, moment=MOMENT)

    def push(self) -> str:
        """Publish the branch."""
        return push_branch(self.checkout, self.repository.origin, BRANCH)


@pytest.fixture(scope="module")
def run_once(churn_template: ModelRepository, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a checkout whose model was written anew, and its cache."""
    folder = tmp_path_factory.mktemp("made")
    checkout = check_out(churn_template.origin, churn_template.champion, folder / "checkout", branch=BRANCH)
    pull(checkout, (), cache=folder / "cache")
    (checkout / "model.json").write_text('{"base": -1.0, "age": 0.1, "spend": 0.0}')
    (checkout / "importances.json").write_text('{"age": 1.0}')
    run(*dvc_command("commit", "--force", "--quiet"), cwd=checkout)
    (checkout / "params.yaml").write_text(
        (checkout / "params.yaml").read_text().replace("snapshot: first", "snapshot: second")
    )
    for left in ("left.txt", "train.py", ".dvcignore"):
        (checkout / left).write_text("# left by a stage\n")
    return folder


@pytest.fixture
def made(run_once: Path, churn_template: ModelRepository, tmp_path: Path) -> Made:
    """The checkout in a copy, with an origin and a remote of the test's own."""
    (tmp_path / "churn").mkdir()
    repository = copy_repository(churn_template, tmp_path / "churn")
    shutil.copytree(repository.remote, tmp_path / "remote")
    for name in ("checkout", "cache"):
        shutil.copytree(run_once / name, tmp_path / name)
    checkout = tmp_path / "checkout"
    configure_cache(checkout, tmp_path / "cache")
    with (checkout / ".dvc" / "config.local").open("a") as file:
        file.write(f"['remote \"storage\"']\n    url = {tmp_path / 'remote'}\n")
    git(checkout, "remote", "set-url", "origin", repository.origin)
    return Made(
        ModelRepository(repository.root, tmp_path / "remote", repository.data, repository.champion),
        checkout,
        tmp_path / "cache",
    )


def test_files_reach_the_remote(made: Made) -> None:
    """What the run made is on the remote afterwards."""
    assert not made.stored("model.json", made.repository.remote).exists()
    push_files(made.checkout)
    assert made.stored("model.json", made.repository.remote).read_bytes() == (made.checkout / "model.json").read_bytes()


def test_push_that_only_seems_to_work(made: Made) -> None:
    """DVC has lost an object, pushes the rest and ends well: the remote is asked, and lacks it."""
    made.stored("model.json", made.cache).unlink()
    with pytest.raises(PipelineUnavailable, match=r"the DVC remote lacks files after the push .*model\.json"):
        push_files(made.checkout)


def test_remote_that_cannot_be_written(made: Made) -> None:
    """A remote that refuses is worth another try."""
    shutil.rmtree(made.repository.remote)
    made.repository.remote.touch()
    with pytest.raises(PipelineUnavailable, match=r"the DVC remote of \S+origin\.git could not be"):
        push_files(made.checkout)


def test_commit_holds_results_alone(made: Made) -> None:
    """Parameters, lock and outputs in git are committed; code and other files stay as they were at the base."""
    revision = made.commit("Retrain churn\n\n# 14 days")
    named = git(made.checkout, "show", "--name-only", "--format=%B%an <%ae> %at %cn <%ce> %ct", revision)
    assert named.splitlines() == [
        *("Retrain churn", "", "# 14 days"),
        "monitoring <monitoring@localhost> 1362290400 monitoring <monitoring@localhost> 1362290400",
        *("", "dvc.lock", "importances.json", "params.yaml"),
    ]


def test_same_results_are_the_same_commit(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another try's commit has the same name, whenever and in whatever time zone it is made."""
    first = made.commit()
    git(made.checkout, "reset", "--quiet", "--soft", made.repository.champion)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert made.commit() == first


def test_identity_of_the_environment(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """A site that gives git an identity gets its own."""
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "bot")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "bot@example.org")
    assert git(made.checkout, "show", "--no-patch", "--format=%an %ce", made.commit()) == "bot bot@example.org"


def test_branch_is_published_once(made: Made) -> None:
    """The branch holds the commit; the same push again changes nothing."""
    revision = made.commit()
    assert published(made.repository.origin, BRANCH) is None
    assert made.push() == made.push() == revision
    assert published(made.repository.origin, BRANCH) == revision
    assert made.repository.branches() == ["master", BRANCH]


def test_names_are_compared_whole(made: Made) -> None:
    """A branch whose name ends alike is another branch."""
    made.repository.git("branch", f"x/refs/heads/{BRANCH}", "master")
    assert published(made.repository.origin, BRANCH) is None


def test_other_files_on_the_branch(made: Made) -> None:
    """A branch with other files is not moved, and both commits are named."""
    revision, theirs = made.commit(), made.repository.champion
    made.repository.git("branch", BRANCH, theirs)
    with pytest.raises(PipelineFailed, match=f"is at {theirs}, which is not {revision} as made here: it is left"):
        made.push()
    assert published(made.repository.origin, BRANCH) == theirs


def test_same_files_on_the_branch(made: Made) -> None:
    """A branch with the same files is the result, whoever made it."""
    revision = made.commit()
    git(made.checkout, "push", "--quiet", "origin", f"{revision}:refs/heads/elsewhere")
    theirs = made.repository.git("commit-tree", f"{revision}^{{tree}}", "-p", made.repository.champion, "-m", "other")
    made.repository.git("branch", BRANCH, theirs)
    assert made.push() == theirs != revision


def test_origin_that_refuses(made: Made) -> None:
    """Git's own words are told when a server's rules stop the push."""
    hook = Path(made.repository.origin) / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho branches are closed >&2; exit 1\n")
    hook.chmod(0o755)
    made.commit()
    with pytest.raises(PipelineUnavailable, match="branches are closed"):
        made.push()


def test_origin_that_is_away(made: Made) -> None:
    """An origin that does not answer is worth another try."""
    made.commit()
    shutil.rmtree(made.repository.origin)
    for call in (made.push, lambda: published(made.repository.origin, BRANCH)):
        with pytest.raises(PipelineUnavailable, match=r"origin\.git"):
            call()
