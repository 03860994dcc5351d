"""Checkouts of real repositories: what is kept out of them, and what DVC recorded there."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from monitoring_tasks.errors import PipelineFailed, PipelineUnavailable
from monitoring_tasks.retraining.checkout import Output, check_out, git, outputs, pull, stages, verify
from tests.dvc_pipeline import ModelRepository
from tests.git_repository import commit, run, start
from tests.retraining.git_server import PASSWORD, USER, git_server

LOCK = """\
schema: '2.0'
stages:
  prepare:
    cmd: python prepare.py
    params:
      params.yaml: {data.end: '2013-03-01', train: {steps: 8}}
      other.yaml: {data.end: x}
    outs:
    - {path: rows, hash: md5, md5: 0123.dir, size: 30, nfiles: 2}
    - {path: table, etag: abc}
"""


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A git work tree with a bare origin beside it."""
    return start(tmp_path)


def test_checkout_is_at_the_revision(churn: ModelRepository, tmp_path: Path) -> None:
    """Detached at a tag's commit, or on the new branch."""
    plain = check_out(churn.origin, "churn@v1.0.0", tmp_path / "plain")
    assert git(plain, "rev-parse", "HEAD", "--abbrev-ref", "HEAD").split() == [churn.champion, "HEAD"]
    branched = check_out(churn.origin, churn.champion, tmp_path / "branched", branch="retrain/one")
    assert git(branched, "rev-parse", "HEAD", "--abbrev-ref", "HEAD").split() == [churn.champion, "retrain/one"]
    assert git(branched, "status", "--porcelain", "--ignored") == ""


