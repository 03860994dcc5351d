"""The goals: what is found, and whether it is met."""

from __future__ import annotations

from dataclasses import replace

from bench.lines import LARGE, bounds, dearer, small
from bench.measure import Figures

OURS = Figures(cpu=2.0, steps={}, wall=1.0, process=3.0, peak=3e8)


def test_a_peer_must_cost_many_times_ours() -> None:
    """The peer's CPU over ours, met from the limit on."""
    assert dearer(100, replace(OURS, cpu=200.0), OURS) == ("100x, at least 100x", True)
    assert dearer(100, replace(OURS, cpu=199.0), OURS)[1] is False


def test_ours_may_cost_little_more_than_a_scan() -> None:
    """Our CPU over the scan's, met up to the limit."""
    assert bounds(1.5, replace(OURS, cpu=1.25), OURS) == ("ours 1.60x, at most 1.5x", False)
    assert bounds(1.5, replace(OURS, cpu=1.5), OURS)[1] is True


def test_memory_is_bounded() -> None:
    """The line's own peak in megabytes, met up to the limit."""
    assert small(400, OURS, OURS) == ("300 MB, at most 400 MB", True)
    assert small(400, replace(OURS, peak=4.1e8), OURS)[1] is False


def test_ours_is_bounded_with_and_without_an_id() -> None:
    """Both of our lines at the large size have the same bound of memory."""
    ours = [line for line in LARGE.lines if line.title.startswith("ours")]
    goals = [line.goal(OURS, OURS) if line.goal else None for line in ours]
    assert goals == [("300 MB, at most 400 MB", True)] * 2
