"""What is said about a monitor's budget: true of the levels, the reference and the floors that are in force."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monitoring_tasks.champion import load_reference, pin_champion
from monitoring_tasks.explaining import Explanation, explain
from monitoring_tasks.kept_nulls import load_calibration, spent
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.policy.verdict import Outcome, Subject, Verdict
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.severity import Severity
from monitoring_tasks.window import Window
from tests.production import YAML, Production

DAY = Window.parse("2013-03-01", "2013-03-02")
HOUR = Window.parse("2013-03-01T00:00", "2013-03-01T01:00")


def explained(folder: Path, runtime: Runtime, more: str = "", *, window: Window = DAY, **given: Any) -> Explanation:
    """The explanation of the monitor with further lines of YAML; a reference is written where there is none."""
    days, change = given.pop("days", 30), given.pop("change", None)
    if not (folder / "predictions").exists():
        Production(folder, YAML + more, reference_days=days)
    (folder / "churn.yaml").write_text(YAML + more)
    if change:
        path = folder / "reference.parquet"
        pq.write_table(change(pq.read_table(path)), path)
    return explain(load_monitor(folder / "churn.yaml"), runtime, window, **given)


def said(words: Sequence[str], start: str) -> str:
    """The sentence that begins so."""
    return next(line for line in words if line.startswith(start))


def test_the_budget_in_words(tmp_path: Path, runtime: Runtime) -> None:
    """The figures are those by which windows are judged; every watched column is told."""
    found = explained(tmp_path, runtime)
    monitor = load_monitor(tmp_path / "churn.yaml")
    reference = load_reference(monitor, runtime, pin_champion(monitor, runtime))
    levels = spent(monitor, load_calibration(monitor, runtime, reference, DAY.width), DAY)
    words = found.words
    assert words[0] == ("Budget: 1 false alarm in 90 days. A window every day, so each may cost 0.0111 false alarms.")
    assert words[1].startswith("Tests: up to 19 in a window (of each of 4 columns")
    assert f"adjusted p at most {levels.strong:.3g}, and at least twice the floor" in words[2]
    assert f"in 2 of 3 windows: adjusted p at most {levels.weak:.3g} in each, and at least six tenths" in words[2]
    assert said(words, "Floors") == (
        "Floors: distance 0.05, missing 0.02, out of range 0.002, unseen 0.002, duplicates 0.002, "
        "AUC above a half 0.05."
    )
    assert said(words, "Rows") == "Rows of a window: 300 (an ordinary window of the reference)."
    assert said(words, "Learnt").startswith("Learnt from 30 windows of one day in the reference")
    assert said(words, "No joint test")
    assert list(found.columns) == ["age", "plan", "score", "spend"]
    assert found.warnings == ()
    assert json.loads(json.dumps(found.to_json()))["columns"]["age"]["distance"].keys() == {"once", "three", "seven"}


def test_segments_are_tests_as_well(tmp_path: Path, runtime: Runtime) -> None:
    """How many segments are looked at is told, and how many tests they are; a shift of all rows is caught no sooner."""
    usual = explained(tmp_path, runtime)
    cut = explained(tmp_path, runtime, "segments: [plan]\n")
    assert said(usual.words, "Segments") == "Segments: none are judged, so the windows have the whole budget."
    assert said(cut.words, "Segments").startswith("Segments: 3 by plan; of the tests 9 are theirs")
    assert cut.words[1].startswith("Tests: up to 28 in a window")
    once, less = (each.columns["age"].distance.once or 1.0 for each in (usual, cut))
    assert less >= once


def test_a_small_budget_and_floors_of_columns(tmp_path: Path, runtime: Runtime) -> None:
    """What a monitor sets is what is told, and catches less."""
    usual = explained(tmp_path, runtime)
    more = "features: {'*': null, age: {missing: 0.3}, plan: {unseen: 0.2}}\nschedule: '@hourly'\nwindow: 1d\n"
    strict = explained(tmp_path, runtime, more)
    assert "A window every hour, so each may cost 0.000463 false alarms" in strict.words[0]
    assert "Of single columns: age missing 0.3, plan unseen 0.2." in said(strict.words, "Floors")
    once = usual.columns["age"].missing.once
    assert once is not None
    assert (strict.columns["age"].missing.once or 1) > 0.5 > once
    assert (strict.columns["plan"].outside.once or 1) > 0.35
    assert (strict.columns["score"].distance.three or 1) > (usual.columns["score"].distance.three or 1)


def test_the_most_lenient_level_is_said_to_be_one(tmp_path: Path, runtime: Runtime) -> None:
    """A budget that cannot be spent is not said to be spent."""
    Production(tmp_path, YAML.replace("{joint: false}", "{joint: false, budget: 90 per 30d}"))
    found = explain(load_monitor(tmp_path / "churn.yaml"), runtime, DAY)
    assert "at most 0.25 in each (no level is more lenient, so some of it is left)" in found.words[2]


def test_where_one_window_is_enough_it_has_the_whole_budget(tmp_path: Path, runtime: Runtime) -> None:
    """Nothing is said of halves, and the level is the budget's part of a day."""
    words = explained(tmp_path, runtime, "policy: {persistence: {windows: 1, of: 1}}\n").words
    assert words[2] == (
        "The whole budget is spent on what one window shows: adjusted p at most 0.0111, and at least six tenths of the "
        "floor."
    )


