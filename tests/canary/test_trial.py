"""Trials: recall and delay by the arithmetic of findings, and false alarms in redraws without a fault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.canary.injections import INJECTIONS, JOINT, Key
from monitoring_tasks.canary.redraw import Pool
from monitoring_tasks.canary.trial import Setting, false_alarms, findings, standing, try_faults
from monitoring_tasks.checks import Check, Status
from monitoring_tasks.policy_section import Persistence
from tests.canary.samples import PlainJudge, columns, injection, rows

AGE, PLAN, SCORE = (Check.DRIFT, "age"), (Check.DRIFT, "plan"), (Check.DRIFT, "score")
PASSED, SUSPECT, FAILED, UNDECIDED = Status.PASSED, Status.SUSPECT, Status.FAILED, Status.UNDECIDED


@dataclass
class Script:
    """Says what was written down for it, one line after the other, and then that all is well."""

    lines: Sequence[Mapping[Key, Status]]
    seen: list[pa.Table] = field(default_factory=list)

    def statuses(self, table: pa.Table) -> Mapping[Key, Status]:
        """The next line."""
        self.seen.append(table)
        return self.lines[len(self.seen) - 1] if len(self.seen) <= len(self.lines) else {}


def setting(judge: Any = None, **changes: Any) -> Setting:
    """A setting with the plain judge of the same rows."""
    judge = judge or PlainJudge(rows(seed=9), columns())
    fields = {"pool": Pool.of(rows(), columns()), "persistence": Persistence(), "windows": 3, "repeats": 2}
    return Setting("churn", judge=judge, **{**fields, **changes})


@given(
    st.lists(st.dictionaries(st.sampled_from([AGE, PLAN]), st.sampled_from(list(Status))), max_size=12),
    st.integers(1, 5).flatmap(lambda of: st.tuples(st.integers(1, of), st.just(of))),
)
def test_findings_against_brute_force(judged: list[dict[Key, Status]], rule: tuple[int, int]) -> None:
    """What failed, and what showed a sign now and in enough of the last windows, this one included."""
    windows, of = rule
    expected = []
    for place, now in enumerate(judged):
        found = set()
        for key, status in now.items():
            signs = [each.get(key) in (SUSPECT, FAILED) for each in judged[max(0, place - of + 1) : place + 1]]
            if status is FAILED or (status is SUSPECT and sum(signs) >= windows):
                found.add(key)
        expected.append(found)
    assert list(findings(judged, Persistence(windows=windows, of=of))) == expected


def test_the_delay_is_the_first_window_that_finds() -> None:
    """A failure is found at once, a suspicion when it lasts; a trial ends there, and the next one begins anew."""
    lines: list[Mapping[Key, Status]] = [
        {SCORE: FAILED},
        *({SCORE: SUSPECT}, {}, {SCORE: SUSPECT}),
        *({SCORE: SUSPECT}, {SCORE: PASSED}, {SCORE: UNDECIDED}),
        *({SCORE: SUSPECT}, {SCORE: SUSPECT}),
    ]
    script = Script(lines)
    [fault] = try_faults(setting(script, repeats=4), [injection("score_25")])
    assert (fault.column, fault.windows, fault.found_by) == ("score", 3, (1, 3, None, 2))
    assert len(script.seen) == len(lines)


def test_each_trial_has_its_own_redraws() -> None:
    """No two windows of a fault are alike, and all have the fault; a redraw without one has none."""
    script = Script([])
    [fault] = try_faults(setting(script), [injection("frozen_all")])
    assert len(script.seen) == 6
    assert all(len(set(table[fault.column].to_pylist())) == 1 for table in script.seen)
    assert len({tuple(table["score"].to_pylist()) for table in script.seen}) == 6
    clean = Script([])
    false_alarms(setting(clean))
    assert len({tuple(table["score"].to_pylist()) for table in (*clean.seen, *script.seen)}) == 12
    assert all(len(set(table[fault.column].to_pylist())) > 1 for table in clean.seen)


def test_only_what_the_fault_can_cause_counts() -> None:
    """A finding in another column is none of its."""
    other = Script([{PLAN: FAILED}] * 6)
    [fault] = try_faults(setting(other), [injection("score_25")])
    assert fault.found_by == (None, None)
    own = Script([{SCORE: FAILED}] * 6)
    [found] = try_faults(setting(own), [injection("score_25")])
    assert found.found_by == (1, 1)


@pytest.mark.parametrize(
    ("name", "stands"), [("score_25", SCORE), ("sent_twice", (Check.DUPLICATE_SHARE, None)), ("joint", JOINT)]
)
def test_what_stands_cannot_be_found(name: str, stands: Key) -> None:
    """A fault that only what stood before could find is not applicable: it is not missed for being left out."""
    [fault] = try_faults(setting(standing=frozenset({stands})), [injection(name)])
    assert (fault.applicable, fault.missed) == (False, False)


def test_what_no_budget_could_find_is_not_expected() -> None:
    """The fault goes to a column in which it can be found; where there is none it is tried, and no one's duty."""
    blind = Script([])
    [usual] = try_faults(setting(blind), [injection("mean_25")])
    assert usual.missed
    [other] = try_faults(setting(blind, promised=lambda _, column: column != usual.column), [injection("mean_25")])
    assert other.missed
    assert other.column not in (usual.column, None)
    [none] = try_faults(setting(blind, promised=lambda *_: False), [injection("mean_25")])
    assert (none.applicable, none.expected, none.missed) == (True, False, False)


