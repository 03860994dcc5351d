"""The services of docker-compose.yaml, running, with a small monitor."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path

import pytest

from demo.rest import Rest
from deploy.new_env import fresh
from tests.deploy.compose import Service, read_env
from tests.deploy.machine import PATIENCE, ROOT, Machine, install
from tests.production import FIRST_DAY, Production


@dataclass
class Deployment:
    """Running services, and how to reach them."""

    machine: Machine

    @property
    def url(self) -> str:
        """Address of Airflow."""
        return self.machine.environment["BASE_URL"]

    @cached_property
    def rest(self) -> Rest:
        """Airflow's API as the administrator."""
        return Rest(self.url, "admin", self.machine.environment["ADMIN_PASSWORD"])

    def service(self, name: str) -> Service:
        """A service of the file."""
        return self.machine.compose.services[name]


@pytest.fixture(scope="session", name="image")
def _image() -> Iterator[Path]:
    """An interpreter with what the image has; users other than this one may look into its folder."""
    folder = Path(tempfile.mkdtemp(prefix="monitoring-deploy-"))
    yield install(folder / "venv")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", name="include")
def _include(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder `include` of a user: ours, with a small monitor in the place of the demonstration's."""
    include = tmp_path_factory.mktemp("project") / "include"
    shutil.copytree(ROOT / "include", include, ignore=shutil.ignore_patterns("pipelines", "flight_delay.yaml"))
    Production(include / "monitors").write_days(FIRST_DAY, 2)
    return include


@pytest.fixture(scope="session", name="machine")
def _machine(image: Path, include: Path) -> Iterator[Machine]:
    """Nothing runs yet; the `.env` is that of `make env`, sized for tests, with the profile `observability`."""
    folder = Path(tempfile.mkdtemp(prefix="monitoring-deploy-"))
    machine = Machine(folder, include, image, read_env(fresh((ROOT / ".env.example").read_text())))
    port = str(machine.ports[8080])
    machine.environment |= {"PORT": port, "BASE_URL": f"http://127.0.0.1:{port}", "COMPOSE_PROFILES": "observability"}
    machine.environment |= {"API_WORKERS": "1", "PARALLELISM": "2", "WORKER_CONCURRENCY": "2"}
    try:
        yield machine
    finally:
        machine.down()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", name="deployment")
def _deployment(machine: Machine) -> Iterator[Deployment]:
    """Everything is up and healthy."""
    machine.up()
    deployment = Deployment(machine)
    with deployment.rest as rest:
        try:
            rest.wait_for_dags(["monitor_churn"], patience=PATIENCE)
        except TimeoutError as error:
            raise TimeoutError(f"{error}: {rest.import_errors()} {machine.log('dag-processor')[-3000:]}") from error
        yield deployment


WINDOW = {"start": f"{FIRST_DAY}T00:00:00Z", "end": f"{FIRST_DAY + timedelta(days=1)}T00:00:00Z"}
