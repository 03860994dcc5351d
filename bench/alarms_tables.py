"""The tables of the alarms' bench, with their goals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from rich.table import Table
from scipy import stats

from bench.alarms_days import WIDTHS, Held
from bench.alarms_faults import FAULTS, LATE, SOON, Fault, best_possible
from bench.alarms_pool import COLUMNS
from bench.alarms_rules import NAIVE
from bench.alarms_runs import CALIBRATED, EPISODES, WINDOWS
from bench.alarms_speed import Speed
from monitoring_tasks.alarms_section import AlarmBudget
from monitoring_tasks.calibration.assess import shares_of_tests
from monitoring_tasks.window import DAY, in_words

MONTH = 30
PER_MONTH, OF_DAYS = 0.1, 1
CALIBRATING, JUDGING = 10.0, 0.05
BLIZZARD = ("8 February", "9 February")


def clean_table(found: Mapping[int, Counter[str]], *, judged: bool) -> Table:
    """Alarms of every rule on clean windows.

    Ours must be few, and not more than the smallest windows lead to expect, so that they do not rise with the rows.
    """
    made = Table("rows", "windows", "episodes in 30", "at most", *NAIVE, "goal", title="Clean windows drawn anew")
    limit = per_month(next(iter(found.values())))[1]
    for rows, counts in found.items():
        rate, most = per_month(counts)
        goal = _mark(rate <= min(PER_MONTH, limit), f"{rate:.2f}, at most {PER_MONTH}") if judged else ""
        made.add_row(f"{rows:,}", f"{counts[WINDOWS]:,}", f"{rate:.2f}", f"{most:.2f}", *_shares(counts), goal)
    return made


def per_month(counts: Mapping[str, int]) -> tuple[float, float]:
    """Episodes in 30 windows, and the 95 % upper bound of what is to be expected.

    >>> rate, most = per_month({"windows": 3000, "episodes": 0})
    >>> rate, round(most, 3)
    (0.0, 0.03)
    """
    months = counts[WINDOWS] / MONTH
    return counts[EPISODES] / months, float(stats.chi2.ppf(0.95, 2 * counts[EPISODES] + 2) / 2 / months)


def _shares(counts: Mapping[str, int]) -> list[str]:
    return [f"{counts[rule] / counts[WINDOWS]:.1%}" for rule in NAIVE]


def days_table(found: Mapping[str, Sequence[Held]], *, judged: bool) -> Table:
    """Alarms of every rule on real windows of each width, all months together."""
    made = Table(
        "windows of", "windows", "episodes", "with an alarm", *NAIVE, "goal", title="Real days, months held out"
    )
    for width in WIDTHS:
        held = [each for month in found.values() for each in month if each.width == width]
        counts, episodes = _together(held)
        figures = (f"{counts[WINDOWS]}", f"{episodes}", f"{counts[CALIBRATED]}", *_shares(counts))
        made.add_row(in_words(width), *figures, _of_days(episodes) if judged else "")
    return made


def _together(held: Sequence[Held]) -> tuple[Counter[str], int]:
    counts = Counter[str]()
    for each in held:
        counts.update(each.alarmed)
    return counts, sum(len(each.episodes) for each in held)


def _of_days(episodes: int) -> str:
    return _mark(episodes <= OF_DAYS, f"{episodes}, at most {OF_DAYS}")


def told(found: Mapping[str, Sequence[Held]]) -> Iterator[str]:
    """Every episode in words."""
    for held in (each for month in found.values() for each in month):
        for words in held.episodes:
            known = " (the blizzard of 8 and 9 February 2013)" if words.startswith(BLIZZARD) else ""
            yield f"  alarm, windows of {in_words(held.width)}: {words}{known}"


def found_table(found: Mapping[tuple[str, int], Counter[int]], usual: Mapping[str, float], *, judged: bool) -> Table:
    """How soon each fault is found; `usual` is the share of the category that rows are moved to."""
    sizes = list(dict.fromkeys(rows for _, rows in found))
    made = Table("fault", *(f"{rows:,} rows" for rows in sizes), "goal", title="Found by window 3 (by window 7)")
    for name in dict.fromkeys(fault for fault, _ in found):
        cells = [_found(found[name, rows], _best(name, rows, usual)) for rows in sizes]
        judgeable = [found[name, rows] for rows in sizes if rows >= FAULTS[name].least]
        made.add_row(name, *cells, _goal(FAULTS[name], judgeable) if judged and judgeable else "")
    return made


def found_by(window: int, first: Mapping[int, int]) -> float:
    """The part of sequences whose first alarm comes by a window.

    >>> found_by(3, {0: 1, 2: 6, 3: 1, 7: 2})
    0.7
    """
    return sum(count for number, count in first.items() if 0 < number <= window) / sum(first.values())


def _found(first: Mapping[int, int], best: float | None) -> str:
    known = "" if best is None else f", best {best:.0%}"
    return f"{found_by(SOON, first):.1%} ({found_by(LATE, first):.1%}){known}"


def _best(name: str, rows: int, usual: Mapping[str, float]) -> float | None:
    if name not in usual:
        return None
    level = AlarmBudget().alarms * (DAY / AlarmBudget().period) / len(shares_of_tests(len(COLUMNS)))
    return best_possible(usual[name], share=FAULTS[name].share, rows=SOON * rows, level=level)


def _goal(fault: Fault, found: Sequence[Mapping[int, int]]) -> str:
    least = min(found_by(fault.by, first) for first in found)
    words = f"{least:.1%}, at least {fault.part:.0%} by {fault.by} from {fault.least:,} rows"
    return _mark(least >= fault.part, words)


def joint_table(
    clean: Mapping[str, int], found: Mapping[int, Counter[int]], days: Mapping[str, Sequence[Held]], *, judged: bool
) -> Table:
    """With the tests that need rows: false alarms, and a change of no column alone."""
    made = Table("all tests", "of", "found", "goal", title="All tests, those of time gaps and joint changes among them")
    rate, most = per_month(clean)
    goal = _mark(rate <= PER_MONTH, f"{rate:.2f} in 30, at most {PER_MONTH}") if judged else ""
    made.add_row("clean windows", f"{clean[WINDOWS]}", f"episodes: {clean[EPISODES]} (95 %: {most:.2f} in 30)", goal)
    counts, episodes = _together([each for month in days.values() for each in month])
    if days:
        made.add_row("real days", f"{counts[WINDOWS]}", f"episodes: {episodes}", _of_days(episodes) if judged else "")
    for rows, first in found.items():
        part = found_by(SOON, first)
        goal = _mark(part >= 0.95, f"{part:.0%}, at least 95% by window {SOON}") if judged else ""
        made.add_row(f"temp and dewp apart, {rows:,} rows", f"{sum(first.values())} sequences", f"{part:.0%}", goal)
    return made


def speed_table(found: Speed, *, judged: bool) -> Table:
    """Seconds to calibrate and to judge."""
    made = Table("", "CPU s", "wall s", "goal", title=f"{found.columns} columns, {found.days} daily windows")
    for words, spent, limit in (
        ("calibrating, the stored reference read", found.calibrating, CALIBRATING),
        ("judging one window from profiles", found.judging, JUDGING),
    ):
        goal = _mark(spent.cpu <= limit, f"{spent.cpu:.3g} s, at most {limit:.3g} s") if judged else ""
        made.add_row(words, f"{spent.cpu:.3f}", f"{spent.wall:.3f}", goal)
    return made


def _mark(met: bool, text: str) -> str:
    return f"[green]pass[/] {text}" if met else f"[red]miss[/] {text}"
