"""`python -m bench [PART] [--quick]`: what each part costs, and how often it errs; the parts are those of `Part`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench import alarms, client, dashboard, estimate, gate, join, pages, performance, responses
from bench.data import Data, generate
from bench.lines import LARGE, SMALL, Section
from bench.measure import ROOT, measured
from bench.table import NOTES, Results, machine, table

FOLDER = ROOT / ".bench"
CHUNK = 1 << 24


class Part(StrEnum):
    """What to measure."""

    ALL = "all"
    DRIFT = "drift"
    GATE = "gate"
    ALARMS = "alarms"
    ESTIMATE = "estimate"
    CLIENT = "client"
    JOIN = "join"
    PERFORMANCE = "performance"
    RESPONSES = "responses"
    PAGES = "pages"
    DASHBOARD = "dashboard"


def main(
    part: Annotated[
        Part,
        typer.Argument(
            help="drift: about 8 minutes; gate: about 2; alarms: about 5; estimate: about 2; client, join: about 1; "
            "performance: about 6; responses: about 2; pages: about 15; dashboard: about 8, and 6 GB of disk"
        ),
    ] = Part.ALL,
    quick: Annotated[bool, typer.Option(help="A fifth of the rows; goals are not judged")] = False,
) -> None:
    """What a new window costs, against other ways to the same answer; what gate and alarms cost, how often they err."""
    progress = Console(stderr=True)
    for each, show_part in SHOWN.items():
        if part in (Part.ALL, each):
            show_part(Console(), progress, quick=quick)


def drift(console: Console, progress: Console, *, quick: bool) -> None:
    """Generate the data, run every contender in a process of its own, print one table."""
    small, large = (200_000, 2_000_000) if quick else (1_000_000, 10_000_000)
    found = {
        small: fill(SMALL, Data(FOLDER, small, small), progress),
        large: fill(LARGE, Data(FOLDER, small, large), progress),
    }
    show(found, console, judged=not quick)


def fill(section: Section, data: Data, progress: Console) -> Results:
    """The figures of every line of a section, its files generated where missing."""
    progress.print(f"data of {data.rows:,} rows in {data.root}")
    generate(data)
    _warm(data)
    for contender in section.prepare:
        measured(contender, data)
    results = []
    for line in section.lines:
        progress.print(f"  {line.title}")
        results.append((line, measured(line.contender, data, runs=line.runs)))
    return results


def show(found: dict[int, Results], console: Console, *, judged: bool) -> None:
    """Print the table and what it counts, wide enough when the output is a file."""
    console.width = max(console.width, 150)
    console.print(table(found, judged=judged))
    console.print(NOTES, machine(), sep="\n", highlight=False)


def _warm(data: Data) -> None:
    for file in data.files():
        _read(file)


def _read(file: Path) -> None:
    with file.open("rb") as opened:
        while opened.read(CHUNK):
            pass


SHOWN: Mapping[Part, Callable[..., None]] = {
    Part.DRIFT: drift,
    Part.GATE: gate.show,
    Part.ALARMS: alarms.show,
    Part.ESTIMATE: estimate.show,
    Part.CLIENT: client.show,
    Part.JOIN: join.show,
    Part.PERFORMANCE: performance.show,
    Part.RESPONSES: responses.show,
    Part.PAGES: partial(pages.show, folder=FOLDER / "pages"),
    Part.DASHBOARD: partial(dashboard.show, folder=FOLDER / "dashboard"),
}

if __name__ == "__main__":
    typer.run(main)
