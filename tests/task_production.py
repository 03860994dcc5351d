"""Production of a multiclass and of a regression model with labels that come late, for tests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monitoring_tasks.monitor import Monitor
from monitoring_tasks.monitor_file import load_monitor

FIRST_DAY = date(2013, 3, 1)
CLASSES = ("air", "road", "sea")
YAML = """\
name: freight
owner: logistics
task: {task}
source: {{kind: parquet, path: predictions, partition: day}}
reference: {{kind: file, path: reference.parquet}}
timestamp: at
prediction: predicted
id: id
label: {label}
labels: {{source: {{path: labels, partition: day}}, timestamp: told_at, column: {label}, delay: 1d}}
start: 2013-03-01
minimum_rows: 200
alarms: {{joint: false}}
segments: [port]
segment_rows: 100
performance: {performance}
"""
PROBABILITIES = "{probabilities: {air: p_air, road: p_road, sea: p_sea}}"


def rows(task: str, day: date, *, count: int = 500, worse: float = 0.0, numbers: bool = False) -> dict[str, Any]:
    """Columns of one day; a share `worse` of the labels has nothing to do with the prediction. `numbers`: 0, 1, 2."""
    random = np.random.default_rng([day.toordinal(), count])
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    at = [midnight + timedelta(seconds=int(second)) for second in np.sort(random.integers(0, 86_400, count))]
    values = _classes(random, count, worse, numbers) if task == "multiclass" else _numbers(random, count, worse)
    return {
        "id": np.arange(count) + day.toordinal() * 10_000,
        "at": at,
        "weight": random.normal(40, 12, count),
        "port": random.choice(["Genova", "Rotterdam"], count),
        **values,
        "told_at": [
            moment + timedelta(hours=float(late)) for moment, late in zip(at, random.uniform(2, 22, count), strict=True)
        ],
    }


def _classes(random: np.random.Generator, count: int, worse: float, numbers: bool) -> dict[str, Any]:
    probability = random.dirichlet([1.0, 0.7, 0.5], count)
    truth = (random.random(count)[:, None] > probability.cumsum(axis=1)).sum(axis=1).clip(0, 2)
    truth = np.where(random.random(count) < worse, random.integers(0, 3, count), truth)
    names = np.arange(3) if numbers else np.array(CLASSES)
    columns = {f"p_{name}": probability[:, place] for place, name in enumerate(CLASSES)}
    return {"predicted": names[probability.argmax(axis=1)], "outcome": names[truth], **columns}


def _numbers(random: np.random.Generator, count: int, worse: float) -> dict[str, Any]:
    predicted = random.gamma(4.0, 5.0, count)
    truth = predicted + random.normal(0, 3, count) * np.where(random.random(count) < worse, 3, 1)
    return {"predicted": predicted, "outcome": truth}


@dataclass(frozen=True)
class TaskProduction:
    """A folder with a monitor of a task, its reference of forty days, and the days written so far."""

    folder: Path
    task: str
    performance: str = "{}"
    numbers: bool = False

    def __post_init__(self) -> None:
        days = [date(2013, 1, 10) + timedelta(days=number) for number in range(40)]
        whole = [pa.table(rows(self.task, day, count=300, numbers=self.numbers)) for day in days]
        self.write_reference(pa.concat_tables(whole))
        for name in ("predictions", "labels"):
            (self.folder / name).mkdir()
        self.configure(YAML.format(task=self.task, performance=self.performance, label="outcome"))

    @property
    def monitor(self) -> Monitor:
        """The monitor, read from its file."""
        return load_monitor(self.folder / "freight.yaml")

    @property
    def yaml(self) -> str:
        """The monitor's YAML."""
        return (self.folder / "freight.yaml").read_text()

    def configure(self, yaml: str) -> None:
        """Write the monitor's YAML."""
        (self.folder / "freight.yaml").write_text(yaml)

    def write_reference(self, table: pa.Table) -> None:
        """Write the champion's reference."""
        pq.write_table(table, self.folder / "reference.parquet")

    def table(self, day: date, **more: Any) -> pa.Table:
        """One day's rows; further arguments are of `rows`."""
        return pa.table(rows(self.task, day, numbers=self.numbers, **more))

    def write(self, table: pa.Table, *, part: str = "0") -> None:
        """Write rows of one day: predictions, and labels by the day on which they became known."""
        self._write("predictions", table.drop_columns(["outcome", "told_at"]), "at", part)
        self._write("labels", table.select(["id", "outcome", "told_at"]), "told_at", part)

    def write_days(self, first: date, count: int, **more: Any) -> None:
        """Write several days in a row."""
        for number in range(count):
            self.write(self.table(first + timedelta(days=number), **more), part=str(number))

    def _write(self, log: str, table: pa.Table, moment: str, part: str) -> None:
        days = [each.date() for each in table[moment].to_pylist()]
        for day in sorted(set(days)):
            target = self.folder / log / f"day={day:%Y-%m-%d}"
            target.mkdir(exist_ok=True)
            own = table.filter(pa.array([each == day for each in days]))
            pq.write_table(own, target / f"part-{part}-{len(list(target.iterdir()))}.parquet")
