"""What is told of an incident: enough to act on, at most a screen, and nothing that was forged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.alerts.composing import Told, compose
from monitoring_tasks.alerts.message import Message, Plot, to_text
from monitoring_tasks.checks import Check, CheckResult, Evidence, Status, Suite
from monitoring_tasks.incidents.incident import LOUD, UNTOLD, Change, Event, Mute, State
from monitoring_tasks.incidents.reading import Cause
from monitoring_tasks.policy.verdict import Action, Outcome, Subject
from monitoring_tasks.severity import Severity
from monitoring_tasks.window import Window, parse_moment
from tests.alerts.samples import (
    EVIDENCE,
    HOSTILE,
    LINKS,
    RESULTS,
    SUBJECT,
    change,
    drift,
    finding,
    member,
    message,
    monitor,
    told,
    verdict,
)

SCREEN = 25
ID = "drift-0123456789abcdef"
RETRAINING = {"command": "python train.py", "repository": "/srv/model", "prediction": "prediction.parquet"}
TEMP = Plot("bars", "temp: share of values", ("1",), {"now": (1.0,)}, "temp")
TOLD_EVENTS = sorted(set(Event) - UNTOLD)


def gone(column: str = "temp") -> CheckResult:
    """A column that is not there."""
    detail = "the column is not there in 100.0% of the rows"
    return CheckResult(Suite.DATA_QUALITY, Check.COLUMN_PRESENT, Status.FAILED, column, None, 1.0, 0.0, detail=detail)


def fault(*names: str, **changes: Any) -> Change:
    """A column is missing for monitors of these names."""
    fields: dict[str, Any] = {
        "cause": Cause.DATA_QUALITY,
        "severity": Severity.CRITICAL,
        "columns": ("temp",),
        "anchors": ("weather#temp",),
        "reasons": ("temp: column missing, the column is not there in 100.0% of the rows",),
        "members": tuple(member(name) for name in names or ("flight_delay",)),
    }
    return change(**{**fields, **changes})


def test_everything_is_said_in_the_order_of_need() -> None:
    """What, since when, how sure, which columns, which segment, how the model does, what to do, and where to look."""
    segment = finding("temp", 0.3, segment="origin=EWR")
    evidence = {**EVIDENCE, "findings": [*EVIDENCE["findings"], segment]}
    found = told(
        monitor=monitor(),
        verdict=verdict(evidence=evidence),
        performance="healthy in 2013-06-08: auc 0.71",
        plots=(TEMP,),
    )
    built = compose(change(), found)
    assert to_text(built).splitlines() == [
        "HIGH: flight_delay: drift in temp, dest",
        "model: flight_delay",
        "owner: growth@example.org",
        "since: 2013-06-09, in 2 windows in a row, newest 2013-06-10",
        "how sure: psi 8.4 against 0.2, p 0.00025, in 2 of the last 3 windows, 26,543 rows, 2 of 61 checks failed",
        "segment: origin=EWR (temp)",
        "performance: healthy in 2013-06-08: auc 0.71",
        "champion: v1.0.0-3f2a9c1b",
        f"to take it on: monitoring alerts acknowledge {ID}",
        "- temp: severe drift, psi 8.4 against 0.2",
        "- dest: drift, psi 0.21 against 0.2",
        "column  importance  check  score  limit  reference          current",
        "temp    0.31        psi    8.4    0.2    mean 36.52 sd 9.1  mean 77.6 sd 8.2",
        "dest    0.12        psi    0.21   0.2    mean 36.52 sd 9.1  mean 77.6 sd 8.2",
        "Next step: The drift persists: look at the report, then retrain the model.",
        "run: https://airflow.example/dags/monitor_flight_delay",
        "report: https://airflow.example/report/1",
        "runbook: https://wiki.example/flights",
    ]
    assert built.headline == ("since 2013-06-09, in 2 windows in a row, newest 2013-06-10", built.lines[0])
    assert built.plots == (TEMP,)


@pytest.mark.parametrize(
    ("address", "link"),
    [("https://wiki.example/ml#", "https://wiki.example/ml#incident-drift"), ("https://wiki.example/ml",) * 2],
)
def test_a_runbook_is_opened_at_its_heading(address: str, link: str) -> None:
    """Where its address asks for that."""
    assert compose(change(), told(runbook=address)).links["runbook"] == link


@pytest.mark.parametrize(
    ("cause", "columns", "reason", "title"),
    [
        (Cause.DATA_QUALITY, ("temp",), "temp: column missing, of all rows", "temp is missing"),
        (
            Cause.DATA_QUALITY,
            ("temp", "b"),
            "temp: column of wrong type, text",
            "temp is of the wrong type, and 1 more column at fault",
        ),
        (Cause.DATA_QUALITY, ("temp",), "temp: missing values, share 0.5", "values of temp are missing"),
        (Cause.DATA_QUALITY, ("temp",), "temp: more values missing, 0.1", "more values of temp are missing"),
        (
            Cause.DATA_QUALITY,
            ("a", "b"),
            "values of 2 columns are missing together, in 50% of the rows (5% allowed): a, b",
            "values of 2 columns are missing together",
        ),
        (
            Cause.DATA_QUALITY,
            ("a", "b", "c"),
            "values of 2 columns are missing, in 50% of the rows each (5% allowed): a, b",
            "values of 2 columns are missing, and 1 more column at fault",
        ),
        (Cause.DATA_QUALITY, ("temp",), "temp: values out of range, 0.1", "temp is out of range"),
        (Cause.DATA_QUALITY, ("temp",), "temp: constant column, 1", "temp is constant"),
        (Cause.DATA_QUALITY, ("dest",), "dest: unseen categories, 0.3", "dest has unseen categories"),
        (Cause.DATA_QUALITY, ("temp",), "temp: severe drift of a feature", "data fault in temp"),
        (Cause.DATA_QUALITY, (), "duplicated rows, 0.3", "rows are duplicated"),
        (Cause.DATA_QUALITY, (), "time without rows, share 0.3", "some hours have no rows"),
        (Cause.DATA_QUALITY, (), "something else", "faults in the data"),
        (Cause.DRIFT, ("a", "b", "c", "d"), "x", "drift in a, b and 2 more"),
        (Cause.DRIFT, (), "joint change of columns", "drift"),
        (Cause.PERFORMANCE, ("auc",), "auc: worse", "the model got worse (auc)"),
        (Cause.NO_DATA, (), "no rows in the window: ...", "no rows arrive"),
        (Cause.NO_DATA, (), "7 rows in the window, fewer than the 500", "too few rows"),
        (Cause.LABELS, (), "only 3% have a label", "labels are missing"),
        (Cause.LATE, (), "no run since 2013-06-04", "a run is late or missing"),
        (Cause.FAILED, (), "SourceUnavailable: refused", "a run failed"),
        (Cause.SELF_TEST, (), "temp: found in 3 of 20", "finds less than it did"),
    ],
)  # fmt: skip
def test_the_title_says_what_is_wrong(cause: Cause, columns: tuple[str, ...], reason: str, title: str) -> None:
    """In words that a notification on a telephone shows whole; the worst column is named first."""
    built = compose(change(cause=cause, columns=columns, reasons=(reason,)), Told())
    assert built.title == f"HIGH: flight_delay: {title}"
    assert built.severity is Severity.HIGH


def test_the_headline_says_why() -> None:
    """Whoever sees the channel alone learns since when, what, and what may have caused it."""
    reasons = (
        "temp: severe drift, psi 8.4",
        "dest: drift",
        "probable cause: temp: degrees Celsius",
        "probable cause: b",
    )
    assert compose(change(reasons=reasons), told()).headline == (
        "since 2013-06-09, in 2 windows in a row, newest 2013-06-10",
        "temp: severe drift, psi 8.4",
        "probable cause: temp: degrees Celsius",
    )


def test_one_fault_of_many_monitors_is_named_once() -> None:
    """The title counts the monitors, the facts name the first of them, and the common source is the probable cause."""
    names = [f"model_{number}" for number in range(20)]
    built = compose(fault(*names), told(verdict=verdict(severity=Severity.CRITICAL), results=(gone(),)))
    assert built.title == "CRITICAL: 20 monitors: temp is missing"
    assert (built.facts or {})["monitors"] == "model_0, model_1, model_2, model_3, model_4, model_5 and 14 more"
    assert built.lines[-1] == "probable cause: upstream: all 20 monitors read temp from weather"
    assert built.step.startswith("Ask whoever fills weather about temp, now: the model answers from broken input.")


def test_a_season_is_a_probable_cause() -> None:
    """What the same season shows as well is nobody's fault."""
    seasonal = finding("temp", season="June of the year before")
    built = compose(change(), told(verdict=verdict(evidence={**EVIDENCE, "findings": [seasonal]})))
    assert built.lines[-1] == "probable cause: season: temp is as June of the year before"