def without_time(table: pa.Table) -> pa.Table:
    """A reference whose timestamps were not kept."""
    return table.drop_columns(["at"])


def test_a_reference_without_timestamps(tmp_path: Path, runtime: Runtime) -> None:
    """Nothing is known of its windows, neither how they differ nor how many rows they have."""
    found = explained(tmp_path, runtime, change=without_time)
    assert said(found.words, "Rows") == (
        "Rows of a window: 9,000 (the whole reference, which has no timestamps to cut it by)."
    )
    null = said(found.words, "The reference")
    assert null.startswith("The reference has no timestamps: rows are taken as independent of each other")
    assert null.endswith("Timestamps would mend it.")


def test_a_short_reference_has_timestamps_all_the_same(tmp_path: Path, runtime: Runtime) -> None:
    """Its rows in a window's time are told, and that it is too short to learn from."""
    found = explained(tmp_path, runtime, days=3)
    assert said(found.words, "Rows") == "Rows of a window: 300 (the reference's rows in so much time)."
    assert said(found.words, "The reference").startswith("The reference has fewer than 5 windows of one day: rows are")


def _judged(runtime: Runtime, window: Window, rows: int) -> None:
    subject = Subject("churn", "v1", window, "c0ffee")
    verdict = Verdict(subject, Outcome.HEALTHY, Severity.NONE, evidence={"rows": rows})
    runtime.store.put(verdict, [], report=None, run={})


def test_rows_are_those_of_the_newest_window(tmp_path: Path, runtime: Runtime) -> None:
    """Of the same width: an hour's rows say nothing of a day's."""
    _judged(runtime, DAY, 4321)
    assert said(explained(tmp_path, runtime).words, "Rows") == f"Rows of a window: 4,321 (those of {DAY})."
    assert said(explained(tmp_path, runtime, window=HOUR).words, "Rows").endswith(
        "(an ordinary window of the reference)."
    )
    assert said(explained(tmp_path, runtime, rows=77).words, "Rows") == "Rows of a window: 77 (as asked)."


def swinging(table: pa.Table) -> pa.Table:
    """Ages that are another population's every day, but the same in every week; no id is a feature."""
    days = table["at"].to_numpy().astype("datetime64[D]").astype(int)
    shift = 60.0 * (days * 5 % 7)
    age = np.asarray(table["age"].to_numpy()) + shift
    return table.set_column(table.column_names.index("age"), "age", pa.array(age))


