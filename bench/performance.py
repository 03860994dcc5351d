"""Performance with labels: how soon flipped ones are found, what early ones give, which weeks of a year are worse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.alarms_runs import workers
from bench.estimate import FOLDER, MONTHS, flights
from bench.performance_runs import DELAYS, LATE, SHOWN, Held, Week, first_alarms, held, held_out, together, year
from monitoring_tasks.alarms_section import WEEK

SOON = 3
SIZES, SHARES = (500, 1_000, 2_000), (0.0, 0.02, 0.05, 0.1)
CLEAN, FLIPPED, WINDOWS, PART = 200, 60, 400, 20
FOUND, HELD, QUIET = 0.95, 0.93, 1 / 30
GOALS = {(0.1, 500): SOON, (0.1, 1_000): SOON, (0.1, 2_000): SOON, (0.05, 1_000): LATE, (0.05, 2_000): LATE}
"""The window by which so many flipped labels must be found, by their share and the rows of a window."""
WORSE = {"predicted_minus_actual": (16, 17, 26, 28, 29, 30), "auc": (38, 39)}
"""Weeks of the year in which the model was worse, by metric."""
NOTES = """\
Flipped: windows of a day drawn with replacement from the out-of-fold scores of January to March, after 37 clean days;
a share of their labels is turned round. Daily schedule, one false alarm in 90 days, default metrics and limits.
Held: share of windows of a day (1,500 rows) whose interval at 30 % of the labels holds the value of all labels, where
labels come alike, and where those of late flights take longer or shorter; corrected by the delay curve, and raw.
Weeks: from Tuesday to Tuesday, numbered from January 1; those of the reference are judged by what the others teach."""


def show(console: Console, progress: Console, *, quick: bool) -> None:
    """Run everything and print the tables; `quick` draws far fewer windows and judges no goal."""
    console.width = max(console.width, 150)
    reference, rows = flights(FOLDER)
    share = 10 if quick else 1
    with workers() as pool:
        progress.print("labels flipped")
        console.print(flips_table(all_flips(pool, FOLDER, CLEAN // share, FLIPPED // share), judged=not quick))
        progress.print("labels that come late")
        console.print(held_table(all_held(pool, FOLDER, WINDOWS // share), WINDOWS // share, judged=not quick))
    progress.print("the weeks of the year")
    console.print(weeks_table(year(reference, rows), held_out(reference), judged=not quick))
    console.print(NOTES, highlight=False)


def all_flips(pool: Executor, work: Path, clean: int, flipped: int) -> dict[tuple[float, int], Counter[int]]:
    """First alarms for every share and number of rows: so many sequences with flipped labels and without."""
    jobs = [
        ((share, rows), pool.submit(first_alarms, work, rows, share, seeds))
        for share in SHARES
        for rows in SIZES
        for seeds in _parts(flipped if share else clean)
    ]
    found: dict[tuple[float, int], Counter[int]] = {}
    for key, job in jobs:
        found.setdefault(key, Counter()).update(job.result())
    return found


def all_held(pool: Executor, work: Path, windows: int, rows: int = 1_500) -> dict[str, Held]:
    """How often intervals hold the final value, for every kind of delay."""
    jobs = {name: [pool.submit(held, work, rows, name, part) for part in _parts(windows)] for name in DELAYS}
    return {name: together([job.result() for job in each]) for name, each in jobs.items()}


def _parts(number: int) -> list[range]:
    return [range(start, min(start + PART, number)) for start in range(0, number, PART)]


def found_by(window: int, first: Mapping[int, int]) -> float:
    """The part of sequences whose first alarm comes by a window.

    >>> found_by(3, {0: 1, 2: 6, 3: 1, 7: 2})
    0.7
    """
    return sum(count for number, count in first.items() if 0 < number <= window) / sum(first.values())


def flips_table(found: Mapping[tuple[float, int], Mapping[int, int]], *, judged: bool) -> Table:
    """How soon flipped labels are found, and how often clean ones alarm."""
    made = Table("labels flipped", "rows", "sequences", "by window 3", "by window 7", "goal", title="Labels flipped")
    for (share, rows), first in found.items():
        cells = (f"{found_by(by, first):.1%}" for by in (SOON, LATE))
        goal = _goal(share, rows, first) if judged else ""
        made.add_row(f"{share:.0%}" if share else "none", f"{rows:,}", f"{sum(first.values())}", *cells, goal)
    return made


def _goal(share: float, rows: int, first: Mapping[int, int]) -> str:
    if not share:
        rate = found_by(LATE, first)
        return _mark(rate < QUIET, f"{rate:.1%} alarm, fewer than 1 in 30")
    if (share, rows) not in GOALS:
        return ""
    by = GOALS[share, rows]
    return _mark(found_by(by, first) >= FOUND, f"{found_by(by, first):.1%} by {by}, at least {FOUND:.0%}")


def held_table(found: Mapping[str, Held], windows: int, *, judged: bool) -> Table:
    """How often intervals at 30 % of the labels hold the final value: corrected, and raw in brackets."""
    made = Table("delays", *SHOWN.metrics, "goal", title="Held at 30 % of the labels: corrected (raw)")
    for name, counts in found.items():
        cells = [f"{corrected / windows:.1%} ({raw / windows:.1%})" for corrected, raw in counts.values()]
        least = min(corrected for corrected, _ in counts.values()) / windows
        made.add_row(name, *cells, _mark(least >= HELD, f"{least:.1%}, at least {HELD:.0%}") if judged else "")
    return made


def weeks_table(weeks: Sequence[Week], reference: Sequence[Week], *, judged: bool) -> Table:
    """Which weeks alarm, by check and metric."""
    made = Table("check", "weeks with an alarm", "goal", title="Weeks of flights")
    checks = sorted({name for week in weeks for name in week.alarms} | {f"champion_drop {name}" for name in WORSE})
    for name in checks:
        found = [number(week) for week in weeks if name in week.alarms]
        wanted = WORSE.get(name.removeprefix("champion_drop "), ()) if judged else ()
        missed = [each for each in wanted if each not in found]
        goal = _mark(not missed, f"{_said(wanted)} among them") if wanted else ""
        made.add_row(name, _said(found), goal)
    alarmed = [number(week) for week in reference if week.alarms]
    made.add_row("reference, held out", _said(alarmed) or "none", _mark(not alarmed, "none") if judged else "")
    return made


def number(week: Week) -> int:
    """The number of a week, counted from January 1."""
    return (week.start - MONTHS[0]) // WEEK + 1


def _said(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))


def _mark(met: bool, text: str) -> str:
    return f"[green]pass[/] {text}" if met else f"[red]miss[/] {text}"
