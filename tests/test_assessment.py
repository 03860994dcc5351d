"""A window judged as a whole, on real files: what is found, what explains it, and what neither may take down."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_tasks import assessment
from monitoring_tasks.assessment import Assessor, Basis, Observed, assessed, load_assessor
from monitoring_tasks.calibration import domain
from monitoring_tasks.calibration.assess import Assessment
from monitoring_tasks.champion import load_reference, pin_champion
from monitoring_tasks.checks import Check, CheckResult, Status
from monitoring_tasks.errors import StoreUnavailable
from monitoring_tasks.faults.cause import Cause, Fault
from monitoring_tasks.judging import Judge
from monitoring_tasks.kept_nulls import own_floors
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.pieces import Pieces
from monitoring_tasks.policy.verdict import Action, Outcome, Verdict
from monitoring_tasks.runtime import Runtime, environment_runtime
from monitoring_tasks.severity import Severity
from monitoring_tasks.window import Window
from tests.production import FIRST_DAY, YAML, Production, day, rows
from tests.whole_run import judge

JOINT = YAML.replace("alarms: {joint: false}\n", "")
AGE, SCORE, PLAN = ((Check.DRIFT, name) for name in ("age", "score", "plan"))


def stored(monitor: Monitor, runtime: Runtime, window: Window) -> tuple[Verdict, list[CheckResult]]:
    """A whole run: what is stored of it."""
    verdict = judge(monitor, runtime, window)
    return verdict, runtime.store.results(verdict.subject) or []


def run_on(production: Production, runtime: Runtime, window: Window) -> tuple[Verdict, list[CheckResult]]:
    """The same by the monitor's file."""
    return stored(load_monitor(production.monitor_file), runtime, window)


def status(results: Sequence[CheckResult], check: Check, column: str | None = None) -> Status:
    """That of the one result of a check."""
    (found,) = (each.status for each in results if (each.check, each.column) == (check, column))
    return found


def looked_at(production: Production, runtime: Runtime, window: Window) -> tuple[Assessor, Observed]:
    """The assessor of a window, and its rows."""
    monitor = load_monitor(production.monitor_file)
    reference = load_reference(monitor, runtime, pin_champion(monitor, runtime))
    profile, sample = Pieces.of(monitor, runtime, reference).had(window)
    basis = Basis.of(monitor, runtime, reference, window)
    return load_assessor(monitor, runtime, basis, window), Observed(window, profile, sample)


def judged(production: Production, runtime: Runtime, window: Window) -> Assessment:
    """The window as its assessor judges it."""
    assessor, observed = looked_at(production, runtime, window)
    return assessor.judge(observed)


def with_reference(production: Production, **columns: Any) -> None:
    """The reference with further or other columns; each is made from its number of rows and a generator."""
    path = production.folder / "reference.parquet"
    table = pq.read_table(path)
    for name, make in columns.items():
        values = pa.array(make(table.num_rows, np.random.default_rng(1)))
        kept = table.drop_columns([name]) if name in table.column_names else table
        table = kept.append_column(name, values)
    pq.write_table(table, path)


def test_a_unit_change_is_found_at_once_named_and_never_a_reason_to_retrain(
    production: Production, runtime: Runtime
) -> None:
    """It stays within the plausible range and looks like severe drift; a model trained on it would learn the fault."""
    for number in range(3):
        current = rows(FIRST_DAY + timedelta(days=number))
        production.write(FIRST_DAY + timedelta(days=number), columns={"age": current["age"] * 1.609344})
    first, _ = run_on(production, runtime, day(0))
    assert any("1.61 times too large" in reason and "probable cause" in reason for reason in first.reasons)
    last, _ = run_on(production, runtime, day(2))
    assert any("severe drift" in reason and "3 of the last 3" in reason for reason in last.reasons)
    assert Action.BLOCK_RETRAINING in last.actions
    assert Action.RETRAIN not in last.actions


def test_a_weak_shift_is_watched_and_found_when_it_persists(production: Production, runtime: Runtime) -> None:
    """One window is not enough, the second in a row is; the suspect is told as watched."""
    production.write_days(FIRST_DAY, 3, shift=0.19)
    first, results = run_on(production, runtime, day(0))
    assert first.outcome is Outcome.HEALTHY
    assert status(results, Check.DRIFT, "age") is Status.SUSPECT
    assert any("watched in case it persists" in reason for reason in first.reasons)
    third, _ = run_on(production, runtime, day(2))
    assert third.outcome is not Outcome.HEALTHY
    assert {finding["column"] for finding in third.evidence["findings"] if finding["weak"]} & {"age", "score"}


