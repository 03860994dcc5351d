"""The overview's lines: state, order and choice, without a server."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.incidents.incident import Mute
from monitoring_tasks.incidents.reading import Cause
from monitoring_tasks.performance.headline import headline_of
from monitoring_tasks.policy.verdict import Outcome
from monitoring_tasks.scores import Headline
from monitoring_tasks.severity import Severity
from monitoring_tasks.store.board import Head, PerformanceHead
from monitoring_tasks.views.overview import ORDERS, STATES, Facts, Row, Watched, Wish, chosen, rows_of
from tests.ui import world

NOW = world.window(world.DAYS).start


def head(monitor: str = "churn", outcome: Outcome = Outcome.HEALTHY, **changes: Any) -> Head:
    """The newest verdict on a monitor's rows."""
    about = world.subject(monitor, world.DAYS - 1)
    fields: dict[str, Any] = {
        "severity": Severity.NONE if outcome is Outcome.HEALTHY else Severity.HIGH,
        "rows": 1000,
        "headline": Headline(features=6, reason="no finding"),
        "report": None,
        "run": {},
        "written_at": NOW,
        "digest": monitor,
    }
    return Head(subject=about, outcome=outcome, **{**fields, **changes})


def figures(monitor: str = "churn", outcome: Outcome = Outcome.HEALTHY, **changes: Any) -> PerformanceHead:
    """The newest verdict on a monitor's figures."""
    said = world.entry(monitor, 5).restatement
    fields: dict[str, Any] = {"severity": Severity.NONE, "known_at": NOW, "run": {}, "written_at": NOW}
    about = world.subject(monitor, 5)
    return PerformanceHead(subject=about, outcome=outcome, **{"headline": headline_of(said), **fields, **changes})


def row(watched: Watched | None = None, **facts: Any) -> Row:
    """The line of one monitor."""
    [found] = rows_of([watched or Watched("churn", "growth", started=NOW)], Facts(**facts))
    return found


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Outcome.HEALTHY, "healthy"),
        (Outcome.WARNING, "warning"),
        (Outcome.DRIFTED, "drifted"),
        (Outcome.NO_DATA, "unknown"),
        (Outcome.TOO_FEW_ROWS, "unknown"),
    ],
)
def test_a_verdict_is_a_state(outcome: Outcome, state: str) -> None:
    """What cannot be judged is unknown."""
    assert row(heads=[head(outcome=outcome)]).state == state


def test_the_worst_of_rows_and_figures_counts() -> None:
    """A model whose rows are healthy and whose figures are worse is degraded, and the other way round it drifted."""
    assert row(heads=[head()], performance=[figures(outcome=Outcome.DEGRADED)]).state == "degraded"
    assert row(heads=[head(outcome=Outcome.DRIFTED)], performance=[figures()]).state == "drifted"


def test_labels_that_are_waited_for_are_no_state() -> None:
    """Only where too few came at all is it not known how the model does."""
    waited = figures(outcome=Outcome.LABELS_IMMATURE, severity=Severity.LOW)
    assert (row(heads=[head()], performance=[waited]).state, row(heads=[head()], performance=[waited]).waits) == (
        "healthy",
        True,
    )
    assert row(heads=[head()], performance=[replace(waited, severity=Severity.MEDIUM)]).state == "unknown"


@pytest.mark.parametrize(
    ("watched", "heads", "why"),
    [
        (Watched("churn"), [], "no window was judged yet"),
        (Watched("churn", paused=True), [head()], "paused"),
        (Watched("churn", started=NOW + timedelta(days=1)), [head()], "has no verdict"),
    ],
)
def test_unknown_is_not_healthy(watched: Watched, heads: list[Head], why: str) -> None:
    """Never judged, switched off, or behind its schedule."""
    found = row(watched, heads=heads)
    assert found.state == "unknown"
    assert why in found.why


def test_the_reason_is_that_of_the_worst_verdict() -> None:
    """A model whose figures are worse says which, and not that its rows are as they should be."""
    said = headline_of(world.entry("fraud", 26).restatement)
    worse = figures(outcome=Outcome.DEGRADED, headline=said)
    assert row(heads=[head()], performance=[worse]).why == "auc 0.75 is worse than 0.81 by 0.06, limit 0.02"
    of_segment = figures(outcome=Outcome.DEGRADED)
    assert row(heads=[head()], performance=[of_segment]).why == "performance: degraded"
    assert row(heads=[head()], performance=[figures()]).why == "no finding"
    unjudged = figures(outcome=Outcome.LABELS_IMMATURE, severity=Severity.MEDIUM)
    assert row(heads=[head()], performance=[unjudged]).why == "performance: labels immature"


def test_a_finding_is_told_though_a_later_window_is_missing() -> None:
    """What is behind its schedule, or switched off, says what was found last as well."""
    drifted = [head(outcome=Outcome.DRIFTED, headline=Headline(reason="age: severe drift"))]
    behind = row(Watched("churn", started=NOW + timedelta(days=1)), heads=drifted).why
    assert behind.startswith("age: severe drift; a later window was started")
    assert (
        row(Watched("churn", paused=True), heads=drifted).why
        == "age: severe drift; its DAG is paused: nothing is watched"
    )


