"""Training: a model's own DVC pipeline makes a challenger, whose files and commit are then published.

Every step asks what is there already, so a training that was killed is simply called again: its branch on origin is its
result; else the cache's record of runs makes DVC skip the stages that ended.
"""

from __future__ import annotations

import logging
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp

from monitoring_tasks.errors import PipelineFailed, PipelineUnavailable
from monitoring_tasks.redaction import redact
from monitoring_tasks.retraining.checkout import (
    Output,
    Stage,
    check_out,
    dvc_command,
    find_commit,
    git,
    keeping_settings,
    outputs,
    pull,
    stages,
    verify,
)
from monitoring_tasks.retraining.command import minimal_environment
from monitoring_tasks.retraining.disk import naming_full_disk, remove_stale, require_room
from monitoring_tasks.retraining.parameters import read_parameter, write_parameters
from monitoring_tasks.retraining.publication import (
    PARAMETERS,
    commit_results,
    is_result,
    occupied,
    push_branch,
    push_files,
)
from monitoring_tasks.retraining.runner import run

log = logging.getLogger(__name__)
Tell = Callable[[str], None]
_LAST_LINES = 10
_ROOM_FACTOR = 3


@dataclass(frozen=True)
class TrainingPlan:
    """What to train, from what, and where the result goes; equal plans end in one and the same commit.

    `base` is the revision that is trained anew, `branch` the new branch of `repository` that holds the result.
    `parameters` are values of dotted keys of `params.yaml`. `files` are the outputs that must come of it, each one
    file. `environment` names variables that the pipeline's code may see, `programs` is the folder put first on its
    PATH (None: this interpreter's). It may take `seconds`. `message` and the aware `moment` are the commit's.
    """

    repository: str
    base: str
    branch: str
    parameters: Mapping[str, str]
    files: tuple[str, ...]
    environment: tuple[str, ...]
    programs: str | None
    seconds: float
    message: str
    moment: datetime


@dataclass(frozen=True)
class Challenger:
    """A published training: its commit, its branch, and the outputs that differ from those of its base."""

    revision: str
    branch: str
    changed: tuple[str, ...]


def train(plan: TrainingPlan, *, workspace: Path, cache: Path, tell: Tell) -> Challenger | None:
    """Run the pipeline at `plan.base` with `plan.parameters` and publish what it made; None when there is no new data.

    No new data: the stages that depend on the parameters made what they had made at the base. `tell` receives the
    pipeline's lines as they come. `workspace` is this training's own, `cache` DVC's, shared by all trainings. Files are
    on the DVC remote, asked afterwards, before the branch is on origin; a branch that is there is never moved.

    Raises `PipelineFailed` with its last lines when the pipeline itself fails, takes too long, does not make `files`,
    or when the branch holds something else; `PipelineUnavailable` when origin, the DVC remote or this machine's disk
    is the cause.
    """
    try:
        workspace.mkdir(parents=True, exist_ok=True)
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PipelineUnavailable(f"no folder for a training: {error}") from error
    with naming_full_disk((workspace, cache)):
        require_room((workspace, cache))
        remove_stale(cache)
        training = _begin(plan, workspace, cache)
        made = _result(training, tell)
        shutil.rmtree(training.folder, ignore_errors=True)
    return made


@dataclass(frozen=True)
class _Training:
    """A training under way: `folder` holds its checkout of commit `base`, whose outputs were `before`."""

    plan: TrainingPlan
    folder: Path
    checkout: Path
    cache: Path
    base: str
    before: Mapping[str, Output]

    def challenger(self, revision: str) -> Challenger:
        """The challenger whose commit is checked out."""
        after = outputs(self.checkout)
        changed = sorted(path for path, output in after.items() if _md5(self.before, path) != output.md5)
        return Challenger(revision, self.plan.branch, tuple(changed))


def _begin(plan: TrainingPlan, workspace: Path, cache: Path) -> _Training:
    """A fresh clone with the parameters written: what a killed training left may still be in the hands of a stage."""
    for left in workspace.glob("training-*"):
        shutil.rmtree(left, ignore_errors=True)
    folder = Path(mkdtemp(prefix="training-", dir=workspace)).absolute()
    checkout = check_out(plan.repository, plan.base, folder / "repository", branch=plan.branch)
    training = _Training(plan, folder, checkout, cache, git(checkout, "rev-parse", "HEAD"), outputs(checkout))
    log.info("training.cloned repository=%s base=%s", redact(plan.repository), training.base)
    require_room((workspace, cache), _ROOM_FACTOR * sum(output.size or 0 for output in training.before.values()))
    former = write_parameters(checkout / PARAMETERS, plan.parameters)
    for key, value in plan.parameters.items():
        log.info("training.parameter key=%s value=%s former=%s", key, value, former[key])
    return training


