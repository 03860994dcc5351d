"""The bench's simulation and tables of the gate, at a size that takes no time."""

from __future__ import annotations

import io
import re

from rich.console import Console

from bench.gate import GATES, SETTINGS, Speed, promotions, share_table, simulate, speed, speed_table
from bench.windows import Window


def printed(table: object) -> str:
    """The table as text."""
    out = Console(file=io.StringIO(), width=200)
    out.print(table)
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


def test_a_better_challenger_is_promoted_by_all() -> None:
    """Every gate promotes a challenger that is far better; few promote one that is far worse."""
    better = Window(5000, days=31, champion=2.0, challenger=0.2)
    assert promotions(1, better) == (True,) * len(GATES)
    assert not any(promotions(1, Window(5000, days=31, champion=0.2, challenger=2.0)))


def test_shares_are_simulated_alike_every_time() -> None:
    """Each setting has its share for every gate, whatever the number of processes."""
    found = simulate({200: 20}, processes=2)
    assert list(found) == [(name, 200) for name in SETTINGS]
    assert found == simulate({200: 20}, processes=1)
    assert found["equal, independent rows, 31 days", 200][0] <= 0.3
    text = printed(share_table(found, {200: 20}, judged=True))
    assert len(re.findall(r"(pass|miss) \d+\.\d%, at most 5%", text)) == 3


def test_speed_is_held_against_its_goal() -> None:
    """Each number of columns has a line; more than ten seconds miss the goal."""
    assert [each.columns for each in speed(2000)] == [1, 10]
    text = printed(speed_table([Speed(10**6, 1, 9.9, 9.9), Speed(10**6, 10, 10.1, 9.0)], judged=True))
    assert "pass 9.9 s, at most 10 s" in text
    assert "miss 10.1 s, at most 10 s" in text
    assert "pass" not in printed(speed_table([Speed(10**6, 1, 9.9, 9.9)], judged=False))