TREND = YAML + "drift: {baseline: {kind: trailing, width: 14d}}\n"


def test_a_trailing_baseline_follows_a_slow_trend_and_sees_a_jump(production: Production, runtime: Runtime) -> None:
    """A hundredth of a standard deviation a day amounts to a third of one in a month, and never in one window."""
    production.configure(TREND)
    for number in range(32):
        production.write(FIRST_DAY + timedelta(days=number), shift=0.01 * number + (0.8 if number == 31 else 0))
    slow, results = run_on(production, runtime, day(30))
    assert slow.outcome is Outcome.HEALTHY
    assert status(results, Check.DRIFT, "age") is Status.PASSED
    jump, results = run_on(production, runtime, day(31))
    assert jump.outcome is not Outcome.HEALTHY
    assert status(results, Check.DRIFT, "age") is Status.FAILED
    production.configure(YAML)
    far, _ = run_on(production, runtime, day(30))
    assert far.outcome is not Outcome.HEALTHY


@pytest.mark.parametrize("policy", ["", "policy: psi\n"])
def test_columns_without_a_baseline_are_told_in_one_line(production: Production, runtime: Runtime, policy: str) -> None:
    """The first window of a log has nothing before it: undecided by any rules, for one reason, said once."""
    production.configure(TREND.replace("{kind: trailing, width: 14d}", "trailing") + policy)
    production.write(FIRST_DAY, shift=3.0)
    verdict, results = run_on(production, runtime, day(0))
    assert status(results, Check.DRIFT, "age") is Status.UNDECIDED
    told = [reason for reason in verdict.reasons if "none of 28 days have rows before this window" in reason]
    assert len(told) == 1
    assert all(name in told[0] for name in ("age", "plan", "score", "spend", "drift", "missing share"))
    assert "bias of small samples" not in told[0]


def test_last_year_explains_a_season(production: Production, runtime: Runtime) -> None:
    """Shifts that last year's weeks show as well are eased, and so is the share of columns that they make up."""
    production.configure(YAML.replace("start: 2013-03-01", "start: 2012-02-01"))
    for first, days in ((date(2012, 2, 17), 29), (FIRST_DAY, 3)):
        for number in range(days):
            when = first + timedelta(days=number)
            spend = np.random.default_rng(when.toordinal()).gamma(9.0, 9.0, 1000)
            production.write(when, shift=1.5, columns={"spend": spend})
    monitor = load_monitor(production.monitor_file)
    eased, results = stored(monitor, runtime, day(2))
    found = {(each.check, each.column): each for each in results if each.status is Status.FAILED}
    assert {AGE, SCORE, (Check.DRIFT, "spend"), (Check.DRIFTED_SHARE, None)} <= found.keys()
    assert all("of last year" in each.season for each in found.values() if each.check is not Check.OUT_OF_RANGE_SHARE)
    assert Action.RETRAIN not in eased.actions
    later = monitor.model_copy(update={"start": FIRST_DAY})
    hard, _ = stored(later, runtime, day(2))
    assert Action.RETRAIN in hard.actions
    assert hard.severity > eased.severity


def test_a_share_of_columns_stays_what_it_is_without_enough_seasonal_ones(
    production: Production, runtime: Runtime
) -> None:
    """Only age is as it was last year: spend and plan are not, and they are most of the columns."""
    production.configure(YAML.replace("start: 2013-03-01", "start: 2012-02-01"))
    for number in range(29):
        production.write(date(2012, 2, 17) + timedelta(days=number), shift=1.5)
    spend = np.random.default_rng(0).gamma(9.0, 9.0, 1000)
    production.write(FIRST_DAY, shift=1.5, columns={"spend": spend, "plan": ["pro"] * 500 + ["basic"] * 500})
    _, results = run_on(production, runtime, day(0))
    seasons = {(each.check, each.column): each.season for each in results if each.status is Status.FAILED}
    assert seasons[AGE] != ""
    assert seasons[Check.DRIFTED_SHARE, None] == seasons[PLAN] == ""