def test_new_categories_are_named() -> None:
    """Which ones they are says more than their share."""
    unseen = CheckResult(
        Suite.DATA_QUALITY, Check.UNSEEN_SHARE, Status.FAILED, "dest", None, 0.3, 0.01, True, detail="new: ABQ, ACK"
    )
    share = finding("dest", 0.3, suite="data_quality", check="unseen_share", method=None)
    found = told(verdict=verdict(evidence={**EVIDENCE, "findings": [share]}), results=[unseen])
    assert compose(fault(columns=("dest",)), found).table[1].endswith("new: ABQ, ACK")


def test_two_monitors_are_both_in_the_title() -> None:
    """There is room for their names."""
    built = compose(fault("a", "b"), Told())
    assert built.title == "CRITICAL: a and b: temp is missing"
    assert built.lines[-1] == "probable cause: upstream: both monitors read temp from weather"


def test_monitors_without_an_anchor_have_no_common_source() -> None:
    """Nothing is guessed."""
    lines = compose(fault("a", "b", anchors=()), Told()).lines
    assert not [line for line in lines if "upstream" in line]


def test_the_column_of_the_incident_is_first_whatever_drifted_farther() -> None:
    """The order is that of the incident, by drift x importance; other columns are another incident's."""
    results = (drift("far", 99.0), *RESULTS)
    rows = compose(change(columns=("dest", "temp")), told(results=results)).table[1:]
    assert [row.split()[0] for row in rows] == ["dest", "temp"]


