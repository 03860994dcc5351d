"""A small model's production for tests: a reference, daily parquet partitions, and the monitor's YAML."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monitoring_tasks.window import Window

FIRST_DAY = date(2013, 3, 1)
YAML = """\
name: churn
owner: growth
task: binary
source: {kind: parquet, path: predictions, partition: day}
reference: {kind: file, path: reference.parquet, importances: importances.json}
timestamp: at
prediction: score
id: id
label: churned
start: 2013-03-01
minimum_rows: 200
alarms: {joint: false}
"""


def day(number: int, days: int = 1) -> Window:
    """The window of `days` days that ends after day `number` of production."""
    end = FIRST_DAY + timedelta(days=number + 1)
    return Window.parse(str(end - timedelta(days=days)), str(end))


def rows(day: date, *, count: int = 1000, shift: float = 0.0, seed: int | None = None) -> dict[str, Any]:
    """Columns of one day's predictions; `shift` moves age and score by so many standard deviations."""
    random = np.random.default_rng(day.toordinal() if seed is None else seed)
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    seconds = np.sort(random.integers(0, 86_400, count))
    age = random.normal(40 + 12 * shift, 12, count)
    return {
        "id": [f"{day:%Y%m%d}-{number}" for number in range(count)],
        "at": [midnight + timedelta(seconds=int(second)) for second in seconds],
        "age": age,
        "spend": np.where(random.random(count) < 0.3, 0.0, random.lognormal(3, 1, count)),
        "plan": random.choice(["basic", "plus", "pro"], count, p=[0.6, 0.3, 0.1]),
        "score": 1 / (1 + np.exp(-(age - 40) / 12 + random.normal(0, 0.5, count))),
    }


@dataclass(frozen=True)
class Production:
    """A folder with a monitor, its reference, and the days written so far."""

    folder: Path
    yaml: str = YAML
    reference_days: int = 30
    _written: list[date] = field(default_factory=list)

    def __post_init__(self) -> None:
        days = [date(2013, 1, 1) + timedelta(days=number) for number in range(self.reference_days)]
        tables = [pa.table(rows(day, count=300)) for day in days]
        reference = pa.concat_tables(tables)
        label = pa.array(np.random.default_rng(0).integers(0, 2, reference.num_rows))
        pq.write_table(reference.append_column("churned", label), self.folder / "reference.parquet")
        (self.folder / "importances.json").write_text('{"age": 0.5, "spend": 0.3, "plan": 0.1}')
        (self.folder / "predictions").mkdir()
        self.configure(self.yaml)

    @property
    def monitor_file(self) -> Path:
        """The monitor's YAML."""
        return self.folder / "churn.yaml"

    def configure(self, yaml: str) -> None:
        """Write the monitor's YAML."""
        self.monitor_file.write_text(yaml)

    def write(self, day: date, **more: Any) -> None:
        """Write one day's predictions; further arguments are those of `rows`, or `columns` to replace some."""
        columns = more.pop("columns", {})
        table = {**rows(day, **more), **columns}
        target = self.folder / "predictions" / f"day={day:%Y-%m-%d}"
        target.mkdir(exist_ok=True)
        pq.write_table(
            pa.table({name: values for name, values in table.items() if values is not None}), target / "part-0.parquet"
        )
        self._written.append(day)

    def write_days(self, first: date, days: int, **more: Any) -> None:
        """Write several days in a row."""
        for number in range(days):
            self.write(first + timedelta(days=number), **more)
