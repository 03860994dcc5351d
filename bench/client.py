"""The log that servers write: what a call costs them while it writes, and how many rows it takes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from rich.console import Console
from rich.table import Table

from monitoring_tasks.client import Buffering, PredictionLog

COLUMNS = 20
GOAL = 1.0
"""Milliseconds that 99 of 100 calls must not exceed."""
NOTES = """\
A call logs one prediction of 20 features from one of four threads, which hand in as many rows a second as stands there
(all they can, in the last line), while the writing thread shares their interpreter. Written: from the first call until
close() returned, so that rows a second are what lasts."""


@dataclass(frozen=True)
class Load:
    """What one load cost: seconds of each call, rows written a second, rows dropped."""

    place: str
    wanted: int | None
    calls: Sequence[float]
    rate: float
    dropped: int

    def quantile(self, share: float) -> float:
        """Milliseconds that this share of calls did not exceed."""
        return float(np.quantile(self.calls, share)) * 1000


def load(place: str, rows: int, *, wanted: int | None, threads: int = 4) -> Load:
    """Log so many rows from threads that together want so many a second, and close."""
    features = {f"feature_{number}": 1.5 * number for number in range(COLUMNS)}
    # The last line asks what the writing lasts, not when rows are dropped.
    log = PredictionLog(place, buffering=Buffering(interval=1, rows=rows + 1, bytes=1 << 32))

    def serve(thread: int) -> list[float]:
        calls, began = [], time.perf_counter()
        for number in range(rows // threads):
            start = time.perf_counter()
            log.append(thread * rows + number, 0.5, features, model_version="3", latency_ms=1.5)
            calls.append(time.perf_counter() - start)
            if wanted is not None:
                time.sleep(max(0.0, began + (number + 1) * threads / wanted - time.perf_counter()))
        return calls

    began = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        calls = [call for found in pool.map(serve, range(threads)) for call in found]
    log.close(timeout=120)
    return Load(place.partition(":")[0], wanted, calls, len(calls) / (time.perf_counter() - began), log.dropped)


def show(console: Console, progress: Console, *, quick: bool) -> None:
    """Print the table of loads."""
    rows = 10_000 if quick else 60_000
    table = Table(title="Logging predictions from a server")
    for head in ("place", "rows/s wanted", "rows/s written", "p50 us", "p99 ms", "most ms", "dropped", "goal"):
        table.add_column(head, justify="right")
    for kind in ("files", "sqlite"):
        for wanted in (500, 2000, None):
            progress.print(f"  {kind}, {wanted or 'all'} rows a second")
            with TemporaryDirectory() as folder:
                place = folder if kind == "files" else f"sqlite:///{Path(folder) / 'log.db'}"
                table.add_row(*_cells(kind, load(place, min(rows, (wanted or rows) * 10), wanted=wanted)))
    console.width = max(console.width, 150)
    console.print(table, NOTES)


def _cells(kind: str, found: Load) -> list[str]:
    p99 = found.quantile(0.99)
    mark = "" if found.wanted is None else ("[green]pass[/]" if p99 <= GOAL else "[red]miss[/]")
    return [
        kind,
        "all" if found.wanted is None else f"{found.wanted:,}",
        f"{found.rate:,.0f}",
        f"{1000 * found.quantile(0.5):.0f}",
        f"{p99:.2f}",
        f"{1000 * max(found.calls):.0f}",
        f"{found.dropped}",
        f"{mark} p99 {p99:.2f} ms, at most {GOAL:g}" if mark else "",
    ]