def test_a_column_that_may_stand_still_is_not_tested_for_it(production: Production, runtime: Runtime) -> None:
    """`constant: false` leaves neither a finding nor a cause that names a frozen column."""
    with_reference(
        production, rain=lambda count, random: np.where(random.random(count) < 0.4, 0.0, random.random(count))
    )
    production.write(FIRST_DAY, columns={"rain": np.zeros(1000)})
    named = judged(production, runtime, day(0))
    assert named.tests[Check.CONSTANT, "rain"].status is Status.FAILED
    assert "frozen" in named.told[Check.CONSTANT, "rain"].cause
    production.configure(YAML + "features: {'*': , rain: {constant: false}}\n")
    quiet = judged(production, runtime, day(0))
    assert (Check.CONSTANT, "rain") not in quiet.tests
    assert quiet.tests[Check.DRIFT, "rain"].status is Status.FAILED
    assert (Check.DRIFT, "rain") not in quiet.told


def test_a_column_of_rare_categories_only_is_no_standing_alarm(production: Production, runtime: Runtime) -> None:
    """With nothing to compare, its drift would be undecided in every window; unseen values are found as ever."""

    def codes(count: int, random: np.random.Generator) -> list[str]:
        return [f"z{code}" for code in random.integers(0, 400, count)]

    with_reference(production, code=codes)
    production.write(FIRST_DAY, columns={"code": codes(1000, np.random.default_rng(2))})
    production.write(FIRST_DAY + timedelta(days=1), columns={"code": ["new"] * 1000})
    quiet, results = run_on(production, runtime, day(0))
    assert quiet.outcome is Outcome.HEALTHY
    assert not [each for each in results if (each.check, each.column) == (Check.DRIFT, "code")]
    _, results = run_on(production, runtime, day(1))
    assert status(results, Check.UNSEEN_SHARE, "code") is Status.FAILED


def test_a_declared_limit_is_where_one_window_is_enough(production: Production, runtime: Runtime) -> None:
    """A limit beyond one half must not make a column that is gone a mere suspect."""

    def holed(share: float) -> Any:
        return lambda count, random: np.where(random.random(count) < share, math.nan, random.normal(size=count))

    with_reference(production, extra=holed(0.1))
    production.configure(YAML + "features: {'*': , extra: {missing: 0.6}}\n")
    for number, share in enumerate((0.3, 1.0)):
        values = holed(share)(1000, np.random.default_rng(number))
        production.write(FIRST_DAY + timedelta(days=number), columns={"extra": values})
    assert own_floors(load_monitor(production.monitor_file)) == {(Check.MISSING_SHARE, "extra"): 0.6}
    assert run_on(production, runtime, day(0))[0].outcome is Outcome.HEALTHY
    gone, results = run_on(production, runtime, day(1))
    assert status(results, Check.MISSING_SHARE, "extra") is Status.FAILED
    assert Action.BLOCK_RETRAINING in gone.actions


def test_columns_that_lack_the_same_rows_are_one_fault(production: Production, runtime: Runtime) -> None:
    """Derived columns, and the logged one they come from, are one line; a jump is not explained by what is missing."""

    def paces(count: int, random: np.random.Generator) -> Any:
        return random.uniform(1, 2, count)

    derived = "derived: {longer: {kind: difference, of: [pace, age]}, slower: {kind: ratio, of: [pace, age]}}\n"
    production.configure(YAML + derived)
    with_reference(production, pace=paces)
    random = np.random.default_rng(3)
    gone = random.random(1000) < 0.1
    production.write(FIRST_DAY, columns={"pace": np.where(gone, math.nan, paces(1000, random))})
    verdict, results = run_on(production, runtime, day(0))
    cause = (
        "the same rows lack pace, from which 2 more columns are computed (a source or provider that did not answer?)"
    )
    causes = {each.column: each.cause for each in results if each.check is Check.MISSING_SHARE and each.cause}
    assert causes == dict.fromkeys(("longer", "pace", "slower"), cause)
    assert not [each for each in results if each.cause and each.check is not Check.MISSING_SHARE]
    line, said = verdict.reasons
    assert line.startswith("values of 3 columns are missing together, in ")
    assert said == f"probable cause: {cause}"
    assert verdict.severity is Severity.MEDIUM
    assert Action.BLOCK_RETRAINING in verdict.actions
    elsewhere = environment_runtime({"MONITORING_HOME": str(production.folder / "again")})
    again, _ = run_on(production, elsewhere, day(0))
    assert again.dumps() == verdict.dumps()


