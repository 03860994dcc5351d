"""What a run's log says of an incident, in sentences."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from monitoring_tasks.alerts.sentences import Known, sentence_of, still_open, to_take_on
from monitoring_tasks.alerts_section import Alerts
from monitoring_tasks.incidents.incident import Incident, Mute, State
from monitoring_tasks.incidents.reading import Cause
from monitoring_tasks.severity import Severity
from monitoring_tasks.store.records import Letter, Transition
from tests.alerts.letters import NOW, letter
from tests.alerts.samples import incident, member

LATER = NOW + timedelta(hours=2)
SLACK = "slack:slack_default:#ml"


def happened(event: str, position: int = 1, by: str = "") -> Transition:
    """Something that happened to the incident."""
    return Transition("i", position, event, "open", Severity.HIGH, NOW, NOW, by)


def said(event: str, *letters: Letter, found: Incident | None = None) -> str:
    """The sentence about an event with such letters."""
    before = [happened("opened")] if event != "opened" else []
    known = Known(found or incident(), [*before, happened(event, 1 + len(before))], letters)
    return sentence_of(event, known, Alerts(), now=NOW)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"state": "sent"}, f"told {SLACK}"),
        ({"state": "bundled", "digest": True}, f"told {SLACK} in the digest"),
        ({"digest": True, "due_at": LATER}, f"waits for the digest at 2013-06-11 08:00Z: {SLACK}"),
        ({"due_at": LATER}, f"waits for the end of quiet hours at 2013-06-11 08:00Z: {SLACK}"),
        ({"error": "HTTP 500 {x}"}, f"NOT told {SLACK} yet (HTTP 500 {{x}}); it stays in the outbox"),
        ({"state": "dead", "error": "too long"}, f"NOT told {SLACK}, given up (too long); `monitoring alerts retry`"),
        ({"state": "sending"}, f"on its way to {SLACK}"),
    ],
)
def test_who_was_told(changes: dict[str, Any], words: str) -> None:
    """Each letter says to whom it went, or when it will, or why it did not."""
    found = incident()
    sentence = said("opened", letter(channel=SLACK, **changes))
    assert sentence.startswith(f"{found.id} (")
    assert f" opened, {found.severity.word}: {words}" in sentence


def test_channels_with_one_answer_share_it() -> None:
    """What went wrong comes first; letters of earlier events are not told again."""
    sentence = said(
        "escalated",
        letter(channel="log", position=2, state="sent"),
        letter(channel=SLACK, position=2, state="sent"),
        letter(channel="email:smtp_default:a@x.org", position=2, error="refused"),
        letter(channel="pagerduty:on_call", position=1, state="sent"),
    )
    assert "NOT told email:smtp_default:a@x.org yet (refused)" in sentence
    assert sentence.index("NOT told") < sentence.index("told log, ")
    assert sentence.endswith(f"told log, {SLACK}")
    assert "pagerduty" not in sentence


def test_nobody_to_tell() -> None:
    """An event without letters says so; one that a waiting message names says that."""
    assert "no channel is told of that" in said("opened")
    assert "the first message has not been sent yet, and names it" in said("joined")


def test_findings_again_say_why_nobody_is_told() -> None:
    """Open, acknowledged, muted or over: each has its reason, and the moment at which silence ends."""
    found = incident(spoken=NOW)
    assert "reminded from 2013-06-18 06:00Z on while nobody takes it on" in said("repeated", found=found)
    taken = replace(found, state=State.ACKNOWLEDGED)
    known = Known(taken, [happened("acknowledged", 2, "jane")], ())
    assert "jane is on it" in sentence_of("repeated", known, Alerts(), now=NOW)
    muted = replace(found, state=State.MUTED, mute=Mute(LATER, "a new vendor", "bob", Severity.HIGH))
    assert "muted until 2013-06-11 08:00Z by bob (a new vendor)" in said("repeated", found=muted)
    over = replace(found, state=State.RESOLVED, resolution="mended")
    assert "it has ended since (mended)" in said("repeated", found=over)


def test_healthy_windows_that_are_missing() -> None:
    """An incident that goes on says of whom how many healthy windows are missing; one of a run needs one."""
    two = incident(members=(member("churn", healthy=1), member("spend")), state=State.OPEN)
    assert still_open(two, Alerts()) == (
        "it stays open until there are 1 more healthy window of churn, 2 more healthy windows of spend"
    )
    assert "1 more healthy window of churn" in said("eased", found=two)
    late = replace(two, cause=Cause.LATE, members=(member("churn"),))
    assert "1 more healthy window of churn" in still_open(late, Alerts())


def test_columns_and_reasons_keep_to_their_line() -> None:
    """Names from outside cannot begin another line of the log, nor fill it."""
    hostile = incident(columns=("a\nERROR all is lost\x1b[31m", *(f"c{n}" * 50 for n in range(40))))
    sentence = said("opened", letter(state="sent"), found=hostile)
    assert sentence.isprintable()
    assert len(sentence) <= 1000
    assert "\n" not in sentence


def test_how_it_is_taken_on() -> None:
    """The command has the incident's id."""
    assert f"monitoring alerts acknowledge {incident().id}" in to_take_on(incident())
