"""Pictures of alerts: the right size, the same bytes, and whatever the names and figures are, a picture."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from monitoring_tasks.alerts.message import Plot
from monitoring_tasks.alerts.pictures import draw
from monitoring_tasks.alerts.plotting import level_plot
from tests.alerts.levels import course

BARS = Plot("bars", "temp: share of rows", ("10", "20", "30"), {"reference": (0.2, 0.5, 0.3), "now": (0, 0, 1)}, "")
HOSTILE = [
    "$x^2$",
    "$\\frac{$",
    "\\frac{1",
    "<script>",
    "東京",
    "_hidden",
    "",
    "a\nb",
    "x" * 10_000,
    "\u202egnirts",
    "%d {x}",
]


def pixels(picture: bytes) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The picture's colours."""
    with Image.open(io.BytesIO(picture)) as image:
        return np.asarray(image.convert("RGBA"))


def test_a_picture_is_sharp_and_opaque() -> None:
    """960 x 480 dots, and white behind everything: in a dark mail it is as legible as in a light one."""
    shown = pixels(draw(BARS))
    assert shown.shape == (480, 960, 4)
    assert (shown[..., 3] == 255).all()
    assert (shown[0, 0] == 255).all()


def test_now_is_red_and_what_was_usual_grey() -> None:
    """The bar of now stands where the values are, in the colour of now."""
    shown = pixels(draw(BARS)).astype(int)
    red = (shown[..., 0] > 180) & (shown[..., 1] < 80)
    bar = np.flatnonzero(red[240])
    assert len(bar) > 50
    assert bar.min() > 600


@pytest.mark.parametrize(
    "labels",
    [("1", "2", "10"), ("2", "1", "3"), ("1", "1", "1"), ("1e9", "1.0000001e9", "1.0000002e9"), ("1e300",) * 3],
)
def test_numbers_that_make_no_axis_stand_under_their_names(labels: tuple[str, ...]) -> None:
    """Categories that look like numbers, and numbers too close or too large, are still three bars."""
    shown = pixels(draw(Plot("bars", "a", labels, {"reference": (0.0, 0.0, 0.0), "now": (1.0, 1.0, 1.0)}, ""))).astype(
        int
    )
    red = (shown[300, :, 0] > 180) & (shown[300, :, 1] < 80)
    assert np.count_nonzero(np.diff(red.astype(int)) == 1) == 3


def test_the_same_plot_gives_the_same_bytes() -> None:
    """Whatever matplotlib is set to here, and without its version in the file."""
    before = draw(BARS)
    with mpl.rc_context({"text.usetex": True, "font.size": 30, "savefig.dpi": 50, "axes.facecolor": "black"}):
        assert draw(BARS) == before
    assert b"Software" not in before
    assert b"tEXt" not in before


@pytest.mark.parametrize("kind", ["bars", "line"])
@pytest.mark.parametrize("hostile", HOSTILE)
def test_names_are_only_names(kind: Any, hostile: str) -> None:
    """No name is read as TeX or hides its series, and a missing letter is a box, not a warning."""
    series = {hostile: (0.1, None, 0.3), f"{hostile}2": (0.3, 0.2, None)}
    plot = Plot(kind, hostile, (hostile, "b", hostile), series, hostile, limit=0.25)
    assert pixels(draw(plot)).shape == (480, 960, 4)


def test_a_limit_and_a_gap_are_drawn() -> None:
    """A limit changes the picture of a line; a day without a figure is a gap, not a zero."""
    days, values = ("06-01", "06-02", "06-03"), (0.7, None, 0.6)
    plots = [
        Plot("line", "auc", days, {"auc": values}, "", limit=limit) for limit in (None, 0.65)
    ]  # fmt: skip
    zero = Plot("line", "auc", days, {"auc": (0.7, 0.0, 0.6)}, "")
    assert len({draw(each) for each in [*plots, zero]}) == 3


@pytest.mark.parametrize("series", [{}, {"auc": ()}, {"auc": (None,)}])
def test_a_plot_without_figures_says_so(series: dict[str, tuple[float | None, ...]]) -> None:
    """An empty plot is a picture too: it fails no alert."""
    labels = ("a",) * max(map(len, series.values()), default=0)
    shown = pixels(draw(Plot("line", "auc", labels, series, "")))
    assert (shown[200:280, 300:660] < 200).any()


