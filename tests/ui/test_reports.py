"""The pages of reports and comparisons inside Airflow's own API server: who may see it, and what it may do."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.orchestration.links import comparison_path, report_path
from monitoring_tasks.orchestration.runtime import airflow_runtime
from monitoring_tasks.retraining.names import comparison_key, run_slug
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.steps import open_window, profile_window, run_suites
from monitoring_tasks.window import Window
from tests.production import FIRST_DAY, Production
from tests.ui.server import headers

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

pytestmark = pytest.mark.xdist_group("airflow")
ANSWERS = {"nobody": 401, "stranger": 403, "viewer": 200, "user": 200, "admin": 200}


@pytest.fixture
def runtime(production: Production) -> Runtime:
    """The runtime that the server uses as well."""
    return airflow_runtime()


@pytest.fixture
def page(production: Production, runtime: Runtime) -> str:
    """Path of the report of the first of March; its verdict is not reached yet."""
    production.write(FIRST_DAY)
    monitor = load_monitor(production.monitor_file)
    subject = open_window(monitor, runtime, Window.parse("2013-03-01", "2013-03-02"))
    profile_window(monitor, runtime, subject)
    return report_path("monitor_churn", run_suites(monitor, runtime, subject)["report"])


@pytest.fixture
def compared(production: Production, runtime: Runtime) -> str:
    """Path of the comparison of one retraining."""
    slug = run_slug("manual__2013-03-02T00:00:00+00:00")
    runtime.artifacts.write("scripts/evidently-0.7.23.js", b"/* the script */")
    page = '<html><script src="../../../scripts/evidently-0.7.23.js"></script>challenger</html>'
    runtime.artifacts.write(comparison_key("churn", slug), page.encode())
    return comparison_path("retrain_churn", slug)


@pytest.mark.parametrize("role", ANSWERS)
def test_it_is_asked_who_it_is(server: TestClient, page: str, compared: str, role: str) -> None:
    """Nobody without access to the DAG gets anything but a refusal."""
    for path in (page, compared):
        assert server.get(path, headers=headers(role)).status_code == ANSWERS[role]


@pytest.mark.parametrize(
    ("owned", "answers"), [("retrain_churn", (403, 200)), ("monitor_churn", (200, 403)), ("other", (403, 403))]
)
def test_a_page_is_its_own_dags(
    server: TestClient, page: str, compared: str, monkeypatch: pytest.MonkeyPatch, owned: str, answers: tuple[int, int]
) -> None:
    """Who may see one DAG sees that DAG's pages and no other's: a comparison belongs to the retraining's DAG."""
    from airflow.api_fastapi.app import get_auth_manager

    def owns(self: object, *, details: Any = None, **_: object) -> bool:
        return details is not None and details.id == owned

    monkeypatch.setattr(type(get_auth_manager()), "is_authorized_dag", owns)
    given = tuple(server.get(path, headers=headers("viewer")).status_code for path in (page, compared))
    assert given == answers


def test_a_comparison_is_whole_and_alone(server: TestClient, page: str, compared: str) -> None:
    """The script is in the page, and it is confined as a report is."""
    answer = server.get(compared, headers=headers("viewer"))
    assert answer.text == "<html><script>/* the script */</script>challenger</html>"
    report = server.get(page, headers=headers("viewer"))
    for name in ("content-security-policy", "x-content-type-options", "referrer-policy", "cache-control"):
        assert answer.headers[name] == report.headers[name]


@pytest.mark.parametrize(
    "path",
    [
        f"retrain_churn/{run_slug('another run')}",
        f"monitor_churn/{run_slug('manual__2013-03-02T00:00:00+00:00')}",
        f"retrain_other/{run_slug('manual__2013-03-02T00:00:00+00:00')}",
        f"{quote('retrain_../x', safe='')}/{run_slug('a')}",
        "retrain_churn/manual__2013-03-02T00:00:00+00:00",
        f"retrain_churn/{quote('../../runs', safe='')}",
        f"retrain_churn/{quote('../churn/a-0a1b2c3d', safe='')}",
        "retrain_churn/%00",
        "retrain_churn/..",
        "retrain_churn/",
    ],
)
def test_what_the_gate_did_not_write_is_not_there(server: TestClient, compared: str, path: str) -> None:
    """Nothing but the slug of a run with a comparison, under its own DAG, is an address."""
    answer = server.get(f"/monitoring/comparison/{path}", headers=headers("admin"))
    assert answer.status_code == 404 or "<title>Airflow</title>" in answer.text
    assert "challenger" not in answer.text


