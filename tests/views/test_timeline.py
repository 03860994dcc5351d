"""The axis that the plots of a model share: promotions as marks, incidents as strips."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.incidents.reading import Cause
from monitoring_tasks.severity import Severity
from monitoring_tasks.views.ranges import place
from monitoring_tasks.views.timeline import LANES, Seen, escaped, strips_of, timeline_of
from monitoring_tasks.window import DAY
from tests.views.made import NEW, OLD, axis, head, incident, promotion, window


def test_a_promotion_stands_where_windows_change_their_champion() -> None:
    """By the time of the windows, though it was decided by the clock of today, and with the record behind it."""
    heads = [head(day, champion=OLD if day < 3 else NEW) for day in range(6)]
    (mark,) = axis(heads, promotions=[promotion()]).marks
    assert (mark.at, mark.first, mark.record) == (place(window(3)) - DAY / 2, window(3), promotion())
    assert (mark.label, mark.words) == ("now v1.1.0", f"{NEW} champion from the window 2013-06-06 on")


def test_a_range_that_begins_with_a_promotion_marks_it() -> None:
    """The window before the range tells that its first one has a champion of its own."""
    heads = [head(day, champion=NEW) for day in range(3, 6)]
    (mark,) = axis(heads, promotions=[promotion()], before=Seen(window(2), OLD)).marks
    assert (mark.at, mark.first, mark.record) == (place(window(3)) - DAY / 2, window(3), promotion())
    assert axis(heads, promotions=[promotion()], before=Seen(window(2), NEW)).marks == ()
    assert axis([], before=Seen(window(2), OLD)).marks == ()


def test_a_change_that_nobody_recorded_is_marked_too() -> None:
    """A champion may have been put in place by hand."""
    (mark,) = axis([head(0), head(1, champion="other")]).marks
    assert (mark.label, mark.record) == ("now other", None)


def test_a_rollback_says_so() -> None:
    """An earlier version came back, by the newest record of it."""
    heads = [head(0, champion=NEW), head(1, champion=OLD)]
    back = promotion(OLD, state="rolled_back")
    (mark,) = axis(heads, promotions=[back, promotion(OLD)]).marks
    assert (mark.label, mark.words) == ("back to v1.0.0", f"{OLD} put back in place from the window 2013-06-04 on")


def test_a_promotion_after_the_newest_window_stands_behind_it() -> None:
    """It has judged nothing yet; one from before the range is not shown."""
    heads = [head(day) for day in range(3)]
    (mark,) = axis(heads, promotions=[promotion()]).marks
    assert (mark.first, mark.at) == (None, place(window(2)) + DAY / 2)
    assert "from the next window on" in mark.words
    assert axis(heads, promotions=[promotion("v0", window_end=window(0).end)]).marks == ()


def test_every_plot_has_marks_and_strips() -> None:
    """The layout of the axis holds a line and a label for a promotion, and a strip for an incident."""
    heads = [head(day, champion=OLD if day < 3 else NEW) for day in range(6)]
    layout = axis(heads, promotions=[promotion()], strips=strips_of([incident(1, 2)], "churn")).layout()
    assert [shape["type"] for shape in layout["shapes"]] == ["line", "rect"]
    assert [label["text"] for label in layout["annotations"]] == ["now v1.1.0"]
    strip = layout["shapes"][1]
    assert (strip["x0"], strip["x1"]) == ("2013-06-03 12:00:00", "2013-06-05 12:00:00")


def test_an_incident_shows_the_models_own_part() -> None:
    """Windows and columns of other models in it are not shown, nor incidents that have none of this one."""
    mine, other = incident(1, 2).members[0], incident(0, 5, monitor="secret").members[0]
    (strip,) = strips_of([incident(1, 2, members=(other, mine)), incident(0, 1, monitor="secret")], "churn")
    assert (strip.first, strip.last, strip.columns, strip.of_columns) == (window(1), window(2), ("age",), True)
    assert strip.words == "drift, high, open: 2013-06-04 to 2013-06-05"
    assert strip.covers(window(2))
    assert not strip.covers(window(3))
    assert not strips_of([incident(1, 2, cause=Cause.LABELS)], "churn")[0].of_columns


def test_incidents_of_other_times_are_not_on_the_axis() -> None:
    """Those that ended before the first window, or began after the newest."""
    heads = [head(day) for day in range(5, 8)]
    strips = strips_of([incident(0, 4, id="before"), incident(4, 5, id="in"), incident(8, 9, id="after")], "churn")
    assert [each.incident.id for each in axis(heads, strips=strips).strips] == ["in"]


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 9), st.sampled_from(Severity)), max_size=8))
def test_no_incident_hides_a_worse_one(spans: list[tuple[int, int, Severity]]) -> None:
    """Strips in one lane do not meet, but in the last, which the least bad share."""
    found = [
        incident(first, first + width, id=str(number), worst=worst)
        for number, (first, width, worst) in enumerate(spans)
    ]
    shapes = axis([head(day) for day in range(31)], strips=strips_of(found, "churn")).layout()["shapes"]
    assert len(shapes) == len(spans)
    lanes: dict[float, list[tuple[str, str]]] = {}
    for shape in shapes:
        lanes.setdefault(shape["y0"], []).append((shape["x0"], shape["x1"]))
    assert len(lanes) <= LANES
    for _, inside in sorted(lanes.items())[: LANES - 1]:
        assert all(a[1] <= b[0] or b[1] <= a[0] for place, a in enumerate(inside) for b in inside[:place])


def test_gaps_of_the_schedule_are_known() -> None:
    """A day without a verdict between two others is a place of its own."""
    assert axis([head(0), head(1), head(2), head(5)]).gaps == (place(window(3)), place(window(4)))


def test_without_windows_there_is_an_axis() -> None:
    """A page without any draws nothing on it."""
    empty = timeline_of([], [promotion()], [])
    assert (empty.marks, empty.strips, empty.end - empty.start) == ((), (), timedelta(days=2))


def test_labels_hold_no_markup() -> None:
    """Plotly reads tags in labels, which a version may hold."""
    (mark,) = axis([head(0), head(1, champion="<b>&</b>")]).marks
    assert axis([head(0), head(1, champion="<b>&</b>")]).layout()["annotations"][0]["text"] == escaped(mark.label)
    assert "<" not in escaped("<a href='x'>")
