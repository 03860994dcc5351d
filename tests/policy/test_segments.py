"""Findings in segments, within a verdict."""

from __future__ import annotations

from dataclasses import replace

from monitoring_tasks.checks import Check, CheckResult, Status, Suite
from monitoring_tasks.policy.narrative import findings_table, narrate
from monitoring_tasks.policy.verdict import Action, Outcome
from monitoring_tasks.severity import Severity
from tests.policy.made import drift, result, verdict


def in_segment(segment: str, column: str = "f1", value: float = 0.41, **more: object) -> CheckResult:
    """A drift result of a segment."""
    return replace(drift(column, value), segment=segment, **more)  # type: ignore[arg-type]


def test_the_verdict_names_the_worst_segment() -> None:
    """However many segments drifted, in however many columns, they are one line, which says how many."""
    segments = [in_segment(f"carrier=C{number:02}", f"f{column}", 0.3) for number in range(40) for column in (1, 2)]
    found = verdict(*segments, in_segment("carrier=UA", "f3", 0.9), in_segment("carrier=UA", "f1", 0.3))
    assert found.reasons == (
        "worst segment carrier=UA: f3: drift in a segment, psi 0.9 against 0.2 and 1 more column of it "
        "and 40 more segments",
    )
    assert (found.outcome, found.severity) == (Outcome.WARNING, Severity.LOW)
    assert set(found.actions) == {Action.ALERT, Action.INVESTIGATE}
    assert len(found.evidence["findings"]) == 82


def test_one_segment_is_told_as_any_finding() -> None:
    """Alone it has a line of its own, and the columns of all rows keep theirs."""
    found = verdict(in_segment("carrier=UA"), drift("f2"))
    assert len(found.reasons) == 2
    assert "f1 in carrier=UA: drift in a segment, psi 0.41 against 0.2" in found.reasons
    both = verdict(in_segment("carrier=UA"), in_segment("carrier=UA", "f2"), drift("f2"))
    assert sum("worst segment carrier=UA" in reason and "1 more column of it" in reason for reason in both.reasons) == 1


def test_worse_segments_and_drifted_ones_are_two_lines() -> None:
    """Performance and drift are different news."""
    drop = CheckResult(Suite.PERFORMANCE, Check.CHAMPION_DROP, Status.FAILED, "auc", None, 0.1, 0.05, True)
    worse = [replace(drop, segment=f"carrier={name}") for name in ("AA", "UA")]
    found = verdict(*worse, in_segment("carrier=AA"), in_segment("carrier=UA"))
    assert [reason.split(":")[0] for reason in found.reasons] == ["worst segment carrier=AA"] * 2
    assert all("and 1 more segment" in reason for reason in found.reasons)


def test_a_segment_persists_by_itself() -> None:
    """A suspect of one segment stands when that segment was suspect before, not when another or all rows were."""
    suspect = in_segment("carrier=UA", value=0.1, status=Status.SUSPECT)
    other = in_segment("carrier=AA", value=0.1, status=Status.SUSPECT)
    whole = drift("f1", 0.1, status=Status.SUSPECT)
    assert verdict(suspect, history=[[other], [whole]]).outcome is Outcome.HEALTHY
    found = verdict(suspect, history=[[suspect]])
    assert found.outcome is Outcome.WARNING
    assert found.reasons[0].startswith("f1 in carrier=UA: small shift in a segment")
    assert "watched in case it persists: f1 in carrier=UA" in verdict(suspect).reasons[0]


def test_a_drawn_segment_does_not_stand_for_its_column() -> None:
    """That a column's drift was decided in a segment says nothing of whether it was in all rows."""
    constant = result(Check.CONSTANT, "f1", value=None, status=Status.UNDECIDED)
    quiet = in_segment("carrier=UA", value=0.01, status=Status.PASSED)
    undecided = drift("f1", status=Status.UNDECIDED)
    told = [each["check"] for each in verdict(constant, quiet, undecided).evidence["findings"]]
    assert sorted(told) == ["constant", "drift"]


def test_segments_do_not_fill_the_log() -> None:
    """The table of findings is of all rows: segments are in the reasons and in the report."""
    found = [in_segment(f"carrier=C{number}") for number in range(40)]
    assert findings_table(found) == ""
    assert "carrier=C7" not in narrate(verdict(*found, drift("f2")), [*found, drift("f2")]).split("suite")[1]
