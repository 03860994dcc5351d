"""The self-test of a real monitor, on real files and databases, judged as its windows are."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_tasks import canary_steps
from monitoring_tasks.alerts.telling import SILENT, Occasion, would_have
from monitoring_tasks.canary.columns import Columns
from monitoring_tasks.canary.fall import falls
from monitoring_tasks.canary.injections import INJECTIONS
from monitoring_tasks.canary.redraw import Pool
from monitoring_tasks.canary.report import CanaryReport, FaultRecall
from monitoring_tasks.canary.trial import Setting, try_faults
from monitoring_tasks.canary_steps import Asked, examine, fallen_since, publish_canary
from monitoring_tasks.checks import Check
from monitoring_tasks.errors import ConfigurationError, SourceInvalid
from monitoring_tasks.judging import Judge
from monitoring_tasks.methods import Kind
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.policy.verdict import Outcome, Subject, Verdict
from monitoring_tasks.policy_section import Persistence
from monitoring_tasks.runtime import Runtime, environment_runtime
from monitoring_tasks.severity import Severity
from monitoring_tasks.window import DAY, HOUR, Window
from tests import production as days
from tests.hourly import START, Hourly, answers
from tests.hourly import YAML as HOURLY
from tests.production import FIRST_DAY, YAML, Production

NOW = datetime(2013, 3, 9, 5, tzinfo=UTC)
ALARMS = "alarms: {joint: false}"


@pytest.fixture
def production(tmp_path: Path) -> Production:
    """A monitor with a reference, and 8 days."""
    (tmp_path / "monitors").mkdir()
    made = Production(tmp_path / "monitors")
    made.write_days(FIRST_DAY, 8, count=2000)
    return made


def asked(**changes: Any) -> Asked:
    """A short self-test at the end of the days."""
    return Asked(**{"now": NOW, "windows": 3, "repeats": 2, **changes})


def monitor_of(production: Production) -> Monitor:
    """The monitor as its YAML is now."""
    return load_monitor(production.monitor_file)


def content(folder: Path) -> dict[str, str]:
    """Hash of every file below a folder."""
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


def days_of(window: Window) -> tuple[int, int]:
    """Days of the month on which a window starts and ends."""
    return window.start.day, window.end.day


def test_a_sound_monitor_passes(production: Production, runtime: Runtime) -> None:
    """Gross faults are found, redraws are quiet, and the source is as it was; the same again gives the same report."""
    before = content(production.folder)
    monitor = monitor_of(production)
    report = examine(monitor, runtime, asked())
    assert content(production.folder) == before
    assert days_of(report.window) == (8, 9)
    assert (report.rows, report.of_rows, report.drawn_from) == (2000, 2000, 14_000)
    assert (report.monitor, report.config_hash, report.champion[:5]) == ("churn", monitor.config_hash, "file-")
    assert (report.clean_windows, report.false_alarms, report.standing) == (6, (), ())
    recall = {fault.name: fault.recall_3 for fault in report.faults}
    assert {name for name, share in recall.items() if share is None} == {
        "joint"
    }  # age and spend are free of each other
    for name in ("mean_25", "mean_50", "unit_1", "unit_all", "missing_5", "null_burst", "frozen_all", "category_20"):
        assert recall[name] == 1, name
    for name in ("unseen_1", "renamed", "case", "score_25", "sent_twice", "truncated"):
        assert recall[name] == 1, name
    short = asked(windows=1, repeats=1)
    assert examine(monitor, runtime, short) == examine(monitor, runtime, short)


@pytest.mark.parametrize(
    ("width", "why"),
    [
        (HOUR, "the reference has fewer than 5 windows as wide of which 40 rows are sampled"),
        (7 * DAY, "the reference has fewer than 5 windows as wide"),
    ],
)
def test_what_the_reference_is_too_thin_for_is_not_tried(
    width: timedelta, why: str, answering: Hourly, runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    """Hours and weeks leave the joint test too little to learn from: it is told, nothing is missed, nothing fell."""
    span = Window(START + 7 * DAY - width, START + 7 * DAY)
    with caplog.at_level(logging.INFO):
        report = examine(answering.monitor, runtime, asked(window=span, windows=1, repeats=1))
    joint = report.fault("joint")
    assert joint is not None
    told = f"no joint test is made: {why}"
    assert (joint.untried, joint.applicable, joint.recall_1) == (told, False, None)
    assert f"canary.not_tried monitor=answers fault=ties to other columns broken: {told}" in caplog.text
    assert "joint" not in {each.name for each in report.missed}
    before = replace(report, faults=(replace(joint, untried="", found_by=(1,) * 20),))
    assert falls(report, [before]) == []


def test_what_the_reference_is_not_too_thin_for_is_tried(answering: Hourly, runtime: Runtime) -> None:
    """The same reference teaches what days differ by: broken ties are put into one, and found."""
    monitor, span = answering.monitor, Window(START, START + DAY)
    judge = Judge.prepare(monitor, runtime, canary_steps.pin_champion(monitor, runtime), span)
    assert judge.untested() == {}
    hours = sorted(answering.folder.rglob("part-0.parquet"))[:24]
    table = pa.concat_tables([pq.read_table(path, partitioning=None) for path in hours])
    kinds: dict[str, Kind] = {"seconds": "numeric", "tokens": "numeric", "words": "numeric"}
    pool = Pool.of(table, Columns(kinds, "words", "at", span))
    setting = Setting("answers", pool, judge, Persistence(), windows=1, repeats=1, untested=judge.untested())
    [joint] = try_faults(setting, [each for each in INJECTIONS if each.name == "joint"])
    assert (joint.untried, joint.recall_1) == ("", 1)


def test_a_joint_test_that_is_off_is_said(production: Production, runtime: Runtime) -> None:
    """By the monitor's own word, or since one column alone is compared with the training reference."""

    def why(yaml: str) -> str:
        production.configure(yaml)
        monitor = monitor_of(production)
        judge = Judge.prepare(monitor, runtime, canary_steps.pin_champion(monitor, runtime), days.day(0))
        return judge.untested().get((Check.JOINT, None), "")

    trailing = "".join(f", {name}: {{baseline: trailing}}" for name in ("age", "plan"))
    alone = YAML.replace(ALARMS, f"features: {{spend: {{baseline: trailing}}{trailing}}}")
    assert why(YAML) == "no joint test is made: alarms.joint is false"
    assert why(alone) == "no joint test is made: fewer than two columns are compared with the training reference"
    assert why(YAML.replace(ALARMS, "")) == ""


