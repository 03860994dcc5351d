"""What a column's own windows teach."""

from __future__ import annotations

import numpy as np
import pytest

from monitoring_tasks.calibration.counts import Counts, freedom
from monitoring_tasks.calibration.lessons import LEAST_VARIANCE, RARELY, Lesson, Shares, learn
from monitoring_tasks.calibration.nulls import KOLMOGOROV, chance_p_value
from monitoring_tasks.profile.binning import ColumnBins, Floats
from tests.calibration.columns import ANY, counted, each_against_rest, equal, named


def lesson(bins: ColumnBins, windows: Counts) -> Lesson:
    """What these windows teach, each compared with all others."""
    return learn(bins, windows.summed(np.ones((1, len(windows.rows)))), windows, each_against_rest(len(windows.rows)))


def drawn(shares: Floats, windows: int = 40, rows: int = 1_000) -> Floats:
    """Chance samples."""
    return np.random.default_rng(3).multinomial(rows, shares, windows).astype(float)


def shares(part: list[float], whole: float = 1_000, usual: float = 10, among: float = 30_000) -> Shares:
    """The same baseline for each window."""
    size = len(part)
    return Shares(np.array(part), np.full(size, whole), np.full(size, usual), np.full(size, among))


def test_the_chance_part_knows_the_columns_kind() -> None:
    """Kolmogorov's for fine bins, the variance of the widest place for few values, degrees of freedom of categories."""
    fine = lesson(ANY, counted(drawn(equal(200)))).distance
    assert (fine.chance, fine.freedom, fine.continuous) == (KOLMOGOROV, 4 * KOLMOGOROV, True)
    two = lesson(ANY, counted(drawn(np.array([0.7, 0.3])))).distance
    assert two.chance == pytest.approx(0.21, rel=0.05)
    assert two.freedom == pytest.approx(1)
    assert not two.continuous
    five = lesson(named(5), counted(drawn(np.append(equal(5), 0)))).distance
    assert five.chance == five.freedom == freedom(np.append(equal(5), 0)) == 4


def test_a_constant_column_still_has_a_scale() -> None:
    """One other row is no miracle."""
    constant = lesson(ANY, counted(np.tile([1_000.0, 0.0], (30, 1)))).distance
    assert (constant.chance, constant.freedom) == (LEAST_VARIANCE, 1)
    assert constant.p_value(0.001**2, 1 / 1_000 + 1 / 30_000) > 0.5
    assert constant.p_value(0.5**2, 1 / 1_000 + 1 / 30_000) < 1e-9


def test_windows_that_are_chance_samples_teach_little_more() -> None:
    """Beyond chance there is no more than the error of the mean."""
    for bins, cells in ((ANY, drawn(equal(200))), (named(5), drawn(np.append(equal(5), 0)))):
        found = lesson(bins, counted(cells))
        assert 0 < found.distance.between < 0.5 * found.distance.chance * found.scarcity
        assert found.scarcity == pytest.approx(1 / 1_000 + 1 / 39_000)
        assert found.distance.windows == 40


def test_windows_that_differ_teach_by_how_much() -> None:
    """Half of the windows lie one way, half the other: the mean squared distance is that, and nothing spreads."""
    cells = np.tile([[600.0, 400.0, 0.0], [400.0, 600.0, 0.0]], (20, 1))
    number = lesson(ANY, counted(cells)).distance
    assert number.between == pytest.approx((0.1 * 40 / 39) ** 2, rel=0.05)
    assert number.spread == pytest.approx(0, abs=1e-6)
    category = lesson(named(2), counted(cells)).distance
    assert category.between == pytest.approx(4 * 0.1**2, rel=0.1)
    assert category.single == pytest.approx(4 * 0.1**2, rel=0.1)


def test_one_category_may_swing_alone() -> None:
    """The scale of single categories is that of the one that swings, not the mean of all."""
    cells = np.tile([[200.0] * 5 + [0.0]], (40, 1))
    cells[::2, 0] += 60
    cells[::2, 1] -= 60
    found = lesson(named(5), counted(cells)).distance
    assert found.single > 1.5 * found.between / found.chance


