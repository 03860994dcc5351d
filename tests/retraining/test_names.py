"""Names made from run ids: safe in paths and in git, and never shared."""

from __future__ import annotations

import subprocess
from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_tasks.retraining.names import (
    LONGEST,
    comparison_key,
    is_slug,
    retraining_branch,
    retraining_folder,
    run_slug,
)
from monitoring_tasks.store.artifacts import check_key

RUNS = [
    "manual__2013-07-01T06:00:00+00:00",
    "", ".", "..", "-", "--upload-pack=touch PWNED", "../../etc/passwd", "a..b", "x.lock", "x.", "@{u}", "a\0b\n",
    "2026-01-01; touch PWNED", "東京", "." * 200, "a" * 300, "retrain/../main", f"{'a' * 79}..",
]  # fmt: skip


def git_takes(branch: str) -> bool:
    """Whether git takes the name for a branch."""
    done = subprocess.run(["git", "check-ref-format", "--branch", branch], capture_output=True, check=False)
    return done.returncode == 0


def assert_safe(run: str) -> None:
    """The slug is one part of a path, and its branch a branch."""
    slug = run_slug(run)
    assert is_slug(slug)
    assert len(slug) <= LONGEST + 9
    assert PurePosixPath(slug).parts == (slug,)
    assert not slug.endswith((".", ".lock"))
    check_key(comparison_key("churn", slug))
    assert comparison_key("churn", slug).startswith(f"{retraining_folder('churn', run)}/")


@pytest.mark.parametrize("run", RUNS)
def test_git_takes_every_branch(run: str) -> None:
    """Whatever a run is called, its branch is a name that git allows."""
    assert_safe(run)
    assert git_takes(retraining_branch("churn", run))


@settings(max_examples=60)
@given(st.text(st.sampled_from("abZ019_.-/@{}~^:?*[\\ \n\x7f\u6771"), max_size=100))
def test_git_takes_any_branch(run: str) -> None:
    """Every mixture of the characters that mean something to git or to a path gives an allowed name."""
    assert_safe(run)
    assert git_takes(retraining_branch("churn", run))


@given(st.text(), st.text())
def test_runs_share_no_slug(one: str, other: str) -> None:
    """Two ids have two slugs; one id always has the same."""
    assert_safe(one)
    assert (run_slug(one) == run_slug(other)) == (one == other)


def test_alike_runs_share_no_slug() -> None:
    """Ids that differ in a replaced character only, or far behind, are told apart."""
    runs = ["a:b", "a b", "a-b", *(f"{'x' * 200}{end}" for end in "ab")]
    assert len({run_slug(run) for run in runs}) == len(runs)


@pytest.mark.parametrize(
    "text",
    ["", "..", "../3-0a1b2c3d", "a/b-0a1b2c3d", "-a-0a1b2c3d", ".a-0a1b2c3d", "a..b-0a1b2c3d", "a-0a1b2c3",
     "a-0A1B2C3D", "a-0a1b2c3d\n", "a\0-0a1b2c3d", f"{'a' * 81}-0a1b2c3d", "é-0a1b2c3d"],
)  # fmt: skip
def test_what_is_no_slug(text: str) -> None:
    """Nothing that `run_slug` could not have made passes."""
    assert not is_slug(text)


def test_two_monitors_of_one_repository_share_no_branch() -> None:
    """Schedules give their runs the same ids."""
    run = "scheduled__2026-11-22T00:00:00+00:00"
    assert retraining_branch("churn", run) != retraining_branch("fraud", run)
