"""What the pictures of an alert show: figures of profiles and of the ledger, never drawn as what they are not."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.alerts.message import Plot
from monitoring_tasks.alerts.plotting import BEFORE, THIS, column_plot, level_plot, metric_plot
from monitoring_tasks.performance.record import Against, Estimated, Figure, Interval, Maturity, Restatement
from monitoring_tasks.profile.binning import CategoryBins, numeric_bins
from monitoring_tasks.profile.kernel import profile_column
from monitoring_tasks.profile.pairs import Pair
from monitoring_tasks.profile.profile import CategoryProfile
from monitoring_tasks.window import DAY, Window
from tests.alerts.levels import course

DAY_ONE = Window.parse("2013-06-01", "2013-06-02")
HELD = {"champion": Against(0.70, 0.1, 0.02, relative=False)}


def numbers(reference: Any, current: Any) -> Pair:
    """A column of numbers, by way of its profiles."""
    bins = numeric_bins(np.asarray(reference, float), limits=None, slack=3.0)
    sides = (profile_column(pa.chunked_array([pa.array(side, pa.float64())]), bins) for side in (reference, current))
    return Pair(bins, *sides)


def restated(*values: float | None, metric: str = "auc", width: timedelta = DAY, **more: Any) -> list[Restatement]:
    """A metric of consecutive windows; None where it is undefined."""
    return [
        Restatement(
            monitor="flight_delay",
            champion="v1",
            window=Window(DAY_ONE.start + place * width, DAY_ONE.start + (place + 1) * width),
            config_hash="c",
            known_at=DAY_ONE.end,
            maturity=Maturity(10, 10, 10),
            figures=(Figure(metric, "", 10, Interval(value), **{"against": HELD, **more}),),
        )
        for place, value in enumerate(values)
    ]


def test_a_column_is_shown_beside_its_reference() -> None:
    """Where values were and where they are now, in twenty bars, and the same in words for whoever sees no picture."""
    random = np.random.default_rng(0)
    plot = column_plot("temp", numbers(random.normal(10, 1, 5000), random.normal(30, 1, 5000)))
    assert plot is not None
    assert (plot.kind, plot.title, list(plot.series)) == ("bars", "temp: share of values", ["reference", "now"])
    assert len(plot.labels) == 20
    usual, now = (np.array(plot.series[side], float) @ np.array(plot.labels, float) for side in ("reference", "now"))
    assert (usual, now) == (pytest.approx(10, abs=0.5), pytest.approx(30, abs=0.5))
    assert plot.alt.startswith("temp: mostly ")


def test_a_new_category_is_named_in_words() -> None:
    """The text says which category took the place of which."""
    sides = CategoryProfile(np.array([9, 1]), {}), CategoryProfile(np.array([1, 1]), {"ZZ": 8})
    plot = column_plot("carrier", Pair(CategoryBins(("AA", "UA")), *sides))
    assert plot is not None
    assert plot.alt == "carrier: mostly AA in the reference (90%), mostly ZZ (new) now (80%)"


def test_a_column_without_a_value_now_says_so() -> None:
    """All empty: the reference is still shown; a column that never had one has no picture."""
    plot = column_plot("temp", numbers([1.0, 2.0, 3.0], []))
    assert plot is not None
    assert plot.alt.endswith("no value now")
    assert set(plot.series["now"]) == {0.0}
    empty = CategoryProfile(np.array([], int), {})
    assert column_plot("carrier", Pair(CategoryBins(()), empty, empty)) is None


@given(st.text(), st.text(min_size=1))
def test_hostile_names_stay_names(column: str, category: str) -> None:
    """Labels, title and text are plain lines, whatever a column or category is called; the plot survives as JSON."""
    sides = CategoryProfile(np.array([3]), {}), CategoryProfile(np.array([1]), {f"{category}!": 2})
    plot = column_plot(column, Pair(CategoryBins((category,)), *sides))
    assert plot is not None
    assert all(text.isprintable() for text in (plot.title, plot.alt, *plot.labels))
    assert Plot.from_json(plot.to_json()) == plot


def test_a_metric_is_shown_over_time_with_its_limit() -> None:
    """A window whose metric is undefined is a gap, not a zero; the limit is the worst that the champion allows."""
    plot = metric_plot(restated(0.71, None, 0.61), "auc")
    assert plot is not None
    assert plot.series == {"auc": (0.71, None, 0.61)}
    assert plot.labels == ("06-01", "06-02", "06-03")
    assert plot.limit == pytest.approx(0.68)
    assert plot.alt == "auc: 0.71 in the window of 06-01, 0.61 in that of 06-03, limit 0.68"


def test_what_scores_let_expect_stands_beside_it() -> None:
    """An estimate that is believed is a second line; one that is refused is none."""
    known = Estimated(Interval(0.7))
    plot = metric_plot(restated(0.7, 0.6, estimated=known), "auc")
    assert plot is not None
    assert plot.series["expected from scores"] == (0.7, 0.7)
    refused = metric_plot(restated(0.7, 0.6, estimated=Estimated(Interval(0.7), refused="drift")), "auc")
    assert refused is not None
    assert list(refused.series) == ["auc"]


@pytest.mark.parametrize(
    ("metric", "values", "against", "limit"),
    [
        ("rmse", (10.0, 14.0), Against(10.0, 0.4, 0.1, relative=True), 11.0),
        ("bias", (0.1, -3.0), Against(0.5, 2.5, 1.0, relative=False), -1.5),
        ("bias", (0.1, 3.0), Against(0.5, 2.5, 1.0, relative=False), 1.5),
        ("auc", (0.7, 0.6), Against(None, None, 0.1, relative=False), None),
        ("something_else", (0.7, 0.6), Against(0.7, 0.1, 0.1, relative=False), 0.6),
    ],
)
def test_the_limit_lies_on_the_worse_side(
    metric: str, values: tuple[float, ...], against: Against, limit: float | None
) -> None:
    """Above for an error, below for a score, on the side of the newest value for a bias; none without a baseline."""
    plot = metric_plot(restated(*values, metric=metric, against={"champion": against}), metric)
    assert plot is not None
    assert plot.limit == (None if limit is None else pytest.approx(limit))


def test_large_errors_are_told_in_whole_numbers() -> None:
    """Of money, say: nobody reads an exponent at night."""
    limits = {"champion": Against(1100.0, 137.4, 110.0, relative=False)}
    plot = metric_plot(restated(1100.2, 1237.4, metric="rmse", against=limits), "rmse")
    assert plot is not None
    assert "1100 in the window of" in plot.alt
    assert "1237 in that of" in plot.alt
    assert plot.alt.endswith(", limit 1210")


def test_hours_are_named_as_hours() -> None:
    """Of windows that are shorter than a day the day alone would be one name for many."""
    plot = metric_plot(restated(0.7, 0.6, width=timedelta(hours=1)), "auc")
    assert plot is not None
    assert plot.labels == ("06-01 00:00", "06-01 01:00")


@pytest.mark.parametrize("windows", [[], restated(None, None)])
def test_a_metric_that_is_known_of_no_window_has_no_picture(windows: list[Restatement]) -> None:
    """There is nothing to show, so nothing is."""
    assert metric_plot(windows, "auc") is None
    assert metric_plot(restated(0.7), "log_loss") is None


def test_a_jump_is_shown_with_the_windows_before_it() -> None:
    """Hour by hour, oldest first, this one apart; hours without a level are gaps, and the axis is in per cent."""
    plot = level_plot("refusal", course([0.03, None, 0.02, 0.04, 0.03, 0.03, 0.03], now=0.09))
    assert (plot.kind, plot.title, plot.percent) == ("line", "refusal: share of true, window by window", True)
    assert plot.labels[0] == "03-02 00:00"
    assert plot.labels == tuple(sorted(plot.labels))
    assert plot.series == {
        THIS: (None,) * 7 + (0.09,),
        BEFORE: (0.03, None, 0.02, 0.04, 0.03, 0.03, 0.03, None),
    }
    assert plot.axis == "start of the window, UTC"
    assert plot.band is not None
    assert all(low < 0.03 < high for low, high in zip(*plot.band, strict=True))
    assert plot.limit == pytest.approx(0.06)
    said = "refusal: 9.0% true in the window of 03-02 07:00 UTC, 3.0% in the 6 windows before; "
    assert plot.alt.startswith(said)
    assert plot.alt.endswith("%, limit 6.0%")


def test_a_jump_of_a_mean_is_shown_in_its_own_unit() -> None:
    """Days have no hours; what is far below is held against the limit below."""
    plot = level_plot("words", course([100.0] * 8, now=40.0, share=False, width=DAY))
    assert (plot.title, plot.percent) == ("words: mean, window by window", False)
    assert plot.labels[-1] == "03-10"
    assert plot.limit == pytest.approx(70.0)
    assert plot.alt.startswith("words: mean 40 in the window of 03-10 UTC, 100 in the 8 windows before; ")


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a\nb\x1b[31m", "$x^2$", "x" * 500, "", "東京"])
def test_a_jump_of_a_column_of_any_name_is_a_plot_of_plain_text(name: str) -> None:
    """One line without control characters, and short; it survives the outbox."""
    plot = level_plot(name, course([0.03] * 8, now=0.09))
    assert plot.title.isprintable()
    assert plot.alt.isprintable()
    assert len(plot.title) < 80
    assert Plot.from_json(json.loads(json.dumps(plot.to_json()))) == plot


def test_a_plot_that_was_kept_before_there_were_bands_is_read() -> None:
    """What is not said is not there."""
    kept = {"kind": "line", "title": "auc", "labels": ["a"], "series": {"auc": [0.7]}, "alt": "", "limit": None}
    assert Plot.from_json(kept) == Plot("line", "auc", ("a",), {"auc": (0.7,)}, "")