def test_a_fault_goes_before_the_drift_that_it_makes() -> None:
    """Of a column whose values are missing, how many are: that its distribution moved follows from it."""
    missing = CheckResult(Suite.DATA_QUALITY, Check.MISSING_SHARE, Status.FAILED, "temp", None, 0.4, 0.05, True)
    share = finding("temp", 0.4, suite="data_quality", check="missing_share", method=None, importance=0.31)
    caused = finding("temp", importance=0.31, cause="temp: half of the values are missing")
    evidence = {**EVIDENCE, "findings": [caused, share]}
    found = told(verdict=verdict(evidence=evidence), results=(missing, drift("temp", 8.4)))
    [_, row] = compose(fault(), found).table
    assert row.split()[:3] == ["temp", "0.31", "missing"]


def test_columns_missing_together_share_a_line_of_the_table() -> None:
    """In per cent, against what the baseline lacks; a column at fault beside them has its own line."""
    names = [f"c{number}" for number in range(8)]
    share = {"suite": "data_quality", "check": "missing_share", "method": None, "threshold": 0.05391}
    tested = {"p_value": 1e-5, "adjusted": 5.7e-5, "effect": 0.0500538, "floor": 0.02}
    cause = "the same rows lack answer (a source or provider that did not answer?)"
    lacking = [finding(name, 0.05396, **share, evidence=tested, cause=cause) for name in names]
    missing = CheckResult(Suite.DATA_QUALITY, Check.MISSING_SHARE, Status.FAILED, "c0", None, 0.05396, 0.05391, True)
    missing = replace(missing, evidence=Evidence(**tested), cause=cause, detail="0.4% in its baseline")
    results = [replace(missing, column=name) for name in names] + [gone("far")]
    absent = finding("far", 1.0, suite="data_quality", check="column_present", method=None, threshold=0.0)
    found = told(verdict=verdict(evidence={**EVIDENCE, "findings": [*lacking, absent]}), results=results)
    line = "values of 8 columns are missing together, in 5.4% of the rows (0.39% in the baseline): c0, c1, c2, c3, c4"
    built = compose(fault(columns=(*names, "far"), reasons=(line, f"probable cause: {cause}")), found)
    assert built.title == "CRITICAL: flight_delay: values of 8 columns are missing together, and 1 more column at fault"
    assert [row.split() for row in built.table[:2]] == [
        ["column", "check", "score", "limit", "reference", "current"],
        ["8", "columns", "missing", "5.4%", "5.39%", "0.39%"],
    ]
    assert built.table[2].startswith("far")
    assert len(built.table) == 3
    assert built.facts is not None
    assert built.facts["how sure"].startswith("missing 5.4% against 0.39% in its baseline, p 5.7e-05")


