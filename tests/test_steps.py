"""The steps of a run on real files, store and suites: outcomes, repeatability, and what a failure leaves behind."""

from __future__ import annotations

import random
import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sqlalchemy import create_engine, text

from monitoring_tasks import steps
from monitoring_tasks.errors import (
    ConfigurationError,
    MonitoringError,
    ReferenceInvalid,
    ReferenceUnavailable,
    SourceUnavailable,
)
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.pieces import Pieces
from monitoring_tasks.policy.verdict import Subject, Verdict
from monitoring_tasks.report import self_contained
from monitoring_tasks.runtime import Runtime, environment_runtime
from monitoring_tasks.window import Window
from tests.production import FIRST_DAY, YAML, Production, day, rows


def judge(monitor: Monitor, runtime: Runtime, window: Window) -> Verdict:
    """A whole run."""
    subject = steps.open_window(monitor, runtime, window)
    steps.profile_window(monitor, runtime, subject)
    steps.run_suites(monitor, runtime, subject)
    return reached(monitor, runtime, subject)


def reached(monitor: Monitor, runtime: Runtime, subject: dict[str, Any]) -> Verdict:
    """The stored verdict, which is whole; what the step returns is small."""
    returned = steps.reach_verdict(monitor, runtime, subject, run={"origin": "test"})
    stored = runtime.store.verdict(Subject.from_json(subject))
    assert stored is not None
    assert stored.outcome == returned["outcome"]
    assert "findings" not in returned["evidence"]
    return stored


def stored_bytes(runtime: Runtime, subject: Subject) -> dict[str, bytes | None]:
    """What a run keeps of one subject."""
    names = ["profile.json", "verdict.json", "data_quality.json", "data_drift.json", "prediction_drift.json"]
    names += ["report.html", "sample.parquet"]
    return {name: runtime.artifacts.read(f"{steps.run_folder(subject)}/{name}") for name in names}


def test_outcomes(production: Production, runtime: Runtime) -> None:
    """Each kind of day ends in its verdict: like the reference, shifted, sparse, and absent."""
    production.write(FIRST_DAY)
    production.write(FIRST_DAY + timedelta(days=1), shift=1.5)
    production.write(FIRST_DAY + timedelta(days=2), count=50)
    monitor = load_monitor(production.monitor_file)
    outcomes = [judge(monitor, runtime, day(number)).outcome for number in range(4)]
    assert outcomes == ["healthy", "drifted", "too_few_rows", "no_data"]


def test_one_feature_can_be_set_apart(production: Production, runtime: Runtime) -> None:
    """With '*' a limit for one column leaves the others monitored."""
    production.configure(YAML + "features: {'*': , age: {threshold: 99}}\n")
    production.write(FIRST_DAY, shift=1.5)
    verdict = judge(load_monitor(production.monitor_file), runtime, day(0))
    drift = {r.column: r.threshold for r in runtime.store.results(verdict.subject) or [] if r.check == "drift"}
    assert drift == {"age": 99.0, "spend": 0.2, "plan": 0.2, "score": 0.2}


SQL = YAML.replace("{kind: parquet, path: predictions, partition: day}", "{kind: sql, connection: lake, table: log}")


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_table_is_judged_like_files(
    production: Production, tmp_path: Path, database: str, request: pytest.FixtureRequest
) -> None:
    """The same rows in a database give the same outcome, rows and findings as in parquet."""
    days = [(FIRST_DAY, 0.0), (FIRST_DAY + timedelta(days=1), 1.5)]
    url = f"sqlite:///{tmp_path / 'lake.db'}" if database == "sqlite" else request.getfixturevalue("postgres_url")
    for written, shift in days:
        production.write(written, shift=shift)
    _load_table(url, [rows(written, shift=shift) for written, shift in days])
    told = []
    for place, yaml in (("files", YAML), ("table", SQL)):
        production.configure(yaml)
        home = {"MONITORING_HOME": str(tmp_path / place), "AIRFLOW_CONN_LAKE": url}
        runtime = environment_runtime(home)
        with runtime.store:
            told.append(
                [_told(judge(load_monitor(production.monitor_file), runtime, day(number))) for number in (0, 1)]
            )
    assert told[0] == told[1]


def _told(verdict: Verdict) -> tuple[Any, ...]:
    findings = [(finding["rule"], finding["column"]) for finding in verdict.evidence["findings"]]
    return verdict.outcome, verdict.severity, verdict.evidence["rows"], findings


