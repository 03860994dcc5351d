"""Sudden changes of an hourly monitor, through its steps, on real files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monitoring_tasks import level_tests, steps
from monitoring_tasks.assessment import Basis
from monitoring_tasks.calibration.calibrate import Calibration
from monitoring_tasks.champion import load_reference, pin_champion
from monitoring_tasks.checks import Check, CheckResult, Status, Suite
from monitoring_tasks.errors import ReferenceInvalid, StoreUnavailable
from monitoring_tasks.kept_nulls import load_calibration
from monitoring_tasks.level_tests import Before, before_hash, windows_before
from monitoring_tasks.pieces import Pieces
from monitoring_tasks.policy.verdict import Outcome, Verdict
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.severity import Severity
from monitoring_tasks.window import Window
from tests.hourly import YAML, Hourly, answers, hour, replaced
from tests.whole_run import judge


@pytest.fixture
def hourly(tmp_path: Path) -> Hourly:
    """The monitor, with no hours written yet."""
    return Hourly(tmp_path)


def levels(runtime: Runtime, verdict: Verdict) -> dict[str, CheckResult]:
    """The results of the level tests, by column."""
    results = runtime.store.results(verdict.subject) or []
    return {str(each.column): each for each in results if each.check is Check.LEVEL}


def run(hourly: Hourly, runtime: Runtime, number: int) -> tuple[Verdict, dict[str, CheckResult]]:
    """The verdict on one hour, and its level tests."""
    verdict = judge(hourly.monitor, runtime, hour(number))
    return verdict, levels(runtime, verdict)


def past(hourly: Hourly, runtime: Runtime, window: Window) -> list[str]:
    """When the windows before one start."""
    return [f"{each.window.start:%d %H}" for each in basis(hourly, runtime, window).before]


def basis(hourly: Hourly, runtime: Runtime, window: Window) -> Basis:
    """What one window is judged on."""
    monitor = hourly.monitor
    return Basis.of(monitor, runtime, load_reference(monitor, runtime, pin_champion(monitor, runtime)), window)


def test_a_jump_of_a_share_is_found_in_its_hour_and_says_its_figures(hourly: Hourly, runtime: Runtime) -> None:
    """Refusals from 3 to 9 per cent: high, told with what they were in the hours before and in the reference."""
    hourly.write(range(26))
    hourly.write(range(26, 27), refused=0.09)
    before, quiet = run(hourly, runtime, 25)
    assert before.outcome is Outcome.HEALTHY, before.reasons
    assert {name: each.status for name, each in quiet.items()} == dict.fromkeys(quiet, Status.PASSED)
    assert quiet.keys() == {"words", "refusal", "seconds"}
    found, results = run(hourly, runtime, 26)
    assert (found.outcome, found.severity) == (Outcome.DRIFTED, Severity.HIGH)
    said = "9.0% true, 3.0% in the 24 windows before, 3.0% in the reference"
    assert found.reasons[0].startswith(f"refusal: sudden change, {said}, p ")
    result = results["refusal"]
    assert (result.status, result.suite, result.detail) == (Status.FAILED, Suite.DATA_DRIFT, said)
    assert result.value == pytest.approx(0.06)
    assert result.threshold == pytest.approx(0.2 * 0.1706, rel=0.01)
    assert result.evidence is not None
    assert result.evidence.effect == pytest.approx(0.06 / 0.1706, rel=0.01)
    assert result.evidence.floor == 0.1
    assert result.current["top"][0][0] == "false"
    finding = found.evidence["findings"][0]
    assert (finding["rule"], finding["persistent"]) == ("sudden change", False)


def test_a_jump_of_the_prediction_is_told_as_one_of_the_prediction(hourly: Hourly, runtime: Runtime) -> None:
    """Answers of half the words: in the prediction's own suite, beside its drift."""
    hourly.write(range(12))
    hourly.write(range(12, 13), longer=-1.2)
    found, results = run(hourly, runtime, 12)
    words = results["words"]
    assert (words.suite, words.status) == (Suite.PREDICTION_DRIFT, Status.FAILED)
    said = "mean 91.8, 176 in the 12 windows before, 177 in the reference"
    assert words.detail == said
    assert any(reason.startswith(f"words: sudden change, {said}") for reason in found.reasons)


def test_after_a_burst_the_hours_are_as_ever(hourly: Hourly, runtime: Runtime) -> None:
    """Two hours in which answers take ten times as long are each found; nothing is told of those after them."""
    hourly.write(range(26))
    hourly.write(range(26, 28), slower=10.0)
    hourly.write(range(28, 32))
    for number in (26, 27):
        assert run(hourly, runtime, number)[1]["seconds"].status is Status.FAILED
    for number in (28, 29, 31):
        verdict, results = run(hourly, runtime, number)
        assert verdict.outcome is Outcome.HEALTHY, verdict.reasons
        assert results["seconds"].status is Status.PASSED
        assert results["seconds"].detail.endswith("in the 24 windows before, 2.25 in the reference")


