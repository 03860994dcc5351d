"""Calibration of a whole reference: its nulls, their text, and what happens where the reference is poor."""

from __future__ import annotations

import json
from datetime import timedelta

import numpy as np
import pytest

from monitoring_tasks.alarms_section import Baseline, SeasonalBaseline, TrailingBaseline, TrainingBaseline
from monitoring_tasks.calibration.calibrate import NORMAL, USUAL_BURST, Calibration, calibrate
from monitoring_tasks.profile.binning import Binning, CategoryBins, NumericBins
from monitoring_tasks.profile.profile import Profile
from monitoring_tasks.profile.reference import ReferenceProfile
from tests.calibration.columns import DAY, column, profile, reference

NUMBERS = NumericBins(np.array([1.0, 2.0, 3.0]), np.arange(3), 0.5, 3.0)
BINNING = Binning(
    {"amount": NUMBERS, "empty": NUMBERS, "fixed": NUMBERS, "plan": CategoryBins(("a", "b")), "void": CategoryBins(())}
)
TRAINING: dict[str, Baseline] = dict.fromkeys(BINNING.columns, TrainingBaseline())


def piece(seed: int, *, missing: int = 0, rows: int = 1_000) -> Profile:
    """A day: a number, a number that is always missing, a constant one, a category, and one without categories."""
    random = np.random.default_rng(seed)
    filled = rows - missing
    columns = {
        "amount": column(NUMBERS, random.multinomial(filled, [0.2, 0.3, 0.4, 0.1]), null=missing),
        "empty": column(NUMBERS, [0] * 4, null=rows),
        "fixed": column(NUMBERS, [0, rows, 0, 0]),
        "plan": column(BINNING.columns["plan"], random.multinomial(rows, [0.6, 0.4])),
        "void": column(BINNING.columns["void"], [], null=rows),
    }
    return profile(BINNING, columns, rows)


def days(count: int, *, bursts: tuple[int, ...] = (), timed: bool = True) -> ReferenceProfile:
    """A reference of so many days, some of which have a burst of missing rows."""
    pieces = [piece(day, missing=200 if day in bursts else 0) for day in range(count)]
    return reference(BINNING, pieces, timed=timed)


def test_the_same_reference_gives_the_same_bytes() -> None:
    """And they give the same nulls back."""
    first, again = (json.dumps(calibrate(days(30), DAY, TRAINING).to_json(), allow_nan=False) for _ in range(2))
    assert first == again
    assert Calibration.from_json(json.loads(first)) == calibrate(days(30), DAY, TRAINING)


def test_windows_and_their_rows_are_counted() -> None:
    """Disjoint windows of the width, and the rows of a median one."""
    assert (calibrate(days(30), DAY, TRAINING).windows, calibrate(days(30), DAY, TRAINING).rows) == (30, 1_000)
    five = calibrate(days(30), 5 * DAY, TRAINING)
    assert (five.windows, five.rows) == (6, 5_000)
    gaps = calibrate(reference(BINNING, [piece(day) for day in range(10)], days=range(0, 20, 2)), 2 * DAY, TRAINING)
    assert (gaps.windows, gaps.rows) == (9, 1_000)


@pytest.mark.parametrize(("count", "timed"), [(30, False), (4, True)])
def test_without_windows_rows_are_independent(count: int, timed: bool) -> None:
    """No timestamps, or too few windows: chance is all there is."""
    found = calibrate(days(count, timed=timed), DAY, TRAINING)
    assert (found.windows, found.rows) == (0, 0)
    for null in found.columns.values():
        assert (null.distance.between, null.distance.windows, null.missing.rate, null.constant) == (0, 0, 0, 0)


def test_columns_that_teach_nothing_do_no_harm() -> None:
    """Always missing, constant, without categories: each has a null, and none disturbs the others."""
    found = calibrate(days(30), DAY, TRAINING)
    assert list(found.columns) == list(BINNING.columns)
    assert found.columns["empty"].distance.windows == 0
    assert found.columns["void"].distance.windows == 0
    assert found.columns["fixed"].constant > 0.75
    assert found.columns["amount"].constant == 0  # no value ever held half of a window: one that holds all is no chance
    assert found.columns["amount"].distance.windows == 30
    assert found.columns["empty"].missing.p_value(1_000, 1_000, 30_000, 30_000) > 0.1


def test_each_column_has_its_own_baseline() -> None:
    """A trailing or seasonal one leaves fewer windows."""
    baselines = TRAINING | {"amount": TrailingBaseline(width=14 * DAY), "plan": SeasonalBaseline(weeks=2)}
    found = calibrate(days(30), DAY, baselines)
    windows = {name: null.distance.windows for name, null in found.columns.items()}
    assert (windows["amount"], windows["plan"], found.windows) == (23, 23, 30)


def test_bursts_of_one_column_do_not_blind_the_others() -> None:
    """They are expected of the column that has them; of the others as often as of the one in the middle."""
    calm, stormy = (calibrate(days(30, bursts=bursts), DAY, TRAINING) for bursts in ((), (3, 11, 20)))
    assert calm.columns["amount"].missing.size == USUAL_BURST
    own, other = stormy.columns["amount"].missing, stormy.columns["fixed"].missing
    assert (own.size, other.size) == (pytest.approx(0.2 - 400 / 29_000), USUAL_BURST)
    assert own.rate > 3 * other.rate
    assert other.rate == calm.columns["fixed"].missing.rate
    assert other.p_value(200, 1_000, 0, 30_000) < 1e-3
    assert calm.columns["amount"].missing.p_value(200, 1_000, 0, 30_000) < 1e-3
    assert stormy.columns["amount"].missing.p_value(200, 1_000, 600, 30_000) > 0.05


def test_a_quiet_column_is_drawn_to_the_others() -> None:
    """Its scale is raised, never lowered; the spread of few windows is drawn to that of normal differences."""
    names = [f"c{number}" for number in range(7)]
    binning = Binning(dict.fromkeys(names, NUMBERS))
    random = np.random.default_rng(4)

    def day() -> Profile:
        moved = random.normal(0, 0.05, len(names)) * np.array([*[1.0] * 6, 0.0])
        cells = [random.multinomial(1_000, [0.25 + move, 0.25 - move, 0.25, 0.25]) for move in moved]
        return profile(binning, {name: column(NUMBERS, each) for name, each in zip(names, cells, strict=True)}, 1_000)

    pieces = [day() for _ in range(8)]
    baselines: dict[str, Baseline] = dict.fromkeys(names, TrainingBaseline())
    together = calibrate(reference(binning, pieces), DAY, baselines).columns
    alone_binning = Binning({"c6": NUMBERS})
    alone_pieces = [profile(alone_binning, {"c6": each.columns["c6"]}, 1_000) for each in pieces]
    alone = calibrate(reference(alone_binning, alone_pieces), DAY, {"c6": TrainingBaseline()}).columns["c6"]
    assert together["c6"].distance.between > alone.distance.between
    assert all(null.distance.spread > 0.3 * NORMAL for null in together.values())


def test_a_width_of_less_than_a_piece_is_one_piece() -> None:
    """Windows of an hour beside a reference of days are taken as days: there is nothing finer."""
    assert calibrate(days(10), timedelta(hours=1), TRAINING).windows == 10