def test_hooks_do_not_run_and_links_are_files(work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither this machine's hooks nor a repository's links do anything in a checkout."""
    hooks = tmp_path / "template" / "hooks"
    hooks.mkdir(parents=True)
    for name in ("post-checkout", "pre-commit", "reference-transaction"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/hooked\n")
        (hooks / name).chmod(0o755)
    (work / "link").symlink_to("/etc/hostname")
    (work / "text").write_text("one\n")
    revision = commit(work)
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(tmp_path / "template"))
    checkout = check_out(str(tmp_path / "origin.git"), revision, tmp_path / "checkout", branch="one")
    assert not (tmp_path / "hooked").exists()
    assert not (checkout / "link").is_symlink()


def test_credentials_are_not_kept(churn: ModelRepository, tmp_path: Path) -> None:
    """No file of a checkout holds the user or the password of the URL."""
    with git_server(churn.root) as url:
        checkout = check_out(f"{url}/origin.git", churn.champion, tmp_path / "checkout")
    kept = b"".join(file.read_bytes() for file in checkout.rglob("*") if file.is_file())
    assert b"127.0.0.1" in kept
    assert PASSWORD.encode() not in kept
    assert f"{USER}:".encode() not in kept


@pytest.mark.parametrize("revision", ["0123" * 10, "nowhere", "-x", "--upload-pack=x", "HEAD..HEAD", ""])
def test_revision_that_is_not_there(churn: ModelRepository, tmp_path: Path, revision: str) -> None:
    """What names no commit is the caller's mistake, options among it."""
    with pytest.raises(PipelineFailed, match="has no revision"):
        check_out(churn.origin, revision, tmp_path / "checkout")


@pytest.mark.parametrize("branch", ["-x", "--track", "a..b", "", "a b", "a\n"])
def test_hostile_branches_are_refused(churn: ModelRepository, tmp_path: Path, branch: str) -> None:
    """What git could take for an option is refused before anything is cloned."""
    with pytest.raises(PipelineFailed, match=r"branch .* is refused"):
        check_out(churn.origin, churn.champion, tmp_path / "checkout", branch=branch)
    assert not (tmp_path / "checkout").exists()


def test_repository_that_is_away(tmp_path: Path) -> None:
    """A repository that cannot be had may come back."""
    with pytest.raises(PipelineUnavailable, match="nowhere could not be"):
        check_out(str(tmp_path / "nowhere"), "HEAD", tmp_path / "checkout")


def test_what_dvc_recorded(tmp_path: Path) -> None:
    """Outputs of every dvc.lock and every .dvc file, by path from the root; own folders are left out."""
    (tmp_path / "dvc.lock").write_text(LOCK)
    (tmp_path / "sub" / "deep").mkdir(parents=True)
    (tmp_path / "sub" / "dvc.lock").write_text("stages: {copy: {cmd: cp, outs: [{path: a.bin, md5: '45', size: 7}]}}")
    (tmp_path / "sub" / "deep" / "b.bin.dvc").write_text("outs: [{path: b.bin, md5: '67'}]")
    (tmp_path / "sub" / "empty.dvc").write_text("")
    for own in (".git", ".dvc"):
        (tmp_path / own).mkdir()
        (tmp_path / own / "dvc.lock").write_text("no: {yaml")
    assert outputs(tmp_path) == {
        "rows": Output("0123.dir", 30),
        "table": Output("", None),
        "sub/a.bin": Output("45", 7),
        "sub/deep/b.bin": Output("67", None),
    }
    prepare, copy = stages(tmp_path)
    assert (prepare.name, dict(prepare.parameters)) == ("prepare", {"data.end": "2013-03-01", "train": {"steps": 8}})
    assert (copy.name, dict(copy.parameters), list(copy.outputs)) == ("sub/copy", {}, ["sub/a.bin"])


DATED = "stages: {a: {params: {params.yaml: {day: 2013-13-45}}}}"


@pytest.mark.parametrize(
    "text",
    [
        "stages: [1]",
        "stages: {a: {outs: [{md5: x}]}}",
        "a: [",
        "stages: {a: {params: 3}}",
        DATED,
        pytest.param("[" * 5000, id="nested"),
    ],
)
def test_lock_of_another_shape(tmp_path: Path, text: str) -> None:
    """A file that DVC did not write is named."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "dvc.lock").write_text(text)
    with pytest.raises(PipelineFailed, match=r"sub/dvc\.lock is not as DVC writes it"):
        outputs(tmp_path)


def test_verification(tmp_path: Path) -> None:
    """The recorded bytes pass; others, a folder, a lost file and what is no output are told apart."""
    md5 = hashlib.md5(b"good", usedforsecurity=False).hexdigest()
    outs = ", ".join(f"{{path: {name}, md5: {md5}}}" for name in ("good", "bad", "lost"))
    (tmp_path / "dvc.lock").write_text(f"stages: {{a: {{outs: [{outs}, {{path: folder, md5: {md5}.dir}}]}}}}")
    (tmp_path / "good").write_bytes(b"good")
    (tmp_path / "bad").write_bytes(b"evil")
    verify(tmp_path, ["good"])
    said = {"bad": f"recorded is {md5}", "lost": "was not made", "folder": "a folder", "other": "not an output"}
    for name, words in said.items():
        with pytest.raises(PipelineFailed, match=rf"{name} (is|has) .*{words}"):
            verify(tmp_path, ["good", name])


def test_pulled_files_are_no_part_of_the_cache(churn: ModelRepository, tmp_path: Path) -> None:
    """A stage that writes in place changes its own copy; the cache's folder may have any name."""
    cache = tmp_path / "a cache, #1"
    checkout = check_out(churn.origin, churn.champion, tmp_path / "checkout")
    pull(checkout, ["model.json"], cache=cache)
    verify(checkout, ["model.json"])
    assert set(json.loads((checkout / "model.json").read_text())) == {"base", "age", "spend"}
    [stored] = [file for file in cache.rglob("*") if file.is_file()]
    before = stored.read_bytes()
    (checkout / "model.json").chmod(0o644)
    with (checkout / "model.json").open("r+") as file:
        file.write("in place")
    assert stored.read_bytes() == before
    assert not (checkout / "reference.parquet").exists()
    assert run("git", "status", "--porcelain", cwd=checkout) == ""
