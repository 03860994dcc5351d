"""Scores that are known, and the arrays that the gate reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from monitoring_tasks.errors import GateInvalid
from monitoring_tasks.kept import dump_table
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.retraining.names import retraining_folder
from monitoring_tasks.retraining.registry import Champion
from monitoring_tasks.retraining.scoring import Contest, Scored, Side
from monitoring_tasks.retraining_task import task_json
from monitoring_tasks.runtime import Runtime, environment_runtime
from monitoring_tasks.store.records import RetrainingRecord
from monitoring_tasks.training_steps import gate_data, score_both
from monitoring_tasks.window import Window
from tests.retraining_world import WINDOW_END, YAML

NOW = datetime(2013, 4, 16, tzinfo=UTC)
MOMENT = datetime(2013, 4, 1, 23, 30, tzinfo=UTC)
FOLDER = retraining_folder("churn", "one")


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    """Store, artifacts and caches of the test's own."""
    opened = environment_runtime({"MONITORING_HOME": str(tmp_path)})
    yield opened
    opened.store.close()


def monitor(folder: Path, old: str = " ", new: str = " ") -> Monitor:
    """The monitor, with one part of its YAML replaced by another."""
    file = folder / "churn.yaml"
    file.write_text(YAML.format(repository="/srv/git/churn").replace(old, new))
    return load_monitor(file)


def rows(*ids: str) -> pa.Table:
    """Rows as the admission keeps them."""
    columns = {"id": list(ids), "at": [MOMENT] * len(ids), "plan": ["basic"] * len(ids), "label": [1.0] * len(ids)}
    return pa.table({**columns, "region": ["north"] * len(ids)})


def test_known_scores_are_those_of_the_same_rows_and_segments(
    tmp_path: Path, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that is cleared from its admission on may have pinned other rows; the old scores are not about them."""
    scored: list[tuple[str, int]] = []

    def score(side: Side, contest: Contest, **_: Any) -> Scored:
        scored.append((side.name, contest.rows.num_rows))
        return Scored(pa.array([0.5] * contest.rows.num_rows), 1.0, 1)

    monkeypatch.setattr("monitoring_tasks.training_steps.score", score)
    day = Window.parse("2013-03-01", "2013-03-02")
    champion = Champion("churn", 1, "a" * 40)
    record = RetrainingRecord(
        monitor="churn",
        run="one",
        origin="manual",
        reason="a test",
        state="published",
        requested_at=NOW,
        window_end=WINDOW_END,
        champion={**asdict(champion), "version": champion.version},
        training=day,
        evaluation=day,
    )
    runtime.store.put_retraining(record)
    task = task_json(record, base="")
    for ids in (("a",), ("a",), ("a", "b")):
        runtime.artifacts.write(f"{FOLDER}/rows.parquet", dump_table(rows(*ids)))
        score_both(monitor(tmp_path), runtime, task, "b" * 40, tell=print)
    assert [count for _, count in scored] == [1, 1, 2, 2]
    score_both(monitor(tmp_path, "segments: [plan]", "segments: [region]"), runtime, task, "b" * 40, tell=print)
    assert len(scored) == 6


def scores(**changes: Any) -> pa.Table:
    """A table of scores of one row, with some columns replaced."""
    plain = {"id": ["a"], "at": [MOMENT], "plan": ["basic"], "label": [True]}
    return pa.table({**plain, "champion prediction": [0.25], "challenger prediction": [0.5], **changes})


def test_the_gate_reads_numbers_and_days(tmp_path: Path) -> None:
    """Truth is one; half past eleven at night in UTC is that day; a missing segment stays missing."""
    data = gate_data(monitor(tmp_path), scores(plan=pa.array([None], pa.string())))
    assert (data.label.tolist(), data.champion.tolist(), data.challenger.tolist()) == ([1.0], [0.25], [0.5])
    assert data.day is not None
    assert data.day.tolist() == [(MOMENT - datetime(1970, 1, 1, tzinfo=UTC)).days]
    assert data.segments["plan"].tolist() == [None]


@pytest.mark.parametrize("column", [{"label": ["yes"]}, {"plan": [["basic"]]}])
def test_what_cannot_be_read_is_said(tmp_path: Path, column: dict[str, Any]) -> None:
    """An outcome in words, a segment that is a list: no retry mends either."""
    with pytest.raises(GateInvalid, match="cannot be read as"):
        gate_data(monitor(tmp_path), scores(**column))