def _load_table(url: str, days: list[dict[str, Any]]) -> None:
    engine = create_engine(url)
    frame = pd.concat([pd.DataFrame(columns) for columns in days])
    if engine.dialect.name == "sqlite":
        frame["at"] = frame["at"].dt.strftime("%Y-%m-%d %H:%M:%S")
    frame.to_sql("log", engine, index=False)
    engine.dispose()


def test_evidence(production: Production, runtime: Runtime) -> None:
    """A verdict says what it rests on: rows, checks, scores, thresholds, hashes, code version."""
    production.write(FIRST_DAY, shift=1.5)
    monitor = load_monitor(production.monitor_file)
    evidence = judge(monitor, runtime, day(0)).evidence
    assert evidence["rows"] == 1000
    assert set(evidence["hashes"]) == {"data", "reference", "importances", "binning", "config"}
    assert evidence["hashes"]["config"] == monitor.config_hash
    drifted = {finding["column"]: finding for finding in evidence["findings"] if finding["check"] == "drift"}
    assert drifted["age"]["value"] > drifted["age"]["threshold"] == 0.2
    assert drifted["age"]["important"]


def test_the_same_window_twice_gives_the_same_bytes(production: Production, runtime: Runtime, tmp_path: Path) -> None:
    """Computed twice in one place and once in another, every artifact and stored result is equal."""
    production.write_days(FIRST_DAY, 3, shift=0.3)
    monitor = load_monitor(production.monitor_file)
    subject = judge(monitor, runtime, day(2)).subject
    first, results = stored_bytes(runtime, subject), runtime.store.results(subject)
    judge(monitor, runtime, day(2))
    assert stored_bytes(runtime, subject) == first
    with environment_runtime({"MONITORING_HOME": str(tmp_path / "elsewhere")}).store as store:
        other = Runtime(store, *_elsewhere(tmp_path))
        assert judge(monitor, other, day(2)).subject == subject
        assert stored_bytes(other, subject) == first
        assert other.store.results(subject) == results


def _elsewhere(tmp_path: Path) -> tuple[Any, ...]:
    described = environment_runtime({"MONITORING_HOME": str(tmp_path / "elsewhere")})
    described.store.close()
    return described.artifacts, described.connections, described.cache


def test_backfill_in_any_order_gives_the_same_bytes(production: Production, tmp_path: Path) -> None:
    """Verdicts with persistence over three windows do not depend on which window was computed first."""
    production.write_days(FIRST_DAY, 3)
    production.write_days(FIRST_DAY + timedelta(days=3), 3, shift=1.0)
    monitor = load_monitor(production.monitor_file)
    kept = []
    for order in ([0, 1, 2, 3, 4, 5], random.Random(7).sample(range(6), 6)):
        runtime = environment_runtime({"MONITORING_HOME": str(tmp_path / f"home{len(kept)}")})
        with runtime.store:
            subjects = {number: judge(monitor, runtime, day(number)).subject for number in order}
            kept.append({number: stored_bytes(runtime, subjects[number]) for number in sorted(subjects)})
    assert kept[0] == kept[1]


def test_a_wide_window_is_the_sum_of_days(production: Production, runtime: Runtime) -> None:
    """Seven days read the stored profiles of six and scan one; the sum equals one scan over all."""
    production.configure(YAML + "window: 7d\n")
    production.write_days(FIRST_DAY, 8)
    monitor = load_monitor(production.monitor_file)
    first = judge(monitor, runtime, day(6, 7))
    files = set((production.folder / "home").rglob("profiles/**/*.json"))
    second = judge(monitor, runtime, day(7, 7))
    added = set((production.folder / "home").rglob("profiles/**/*.json")) - files
    assert first.evidence["rows"] == second.evidence["rows"] == 7000
    assert len(added) == 1


def test_rows_that_arrive_late_are_counted(production: Production, runtime: Runtime) -> None:
    """A day that was rewritten is read again, although its profile was stored."""
    production.write(FIRST_DAY, count=300)
    monitor = load_monitor(production.monitor_file)
    assert judge(monitor, runtime, day(0)).evidence["rows"] == 300
    production.write(FIRST_DAY, count=900)
    assert judge(monitor, runtime, day(0)).evidence["rows"] == 900
    assert len(runtime.store.verdicts("churn")) == 1


