"""What somebody is told before asking for a retraining or a rollback, without Airflow."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from monitoring_tasks.policy.verdict import Action
from monitoring_tasks.retraining_section import Retraining
from monitoring_tasks.scores import Headline
from monitoring_tasks.store.board import Head, Version
from monitoring_tasks.views.asking import limits_of, outlook, standing_of
from tests.ui.world import NEW, OLD, retrainings, subject, verdict, window

SECTION = Retraining()
PROMOTED, _WAITING = retrainings()


def head(monitor: str, day: int) -> Head:
    """The verdict on a day in short, written as the day ends."""
    judged = verdict(monitor, day)
    end = window(day).end
    return Head(subject(monitor, day), judged.outcome, judged.severity, 1000, Headline(), None, {}, end, "d")


def test_the_outlook_is_what_the_first_task_would_say() -> None:
    """Cooldown by the windows' ends, and faults of the newest data; else it would begin."""
    end = PROMOTED.window_end
    assert outlook(SECTION, "churn", [], None, window_end=end).admitted
    soon = outlook(SECTION, "churn", [PROMOTED], None, window_end=end + timedelta(days=1))
    assert (soon.admitted, soon.code) == (False, "cooldown")
    late = outlook(SECTION, "churn", [PROMOTED], None, window_end=end + SECTION.cooldown)
    assert late.admitted
    faulty = replace(verdict("churn", 30), actions=(Action.BLOCK_RETRAINING,))
    assert outlook(SECTION, "churn", [], faulty, window_end=end).code == "data_quality"


def test_limits_name_the_last_that_was_not_refused() -> None:
    """A refusal and a rollback are no training."""
    refused = replace(PROMOTED, run="r", state="refused")
    back = replace(PROMOTED, run="b", origin="rollback", state="rolled_back")
    assert dict(limits_of(SECTION, [refused, back, PROMOTED]))["Last training"] == "promoted with rows up to 2013-03-21"
    assert dict(limits_of(SECTION, [refused]))["Last training"] == "none yet"


def test_the_champion_in_use_is_that_of_the_newest_window() -> None:
    """Those before it are offered, the last first."""
    versions = [Version(NEW, window(20), window(39)), Version(OLD, window(0), window(19))]
    found = standing_of(head("churn", 39), versions, [PROMOTED])
    assert found is not None
    assert (found.champion, found.earlier) == (NEW, ((OLD, window(19)),))
    assert "newest window, 2013-04-09" in found.known_by
    assert standing_of(None, [], []) is None


def test_a_promotion_since_the_newest_window_counts() -> None:
    """What it put in place is in use, and the window's champion is one to go back to."""
    closed = window(40).end
    since = replace(PROMOTED, placed="v3.0.0-99887766", outcome="v3 replaced v1.1", closed_at=closed)
    versions = [Version(NEW, window(20), window(39)), Version(OLD, window(0), window(19))]
    found = standing_of(head("churn", 39), versions, [since, PROMOTED])
    assert found is not None
    assert (found.champion, found.known_by) == ("v3.0.0-99887766", "v3 replaced v1.1")
    assert [name for name, _ in found.earlier] == [NEW, OLD]