def test_a_value_for_each_label() -> None:
    """What does not fit its labels is told apart, not drawn askew."""
    with pytest.raises(ValueError, match="1 values for 2 labels: give one for each"):
        draw(Plot("bars", "temp", ("a", "b"), {"now": (1.0,)}, ""))


values = st.lists(st.none() | st.floats(allow_nan=False), min_size=1, max_size=25)


@settings(max_examples=15, deadline=None)
@given(values, st.sampled_from(["bars", "line"]), st.none() | st.floats(allow_nan=False), st.text(max_size=5))
def test_any_figures_give_a_picture(found: list[float | None], kind: Any, limit: float | None, name: str) -> None:
    """However large, small, equal or few the figures are."""
    labels = tuple(f"{name}{place}" for place in range(len(found)))
    assert draw(Plot(kind, name, labels, {"now": tuple(found)}, "", limit=limit)).startswith(b"\x89PNG")


def dots(picture: bytes) -> list[tuple[int, int]]:
    """First and last column of each red mark."""
    shown = pixels(picture).astype(int)[110:400]
    red = ((shown[..., 0] > 180) & (shown[..., 1] < 80) & (shown[..., 2] < 80)).any(axis=0).astype(int)
    steps = np.diff(red, prepend=0, append=0)
    return list(zip(np.flatnonzero(steps == 1).tolist(), np.flatnonzero(steps == -1).tolist(), strict=True))


def greys(picture: bytes) -> int:
    """So many dots of the plot's middle are grey: neither white nor of a colour."""
    shown = pixels(picture).astype(int)[150:400, 100:800, :3]
    return int(((np.ptp(shown, axis=2) < 6) & (shown.min(axis=2) < 250)).sum())


def test_the_window_that_jumped_is_marked_at_the_right() -> None:
    """A single red mark, larger than those of the windows before, which are blue."""
    [(first, last)] = dots(draw(level_plot("refusal", course([0.03] * 24, now=0.09))))
    assert first > 850
    assert 12 <= last - first <= 20


def test_what_is_usual_is_a_grey_band() -> None:
    """Behind the line, and not there where nobody knows it."""
    plot = level_plot("refusal", course([0.03] * 24, now=0.09))
    with_band, without = (greys(draw(each)) for each in (plot, replace(plot, band=None)))
    assert with_band > without + 20_000


@pytest.mark.parametrize("gap", [None, 0.0])
def test_a_window_without_a_level_is_a_gap(gap: float | None) -> None:
    """No blue where it is: neither a mark nor the lines to its neighbours."""
    shown = pixels(draw(level_plot("refusal", course([*[0.03] * 12, gap, *[0.03] * 11], now=0.09)))).astype(int)
    blue = ((shown[..., 2] > 150) & (shown[..., 0] < 80))[110:400].any(axis=0)
    inside = np.flatnonzero(blue)
    assert blue[inside.min() : inside.max()].all() == (gap is not None)


@pytest.mark.parametrize(("share", "now"), [(True, 0.09), (True, 1.0), (True, 0.0), (False, 199.0), (False, 0.0)])
def test_any_jump_gives_the_same_picture_twice(share: bool, now: float) -> None:
    """At the ends of what there can be as well."""
    plot = level_plot("a", course([0.03 if share else 100.0] * 6, now=now, share=share))
    assert draw(plot) == draw(plot)
    assert pixels(draw(plot)).shape == (480, 960, 4)


def test_a_band_has_ends_for_each_label() -> None:
    """As a series has."""
    with pytest.raises(ValueError, match="1 values for 2 labels"):
        draw(Plot("line", "auc", ("a", "b"), {"auc": (1.0, 2.0)}, "", band=((0.0,), (1.0,))))


@pytest.mark.parametrize("name", ["share_of_answers_that_hold_a_refusal_now", "MAXIMUM_BALANCE_IN_US_DOLLARS"])
def test_a_long_title_ends_within_the_picture(name: str) -> None:
    """Nothing of it is cut off at the right: it is short, or an ellipsis says so."""
    shown = pixels(draw(level_plot(name, course([0.03] * 24, now=0.09))))
    assert (shown[:40, -4:] == 255).all()
    assert (shown[:40] != 255).any()