def test_persistence_asks_for_retraining(production: Production, runtime: Runtime) -> None:
    """Drift in one window is looked at; in two of three it asks for a retraining."""
    production.write(FIRST_DAY)
    production.write_days(FIRST_DAY + timedelta(days=1), 2, shift=1.5)
    monitor = load_monitor(production.monitor_file)
    first, second = (judge(monitor, runtime, day(number)) for number in (1, 2))
    assert "retrain" not in first.actions
    assert "retrain" in second.actions


def test_no_window_before_the_start_is_judged(production: Production, runtime: Runtime) -> None:
    """History ends where the monitor starts, so the first window does not wait for data that never was."""
    production.write(FIRST_DAY)
    judge(load_monitor(production.monitor_file), runtime, day(0))
    assert runtime.store.results is not None
    assert [stored.verdict.subject.window for stored in runtime.store.verdicts("churn")] == [day(0)]


@pytest.mark.parametrize(
    ("columns", "check", "column"),
    [
        ({"age": None}, "column_present", "age"),
        ({"age": pa.array(["old"] * 1000)}, "column_type", "age"),
        ({"age": pa.nulls(1000, pa.float64())}, "missing_share", "age"),
        ({"age": np.full(1000, 40.0)}, "constant", "age"),
        ({"age": np.full(1000, 4000.0)}, "out_of_range_share", "age"),
        ({"plan": pa.array(["gold"] * 1000)}, "unseen_share", "plan"),
        ({"id": pa.array(["same"] * 1000)}, "duplicate_share", "id"),
        ({"score": pa.nulls(1000, pa.float64())}, "missing_share", "score"),
    ],
)
def test_faults_are_named(
    production: Production, runtime: Runtime, columns: dict[str, Any], check: str, column: str
) -> None:
    """A fault in one column is a finding with its name; the other columns are still judged."""
    production.write(FIRST_DAY, columns=columns)
    verdict = judge(load_monitor(production.monitor_file), runtime, day(0))
    found = {(finding["check"], finding["column"]) for finding in verdict.evidence["findings"]}
    assert verdict.outcome in ("warning", "drifted")
    assert any(name == check and where in (column, None) for name, where in found)
    results = runtime.store.results(verdict.subject) or []
    assert {result.column for result in results if result.check == "drift"} == {"age", "spend", "plan", "score"}


@pytest.mark.parametrize(("lost", "outcome"), [(500, "warning"), (1000, "no_data"), (20, "healthy")])
def test_rows_without_a_timestamp_are_seen(production: Production, runtime: Runtime, lost: int, outcome: str) -> None:
    """Rows that belong to no window are a finding of their own, also where they are all there is."""
    at = rows(FIRST_DAY)["at"]
    production.write(
        FIRST_DAY,
        columns={"at": [None] * lost + at[lost:] if lost < 1000 else pa.nulls(1000, pa.timestamp("us", "UTC"))},
    )
    verdict = judge(load_monitor(production.monitor_file), runtime, day(0))
    assert verdict.outcome == outcome
    assert any(reason.startswith("at: missing values") for reason in verdict.reasons) == (lost > 50)


def test_results_that_are_not_in_the_store_are_made_again(
    production: Production, runtime: Runtime, tmp_path: Path
) -> None:
    """Artifacts may be shared where the store is not: no results is not all passed."""
    production.write(FIRST_DAY, shift=1.5)
    monitor = load_monitor(production.monitor_file)
    subject = steps.open_window(monitor, runtime, day(0))
    steps.profile_window(monitor, runtime, subject)
    steps.run_suites(monitor, runtime, subject)
    other = environment_runtime({"MONITORING_HOME": str(tmp_path / "other")})
    with other.store:
        assert reached(monitor, replace(other, artifacts=runtime.artifacts), subject).outcome == "drifted"


def test_a_verdict_never_mixes_two_states_of_the_data(production: Production, runtime: Runtime) -> None:
    """When another run of the window profiled rows that came in between, the verdict is about those rows throughout."""
    production.write(FIRST_DAY)
    monitor = load_monitor(production.monitor_file)
    subject = steps.open_window(monitor, runtime, day(0))
    steps.profile_window(monitor, runtime, subject)
    steps.run_suites(monitor, runtime, subject)
    production.write(FIRST_DAY, count=2000, shift=1.5)
    steps.profile_window(monitor, runtime, subject)
    verdict = reached(monitor, runtime, subject)
    counts = [r.value for r in runtime.store.results(verdict.subject) or [] if r.check == "row_count"]
    assert (verdict.outcome, verdict.evidence["rows"], counts) == ("drifted", 2000, [2000.0])


