"""The registry on real git repositories and real DVC remotes."""

from __future__ import annotations

import hashlib
import os
import socket
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from monitoring_tasks.errors import ConfigurationError, ReferenceInvalid, ReferenceUnavailable
from monitoring_tasks.retraining import tags
from monitoring_tasks.retraining.registry import Champion, fetch_artifact, find_champion
from tests.git_repository import commit, run, start, tag

DVC_YAML = """\
stages:
  train:
    cmd: cp seed.txt reference.parquet && cp seed.txt importances.json && mkdir -p parts && cp seed.txt parts/a
    deps: [seed.txt]
    outs:
      - reference.parquet
      - parts
      - importances.json:
          cache: false
"""
SUB_YAML = "stages: {copy: {cmd: cp ../seed.txt deep.bin, deps: [../seed.txt], outs: [deep.bin]}}\n"


def dvc(*argv: str, cwd: Path) -> None:
    """DVC in `cwd`."""
    run(sys.executable, "-P", "-m", "dvc", *argv, "--quiet", cwd=cwd)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A git work tree with a bare origin beside it."""
    return start(tmp_path)


@dataclass(frozen=True)
class Published:
    """A DVC project of two revisions whose files are in `remote`."""

    root: Path
    first: str
    second: str

    @property
    def origin(self) -> str:
        """The repository's path."""
        return str(self.root / "origin.git")

    def stored(self, content: str) -> Path:
        """Where the remote keeps the object of this content."""
        digest = md5(content)
        return self.root / "remote" / "files" / "md5" / digest[:2] / digest[2:]


def md5(content: str) -> str:
    """MD5 of a text."""
    return hashlib.md5(content.encode(), usedforsecurity=False).hexdigest()


def sha256(content: str) -> str:
    """SHA-256 of a text."""
    return hashlib.sha256(content.encode()).hexdigest()


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """The DVC project; tests that break something put it back."""
    root = tmp_path_factory.mktemp("published")
    work = start(root)
    dvc("init", cwd=work)
    (work / ".dvc" / "config").write_text(f"[core]\n    remote = r\n['remote \"r\"']\n    url = {root / 'remote'}\n")
    (work / ".gitignore").write_text("/.site\n")
    (work / "dvc.yaml").write_text(DVC_YAML)
    (work / "sub").mkdir()
    (work / "sub" / "dvc.yaml").write_text(SUB_YAML)
    (work / "extra.bin").write_text("extra")
    (work / "secret").write_text("kept in git")
    (work / "link").symlink_to(root / "outside")
    (root / "outside").write_text("private")
    (work / "dvc.py").write_text(f"open({str(root / 'executed')!r}, 'w')\n")
    dvc("add", "extra.bin", cwd=work)
    return Published(root, train(work, "one"), train(work, "two"))


def train(work: Path, content: str) -> str:
    """Run the pipelines on a seed, publish, and return the commit."""
    (work / "seed.txt").write_text(content)
    dvc("repro", "train", "sub/dvc.yaml", cwd=work)
    dvc("push", cwd=work)
    return commit(work)


@contextmanager
def gone(path: Path) -> Iterator[None]:
    """`path` is away for a while."""
    away = path.with_name(path.name + ".away")
    path.rename(away)
    try:
        yield
    finally:
        away.rename(path)


@contextmanager
def rewritten(path: Path, content: str, *, mode: int) -> Iterator[None]:
    """`path` holds something else for a while, with these permissions."""
    before = path.read_bytes()
    path.chmod(0o644)
    path.write_text(content)
    path.chmod(mode)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        path.write_bytes(before)


def test_champion_is_found_with_its_version_tag(work: Path) -> None:
    """The champion's commit is the one under the annotated tag, not the tag object."""
    revision = commit(work, "toy@v1.0.0", "toy#champion#1")
    champion = find_champion(str(work.parent / "origin.git"), "toy")
    assert champion == Champion("toy", 1, revision, "toy@v1.0.0")
    assert champion.version == f"v1.0.0-{revision[:8]}"


