"""The champion: a pipeline of `include/pipelines` as a git and DVC repository, trained by its parameters and tagged."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from monitoring_tasks.errors import MonitoringError, ReferenceInvalid
from monitoring_tasks.retraining.command import command_environment
from monitoring_tasks.retraining.registry import find_champion

logger = logging.getLogger(__name__)

MODEL = "flight_delay"
FIRST_VERSION = "v1.0.0"
PIPELINES = Path(__file__).parents[1] / "include" / "pipelines"
_WHO = {"NAME": "demonstration", "EMAIL": "demonstration@example.com"}
"""Who commits and tags in git, and by whom a page therefore says that a first champion was assigned."""
_OUTPUTS = ("__pycache__", ".dvc", "dvc.lock", "*.json", "*.parquet", "*.skops")
_DVC_CONFIG = """\
[core]
    analytics = false
    check_update = false
    remote = storage
['remote "storage"']
    url = {remote}
"""


class DemoFailed(MonitoringError):
    """A step of the demonstration did not do what it says."""


def make_champion(work: Path, model: str = MODEL) -> Path:
    """The bare git repository `work/<model>.git` whose tags name the champion; made when it is not there.

    Its DVC remote is `work/dvc-remote`, and `work/<model>` the tree it was trained in. A repository that has a champion
    is left as it is; one that a stopped run left without is made again from nothing.
    """
    work.mkdir(parents=True, exist_ok=True)
    origin = repository(work, model)
    if not _has_champion(origin, model):
        _train(work.absolute(), origin, model)
    return origin


def first_tags(model: str = MODEL) -> tuple[str, str]:
    """The tags that name a first champion: its version, and its place."""
    return f"{model}@{FIRST_VERSION}", f"{model}#champion#1"


def repository(work: Path, model: str = MODEL) -> Path:
    """Where a champion's repository is in a work folder."""
    return work.absolute() / f"{model}.git"


def run(argv: Sequence[str], *, folder: Path) -> str:
    """Run a command in `folder`, log its lines as they come, and return the last. Raises `DemoFailed`.

    `python` and `dvc` are those of this interpreter's environment; the user's git settings do not apply.
    """
    lines: deque[str] = deque([""], maxlen=5)
    with subprocess.Popen(
        argv,
        cwd=folder,
        env=_environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        for line in filter(None, map(str.strip, process.stdout or ())):
            logger.info("%s: %s", Path(argv[0]).name, line)
            lines.append(line)
    if process.returncode:
        said = "; ".join(filter(None, lines))
        raise DemoFailed(f"{' '.join(argv)} ended with exit code {process.returncode} in {folder}: {said}")
    return lines[-1]


def dvc(*arguments: str, folder: Path) -> str:
    """Run DVC in `folder` and return its last line."""
    return run(["dvc", *arguments], folder=folder)


def git(*arguments: str, folder: Path) -> str:
    """Run git in `folder` and return its last line."""
    return run(["git", *arguments], folder=folder)


def _environment(folder: Path) -> dict[str, str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    who = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in _WHO.items()}
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "PYTHONUNBUFFERED": "1", "PATH": path}
    return command_environment(folder) | who | own


def _has_champion(origin: Path, model: str) -> bool:
    if not origin.exists():
        return False
    try:
        champion = find_champion(str(origin), model)
    except ReferenceInvalid:
        return False
    logger.info("champion.kept version=%s repository=%s", champion.version, origin)
    return True


def _train(work: Path, origin: Path, model: str) -> None:
    tree = _start(work, origin, model)
    _commit(tree, f"Pipeline of {model}")
    dvc("repro", folder=tree)
    dvc("push", folder=tree)
    _verify_pushed(tree)
    _commit(tree, "First champion")
    _publish(tree, model)
    logger.info("champion.made version=%s repository=%s", find_champion(str(origin), model).version, origin)


def _start(work: Path, origin: Path, model: str) -> Path:
    """A fresh work tree with the pipeline's files, an empty origin and an empty DVC remote."""
    tree, remote = work / model, work / "dvc-remote"
    for left in (tree, origin, remote):
        shutil.rmtree(left, ignore_errors=True)
    shutil.copytree(PIPELINES / model, tree, ignore=shutil.ignore_patterns(*_OUTPUTS))
    git("init", "--quiet", "--bare", "--initial-branch=main", str(origin), folder=work)
    git("init", "--quiet", "--initial-branch=main", folder=tree)
    git("remote", "add", "origin", str(origin), folder=tree)
    dvc("init", "--quiet", folder=tree)
    (tree / ".dvc" / "config").write_text(_DVC_CONFIG.format(remote=remote), encoding="utf-8")
    return tree


def _commit(tree: Path, message: str) -> None:
    git("add", "--all", folder=tree)
    git("commit", "--quiet", "--message", message, folder=tree)


def _verify_pushed(tree: Path) -> None:
    # `dvc push` ends well even when objects are missing on both sides; its status does not.
    status = dvc("status", "--cloud", "--json", folder=tree)
    if status != "{}":
        raise DemoFailed(f"the DVC remote lacks what dvc.lock names: {status}")


def _publish(tree: Path, model: str) -> None:
    """The branch and both tags in one push: there is never a champion without its version."""
    metrics = json.loads((tree / "metrics.json").read_text(encoding="utf-8"))
    message = json.dumps({"reason": "first champion", "metrics": metrics}, sort_keys=True)
    for tag in first_tags(model):
        git("tag", "--annotate", tag, "--message", message, folder=tree)
    git(
        "push", "--quiet", "--atomic", "origin", "main", *(f"refs/tags/{tag}" for tag in first_tags(model)), folder=tree
    )
