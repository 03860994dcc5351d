"""The bench's own path from data to table, at a size that takes no time."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from bench.__main__ import fill, show
from bench.data import Data
from bench.lines import LARGE, REFERENCE, Section


def test_the_table_compares_ours_with_the_scan(tmp_path: Path) -> None:
    """Data is generated, ours and the scan run in processes of their own, and each line shows its goal's mark."""
    ours, scan = (replace(line, runs=1) for line in (LARGE.lines[0], LARGE.lines[2]))
    found = fill(Section((ours, scan), (REFERENCE,)), Data(tmp_path, 2000, 2000), Console(file=io.StringIO()))
    printed = io.StringIO()
    show({2000: found}, Console(file=printed), judged=True)
    figures = r"│ +\d+\.\d\d │ +[\d.]+ │ [a-z\d. ]*│ +\d+\.\d\d │ +\d+ │ +\d+\.\d\d │ (pass|miss) "
    assert "2,000 rows x 50 columns" in printed.getvalue()
    assert re.search(rf"{ours.title} +{figures}\d+ MB, at most 400 MB", printed.getvalue())
    assert re.search(rf"{scan.title} +{figures}ours [\d.]+x, at most 1.5x", printed.getvalue())
