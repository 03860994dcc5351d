"""What a person sees of incidents, without Airflow."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.incidents.incident import Incident, Member, Mute, State
from monitoring_tasks.incidents.reading import Cause
from monitoring_tasks.severity import Severity
from monitoring_tasks.store.records import Letter
from monitoring_tasks.views.incident import COLUMN, HIDDEN, PAGE, Wish, chosen, dags_of, owners_of, shown_to, told_of
from tests.ui.world import incident

AT = datetime(2013, 4, 1, tzinfo=UTC)


def of(*names: str) -> Incident:
    """An incident of several monitors, each with a column of its own."""
    (member,) = incident().members
    members = [replace(member, name=name, monitor=name, columns=(f"col_{name}", "age")) for name in names]
    own = tuple(f"col_{name}" for name in names)
    reasons = tuple(f"{column}: severe drift" for column in own)
    return replace(incident(), members=tuple(members), columns=(*own, "age"), reasons=reasons)


def test_what_one_sees_whole_is_as_it_is() -> None:
    """Nothing is replaced where every model may be seen."""
    shown = shown_to(of("a", "b"), _all)
    assert shown is not None
    assert (shown.incident, shown.hidden) == (of("a", "b"), 0)
    assert shown.veil("monitor_a") == "monitor_a"


def test_what_one_sees_nothing_of_is_not_there() -> None:
    """None of its models, no incident."""
    assert shown_to(of("a", "b"), lambda _: False) is None


NAME = st.from_regex(r"[a-z][a-z0-9_]{3,12}", fullmatch=True)


@given(names=st.lists(NAME, min_size=2, max_size=5, unique=True), seen=st.integers(1, 4))
def test_no_name_that_one_may_not_see_is_anywhere(names: list[str], seen: int) -> None:
    """Neither as a word in a text, nor as member, column, anchor or reason."""
    mine, hidden = set(names[:seen]), set(names[seen:])
    text = " and ".join(f"{name}, monitor_{name}" for name in names)
    whole = replace(of(*names), resolution=text, mute=Mute(AT, text, "ann", Severity.HIGH))
    shown = shown_to(whole, lambda member: member.name in mine)
    assert shown is not None
    assert shown.hidden == len(hidden)
    assert {member.name for member in shown.seen} == mine
    columns = {*shown.incident.columns}
    assert columns == {"age", *(f"col_{name}" for name in mine)}
    found = shown.incident
    assert found.mute is not None
    for said in (found.resolution, found.mute.reason, *found.reasons):
        words = set(said.replace(",", " ").replace(":", " ").split())
        assert not words & {form for name in hidden for form in (name, f"monitor_{name}", f"col_{name}")}
    assert (HIDDEN in found.resolution) == bool(hidden)


def test_a_title_of_many_counts_them_all() -> None:
    """How many monitors are concerned is no secret, their names are."""
    shown = shown_to(of("a", "b", "c", "d"), lambda member: member.name == "a")
    assert shown is not None
    assert shown.title == "4 monitors: drift in col_a, age"
    two = shown_to(of("a", "b"), lambda member: member.name == "a")
    assert two is not None
    assert two.title == f"a and {HIDDEN}: drift in col_a, age"


def test_neither_a_segment_nor_a_comment_names_a_column_that_one_may_not_see() -> None:
    """A reason about a column in a segment is that column's as well; what people wrote is told without its name."""
    reasons = ("col_b in plan=pro: severe drift, psi 3", "col_a in plan=pro: severe drift, psi 1")
    whole = replace(of("a", "b"), reasons=reasons, resolution="col_b of b was mended, not col_a")
    shown = shown_to(whole, lambda member: member.name == "a")
    assert shown is not None
    assert shown.incident.reasons == reasons[1:]
    assert shown.incident.resolution == f"{COLUMN} of {HIDDEN} was mended, not col_a"


def test_letters_name_no_channel_to_who_sees_a_part() -> None:
    """The channel of the owner of a hidden model is told by neither its address nor an error."""
    letter = Letter("k", "#board", "i", 1, "opened", Severity.HIGH, (), {}, AT, AT, state="dead", error="no #board")
    (told,) = told_of([letter], whole=False)
    assert (told.channel, told.state, told.bad) == ("a channel", "given up, nobody was told", True)
    assert told_of([letter], whole=True)[0].channel == "#board"


def test_an_action_concerns_monitors_or_the_dag_itself() -> None:
    """A run's DAG stands for its monitor; a DAG over all monitors for itself."""
    (member,) = incident().members
    run = replace(incident(), cause=Cause.LATE, members=(replace(member, name="performance_fraud"),))
    assert dags_of(run) == ("monitor_fraud",)
    over_all = replace(run, members=(replace(member, name="monitoring_canary", monitor="monitoring_canary"),))
    assert dags_of(over_all) == ("monitoring_canary",)
    assert dags_of(of("a", "b", "a")) == ("monitor_a", "monitor_b")


def listed(*found: Incident) -> list[object]:
    """Ids of incidents as a page without a wish lists them."""
    chose = chosen(filter(None, (shown_to(each, _all) for each in found)), Wish())
    return [each.incident.id for each in (*chose.open, *chose.ended)]


def _all(_member: Member) -> bool:
    return True


def test_the_worst_comes_first_and_muted_ones_last() -> None:
    """Of open ones; those that ended come after them, the last first."""
    high, low = replace(incident(), id="high"), replace(incident(), id="low", severity=Severity.LOW)
    muted = replace(incident(), id="muted", state=State.MUTED, severity=Severity.CRITICAL)
    old = replace(incident(), id="old", state=State.RESOLVED, resolved=AT)
    new = replace(old, id="new", resolved=AT.replace(day=2))
    assert listed(old, muted, low, new, high) == ["high", "low", "muted", "new", "old"]


def test_pages_hold_what_there_is() -> None:
    """A page beyond the last is the last, and none ended is one page."""
    ended = [replace(incident(), id=str(n), state=State.RESOLVED, resolved=AT) for n in range(PAGE + 1)]
    shown = [found for each in ended if (found := shown_to(each, _all))]
    found = chosen(shown, Wish(page=9))
    assert (found.page, found.pages, len(found.ended), found.count) == (2, 2, 1, PAGE + 1)
    assert chosen([], Wish()).pages == 1
    assert owners_of(shown[0]) == ("risk",)


def test_letters_are_told_as_what_became_of_them() -> None:
    """Given up and failing ones are bad; the error of one that was sent in the end is over."""
    sent = Letter("k", "log", "i", 1, "opened", Severity.HIGH, (), {}, AT, AT, state="sent", error="timeout")
    dead = replace(sent, state="dead")
    waits, digest = replace(sent, state="waiting", error=""), replace(sent, state="waiting", digest=True, error="")
    told = told_of([sent, dead, waits, digest, replace(waits, error="b")], whole=True)
    assert [(each.state, each.bad) for each in told] == [
        ("sent", False),
        ("given up, nobody was told: timeout", True),
        ("waits for the next delivery", False),
        ("waits for the digest", False),
        ("waits for the next delivery: b", True),
    ]
