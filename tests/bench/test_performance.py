"""The bench of performance with labels at a size that takes seconds, on rows made up here."""

from __future__ import annotations

import io
from collections import Counter
from datetime import timedelta

import numpy as np
from rich.console import Console

from bench.estimate import FIRST, MONTHS
from bench.performance import SOON, WORSE, flips_table, held_table, number, weeks_table
from bench.performance_runs import (
    DELAYS,
    LATE,
    SHOWN,
    Pool,
    Watch,
    Week,
    early,
    first_alarm,
    held_out,
    together,
    year,
)
from monitoring_tasks.checks import Check, CheckResult, Status, Suite
from monitoring_tasks.performance.delays import DelayCurve
from monitoring_tasks.performance.ordinary import Ordinary
from monitoring_tasks.performance.windows import Learnt
from monitoring_tasks.window import DAY
from tests.performance.simulated import drawn, undated


def printed(table: object) -> str:
    """The table as text."""
    out = Console(file=io.StringIO(), width=220)
    out.print(table)
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


def test_flips_are_found_and_clean_labels_are_not() -> None:
    """Alike every time."""
    pool = Pool.of(drawn(1, days=10, rows=1000))
    found = first_alarm(pool, 500, 0.2, 1)
    assert 0 < found <= SOON
    assert found == first_alarm(pool, 500, 0.2, 1)
    assert first_alarm(pool, 200, 0.0, 1) == 0


def test_a_weak_finding_alarms_when_it_stands_again() -> None:
    """In the newest three windows, not in four."""
    weak = [CheckResult(Suite.PERFORMANCE, Check.CHAMPION_DROP, Status.SUSPECT, "auc", value=0.6)]
    watch = Watch()
    assert [bool(watch.alarms(each)) for each in (weak, [], weak, [], [], weak, weak)] == [
        *(False, False, True, False),
        *(False, False, True),
    ]


def test_intervals_of_early_labels_are_counted() -> None:
    """Of each metric: the corrected one holds, where late labels come much later the raw one does not."""
    rows, lateness = undated(drawn(1, days=10, rows=1000)), DELAYS["late flights 4x"]
    delays = lateness.drawn(np.random.default_rng(1), rows.label)
    learnt = Learnt(SHOWN, Ordinary.learn(rows, SHOWN, DAY), DelayCurve.learn(delays, rows.label, "binary"))
    found = together(early(rows, 1500, learnt, lateness, seed) for seed in range(10))
    corrected, raw = found["predicted_minus_actual"]
    assert corrected >= 8
    assert raw == 0


def test_weeks_are_judged_in_order() -> None:
    """Each of the year's weeks; and those of the reference by the others, which raise no alarm."""
    reference = drawn(1, days=90, rows=60)
    after = drawn(2, days=21, rows=60, start=FIRST)
    weeks = year(reference, after)
    assert [number(week) for week in weeks][:3] == [14, 15, 16]
    assert not weeks[0].alarms
    assert weeks[5].figures["auc"] is None
    quiet = held_out(reference)
    assert [number(week) for week in quiet] == list(range(1, 13))
    assert not any(week.alarms for week in quiet)


def test_tables_hold_figures_against_their_goals() -> None:
    """Flips by window 3 or 7, intervals by their share, weeks by their number; nothing is judged of a quick run."""
    first = {(0.0, 500): Counter({0: 100}), (0.1, 500): Counter({2: 96, LATE: 4}), (0.05, 1000): Counter({0: 9, 1: 1})}
    text = printed(flips_table(first, judged=True))
    assert "pass 0.0% alarm" in text
    assert "pass 96.0% by 3" in text
    assert "miss 10.0% by 7" in text
    counts = dict.fromkeys(SHOWN.metrics, (93, 10)) | {"auc": (92, 95)}
    assert "miss 92.0%, at least 93%" in printed(held_table({"alike": counts}, 100, judged=True))
    assert "93.0% (10.0%)" in printed(held_table({"alike": counts}, 100, judged=False))
    alarms = frozenset({"champion_drop predicted_minus_actual"})
    weeks = [Week(MONTHS[0] + (each - 1) * timedelta(weeks=1), {}, alarms) for each in WORSE["predicted_minus_actual"]]
    text = printed(weeks_table(weeks, [], judged=True))
    assert "pass 16, 17, 26, 28, 29, 30 among them" in text
    assert "miss 38, 39 among them" in text
    assert "pass" not in printed(weeks_table(weeks, weeks, judged=False))
