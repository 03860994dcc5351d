"""Derived columns: an hour of a million answers of 1 kB, profiled with eight columns that are computed from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from bench.data import ROW_GROUP, Data
from bench.measure import MEGABYTE, ROOT, Figures, measured
from monitoring_tasks.data.connections import EnvironmentConnections
from monitoring_tasks.data.source import open_reference, open_rows
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.profile.binning import dumps_binning, loads_binning
from monitoring_tasks.profile.plan import Plan
from monitoring_tasks.profile.reference import build_reference
from monitoring_tasks.profile.scan import scan
from monitoring_tasks.window import HOUR, Window

FOLDER = ROOT / ".bench"
SPAN = Window(datetime(2026, 6, 1, 12, tzinfo=UTC), datetime(2026, 6, 1, 12, tzinfo=UTC) + HOUR)
SECONDS, PEAK = 20.0, 500
WORDS, DISTINCT, AT_ONCE = 160, 4000, 10_240
JSON, CUT, REFUSED, LOST = 0.2, 0.05, 0.03, 0.01
DERIVED: dict[str, dict[str, Any]] = {
    "words": {"kind": "word_count", "of": "response"},
    "characters": {"kind": "text_length", "of": "response"},
    "refusal": {"kind": "matches", "of": "response", "patterns": ["<refusals>", "policy forbids"]},
    "empty": {"kind": "matches", "of": "response", "patterns": r"^\s*$"},
    "valid_json": {"kind": "is_json", "of": "response", "where": {"expects": "json"}},
    "repeated": {"kind": "repeated_words", "of": "response"},
    "non_ascii": {"kind": "non_ascii_share", "of": "response"},
    "seconds_per_token": {"kind": "ratio", "of": ["seconds", "output_tokens"]},
}
NOTES = """\
Scan: the columns that the profile needs, row group by row group, each dropped when decoded: the physical limit. Each
line: of three processes the one of median CPU; files in the page cache. Peak: the whole process, imports and results
too. The answers are of 4,000 words as often as in a language, one in twenty with an accent; a fifth should be JSON."""


@dataclass(frozen=True)
class Answers:
    """The files of one size."""

    data: Data

    @property
    def folder(self) -> Path:
        """Where they are."""
        return self.data.root / f"responses-{self.data.rows}"

    @property
    def log(self) -> Path:
        """An hour of answers."""
        return self.folder / "answers.parquet"

    @property
    def reference(self) -> Path:
        """Answers of the hour before."""
        return self.folder / "reference.parquet"

    @property
    def binning(self) -> Path:
        """The bins that the reference gives."""
        return self.folder / "binning.json"

    def monitor(self) -> Monitor:
        """A monitor of them."""
        about: dict[str, Any] = {
            "name": "bench",
            "owner": "bench",
            "task": "text",
            "source": {"kind": "parquet", "path": str(self.log)},
            "reference": {"kind": "file", "path": str(self.reference)},
            "timestamp": "answered_at",
            "prediction": "words",
            "derived": DERIVED,
            "schedule": "@hourly",
        }
        return Monitor.model_validate(about)


def generated(data: Data) -> Iterator[str]:
    """Write both files and the reference's bins, where they are missing; in a process of its own."""
    answers = Answers(data)
    if not answers.folder.exists():
        unfinished = Answers(Data(data.root / "unfinished", data.reference_rows, data.rows))
        unfinished.folder.mkdir(parents=True, exist_ok=True)
        _write(unfinished.log, data.rows, SPAN.start, seed=7)
        _write(unfinished.reference, data.reference_rows, SPAN.start - HOUR, seed=8)
        rows = open_reference(str(unfinished.reference), EnvironmentConnections({}), derived=answers.monitor().derived)
        unfinished.binning.write_bytes(dumps_binning(build_reference(answers.monitor(), rows, "").binning))
        unfinished.folder.rename(answers.folder)
    yield "generate"


