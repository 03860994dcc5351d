"""Old windows are forgotten by maintenance, on both databases, and judged again as if they never had been."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitoring_tasks.errors import ConfigurationError, StoreUnavailable
from monitoring_tasks.maintenance_steps import Keeping, tidy_windows
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.report import report_key, run_folder
from monitoring_tasks.runtime import Runtime, environment_runtime
from tests.production import FIRST_DAY, YAML, Production, day
from tests.store.samples import canary, entry, verdict
from tests.store.samples import results as sample_results
from tests.test_steps import judge, stored_bytes

NEVER = timedelta(days=36_500)
NOTHING = {"rolled_up": 0, "drift": 0, "performance": 0, "self_tests": 0, "texts": 0, "pieces": 0}


@pytest.fixture(params=["sqlite", "postgresql"])
def runtime(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Runtime]:
    """A runtime whose store is of either kind."""
    home = {"MONITORING_HOME": str(tmp_path / "home")}
    other = {} if request.param == "sqlite" else {"MONITORING_STORE": str(request.getfixturevalue("postgres_url"))}
    opened = environment_runtime({**home, **other})
    with opened.store:
        yield opened


@pytest.fixture
def monitor(production: Production) -> Monitor:
    """A monitor with segments and persistence, and a week of production that drifts from the fourth day on."""
    production.configure(YAML + "segments: [plan]\n")
    production.write_days(FIRST_DAY, 3)
    production.write_days(FIRST_DAY + timedelta(days=3), 4, shift=1.0)
    return load_monitor(production.monitor_file)


def later() -> datetime:
    """A moment after all that was written."""
    return datetime.now(UTC) + timedelta(days=1)


def test_windows_are_judged_alike_after_a_roll_up(monitor: Monitor, runtime: Runtime, tmp_path: Path) -> None:
    """A later window, whose history was rolled up, and the old one again: the same bytes as if nothing had gone."""
    untouched = environment_runtime({"MONITORING_HOME": str(tmp_path / "untouched")})
    with untouched.store:
        expected = {n: stored_bytes(untouched, judge(monitor, untouched, day(n)).subject) for n in range(6)}
    subjects = [judge(monitor, runtime, day(number)).subject for number in range(5)]
    results = runtime.store.results(subjects[3])
    assert tidy_windows(runtime, Keeping(timedelta(hours=1), NEVER), now=later()) == {**NOTHING, "rolled_up": 5}
    assert runtime.store.results(subjects[3]) is None
    assert stored_bytes(runtime, judge(monitor, runtime, day(5)).subject) == expected[5]
    again = judge(monitor, runtime, day(3)).subject
    assert stored_bytes(runtime, again) == expected[3]
    assert runtime.store.results(again) == results


def test_a_window_is_judged_alike_after_its_purge(monitor: Monitor, runtime: Runtime) -> None:
    """Its artifacts and the pieces of its day went with it and are made anew; the newest window stayed."""
    subjects = [judge(monitor, runtime, day(number)).subject for number in range(5)]
    before = [stored_bytes(runtime, subject) for subject in subjects]
    keeping = Keeping(timedelta(hours=1), timedelta(hours=1))
    assert tidy_windows(runtime, keeping, now=later()) == {**NOTHING, "rolled_up": 5, "drift": 4, "pieces": 5}
    assert [runtime.artifacts.exists(report_key(each)) for each in subjects] == [False] * 4 + [True]
    assert [head.subject for head in runtime.store.windows("churn")] == [subjects[4]]
    assert tidy_windows(runtime, keeping, now=later()) == NOTHING
    assert stored_bytes(runtime, judge(monitor, runtime, day(2)).subject) == before[2]


def test_all_kinds_go_and_are_counted(runtime: Runtime, caplog: pytest.LogCaptureFixture) -> None:
    """Each in its time: results after weeks, the rest after more than a year; the log says how many."""
    caplog.set_level(logging.INFO)
    store, written = runtime.store, datetime.now(UTC)
    for number in range(3):
        store.put(verdict(number), sample_results(), report=None, run={})
        store.put_performance(entry(number, config_hash="of figures"))
        store.put_canary(canary(number))
    folders = [run_folder(entry(number, config_hash="of figures").verdict.subject) for number in range(3)]
    for folder in folders:
        runtime.artifacts.write(f"{folder}/known-1.json", b"{}")
    assert tidy_windows(runtime, Keeping(), now=written + timedelta(days=34)) == NOTHING
    assert tidy_windows(runtime, Keeping(), now=written + timedelta(days=36)) == {**NOTHING, "rolled_up": 3}
    assert tidy_windows(runtime, Keeping(), now=written + timedelta(days=399)) == NOTHING
    found = tidy_windows(runtime, Keeping(), now=written + timedelta(days=401))
    assert found == {"rolled_up": 0, "drift": 2, "performance": 2, "self_tests": 2, "texts": 0, "pieces": 0}
    assert [runtime.artifacts.exists(f"{folder}/known-1.json") for folder in folders] == [False, False, True]
    assert "windows.purged kind=performance rows=2 folders=2" in caplog.text
    assert "windows.tidied rolled_up=0 drift=2 performance=2 self_tests=2 texts=0 pieces=0" in caplog.text


def test_rows_stay_while_their_artifacts_cannot_go(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The next maintenance finds both: nothing is left behind that no row names."""
    for number in range(2):
        runtime.store.put(verdict(number), sample_results(), report=None, run={})
        runtime.artifacts.write(f"{run_folder(verdict(number).subject)}/a.json", b"{}")
    keeping = Keeping(timedelta(hours=1), timedelta(hours=1))
    with monkeypatch.context() as broken:
        broken.setattr("shutil.rmtree", _refuse)
        with pytest.raises(StoreUnavailable, match=r"could not remove .*flight_delay"):
            tidy_windows(runtime, keeping, now=later())
    assert len(runtime.store.windows("flight_delay")) == 2
    assert tidy_windows(runtime, keeping, now=later())["drift"] == 1


