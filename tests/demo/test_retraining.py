"""The story of the two retrainings: what must hold, and what is said when it does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from demo.retraining import JULY, OCTOBER, check_months, months_table
from monitoring_tasks.store.records import RetrainingRecord
from monitoring_tasks.window import Window, parse_moment


def record(month: Any, difference: float, half: float = 0.02) -> RetrainingRecord:
    """A retraining that ended as the story says."""
    primary = {"champion": 0.728, "challenger": 0.728 + difference, "difference": difference}
    verdict = {
        "decision": month.decision,
        "primary": {**primary, "low": difference - half, "high": difference + half},
    }
    return RetrainingRecord(
        monitor="flight_delay",
        run=month.run,
        origin="manual",
        reason=month.reason,
        state=month.state,
        requested_at=datetime(2026, 1, 1, tzinfo=UTC),
        window_end=parse_moment(month.window_end),
        training=Window.parse("2013-04-02", "2013-07-01"),
        evaluation=Window.parse("2013-07-01", "2013-08-01"),
        verdict=verdict,
        decided_by="admin",
    )


def story() -> dict[str, RetrainingRecord]:
    """Both months as they should be."""
    return {"july": record(JULY, 0.0245), "october": record(OCTOBER, -0.0253)}


def test_the_story_as_it_should_be() -> None:
    """Nothing fails, and the table shows figures and windows."""
    assert check_months(story()) == []
    console = Console(width=200)
    with console.capture() as shown:
        console.print(months_table(story()))
    assert "-0.025 [-0.045, -0.005]" in shown.get()
    assert "02 Apr to 01 Jul" in shown.get()


def test_what_does_not_hold_is_said() -> None:
    """A missing month, another decision, a difference or an interval of rows instead of days."""
    told = story()
    assert "july: a challenger was compared (found nothing)" in check_months({"october": told["october"]})
    swapped = replace(told["october"], state="promoted")
    assert check_months({**told, "october": swapped}) == ["october: it ends rejected (promoted)"]
    [narrow] = check_months({**told, "july": record(JULY, 0.0245, half=0.005)})
    assert "of days, not of rows" in narrow
    [small] = check_months({**told, "july": record(JULY, 0.003)})
    assert "the difference is 0.015 to 0.035" in small
