"""What a real Airflow of these tests runs: the project's own DAGs and plugins, on monitors of the test."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.airflow_home import ROOT
from tests.dvc_pipeline import ModelRepository, copy_repository
from tests.retraining_world import World


@dataclass(frozen=True)
class Project:
    """A project's folder, and that of its monitors."""

    folder: Path
    monitors: Path


def project_in(folder: Path) -> Project:
    """A project without monitors."""
    for part in ("dags", "plugins"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    monitors = folder / "include" / "monitors"
    monitors.mkdir(parents=True)
    return Project(folder, monitors)


def watch_churn(project: Project, template: ModelRepository, section: str) -> ModelRepository:
    """Have the project watch a model whose challenger will be better; `section` stands for its `retraining:`."""
    beside = project.folder.parent / "repository"
    beside.mkdir()
    repository = copy_repository(template, beside)
    world = World(project.monitors, repository)
    world.configure("retraining:\n", section)
    world.tell_story(learnt=-1.5, lived=-1.5)
    return repository
