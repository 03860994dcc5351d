"""The tasks of a retraining between its admission and a person's answer: train, score, judge."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from monitoring_tasks.errors import GateInvalid
from monitoring_tasks.kept import dump_table, keep_script, load_table, required, script_href
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.retraining.cache_lock import shared
from monitoring_tasks.retraining.gate import Cost, GateData, judge
from monitoring_tasks.retraining.names import comparison_key, retraining_branch
from monitoring_tasks.retraining.parameters import moment_text
from monitoring_tasks.retraining.pipeline import TrainingPlan, train
from monitoring_tasks.retraining.scoring import Contest, Scored, Side, score
from monitoring_tasks.retraining_task import (
    advance,
    allowed_source,
    artifact_paths,
    cache_of,
    folder_of,
    record_of,
    retraining_of,
    workspace_of,
)
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.window import Window

log = logging.getLogger(__name__)
Json = dict[str, Any]
Tell = Callable[[str], None]
LABEL = "label"
SIDES = ("champion", "challenger")


def train_challenger(monitor: Monitor, runtime: Runtime, task: Json, *, tell: Tell) -> Json:
    """Train a challenger by the model's own pipeline; `challenger` is its revision, None when the rows made no change.

    A task that names a challenger already only takes it over. `tell` receives the pipeline's lines as they come.
    """
    if task["challenger"]:
        advance(runtime, task, "published")
        return {"challenger": task["challenger"]}
    plan, cache = _plan(monitor, runtime, task), cache_of(runtime)
    with shared(cache):
        made = train(plan, workspace=workspace_of(runtime, task) / "train", cache=cache, tell=tell)
    if made is None:
        text = "the pipeline made nothing new of these rows: the champion stays"
        advance(runtime, task, "no_new_data", outcome=text)
        return {"challenger": None}
    advance(runtime, task, "published", challenger=made.revision, branch=made.branch)
    return {"challenger": made.revision}


def _plan(monitor: Monitor, runtime: Runtime, task: Json) -> TrainingPlan:
    pipeline, record = retraining_of(monitor).pipeline, record_of(runtime, task)
    return TrainingPlan(
        repository=allowed_source(monitor)[0],
        base=task["base"],
        branch=retraining_branch(monitor.name, task["run"]),
        parameters=_parameters(monitor, task),
        files=artifact_paths(monitor),
        environment=pipeline.environment,
        programs=pipeline.programs,
        seconds=pipeline.timeout.total_seconds(),
        message=f"Retrain {monitor.name} on {task['training']['start']} to {task['training']['end']}",
        moment=record.requested_at,
    )


def _parameters(monitor: Monitor, task: Json) -> dict[str, str]:
    keys, training = retraining_of(monitor).pipeline.parameters, Window.from_json(task["training"])
    values = {keys.start: moment_text(training.start), keys.end: moment_text(training.end)}
    return {key: value for key, value in {**values, keys.snapshot: task["snapshot"]}.items() if key}


def score_both(monitor: Monitor, runtime: Runtime, task: Json, challenger: str, *, tell: Tell) -> Json:
    """Let champion and challenger score the pinned rows, each by its own code; known scores are not made again."""
    revisions = {"champion": task["champion"]["revision"], "challenger": challenger}
    rows = hashlib.sha256(required(runtime.artifacts, f"{folder_of(task)}/rows.parquet")).hexdigest()[:16]
    about = {"revisions": revisions, "rows": rows, "segments": list(retraining_of(monitor).gate.segments)}
    known = runtime.artifacts.read(f"{folder_of(task)}/scored.json")
    if known is None or json.loads(known)["about"] != about:
        known = _scored_anew(monitor, runtime, task, about, tell)
    advance(runtime, task, "scored")
    costs = json.loads(known)["costs"]
    return {"challenger": challenger, "seconds": {side: round(costs[side][0], 1) for side in SIDES}}


def _scored_anew(monitor: Monitor, runtime: Runtime, task: Json, about: Json, tell: Tell) -> bytes:
    folder, workspace = folder_of(task), workspace_of(runtime, task)
    rows = load_table(required(runtime.artifacts, f"{folder}/rows.parquet"))
    segments = _segments(monitor, rows)
    contest = _contest(monitor, runtime, rows)
    repository, scored = allowed_source(monitor)[0], {}
    with shared(contest.cache):
        for name, revision in about["revisions"].items():
            scored[name] = score(Side(name, repository, revision), contest, workspace=workspace / name, tell=tell)
    scores = dump_table(_scores(monitor, rows, segments, scored))
    runtime.artifacts.write(f"{folder}/scores.parquet", scores)
    costs = {name: [found.seconds, found.model_bytes] for name, found in scored.items()}
    known = json.dumps({"about": about, "costs": costs}, sort_keys=True).encode()
    # Written last: it says that the scores are there, whose they are, and of which rows.
    runtime.artifacts.write(f"{folder}/scored.json", known)
    return known


def _contest(monitor: Monitor, runtime: Runtime, rows: pa.Table) -> Contest:
    pipeline = retraining_of(monitor).pipeline
    return Contest(rows.drop_columns([LABEL]), str(monitor.id), monitor.task, pipeline, cache_of(runtime))


def _scores(monitor: Monitor, rows: pa.Table, segments: Sequence[str], scored: Mapping[str, Scored]) -> pa.Table:
    """The rows with what the gate reads: time, label, segments, and the prediction of each side."""
    kept = [str(monitor.id), monitor.timestamp, *segments, LABEL]
    table = rows.select(list(dict.fromkeys(kept)))
    for side in SIDES:
        table = table.append_column(f"{side} prediction", scored[side].predictions)
    return table


def _segments(monitor: Monitor, rows: pa.Table) -> list[str]:
    segments = retraining_of(monitor).gate.segments
    missing = [name for name in segments if name not in rows.column_names]
    if missing:
        raise GateInvalid(
            f"segment column {missing[0]!r} is not in the production rows: retraining.gate.segments may name "
            f"{', '.join(rows.column_names)}"
        )
    return list(segments)


def judge_challenger(monitor: Monitor, runtime: Runtime, task: Json, scored: Json) -> Json:
    """The gate's verdict on the stored scores; kept with everything it rests on, and as a comparison report."""
    folder = folder_of(task)
    content = required(runtime.artifacts, f"{folder}/scores.parquet")
    table = load_table(content)
    costs = json.loads(required(runtime.artifacts, f"{folder}/scored.json"))["costs"]
    data, (mine, theirs) = gate_data(monitor, table), (Cost(*costs[side]) for side in SIDES)
    found = judge(data, retraining_of(monitor).gate, task=monitor.task, champion_cost=mine, challenger_cost=theirs)
    verdict = {**found.to_json(), **_about(task, scored, content)}
    written = json.dumps(verdict, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    runtime.artifacts.write(f"{folder}/verdict.json", written)
    _report(monitor, runtime, task, verdict, data)
    short = {name: verdict[name] for name in ("decision", "reasons", "primary", "guardrails", "counts", "needed_rows")}
    short |= {"hash": hashlib.sha256(written).hexdigest()[:16]}
    advance(runtime, task, "judged", verdict=short)
    log.info("gate.judged decision=%s\n%s", found.decision, "\n".join(found.reasons))
    return {"challenger": scored["challenger"], **short}


def _about(task: Json, scored: Json, content: bytes) -> Json:
    kept = {name: task[name] for name in ("monitor", "run", "champion", "training", "evaluation", "snapshot")}
    hashes = {"scores": hashlib.sha256(content).hexdigest()[:16]}
    return {**kept, "challenger": scored["challenger"], "hashes": hashes, "code_version": version("monitoring-tasks")}


def gate_data(monitor: Monitor, table: pa.Table) -> GateData:
    """The gate's arrays from the table of scores; days are UTC days."""
    seconds = table[monitor.timestamp].cast(pa.timestamp("s", tz="UTC"), safe=False).cast(pa.int64())
    segments = retraining_of(monitor).gate.segments
    return GateData(
        label=_outcomes(table[LABEL], monitor.task),
        champion=_outcomes(table["champion prediction"], monitor.task),
        challenger=_outcomes(table["challenger prediction"], monitor.task),
        day=np.asarray(seconds.to_numpy()) // 86_400,
        segments={name: _words(table[name], f"values of segment {name}") for name in segments},
    )


def _outcomes(column: pa.ChunkedArray[Any], task: str) -> npt.NDArray[Any]:
    """Numbers, or for a multiclass model the names of classes, which labels and predictions may write as numbers."""
    if task == "multiclass":
        return _words(column, "outcomes")
    return np.asarray(_cast(column, pa.float64(), f"outcomes of a {task} model").to_numpy(), dtype=np.float64)


def _words(column: pa.ChunkedArray[Any], what: str) -> npt.NDArray[Any]:
    return np.asarray(_cast(column, pa.string(), what).to_numpy(), dtype=object)


def _cast(column: pa.ChunkedArray[Any], kind: pa.DataType, what: str) -> pa.ChunkedArray[Any]:
    try:
        return column.cast(kind)
    except pa.ArrowException as error:
        raise GateInvalid(f"{what} are of type {column.type} and cannot be read as {kind}: {error}") from error


def _report(monitor: Monitor, runtime: Runtime, task: Json, verdict: Json, data: GateData) -> None:
    # Evidently takes seconds to import: only the task that writes the report pays.
    from monitoring_tasks import suites

    given = suites.ComparisonInput(
        title=f"{monitor.name}: challenger against champion {task['champion']['version']}",
        verdict=verdict,
        label=data.label,
        champion=data.champion,
        challenger=data.challenger,
        task=monitor.task,
        facts=_facts(task, verdict),
    )
    key = comparison_key(task["monitor"], task["slug"])
    page = suites.comparison_page(given, script_href=script_href(key, suites.SCRIPT_NAME))
    keep_script(runtime.artifacts, suites.SCRIPT_NAME, suites.script)
    runtime.artifacts.write(key, page.encode())


def _facts(task: Json, verdict: Json) -> dict[str, str]:
    champion = task["champion"]
    return {
        "champion": f"{champion['version']} (commit {champion['revision']})",
        "challenger": f"commit {verdict['challenger']}",
        "trained on": f"{task['training']['start']} to {task['training']['end']}",
        "compared on": f"{task['evaluation']['start']} to {task['evaluation']['end']}",
    }