def test_a_yaml_edited_half_way_is_refused(production: Production, runtime: Runtime) -> None:
    """A run ends by the rules it began with, or not at all."""
    production.write(FIRST_DAY, shift=1.5)
    monitor = load_monitor(production.monitor_file)
    subject = steps.open_window(monitor, runtime, day(0))
    steps.profile_window(monitor, runtime, subject)
    production.configure(YAML + "drift: {numeric: {threshold: 99}}\n")
    edited = load_monitor(production.monitor_file)
    for step in (steps.profile_window, steps.run_suites):
        with pytest.raises(ConfigurationError, match="clear the run from its first task on"):
            step(edited, runtime, subject)
    with pytest.raises(ConfigurationError, match="changed since this run began"):
        steps.reach_verdict(edited, runtime, subject, run={})


def test_history_knows_rows_that_came_late(production: Production, runtime: Runtime) -> None:
    """A day that had no data when it was judged counts with its data once that is there."""
    monitor = load_monitor(production.monitor_file)
    assert judge(monitor, runtime, day(0)).outcome == "no_data"
    production.write_days(FIRST_DAY, 2, shift=1.5)
    assert "retrain" in judge(monitor, runtime, day(1)).actions


def test_sparse_days_are_no_history(production: Production, runtime: Runtime) -> None:
    """Too few rows are unknown, and unknown is not drift that persists."""
    production.write_days(FIRST_DAY, 2, count=20, shift=3.0)
    production.write(FIRST_DAY + timedelta(days=2), shift=1.5)
    verdict = judge(load_monitor(production.monitor_file), runtime, day(2))
    assert verdict.outcome == "drifted"
    assert "retrain" not in verdict.actions


def test_one_bad_day_does_not_persist_by_overlap(production: Production, runtime: Runtime) -> None:
    """Seven-day windows that share a day are one piece of evidence, not two."""
    production.configure(YAML + "window: 7d\n")
    production.write_days(FIRST_DAY, 20)
    production.write(FIRST_DAY + timedelta(days=18), count=9000, shift=3.0)
    monitor = load_monitor(production.monitor_file)
    verdicts = [judge(monitor, runtime, day(number, 7)) for number in (18, 19)]
    assert [verdict.outcome for verdict in verdicts] == ["drifted", "drifted"]
    assert all("retrain" not in verdict.actions for verdict in verdicts)


def test_a_corrected_table_is_read_again(production: Production, tmp_path: Path) -> None:
    """A correction in the database leaves no trace in its count of rows; judging the window again sees it."""
    url = f"sqlite:///{tmp_path / 'lake.db'}"
    production.configure(SQL)
    _load_table(url, [rows(FIRST_DAY)])
    runtime = environment_runtime({"MONITORING_HOME": str(tmp_path / "home"), "AIRFLOW_CONN_LAKE": url})
    monitor = load_monitor(production.monitor_file)
    with runtime.store:
        before = judge(monitor, runtime, day(0)).outcome
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text("UPDATE log SET age = NULL"))
        engine.dispose()
        assert (before, judge(monitor, runtime, day(0)).outcome) == ("healthy", "warning")


def test_a_reference_swapped_while_it_is_read(production: Production, runtime: Runtime) -> None:
    """Another file must not be kept under the hash of the one that was pinned."""
    production.write(FIRST_DAY)
    monitor = load_monitor(production.monitor_file)
    subject = steps.open_window(monitor, runtime, day(0))
    reference = production.folder / "reference.parquet"
    kept = reference.read_bytes()
    shutil.copy(production.folder / "predictions/day=2013-03-01/part-0.parquet", reference)
    with pytest.raises(ReferenceUnavailable, match="changed while the run read it"):
        steps.profile_window(monitor, runtime, subject)
    reference.write_bytes(kept)
    steps.profile_window(monitor, runtime, subject)
    assert reached(monitor, runtime, subject).outcome == "healthy"