def test_neighbours_that_resemble_each_other_are_noticed() -> None:
    """A slow rise correlates neighbouring windows, a flicker does not; few windows say little."""
    slow = np.arange(60) / 60

    def correlation(wave: Floats) -> float:
        cells = np.column_stack([500 + 300 * wave, 500 - 300 * wave, 0 * wave])
        return lesson(ANY, counted(cells)).distance.correlation

    assert 0.7 < correlation(slow) <= 0.95
    assert correlation(np.tile([0.0, 1.0, 1.0, 0.3], 15)) < 0.3
    assert correlation(np.array([0.0, 0.1, 0.2])) == 0
    assert correlation(np.zeros(30)) == 0


def test_no_windows_teach_chance_alone() -> None:
    """Without pieces rows are taken as independent."""
    whole = counted(drawn(equal(200), windows=1))
    found = learn(ANY, whole, whole.summed(np.zeros((0, 1))), each_against_rest(0))
    assert (found.distance.windows, found.distance.between) == (0, 0)
    assert np.isnan(found.scarcity)
    assert not found.missing.dense
    assert len(found.constant) == 0


@pytest.mark.parametrize("bins", [ANY, named(2)])
def test_a_column_without_values(bins: ColumnBins) -> None:
    """Nothing to learn, and nothing fails."""
    found = lesson(bins, counted(np.zeros((6, 3)), missing=100))
    assert found.distance.windows == 0
    assert found.missing.part.tolist() == [100] * 6
    assert found.outside.whole.tolist() == [0] * 6
    assert len(found.constant) == 0


def test_categories_of_one_window_alone_are_unseen_in_it() -> None:
    """What no other window has would have been unknown, had the window come later."""
    cells = np.tile([[500.0, 500.0, 0.0, 0.0]], (6, 1))
    cells[2] = [500, 480, 20, 0]
    found = lesson(named(3), counted(cells))
    assert found.outside.part.tolist() == [0, 0, 20, 0, 0, 0]
    assert found.outside.baseline_part.tolist() == [0] * 6
    assert found.doubt == 0.5


def test_categories_seen_once_foretell_others() -> None:
    """As many rows of doubt as there are singular categories."""
    cells = np.tile([[500.0] + [0.0] * 8], (6, 1))
    cells[:, 1:7] = np.eye(6)
    assert lesson(named(8), counted(cells)).doubt == 6.5
    assert lesson(ANY, counted(cells)).doubt == 0.5


def test_windows_of_one_value_are_counted_as_such() -> None:
    """Windows of fewer than two rows say nothing about that."""
    found = lesson(ANY, counted([[5, 5], [9, 0], [1, 0], [0, 0], [0, 8], [3, 3]]))
    assert found.constant.tolist() == [False, True, True, False]


def test_bursts_are_shares_that_chance_cannot_explain() -> None:
    """Each as much as it lies above its baseline; a window below it has none."""
    found = shares([0, 1, 2, 300, 40, 3])
    assert found.bursts(0.5).tolist() == pytest.approx([0.3 - 1 / 3_000, 0.04 - 1 / 3_000])
    assert chance_p_value(40, 1_000, 10.5, 30_000) < RARELY < chance_p_value(3, 1_000, 10.5, 30_000)
    empty = Shares(np.array([0.0, 5.0]), np.array([0.0, 10.0]), np.zeros(2), np.array([10.0, 0.0]))
    assert empty.bursts(0.5).tolist() == []
    assert empty.steps()[0].tolist() == []


def test_most_windows_make_a_share_dense() -> None:
    """Half of them, and at least one."""
    assert shares([0, 1]).dense
    assert not shares([0, 0, 1]).dense
    assert not shares([]).dense


def test_steps_are_differences_of_arcsines() -> None:
    """With a quarter of 1/n + 1/m as their variance by chance, whatever the share."""
    random = np.random.default_rng(0)
    found = Shares(
        random.binomial(2_000, 0.2, 4_000).astype(float),
        np.full(4_000, 2_000.0),
        random.binomial(4_000, 0.2, 4_000).astype(float),
        np.full(4_000, 4_000.0),
    )
    step, chance = found.steps()
    assert np.var(step) == pytest.approx(chance[0], rel=0.1)