def test_the_log_in_another_time_zone_is_why_hours_have_no_rows() -> None:
    """The cause of a gap is about the log's own times, which are no monitored column."""
    cause = Cause(Fault.TIME_SHIFT, "at", 1.0, "at: the log's times are 5 hours too late (a time zone?)")
    assert assessment._is_about(cause, (Check.TIME_GAP, None), "at")
    assert not assessment._is_about(cause, (Check.DUPLICATE_SHARE, None), "at")
    assert not assessment._is_about(replace(cause, column="hour"), (Check.TIME_GAP, None), "at")
    assert assessment._is_about(replace(cause, column="hour"), (Check.DRIFT, "hour"), "at")


def test_a_truncated_day_is_found_and_named(production: Production, runtime: Runtime) -> None:
    """No row after three in the afternoon."""
    short = rows(FIRST_DAY)
    kept = [place for place, moment in enumerate(short["at"]) if moment < datetime(2013, 3, 1, 15, tzinfo=UTC)]
    columns = {name: [values[place] for place in kept] for name, values in short.items()}
    production.write(FIRST_DAY, columns=columns)
    verdict, results = run_on(production, runtime, day(0))
    assert status(results, Check.TIME_GAP) is Status.FAILED
    assert any(reason.startswith("probable cause: no rows after 15:00") for reason in verdict.reasons) or any(
        reason.startswith("probable cause: no rows after 14:5") for reason in verdict.reasons
    )


def test_a_cause_must_explain_the_most_of_a_finding() -> None:
    """A rename of one row in two hundred is not why a tenth of them moved."""
    rename = Cause(Fault.RENAME, "plan", 0.005, "plan: 'x' took the place of 'y'")
    assert assessment._explains(rename, (Check.UNSEEN_SHARE, "plan"), 0.005)
    assert not assessment._explains(rename, PLAN, 0.1)


def broken(*_: object, **__: object) -> Any:
    """A function with a bug in it."""
    raise ZeroDivisionError("a bug")