def test_highest_number_wins(work: Path) -> None:
    """#10 is newer than #9 and #2, whatever the order of names, and other models' tags do not count."""
    for number in (2, 9):
        commit(work, f"toy#champion#{number}")
    newest = commit(work, "toy#champion#10", "toy@v1.9.0", "toy@v1.10.0")
    commit(work, "toy2#champion#11", "toy#challenger#12", "toy#champion#x", "toy#champion#0", "toy@v2.0.0")
    champion = find_champion(str(work.parent / "origin.git"), "toy")
    assert champion == Champion("toy", 10, newest, "toy@v1.10.0")


def test_rollback_is_a_new_number_on_an_older_commit(work: Path) -> None:
    """#3 on the first commit brings the first version's name back."""
    first = commit(work, "toy@v1.0.0", "toy#champion#1")
    commit(work, "toy@v1.1.0", "toy#champion#2")
    tag(work, first, "toy#champion#3")
    champion = find_champion(str(work.parent / "origin.git"), "toy")
    assert (champion.number, champion.revision) == (3, first)
    assert champion.version == f"v1.0.0-{first[:8]}"


def test_lightweight_tag_and_no_version_tag(work: Path) -> None:
    """A tag without an object of its own counts; without a version tag the number names the version."""
    revision = commit(work)
    run("git", "tag", "toy#champion#4", cwd=work)
    run("git", "push", "--quiet", "--tags", cwd=work)
    champion = find_champion(str(work.parent / "origin.git"), "toy")
    assert champion == Champion("toy", 4, revision, None)
    assert champion.version == f"champion4-{revision[:8]}"


def test_no_champion_says_how_to_make_one(work: Path) -> None:
    """A repository without champion tags is invalid, and the error holds the commands that help."""
    commit(work, "toy@v1.0.0")
    with pytest.raises(ReferenceInvalid, match=r"no tag toy#champion#N.*git tag -a 'toy#champion#1'"):
        find_champion(str(work.parent / "origin.git"), "toy")


def test_repository_that_is_not_there(tmp_path: Path) -> None:
    """A missing repository is unavailable for both calls: it may come back."""
    absent = str(tmp_path / "absent.git")
    with pytest.raises(ReferenceUnavailable, match=r"absent\.git could not be read: fatal"):
        find_champion(absent, "toy")
    with pytest.raises(ReferenceUnavailable, match=r"absent\.git could not be read: fatal"):
        fetch_artifact(absent, "abc", "reference.parquet", tmp_path / "reference.parquet")


