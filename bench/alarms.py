"""Alarms: how often the calibrated policy and others alarm when nothing happened, and how soon when something did."""

from __future__ import annotations

from concurrent.futures import Executor
from pathlib import Path

from rich.console import Console

from bench import alarms_days, alarms_runs, alarms_speed
from bench.alarms_pool import pool_file, usual_shares
from bench.alarms_runs import workers
from bench.alarms_tables import clean_table, days_table, found_table, joint_table, speed_table, told
from bench.measure import ROOT

FOLDER = ROOT / ".bench" / "alarms"
NOTES = """\
The calibrated policy has its defaults: one false alarm in 90 days; a strong finding alarms at once, others when they
stand in 2 of the last 3 windows. An episode is a run of windows with an alarm. At most: 95 % bound of a Poisson count.
The other rules: share of windows with an alarm. They judge the same profiles, by fixed limits.
The goal also fails where episodes rise above the bound of the smallest windows.
Drawn anew: reference (50,000 rows) and windows are drawn with replacement from the flights of January to March.
Found: share of sequences with an alarm about the faulty column by window 3 (by window 7), and the goal by either.
Best: by window 3, the most powerful test of exactly this change at an even share of the budget. It knows the
category and counts its rows in all three windows.
All tests: those of time gaps and of joint changes as well, which need rows."""


def show(console: Console, progress: Console, *, quick: bool) -> None:
    """Run everything and print the tables; `quick` draws far fewer windows and judges no goal."""
    console.width = max(console.width, 200)
    file = pool_file(FOLDER)
    with workers() as pool:
        _profiles(console, progress, pool, file, quick=quick)
        _rows(console, progress, pool, file, quick=quick)
    progress.print("speed")
    with workers(1) as pool:
        spent = pool.submit(alarms_speed.speed, 200, 60 if quick else 365).result()
    console.print(speed_table(spent, judged=not quick))
    console.print(NOTES, highlight=False)


def _profiles(console: Console, progress: Console, pool: Executor, file: Path, *, quick: bool) -> None:
    """What the policy and others make of profiles."""
    size = alarms_runs.QUICK if quick else alarms_runs.FULL
    progress.print("clean windows drawn anew")
    console.print(clean_table(alarms_runs.all_clean(pool, file, size), judged=not quick))
    progress.print("real days")
    days = alarms_days.all_held_out(pool, file)
    console.print(days_table(days, judged=not quick), *told(days), sep="\n", highlight=False)
    progress.print("windows with a fault")
    found = alarms_runs.all_first_alarms(pool, file, size)
    console.print(found_table(found, usual_shares(file), judged=not quick))


def _rows(console: Console, progress: Console, pool: Executor, file: Path, *, quick: bool) -> None:
    """What the policy makes of windows whose rows it sees."""
    from bench import alarms_joint

    progress.print("all tests, joint changes among them")
    size = alarms_joint.QUICK if quick else alarms_joint.FULL
    clean, found = alarms_joint.all_clean(pool, file, size), alarms_joint.all_first_alarms(pool, file, size)
    days = {} if quick else alarms_joint.all_held_out(pool, file)
    console.print(joint_table(clean, found, days, judged=not quick), *told(days), sep="\n", highlight=False)