def test_many_columns_are_counted() -> None:
    """Four are shown."""
    names = tuple(f"c{number}" for number in range(9))
    evidence = {**EVIDENCE, "findings": [finding(name, 1.0) for name in names]}
    found = told(verdict=verdict(evidence=evidence), results=[drift(name, 1.0) for name in names])
    table = compose(change(columns=names), found).table
    assert len(table) == 6
    assert table[-1] == "and 5 more columns"


def test_without_importances_there_is_no_column_for_them() -> None:
    """What nothing is known of takes no room."""
    evidence = {**EVIDENCE, "findings": [finding("temp"), finding("dest")]}
    assert "importance" not in compose(change(), told(verdict=verdict(evidence=evidence))).table[0]


def test_only_failed_checks_of_all_rows_are_in_the_table() -> None:
    """Those that passed or are undecided are none, segments are told apart; without any there is no table."""
    results = [replace(drift("temp", 8.4), **each) for each in ({"status": Status.PASSED}, {"segment": "origin=EWR"})]
    results.append(CheckResult(Suite.DATA_DRIFT, Check.DRIFT, Status.UNDECIDED, "temp", "psi"))
    evidence = {**EVIDENCE, "findings": [finding("temp"), finding("temp", segment="origin=EWR")]}
    assert compose(change(), told(verdict=verdict(evidence=evidence), results=results)).table == ()
    evidence = {**EVIDENCE, "findings": [finding("temp", segment="origin=EWR")]}
    assert compose(change(), told(verdict=verdict(evidence=evidence), results=results)).table == ()


def test_what_persists_is_in_the_table() -> None:
    """A weak finding that the verdict tells of is a drifted column; one that is only watched is none."""
    watched = [replace(drift(name, 0.3), status=Status.SUSPECT) for name in ("dest", "temp")]
    evidence = {**EVIDENCE, "findings": [finding("dest", 0.3, weak=True)]}
    heading, *rows = compose(change(), told(verdict=verdict(evidence=evidence), results=watched)).table
    assert heading.startswith("column")
    assert [row.split()[0] for row in rows] == ["dest"]


def test_worse_figures_show_the_metric_and_how_much_is_known() -> None:
    """A verdict on figures is as sure as its labels are many; the table holds the metric beside its reference."""
    worse = CheckResult(
        Suite.PERFORMANCE, Check.CHAMPION_DROP, Status.FAILED, "auc", None, 0.61, 0.68, True,
        reference={"value": 0.7}, current={"value": 0.61, "rows": 6126},
    )  # fmt: skip
    found = finding("auc", 0.61, suite="performance", check="champion_drop", method=None, threshold=0.68)
    later = {**found, "check": "trailing_drop"}
    evidence = {**EVIDENCE, "findings": [found, later], "predictions": 6684, "labelled": 6126}
    degraded = verdict(outcome=Outcome.DEGRADED, evidence=evidence)
    told_of = told(
        monitor=monitor(), verdict=degraded, results=[worse, replace(worse, check=Check.TRAILING_DROP, value=0.1)]
    )
    built = compose(change(cause=Cause.PERFORMANCE, columns=("auc",), reasons=("auc: fell",)), told_of)
    sure = (built.facts or {})["how sure"]
    assert sure.startswith("auc 0.61 against 0.68, p 0.00025")
    assert "6,126 of 6,684 predictions labelled" in sure
    assert "performance" not in (built.facts or {})
    assert built.table[0].startswith("metric ")
    assert built.table[1].split() == ["auc", "champion", "drop", "0.61", "0.68", "0.7", "0.61"]
    assert built.step == "The model got worse: look at the report, then retrain the model."


@pytest.mark.parametrize(
    ("rows", "told_as"), [(0, "0 rows of the 500 needed"), (1, "1 row of the 500 needed"), (900, "900 rows")]
)
def test_rows_are_counted(rows: int, told_as: str) -> None:
    """Zero rows are told as a number, and too few beside how many are needed."""
    no_data = verdict(outcome=Outcome.NO_DATA, evidence={"rows": rows, "minimum_rows": 500})
    built = compose(change(cause=Cause.NO_DATA, columns=(), reasons=("no rows",)), Told(verdict=no_data))
    assert (built.facts or {})["how sure"] == told_as