def _refuse(_: Path) -> None:
    raise PermissionError("read-only file system")


def test_a_champion_that_is_no_folder_stops_nothing(runtime: Runtime) -> None:
    """No run can have written artifacts for it; its rows go."""
    for number in range(2):
        runtime.store.put(verdict(number, champion="../.."), sample_results(), report=None, run={})
    keeping = Keeping(timedelta(hours=1), timedelta(hours=1))
    assert tidy_windows(runtime, keeping, now=later())["drift"] == 1


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, Keeping()),
        ({"MONITORING_KEEP_RESULTS": "", "MONITORING_KEEP_VERDICTS": "90d"}, Keeping(verdicts=timedelta(days=90))),
        ({"MONITORING_KEEP_RESULTS": "12h"}, Keeping(results=timedelta(hours=12))),
    ],
)
def test_how_long_is_said_by_the_environment(environment: dict[str, str], expected: Keeping) -> None:
    """What is not said is as by default."""
    assert Keeping.of(environment) == expected


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"MONITORING_KEEP_RESULTS": "35"}, "MONITORING_KEEP_RESULTS: '35' is not a length of time: write a count and"),
        ({"MONITORING_KEEP_VERDICTS": "0d"}, "MONITORING_KEEP_VERDICTS: '0d' is not"),
        ({"MONITORING_KEEP_VERDICTS": "30d"}, "MONITORING_KEEP_VERDICTS is 30d and MONITORING_KEEP_RESULTS 35d: a"),
    ],
)
def test_a_length_of_time_that_cannot_be(environment: dict[str, str], told: str) -> None:
    """It is refused before anything is deleted, with the variable's name."""
    with pytest.raises(ConfigurationError) as refused:
        Keeping.of(environment)
    assert told in str(refused.value)
