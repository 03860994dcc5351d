"""What the steps of a retraining share: the monitor's own section, the record in the store, tables among artifacts."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from monitoring_tasks.alerts.telling import put_promotion
from monitoring_tasks.errors import ConfigurationError, SourceInvalid
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.retraining.names import retraining_folder, run_slug
from monitoring_tasks.retraining.registry import Champion
from monitoring_tasks.retraining.repository import allow, allowed_repositories
from monitoring_tasks.retraining_section import DAY, Retraining
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.sections import ChampionReference
from monitoring_tasks.store.records import OPEN_STATES, REPLACED, RetrainingRecord, RetrainingState

log = logging.getLogger(__name__)
Json = dict[str, Any]
WORKSPACES = "workspaces"
"""Folder of the cache in which retrainings work."""
TASK = (
    "monitor",
    "run",
    "origin",
    "reason",
    "champion",
    "training",
    "evaluation",
    "snapshot",
    "challenger",
    "window_end",
)
"""What the tasks of a run know of its record."""


def retraining_of(monitor: Monitor) -> Retraining:
    """The monitor's section `retraining`. Raises `ConfigurationError` when it has none."""
    if monitor.retraining is None:
        raise ConfigurationError(f"monitor {monitor.name} has no section retraining: add one to its YAML")
    return monitor.retraining


def lapse_of(monitor: Monitor) -> timedelta:
    """How long nothing may be heard of an open retraining until it is taken for dead."""
    section = retraining_of(monitor)
    return 3 * section.pipeline.timeout + section.approval.timeout + DAY


def champion_reference(monitor: Monitor) -> ChampionReference:
    """The monitor's reference, which must be of kind champion. Raises `ConfigurationError`."""
    if not isinstance(monitor.reference, ChampionReference):
        raise ConfigurationError(f"monitor {monitor.name} has a reference of kind file: only a champion has versions")
    return monitor.reference


def champion_source(monitor: Monitor) -> tuple[str, str]:
    """Repository and model name of the monitor's champion. Raises `ConfigurationError` for a reference in a file."""
    reference = champion_reference(monitor)
    return monitor.locate(reference.repository), reference.model or monitor.name


def allowed_source(monitor: Monitor) -> tuple[str, str]:
    """`champion_source`, whose code may be run and whose tags may be written. Raises `ConfigurationError` otherwise."""
    repository, model = champion_source(monitor)
    allow(repository, allowed_repositories())
    return repository, model


def artifact_paths(monitor: Monitor) -> tuple[str, ...]:
    """The files that a version must have: reference, importances when they are named, the model of a retrained one."""
    reference = champion_reference(monitor)
    model = monitor.retraining.pipeline.model if monitor.retraining else None
    paths = (model, reference.path, reference.importances)
    return tuple(path for path in paths if path)


def task_json(record: RetrainingRecord, *, base: str) -> Json:
    """What the later steps need of a record, and the revision that is trained from."""
    whole = record.to_json()
    return {"slug": run_slug(record.run), "base": base, **{name: whole[name] for name in TASK}}


def task_of(runtime: Runtime, monitor: Monitor, run: str) -> Json | None:
    """The task of a run by its record alone; None when the store has none."""
    record = runtime.store.retraining(monitor.name, run)
    return task_json(record, base="") if record else None


def record_of(runtime: Runtime, task: Json) -> RetrainingRecord:
    """The task's record. Raises `SourceInvalid` when the store has none, as after it was emptied."""
    record = runtime.store.retraining(task["monitor"], task["run"])
    if record is None:
        raise SourceInvalid(f"the store knows no retraining {task['run']}: clear the run from its first task on")
    return record


def advance(runtime: Runtime, task: Json, state: RetrainingState, **changes: Any) -> RetrainingRecord:
    """Put the task's record into another state; an end state is dated.

    What was said of the state before, and who decided, holds no longer unless it is said again.
    """
    closed = None if state in OPEN_STATES else datetime.now(UTC)
    told = {"outcome": "", "decided_by": None, **changes}
    record = replace(record_of(runtime, task), state=state, closed_at=closed, **told)
    if state in REPLACED:
        put_promotion(runtime.store, record, now=datetime.now(UTC))
    else:
        runtime.store.put_retraining(record)
    log.info("retraining.%s run=%s %s", state, record.run, record.outcome)
    return record


def folder_of(task: Json) -> str:
    """Key of the folder of artifacts of a retraining."""
    return retraining_folder(task["monitor"], task["run"])


def workspace_of(runtime: Runtime, task: Json) -> Path:
    """Folder of this machine that a retraining works in; it may be emptied at any time between two steps."""
    return runtime.cache / WORKSPACES / str(task["monitor"]) / str(task["slug"])


def cache_of(runtime: Runtime) -> Path:
    """DVC's cache on this machine, for all trainings: a repeated one takes finished stages from it."""
    return runtime.cache / "dvc"


def champion_of(task: Json) -> Champion:
    """The champion a task was admitted against."""
    return Champion(**{name: task["champion"][name] for name in ("model", "number", "revision", "tag")})