def test_a_fault_that_fits_nothing_is_not_tried() -> None:
    """It has no column and no trials: not applicable is not missed."""
    script = Script([])
    [fault] = try_faults(setting(script, pool=Pool.of(rows(plan=None), columns())), [injection("renamed")])
    assert (fault.column, fault.found_by, fault.applicable, fault.missed) == (None, (), False, False)
    assert script.seen == []


def test_ties_cannot_be_tested_by_rows_that_come_again() -> None:
    """Without the joint check there is nothing that could find that they are broken."""
    [fault] = try_faults(setting(standing=frozenset({JOINT})), [injection("joint")])
    assert not fault.applicable
    [fault] = try_faults(setting(), [injection("joint")])
    assert fault.found_by == (1, 1)


def test_what_the_rows_themselves_show() -> None:
    """Both signs stand; passed and undecided do not."""
    line = {AGE: FAILED, PLAN: SUSPECT, (Check.JOINT, None): PASSED, (Check.TIME_GAP, None): UNDECIDED}
    assert standing(Script([line]), rows()) == {AGE, PLAN}


def test_false_alarms_are_counted_by_episode() -> None:
    """Windows in a row with findings are one alarm; what stood before is none."""
    lines: list[Mapping[Key, Status]] = [
        {AGE: FAILED},
        {PLAN: FAILED},
        {},
        {AGE: FAILED},
        {PLAN: SUSPECT},
        {PLAN: SUSPECT},
    ]
    assert false_alarms(setting(Script(lines))) == [{AGE, PLAN}, {AGE}, {PLAN}]
    assert false_alarms(setting(Script(lines), standing=frozenset({AGE}))) == [{PLAN}, {PLAN}]
    assert false_alarms(setting(Script([]))) == []


def test_real_arithmetic_finds_real_faults() -> None:
    """A plain judge finds the gross faults at once, not what it does not look at, and cries wolf at no redraw."""
    found = {fault.name: fault for fault in try_faults(setting())}
    assert set(found) == {each.name for each in INJECTIONS}
    gross = ["mean_50", "unit_all", "missing_5", "null_burst", "frozen_all", "category_20", "renamed", "case"]
    for name in (*gross, "sent_twice", "truncated"):
        assert found[name].found_by == (1, 1), name
    assert found["unseen_1"].found_by == (None, None)
    assert false_alarms(setting()) == []


@pytest.mark.parametrize("name", [each.name for each in INJECTIONS])
def test_trials_repeat_themselves(name: str) -> None:
    """The same rows and the same judge give the same figures."""
    first, again = ([*try_faults(setting(repeats=1, windows=2), [injection(name)])] for _ in range(2))
    assert first == again


def test_a_fault_that_no_test_is_made_for_is_not_tried() -> None:
    """It has no trials and is not missed; where it fits no column it is not applicable, and other faults are tried."""
    why = {(Check.JOINT, None): "no joint test is made"}
    joint, case = injection("joint"), injection("case")
    [tied, letters] = try_faults(setting(untested=why), [joint, case])
    assert (tied.untried, tied.found_by, tied.missed, tied.applicable) == ("no joint test is made", (), False, False)
    assert (letters.untried, len(letters.found_by)) == ("", 2)
    free = rows(spend=None, score=None)
    [untied] = try_faults(setting(pool=Pool.of(free, columns()), untested=why), [joint])
    assert (untied.untried, untied.column) == ("", None)
    [tested] = try_faults(setting(), [joint])
    assert (tested.untried, len(tested.found_by)) == ("", 2)
