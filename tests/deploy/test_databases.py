"""Roles and databases of a deployment, in a PostgreSQL that asks for passwords."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from demo.stack import free_port, stop_group
from deploy.databases import make_database
from deploy.new_env import fresh
from tests.deploy import postgres
from tests.deploy.compose import read_env

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.xdist_group("deploy")


@pytest.fixture(scope="module", name="server")
def _server() -> Iterator[str]:
    """URL of the superuser of a fresh cluster that logs every statement."""
    folder, port = Path(tempfile.mkdtemp(prefix="monitoring-deploy-")), free_port()
    command = postgres.server(
        [str(postgres.programs() / "postgres"), "-c", "log_statement=all"],
        folder / "postgres",
        port=port,
        password="of-the-superuser",
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    try:
        url = f"postgresql://postgres:of-the-superuser@127.0.0.1:{port}/postgres"
        until_it_answers(url)
        yield url
        assert "of-monitoring" not in (folder / "log").read_text()
    finally:
        stop_group(process)
        shutil.rmtree(folder, ignore_errors=True)


def until_it_answers(url: str) -> None:
    """Return when somebody may connect."""
    for _ in range(200):
        try:
            return psycopg2.connect(url).close()
        except psycopg2.OperationalError:
            time.sleep(0.1)
    raise TimeoutError("PostgreSQL did not start in 20 s")


def of(server: str, name: str, password: str, *, database: str | None = None) -> str:
    """URL of a role."""
    return f"postgresql://{name}:{password}@{server.rpartition('@')[2].rpartition('/')[0]}/{database or name}"


def test_a_role_has_its_database_and_no_other(server: str) -> None:
    """It makes tables in its own; of another's it may not even connect; and the password never reached the log."""
    make_database(server, "monitoring", "of-monitoring")
    make_database(server, "airflow", "of-airflow")
    with closing(psycopg2.connect(of(server, "monitoring", "of-monitoring"))) as connection:
        connection.cursor().execute("CREATE TABLE kept (x int)")
        connection.commit()
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        psycopg2.connect(of(server, "monitoring", "of-monitoring", database="airflow"))
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(of(server, "monitoring", "of-airflow"))


def test_again_changes_the_password_and_keeps_the_data(server: str) -> None:
    """Editing `.env` and starting again is how a password is changed."""
    make_database(server, "kept", "of-monitoring-old")
    with closing(psycopg2.connect(of(server, "kept", "of-monitoring-old"))) as connection:
        connection.cursor().execute("CREATE TABLE there (x int)")
        connection.commit()
    make_database(server, "kept", "of-monitoring-new")
    with closing(psycopg2.connect(of(server, "kept", "of-monitoring-new"))) as connection:
        connection.cursor().execute("SELECT * FROM there")
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(of(server, "kept", "of-monitoring-old"))


def test_a_name_is_never_a_statement(server: str) -> None:
    """Whatever a name or a password contains, it is one."""
    make_database(server, 'odd"; DROP DATABASE monitoring; --', "of-monitoring'; --")
    with closing(psycopg2.connect(server)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_database WHERE datname LIKE 'odd%'")
        assert cursor.fetchone() == (1,)


def test_what_fails_ends_with_a_sentence(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A superuser's password that is not the volume's, and a migration that fails, end `init`; settings come first."""
    example = (ROOT / ".env.example").read_text()
    for name, value in (read_env(fresh(example)) | {"POSTGRES_URL": server}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert said(monkeypatch, "POSTGRES_PASSWORD", read_env(fresh(example))["POSTGRES_PASSWORD"]) == "databases.failed"
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql+psycopg2://nobody@127.0.0.1:9/nowhere")
    assert said(monkeypatch, "POSTGRES_PASSWORD", "of-the-superuser") == "migration.failed"
    assert said(monkeypatch, "JWT_SECRET", "short") == "refused:"


def said(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> str:
    """First word of the line that says why `init` ended with 1, with one setting changed."""
    monkeypatch.setenv(name, value)
    done = subprocess.run(
        [sys.executable, "-m", "deploy.prepare"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert value not in done.stderr
    [line] = [
        line for line in done.stderr.splitlines() if line.startswith(("databases.failed", "migration.", "refused"))
    ]
    return line.split()[0]