def test_a_model_whose_figures_nobody_watches_says_so() -> None:
    """Silence about performance is not good news."""
    assert (compose(change(), told(monitor=monitor())).facts or {})["performance"] == "not watched"


def test_certainty_is_told_as_far_as_it_is_known() -> None:
    """No p-value of one window for what stands on several; none below what can be told; a window alone has no past."""
    for more, expected in (
        ({"weak": True}, "psi 8.4 against 0.2, in 2"),
        ({"evidence": {"adjusted": 0.0}}, "psi 8.4 against 0.2, p < 1e-09, in 2"),
        ({"evidence": None}, "psi 8.4 against 0.2, in 2"),
        ({"value": None}, "p 0.00025, in 2"),
        ({"value": 0.1, "large": False}, "psi 0.1 below 0.2, p 0.00025, in 2"),
        ({"value": 0.1, "large": False, "method": "ks_p_value"}, "ks_p_value 0.1 above 0.2, p 0.00025, in 2"),
        ({"windows": 1}, "psi 8.4 against 0.2, p 0.00025, 26,543 rows"),
    ):
        evidence = {**EVIDENCE, "findings": [finding("temp", **{"value": 8.4, **more})]}
        built = compose(change(), told(verdict=verdict(evidence=evidence)))
        assert (built.facts or {})["how sure"].startswith(expected)


@pytest.mark.parametrize(
    ("cause", "outcome", "actions", "step"),
    [
        (Cause.DATA_QUALITY, Outcome.WARNING, (Action.BLOCK_RETRAINING,), "stays blocked until the data is sound"),
        (Cause.DRIFT, Outcome.WARNING, (Action.INVESTIGATE,), "one window is no reason to retrain"),
        (Cause.NO_DATA, Outcome.NO_DATA, (), "Check that the model serves and that its prediction log arrives"),
        (Cause.NO_DATA, Outcome.TOO_FEW_ROWS, (), "Check traffic and the prediction log"),
        (Cause.LABELS, Outcome.LABELS_IMMATURE, (), "Check that labels arrive"),
        (Cause.LATE, Outcome.HEALTHY, (), "See whether the scheduler runs, and whether flight_delay is paused"),
        (Cause.FAILED, Outcome.HEALTHY, (), "Open the log of the failed task of flight_delay"),
        (Cause.SELF_TEST, Outcome.HEALTHY, (), "monitoring canary flight_delay"),
    ],
)
def test_each_cause_has_its_next_step(cause: Cause, outcome: Outcome, actions: tuple[Action, ...], step: str) -> None:
    """One thing to do, not a list of what could be done; without a verdict there still is one."""
    assert step in compose(change(cause=cause), told(verdict=verdict(outcome=outcome, actions=actions))).step
    assert compose(change(cause=cause), Told()).step


@pytest.mark.parametrize(
    ("columns", "asked"),
    [
        (("words", "empty"), "about response (from which words, empty are computed)."),
        (("words", "tokens", "pace"), "about tokens, response (from which words, pace are computed)."),
        (("pace",), "about seconds, tokens (from which pace is computed)."),
        (("tokens",), "about tokens."),
        (("a", "b", "c", "d", "e"), "about a, b, c and 2 more."),
    ],
)
def test_who_fills_a_log_is_asked_about_logged_columns(columns: tuple[str, ...], asked: str) -> None:
    """A derived column is nobody's to mend: whoever writes the log knows what it is computed from."""
    own = monitor(
        derived={
            "words": {"kind": "word_count", "of": "response"},
            "empty": {"kind": "matches", "of": "response", "patterns": "^$"},
            "pace": {"kind": "ratio", "of": ["seconds", "tokens"]},
        }
    )
    found = verdict(actions=(Action.ALERT,))
    fault = change(cause=Cause.DATA_QUALITY, columns=columns)
    assert compose(fault, told(monitor=own, verdict=found)).step.endswith(asked)


def test_a_model_that_answers_with_text_is_not_retrained() -> None:
    """Nobody can retrain it here: the letter asks what happened, whether the drift persists or not."""
    for cause in (Cause.DRIFT, Cause.PERFORMANCE):
        found = verdict(actions=(Action.ALERT, Action.INVESTIGATE), evidence={**EVIDENCE, "retrainable": False})
        step = compose(change(cause=cause), told(verdict=found)).step
        assert "retrain" not in step
        assert "what was released" in step