@pytest.fixture
def answering(tmp_path: Path) -> Hourly:
    """An hourly monitor with its joint test; answers take the longer the more tokens they have."""
    (tmp_path / "monitors").mkdir()
    made = Hourly(tmp_path / "monitors", HOURLY.replace("joint: false, ", ""))
    for number in range(24 * 7):
        made.put(number, answers(START + HOUR * number, count=100))
    for path in made.folder.rglob("*.parquet"):
        made.rewrite(path, lambda rows: rows.append_column("tokens", pa.array(30 * rows["seconds"].to_numpy())))
    return made


def test_a_blind_monitor_fails(production: Production, runtime: Runtime) -> None:
    """One with floors that nothing reaches misses what it must find."""
    floors = "{distance: 9, missing: 1, out_of_range: 1, unseen: 1, duplicates: 1}"
    production.configure(YAML.replace(ALARMS, f"alarms: {{joint: false, floors: {floors}}}"))
    report = examine(monitor_of(production), runtime, asked(windows=1, repeats=1))
    names = {fault.name for fault in report.missed}
    assert {"mean_25", "missing_5", "category_5", "unseen_1", "score_25"} <= names
    assert not report.passed


def test_a_column_that_swings_is_no_duty(production: Production, runtime: Runtime) -> None:
    """A small shift goes where it can be found; where ordinary days differ by more it is nobody's fault to miss it."""
    path = production.folder / "reference.parquet"
    table = pq.read_table(path)
    days = table["at"].to_numpy().astype("datetime64[D]").astype(int)
    for name in ("age", "spend"):
        moved = table[name].to_numpy() + 200.0 * (days * 5 % 7)
        table = table.set_column(table.column_names.index(name), name, pa.array(moved))
    pq.write_table(table, path)
    monitor = monitor_of(production)
    report = examine(monitor, runtime, asked(windows=1, repeats=1))
    expected = {fault.name for fault in report.faults if fault.expected}
    assert "mean_25" not in expected
    assert {"missing_5", "category_5", "unseen_1"} <= expected


