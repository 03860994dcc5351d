"""A small model that can be retrained: its production rows, its labels, its repository, and the monitor's YAML."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.dvc_pipeline import ModelRepository, labelled, write_labelled

WINDOW_END = datetime(2013, 4, 15, tzinfo=UTC)
"""Rows up to here: trained on March, compared on the 14 days from 31 March on, labels a day late."""
TRAINING, EVALUATION = date(2013, 3, 1), date(2013, 3, 31)
DAYS_TRAINED, DAYS_COMPARED = 30, 14
YAML = """\
name: churn
owner: growth
task: binary
source: {{path: predictions, partition: day}}
labels:
  source: {{path: labels, partition: day}}
  column: churned
  timestamp: known_at
  delay: 1d
reference: {{kind: champion, repository: {repository}}}
timestamp: at
prediction: score
id: id
label: churned
start: 2013-03-01
minimum_rows: 50
retraining:
  training_window: 30d
  evaluation_window: 14d
  pipeline:
    model: model.json
    score: [python, score.py, "{{input}}", "{{output}}"]
    environment: [CHURN_DATA]
  gate: {{segments: [plan]}}
"""


@dataclass(frozen=True)
class World:
    """A folder with the monitor `churn`; `tell` writes what happened on days, for the logs and for the training."""

    folder: Path
    repository: ModelRepository

    def __post_init__(self) -> None:
        self.configure()

    def configure(self, old: str = "", new: str = "") -> None:
        """Write the monitor's YAML, with one part replaced by another."""
        text = YAML.format(repository=self.repository.origin)
        assert old in text
        (self.folder / "churn.yaml").write_text(text.replace(old, new) if old else text)

    def tell(self, first: date, days: int, *, effect: float, count: int = 100, shift: float = 0.0) -> None:
        """Days on which age acts on churn by `effect` (the champion learnt 1.5); labels come a day later."""
        write_labelled(self.repository.data, first, days, effect=effect, count=count, shift=shift)
        for day in (first + timedelta(days=number) for number in range(days)):
            table = labelled(day, effect=effect, count=count, shift=shift)
            self._log("predictions", day, table.drop_columns(["churned"]))
            morning = datetime(day.year, day.month, day.day, 6, tzinfo=UTC) + timedelta(days=1)
            labels = table.select(["id", "churned"]).append_column("known_at", pa.array([morning] * table.num_rows))
            self._log("labels", morning.date(), labels)

    def tell_story(self, *, learnt: float, lived: float) -> None:
        """March as the training sees it, and the days after as the gate sees them."""
        self.tell(TRAINING, DAYS_TRAINED, effect=learnt)
        self.tell(EVALUATION, DAYS_COMPARED, effect=lived)

    def _log(self, name: str, day: date, table: pa.Table) -> None:
        target = self.folder / name / f"day={day:%Y-%m-%d}"
        target.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, target / "part-0.parquet")
        os.utime(target / "part-0.parquet", (0, 0))  # two worlds with the same rows have the same fingerprint