def test_a_cookie_opens_the_page(server: TestClient, page: str) -> None:
    """A link of Airflow's UI is followed with the cookie of the signed-in person."""
    token = headers("viewer")["Authorization"].removeprefix("Bearer ")
    assert server.get(page, headers={"Cookie": f"_token={token}"}).status_code == 200


def test_the_page_is_alone(server: TestClient, page: str) -> None:
    """It has an origin of its own, loads nothing, and needs nothing: its script is in it."""
    answer = server.get(page, headers=headers("viewer"))
    policy = answer.headers["content-security-policy"]
    assert "sandbox allow-scripts" in policy
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "no-store" in answer.headers["cache-control"]
    assert "<script src" not in answer.text
    assert len(answer.text) > 1_000_000


SPAN = "2013-03-01T000000_2013-03-02T000000"


@pytest.mark.parametrize(
    "path",
    [
        f"monitor_churn/file-0/{SPAN}/{'0' * 16}",
        f"monitor_other/file-0/{SPAN}/{'0' * 16}",
        f"produce/file-0/{SPAN}/{'0' * 16}",
        "monitor_churn/file-0/2013-03-02T000000_2013-03-01T000000/0",
        "monitor_churn/file-0/2013-99-01T000000_2013-03-01T000000/0",
        "monitor_churn/file-0/yesterday/0",
        f"monitor_churn/{quote('../../..', safe='')}/{SPAN}/{quote('../results.db', safe='')}",
        f"monitor_churn/%00/{SPAN}/%00",
        f"monitor_churn/../{SPAN}/..",
        f"{quote('monitor_<script>', safe='')}/{quote('<script>', safe='')}/{SPAN}/0",
    ],
)
def test_what_the_store_does_not_know_is_not_there(server: TestClient, page: str, path: str) -> None:
    """No part of the address reaches the file system unless the results store knows the subject."""
    answer = server.get(f"/monitoring/report/{path}", headers=headers("admin"))
    # What climbs out of the prefix is Airflow's own: its page for unknown addresses.
    assert answer.status_code == 404 or "<title>Airflow</title>" in answer.text
    assert "<script>0" not in answer.text


def test_a_lost_artifact_is_told(server: TestClient, page: str, runtime: Runtime, production: Production) -> None:
    """Known to the store and gone from the artifacts: the answer says what to do."""
    for report in production.folder.parent.rglob("report.html"):
        report.unlink()
    answer = server.get(page, headers=headers("viewer"))
    assert answer.status_code == 404
    assert "judge the window again" in answer.json()["detail"]


def test_a_store_that_is_away_is_told(
    server: TestClient, page: str, production: Production, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is a temporary failure, without the password of the database."""
    monkeypatch.setenv("MONITORING_STORE", "postgresql+psycopg2://reader:secret@127.0.0.1:9/none")
    airflow_runtime.cache_clear()
    answer = server.get(page, headers=headers("viewer"))
    assert answer.status_code == 503
    assert "secret" not in answer.text


def test_the_plugin_is_light() -> None:
    """Every Airflow process loads the plugin; only the one that serves pages imports what they need."""
    heavy = {"evidently", "fastapi", "pandas", "pyarrow", "monitoring_tasks.store.database"}
    code = f"import sys, monitoring_tasks.ui.plugin; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_airflow_finds_the_plugin_once(airflow_database: None) -> None:
    """The plugins folder names it, and nothing goes wrong in loading it."""
    from airflow import plugins_manager

    names = [plugin["name"] for plugin in plugins_manager.get_plugin_info()]
    assert names.count("monitoring") == 1
    assert plugins_manager.get_import_errors() == {}
