"""The bench of derived columns, at a size that takes no time."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow.parquet as pq
from rich.console import Console

from bench.data import Data
from bench.measure import Figures
from bench.responses import SPAN, Answers, Line, line, table


def test_the_profile_is_held_against_reading(tmp_path: Path) -> None:
    """Answers of about 1 kB are written, read and profiled in processes of their own, all within the hour."""
    data = Data(tmp_path, 2000, 3000)
    found = line(data, runs=1)
    assert found.profile.peak > 0
    assert found.profile.cpu > 0
    assert found.scan.cpu > 0
    rows = pq.read_table(Answers(data).log)
    lengths = [len(each or "") for each in rows["response"].to_pylist()]
    assert 500 < sum(lengths) / len(lengths) < 1500
    moments = rows["answered_at"].to_pylist()
    assert SPAN.start <= min(moments) <= max(moments) < SPAN.end


def test_more_time_or_memory_misses_the_goal() -> None:
    """Twenty seconds and half a gigabyte are the most."""

    def figures(cpu: float, peak: float) -> Figures:
        return Figures(cpu, {}, cpu, cpu, peak)

    out = io.StringIO()
    for cpu, peak in ((20.0, 500e6), (20.1, 500e6), (20.0, 501e6)):
        Console(file=out, width=200).print(table(Line(figures(1, 1), figures(cpu, peak)), 10, judged=True))
    assert [out.getvalue().count(word) for word in ("pass", "miss")] == [1, 2]
