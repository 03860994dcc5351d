"""The gate: what judging a million rows costs, and how often it and other gates promote whom they should not."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.windows import Window, window
from monitoring_tasks.retraining.gate import judge
from monitoring_tasks.retraining.gate.auc import Flags
from monitoring_tasks.retraining.gate.sample import Floats
from monitoring_tasks.retraining_section import Gate

SECONDS = 10.0
SHARE = 0.05
POSITIVE = 0.2
DAYS = 31
REPEATS = {200: 2000, 1000: 1000, 10_000: 600, 50_000: 300}
SETTINGS = {
    "equal, independent rows, 31 days": Window(0, days=DAYS),
    "equal, rows of a day alike, 31 days": Window(0, days=DAYS, clustering=0.3),
    "equal, rows of a day alike, 7 days": Window(0, days=7, clustering=0.3),
    "better, rows of a day alike, 31 days": Window(0, days=DAYS, clustering=0.3, champion=0.9, challenger=0.5),
}
GATES = ("interval alone", "with defaults", "no day blocks", "AUC +0.01", "F1 +2 %")
NOTES = """\
Of windows drawn anew, the share in which a challenger is promoted; equal: both sides are drawn alike.
interval alone: the day-block interval of AUC is above 0, at any number of rows. with defaults: judge() as configured by
default, minimum rows and guardrails included. no day blocks: DeLong's interval is above 0.
AUC +0.01, F1 +2 %: point thresholds, the latter relative, with the highest fifth of scores called positive.
Days are of unequal size; about a fifth of the rows is positive."""


@dataclass(frozen=True)
class Speed:
    """What one judge() cost."""

    rows: int
    columns: int
    wall: float
    cpu: float


def speed(rows: int, columns: Sequence[int] = (1, 10)) -> Iterator[Speed]:
    """One judge() of so many rows in 31 days, with each number of segment columns of ten values."""
    data = window(1, Window(rows, days=DAYS, clustering=0.3))
    random = np.random.default_rng(2)
    names = np.array([f"value {number}" for number in range(10)], dtype=object)
    segments = {f"column {number}": names[random.integers(0, 10, rows)] for number in range(max(columns))}
    for count in columns:
        wall, cpu = time.perf_counter(), time.process_time()
        judge(replace(data, segments=segments), Gate(segments=tuple(segments)[:count]), task="binary")
        yield Speed(rows, count, time.perf_counter() - wall, time.process_time() - cpu)


def promotions(seed: int, about: Window) -> tuple[bool, ...]:
    """Which of the gates promote the challenger of one window, in the order of `GATES`."""
    data = window(seed, about)
    ours, rowwise = (judge(data, Gate(blocks=blocks), task="binary") for blocks in ("day", "none"))
    champion, challenger = (_f1(data.label, side) for side in (data.champion, data.challenger))
    return (
        (ours.primary.low or 0.0) > 0,
        ours.decision == "promote",
        (rowwise.primary.low or 0.0) > 0,
        (ours.primary.difference or 0.0) > 0.01,
        challenger > 1.02 * champion,
    )


def _f1(label: Flags, score: Floats) -> float:
    predicted = score > np.quantile(score, 1 - POSITIVE)
    hits = np.count_nonzero(predicted & label)
    return 2 * hits / (np.count_nonzero(predicted) + np.count_nonzero(label))


def simulate(repeats: Mapping[int, int], processes: int | None = None) -> dict[tuple[str, int], list[float]]:
    """Share of windows promoted by each gate, for every setting and number of rows; always the same."""
    cases = [(name, rows) for name in SETTINGS for rows in repeats]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        found = {
            (name, rows): pool.map(
                promotions, range(repeats[rows]), [replace(SETTINGS[name], rows=rows)] * repeats[rows], chunksize=20
            )
            for name, rows in cases
        }
        return {case: np.mean(list(each), axis=0).tolist() for case, each in found.items()}


def speed_table(found: Iterable[Speed], *, judged: bool) -> Table:
    """Seconds of each judge(), against the goal where `judged`."""
    made = Table("", "wall s", "CPU s", "goal", title="Judging a challenger")
    for each in found:
        goal = _mark(each.wall <= SECONDS, f"{each.wall:.1f} s, at most {SECONDS:.0f} s") if judged else ""
        title = f"judge(), {each.rows:,} rows, {DAYS} days, segment columns of 10 values: {each.columns}"
        made.add_row(title, f"{each.wall:.2f}", f"{each.cpu:.2f}", goal)
    return made


def share_table(found: Mapping[tuple[str, int], Sequence[float]], repeats: Mapping[int, int], *, judged: bool) -> Table:
    """The simulated shares; the goal is about our interval, where the challenger is equal."""
    made = Table("challenger", "rows", "windows", *GATES, "goal", title="Challengers promoted")
    for (name, rows), shares in found.items():
        held = name.startswith("equal") and judged
        goal = _mark(max(shares[:2]) <= SHARE, f"{max(shares[:2]):.1%}, at most {SHARE:.0%}") if held else ""
        made.add_row(name, f"{rows:,}", f"{repeats[rows]:,}", *(f"{share:.1%}" for share in shares), goal)
    return made


def _mark(met: bool, text: str) -> str:
    return f"[green]pass[/] {text}" if met else f"[red]miss[/] {text}"


def show(console: Console, progress: Console, *, quick: bool) -> None:
    """Run and print both tables; `quick` takes a fifth of the rows and windows and judges no goal."""
    console.width = max(console.width, 150)
    progress.print("the gate's speed")
    console.print(speed_table(speed(200_000 if quick else 1_000_000), judged=not quick))
    progress.print("the gate's error rates")
    repeats = {rows: number // 5 if quick else number for rows, number in REPEATS.items()}
    console.print(share_table(simulate(repeats), repeats, judged=not quick))
    console.print(NOTES, highlight=False)
