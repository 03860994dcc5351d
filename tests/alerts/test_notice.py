"""What people are told about a retraining: everything once, and nothing that was forged."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.alerts.channel import Delivery
from monitoring_tasks.alerts.message import Message, to_text
from monitoring_tasks.alerts.notice import compose_notice, notice_key
from monitoring_tasks.alerts.slack import SlackChannel
from monitoring_tasks.alerts.telling import post_notice
from monitoring_tasks.severity import Severity
from monitoring_tasks.store.database import Store
from monitoring_tasks.store.records import OPEN_STATES, REPLACED, RETRAINING_STATES, RetrainingState
from tests.alerts.letters import NOW
from tests.alerts.samples import HOSTILE, MEASURED, monitor, retraining
from tests.slack_server import SlackServer

TOLD = sorted({"awaiting", *RETRAINING_STATES} - (OPEN_STATES - {"awaiting"}))
LINKS = {
    "run": "https://airflow.example/dags/retrain_flight_delay/runs/1",
    "answer": "https://airflow.example/required_actions/1",
    "comparison": "https://airflow.example/monitoring/comparison/1",
}


def text_of(**changes: Any) -> str:
    """The notice of a retraining as text."""
    return to_text(compose_notice(retraining(**changes), links=LINKS))


def assert_plain(notice: Message) -> None:
    """A screen of lines without control characters, and a title short enough for Slack."""
    lines = to_text(notice).split("\n")
    assert all(line.isprintable() for line in lines)
    assert len(lines) <= 30
    assert len(notice.title) <= 150


def test_a_question_says_everything_an_answer_needs() -> None:
    """Who is asked what, until when, on which evidence, and where to answer."""
    assert text_of().splitlines() == [
        "MEDIUM: a challenger of flight_delay waits for approval",
        "model: flight_delay",
        "severity: medium",
        "state: awaiting",
        "asked for by: drift: 2 of 3 windows drifted",
        "champion: v1.0.0-3f2a9c1b",
        "challenger: 9c1b3f2a on branch retrain/drift-8d6435c1",
        "trained on: 2013-04-02T00:00:00Z/2013-07-01T00:00:00Z",
        "compared on: 2013-07-01T00:00:00Z/2013-08-01T00:00:00Z, 26483 rows, 31 days",
        "- alice may answer until 2013-08-02 10:00Z; then it is declined",
        f"- the gate says promote: {MEASURED}",
        "- All of the interval is above 0: the challenger is better.",
        "Next step: Read the comparison, then answer in Airflow; without an answer in time it is declined.",
        "answer: https://airflow.example/required_actions/1",
        "run: https://airflow.example/dags/retrain_flight_delay/runs/1",
        "comparison: https://airflow.example/monitoring/comparison/1",
    ]


def test_the_channel_shows_the_question_and_the_figures() -> None:
    """The headline alone, which the channel shows, says who may answer, the gate's figures, and the link."""
    notice = compose_notice(retraining(), links=LINKS)
    assert notice.headline == notice.lines[:2]
    assert "alice may answer until" in notice.headline[0]
    assert MEASURED in notice.headline[1]
    assert next(iter(notice.links)) == "answer"


@pytest.mark.parametrize(
    ("changes", "title", "told"),
    [
        (
            {"state": "promoted", "outcome": "v1.1.0-9c1b3f2a replaced v1.0.0-3f2a9c1b", "decided_by": "alice"},
            "MEDIUM: flight_delay has a new champion",
            [
                "decided by: alice",
                "champion before: v1.0.0",
                "- v1.1.0-9c1b3f2a replaced",
                "monitoring rollback flight",
            ],
        ),
        (
            {"state": "rejected", "outcome": MEASURED, "decided_by": "the gate"},
            "LOW: the gate rejected a challenger of flight_delay",
            ["decided by: the gate", "Next step: Nothing to do: the champion stays"],
        ),
        (
            {"state": "declined", "outcome": "declined by bob: too soon", "decided_by": "bob"},
            "LOW: a challenger of flight_delay was declined",
            ["- declined by bob: too soon"],
        ),
        ({"state": "expired"}, "LOW: nobody answered in time about a challenger of flight_delay", ["trigger the"]),
        ({"state": "withheld"}, "LOW: a challenger of flight_delay was judged, not put in place", ["approval.mode"]),
        (
            {"state": "no_new_data", "verdict": None, "challenger": None},
            "LOW: retraining flight_delay made nothing new",
            ["new labelled rows"],
        ),
        (
            {"state": "refused", "verdict": None, "challenger": None, "outcome": "cooldown until 2013-08-07"},
            "LOW: flight_delay is not retrained",
            ["- cooldown until 2013-08-07"],
        ),
        ({"state": "superseded"}, "LOW: the champion of flight_delay moved during a retraining", ["another run"]),
        ({"state": "failed"}, "HIGH: retraining flight_delay failed", ["clear the failed task"]),
        ({"state": "failed", "origin": "rollback"}, "HIGH: the rollback of flight_delay failed", []),
        (
            {"state": "rolled_back", "origin": "rollback", "requested_by": "alice", "verdict": None},
            "MEDIUM: flight_delay was rolled back",
            ["asked for by: rollback (alice): 2 of 3", "champion before: v1.0.0"],
        ),
    ],
)
def test_every_end_is_told(changes: dict[str, Any], title: str, told: list[str]) -> None:
    """Each end has its title, its severity, its reason and its next step; no end offers to answer."""
    text = text_of(**changes)
    assert text.splitlines()[0] == title
    for words in told:
        assert words in text
    assert "answer: " not in text
    assert "comparison: https" in text


