"""Scoring: one side of the comparison scores raw rows with its own code and model, at its own revision."""

from __future__ import annotations

import logging
import shutil
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from monitoring_tasks.errors import GateInvalid, PipelineFailed
from monitoring_tasks.retraining.checkout import check_out, pull, require_file, verify
from monitoring_tasks.retraining.command import minimal_environment
from monitoring_tasks.retraining.disk import naming_full_disk, require_room
from monitoring_tasks.retraining.runner import run
from monitoring_tasks.retraining_section import INPUT, OUTPUT, Pipeline

log = logging.getLogger(__name__)
Tell = Callable[[str], None]
PREDICTION = "prediction"
_LAST_LINES = 10


@dataclass(frozen=True)
class Side:
    """One of the two that are compared: what it is called, and where its code and its model are."""

    name: str
    repository: str
    revision: str


@dataclass(frozen=True)
class Contest:
    """What both sides have in common: rows without label and prediction, their id column, and how to score them.

    `task` is the model's: binary, multiclass or regression. `cache` is DVC's on this machine.
    """

    rows: pa.Table
    id: str
    task: str
    pipeline: Pipeline
    cache: Path


@dataclass(frozen=True)
class Scored:
    """A side's predictions, one for each row in the rows' order, and what they cost in seconds and bytes of model."""

    predictions: pa.ChunkedArray[Any]
    seconds: float
    model_bytes: int


def score(side: Side, contest: Contest, *, workspace: Path, tell: Tell) -> Scored:
    """Let one side score the rows by the pipeline's `score` command.

    The command runs without a shell in a fresh checkout with the verified model, and sees no more of this process's
    environment than a training does. `workspace` is a folder of this side's own. Raises `PipelineFailed` naming the
    side when its code fails, `GateInvalid` when its predictions are not one for each row, `PipelineUnavailable` when
    repository, remote or disk is the cause.
    """
    workspace.mkdir(parents=True, exist_ok=True)
    with naming_full_disk((workspace, contest.cache)):
        require_room((workspace,))
        folder = Path(mkdtemp(prefix="scoring-", dir=workspace)).absolute()
        model = _checkout(side, contest, folder)
        pq.write_table(contest.rows, folder / "rows.parquet")
        seconds = _run(side, contest, folder, tell)
        found = _read(side, folder / "predictions.parquet")
        size = model.stat().st_size
        shutil.rmtree(folder, ignore_errors=True)
    log.info("scored side=%s revision=%s rows=%d seconds=%.1f", side.name, side.revision, found.num_rows, seconds)
    return Scored(matched(contest, found, side=side.name), seconds, size)


def _checkout(side: Side, contest: Contest, folder: Path) -> Path:
    """The verified model in a checkout of the side's revision."""
    checkout = check_out(side.repository, side.revision, folder / "repository")
    path = contest.pipeline.model
    require_file(checkout, path)
    pull(checkout, [path], cache=contest.cache)
    verify(checkout, [path])
    return checkout / path


def _run(side: Side, contest: Contest, folder: Path, tell: Tell) -> float:
    pipeline, last = contest.pipeline, deque[str](maxlen=_LAST_LINES)

    def follow(line: str) -> None:
        last.append(line)
        tell(f"{side.name}: {line}")

    places = {INPUT: str(folder / "rows.parquet"), OUTPUT: str(folder / "predictions.parquet")}
    started = time.monotonic()
    code = run(
        [_filled(word, places) for word in pipeline.score],
        folder=folder / "repository",
        environment=minimal_environment(pipeline.environment, folder=folder, programs=pipeline.programs),
        seconds=pipeline.timeout.total_seconds(),
        tell=follow,
    )
    if code:
        said = "\n".join(last)
        raise PipelineFailed(f"the {side.name}'s score command ended with exit code {code} at {side.revision}: {said}")
    return time.monotonic() - started


def _filled(word: str, places: dict[str, str]) -> str:
    for place, path in places.items():
        word = word.replace(place, path)
    return word


def _read(side: Side, file: Path) -> pa.Table:
    if not file.is_file():
        raise GateInvalid(f"the {side.name}'s score command wrote no file where {OUTPUT} stood: it must write parquet")
    try:
        return pq.ParquetFile(file).read()
    except (pa.ArrowException, OSError) as error:
        raise GateInvalid(f"what the {side.name}'s score command wrote is no parquet file: {error}") from error


def matched(contest: Contest, predictions: pa.Table, *, side: str) -> pa.ChunkedArray[Any]:
    """The predictions in the order of the contest's rows.

    Raises `GateInvalid` unless there is exactly one for each row, none missing or infinite, and for a binary model all
    within [0, 1].
    """
    for name in (contest.id, PREDICTION):
        if name not in predictions.column_names:
            raise GateInvalid(
                f"the {side}'s predictions have columns {', '.join(predictions.column_names) or 'none'}: "
                f"the score command must write {contest.id} and {PREDICTION}"
            )
    places = _places(contest, predictions[contest.id], side)
    found = predictions[PREDICTION].take(places)
    _check(found, contest.task, side)
    return found


def _places(contest: Contest, ids: pa.ChunkedArray[Any], side: str) -> pa.Array[Any]:
    """Where the prediction of each row stands."""
    wanted = contest.rows[contest.id]
    if ids.type != wanted.type:
        try:
            ids = ids.cast(wanted.type)
        except pa.ArrowException as error:
            raise GateInvalid(
                f"the {side} writes {contest.id} as {ids.type}, the rows have {wanted.type}: write it as it came"
            ) from error
    if len(ids) != len(wanted) or pc.count_distinct(ids).as_py() != len(ids):
        raise GateInvalid(
            f"the {side} wrote {len(ids)} predictions of {pc.count_distinct(ids).as_py()} ids for {len(wanted)} rows: "
            "exactly one for each row is needed"
        )
    places = pc.index_in(wanted.combine_chunks(), value_set=ids.combine_chunks())
    if places.null_count:
        example = wanted.combine_chunks().filter(pc.is_null(places))[0].as_py()
        raise GateInvalid(f"the {side} wrote no prediction for {places.null_count} rows, such as {example!r}")
    return places


def _check(found: pa.ChunkedArray[Any], task: str, side: str) -> None:
    if found.null_count:
        raise GateInvalid(f"{found.null_count} of the {side}'s {len(found)} predictions are missing")
    if task == "multiclass":
        return
    if not (pa.types.is_floating(found.type) or pa.types.is_integer(found.type)):
        raise GateInvalid(f"the {side}'s predictions are {found.type}: a {task} model predicts numbers")
    numbers = found.cast(pa.float64())
    finite = numbers.filter(pc.is_finite(numbers))
    if len(finite) < len(found):
        raise GateInvalid(f"{len(found) - len(finite)} of the {side}'s {len(found)} predictions are NaN or infinite")
    if task == "binary" and (pc.min(numbers).as_py() < 0 or pc.max(numbers).as_py() > 1):
        raise GateInvalid(
            f"the {side}'s predictions reach from {pc.min(numbers).as_py()} to {pc.max(numbers).as_py()}: those of a "
            "binary model are probabilities, within [0, 1]"
        )
