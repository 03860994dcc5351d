"""An hourly monitor of a model that answers: a reference of two weeks, and hours written as a test wants them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monitoring_tasks.monitor import Monitor
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.window import HOUR, Window

START = datetime(2026, 3, 2, tzinfo=UTC)
REFERENCE_DAYS = 14
YAML = """\
name: answers
owner: support
task: regression
source: {kind: parquet, path: log, partition: hour, partition_format: "%Y-%m-%d-%H"}
reference: {kind: file, path: reference.parquet}
timestamp: at
prediction: words
schedule: "@hourly"
start: 2026-03-02
minimum_rows: 100
alarms: {joint: false, levels: [words, refusal, seconds]}
"""


def answers(start: datetime, *, count: int = 600, refused: float = 0.03, slower: float = 1.0, **more: Any) -> pa.Table:
    """One hour's answers; `longer` moves their number of words by so many standard deviations of its logarithm."""
    random = np.random.default_rng([int(start.timestamp()), more.get("seed", 0)])
    seconds = np.sort(random.uniform(0, 3600, count))
    return pa.table(
        {
            "at": pa.array([start + timedelta(seconds=float(each)) for each in seconds], pa.timestamp("us", "UTC")),
            "words": random.lognormal(5 + 0.6 * more.get("longer", 0.0), 0.6, count).round(),
            "seconds": random.lognormal(0.5, 0.8, count) * slower,
            "refusal": random.permutation(count) < round(refused * count),
            "topic": random.choice(["billing", "login", "other"], count, p=[0.5, 0.3, 0.2]),
        }
    )


@dataclass(frozen=True)
class Hourly:
    """A folder with the monitor, its reference and the hours written so far."""

    folder: Path
    yaml: str = YAML

    def __post_init__(self) -> None:
        first = START - timedelta(days=REFERENCE_DAYS)
        hours = [answers(first + HOUR * number, count=200) for number in range(24 * REFERENCE_DAYS)]
        pq.write_table(pa.concat_tables(hours), self.folder / "reference.parquet")
        self.configure(self.yaml)

    def configure(self, yaml: str) -> None:
        """Write the monitor's YAML."""
        (self.folder / "answers.yaml").write_text(yaml)

    @property
    def monitor(self) -> Monitor:
        """The monitor as its file says."""
        return load_monitor(self.folder / "answers.yaml")

    def write(self, hours: range, **more: Any) -> None:
        """Write some hours, counted from the monitor's start."""
        for number in hours:
            self.put(number, answers(START + HOUR * number, **more))

    def put(self, number: int, table: pa.Table) -> None:
        """Write one hour's rows as they are."""
        start = START + HOUR * number
        target = self.folder / "log" / f"hour={start:%Y-%m-%d-%H}"
        target.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, target / "part-0.parquet")

    @staticmethod
    def rewrite(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
        """Write a file's rows as they are after a change."""
        pq.write_table(change(pq.read_table(path)), path)


def hour(number: int) -> Window:
    """The window of one hour, counted from the monitor's start."""
    return Window(START + HOUR * number, START + HOUR * (number + 1))


def replaced(table: pa.Table, columns: Mapping[str, Any]) -> pa.Table:
    """A table with other values in some columns."""
    for name, values in columns.items():
        table = table.set_column(table.column_names.index(name), name, pa.array(values))
    return table