@pytest.mark.parametrize("rules", ["psi", "classic", "evidently"])
def test_other_rules_are_not_tested_by_these(production: Production, runtime: Runtime, rules: str) -> None:
    """What calibrated rules would find says nothing of a monitor that is judged by others."""
    production.configure(f"{YAML}policy: {rules}\n")
    with pytest.raises(ConfigurationError, match=f"churn has policy {rules}: only calibrated rules are tested"):
        examine(monitor_of(production), runtime, asked())


def test_the_last_complete_window_with_rows(production: Production, runtime: Runtime) -> None:
    """The day that is not over does not count, nor one without rows, with few, or before the monitor's start."""
    monitor = monitor_of(production)
    find = canary_steps._rows
    reference = canary_steps.load_reference(monitor, runtime, canary_steps.pin_champion(monitor, runtime))

    def day(now: datetime) -> int:
        return find(monitor, runtime, reference, asked(now=now)).window.start.day

    assert day(NOW) == 8
    assert day(NOW - timedelta(hours=6)) == 7
    assert day(NOW + timedelta(days=10)) == 8
    production.write(date(2013, 3, 9), count=199)
    assert day(NOW + timedelta(days=1)) == 8
    with pytest.raises(SourceInvalid, match=r"the last 14 windows before 2013-04-09T05:00:00Z.*200 \(minimum_rows\)"):
        day(datetime(2013, 4, 9, 5, tzinfo=UTC))
    with pytest.raises(SourceInvalid, match="name a window that has more by start and end"):
        day(datetime(2013, 3, 1, 5, tzinfo=UTC))


def test_a_log_that_ended_long_ago(production: Production, runtime: Runtime) -> None:
    """The newest window that was ever judged serves as well, unless it is in the future."""
    monitor = monitor_of(production)
    for name, day in (("churn", 4), ("other", 5)):
        judged = Subject(name, "v1", Window.parse(f"2013-03-0{day}", f"2013-03-0{day + 1}"), "c0ffee")
        runtime.store.put(Verdict(judged, Outcome.HEALTHY, Severity.NONE), [], report=None, run={})
    later = examine(monitor, runtime, asked(now=datetime(2026, 1, 1, tzinfo=UTC), windows=1, repeats=1))
    assert days_of(later.window) == (4, 5)
    with pytest.raises(SourceInvalid):
        examine(monitor, runtime, asked(now=datetime(2013, 2, 1, tzinfo=UTC)))


def test_a_window_by_hand(production: Production, runtime: Runtime) -> None:
    """Any span; too few rows in it are an error that says what to do."""
    monitor = monitor_of(production)
    span = Window.parse("2013-03-02", "2013-03-04")
    report = examine(monitor, runtime, asked(window=span, windows=1, repeats=1))
    assert (report.window, report.rows) == (span, 4000)
    with pytest.raises(SourceInvalid, match=r"window 2013-05-01T00:00:00Z/2013-05-02T00:00:00Z of churn"):
        examine(monitor, runtime, asked(window=Window.parse("2013-05-01", "2013-05-02")))


