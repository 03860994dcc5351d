"""The examples are no monitors where they are, and each is one where it is copied to."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from demo.worlds.answers import moment
from demo.worlds.llm_faults import log_of
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.monitor_file import load_monitor, monitor_files
from tests.airflow_home import HOME, ROOT
from tests.orchestration.conftest import Run

pytestmark = pytest.mark.xdist_group("airflow")
EXAMPLES = ROOT / "include" / "monitors" / "examples"
NEXT_DAY = date(2026, 3, 17)
"""A run at its first moment judges the last hour of the day before."""


@pytest.fixture
def copied(monitors: Path, tmp_path: Path) -> Path:
    """The example of answers, copied into a folder of monitors, with rows where it then says that they are."""
    text = (EXAMPLES / "llm_answers.yaml").read_text(encoding="utf-8")
    (monitors / "llm_answers.yaml").write_text(text.replace("../../../.demo/llm", str(tmp_path / "llm")))
    (tmp_path / "llm").mkdir()
    ordinary = [log_of(hour) for hour in range(24 * 9, 24 * 14)]
    pq.write_table(pa.concat_tables(ordinary), tmp_path / "llm" / "reference.parquet")
    for hour in range(24 * 14, 24 * 15):
        folder = tmp_path / "llm" / "answers" / f"hour={moment(hour):%Y-%m-%dT%H}"
        folder.mkdir(parents=True)
        pq.write_table(log_of(hour), folder / "part-0.parquet")
    return monitors


def test_a_copied_example_is_a_monitor(copied: Path, run_dag: Callable[..., Run]) -> None:
    """Its DAG is made by the copy alone, and judges an hour of answers as healthy."""
    run = run_dag(NEXT_DAY, name="monitor_llm_answers")
    assert run.state == "success"
    subject = run.returned["window"]
    assert subject["window"] == {"start": "2026-03-16T23:00:00Z", "end": "2026-03-17T00:00:00Z"}
    assert run.returned["verdict"]["outcome"] == "healthy", run.returned["verdict"]["reasons"]
    assert run.returned["profile"]["rows"] > 200
    assert run.tasks["all_clear"] == "success"


def test_an_example_is_no_monitor_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder of monitors is read without those below it."""
    from airflow.dag_processing.dagbag import DagBag

    monkeypatch.setenv("MONITORING_MONITORS", str(ROOT / "include" / "monitors"))
    found = DagBag(HOME / "dags")
    assert found.import_errors == {}
    assert "monitor_flight_delay" in found.dags
    assert not [name for name in found.dags if "llm" in name or "fraud" in name]


def test_every_example_is_valid_and_says_who_it_is() -> None:
    """Whoever copies one reads what it is for."""
    files = monitor_files(EXAMPLES)
    assert {file.stem for file in files} >= {"llm_answers"}
    for file in files:
        assert load_monitor(file).description


COMMENTED = re.compile(rf"^# (?:{'|'.join(Monitor.model_fields)}):.*\n(?:#   .*\n)*", re.MULTILINE)


def test_what_an_example_leaves_commented_out_is_valid(tmp_path: Path) -> None:
    """Whoever takes the marks away has a monitor with these sections, one by one and all together."""
    text = (EXAMPLES / "llm_answers.yaml").read_text(encoding="utf-8")
    found = COMMENTED.findall(text)
    assert [each.split(":")[0] for each in found] == ["# features", "# alerts", "# segments", "# segment_rows"]
    copy = tmp_path / "llm_answers.yaml"
    for taken in (*([each] for each in found), found):
        plain = text
        for each in taken:
            plain = plain.replace(each, re.sub("^# ", "", each, flags=re.MULTILINE))
        copy.write_text(plain, encoding="utf-8")
        monitor = load_monitor(copy)
    assert (monitor.features["seconds"].range, list(monitor.alerts.channels)) == ((0, 120), ["oncall"])
    assert (monitor.segments, monitor.segment_rows) == ((("route",), ("model",)), 100)
