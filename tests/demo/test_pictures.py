"""The pictures of the documentation: Slack's blocks as a page, the fault that is told, and what is cut away."""

from __future__ import annotations

import pyarrow as pa
import pytest
from PIL import Image

from demo.pictures import FAULTY, after, cut, in_utc
from demo.slack_page import Post, page
from monitoring_tasks.alerts.slack_blocks import detail_blocks, headline_blocks, note_blocks
from tests.alerts.samples import HOSTILE, LINKS, message


def test_the_page_shows_every_block() -> None:
    """Title, facts, reasons, table, next step and links, the thread below the headline."""
    told = message()
    shown = page(
        Post("18 Jun", headline_blocks(told)), [Post("18 Jun", detail_blocks(told)), Post("x", note_blocks(told))]
    )
    for text in (told.title, *told.lines, *told.table, told.step, *LINKS.values()):
        assert text in shown
    assert shown.index("2 replies in the thread") > shown.index(told.title)


@pytest.mark.parametrize("hostile", HOSTILE[:4])
def test_names_are_no_markup(hostile: str) -> None:
    """As in Slack, a name from outside is shown as it is."""
    told = message(columns=(hostile,), reasons=(hostile,))
    shown = page(Post("18 Jun", [*headline_blocks(told), *detail_blocks(told)]), [])
    assert "<script" not in shown
    assert "<!channel" not in shown
    assert "<http" not in shown


def test_what_cannot_be_drawn_is_an_error() -> None:
    """A picture that left something out would show what Slack does not."""
    with pytest.raises(ValueError, match="a block of type video is not drawn"):
        page(Post("18 Jun", [{"type": "video"}]), [])


def test_hours_go_round_at_midnight() -> None:
    """Four hours after 21:00 it is 1:00."""
    rows = pa.table({"sched_minute": [0, 600, 1260], "temp": [1.0, 2.0, 3.0]})
    assert in_utc(rows).to_pydict() == {"sched_minute": [240, 840, 60], "temp": [1.0, 2.0, 3.0]}


def test_weeks_follow_each_other() -> None:
    """Without a gap."""
    one, two = after(FAULTY, 2)
    assert (one.start, two.start) == (FAULTY.end, one.end)


def test_empty_edges_are_cut() -> None:
    """What stands on the page stays, with a margin; an empty page stays as it is."""
    image = Image.new("RGB", (200, 300), "white")
    assert cut(image).size == (200, 300)
    image.putpixel((50, 60), (0, 0, 0))
    assert cut(image).size == (75, 85)
