"""The bench of the label join, at a size that takes no time."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from bench.data import Data
from bench.join import KINDS, Line, lines, table
from bench.measure import Figures


def test_the_join_is_held_against_reading(tmp_path: Path) -> None:
    """Files of both kinds of ids are written, read and joined in processes of their own, the join counting its rows."""
    found = list(lines(Data(tmp_path, 3000, 3000), runs=1))
    assert [line.kind for line in found] == list(KINDS)
    assert all(line.join.peak > 0 and line.join.cpu > 0 and line.scan.cpu > 0 for line in found)


def test_more_time_or_memory_misses_the_goal() -> None:
    """Three times the reading and one gigabyte are the most."""

    def figures(cpu: float, peak: float) -> Figures:
        return Figures(cpu, {}, cpu, cpu, peak)

    made = [Line("a", figures(1, 1), figures(cpu, peak)) for cpu, peak in ((3.0, 1e9), (3.1, 1e9), (3.0, 1.1e9))]
    out = io.StringIO()
    Console(file=out, width=200).print(table(made, 10, judged=True))
    assert [out.getvalue().count(word) for word in ("pass", "miss")] == [1, 2]