def test_a_column_that_swings_by_day_is_policed_weekly(tmp_path: Path, runtime: Runtime) -> None:
    """That is said of it and of no other, with what a week would find; a baseline of its own is named instead."""
    found = explained(tmp_path, runtime, days=70, change=swinging, rows=1000)
    [warning] = found.warnings
    assert warning.startswith("age: its windows differ much from each other: ")
    assert "it can only be policed weekly (window: 7d); or compare it with the rows before" in warning
    trailing = explained(tmp_path, runtime, "features: {'*': null, age: {baseline: trailing}}\n", rows=1000)
    assert trailing.warnings[0].endswith("it is compared with trailing 28 days")


def test_windows_of_few_rows_are_no_swing(tmp_path: Path, runtime: Runtime) -> None:
    """Chance hides shifts then, and another baseline would not help."""
    found = explained(tmp_path, runtime, rows=10)
    assert len(found.warnings) == 4
    for warning in found.warnings:
        assert "its windows have few rows: " in warning
        assert "baseline" not in warning


def with_odd_columns(table: pa.Table) -> pa.Table:
    """Columns that cannot be judged: an id, and one without values."""
    rows = table.num_rows
    named = table.append_column("key", pa.array([f"k{number}" for number in range(rows)]))
    return named.append_column("none", pa.nulls(rows, pa.float64())).append_column("one", pa.array([1.0] * rows))


def test_columns_that_cannot_be_judged(tmp_path: Path, runtime: Runtime) -> None:
    """It is said why: not that their windows differ."""
    found = explained(tmp_path, runtime, change=with_odd_columns)
    assert found.warnings == (
        "key: all its categories are rare, so their shares cannot be judged; an id is no feature (ignore)",
        "none: the reference has no value of it, so its distribution cannot be judged",
    )
    assert found.columns["one"].steps.once == 0


def test_the_joint_test(tmp_path: Path, runtime: Runtime) -> None:
    """How large an AUC is told from ordinary windows; or that none is."""
    Production(tmp_path, YAML.replace("{joint: false}", "{joint: true}"))
    found = explain(load_monitor(tmp_path / "churn.yaml"), runtime, DAY)
    assert said(found.words, "Joint").startswith("Joint changes of 4 columns are seen from an AUC of 0.")


def test_the_length_of_the_schedule(tmp_path: Path, runtime: Runtime) -> None:
    """Windows of months have budgets of their length."""
    start = datetime(2013, 2, 1, tzinfo=UTC)
    month = Window(start, start + timedelta(days=28))
    found = explained(tmp_path, runtime, "schedule: '@monthly'\n", window=month)
    assert "A window every 28 days, so each may cost 0.311 false alarms" in found.words[0]


def test_watched_levels_are_tests_as_well(tmp_path: Path, runtime: Runtime) -> None:
    """How many, which jump of each is caught, and a column that has no level; nothing of it where none is watched."""

    def constant(table: pa.Table) -> pa.Table:
        return table.append_column("fixed", [[1.5] * table.num_rows])

    usual = explained(tmp_path, runtime, change=constant)
    lines = "alarms: {joint: false, levels: [age, fixed]}\n"
    (tmp_path / "churn.yaml").write_text(YAML.replace("alarms: {joint: false}\n", lines))
    watched = explain(load_monitor(tmp_path / "churn.yaml"), runtime, DAY)
    assert watched.words[1].startswith("Tests: up to 24 in a window (of each of 5 columns")
    assert "of 1 watched columns the level beside the windows before; of the window" in watched.words[1]
    assert said(watched.words, "Floors").endswith("AUC above a half 0.05, jump of a level 0.1 sd.")
    assert watched.levels.keys() == {"age"}
    once = watched.levels["age"].once
    assert once is not None
    assert 0.2 < once < 1
    assert (
        "fixed: the reference has no two values of it, so its level is not tested (alarms.levels)" in watched.warnings
    )
    assert json.loads(json.dumps(watched.to_json()))["levels"]["age"]["once"] == once
    assert "levels" not in usual.to_json()
    assert "level" not in " ".join(usual.words[:2])