@pytest.mark.parametrize(
    ("cause", "dag_id", "state"),
    [
        (Cause.NO_DATA, "churn", "unknown"),
        (Cause.LABELS, "churn", "unknown"),
        (Cause.LATE, "performance_churn", "unknown"),
        (Cause.FAILED, "monitor_churn", "unknown"),
        (Cause.FAILED, "retrain_churn", "healthy"),
        (Cause.DATA_QUALITY, "churn", "healthy"),
    ],
)
def test_what_keeps_from_knowing_is_not_healthy(cause: Cause, dag_id: str, state: str) -> None:
    """Runs that failed or are late, rows or labels that do not come: muted as well, for a mute makes nothing known."""
    member = replace(world.incident().members[0], name=dag_id, monitor="churn")
    found = replace(world.incident(), cause=cause, members=(member,), mute=Mute(NOW, "known", "ann", Severity.HIGH))
    shown = row(heads=[head()], performance=[figures()], incidents=[found])
    assert shown.state == state
    assert ("open incident: age" in shown.why) is (state == "unknown")


def test_what_the_verdict_says_its_incident_does_not_repeat() -> None:
    """Where no rows come, the newest verdict and the open incident have one reason."""
    reason = "no rows in the window"
    found = replace(world.incident(), cause=Cause.NO_DATA, reasons=(reason,))
    found = replace(found, members=(replace(found.members[0], monitor="churn"),))
    empty = head(outcome=Outcome.NO_DATA, headline=Headline(reason=reason))
    assert row(heads=[empty], incidents=[found]).why == reason


def test_what_drifted_before_it_was_paused_is_still_told() -> None:
    """Switching a monitor off hides no finding."""
    assert row(Watched("churn", paused=True), heads=[head(outcome=Outcome.DRIFTED)]).state == "drifted"


def test_an_open_incident_is_as_severe_as_it_is() -> None:
    """A muted one counts no more; one of another model never did."""
    found = world.incident()
    assert row(Watched("fraud"), heads=[head("fraud")], incidents=[found]).severity is Severity.HIGH
    muted = replace(found, mute=Mute(NOW, "known", "ann", Severity.HIGH))
    assert row(Watched("fraud"), heads=[head("fraud")], incidents=[muted]).severity is Severity.NONE
    assert row(heads=[head()], incidents=[found]).incidents == ()


def test_how_old_the_champion_is() -> None:
    """Since its promotion; where nothing is known of that, at least since the first window."""
    promoted, _ = world.retrainings()
    known = row(heads=[head()], promotions=[promoted], first_windows={"churn": world.START})
    assert (known.since, known.at_least) == (promoted.closed_at, False)
    unknown = row(heads=[head()], promotions=[replace(promoted, placed="v9")], first_windows={"churn": world.START})
    assert (unknown.since, unknown.at_least) == (world.START, True)
    again = replace(promoted, closed_at=NOW)
    assert row(heads=[head()], promotions=[again, promoted]).since == NOW


def fleet() -> list[Row]:
    """Three models."""
    names = {"a": Outcome.HEALTHY, "b": Outcome.DRIFTED, "c": Outcome.NO_DATA}
    heads = [head(name, outcome, headline=Headline(columns=(f"col_{name}",))) for name, outcome in names.items()]
    return rows_of([Watched(name, f"owner_{name}") for name in names], Facts(heads=heads))


@pytest.mark.parametrize(
    ("wish", "names"),
    [
        (Wish(), ["b", "c", "a"]),
        (Wish(order="name"), ["a", "b", "c"]),
        (Wish(order="nonsense"), ["b", "c", "a"]),
        (Wish("COL_A"), ["a"]),
        (Wish("owner_c"), ["c"]),
        (Wish(owner="owner_b"), ["b"]),
        (Wish(state="unknown"), ["c"]),
        (Wish(state="nonsense"), []),
        (Wish("a", owner="owner_b"), []),
    ],
)
def test_some_are_chosen(wish: Wish, names: list[str]) -> None:
    """By text in name, owner or drifted column, by owner, by state; the worst come first."""
    assert [found.name for found in chosen(fleet(), wish)] == names


@given(st.sampled_from(sorted(ORDERS)), st.permutations(fleet()), st.booleans())
def test_every_order_is_total(order: str, rows: list[Row], empty: bool) -> None:
    """Whatever comes first in, the same comes out, also of models of which nothing is known."""
    given_rows = [*rows, *rows_of([Watched("new")], Facts())] if empty else rows
    found = chosen(given_rows, Wish(order=order))
    assert found == chosen(given_rows[::-1], Wish(order=order))
    assert len(found) == len(given_rows)


def test_states_are_worst_first() -> None:
    """Every outcome has its state."""
    assert {row(heads=[head(outcome=outcome)]).state for outcome in Outcome} == set(STATES)
