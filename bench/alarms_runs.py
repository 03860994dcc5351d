"""The simulations of the alarms' bench: clean windows drawn anew, and windows with a fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from bench.alarms_draw import Draws
from bench.alarms_faults import FAULTS, LATE
from bench.alarms_pool import read_pool, smoothed
from bench.alarms_rules import Policy, Watch, naive
from monitoring_tasks.window import DAY

WINDOWS, EPISODES, CALIBRATED = "windows", "episodes", "calibrated"


@dataclass(frozen=True)
class Size:
    """How much is simulated: clean windows by their rows; sequences of windows for each fault and number of rows.

    They are shared among `references` references, each drawn anew.
    """

    clean: Mapping[int, int]
    faulty: Sequence[int]
    sequences: int
    references: int


FULL = Size({500: 3000, 1000: 3000, 2000: 3000, 100_000: 600}, (500, 1000, 2000), sequences=400, references=10)
QUICK = Size({500: 120, 1000: 120, 2000: 120, 100_000: 10}, (500, 2000), sequences=10, references=2)


def workers(processes: int | None = None) -> ProcessPoolExecutor:
    """Processes to share the work: so many, or one for each processor."""
    return ProcessPoolExecutor(processes, mp_context=get_context("spawn"))


@lru_cache(maxsize=2)
def drawn(file: Path, reference: int) -> tuple[Draws, Policy]:
    """The draws against one reference, and the policy of daily windows for it."""
    draws = Draws.of(smoothed(read_pool(file)), reference)
    return draws, Policy.of(draws.reference, DAY)


def clean(file: Path, reference: int, rows: int, windows: int) -> Counter[str]:
    """Of clean windows in a row: alert episodes, and windows with an alarm of our policy and of each naive rule."""
    draws, policy = drawn(file, reference)
    random = np.random.default_rng([1, reference, rows])
    watch, found = Watch(), Counter({WINDOWS: windows})
    for _ in range(windows):
        window = draws.window(random, rows)
        alarms = watch.alarms(policy.tests(window))
        found[CALIBRATED] += bool(alarms)
        found[EPISODES] += watch.begins(alarms)
        found.update(naive(draws.binning, draws.reference.profile, window))
    return found


def first_alarms(file: Path, reference: int, rows: int, fault: str, sequences: int) -> Counter[int]:
    """How many sequences have their first alarm about the faulty column in each window, 0 meaning in none of seven."""
    draws, policy = drawn(file, reference)
    random = np.random.default_rng([2, reference, rows, list(FAULTS).index(fault)])
    return Counter(_first_alarm(draws, policy, random, rows, fault) for _ in range(sequences))


def _first_alarm(draws: Draws, policy: Policy, random: np.random.Generator, rows: int, fault: str) -> int:
    watch = Watch()
    for number in range(1, LATE + 1):
        alarms = watch.alarms(policy.tests(draws.window(random, rows, fault)))
        if any(column == FAULTS[fault].column for _, column in alarms):
            return number
    return 0


def all_clean(pool: Executor, file: Path, size: Size) -> dict[int, Counter[str]]:
    """What `clean` counts for each number of rows, over all references; always the same."""
    tasks = [(reference, rows) for reference in range(size.references) for rows in size.clean]
    made = [pool.submit(clean, file, each, rows, size.clean[rows] // size.references) for each, rows in tasks]
    found = {rows: Counter[str]() for rows in size.clean}
    for (_, rows), future in zip(tasks, made, strict=True):
        found[rows].update(future.result())
    return found


def all_first_alarms(
    pool: Executor, file: Path, size: Size, faults: Sequence[str] = tuple(FAULTS)
) -> dict[tuple[str, int], Counter[int]]:
    """What `first_alarms` counts for each fault and number of rows, over all references; always the same."""
    cases = [(fault, rows) for fault in faults for rows in size.faulty]
    tasks = [(reference, case) for reference in range(size.references) for case in cases]
    share = size.sequences // size.references
    made = [pool.submit(first_alarms, file, each, rows, fault, share) for each, (fault, rows) in tasks]
    found = {case: Counter[int]() for case in cases}
    for (_, case), future in zip(tasks, made, strict=True):
        found[case].update(future.result())
    return found
