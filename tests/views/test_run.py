"""What the page of a window shows, without Airflow."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.checks import Check, CheckResult, Status, Suite
from monitoring_tasks.performance.record import Against, Figure, Interval
from monitoring_tasks.policy.verdict import Outcome, Subject
from monitoring_tasks.ui.reports import subject_of
from monitoring_tasks.views.run import (
    SHOWN,
    evidence_of,
    figures_of,
    findings_of,
    hashes_of,
    restated,
    run_address,
    version_of,
)
from monitoring_tasks.window import Window, stamp
from tests.ui.world import entry, subject, verdict

JUDGED = verdict("fraud", 35)


def check(column: str, value: float | None, *, status: Status = Status.FAILED, segment: str = "") -> CheckResult:
    """The result of a drift check."""
    return CheckResult(Suite.DATA_DRIFT, Check.DRIFT, status, column, "psi", value, 0.2, segment=segment)


def test_findings_are_what_did_not_pass() -> None:
    """The worst first, undecided ones last; those of segments apart; what passed is none."""
    results = [
        check("a", 0.3),
        check("b", None, status=Status.UNDECIDED),
        check("c", 0.9),
        check("d", 0.1, status=Status.PASSED),
        check("e", 0.1, status=Status.SUSPECT),
        check("a", 2.0, segment="plan=pro"),
        replace(check("f", 5.0), check=Check.MISSING_SHARE),
    ]
    found = findings_of(JUDGED, results)
    assert [each.result.column for each in found.whole] == ["c", "a", "f", "b"]
    assert [each.result.segment for each in found.segments] == ["plan=pro"]
    assert found.more == 0


def test_a_suspect_that_persists_is_a_finding() -> None:
    """As the verdict says, which looked at the windows before."""
    weak = {"suite": "data_drift", "check": "drift", "column": "e", "segment": "", "weak": True}
    judged = replace(JUDGED, evidence={"findings": [weak]})
    found = findings_of(judged, [check("e", 0.1, status=Status.SUSPECT)])
    assert [each.result.column for each in found.whole] == ["e"]


def test_very_many_findings_are_cut() -> None:
    """The report has them all, and the page says how many more there are."""
    found = findings_of(JUDGED, [check(f"c{number}", 1.0) for number in range(SHOWN + 5)])
    assert (len(found.whole), found.more) == (SHOWN, 5)


def test_without_rows_there_are_no_findings() -> None:
    """Every check is undecided then, for that alone."""
    empty = replace(JUDGED, outcome=Outcome.NO_DATA)
    assert findings_of(empty, [check("a", None, status=Status.UNDECIDED)]).whole == ()


def test_segments_come_the_worst_first() -> None:
    """By how far they are beyond their limit; those that are compared with nothing come last."""
    said = entry("fraud", 26).restatement

    def figure(segment: str, drop: float | None) -> Figure:
        against = {} if drop is None else {"champion": Against(0.8, drop, 0.02, False)}
        return Figure("auc", segment, 100, Interval(0.7), against=against)

    figures = (figure("", 0.1), figure("a", None), figure("b", 0.01), figure("c", 0.3), figure("d", -0.1))
    whole, segments = figures_of(replace(said, figures=figures))
    assert [line.figure.segment for line in whole] == [""]
    assert [line.figure.segment for line in segments] == ["c", "b", "d", "a"]
    assert segments[0].excess > segments[1].excess > 0


def test_evidence_is_told_as_far_as_it_is_there() -> None:
    """Counts and shares in words; what a verdict of before does not hold is left out."""
    said = {
        "rows": 1234,
        "coverage": 0.5,
        "importances_known": False,
        "checks": {"failed": 2, "passed": 0},
        "persistence": {"windows": 2, "of": 3, "known": 1},
        "unheard": [1],
    }
    lines = dict(evidence_of(replace(JUDGED, evidence=said)))
    assert lines == {
        "Rows": "1,234",
        "Label coverage": "50%",
        "Importances of the features": "not known",
        "Checks": "2 failed",
        "Persists": "when found in 2 of 3 windows; 1 of the windows before are known",
    }
    assert evidence_of(replace(JUDGED, evidence={"checks": "odd", "persistence": 3})) == []


def test_hashes_fall_back_on_the_configuration() -> None:
    """A verdict without hashes was reached under a configuration at least."""
    assert hashes_of(replace(JUDGED, evidence={"hashes": {"data": "d1", "config": "c1"}})) == [
        ("config", "c1"),
        ("data", "d1"),
    ]
    assert hashes_of(replace(JUDGED, evidence={})) == [("config", JUDGED.subject.config_hash)]


def test_a_version_is_named_by_when_it_was_known() -> None:
    """The newest without a name; None for a moment at which nothing was written down, or of another subject."""
    entries = [entry("fraud", 26, known_after=days) for days in (3, 10)]
    about = subject("fraud", 26)
    assert version_of(entries, about, "") is entries[1]
    assert version_of(entries, about, stamp(entries[0].restatement.known_at)) is entries[0]
    assert version_of(entries, about, "2013-01-01T00:00:00Z") is None
    assert version_of(entries, replace(about, champion="other"), "") is None
    assert [each.shown for each in restated("performance_fraud", entries, entries[0])] == [False, True]


@given(
    champion=st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1, max_size=40),
    config=st.from_regex(r"[0-9a-f]{16}", fullmatch=True),
)
def test_an_address_leads_back_to_its_subject(champion: str, config: str) -> None:
    """Whatever a champion is called, the path of its page names just that subject."""
    from urllib.parse import unquote

    about = Subject("fraud", champion, Window.parse("2013-06-04", "2013-06-11"), config)
    parts = run_address("monitor_fraud", about).split("/")
    assert parts[:3] == ["", "run", "monitor_fraud"]
    assert subject_of("monitor_fraud", *map(unquote, parts[3:])) == about