def test_credentials_never_show_when_the_server_refuses() -> None:
    """User and password in a URL are in no part of the error, its causes included."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://bot:s3c@ret@127.0.0.1:{bound.getsockname()[1]}/x.git"
        with pytest.raises(ReferenceUnavailable) as caught:
            find_champion(url, "toy")
    text = "".join(traceback.format_exception(caught.value))
    assert "***@127.0.0.1" in text
    assert not any(secret in text for secret in ("bot", "s3c", "ret@"))


def test_credentials_never_show_when_the_server_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not answer costs a bounded time, and the error still hides the password."""
    monkeypatch.setattr(tags, "LIST_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://bot:s3cret@127.0.0.1:{server.getsockname()[1]}/x.git"
        with pytest.raises(ReferenceUnavailable, match=r"did not answer within 0.5 s") as caught:
            find_champion(url, "toy")
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


def test_environment_of_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git gets no Airflow settings and no surrounding repository, may not prompt, and keeps cloud settings."""
    spy = tmp_path / "git"
    spy.write_text(f"#!/bin/sh\nenv > {tmp_path}/seen\n")
    spy.chmod(0o755)
    given = {"AIRFLOW_CONN_X": "1", "_AIRFLOW_Y": "1", "GIT_DIR": "/x", "GIT_ASKPASS": "ask", "AWS_PROFILE": "p"}
    for name, value in (given | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ReferenceInvalid):
        find_champion("anywhere", "toy")
    seen = dict(line.split("=", 1) for line in (tmp_path / "seen").read_text().splitlines() if "=" in line)
    assert not {"AIRFLOW_CONN_X", "_AIRFLOW_Y", "GIT_DIR"} & set(seen)
    assert {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "ask", "AWS_PROFILE": "p"}.items() <= seen.items()


def test_git_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without git on PATH the error says so, and no retry is worth it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match="git is not installed"):
        find_champion("anywhere", "toy")


@pytest.mark.parametrize("repository", ["-x", "--upload-pack=touch", "", "a b", "a\nb"])
def test_hostile_repositories_are_refused(repository: str, tmp_path: Path) -> None:
    """What git could read as an option is refused before git sees it."""
    with pytest.raises(ReferenceInvalid, match=r"repository .* is refused"):
        find_champion(repository, "toy")
    with pytest.raises(ReferenceInvalid, match=r"repository .* is refused"):
        fetch_artifact(repository, "abc", "a", tmp_path / "a")


def test_transport_that_runs_commands_is_refused(tmp_path: Path) -> None:
    """Git's ext:: transport does not run its command."""
    with pytest.raises(ReferenceUnavailable):
        find_champion(f"ext::touch% {tmp_path}/pwned".replace(" ", ""), "toy")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("model", ["", "*", "-x", "a b", "a..b", "x'y", "a#champion", "a\n"])
def test_hostile_models_are_refused(model: str) -> None:
    """A model's name is part of a tag pattern and of a command shown to people."""
    with pytest.raises(ReferenceInvalid, match=r"model .* is refused"):
        find_champion("anywhere", model)


@pytest.mark.parametrize("revision", ["", "-x", "--orphan", "a..b", "HEAD~1", "a b", ":/x", "a\n"])
def test_hostile_revisions_are_refused(revision: str, tmp_path: Path) -> None:
    """Options and git's revision arithmetic are refused."""
    with pytest.raises(ReferenceInvalid, match=r"revision .* is refused"):
        fetch_artifact("anywhere", revision, "a", tmp_path / "a")


@pytest.mark.parametrize(
    "path", ["", "-x", "/etc/passwd", "../a", "a/../b", ".git/config", "a/.GIT/x", ".dvc/config", "a\\b"]
)
def test_hostile_paths_are_refused(path: str, tmp_path: Path) -> None:
    """Paths outside the revision's files are refused, the clone's own settings among them."""
    with pytest.raises(ReferenceInvalid, match=r"path .* is refused"):
        fetch_artifact("anywhere", "abc", path, tmp_path / "a")


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("reference.parquet", "one"),
        ("importances.json", "one"),
        ("sub/deep.bin", "one"),
        ("extra.bin", "extra"),
        ("secret", "kept in git"),
    ],
)
def test_file_of_a_revision_is_fetched(published: Published, tmp_path: Path, path: str, content: str) -> None:
    """Outputs in the cache, outputs in git, a pipeline in a folder, a .dvc file and a plain git file all arrive."""
    target = tmp_path / "new" / "file"
    assert fetch_artifact(published.origin, published.first, path, target) == sha256(content)
    assert target.read_text() == content
    assert [entry.name for entry in target.parent.iterdir()] == ["file"]


def test_target_is_replaced_and_revisions_differ(published: Published, tmp_path: Path) -> None:
    """The second revision's file takes the place of an older file."""
    target = tmp_path / "reference.parquet"
    target.write_text("old")
    assert fetch_artifact(published.origin, published.second, "reference.parquet", target) == sha256("two")
    assert target.read_text() == "two"


def test_code_of_the_repository_is_not_run(published: Published, tmp_path: Path) -> None:
    """A module called dvc in the repository does not take the place of DVC."""
    fetch_artifact(published.origin, published.first, "reference.parquet", tmp_path / "a")
    assert not (published.root / "executed").exists()


def test_links_are_not_followed(published: Published, tmp_path: Path) -> None:
    """A link to a file of this machine gives its own text, not the file's."""
    fetch_artifact(published.origin, published.first, "link", tmp_path / "a")
    assert (tmp_path / "a").read_text() == str(published.root / "outside")


def test_unknown_revision(published: Published, tmp_path: Path) -> None:
    """A commit that the repository does not have is invalid."""
    with pytest.raises(ReferenceInvalid, match="has no revision 0123"):
        fetch_artifact(published.origin, "0123" * 10, "reference.parquet", tmp_path / "a")


