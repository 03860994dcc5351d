"""A small model's repository for tests: git with a bare origin, a DVC pipeline and its remote, and a champion.

The pipeline's files are in `tests/churn`. Its rows are those of `tests.production` with a label, read from the folder
that the variable CHURN_DATA names: a test adds days there, and a training of a longer window sees them.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.git_repository import commit, run, start
from tests.production import rows

MODEL = "churn"
FILES = ("model.json", "reference.parquet", "importances.json")
TRAINED = (date(2013, 1, 1), date(2013, 3, 1))
"""The champion's training window, from the first day to the first day after."""
_DVC_CONFIG = """\
[core]
    analytics = false
    check_update = false
    remote = storage
['remote "storage"']
    url = {remote}
"""


@dataclass(frozen=True)
class ModelRepository:
    """The repository `origin` whose commit `champion` is tagged churn@v1.0.0 and churn#champion#1.

    `remote` is the folder of its DVC remote, `data` what CHURN_DATA must name in a training.
    """

    root: Path
    remote: Path
    data: Path
    champion: str

    @property
    def origin(self) -> str:
        """The repository's path."""
        return str(self.root / "origin.git")

    def git(self, *argv: str) -> str:
        """Output of git in the bare repository."""
        return run("git", *argv, cwd=self.root / "origin.git")

    def branches(self) -> list[str]:
        """Names of its branches."""
        return self.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split()

    def edit(self, name: str, text: str) -> str:
        """Write a file of the default branch, push, and return the commit; the champion stays."""
        work = self.root / "edited"
        if not work.exists():
            run("git", "clone", "--quiet", self.origin, str(work), cwd=self.root)
        (work / name).write_text(text)
        return commit(work)


def labelled(day: date, *, effect: float = 1.5, **more: Any) -> pa.Table:
    """One day's rows with the column churned: `effect` says how strongly, and in which direction, age acts on it."""
    columns = rows(day, **more)
    chance = 1 / (1 + np.exp(1 - effect * (columns["age"] - 40) / 12))
    random = np.random.default_rng(day.toordinal())
    return pa.table(columns | {"churned": (random.random(len(chance)) < chance).astype(np.int64)})


def write_labelled(folder: Path, first: date, days: int, **more: Any) -> None:
    """Write the labelled rows of several days as daily partitions; further arguments are those of `labelled`."""
    for day in (first + timedelta(days=number) for number in range(days)):
        target = folder / f"day={day:%Y-%m-%d}"
        target.mkdir(parents=True, exist_ok=True)
        pq.write_table(labelled(day, **more), target / "part-0.parquet")


def make_repository(root: Path) -> ModelRepository:
    """The repository, trained on TRAINED and pushed."""
    write_labelled(root / "data", TRAINED[0], (TRAINED[1] - TRAINED[0]).days, count=100)
    files = Path(__file__).parent / "churn"
    champion = make_champion(root, files, MODEL, {"CHURN_DATA": str(root / "data")})
    return ModelRepository(root, root / "remote", root / "data", champion)


def make_champion(
    root: Path,
    files: Path,
    model: str,
    environment: Mapping[str, str],
    *,
    edit: Callable[[Path], object] = lambda _: None,
) -> str:
    """Make `root/origin.git` of the files of a DVC pipeline, run it, and return the champion's commit.

    `edit` may change the files before; the pipeline's outputs are in the DVC remote `root/remote`.
    """
    work = start(root)
    shutil.copytree(files, work, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__*"))
    edit(work)
    (work / ".dvc").mkdir()
    (work / ".dvc" / "config").write_text(_DVC_CONFIG.format(remote=root / "remote"))
    (work / ".dvc" / ".gitignore").write_text("/config.local\n/tmp\n/cache\n/site\n")
    (work / ".dvcignore").touch()
    variables = [f"{name}={value}" for name, value in environment.items()]
    variables.append(f"PATH={Path(sys.executable).parent}:/usr/bin:/bin")
    for command in ("repro", "push"):
        run("env", *variables, sys.executable, "-P", "-m", "dvc", command, "--quiet", cwd=work)
    return commit(work, f"{model}@v1.0.0", f"{model}#champion#1")


def copy_repository(template: ModelRepository, root: Path) -> ModelRepository:
    """A repository of a test's own: same commits and tags, own branches and data; the DVC remote is shared."""
    run("git", "clone", "--quiet", "--mirror", template.origin, "origin.git", cwd=root)
    shutil.copytree(template.data, root / "data")
    return ModelRepository(root, template.remote, root / "data", template.champion)


@pytest.fixture(scope="session")
def churn_template(tmp_path_factory: pytest.TempPathFactory) -> ModelRepository:
    """The repository as first trained; read only."""
    return make_repository(tmp_path_factory.mktemp("churn"))


@pytest.fixture
def churn(churn_template: ModelRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelRepository:
    """A repository of the test's own in `tmp_path / "churn"`; CHURN_DATA names its data."""
    root = tmp_path / "churn"
    root.mkdir()
    copied = copy_repository(churn_template, root)
    monkeypatch.setenv("CHURN_DATA", str(copied.data))
    return copied
