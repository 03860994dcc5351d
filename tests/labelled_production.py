"""A small model's production with labels that come late, for tests: a calibrated score, and labels drawn by it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monitoring_tasks.monitor import Monitor
from monitoring_tasks.monitor_file import load_monitor

FIRST_DAY = date(2013, 3, 1)
YAML = """\
name: churn
owner: growth
task: binary
source: {kind: parquet, path: predictions, partition: day}
reference: {kind: file, path: reference.parquet}
timestamp: at
prediction: score
id: id
label: churned
labels: {source: {path: labels, partition: day}, timestamp: told_at, column: churned, delay: 1d}
start: 2013-03-01
minimum_rows: 200
alarms: {joint: false}
segments: [plan]
segment_rows: 100
performance: {latency: milliseconds}
"""


def rows(day: date, *, count: int = 500, flips: float = 0.0, seed: int = 0) -> dict[str, Any]:
    """Columns of one day: predictions, and the labels that are going to be known of them.

    Labels are drawn with the probability that the score says, but for the share `flips`, which are turned round. They
    are known 2 to 22 hours later.
    """
    random = np.random.default_rng([day.toordinal(), seed])
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    seconds = np.sort(random.integers(0, 86_400, count))
    score = random.beta(1.2, 3.0, count)
    label = (random.random(count) < score) ^ (random.random(count) < flips)
    at = [midnight + timedelta(seconds=int(second)) for second in seconds]
    late = random.uniform(2, 22, count)
    return {
        "id": [f"{day:%Y%m%d}-{number}" for number in range(count)],
        "at": at,
        "age": random.normal(40, 12, count),
        "plan": random.choice(["basic", "plus", "pro"], count, p=[0.5, 0.3, 0.2]),
        "score": score,
        "churned": label.astype(np.int8),
        "told_at": [moment + timedelta(hours=float(hours)) for moment, hours in zip(at, late, strict=True)],
        "milliseconds": random.exponential(5.0, count),
    }


@dataclass(frozen=True)
class LabelledProduction:
    """A folder with a monitor, its reference of sixty days, and the days written so far."""

    folder: Path
    yaml: str = YAML
    _files: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        days = [date(2013, 1, 1) + timedelta(days=number) for number in range(59)]
        whole = pa.concat_tables([pa.table(rows(day, count=300)) for day in days])
        pq.write_table(whole.drop_columns(["milliseconds"]), self.folder / "reference.parquet")
        for name in ("predictions", "labels"):
            (self.folder / name).mkdir()
        self.configure(self.yaml)

    @property
    def monitor(self) -> Monitor:
        """The monitor, read from its file."""
        return load_monitor(self.folder / "churn.yaml")

    def configure(self, yaml: str) -> None:
        """Write the monitor's YAML."""
        (self.folder / "churn.yaml").write_text(yaml)

    def write(self, day: date, *, labels: bool = True, **more: Any) -> None:
        """Write one day's predictions, and the labels that will be known of them; further arguments are of `rows`."""
        table = pa.table(rows(day, **more))
        self._write("predictions", day, table.drop_columns(["churned", "told_at"]))
        if labels:
            self.write_labels(table.select(["id", "churned", "told_at"]))

    def write_days(self, first: date, count: int, **more: Any) -> None:
        """Write several days in a row."""
        for number in range(count):
            self.write(first + timedelta(days=number), **more)

    def write_labels(self, table: pa.Table) -> None:
        """Append to the log of labels, by the day on which they became known."""
        days = [moment.date() for moment in table["told_at"].to_pylist()]
        for day in sorted(set(days)):
            self._write("labels", day, table.filter(pa.array([each == day for each in days])))

    def _write(self, log: str, day: date, table: pa.Table) -> None:
        target = self.folder / log / f"day={day:%Y-%m-%d}"
        target.mkdir(exist_ok=True)
        self._files.append(1)
        pq.write_table(table, target / f"part-{len(self._files)}.parquet")
