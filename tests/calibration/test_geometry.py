"""Windows and baselines inside the reference, compared with brute force on the pieces' moments."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.alarms_section import Baseline, SeasonalBaseline, TrailingBaseline, TrainingBaseline
from monitoring_tasks.calibration.geometry import LEAST_WINDOWS, replay, whole_weeks
from monitoring_tasks.window import Window
from tests.calibration.columns import DAY, START

HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)
baselines = st.one_of(
    st.just(TrainingBaseline()),
    st.integers(1, 40).map(lambda days: TrailingBaseline(width=days * DAY)),
    st.integers(1, 5).map(lambda weeks: SeasonalBaseline(weeks=weeks)),
)


def days(places: list[int], step: timedelta = DAY) -> list[Window]:
    """Pieces at these places."""
    return [Window(START + place * step, START + (place + 1) * step) for place in places]


def _before(piece: Window, window: Window, baseline: Baseline) -> bool:
    """Whether a piece is of a window's baseline, by its moments."""
    if isinstance(baseline, TrailingBaseline):
        return window.start - baseline.width <= piece.start < window.start
    if isinstance(baseline, SeasonalBaseline):
        shift = whole_weeks(window.width)
        moves = [number * shift for number in range(1, baseline.weeks + 1)]
        return any(window.start - move <= piece.start < window.end - move for move in moves)
    return not window.start <= piece.start < window.end


def _brute(pieces: list[Window], long: int, baseline: Baseline, step: timedelta) -> list[tuple[list[int], list[int]]]:
    found = []
    end = pieces[-1].end
    while end - long * step >= pieces[0].start:
        window = Window(end - long * step, end)
        own = [place for place, piece in enumerate(pieces) if window.start <= piece.start < window.end]
        rest = [place for place, piece in enumerate(pieces) if _before(piece, window, baseline)]
        wanted = {"trailing": baseline.width // step if isinstance(baseline, TrailingBaseline) else 0}
        wanted["seasonal"] = baseline.weeks * long if isinstance(baseline, SeasonalBaseline) else 0
        if own and 2 * len(rest) >= wanted.get(baseline.kind, 1):
            found.append((own, rest))
        end = window.start
    return found[::-1] if len(found) >= LEAST_WINDOWS else []


@given(
    places=st.sets(st.integers(0, 80), min_size=1).map(sorted),
    long=st.integers(1, 14),
    baseline=baselines,
)
def test_replay_is_brute_force_over_moments(places: list[int], long: int, baseline: Baseline) -> None:
    """The same windows and baselines, whatever days are missing: windows share no piece, and no baseline leaks."""
    pieces = days(places)
    found = replay(pieces, long * DAY, baseline)
    rows = [
        (np.flatnonzero(own).tolist(), np.flatnonzero(rest).tolist())
        for own, rest in zip(found.windows, found.baselines, strict=True)
    ]
    assert rows == _brute(pieces, long, baseline, DAY)
    assert found.windows.shape == found.baselines.shape == (len(found), len(pieces))
    assert not (found.windows * found.baselines).any()
    assert found.windows.sum(axis=0).max(initial=0) <= 1
    if not isinstance(baseline, TrainingBaseline):
        for own, rest in rows:
            assert not rest or max(rest) < min(own)


def test_a_year_of_days() -> None:
    """Each day against all others, against the four weeks before, and against its four weekdays before."""
    pieces = days(list(range(365)))
    training = replay(pieces, DAY, TrainingBaseline())
    assert (training.windows == np.eye(365)).all()
    assert (training.baselines == 1 - np.eye(365)).all()
    trailing = replay(pieces, DAY, TrailingBaseline(width=28 * DAY))
    assert len(trailing) == 365 - 14  # half of it is enough
    assert np.flatnonzero(trailing.baselines[-1]).tolist() == list(range(336, 364))
    seasonal = replay(pieces, DAY, SeasonalBaseline(weeks=4))
    assert np.flatnonzero(seasonal.baselines[-1]).tolist() == [336, 343, 350, 357]
    assert len(seasonal) == 365 - 14


def test_weeks_of_days_end_with_the_newest() -> None:
    """Thirty-seven days are five whole weeks; the two oldest days are in no window, but in the baseline."""
    found = replay(days(list(range(37))), WEEK, TrainingBaseline())
    assert found.windows.sum(axis=1).tolist() == [7] * 5
    assert not found.windows[:, :2].any()
    assert found.baselines[:, :2].all()


@pytest.mark.parametrize(("width", "pieces"), [(DAY, 1), (30 * HOUR, 1), (37 * HOUR, 2), (HOUR, 1)])
def test_a_width_is_rounded_to_whole_pieces(width: timedelta, pieces: int) -> None:
    """A window has at least one piece."""
    found = replay(days(list(range(20))), width, TrainingBaseline())
    assert set(found.windows.sum(axis=1)) == {pieces}


def test_hours() -> None:
    """Pieces of an hour: the same hour of the week before, and windows of six hours."""
    pieces = days(list(range(672)), HOUR)
    seasonal = replay(pieces, HOUR, SeasonalBaseline(weeks=2))
    assert np.flatnonzero(seasonal.baselines[-1]).tolist() == [671 - 2 * 168, 671 - 168]
    six = replay(pieces, 6 * HOUR, TrailingBaseline(width=DAY))
    assert np.flatnonzero(six.windows[-1]).tolist() == list(range(666, 672))
    assert np.flatnonzero(six.baselines[-1]).tolist() == list(range(642, 666))


@pytest.mark.parametrize("count", range(7))
def test_too_few_windows_teach_nothing(count: int) -> None:
    """Fewer than five are none, and the shapes still fit."""
    found = replay(days(list(range(count))), DAY, TrainingBaseline())
    assert len(found) == (count if count >= LEAST_WINDOWS else 0)
    assert found.windows.shape == (len(found), count)


def test_weeks_by_which_a_window_moves() -> None:
    """A window of more than a week must not meet itself."""
    assert whole_weeks(DAY) == whole_weeks(WEEK) == WEEK
    assert whole_weeks(8 * DAY) == 2 * WEEK