def test_many_rows_are_represented_by_a_sample(
    production: Production, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the bound a sample stands for the window, and the report says so; enough rows need no other window."""
    monkeypatch.setattr(canary_steps, "MOST_ROWS", 1500)
    monkeypatch.setattr(canary_steps, "ENOUGH_ROWS", 2000)
    report = examine(monitor_of(production), runtime, asked(windows=1, repeats=1))
    assert (report.rows, report.of_rows, report.drawn_from, report.standing) == (1500, 2000, 1500, ())


def test_only_ordinary_windows_lend_rows(production: Production, runtime: Runtime) -> None:
    """One that is drifted itself would make every redraw so, and one of other columns fits no table."""
    production.write(date(2013, 3, 7), count=2000, shift=1)
    production.write(date(2013, 3, 6), count=2000, columns={"plan": None})
    production.write(date(2013, 3, 5), count=100)
    report = examine(monitor_of(production), runtime, asked(windows=1, repeats=1))
    assert report.drawn_from == 2000 * 4  # the 8th, 4th, 3rd and 2nd
    production.configure(YAML.replace("start: 2013-03-01", "start: 2013-03-04"))
    assert examine(monitor_of(production), runtime, asked(windows=1, repeats=1)).drawn_from == 4000
    production.configure(YAML.replace("start: 2013-03-01", "start: 2013-03-08").replace(ALARMS, ""))
    alone = examine(monitor_of(production), runtime, asked(windows=1, repeats=1))
    assert (alone.drawn_from, alone.standing) == (2000, ("joint",))


def test_what_the_window_shows_already_is_left_out(production: Production, runtime: Runtime) -> None:
    """A drifted window's findings are no false alarms, and its columns take no faults while there are others."""
    production.write(date(2013, 3, 8), count=2000, shift=1)
    report = examine(monitor_of(production), runtime, asked(repeats=1))
    assert "drift of age" in report.standing
    assert report.false_alarms == ()
    chosen = {fault.name: fault.column for fault in report.faults}
    assert chosen["mean_25"] == "spend"


def test_a_database_as_source(production: Production, runtime: Runtime, tmp_path: Path, monkeypatch: Any) -> None:
    """The rows of a table are read, and not written."""
    import sqlite3

    file = tmp_path / "log.db"
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE log (id TEXT, at TEXT, age REAL, spend REAL, plan TEXT, score REAL)")
        for path in sorted(production.folder.glob("predictions/day=2013-03-08/*.parquet")):
            rows = [
                (r["id"], str(r["at"]), r["age"], r["spend"], r["plan"], r["score"])
                for r in pq.read_table(path).to_pylist()
            ]
            database.executemany("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?)", rows)
    database.close()
    monkeypatch.setenv("AIRFLOW_CONN_LOG", f"sqlite:///{file}")
    source = "source: {kind: parquet, path: predictions, partition: day}"
    production.configure(YAML.replace(source, "source: {kind: sql, connection: log, table: log}"))
    before = file.read_bytes()
    opened = environment_runtime({"MONITORING_HOME": str(tmp_path / "sql"), "AIRFLOW_CONN_LOG": f"sqlite:///{file}"})
    with opened.store:
        report = examine(monitor_of(production), opened, asked(repeats=1))
    assert file.read_bytes() == before
    assert (report.rows, report.false_alarms) == (2000, ())
    found = {fault.name: fault.found_by for fault in report.faults}
    assert found["mean_50"] == found["renamed"] == found["sent_twice"] == (1,)
    assert found["missing_5"] == (2,)


def fallen(report: CanaryReport, day: int = 0, **changes: Any) -> CanaryReport:
    """The same report some days later, with less found: the first fault in no trial."""
    window = Window(report.window.start + timedelta(days=day), report.window.end + timedelta(days=day))
    faults = (replace(report.faults[0], found_by=(None,) * 20), *report.faults[1:])
    return replace(report, window=window, faults=faults, **changes)


LIVE = Occasion(datetime(2013, 3, 20, tzinfo=UTC), lambda _: {"run": "https://airflow.example/run"})
WATCHED = Monitor.model_validate(
    {
        "name": "churn",
        "owner": "growth",
        "task": "binary",
        "timestamp": "at",
        "prediction": "score",
        "source": {"path": "predictions"},
        "reference": {"kind": "file", "path": "reference.parquet"},
    }
)


def publish(runtime: Runtime, report: CanaryReport, *, occasion: Occasion = LIVE) -> dict[str, Any]:
    """What publishing a report of the monitor came to."""
    return publish_canary(WATCHED, runtime, report, run="monitoring_canary", occasion=occasion)


@pytest.fixture
def published(runtime: Runtime) -> CanaryReport:
    """A report in the store in which the first fault was found in each of 20 trials."""
    fault = FaultRecall("mean_25", "mean .25 sd higher", "age", 7, (1,) * 20, expected=True)
    other = replace(fault, name="case", fault="capitals", column="plan")
    window = Window.parse("2013-03-08", "2013-03-09")
    report = CanaryReport("churn", "v1", "c0ffee", window, 900, 900, 900, (fault, other), 140)
    assert publish(runtime, report) == {"fell": 0, "changes": []}
    return report


def test_what_fell_is_told_once(published: CanaryReport, runtime: Runtime, caplog: pytest.LogCaptureFixture) -> None:
    """In the log and by a letter; a task that is tried again finds the same and writes no other."""
    report = fallen(published, 7)
    with caplog.at_level(logging.WARNING):
        done = [publish(runtime, report) for _ in range(2)]
    assert [each["fell"] for each in done] == [1, 1]
    assert [change["event"] for each in done for change in each["changes"]] == ["opened", "repeated"]
    assert (
        "canary.fell monitor=churn fault=mean_25: age, mean .25 sd higher: found in 0 % of trials, 100 % before"
        in caplog.text
    )
    [letter] = runtime.store.letters()
    assert "churn finds less than it did" in letter.body["title"]
    assert runtime.store.canaries("churn") == [report, published]


def test_it_is_over_when_the_fault_is_found_again(published: CanaryReport, runtime: Runtime) -> None:
    """Not while it is missed, though nothing fell since."""
    publish(runtime, fallen(published, 7))
    assert publish(runtime, fallen(published, 14)) == {"fell": 0, "changes": []}
    later = Window.parse("2013-03-29", "2013-03-30")
    done = publish(runtime, replace(published, window=later))
    assert [change["event"] for change in done["changes"]] == ["resolved"]


def test_nothing_fell(published: CanaryReport, runtime: Runtime) -> None:
    """Nobody is told."""
    assert runtime.store.letters() == []


def test_a_backfill_is_silent(published: CanaryReport, runtime: Runtime) -> None:
    """It is recorded what would have been told."""
    assert publish(runtime, fallen(published, 7), occasion=SILENT) == {"fell": 1, "changes": []}
    assert runtime.store.letters() == []
    assert [change.event for change in would_have(runtime.store, [WATCHED]).changes] == ["opened"]


def test_only_what_was_published_before_counts(published: CanaryReport, runtime: Runtime) -> None:
    """A report of an earlier window is not compared with later ones; one of another configuration is."""
    assert fallen_since(runtime, fallen(published, -7)) == []
    assert fallen_since(runtime, fallen(published)) == []
    assert len(fallen_since(runtime, fallen(published, config_hash="other"))) == 1
    assert len(fallen_since(runtime, fallen(published, champion="other"))) == 1
    assert fallen_since(runtime, fallen(published, 7, monitor="other")) == []


def test_too_many_false_alarms_are_logged(
    published: CanaryReport, runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    """A monitor that cries wolf says so where its operators look."""
    publish(runtime, replace(published, false_alarms=("drift of age",) * 9, allowed_alarms=3))
    assert "canary.noisy monitor=churn false_alarms=9 allowed=3 windows=140" in caplog.text


@pytest.mark.parametrize(
    ("schedule", "budget", "allowed"),
    [("@daily", "1 per 90d", 1), ("@hourly", "1 per 90d", 0), ("@weekly", "1 per 90d", 2), ("@daily", "9 per 9d", 10)],
)
def test_the_budget_bounds_false_alarms(production: Production, schedule: str, budget: str, allowed: int) -> None:
    """So many ordinary windows may have so many alarms, by the time between them, and a few more by chance."""
    production.configure(YAML.replace(ALARMS, f"schedule: '{schedule}'\nalarms: {{budget: {budget}}}"))
    expected = canary_steps._expected_alarms(monitor_of(production), Window.parse("2013-03-02", "2013-03-03"), 6)
    assert canary_steps.allowed_alarms(expected) == allowed


def test_a_test_of_an_older_window_tells_nobody(published: CanaryReport, runtime: Runtime) -> None:
    """It was asked for by hand, after a newer one: what it misses is recorded only."""
    publish(runtime, replace(fallen(published, 12), faults=published.faults))
    old = fallen(published, 7)
    assert publish(runtime, old) == {"fell": 1, "changes": []}
    assert runtime.store.letters() == []
    assert [each.window for each in runtime.store.readings("churn", live=False)] == [old.window]
