"""The rows every contender reads: 40 floats of eight shapes and 10 texts, generated with a fixed seed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from monitoring_tasks.window import DAY, Window

ID, TIMESTAMP = "key", "made_at"
DAYS = 7
ROW_GROUP = 122_880
EACH = 5
"""Columns of each shape."""
MISSING = 0.03
SPAN = Window(datetime(2026, 6, 8, tzinfo=UTC), datetime(2026, 6, 8, tzinfo=UTC) + DAYS * DAY)
CARDINALITIES = (2, 3, 5, 8, 12, 20, 30, 50, 80, 120)

Values = NDArray[Any]
SHAPES: dict[str, Callable[[np.random.Generator, int], Values]] = {
    "normal": lambda draw, rows: draw.normal(size=rows),
    "lognormal": lambda draw, rows: draw.lognormal(size=rows),
    "exponential": lambda draw, rows: draw.exponential(size=rows),
    "uniform": lambda draw, rows: draw.random(rows),
    "zero_inflated": lambda draw, rows: np.where(draw.random(rows) < 0.6, 0.0, draw.exponential(size=rows)),
    "five_valued": lambda draw, rows: draw.integers(0, 5, rows).astype(np.float64),
    "price": lambda draw, rows: np.round(draw.lognormal(3.0, 1.0, rows), 2),
    "student": lambda draw, rows: draw.standard_t(2, rows),
}
NUMERIC = [f"{shape}_{number}" for shape in SHAPES for number in range(EACH)]
CATEGORICAL = [f"text_of_{count}" for count in CARDINALITIES]
COLUMNS = [*NUMERIC, *CATEGORICAL]
WITH_NULLS = frozenset(NUMERIC[::3])
"""14 of the 40 floats."""
NOT_FINITE = "normal_1"


@dataclass(frozen=True)
class Data:
    """Where the files of one size are: a reference, a window of seven daily partitions, and what ours stores."""

    root: Path
    reference_rows: int
    rows: int

    @property
    def reference(self) -> Path:
        """One parquet file with the week before the window, from another seed."""
        return self.root / f"reference-{self.reference_rows}.parquet"

    @property
    def window(self) -> Path:
        """Folder with one partition for each day of `SPAN`."""
        return self.root / f"window-{self.rows}"

    @property
    def stored(self) -> Path:
        """Folder of the profiles that a monitor keeps between runs."""
        return self.root / f"profiles-{self.reference_rows}-{self.rows}"

    def files(self) -> list[Path]:
        """The parquet files, reference first."""
        return [self.reference, *sorted(self.window.glob("*/*.parquet"))]


def generate(data: Data) -> None:
    """Write the files of `data` that are missing; in memory is never more than one row group."""
    if not data.reference.exists():
        _write(data.reference, data.reference_rows, seed=1, start=SPAN.start - DAYS * DAY, width=DAYS * DAY)
    if not data.window.exists():
        unfinished = data.window.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        for day in range(DAYS):
            start = SPAN.start + day * DAY
            rows = data.rows * (day + 1) // DAYS - data.rows * day // DAYS
            file = unfinished / f"day={start:%Y-%m-%d}" / "part-0.parquet"
            _write(file, rows, seed=2 + day, start=start, width=DAY)
        unfinished.rename(data.window)


def _write(file: Path, rows: int, *, seed: int, start: datetime, width: timedelta) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".unfinished")
    with pq.ParquetWriter(unfinished, _schema(), compression="zstd", compression_level=1) as writer:
        for first in range(0, rows, ROW_GROUP):
            draw, places = np.random.default_rng([seed, first]), np.arange(first, min(rows, first + ROW_GROUP))
            moments = np.datetime64(start.replace(tzinfo=None), "us") + places * np.timedelta64(width, "us") // rows
            columns: list[pa.Array[Any]] = [pa.array(seed * 10**10 + places), pa.array(moments, _schema().types[1])]
            columns += _columns(draw, len(places))
            writer.write_table(pa.Table.from_arrays(columns, schema=_schema()), row_group_size=ROW_GROUP)
    unfinished.rename(file)


def _schema() -> pa.Schema:
    types: dict[str, pa.DataType] = {ID: pa.int64(), TIMESTAMP: pa.timestamp("us", "UTC")}
    return pa.schema(types | dict.fromkeys(NUMERIC, pa.float64()) | dict.fromkeys(CATEGORICAL, pa.string()))


def _columns(draw: np.random.Generator, rows: int) -> list[pa.Array[Any]]:
    floats = [_floats(draw, name, rows) for name in NUMERIC]
    return [*floats, *(_texts(draw, count, rows) for count in CARDINALITIES)]


def _floats(draw: np.random.Generator, name: str, rows: int) -> pa.Array[Any]:
    values = SHAPES[name.rpartition("_")[0]](draw, rows)
    if name == NOT_FINITE:
        rare = draw.random(rows) < 1e-3
        values[rare] = draw.choice([np.nan, np.inf, -np.inf], int(rare.sum()))
    return pa.array(values, mask=draw.random(rows) < MISSING if name in WITH_NULLS else None)


def _texts(draw: np.random.Generator, count: int, rows: int) -> pa.Array[Any]:
    # The square of a uniform number makes the first categories frequent and the last ones rare.
    codes = (draw.random(rows) ** 2 * count).astype(np.int32)
    names = pa.array([f"category {code}" for code in range(count)])
    return pa.DictionaryArray.from_arrays(codes, names).cast(pa.string())
