"""The label join: 10 million predictions with 8 million labels, against reading alone; time and memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from bench.data import ROW_GROUP, Data
from bench.measure import MEGABYTE, ROOT, Figures, measured
from monitoring_tasks.data.connections import EnvironmentConnections
from monitoring_tasks.data.outcomes import read_outcomes
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.window import Window

FOLDER = ROOT / ".bench"
SPAN = Window(datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC))
KNOWN_AT = SPAN.end + timedelta(days=60)
KINDS = ("int", "text")
LABELLED = 0.8
TIME, PEAK = 3.0, 1000
_DIGITS = np.frombuffer(b"0123456789abcdef", np.uint8)
_PLACES = [place for place in range(36) if place not in (8, 13, 18, 23)]
NOTES = """\
int: ids drawn one after the other; text: ids of 36 characters as UUIDs have. Four labels for five predictions, two days
late on average. Reading: the columns the join needs of both files, row group by row group, each dropped when decoded.
Each line: of three processes the one of median CPU; files in the page cache; wall s is what the join takes with a
thread that reads ahead. x: against reading, by CPU (and by wall). Peak: the whole process, imports and results too."""


@dataclass(frozen=True)
class Logs:
    """The files of one size and kind of ids."""

    data: Data
    kind: str

    @property
    def folder(self) -> Path:
        """Where the two files are."""
        return self.data.root / f"join-{self.kind}-{self.data.rows}"

    def paths(self) -> tuple[Path, Path]:
        """Predictions and labels."""
        return self.folder / "predictions.parquet", self.folder / "labels.parquet"

    def monitor(self) -> Monitor:
        """A monitor of the two files."""
        predictions, labels = map(str, self.paths())
        about: dict[str, Any] = {
            "name": "bench",
            "owner": "bench",
            "task": "binary",
            "source": {"kind": "parquet", "path": predictions},
            "reference": {"kind": "file", "path": "none"},
            "timestamp": "made_at",
            "prediction": "score",
            "id": "id",
            "labels": {"source": {"kind": "parquet", "path": labels}},
        }
        return Monitor.model_validate(about)


def generate(logs: Logs) -> None:
    """Write both files, if they are missing."""
    if logs.folder.exists():
        return
    unfinished = logs.folder.with_suffix(".unfinished")
    unfinished.mkdir(parents=True, exist_ok=True)
    draw, rows = np.random.default_rng(7), logs.data.rows
    start = np.datetime64(SPAN.start.replace(tzinfo=None), "us")
    moments = start + np.arange(rows) * (np.timedelta64(SPAN.width, "us") // rows)
    chosen = np.sort(draw.permutation(rows)[: int(LABELLED * rows)])
    times = moments[chosen] + draw.exponential(2 * 86400e6, len(chosen)).astype("timedelta64[us]")
    order = np.argsort(times)
    ids = _whole if logs.kind == "int" else _texts
    names = [path.name for path in logs.paths()]
    _write(unfinished / names[0], np.arange(rows), {"made_at": moments, "score": draw.random(rows)}, ids)
    labels = draw.integers(0, 2, len(chosen))
    _write(unfinished / names[1], chosen[order], {"label_time": times[order], "label": labels}, ids)
    unfinished.rename(logs.folder)


def _write(path: Path, ids: NDArray[np.int64], columns: dict[str, NDArray[Any]], made: Callable[..., Any]) -> None:
    moment = next(iter(columns))
    others = {name: pa.from_numpy_dtype(values.dtype) for name, values in columns.items()}
    kinds = {"id": made(ids[:1]).type, **others, moment: pa.timestamp("us", "UTC")}
    with pq.ParquetWriter(path, pa.schema(kinds), compression="zstd", compression_level=1) as writer:
        for first in range(0, len(ids), ROW_GROUP):
            part = slice(first, first + ROW_GROUP)
            arrays = [made(ids[part]), *(pa.array(values[part], kinds[name]) for name, values in columns.items())]
            writer.write_table(pa.Table.from_arrays(arrays, schema=pa.schema(kinds)))


def _whole(numbers: NDArray[np.int64]) -> pa.Array[Any]:
    return pa.array(numbers + 10**9)


def _texts(numbers: NDArray[np.int64]) -> pa.Array[Any]:
    """Sixteen bytes that look random, always the same for a number, written as UUIDs are."""
    first = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    first ^= first >> np.uint64(29)
    second = (first + np.uint64(1)) * np.uint64(0x94D049BB133111EB)
    second ^= second >> np.uint64(31)
    raw = np.stack([first, second], 1).view(np.uint8)
    text = np.full((len(numbers), 36), ord("-"), np.uint8)
    text[:, _PLACES[::2]], text[:, _PLACES[1::2]] = _DIGITS[raw >> 4], _DIGITS[raw & 15]
    offsets = np.arange(0, text.size + 1, 36, dtype=np.int32)
    return pa.StringArray.from_buffers(len(numbers), pa.py_buffer(offsets.tobytes()), pa.py_buffer(text.tobytes()))


def _scan(logs: Logs) -> Iterator[str]:
    for path in logs.paths():
        file = pq.ParquetFile(path)
        for group in range(file.num_row_groups):
            file.read_row_group(group, use_threads=False)
    yield "scan"


def _join(logs: Logs) -> Iterator[str]:
    found = read_outcomes(logs.monitor(), EnvironmentConnections({}), SPAN, known_at=KNOWN_AT)
    labelled = int(np.count_nonzero(found.outcomes.labelled))
    if (len(found.outcomes), labelled, found.orphans) != (logs.data.rows, int(LABELLED * logs.data.rows), 0):
        raise RuntimeError(f"{len(found.outcomes)} predictions, {labelled} labelled, {found.orphans} orphans")
    yield "join"


def scan_int(data: Data) -> Iterator[str]:
    """Reading alone, whole numbers as ids."""
    return _scan(Logs(data, "int"))


def scan_text(data: Data) -> Iterator[str]:
    """Reading alone, texts as ids."""
    return _scan(Logs(data, "text"))


def join_int(data: Data) -> Iterator[str]:
    """The join, whole numbers as ids."""
    return _join(Logs(data, "int"))


def join_text(data: Data) -> Iterator[str]:
    """The join, texts as ids."""
    return _join(Logs(data, "text"))


@dataclass(frozen=True)
class Line:
    """Both figures of one kind of ids."""

    kind: str
    scan: Figures
    join: Figures

    def cells(self, *, judged: bool) -> list[str]:
        """The line of the table."""
        cpu, wall = self.join.cpu / self.scan.cpu, self.join.wall / self.scan.wall
        peak = self.join.peak / MEGABYTE
        goal = f"at most {TIME:g}x, {PEAK} MB"
        mark = f"[green]pass[/] {goal}" if cpu <= TIME and peak <= PEAK else f"[red]miss[/] {goal}"
        seconds = (self.scan.cpu, self.scan.wall, self.join.cpu, self.join.wall)
        return [self.kind, *(f"{each:.1f}" for each in seconds), f"{cpu:.1f} ({wall:.1f})", f"{peak:.0f}"] + (
            [mark] if judged else [""]
        )


def lines(data: Data, *, runs: int = 3) -> Iterator[Line]:
    """Generate what is missing, and measure both kinds of ids, every run in a process of its own."""
    for kind in KINDS:
        generate(Logs(data, kind))
        scan, join = (measured(f"bench.join:{what}_{kind}", data, runs=runs) for what in ("scan", "join"))
        yield Line(kind, scan, join)


def table(found: list[Line], rows: int, *, judged: bool) -> Table:
    """One line for each kind of ids."""
    title = f"{rows:,} predictions joined with {int(LABELLED * rows):,} labels"
    made = Table("ids", "reading CPU s", "wall s", "join CPU s", "wall s", "x", "peak MB", "goal", title=title)
    for line in found:
        made.add_row(*line.cells(judged=judged))
    return made


def show(console: Console, progress: Console, *, quick: bool) -> None:
    """Run and print the table; `quick` takes a fifth of the rows and judges no goal."""
    rows = 2_000_000 if quick else 10_000_000
    progress.print("the label join")
    console.width = max(console.width, 150)
    console.print(table(list(lines(Data(FOLDER, rows, rows))), rows, judged=not quick))
    console.print(NOTES, highlight=False)
