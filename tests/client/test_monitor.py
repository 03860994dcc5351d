"""From a server's calls to a monitor's verdict, and the server of the docs as it is written."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_tasks.client import LabelLog, PredictionLog
from monitoring_tasks.data.connections import EnvironmentConnections
from monitoring_tasks.data.labelled import read_labelled
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.profile.profile import loads
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.steps import open_window, profile_window
from monitoring_tasks.window import Window
from tests.client.logs import rows_in

ROOT = Path(__file__).parents[2]
DAY = datetime(2013, 6, 3, tzinfo=UTC)
WEEK = Window(DAY, DAY + timedelta(days=7))


def serve(log: PredictionLog, days: range, seed: int) -> list[str]:
    """A thousand predictions spread over some days; gives their ids."""
    random, ids = np.random.default_rng(seed), []
    for number in range(1000):
        moment = DAY + timedelta(days=days[number % len(days)], minutes=number)
        ids.append(f"{seed}-{number}")
        features = {"distance": random.normal(700, 100), "carrier": str(random.choice(["UA", "AA", "DL"]))}
        log.append(ids[-1], float(random.uniform()), features, timestamp=moment)
    return ids


def settings(source: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What the YAML of a monitor of the log says."""
    return {
        "name": "served",
        "owner": "o",
        "task": "binary",
        "source": source,
        "reference": {"kind": "file", "path": "reference.parquet"},
        "timestamp": "timestamp",
        "prediction": "prediction",
        "id": "id",
        "schedule": "@weekly",
        "policy": "psi",
        "alarms": {"joint": False},
        **more,
    }


def test_a_monitor_reads_what_was_logged(tmp_path: Path, runtime: Runtime) -> None:
    """Every row of the week and every column of the reference of the same kind, each value as it is expected there."""
    with PredictionLog(tmp_path / "earlier") as log:
        serve(log, range(-28, 0), 1)
    pq.write_table(pa.Table.from_pylist(rows_in(tmp_path / "earlier")), tmp_path / "reference.parquet")
    with PredictionLog(tmp_path / "log") as log:
        serve(log, range(7), 2)
    (tmp_path / "served.yaml").write_text(json.dumps(settings({"path": "log", "partition": "day"})), encoding="utf-8")
    monitor = load_monitor(tmp_path / "served.yaml")
    written = profile_window(monitor, runtime, open_window(monitor, runtime, WEEK))["profile"]
    profile = loads((runtime.artifacts.read(written) or b"").decode())
    assert profile.rows == 1000
    assert set(profile.columns) == {"distance", "carrier", "prediction"}
    for column in profile.columns.values():
        assert (column.counts.sum(), column.null, column.absent, column.unusable) == (1000, 0, 0, 0)


@pytest.mark.parametrize("kind", ["files", "sqlite", "postgresql"])
def test_labels_meet_their_predictions(tmp_path: Path, kind: str, request: pytest.FixtureRequest) -> None:
    """Joined by id as known at a moment: a correction counts, a label taken back does not."""
    url = request.getfixturevalue("postgres_url") if kind == "postgresql" else f"sqlite:///{tmp_path}/log.db"
    known = DAY + timedelta(days=8)
    with PredictionLog(tmp_path / "predictions" if kind == "files" else url) as log:
        ids = serve(log, range(7), 3)
    with LabelLog(tmp_path / "labels" if kind == "files" else url) as log:
        log.extend({"id": id, "label": 0, "label_time": known} for id in ids[:100])
        log.append(ids[0], 1, known + timedelta(hours=1))
        log.append(ids[1], None, known + timedelta(hours=1))
    sources: dict[str, dict[str, Any]] = {
        name: {"path": name, "partition": "day"}
        if kind == "files"
        else {"kind": "sql", "connection": "served", "table": name}
        for name in ("predictions", "labels")
    }
    labels = {"source": sources["labels"], "column": "label", "timestamp": "label_time", "delay": "2d"}
    monitor = Monitor.model_validate(settings(sources["predictions"], labels=labels)).located(tmp_path)
    connections = EnvironmentConnections({"AIRFLOW_CONN_SERVED": url.replace("+psycopg2", "")})
    found = read_labelled(monitor, connections, WEEK, known_at=known + timedelta(days=1))
    assert (found.predictions, found.labelled, found.duplicates, found.orphans) == (1000, 99, 0, 0)
    by_id = dict(zip(found.rows["id"].to_pylist(), found.rows["label"].to_pylist(), strict=True))
    assert by_id[ids[0]] == 1
    assert ids[1] not in by_id


def test_the_server_of_the_docs_serves_and_logs(tmp_path: Path) -> None:
    """As it is written there, under uvicorn: a request is answered, and SIGTERM leaves its row in a file."""
    text = (ROOT / "docs" / "add-a-model.md").read_text(encoding="utf-8")
    [code] = [code for part in text.split("```python\n") if "PredictionLog(" in (code := part.split("```")[0])]
    (tmp_path / "served.py").write_text(code, encoding="utf-8")
    command = [sys.executable, "-m", "uvicorn", "served:app", "--port", "0", "--log-level", "info"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        said = next(line for line in server.stderr if "running on" in line)
        address = said.partition("running on ")[2].split()[0]
        body = json.dumps({"distance": 12.5, "carrier": "UA"}).encode()
        request = urllib.request.Request(
            f"{address}/predict/order-1", body, {"Content-Type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert json.load(answer) == {"score": 0.7}
        time.sleep(0.1)
        server.send_signal(signal.SIGTERM)
        server.stderr.read()
    (row,) = rows_in(tmp_path / "predictions")
    assert (row["id"], row["prediction"], row["distance"], row["carrier"]) == ("order-1", 0.7, 12.5, "UA")
    assert row["latency_ms"] >= 0
