"""Segments: each value on its own, corrected for all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench.windows import Window, window
from monitoring_tasks.retraining.gate.compare import compare
from monitoring_tasks.retraining.gate.sample import Sample, sample
from monitoring_tasks.retraining.gate.segments import compare_segments, holm
from monitoring_tasks.retraining_section import Gate


def rows_of(seed: int = 0, **about: Any) -> Sample:
    """Checked rows of a binary window in day blocks."""
    return sample(window(seed, Window(**{"rows": 3000, **about})), task="binary", days=True)[0]


def test_holm_is_the_textbooks() -> None:
    """Times the number still standing, never falling, at most 1; in the order given."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_segment_is_compared_as_if_it_were_alone() -> None:
    """The comparison of a value is that of its rows; values are sorted, rows without one come last."""
    rows = rows_of()
    values = np.array(["b", "a", None], dtype=object)[np.random.default_rng(1).integers(0, 3, len(rows))]
    (found,) = compare_segments(rows, {"place": values}, "auc", Gate())
    assert [each.value for each in found.judged] == ["a", "b", None]
    assert found.judged[0].comparison == compare("auc", rows.take(np.flatnonzero(values == "a")), confidence=0.95)
    assert (found.left, found.left_rows) == (0, 0)


def test_small_segments_are_left_out_and_counted() -> None:
    """Too few rows, too few of a class, too few days: none is judged, all are told."""
    rows = rows_of()
    assert rows.block is not None
    values = np.full(len(rows), "large", dtype=object)
    values[np.flatnonzero(rows.label == 0)[::5]] = "few positives"
    values[np.flatnonzero(rows.label == 1)[::80]] = "few positives"
    values[-30:] = "small"
    values[(rows.block == 2) & (values == "large")] = "a day"
    (found,) = compare_segments(rows, {"place": values}, "auc", Gate(segment_rows=200))
    assert [each.value for each in found.judged] == ["large"]
    assert found.left == 3
    assert found.left_rows == np.count_nonzero(values != "large")


def test_a_segment_of_few_days_is_left_out() -> None:
    """An interval from three days cannot be believed, however many rows they have."""
    rows = rows_of(rows=6000, days=20)
    assert rows.block is not None
    values = np.where(rows.block < 5, "five days", "the rest").astype(object)
    kept = {days: compare_segments(rows, {"place": values}, "auc", Gate(minimum_days=days))[0] for days in (5, 6)}
    assert [each.value for each in kept[5].judged] == ["five days", "the rest"]
    assert [each.value for each in kept[6].judged] == ["the rest"]


def test_a_segment_that_gets_worse_is_found_among_many() -> None:
    """Reversed scores of one value in twelve are worse beyond Holm's correction; no other value is."""
    rows = rows_of(rows=12_000)
    values = np.random.default_rng(2).integers(0, 12, len(rows))
    challenger = np.where(values == 7, 1 - rows.challenger, rows.challenger)
    changed = Sample(rows.label, rows.champion, challenger, rows.day, rows.block)
    found = compare_segments(changed, {"one": values}, "auc", Gate())
    assert [(each.column, each.value) for column in found for each in column.judged if each.worse] == [("one", "7")]


def test_equal_segments_are_seldom_called_worse() -> None:
    """Of windows with an equal challenger and ten segments, at most about 5 % have a segment called worse."""
    windows = [rows_of(seed, days=14, clustering=0.2) for seed in range(80)]
    values = np.arange(3000) % 10
    found = [compare_segments(rows, {"ten": values}, "log_loss", Gate(segment_rows=100))[0] for rows in windows]
    assert sum(any(each.worse for each in column.judged) for column in found) <= 10


def test_a_tolerance_allows_some_loss() -> None:
    """What is worse beyond doubt may be worse by less than the tolerance."""
    rows = rows_of(challenger=1.2)
    whole = {"whole": np.zeros(len(rows))}
    strict, lenient = (
        compare_segments(rows, whole, "auc", Gate(tolerance=tolerance))[0].judged[0] for tolerance in (0.0, 0.1)
    )
    assert strict.worse
    assert not lenient.worse
