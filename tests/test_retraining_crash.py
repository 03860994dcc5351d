"""A retraining whose process is killed after any of its steps, and run again, ends like one that never was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from monitoring_tasks.retraining.history import history
from monitoring_tasks.retraining.names import retraining_folder
from monitoring_tasks.runtime import environment_runtime
from tests.dvc_pipeline import MODEL, ModelRepository, churn_template, copy_repository
from tests.retraining_process import RUN, STEPS
from tests.retraining_world import World

__all__ = ["churn_template"]
pytestmark = [pytest.mark.xdist_group("crash"), pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Attempt:
    """A retraining in a world of its own."""

    root: Path
    world: World

    def run(self, last: str = "") -> subprocess.CompletedProcess[str]:
        """Run what is left of it in a process; with `last`, one that is killed after that step."""
        files = [str(self.world.folder / "churn.yaml"), str(self.root / "results.json")]
        command = [sys.executable, "-m", "tests.retraining_process", *files, last]
        environment = {**os.environ, "MONITORING_HOME": str(self.root), "CHURN_DATA": str(self.world.repository.data)}
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300
        )

    def results(self) -> dict[str, Any]:
        """What the steps returned."""
        return dict(json.loads((self.root / "results.json").read_text()))

    def verdict(self) -> dict[str, Any]:
        """The stored verdict without what was measured with a clock."""
        with environment_runtime({"MONITORING_HOME": str(self.root)}).store as store:
            assert store.retrainings(MODEL)[0].state == "promoted"
        kept = self.root / "monitoring" / "artifacts" / retraining_folder(MODEL, RUN) / "verdict.json"
        verdict = dict(json.loads(kept.read_bytes()))
        verdict["guardrails"] = [rail for rail in verdict["guardrails"] if rail["name"] != "latency"]
        return verdict


@pytest.fixture(scope="module")
def begin(churn_template: ModelRepository, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Begin a retraining in a world of its own; all worlds hold the same rows, commits and tags."""

    def make(name: str) -> Attempt:
        root = tmp_path_factory.mktemp(name)
        (root / "repository").mkdir()
        (root / "monitors").mkdir()
        world = World(root / "monitors", copy_repository(churn_template, root / "repository"))
        world.tell_story(learnt=-1.5, lived=-1.5)
        return Attempt(root, world)

    return make


@pytest.fixture(scope="module")
def whole(begin: Any) -> Attempt:
    """A retraining that nothing happened to."""
    attempt: Attempt = begin("whole")
    done = attempt.run()
    assert done.returncode == 0, done.stderr[-3000:]
    return attempt


def processes_in(folder: Path) -> list[str]:
    """Command lines of processes that work in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink().is_relative_to(folder):
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:  # it ended while it was looked at
            continue
    return found


def test_a_retraining_killed_after_each_step_goes_on(begin: Any, whole: Attempt) -> None:
    """Killed once after every step: same challenger, same verdict, one promotion, no process, no tag half written."""
    attempt = begin("killed")
    for step in STEPS:
        assert attempt.run(step).returncode == -signal.SIGKILL, step
    done = attempt.run()
    assert done.returncode == 0, done.stderr[-3000:]
    assert attempt.results()["train"] == whole.results()["train"]
    assert attempt.verdict() == whole.verdict()
    assert [assigned.number for assigned in history(attempt.world.repository.origin, MODEL)] == [2, 1]
    tags = set(attempt.world.repository.git("tag").split())
    assert tags == {"churn@v1.0.0", "churn#champion#1", "churn@v1.1.0", "churn#champion#2"}
    assert processes_in(attempt.root) == []