@pytest.mark.parametrize("name", ["probable_causes", "seasons"])
def test_a_broken_explanation_leaves_the_verdict(
    production: Production, runtime: Runtime, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Findings stand without it; the log says what broke."""
    production.write(FIRST_DAY, shift=1.5)
    whole = judged(production, runtime, day(0))
    monkeypatch.setattr(assessment, name, broken)
    left = judged(production, runtime, day(0))
    assert left.tests == whole.tests
    assert AGE in left.found


@pytest.mark.parametrize(("name", "check"), [("separation", Check.JOINT), ("time_gap", Check.TIME_GAP)])
def test_a_broken_test_is_undecided_and_leaves_the_others(
    production: Production, runtime: Runtime, monkeypatch: pytest.MonkeyPatch, name: str, check: Check
) -> None:
    """It is told, with its reason; the others are found as ever."""
    production.configure(JOINT)
    production.write(FIRST_DAY, shift=1.5)
    monkeypatch.setattr(assessment, name, broken)
    verdict, results = run_on(production, runtime, day(0))
    assert status(results, check) is Status.UNDECIDED
    assert any("ZeroDivisionError: a bug" in reason for reason in verdict.reasons)
    assert status(results, Check.DRIFT, "age") is Status.FAILED


def test_columns_are_ranked_for_findings_only(
    production: Production, runtime: Runtime, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What a joint change is told apart by takes as long as finding it; one that cannot be told by columns stands."""
    production.configure(JOINT)
    production.write(FIRST_DAY)
    production.write(FIRST_DAY + timedelta(days=1), shift=1.5)
    found = judged(production, runtime, day(1))
    assert found.whole[Check.JOINT].detail == "told apart most by age, score"
    monkeypatch.setattr(domain, "ranking", broken)
    ordinary = judged(production, runtime, day(0))
    assert (Check.JOINT, None) not in ordinary.found
    assert ordinary.whole[Check.JOINT].value > 0
    assert ordinary.whole[Check.JOINT].detail == ""
    assert "not detailed" not in caplog.text
    again = judged(production, runtime, day(1))
    assert (Check.JOINT, None) in again.found
    assert again.whole[Check.JOINT] == replace(found.whole[Check.JOINT], detail="")
    assert "finding not detailed: check=joint" in caplog.text


def test_what_may_pass_is_raised(production: Production, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that does not answer is not a window that cannot be judged: the task is tried again."""

    def away(*_: object, **__: object) -> Any:
        raise StoreUnavailable("no answer")

    production.write(FIRST_DAY, shift=1.5)
    for name in ("time_gap", "probable_causes"):
        with monkeypatch.context() as patched:
            patched.setattr(assessment, name, away)
            with pytest.raises(StoreUnavailable, match="no answer"):
                judged(production, runtime, day(0))


@pytest.mark.parametrize("policy", ["classic", "psi", "evidently"])
def test_classical_rules_make_no_tests_of_the_window(production: Production, runtime: Runtime, policy: str) -> None:
    """Each check has its own limits; no null is made."""
    production.configure(YAML + f"policy: {policy}\n")
    production.write(FIRST_DAY, shift=1.5)
    assessor, observed = looked_at(production, runtime, day(0))
    assert assessed(assessor.monitor, runtime, assessor.basis, observed).tests == {}
    _, results = run_on(production, runtime, day(0))
    assert status(results, Check.DRIFT, "age") is Status.FAILED
    assert all(each.evidence is None for each in results)


def test_the_judge_of_rows_says_what_a_run_says(production: Production, runtime: Runtime) -> None:
    """Rows given by hand are judged as those of the log; none at all are not judged."""
    production.write(FIRST_DAY, shift=1.5)
    assessor, observed = looked_at(production, runtime, day(0))
    tests = assessor.tests(observed).tests
    judge = Judge.prepare(assessor.monitor, runtime, pin_champion(assessor.monitor, runtime), day(0))
    table = pa.table(rows(FIRST_DAY, shift=1.5))
    assert judge.statuses(table) == {key: each.status for key, each in tests.items()}
    assert judge.statuses(table.slice(0, 0)) == {}


def test_late_rows_in_a_baseline_give_what_they_would_have_given_in_time(tmp_path: Path) -> None:
    """Windows judged before a day of their baselines was whole are judged anew, in whatever order they come."""
    verdicts = []
    for place, late in (("late", True), ("whole", False)):
        (tmp_path / place).mkdir()
        production = Production(tmp_path / place, yaml=TREND)
        production.write_days(FIRST_DAY, 12, shift=0.4)
        changed = FIRST_DAY + timedelta(days=5)
        if not late:
            production.write(changed, shift=3.0)
        opened = environment_runtime({"MONITORING_HOME": str(tmp_path / place / "home")})
        with opened.store:
            monitor = load_monitor(production.monitor_file)
            if late:
                for number in (9, 11, 10):
                    stored(monitor, opened, day(number))
                production.write(changed, shift=3.0)
            verdict, results = stored(monitor, opened, day(11))
            verdicts.append((verdict.dumps(), [each.to_json() for each in results]))
    assert verdicts[0] == verdicts[1]


@pytest.mark.parametrize(
    "more",
    [
        "alarms: {joint: false, budget: 2 per 90d}",
        "alarms: {joint: false, floors: {missing: 0.03}}",
        "alarms: {joint: true}",
        "policy: psi",
        "policy: {persistence: {windows: 3, of: 4}}",
        "drift: {baseline: trailing}",
        "features: {'*': , age: {baseline: seasonal}}",
    ],
)
def test_what_can_change_a_verdict_is_in_the_configuration_hash(production: Production, more: str) -> None:
    """Results by other rules are never taken for these."""
    own = [line for line in YAML.splitlines() if line.partition(":")[0] != more.partition(":")[0]]
    before = load_monitor(production.monitor_file).config_hash
    production.configure("\n".join([*own, more]) + "\n")
    assert load_monitor(production.monitor_file).config_hash != before


def test_one_window_of_one_is_all_that_persistence_needs(production: Production, runtime: Runtime) -> None:
    """With `windows: 1` weak evidence is a finding by itself."""
    production.configure(YAML + "policy: {persistence: {windows: 1, of: 1}}\n")
    production.write(FIRST_DAY, shift=0.3)
    verdict, results = run_on(production, runtime, day(0))
    assert verdict.outcome is not Outcome.HEALTHY
    assert {status(results, Check.DRIFT, name) for name in ("age", "score")} & {Status.FAILED, Status.SUSPECT}


def test_an_empty_window_makes_no_tests(production: Production, runtime: Runtime) -> None:
    """Nothing to judge: no data, and no null is made for it."""
    production.write(FIRST_DAY)
    verdict, results = run_on(production, runtime, day(1))
    assert verdict.outcome is Outcome.NO_DATA
    assert all(each.evidence is None for each in results)