def test_a_missing_source_is_an_error_that_may_pass(production: Production, runtime: Runtime) -> None:
    """A source that is not there fails the run and says that trying again can help; nothing is stored."""
    monitor = load_monitor(production.monitor_file)
    (production.folder / "predictions").rmdir()
    subject = steps.open_window(monitor, runtime, day(0))
    with pytest.raises(SourceUnavailable, match="predictions"):
        steps.profile_window(monitor, runtime, subject)
    assert runtime.store.verdicts("churn") == []


def test_a_missing_reference_is_named(production: Production, runtime: Runtime) -> None:
    """Without a reference there is nothing to compare with, and the error says which file."""
    (production.folder / "reference.parquet").unlink()
    with pytest.raises(ReferenceUnavailable, match=r"reference\.parquet"):
        steps.open_window(load_monitor(production.monitor_file), runtime, day(0))


def test_a_reference_that_is_a_folder_is_no_outage(production: Production, runtime: Runtime) -> None:
    """No retry turns a folder into a file."""
    production.configure(YAML.replace("path: reference.parquet", "path: predictions"))
    with pytest.raises(ReferenceInvalid, match="is a folder"):
        steps.open_window(load_monitor(production.monitor_file), runtime, day(0))


@pytest.mark.parametrize("content", ["[1, 2]", "not json", '{"age": "high"}'])
def test_bad_importances_are_refused(production: Production, runtime: Runtime, content: str) -> None:
    """Importances that are no numbers by name stop the verdict instead of weighing wrongly."""
    production.write(FIRST_DAY)
    (production.folder / "importances.json").write_text(content)
    with pytest.raises(MonitoringError, match=r"importances\.json is not a JSON object"):
        judge(load_monitor(production.monitor_file), runtime, day(0))


def test_a_run_half_done_can_be_repeated(production: Production, runtime: Runtime) -> None:
    """A run that stopped after any step gives, when repeated, what an unbroken run gives."""
    production.write(FIRST_DAY, shift=1.5)
    monitor = load_monitor(production.monitor_file)
    subject = steps.open_window(monitor, runtime, day(0))
    steps.profile_window(monitor, runtime, subject)
    steps.run_suites(monitor, runtime, subject)
    assert runtime.store.verdict(Subject.from_json(subject)) is None
    verdict = judge(monitor, runtime, day(0))
    assert runtime.store.verdict(verdict.subject) == verdict


def test_the_report_stands_alone(production: Production, runtime: Runtime) -> None:
    """The stored page is small and shares its script; the self-contained one carries it."""
    production.write(FIRST_DAY, shift=1.5)
    subject = judge(load_monitor(production.monitor_file), runtime, day(0)).subject
    stored = runtime.artifacts.read(steps.report_key(subject)) or b""
    page = self_contained(runtime.artifacts, steps.report_key(subject))
    assert len(stored) < 1_000_000 < len(page)
    assert 'src="../' in stored.decode()
    assert 'src="../' not in page
    assert date(2013, 3, 1).isoformat() in page


@pytest.mark.parametrize(
    ("more", "asked"),
    [
        ("", False),
        ("features: {'*': null, age: {missing: 0.3}}\n", False),
        ("features: {'*': null, age: {baseline: trailing}}\n", True),
        ("drift: {baseline: trailing}\n", True),
    ],
)
def test_the_reference_is_read_again_only_for_other_baselines(
    production: Production, runtime: Runtime, monkeypatch: pytest.MonkeyPatch, more: str, asked: bool
) -> None:
    """Results of the same rows stand as they are; what else they were compared with may have changed.

    What the window and those before it are compared with is looked at once.
    """
    production.configure(YAML + more)
    production.write_days(FIRST_DAY, 3)
    monitor = load_monitor(production.monitor_file)
    for number in range(3):
        judge(monitor, runtime, day(number))
    over, seen, profile, read = steps.Basis.over, list[Window](), Pieces.profile, list[Window]()

    def watched(*given: Any) -> Any:
        seen.append(given[2])
        return over(*given)

    def reading(pieces: Pieces, span: Window) -> Any:
        read.append(span)
        return profile(pieces, span)

    monkeypatch.setattr(steps.Basis, "over", watched)
    monkeypatch.setattr(Pieces, "profile", reading)
    reached(monitor, runtime, steps.open_window(monitor, runtime, day(2)))
    assert seen == ([day(2), day(1), day(0)] if asked else [])
    assert (len(read) > 0, len(read)) == (asked, len(set(read)))