def _write(path: Path, rows: int, start: datetime, *, seed: int) -> None:
    draw = np.random.default_rng(seed)
    moments = np.datetime64(start.replace(tzinfo=None), "us") + np.arange(rows) * (np.timedelta64(HOUR, "us") // rows)
    words = _vocabulary(draw)
    first = _table(draw, words, moments[:1])
    with pq.ParquetWriter(path, first.schema, compression="zstd", compression_level=1) as writer:
        for begin in range(0, rows, ROW_GROUP):
            end = min(begin + ROW_GROUP, rows)
            parts = [_table(draw, words, moments[at : min(at + AT_ONCE, end)]) for at in range(begin, end, AT_ONCE)]
            writer.write_table(pa.concat_tables(parts))


def _vocabulary(draw: np.random.Generator) -> pa.Array[Any]:
    letters = np.array(list("etaoinshrdlucmfwypvbgkjqxz"))
    sizes = draw.integers(1, 10, DISTINCT)
    plain = ["".join(draw.choice(letters[: 8 + size], size)) for size in sizes]
    words: pa.Array[Any] = pa.array([word + "é" if place % 20 == 0 else word for place, word in enumerate(plain)])
    return words


def _table(draw: np.random.Generator, words: pa.Array[Any], moments: NDArray[Any]) -> pa.Table:
    rows = len(moments)
    counts = draw.integers(WORDS // 2, WORDS * 3 // 2, rows)
    tokens = np.round(counts * 1.4)
    json = draw.random(rows) < JSON
    return pa.table(
        {
            "answered_at": pa.array(moments, pa.timestamp("us", "UTC")),
            "response": _texts(draw, words, counts, json),
            "expects": pa.array(np.where(json, "json", "text")),
            "seconds": pa.array(0.2 + tokens / 60 * draw.lognormal(0, 0.2, rows)),
            "output_tokens": pa.array(tokens.astype(np.int64)),
        }
    )


def _texts(
    draw: np.random.Generator, words: pa.Array[Any], counts: NDArray[Any], json: NDArray[np.bool_]
) -> pa.Array[Any]:
    often = 1 / np.arange(1, DISTINCT + 1)
    chosen = draw.choice(DISTINCT, int(counts.sum()), p=often / often.sum())
    lists = pa.ListArray.from_arrays(pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int32()), words.take(chosen))
    texts: Any = pc.binary_join(lists, " ")
    refused, cut, lost = (draw.random(len(counts)) < share for share in (REFUSED, CUT, LOST))
    opening = np.where(refused, "I'm sorry, but I can't assist with that. ", "")
    opening = np.where(json, np.char.add('{"answer": "', opening), opening)
    closing = np.where(json & ~cut, '", "score": 0.75, "tags": ["a", "b"]}', "")
    whole: Any = pc.binary_join_element_wise(pa.array(opening), texts, pa.array(closing), "")
    made: pa.Array[Any] = pc.if_else(pa.array(lost), pa.scalar(None, pa.string()), whole)
    return made


def scanned(data: Data) -> Iterator[str]:
    """Reading alone."""
    file = pq.ParquetFile(Answers(data).log)
    names = ["response", "expects", "seconds", "output_tokens"]
    for batch in file.iter_batches(1 << 13, columns=names, use_threads=False):
        del batch
    yield "scan"


def profiled(data: Data) -> Iterator[str]:
    """The profile of the hour, every derived column in it."""
    answers = Answers(data)
    plan = Plan(loads_binning(answers.binning.read_bytes()), timestamp="answered_at")
    found = scan(open_rows(answers.monitor(), EnvironmentConnections({})), SPAN, plan).profile
    refusals = found.columns["refusal"]
    if found.rows != data.rows or not 0 < refusals.null < 0.1 * data.rows:
        raise RuntimeError(f"{found.rows} rows, {refusals.null} without an answer")
    yield "profile"


@dataclass(frozen=True)
class Line:
    """Both figures of one size."""

    scan: Figures
    profile: Figures

    def cells(self, *, judged: bool) -> list[str]:
        """The line of the table."""
        peak = self.profile.peak / MEGABYTE
        goal = f"at most {SECONDS:g} s, {PEAK} MB"
        mark = f"[green]pass[/] {goal}" if self.profile.cpu <= SECONDS and peak <= PEAK else f"[red]miss[/] {goal}"
        seconds = (self.scan.cpu, self.profile.cpu, self.profile.wall)
        times = f"{self.profile.cpu / self.scan.cpu:.1f}"
        return [*(f"{each:.1f}" for each in seconds), times, f"{peak:.0f}", mark if judged else ""]


def line(data: Data, *, runs: int = 3) -> Line:
    """Generate what is missing, and measure every run in a process of its own."""
    measured("bench.responses:generated", data)
    return Line(*(measured(f"bench.responses:{what}", data, runs=runs) for what in ("scanned", "profiled")))


def table(found: Line, rows: int, *, judged: bool) -> Table:
    """The one line."""
    title = f"{rows:,} answers of 1 kB, {len(DERIVED)} derived columns"
    made = Table("scan CPU s", "profile CPU s", "wall s", "x", "peak MB", "goal", title=title)
    made.add_row(*found.cells(judged=judged))
    return made


def show(console: Console, progress: Console, *, quick: bool) -> None:
    """Run and print the table; `quick` takes a fifth of the rows and judges no goal."""
    rows = 200_000 if quick else 1_000_000
    progress.print("derived columns")
    console.width = max(console.width, 150)
    console.print(table(line(Data(FOLDER, 20_000, rows)), rows, judged=not quick))
    console.print(NOTES, highlight=False)
