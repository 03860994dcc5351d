"""The one table, and the lines below it that say what its figures count and where they were taken."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from rich.table import Table

from bench.data import COLUMNS
from bench.lines import Line
from bench.measure import MEGABYTE, Figures

Results = Sequence[tuple[Line, Figures]]
HEADS = ("CPU s", "x ours", "of which", "wall s", "peak MB", "process s", "goal")
SHOWN = 0.02
"""Steps of fewer CPU seconds are left out; a line's only step is its whole work."""
NOTES = """\
CPU s: user and system seconds of the work, imports left out. x ours: against the first line of the section.
process s and peak MB: CPU and most resident memory of the whole process, imports included.
Every line ran in processes of its own, files in the page cache; where it ran several times, the median is shown.
Ours reads the window alone: the reference was profiled once before (a line of its own) and is loaded in the time shown.
Peers read both frames, as they must for each new window, and get them without the infinities that stop them."""


def table(sections: Mapping[int, Results], *, judged: bool) -> Table:
    """One section for each number of rows; goals are marked pass or miss when `judged`."""
    made = Table("", title="A new window to drift scores")
    for head in HEADS:
        made.add_column(head, justify="left" if head in ("of which", "goal") else "right")
    for rows, results in sections.items():
        made.add_row(f"[bold]{rows:,} rows x {len(COLUMNS)} columns")
        for line, figures in results:
            made.add_row(*_cells(line, figures, ours=results[0][1], judged=judged))
        made.add_section()
    return made


def _cells(line: Line, figures: Figures, *, ours: Figures, judged: bool) -> list[str]:
    return [
        line.title,
        f"{figures.cpu:.2f}",
        _ratio(figures.cpu / ours.cpu),
        _steps(figures),
        f"{figures.wall:.2f}",
        f"{figures.peak / MEGABYTE:.0f}",
        f"{figures.process:.2f}",
        _goal(line, figures, ours) if judged else "",
    ]


def _ratio(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}"


def _steps(figures: Figures) -> str:
    shown = {step: seconds for step, seconds in figures.steps.items() if seconds >= SHOWN}
    return " ".join(f"{step} {seconds:.2f}" for step, seconds in shown.items()) if len(figures.steps) > 1 else ""


def _goal(line: Line, figures: Figures, ours: Figures) -> str:
    if line.goal is None:
        return ""
    text, met = line.goal(figures, ours)
    return f"[green]pass[/] {text}" if met else f"[red]miss[/] {text}"


def machine() -> str:
    """Processor, cores, load and versions: what the figures depend on."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("pyarrow", "numpy", "pandas", "scipy", "evidently"))
    load = f"{os.getloadavg()[0]:.1f}"
    return f"{_processor()}, {os.cpu_count()} cores, load {load}; Python {platform.python_version()}, {packages}"


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    if described.exists():
        for entry in described.read_text(encoding="utf-8").splitlines():
            if entry.startswith("model name"):
                return entry.partition(":")[2].strip()
    return platform.processor() or platform.machine()
