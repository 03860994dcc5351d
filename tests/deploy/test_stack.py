"""Every service of docker-compose.yaml that can run here, by its own command, environment and health check.

PostgreSQL comes from a wheel, Redis, Prometheus and Alertmanager from Debian, Airflow from the image's lock. Neither
Debian nor PyPI packages Grafana and Mailpit: of these the file alone is checked, by the specification's schema, and
nothing of theirs is run.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import httpx
import psycopg2
import pytest
from sqlalchemy import make_url

from demo.rest import Rest
from tests.deploy.compose import read_env
from tests.deploy.conftest import WINDOW, Deployment
from tests.deploy.machine import NOT_HERE, ROOT, Machine

pytestmark = [pytest.mark.xdist_group("deploy"), pytest.mark.timeout(900)]


@contextmanager
def login(url: str, user: str, password: str) -> Iterator[httpx.Client]:
    """A browser that has sent the login form, or tried to."""
    with httpx.Client(base_url=url, follow_redirects=True, timeout=30) as browser:
        form = browser.get("/auth/login/")
        [token] = re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', form.text)
        browser.post("/auth/login/", data={"csrf_token": token, "username": user, "password": password})
        yield browser


def test_placeholders_are_refused_before_anything_starts(machine: Machine) -> None:
    """In production `init` ends with an error that names the variables, before it asks a database for anything."""
    example = read_env((ROOT / ".env.example").read_text())
    given = machine.environment | {name: example[name] for name in ("JWT_SECRET", "POSTGRES_PASSWORD")}
    refused = Machine(machine.folder / "refused", machine.include, machine.python, given)
    refused.folder.mkdir()
    assert refused.run(refused.compose.services["init"]) == 1
    said = refused.log("init").splitlines()
    assert [line.split()[1] for line in said[:-1]] == ["JWT_SECRET", "POSTGRES_PASSWORD"]
    assert example["JWT_SECRET"] not in refused.log("init")


@pytest.fixture(scope="module", name="demonstration")
def _demonstration(machine: Machine) -> Machine:
    """The same deployment for whoever leaves the monitors of this repository as they are; only `demo-data` has run."""
    demo = Machine(machine.folder / "demo", ROOT / "include", machine.python, machine.environment, machine.ports)
    demo.folder.mkdir()
    assert demo.run(demo.compose.services["demo-data"]) == 0, demo.log("demo-data")[-1500:]
    return demo


def test_the_profile_demo_makes_champion_and_production(demonstration: Machine) -> None:
    """In the volume, by what the image has."""
    made = {each.name for each in (demonstration.folder / "volumes" / "demo").iterdir()}
    assert made == {"dvc-remote", "flight_delay", "flight_delay.git", "production"}


def test_every_service_is_healthy(deployment: Deployment) -> None:
    """All are up, which takes that each one's health check passed, and `init` ended well.

    Only what no package brings is not run.
    """
    machine = deployment.machine
    assert {each.name for each in machine.compose.enabled} - set(machine.running) == NOT_HERE
    ended = {name for name, process in machine.running.items() if process.poll() is not None}
    assert ended == {"init"}


def test_a_stopped_service_is_unhealthy(deployment: Deployment) -> None:
    """The checks are no formality: they fail once nothing answers, and pass when the service is back.

    `init` runs again as well, and finds all done.
    """
    machine = deployment.machine
    machine.stop("alertmanager", "prometheus")
    for name in ("alertmanager", "prometheus"):
        assert not machine.healthy(deployment.service(name))
    machine.up()
    assert machine.healthy(deployment.service("prometheus"))
    assert "administrator.kept name=admin" in machine.log("init")


def test_people_log_in_by_the_form(deployment: Deployment) -> None:
    """The administrator that `init` made sees the monitoring pages; a wrong password and nobody do not."""
    with login(deployment.url, "admin", deployment.machine.environment["ADMIN_PASSWORD"]) as browser:
        assert browser.get("/monitoring/").status_code == 200
    with login(deployment.url, "admin", "wrong") as browser:
        assert browser.get("/monitoring/").status_code == 401
    assert httpx.get(f"{deployment.url}/monitoring/").status_code == 401


def test_roles_count(deployment: Deployment) -> None:
    """A user with the role Viewer reads the pages and DAGs, and starts nothing."""
    person = {"username": "ada", "first_name": "Ada", "last_name": "L", "email": "ada@example.org"}
    more = {"password": "viewer-viewer", "roles": [{"name": "Viewer"}]}
    made = deployment.rest.client.post("/auth/fab/v1/users", json=person | more)
    assert made.status_code in (200, 201), made.text
    with Rest(deployment.url, "ada", "viewer-viewer") as ada:
        assert ada.client.get("/monitoring/").status_code == 200
        assert ada.get("dags/monitor_churn")["dag_id"] == "monitor_churn"
        body = {"logical_date": None, "conf": {}}
        assert ada.client.post("/api/v2/dags/monitor_churn/dagRuns", json=body).status_code == 403


def test_a_monitor_runs(deployment: Deployment) -> None:
    """A window is judged by LocalExecutor; verdict, report and log are where the API server finds them."""
    verdict = judged(deployment, "by_hand")
    assert verdict["outcome"] == "healthy"
    [link] = {
        link
        for task in ("suites", "verdict")
        for link in deployment.rest.get(f"dags/monitor_churn/dagRuns/by_hand/taskInstances/{task}/links")[
            "extra_links"
        ].values()
        if link and "/report/" in link
    }
    assert deployment.rest.client.get(link).status_code == 200
    story = "\n".join(str(event["event"]) for event in deployment.rest.task_log("monitor_churn", "by_hand", "verdict"))
    assert "churn: HEALTHY" in story


def judged(deployment: Deployment, run: str) -> dict[str, Any]:
    """The verdict of a run that is started by hand and succeeds."""
    deployment.rest.trigger("monitor_churn", run, WINDOW)
    assert deployment.rest.wait_for_run("monitor_churn", run) == "success"
    return dict(deployment.rest.xcom("monitor_churn", run, "verdict"))


def test_results_are_in_a_database_of_their_own(deployment: Deployment) -> None:
    """The store's role can read results, and not Airflow's database."""
    variables = deployment.machine.variables(deployment.service("scheduler"))
    store = make_url(variables["MONITORING_STORE"]).set(drivername="postgresql")
    with (
        closing(psycopg2.connect(store.render_as_string(hide_password=False))) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'")
        assert (cursor.fetchone() or [0])[0] > 0
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        psycopg2.connect(store.set(database="airflow").render_as_string(hide_password=False))


def test_metrics_need_the_token(deployment: Deployment) -> None:
    """The scrape token opens the metrics, and nothing else does but a login."""
    token = deployment.machine.environment["MONITORING_SCRAPE_TOKEN"]
    answer = httpx.get(f"{deployment.url}/monitoring/metrics", headers={"Authorization": f"Bearer {token}"}, timeout=30)
    assert answer.status_code == 200
    assert "monitor_churn" in answer.text or 'churn"' in answer.text
    assert httpx.get(f"{deployment.url}/monitoring/metrics").status_code == 401


def test_prometheus_scrapes_and_knows_alertmanager(deployment: Deployment) -> None:
    """With the token from its secret, by the addresses of the configuration."""
    prometheus = f"http://127.0.0.1:{deployment.machine.ports[9090]}/api/v1"
    seen = eventually(lambda: scraped(f"{prometheus}/targets"))
    assert seen, httpx.get(f"{prometheus}/targets").text
    managers = httpx.get(f"{prometheus}/alertmanagers").json()["data"]["activeAlertmanagers"]
    assert [each["url"] for each in managers] == [f"http://127.0.0.1:{deployment.machine.ports[9093]}/api/v2/alerts"]


def scraped(url: str) -> bool:
    """Whether the API server is a target that answered."""
    targets = httpx.get(url).json()["data"]["activeTargets"]
    return any(each["scrapeUrl"].endswith("/monitoring/metrics") and each["health"] == "up" for each in targets)


def eventually(check: Any, *, patience: float = 90) -> Any:
    """What `check` returns once it is true."""
    end = time.monotonic() + patience
    while not (found := check()) and time.monotonic() < end:
        time.sleep(1)
    return found


def test_the_demonstration_is_where_its_monitor_looks(deployment: Deployment, demonstration: Machine) -> None:
    """A week of it is judged beside the scheduler, against the champion's reference."""
    scheduler = demonstration.compose.services["scheduler"]
    demonstration.lay_out(scheduler)
    check = ["monitoring", "check", "flight_delay", "--start", "2013-06-04", "--end", "2013-06-11"]
    assert demonstration.execute(scheduler, check, log="check") in (0, 1), demonstration.log("check")
    assert "flight_delay" in demonstration.log("check")


def test_a_celery_worker_runs_a_monitor(deployment: Deployment) -> None:
    """With both lines changed in .env, `docker compose up` brings Redis and a worker, and the worker runs the tasks."""
    machine = deployment.machine
    machine.environment |= {"COMPOSE_PROFILES": "celery", "AIRFLOW_EXECUTOR": "CeleryExecutor"}
    machine.up()
    assert {"redis", "worker"} <= set(machine.running)
    assert judged(deployment, "by_celery")["outcome"] == "healthy"
    assert "succeeded" in machine.log("worker")
    assert "by_celery" not in machine.log("scheduler") or "CeleryExecutor" in machine.log("scheduler")