def test_a_model_that_is_retrained_here_names_the_dag() -> None:
    """Whoever is woken need not know how models are retrained."""
    own = monitor().model_copy(update={"retraining": object()})
    assert compose(change(), told(monitor=own)).step.endswith("then trigger retrain_flight_delay.")


@pytest.mark.parametrize(
    ("event", "ending"), [(Event.OPENED, ""), (Event.ESCALATED, ", worse than before"), (Event.REMINDED, ", still")]
)
def test_what_is_told_aloud_says_why_again(event: Event, ending: str) -> None:
    """A second page about one problem says that it is the same problem, and what ended the silence."""
    built = compose(change(event, reason="the mute has ended" if ending else ""), told())
    assert built.title == f"HIGH: flight_delay: drift in temp, dest{ending}"
    assert bool(ending) == ("the mute has ended" in built.lines)


def test_who_joins_is_told_shortly() -> None:
    """The first message has the table and the pictures; who joined is in the title, and how many there are now."""
    joined = fault("flight_delay", "arrivals", "gates", event=Event.JOINED)
    built = compose(joined, told(monitor=monitor(name="gates"), plots=(TEMP,)))
    assert built.title == "CRITICAL: 3 monitors: temp is missing; gates joined"
    assert len(built.lines) <= 3
    drifting = compose(change(Event.JOINED), told(plots=(TEMP,)))
    assert (drifting.table, drifting.plots) == ((), ())
    assert built.step


def test_what_people_do_is_told_in_a_line() -> None:
    """Who, what, why, and until when."""
    until = parse_moment("2013-06-14T08:00:00")
    muted = {"state": State.MUTED, "mute": Mute(until, "known", "anna", Severity.HIGH)}
    for event, fields, line in (
        (Event.ACKNOWLEDGED, {}, "anna takes it on: known; it is told again only if it gets worse"),
        (Event.MUTED, muted, "by anna: silent until 2013-06-14 08:00 UTC unless it gets worse: known"),
        (Event.UNMUTED, {}, "by anna: told again from now on: known"),
    ):
        built = compose(change(event, by="anna", reason="known", **fields), Told())
        assert built.title == f"{event.value.upper()}: flight_delay: drift in temp, dest"
        assert built.lines == (line,)
        assert ID in to_text(built)


def test_the_end_says_why_and_how_long_it_lasted() -> None:
    """And how bad it was at worst; who ended it, when a person did."""
    ended = {"state": State.RESOLVED, "worst": Severity.CRITICAL, "resolution": "healthy in 2 windows in a row"}
    built = compose(change(Event.RESOLVED, **ended), told())
    assert built.title == "RESOLVED: flight_delay: drift in temp, dest"
    assert built.lines == ("healthy in 2 windows in a row; it lasted from 2013-06-09 to 2013-06-11, at worst critical",)
    by_hand = compose(change(Event.RESOLVED, by="anna", reason="a test", **{**ended, "resolution": "a test"}), Told())
    assert by_hand.lines[0].startswith("by anna: a test; it lasted")
    assert built.step == ""


def test_hours_are_told_as_hours() -> None:
    """A window that is no day says when it began and ended."""
    hour = Window.parse("2013-06-09T10:00", "2013-06-09T11:00")
    built = compose(change(members=(member(first=hour, last=hour, windows=1),)), Told())
    assert (built.facts or {})["since"] == "2013-06-09 10:00 to 11:00 UTC, the first window with it"
    built = compose(change(members=(member(first=hour, windows=1),)), Told())
    assert (built.facts or {})["since"] == "2013-06-09 10:00 UTC, in this window again, newest 2013-06-10"