def test_the_figures_are_told_once() -> None:
    """Where the outcome holds the gate's figures, they are not repeated; the decision and its reason stay."""
    for outcome in (MEASURED, f"approval.mode is never, so nothing was put in place. {MEASURED}"):
        text = text_of(state="withheld", outcome=outcome)
        assert text.count(MEASURED) == 1
        assert "\n- the gate says promote\n- All of the interval is above 0" in text


def test_a_gate_without_reasons_has_a_decision() -> None:
    """The decision stands alone, and counts that are unknown are left out."""
    verdict = {"decision": "inconclusive", "reasons": [], "counts": {"rows": 20, "days": None}}
    text = text_of(verdict=verdict)
    assert "\n- the gate says inconclusive\nNext step" in text
    assert "2013-08-01T00:00:00Z, 20 rows\n" in text


@pytest.mark.parametrize("state", sorted(OPEN_STATES - {"awaiting"}))
def test_steps_under_way_are_told_to_nobody(state: RetrainingState) -> None:
    """There is no notice about a state that people need not know."""
    with pytest.raises(ValueError, match=f"{state} is told to nobody"):
        compose_notice(retraining(state=state), links={})


@pytest.mark.parametrize("state", TOLD)
def test_the_barest_record_can_be_told(state: RetrainingState) -> None:
    """A retraining that ended before anything was known of it still gives a whole notice, without empty facts."""
    bare = retraining(
        state=state, origin="manual", reason="", champion={}, training=None, evaluation=None, challenger=None,
        branch=None, verdict=None, outcome="",
    )  # fmt: skip
    notice = compose_notice(bare, links={})
    assert (notice.facts or {})["champion before" if state in REPLACED else "champion"] == "-"
    assert all((notice.facts or {}).values())
    assert_plain(notice)


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("state", ["awaiting", "refused"])
def test_hostile_texts_stay_texts(hostile: str, state: RetrainingState) -> None:
    """In every place a text from outside stays on its line, within a screen."""
    verdict = {**(retraining().verdict or {}), "reasons": [hostile] * 50}
    notice = compose_notice(
        retraining(
            state=state, reason=hostile, requested_by=hostile, champion={"version": hostile}, branch=hostile,
            outcome=hostile, decided_by=hostile, verdict=verdict,
        ),
        links={hostile: f"https://airflow.example/{hostile}"},
    )  # fmt: skip
    assert_plain(notice)


@given(st.text(), st.text(), st.text(min_size=1))
def test_any_text_can_be_told(reason: str, outcome: str, link: str) -> None:
    """Whatever people typed, the notice is a screen of plain lines."""
    notice = compose_notice(retraining(reason=reason, outcome=outcome), links={"comparison": link})
    assert_plain(notice)


def test_keys_tell_notices_apart() -> None:
    """Monitor, run and state make a notice another one; what else becomes known does not."""
    known = retraining()
    others = [retraining(monitor="other"), retraining(run="other"), retraining(state="promoted")]
    assert len({notice_key(each) for each in (known, *others)}) == 4
    assert notice_key(retraining(outcome="", verdict=None, decided_by="alice")) == notice_key(known)


def test_each_state_of_a_run_is_told_once(store: Store) -> None:
    """A retried task tells nothing twice; the question and the end are two notices."""
    watched = monitor()
    for record in [retraining(), retraining(), retraining(state="promoted"), retraining(state="promoted")]:
        post_notice(store, watched, notice_key(record), compose_notice(record, links=LINKS), now=NOW)
    letters = store.letters()
    assert {letter.key for letter in letters} == {notice_key(retraining()), notice_key(retraining(state="promoted"))}
    assert len(letters) == 2
    assert {(letter.event, letter.severity) for letter in letters} == {("notice", Severity.MEDIUM)}


def test_slack_gets_the_link_to_the_question(slack: SlackChannel, server: SlackServer) -> None:
    """What stands in the channel leads to the question; the facts are in its thread."""
    slack.send(Delivery("k", compose_notice(retraining(), links=LINKS)))
    headline, details = server.posts
    assert [url in json.dumps(headline["blocks"]) for url in LINKS.values()] == [True] * 3
    assert "v1.0.0-3f2a9c1b" in json.dumps(details["blocks"])
