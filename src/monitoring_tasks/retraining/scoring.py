"""Scoring: one side of the comparison scores raw rows with its own code and model, at its own revision."""

from __future__ import annotations

import logging
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from monitoring_tasks.data.labelled import LABEL
from monitoring_tasks.errors import GateInvalid, PipelineFailed
from monitoring_tasks.retraining.checkout import check_out, pull, require_file, verify
from monitoring_tasks.retraining.command import minimal_environment
from monitoring_tasks.retraining.disk import naming_full_disk, require_room
from monitoring_tasks.retraining.predictions import check_predictions
from monitoring_tasks.retraining.runner import run
from monitoring_tasks.retraining_section import INPUT, OUTPUT, Pipeline

log = logging.getLogger(__name__)
Tell = Callable[[str], None]
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

    `task` is the model's: binary, multiclass or regression. `cache` is DVC's on this machine. Raises `GateInvalid` for
    rows with the label.
    """

    rows: pa.Table
    id: str
    task: str
    pipeline: Pipeline
    cache: Path

    def __post_init__(self) -> None:
        if LABEL in self.rows.column_names:
            raise GateInvalid(f"the rows to score hold the column {LABEL}: neither side may see the outcome")


@dataclass(frozen=True)
class Scored:
    """A side's predictions, one for each row in the rows' order, and what they cost in seconds and bytes of model."""

    predictions: pa.Array[Any]
    seconds: float
    model_bytes: int


def score(side: Side, contest: Contest, *, workspace: Path, tell: Tell) -> Scored:
    """Let one side score the rows by the pipeline's `score` command.

    The command runs without a shell in a fresh checkout with the verified model, and sees no more of this process's
    environment than a training does. `workspace` is a folder of this side's own. Raises `PipelineFailed` naming the
    side when its code fails, `GateInvalid` when its predictions are not one for each row, `PipelineUnavailable` when
    repository, remote or disk is the cause.
    """
    for place in (workspace, contest.cache):
        place.mkdir(parents=True, exist_ok=True)
    with naming_full_disk((workspace, contest.cache)), _naming(side):
        require_room((workspace,))
        folder = _folder(workspace)
        size = _checkout(side, contest, folder)
        pq.write_table(contest.rows, folder / "rows.parquet")
        seconds = _run(side, contest, folder, tell)
        written = _read(folder / "predictions.parquet", most=len(contest.rows))
        found = check_predictions(contest.rows, written, id=contest.id, task=contest.task)
        shutil.rmtree(folder, ignore_errors=True)
    log.info("scoring.scored side=%s revision=%s rows=%d seconds=%.1f", side.name, side.revision, len(found), seconds)
    return Scored(found, seconds, size)


@contextmanager
def _naming(side: Side) -> Iterator[None]:
    """Says of an error which side it is about: a champion that cannot score is no win for the challenger."""
    try:
        yield
    except (GateInvalid, PipelineFailed) as error:
        raise type(error)(f"the {side.name} ({side.revision[:8]}): {error}") from error


def _folder(workspace: Path) -> Path:
    """A new folder: what a killed scoring left may still be in the hands of its code."""
    for left in workspace.glob("scoring-*"):
        shutil.rmtree(left, ignore_errors=True)
    return Path(mkdtemp(prefix="scoring-", dir=workspace)).absolute()


def _checkout(side: Side, contest: Contest, folder: Path) -> int:
    """Check out the side's revision with its model, verified; the model's size in bytes."""
    checkout = check_out(side.repository, side.revision, folder / "repository")
    path = contest.pipeline.model
    require_file(checkout, path)
    pull(checkout, [path], cache=contest.cache)
    verify(checkout, [path])
    return (checkout / path).stat().st_size


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
        raise PipelineFailed(f"its score command ended with exit code {code}: " + "\n".join(last))
    return time.monotonic() - started


def _filled(word: str, places: dict[str, str]) -> str:
    for place, path in places.items():
        word = word.replace(place, path)
    return word


def _read(file: Path, *, most: int) -> pa.Table:
    if not file.is_file():
        raise GateInvalid(f"its score command wrote no file where {OUTPUT} stands: it must write parquet there")
    try:
        with pq.ParquetFile(file) as written:
            # Asked before they are read: a small file may hold more rows than this machine's memory.
            if (rows := written.metadata.num_rows) > most:
                raise GateInvalid(f"its score command wrote {rows} rows and was given {most}: one for each is wanted")
            return written.read()
    except (pa.ArrowException, OSError) as error:
        raise GateInvalid(f"its score command wrote something that is no parquet file: {error}") from error