def _result(training: _Training, tell: Tell) -> Challenger | None:
    if found := find_commit(training.checkout, f"refs/remotes/origin/{training.plan.branch}"):
        return _adopted(training, found)
    _reproduce(training, tell)
    if not _has_new_data(training):
        log.info("training.no_new_data base=%s", training.base)
        return None
    verify(training.checkout, training.plan.files)
    log.info("training.verified files=%s", ",".join(training.plan.files))
    return training.challenger(_publish(training))


def _publish(training: _Training) -> str:
    """Files first: a branch on origin promises that its files can be had."""
    plan, checkout = training.plan, training.checkout
    push_files(checkout)
    log.info("training.pushed")
    revision = commit_results(checkout, message=plan.message, moment=plan.moment)
    log.info("training.committed revision=%s", revision)
    revision = push_branch(checkout, plan.repository, plan.branch)
    log.info("training.published branch=%s revision=%s", plan.branch, revision)
    return revision


def _adopted(training: _Training, found: str) -> Challenger:
    """The challenger that an earlier try of this plan published."""
    checkout, plan = training.checkout, training.plan
    written = (checkout / PARAMETERS).read_text(encoding="utf-8")
    git(checkout, "checkout", "--quiet", "--force", "--detach", found, "--")
    known = {*training.before, *outputs(checkout)}
    names = git(checkout, "diff", "--name-only", "-z", training.base, found).split("\0")
    foreign = [name for name in names if name and not is_result(name, known)]
    same = (checkout / PARAMETERS).read_text(encoding="utf-8") == written
    if foreign or not same or find_commit(checkout, f"{found}^") != training.base:
        asked = f"a training of {training.base} with this run's parameters"
        raise PipelineFailed(occupied(plan.repository, plan.branch, found, asked))
    log.info("training.found branch=%s revision=%s", plan.branch, found)
    return training.challenger(found)


def _reproduce(training: _Training, tell: Tell) -> None:
    """Run the stages. All data comes first: the remote's credentials are not for the pipeline's code."""
    plan, checkout = training.plan, training.checkout
    pull(checkout, (), cache=training.cache)
    log.info("training.pulled")
    own = minimal_environment(plan.environment, folder=training.folder, programs=plan.programs)
    last: deque[str] = deque(maxlen=_LAST_LINES)

    def follow(line: str) -> None:
        last.append(line)
        tell(line)

    # The site folder of the pull knows the files' hashes already.
    environment = own | {"DVC_SITE_CACHE_DIR": str(checkout / ".dvc" / "site")}
    with keeping_settings(checkout):
        code = run(dvc_command("repro"), folder=checkout, environment=environment, seconds=plan.seconds, tell=follow)
    if code:
        raise PipelineFailed(f"the pipeline ended with an error (dvc repro: exit code {code}): " + "\n".join(last))
    log.info("training.reproduced")


def _has_new_data(training: _Training) -> bool:
    """Whether the stages that depend on the parameters made something else than at the base."""
    keys, text = training.plan.parameters, (training.checkout / PARAMETERS).read_text(encoding="utf-8")
    reading = [stage for stage in stages(training.checkout) if _depends(stage, keys, text)]
    if not reading:
        raise PipelineFailed(
            f"no stage of dvc.yaml depends on {', '.join(keys)}: list them as params of the stage that reads the data"
        )
    made = {path: output.md5 for stage in reading for path, output in stage.outputs.items()}
    return any(_md5(training.before, path) != md5 for path, md5 in made.items())


def _depends(stage: Stage, keys: Iterable[str], text: str) -> bool:
    """Whether a stage ran on what is written now; the lock keeps old values of keys that it depends on no more."""
    read = [own for own in stage.parameters if any(key == own or key.startswith(f"{own}.") for key in keys)]
    return any(stage.parameters[own] == read_parameter(text, own) for own in read)


def _md5(known: Mapping[str, Output], path: str) -> str | None:
    return known[path].md5 if path in known else None