def test_a_small_jump_is_told_when_it_persists(hourly: Hourly, runtime: Runtime) -> None:
    """One hour of 5 per cent is watched; two are a small sudden change, which wakes nobody."""
    hourly.write(range(26), count=1500)
    hourly.write(range(26, 28), count=1500, refused=0.0525)
    first, results = run(hourly, runtime, 26)
    assert results["refusal"].status is Status.SUSPECT
    assert first.outcome is Outcome.HEALTHY
    second, _ = run(hourly, runtime, 27)
    finding = next(each for each in second.evidence["findings"] if each["check"] == "level")
    assert (finding["rule"], finding["severity"], finding["windows"]) == ("small sudden change", "low", 2)


def test_the_first_hours_have_no_past(hourly: Hourly, runtime: Runtime) -> None:
    """Nothing is tested before there are six hours; hours before the monitor's start are none of its own."""
    hourly.write(range(-8, 8))
    assert run(hourly, runtime, 0)[1] == {}
    assert run(hourly, runtime, 5)[1] == {}
    assert run(hourly, runtime, 6)[1]["refusal"].detail.startswith("3.0% true, 3.0% in the 6 windows before")
    assert past(hourly, runtime, hour(2)) == ["02 01", "02 00"]


def test_hours_without_rows_or_with_few_are_left_out(hourly: Hourly, runtime: Runtime) -> None:
    """A missing hour and one below minimum_rows are no windows before; older ones take their place."""
    hourly.write(range(10))
    hourly.write(range(11, 28))
    hourly.put(26, answers(hour(26).start, count=60, refused=0.5))
    assert past(hourly, runtime, hour(12)) == [f"02 {each:02}" for each in (11, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)]
    starts = past(hourly, runtime, hour(27))
    assert len(starts) == 24
    assert "03 02" not in starts
    assert "02 10" not in starts
    few, results = run(hourly, runtime, 26)
    assert few.outcome is Outcome.TOO_FEW_ROWS
    assert results["refusal"].status is Status.FAILED
    empty, results = run(hourly, runtime, 10)
    assert (empty.outcome, results) == (Outcome.NO_DATA, {})


def test_a_source_that_cannot_be_read_is_no_hour(hourly: Hourly, runtime: Runtime) -> None:
    """A file that is cut off takes its hour out of the past, not the verdict down."""
    hourly.write(range(10))
    (part,) = (hourly.folder / "log" / f"hour={hour(7).start:%Y-%m-%d-%H}").iterdir()
    part.write_bytes(part.read_bytes()[:200])
    verdict, results = run(hourly, runtime, 9)
    assert verdict.outcome is Outcome.HEALTHY, verdict.reasons
    assert "in the 8 windows before" in results["words"].detail


def test_a_verdict_on_the_past_depends_on_nothing_later(hourly: Hourly, runtime: Runtime) -> None:
    """The same bytes when an hour is judged again after others came, whatever those hold."""
    hourly.write(range(12))
    first, results = run(hourly, runtime, 11)
    page = steps.report_key(first.subject)
    shown = runtime.artifacts.read(page)
    hourly.write(range(12, 20), refused=0.5, slower=20)
    again, repeated = run(hourly, runtime, 11)
    assert (again.dumps(), repeated) == (first.dumps(), results)
    assert runtime.artifacts.read(page) == shown


def test_rows_that_come_late_in_an_hour_before_are_counted(hourly: Hourly, runtime: Runtime) -> None:
    """Results made with other windows before are made again when the verdict is reached."""
    hourly.write(range(12))
    monitor = hourly.monitor
    subject = steps.open_window(monitor, runtime, hour(11))
    steps.profile_window(monitor, runtime, subject)
    steps.run_suites(monitor, runtime, subject)
    hourly.write(range(8, 9), refused=0.06)
    steps.reach_verdict(monitor, runtime, subject, run={})
    verdict = judge(monitor, runtime, hour(11))
    assert (
        levels(runtime, verdict)["refusal"].detail == "3.0% true, 3.3% in the 11 windows before, 3.0% in the reference"
    )


def test_windows_wider_than_the_interval_share_no_rows(hourly: Hourly, runtime: Runtime) -> None:
    """Three hours looked at every hour: those before are the three before, and so on back."""
    hourly.configure(YAML + "window: 3h\n")
    hourly.write(range(24))
    assert past(hourly, runtime, Window(hour(20).start, hour(22).end)) == [
        "02 17",
        "02 14",
        "02 11",
        "02 08",
        "02 05",
        "02 02",
    ]


def test_only_calibrated_rules_test_levels(hourly: Hourly, runtime: Runtime) -> None:
    """By the others each check has its own limit, and no window before is read."""
    hourly.configure(YAML + "policy: psi\n")
    hourly.write(range(12))
    assert run(hourly, runtime, 11)[1] == {}
    assert past(hourly, runtime, hour(11)) == []