@pytest.mark.parametrize(
    ("path", "found"), [("absent.parquet", "not an output"), ("parts", "a folder"), ("sub", "not an output")]
)
def test_path_that_is_no_file_of_the_revision(published: Published, tmp_path: Path, path: str, found: str) -> None:
    """The error lists the outputs there are; folders are none."""
    with pytest.raises(ReferenceInvalid, match=rf"{path} is {found}.*reference\.parquet"):
        fetch_artifact(published.origin, published.first, path, tmp_path / "a")


def test_remote_that_is_gone(published: Published, tmp_path: Path) -> None:
    """A missing DVC remote is unavailable; the old target stays, and nothing else is left."""
    (tmp_path / "a").write_text("old")
    with gone(published.root / "remote"), pytest.raises(ReferenceUnavailable, match="the DVC remote of"):
        fetch_artifact(published.origin, published.first, "reference.parquet", tmp_path / "a")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a", "old")]


def test_object_that_is_missing(published: Published, tmp_path: Path) -> None:
    """An object that was never pushed is unavailable."""
    with gone(published.stored("two")), pytest.raises(ReferenceUnavailable, match="the DVC remote of"):
        fetch_artifact(published.origin, published.second, "reference.parquet", tmp_path / "a")


def test_object_that_is_corrupt(published: Published, tmp_path: Path) -> None:
    """DVC trusts a write-protected object without looking; bytes that are not the recorded ones still never arrive."""
    bad = rewritten(published.stored("one"), "0ne", mode=0o444)
    with bad, pytest.raises(ReferenceInvalid, match=f"recorded is {md5('one')}"):
        fetch_artifact(published.origin, published.first, "reference.parquet", tmp_path / "a")
    assert not list(tmp_path.iterdir())


def test_object_that_dvc_finds_corrupt(published: Published, tmp_path: Path) -> None:
    """DVC discards an unprotected object of wrong content: it is unavailable, in DVC's words."""
    bad = rewritten(published.stored("one"), "0ne", mode=0o644)
    with bad, pytest.raises(ReferenceUnavailable, match="Missing cache files"):
        fetch_artifact(published.origin, published.first, "reference.parquet", tmp_path / "a")


def test_dvc_that_is_not_installed(published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without DVC the error names the extra to install."""
    monkeypatch.setitem(sys.modules, "dvc", None)
    with pytest.raises(ConfigurationError, match=r"monitoring-tasks\[dvc\]"):
        fetch_artifact(published.origin, published.first, "reference.parquet", tmp_path / "a")


@pytest.mark.parametrize("lock", ["stages: [1]", "stages: {a: {outs: [{md5: x}]}}", "a: [", "stages: {a: {outs: 3}}"])
def test_lock_that_dvc_did_not_write(work: Path, tmp_path: Path, lock: str) -> None:
    """A dvc.lock of another shape is invalid, not a crash."""
    (work / "dvc.lock").write_text(lock)
    revision = commit(work)
    with pytest.raises(ReferenceInvalid, match="not as DVC writes it"):
        fetch_artifact(str(work.parent / "origin.git"), revision, "reference.parquet", tmp_path / "a")


def test_file_in_git_that_is_older_than_the_lock(work: Path, tmp_path: Path) -> None:
    """An output kept in git must be the one that dvc.lock records."""
    (work / "importances.json").write_text("stale")
    (work / "dvc.lock").write_text(f"stages: {{a: {{outs: [{{path: importances.json, md5: {md5('fresh')}}}]}}}}")
    revision = commit(work)
    with pytest.raises(ReferenceInvalid, match=r"git holds an older file than dvc\.lock"):
        fetch_artifact(str(work.parent / "origin.git"), revision, "importances.json", tmp_path / "a")


def test_output_in_a_repository_that_is_no_dvc_project(work: Path, tmp_path: Path) -> None:
    """A dvc.lock without a DVC project beside it ends in an error that shows DVC's own words."""
    (work / "dvc.lock").write_text(f"stages: {{a: {{outs: [{{path: x, md5: {md5('x')}}}]}}}}")
    revision = commit(work)
    with pytest.raises(ReferenceUnavailable, match="'x' does not exist as an output"):
        fetch_artifact(str(work.parent / "origin.git"), revision, "x", tmp_path / "a")