def fullest(hostile: str, event: Event, cause: Cause) -> Message:
    """A message in every place of which a text from outside stands."""
    names = tuple(f"{hostile}{place}" for place in range(9))
    found = [finding(name, segment=segment) for name in names for segment in ("", hostile)]
    found_verdict = verdict(
        subject=Subject("flight_delay", hostile, SUBJECT.window, hostile), reasons=(hostile,) * 30,
        evidence={**EVIDENCE, "findings": found},
    )  # fmt: skip
    summary = {"top": [[hostile, 0.5]]}
    results = [replace(drift(name, 1.0), current=summary, reference=summary) for name in names]
    parts = tuple(member(f"m{place}", owner=hostile, columns=names) for place in range(12))
    anchors = tuple(f"{hostile}#{name}" for name in names)
    happened = change(
        event, by=hostile, reason=hostile, cause=cause, columns=names, anchors=anchors, members=parts,
        reasons=(*(f"{name}: column missing" for name in names), f"probable cause: {hostile}") * 3, resolution=hostile,
    )  # fmt: skip
    links = {**LINKS, "dashboard": "https://airflow.example/d", hostile: f"https://airflow.example/{hostile}"}
    told_of = Told(monitor(), found_verdict, results, links, performance=hostile, plots=(TEMP, TEMP))
    return compose(happened, told_of)


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("event", TOLD_EVENTS)
@pytest.mark.parametrize("cause", [Cause.DATA_QUALITY, Cause.PERFORMANCE])
def test_a_screen_of_lines_whatever_the_texts_are(hostile: str, event: Event, cause: Cause) -> None:
    """Every text from outside stays on its line; the whole is at most a screen high, and an end is three lines."""
    built = fullest(hostile, event, cause)
    lines = to_text(built).split("\n")
    assert all(line.isprintable() for line in lines)
    assert len(lines) <= (SCREEN + 1 if event in LOUD else 20)
    assert len(built.title) <= 150
    assert (
        max(map(len, [*built.headline, *built.lines, *built.table, built.step, *(built.facts or {}).values()])) <= 240
    )


@given(st.text(), st.text(), st.sampled_from(TOLD_EVENTS), st.sampled_from(list(Cause)))
def test_any_text_can_be_told(column: str, reason: str, event: Event, cause: Cause) -> None:
    """Whatever columns and reasons are called, there is a message of plain lines that survives the outbox."""
    happened = change(event, reason=reason, cause=cause, columns=(column,), reasons=(reason,), anchors=(reason,))
    built = compose(happened, told(results=[drift(column, 8.4)]))
    assert all(line.isprintable() for line in to_text(built).split("\n"))
    assert Message.from_json(built.to_json()).title == built.title


def test_the_same_change_is_told_the_same() -> None:
    """A retry composes the same letter."""
    assert message() == message()


def test_a_sudden_change_is_named_as_one() -> None:
    """Title, how sure, and the table say that a level jumped, not that a distribution drifted."""
    said = "9.2% true, 3.0% in the 24 windows before, 3.1% in the reference"
    found = finding(
        "refusal", 0.061, rule="sudden change", check="level", method=None, threshold=0.034, windows=1, segment=""
    )
    result = CheckResult(
        Suite.DATA_DRIFT, Check.LEVEL, Status.FAILED, "refusal", None, 0.061, 0.034, large=True, detail=said
    )
    beside = [finding("refusal", 0.15, rule="drift of a feature", severity="low"), finding("temp", severity="low")]
    reasons = (f"refusal: sudden change, {said}, p 2e-09",)
    heard = verdict(reasons=reasons, evidence={**EVIDENCE, "findings": [found, *beside]})
    about = change(columns=("refusal", "temp"), reasons=reasons)
    message = compose(about, told(verdict=heard, results=(result, *RESULTS)))
    assert "flight_delay: sudden change in refusal, temp" in message.title
    assert "jump 0.061 against 0.034" in message.facts["how sure"]
    assert said in to_text(message)
    assert any(line.startswith("refusal") and "jump" in line for line in message.table)
    drifted = change(columns=("temp", "refusal"), reasons=("temp: prediction drift", *reasons))
    assert "drift in temp" in compose(drifted, told(verdict=heard)).title


def test_large_figures_are_told_in_whole_numbers() -> None:
    """An error in dollars is read at a glance, in how sure it is and in the table."""
    worse = finding("rmse", 1237.4, suite="performance", check="champion_drop", method=None, threshold=1100.2)
    result = CheckResult(
        Suite.PERFORMANCE, Check.CHAMPION_DROP, Status.FAILED, "rmse", None, 1237.4, 1100.2,
        reference={"value": 1100.2}, current={"value": 2337.6},
    )  # fmt: skip
    found = told(verdict=verdict(evidence={**EVIDENCE, "findings": [worse]}), results=[result])
    built = compose(change(cause=Cause.PERFORMANCE, columns=("rmse",)), found)
    assert built.facts is not None
    assert built.facts["how sure"].startswith("rmse 1237 against 1100,")
    assert built.table[1].split()[-2:] == ["1100", "2338"]
    assert "e+" not in to_text(built)
