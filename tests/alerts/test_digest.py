"""The daily digest says what there was, once each, the worst first, in at most a screen."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.alerts.digest import LINES, MONITORS, compose_digest, digest_key, digest_letter
from monitoring_tasks.alerts.message import Message, to_text
from monitoring_tasks.severity import Severity
from monitoring_tasks.store.records import Letter
from tests.alerts.letters import NOW, letter

DAY = date(2013, 6, 11)
SCREEN = 25


def low(key: str = "k1", **changes: object) -> Letter:
    """A letter for the digest."""
    return letter(key, **{"severity": Severity.LOW, "digest": True, **changes})


def test_a_digest_says_what_there_was() -> None:
    """Incidents and notices are counted in the title, and each has a line with its title and first reason."""
    notice = low("k3", incident="", event="notice", monitors=("churn",))
    assert to_text(compose_digest([low("k1"), low("k2"), notice], DAY)).splitlines() == [
        "Digest of 2013-06-11: 2 incidents and 1 notice",
        "monitors: churn 1, flight_delay 2",
        "- LOW: flight_delay: k3: temp: psi 8.4 against 0.2",
        "- LOW: flight_delay: k1: temp: psi 8.4 against 0.2",
        "- LOW: flight_delay: k2: temp: psi 8.4 against 0.2",
    ]


def test_an_incident_has_one_line() -> None:
    """Several letters of one incident are one line: how it stands now, and what happened to it."""
    told = [
        low("over", incident="i", position=3, event="resolved"),
        low("begun", incident="i", position=1),
        low("more", incident="i", position=2, event="joined"),
    ]
    message = compose_digest(told, DAY)
    assert message.title == "Digest of 2013-06-11: 1 incident"
    assert message.lines == ("LOW: flight_delay: over (opened, joined, resolved): temp: psi 8.4 against 0.2",)


def test_the_worst_comes_first_and_monitors_stay_together() -> None:
    """The monitor with the worst line is first with all its lines, in each monitor the worst line is first."""
    told = [
        low("a1", monitors=("a",)),
        low("b1", monitors=("b",)),
        low("b2", monitors=("b",), severity=Severity.MEDIUM),
        low("a2", monitors=("a",), created_at=NOW - timedelta(hours=1)),
    ]
    message = compose_digest(told, DAY)
    assert [line.split(": ")[2] for line in message.lines] == ["b2", "b1", "a2", "a1"]
    assert message.severity is Severity.MEDIUM
    assert message.facts == {"monitors": "b 2, a 2"}


def test_what_is_beyond_a_screen_is_counted() -> None:
    """Of a hundred incidents of as many monitors the first are shown, and how many are left is said."""
    message = compose_digest([low(f"k{n:03}", monitors=(f"m{n:03}",)) for n in range(100)], DAY)
    assert len(message.lines) == LINES + 1
    assert message.lines[-1] == f"and {100 - LINES} more: `monitoring alerts` lists them"
    assert (message.facts or {})["monitors"].endswith(f"m005 1, and {100 - MONITORS} more")


def test_a_letter_that_another_version_wrote_does_not_hold_up_the_others() -> None:
    """A body without title and reasons is shown by its key."""
    assert compose_digest([low("strange", body={})], DAY).lines == ("strange",)


def test_a_digest_of_nothing_is_refused() -> None:
    """There is no digest without letters."""
    with pytest.raises(ValueError, match="no letters"):
        compose_digest([], DAY)


hostile = st.text(max_size=400)
letters = st.lists(
    st.builds(
        low,
        st.text(max_size=5),
        incident=st.sampled_from(["", "i1", "i2", "i3"]),
        position=st.integers(1, 5),
        severity=st.sampled_from([Severity.LOW, Severity.HIGH]),
        monitors=st.lists(hostile, max_size=9).map(tuple),
        body=st.fixed_dictionaries({"title": hostile, "lines": st.lists(hostile, max_size=2)}),
    ),
    min_size=1,
    max_size=60,
)


@given(letters)
def test_any_digest_is_a_screen_of_plain_text(told: list[Letter]) -> None:
    """Whatever stands in the letters: one line each, no control characters, at most a screen, JSON and back."""
    message = compose_digest(told, DAY)
    lines = to_text(message).split("\n")
    assert len(lines) <= SCREEN
    assert all(line.isprintable() for line in lines)
    assert Message.from_json(message.to_json()).to_json() == message.to_json()


@given(letters, st.data())
def test_the_order_of_letters_does_not_matter(told: list[Letter], data: st.DataObject) -> None:
    """The same letters in any order are the same digest with the same key."""
    told = list({each.key: each for each in told}.values())
    shuffled = data.draw(st.permutations(told))
    assert digest_letter("log", shuffled, now=NOW) == digest_letter("log", told, now=NOW)


def test_a_digest_is_a_letter_of_its_own() -> None:
    """It is due when its letters were, concerns no incident, and its key tells it from any other digest."""
    told = [low("k1", monitors=("b", "a")), low("k2", due_at=NOW + timedelta(days=1))]
    made = digest_letter("log", told, now=NOW)
    assert (made.event, made.incident, made.position, made.digest) == ("digest", "", 0, False)
    assert (made.due_at, made.monitors) == (NOW + timedelta(days=1), ("a", "b", "flight_delay"))
    assert Message.from_json(made.body).title.startswith("Digest of 2013-06-12")
    others = {digest_key("log", told[:1], NOW), digest_key("email:x:y", told, NOW), digest_key("log", told, NOW)}
    assert len(others | {made.key}) == 4
