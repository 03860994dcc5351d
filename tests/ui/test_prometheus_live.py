"""Prometheus and Alertmanager of Debian with the committed files, and Airflow's API server: once for real.

Changed in the copies that run are addresses, the folder of the secrets, and how long everything waits.
"""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn

from demo.stack import free_port, stop_group
from monitoring_tasks.runtime import Runtime
from tests.airflow_home import ROOT
from tests.deploy.tools import tool
from tests.ui.retraining_dags import retrainable, runs

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

__all__ = ["retrainable"]
pytestmark = [pytest.mark.xdist_group("airflow"), pytest.mark.timeout(300)]
FILES = ROOT / "include" / "prometheus"
SCRAPE, WEBHOOK = "scrape-0123456789abcdef", "webhook-0123456789abcdef"
HURRY = {
    r"scrape_interval: \w+": "scrape_interval: 2s",
    r"scrape_timeout: \w+": "scrape_timeout: 2s",
    r"evaluation_interval: \w+": "evaluation_interval: 1s",
    r"group_wait: \w+": "group_wait: 1s",
    r"group_interval: \w+": "group_interval: 2s",
    r"repeat_interval: \w+": "repeat_interval: 3s",
}


@dataclass
class Observed:
    """What runs, and what Slack was told."""

    prometheus: str
    alertmanager: str
    posts: list[dict[str, Any]] = field(default_factory=list)

    def query(self, expression: str) -> dict[str, float]:
        """The value of an expression by monitor."""
        found = httpx.get(f"{self.prometheus}/api/v1/query", params={"query": expression}).json()["data"]["result"]
        return {each["metric"].get("monitor", ""): float(each["value"][1]) for each in found}

    def firing(self) -> set[tuple[str, str]]:
        """Alerts that fire, with their monitors."""
        found = httpx.get(f"{self.prometheus}/api/v1/alerts").json()["data"]["alerts"]
        labels = [each["labels"] for each in found if each["state"] == "firing"]
        return {(each["alertname"], each.get("monitor", "")) for each in labels}

    def notified(self) -> int:
        """How often the webhook was told."""
        lines = httpx.get(f"{self.alertmanager}/metrics").text.splitlines()
        told = [line for line in lines if line.startswith('alertmanager_notifications_total{integration="webhook"')]
        failed = [
            line for line in lines if line.startswith('alertmanager_notifications_failed_total{integration="webhook"')
        ]
        assert sum(float(line.split()[-1]) for line in failed) == 0
        return int(sum(float(line.split()[-1]) for line in told))


@pytest.fixture
def observed(
    server: TestClient, retrainable: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Observed]:
    """Airflow's API server on the loopback, scraped and told by the two."""
    monkeypatch.setenv("MONITORING_SCRAPE_TOKEN", SCRAPE)
    monkeypatch.setenv("MONITORING_WEBHOOK_TOKEN", WEBHOOK)
    ports = {name: free_port() for name in ("api-server:8080", "prometheus:9090", "alertmanager:9093")}
    made = Observed(f"http://127.0.0.1:{ports['prometheus:9090']}", f"http://127.0.0.1:{ports['alertmanager:9093']}")
    with serving(server.app, ports["api-server:8080"]), slack(made.posts) as address:
        secrets = {"scrape_token": SCRAPE, "webhook_token": WEBHOOK, "slack_webhook_url": address}
        write(tmp_path, ports, {**secrets, "pagerduty_routing_key": "none"})
        with running(tmp_path, ports):
            wait(lambda: httpx.get(f"{made.prometheus}/-/ready").status_code == 200)
            yield made


def write(folder: Path, ports: dict[str, int], secrets: dict[str, str]) -> None:
    """The committed files with addresses of this machine, and in a hurry."""
    for name in ("prometheus.yml", "rules.yml", "alertmanager.yml"):
        text = (FILES / name).read_text().replace("/run/secrets", str(folder))
        for address, port in ports.items():
            text = text.replace(address, f"127.0.0.1:{port}")
        for usual, short in HURRY.items():
            text = re.sub(usual, short, text)
        (folder / name).write_text(text)
    for name, value in secrets.items():
        (folder / name).write_text(value)


@contextmanager
def running(folder: Path, ports: dict[str, int]) -> Iterator[None]:
    """Both programs, each in a process group of its own, ended with all its children."""
    commands = {
        "prometheus": [
            tool("prometheus"),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{ports['prometheus:9090']}",
        ],
        "alertmanager": [
            tool("prometheus-alertmanager"),
            f"--config.file={folder / 'alertmanager.yml'}",
            f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address=127.0.0.1:{ports['alertmanager:9093']}",
            "--cluster.listen-address=",
        ],
    }
    started: list[subprocess.Popen[bytes]] = []
    try:
        for name, command in commands.items():
            with (folder / f"{name}.log").open("wb") as log:
                made = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
            started.append(made)
        yield
    finally:
        for process in started:
            stop_group(process)


@contextmanager
def serving(app: Any, port: int) -> Iterator[None]:
    """An application on the loopback, in a thread."""
    made = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, lifespan="off", log_config=None))
    thread = threading.Thread(target=made.run)
    thread.start()
    wait(lambda: made.started)
    try:
        yield
    finally:
        made.should_exit = True
        thread.join(20)


@contextmanager
def slack(posts: list[dict[str, Any]]) -> Iterator[str]:
    """An address that takes what is posted there as Slack does."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posts.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as taking:
        thread = threading.Thread(target=taking.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{taking.server_address[1]}/services/slack"
        taking.shutdown()
        thread.join()


def wait(there: Callable[[], bool], seconds: float = 90.0) -> None:
    """Wait until something is so; an address that does not answer yet is not."""
    until = time.monotonic() + seconds
    while True:
        try:
            if there():
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < until, f"{there} was not so within {seconds:.0f} s"
        time.sleep(0.25)


def test_an_alert_becomes_a_run(observed: Observed, retrainable: Runtime) -> None:
    """Scraped by the token, a drop of the figures fires, the webhook makes one run, and another notice makes none."""
    wait(lambda: bool(observed.query("monitoring_scrape_duration_seconds")))
    scores = observed.query('monitoring_feature_drift_score{feature="age"}')
    assert scores == {
        head.subject.monitor: next(score.score for score in scores if score.column == "age")
        for head in retrainable.store.heads()
        for digest, scores in retrainable.store.scores([head.digest]).items()
        if head.subject.monitor != "spam"
    }
    wait(lambda: ("PerformanceDrop", "fraud") in observed.firing())
    wait(lambda: len(runs()) == 1)
    (run,) = runs()
    assert (run.dag_id, run.triggering_user_name) == ("retrain_fraud", "alertmanager")
    assert run.conf["reason"].startswith("alert PerformanceDrop since ")
    assert run.conf["window_end"] == "2013-04-10T00:00:00Z"
    first = observed.notified()
    wait(lambda: observed.notified() > first)
    assert [each.run_id for each in runs()] == [run.run_id]
    wait(lambda: "worse than in the champion's reference" in json.dumps(observed.posts))
    assert {post["channel"] for post in observed.posts} == {"#ml-monitoring"}
    firing = observed.firing()
    assert {("SevereFeatureDrift", "fraud"), ("TooFewRows", "spam")} <= firing
    assert not {name for name, monitor in firing if monitor == "churn"}
    assert "SevereFeatureDriftPersists" not in {name for name, _ in firing}