def test_a_monitor_that_watches_nothing_reads_no_window_before(hourly: Hourly, runtime: Runtime) -> None:
    """And its results are about its own rows alone."""
    hourly.configure(YAML.replace(", levels: [words, refusal, seconds]", ""))
    hourly.write(range(12))
    found = basis(hourly, runtime, hour(11))
    assert (found.before, found.baseline_hash) == ((), "")


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("wrods", r"names 'wrods', which is no monitored column \(they are "),
        ("at", "names 'at', which is no monitored column"),
        ("topic", r"values in the reference are 3 categories, 'billing', 'login', 'other' among them"),
    ],
)
def test_what_has_no_level_is_refused_with_the_reference(
    hourly: Hourly, runtime: Runtime, column: str, said: str, stored: bool
) -> None:
    """Whether the reference is profiled now or was before; the sentence says what to do."""
    pinned = pin_champion(hourly.monitor, runtime)
    if stored:
        load_reference(hourly.monitor, runtime, pinned)
    hourly.configure(YAML.replace("levels: [words,", f"levels: [{column},"))
    with pytest.raises(ReferenceInvalid, match=said):
        load_reference(hourly.monitor, runtime, pinned)


def test_a_column_of_one_value_is_not_tested(hourly: Hourly, runtime: Runtime) -> None:
    """The reference does not show how it varies; the others are tested."""
    hourly.configure(YAML.replace("levels: [words,", "levels: [fixed, words,"))
    reference = hourly.folder / "reference.parquet"
    hourly.rewrite(reference, lambda table: table.append_column("fixed", [[1.5] * table.num_rows]))
    hourly.write(range(12))
    for number in range(12):
        table = answers(hour(number).start)
        hourly.put(number, table.append_column("fixed", [[1.5] * table.num_rows]))
    assert run(hourly, runtime, 11)[1].keys() == {"words", "refusal", "seconds"}


def test_missing_values_are_none(hourly: Hourly, runtime: Runtime) -> None:
    """A missing answer is neither a refusal nor a short one; an hour without any is not tested."""
    hourly.write(range(12))
    table = answers(hour(11).start)
    half = [value if at % 2 else None for at, value in enumerate(table["refusal"].to_pylist())]
    hourly.put(11, replaced(table, {"refusal": half, "seconds": [None] * table.num_rows}))
    results = run(hourly, runtime, 11)[1]
    assert results.keys() == {"words", "refusal"}
    assert results["refusal"].status is Status.PASSED


def broken(error: Exception) -> Callable[..., Any]:
    """A function that fails."""

    def fails(*_: object) -> Any:
        raise error

    return fails


def test_a_test_that_breaks_is_undecided(hourly: Hourly, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says why, and takes neither the others nor the verdict down."""
    hourly.write(range(12))
    monkeypatch.setattr(level_tests, "jump", broken(ZeroDivisionError("a bug")))
    verdict, results = run(hourly, runtime, 11)
    assert {each.status for each in results.values()} == {Status.UNDECIDED}
    assert {each.detail for each in results.values()} == {"ZeroDivisionError: a bug"}
    assert any("level undecided: ZeroDivisionError: a bug" in reason for reason in verdict.reasons)


def test_an_error_that_says_itself_what_to_do_is_raised(
    hourly: Hourly, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The task fails, and finds when it is tried again."""
    hourly.write(range(12))
    monkeypatch.setattr(level_tests, "jump", broken(StoreUnavailable("gone")))
    with pytest.raises(StoreUnavailable, match="gone"):
        run(hourly, runtime, 11)


def test_nulls_are_those_of_the_columns_watched(hourly: Hourly, runtime: Runtime) -> None:
    """Learnt from the reference's hours; others where the monitor watches others."""
    reference = load_reference(hourly.monitor, runtime, pin_champion(hourly.monitor, runtime))
    made = load_calibration(hourly.monitor, runtime, reference, hour(0).width)
    assert made.levels.keys() == {"words", "refusal", "seconds"}
    assert {each.reference.windows for each in made.levels.values()} == {336}
    assert Calibration.from_json(made.to_json()) == made
    hourly.configure(YAML.replace("levels: [words, refusal, seconds]", "levels: [words]"))
    fewer = load_calibration(hourly.monitor, runtime, reference, hour(0).width)
    assert fewer.levels.keys() == {"words"}
    assert fewer.columns == made.columns


def test_the_hash_of_windows_before_is_that_of_what_is_watched(hourly: Hourly, runtime: Runtime) -> None:
    """Other rows in a watched column change it, other rows in the rest do not."""
    hourly.write(range(12))
    monitor = hourly.monitor
    reference = load_reference(monitor, runtime, pin_champion(monitor, runtime))

    def had(window: Window) -> tuple[Before, ...]:
        return windows_before(monitor, window, Pieces.of(monitor, runtime, reference).profile)

    first = before_hash(had(hour(11)))
    assert first != before_hash(had(hour(10)))
    table = answers(hour(5).start)
    hourly.put(5, replaced(table, {"topic": ["other"] * table.num_rows}))
    assert before_hash(had(hour(11))) == first
    hourly.put(5, replaced(table, {"refusal": [True] * table.num_rows}))
    assert before_hash(had(hour(11))) != first
    assert before_hash(()) == ""
