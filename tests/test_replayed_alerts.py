"""Sixty live days, wiped and backfilled in any order by many runs at once: what would have been told is what was."""

from __future__ import annotations

import random
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from monitoring_tasks.alerts.telling import Occasion, would_have
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.runtime import Runtime, environment_runtime
from tests.airflow_home import ROOT
from tests.production import FIRST_DAY, YAML, Production, day
from tests.whole_run import judge

DAYS, RUNS = 60, 8
SMALL = YAML.replace("minimum_rows: 200", "minimum_rows: 100")


@pytest.fixture
def production(tmp_path: Path) -> Production:
    """Two months: a fault that comes and goes twice, a shift that stays for a while, a day that is lost, a thin one."""
    made = Production(tmp_path, yaml=SMALL)
    made.write_days(FIRST_DAY, DAYS, count=300)
    for number in (5, 6, 30):
        made.write(FIRST_DAY + timedelta(days=number), count=300, columns={"spend": [None, 1.0] * 150})
    for number in range(12, 20):
        made.write(FIRST_DAY + timedelta(days=number), count=300, shift=0.8 if number < 16 else 1.5)
    made.write(FIRST_DAY + timedelta(days=40), count=20)
    (tmp_path / "predictions" / f"day={FIRST_DAY + timedelta(days=50)}" / "part-0.parquet").unlink()
    return made


def home(folder: Path, name: str) -> dict[str, str]:
    """Settings of a store and artifacts of their own."""
    return {"MONITORING_HOME": str(folder / name)}


def hashes(runtime: Runtime, monitor: Monitor) -> list[bytes]:
    """The verdicts of all windows, to the byte."""
    return [stored.verdict.dumps() for stored in runtime.store.verdicts(monitor.name)]


@pytest.mark.timeout(600)
def test_a_shuffled_backfill_finds_what_live_runs_told(production: Production) -> None:
    """Equal verdicts, equal incidents, equal transitions, and not a letter."""
    monitor, windows = load_monitor(production.monitor_file), [day(number) for number in range(DAYS)]
    live = environment_runtime(home(production.folder, "live"))
    for window in windows:
        judge(monitor, live, window, occasion=Occasion(window.end + timedelta(minutes=7)))
    shuffled = random.Random(6).sample(windows, len(windows))
    shares = [[str(window) for window in shuffled[number::RUNS]] for number in range(RUNS)]
    wiped = home(production.folder, "wiped")
    command = [sys.executable, "-m", "tests.backfilling_process", str(production.monitor_file), *wiped.values()]
    runs = [subprocess.Popen([*command, *share], cwd=ROOT) for share in shares]
    assert [run.wait() for run in runs] == [0] * RUNS
    backfilled = environment_runtime(wiped)
    assert hashes(backfilled, monitor) == hashes(live, monitor)
    replayed = would_have(backfilled.store, [monitor])
    told = {incident.id: incident for incident in live.store.incidents()}
    assert {incident.id: incident for incident in replayed.incidents} == told
    assert {incident.cause.value for incident in replayed.incidents} >= {"data_quality", "drift", "no_data"}
    kept = [(each.incident, each.event, each.tick) for id in told for each in live.store.transitions(id)]
    changed = [(each.incident.id, each.event.value, each.tick) for each in replayed.changes if each.is_news]
    assert sorted(changed) == sorted(kept)
    assert live.store.letters() != []
    assert (backfilled.store.letters(), backfilled.store.incidents()) == ([], [])
