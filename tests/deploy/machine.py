"""Runs the services of docker-compose.yaml as processes, each as near to its container as can be without an engine.

A service gets the command, the variables, the volumes and the secrets of the file, the image's variables and files as
the Dockerfile says, Python from an environment that is installed as the image's is, and nothing of the caller's
environment. It starts when what it waits for is there, by its own health check. Changed are: addresses (names of
services become the loopback, ports become free ones) and paths (a container's folders lie in a folder of the test).
Users, capabilities, networks and limits are not exercised.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from demo.stack import free_port, stop_group
from tests.deploy import postgres
from tests.deploy.compose import Compose, Service, read_compose

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yaml"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PORTS = (5432, 6379, 8080, 8974, 9090, 9093)
"""Where containers listen, each once in the file: all can be on one machine."""

NOT_HERE = frozenset({"grafana", "mailpit"})
"""Services that no package of Debian's or Python's brings: the file alone is checked."""

ENTRYPOINTS: Mapping[str, Sequence[str]] = {
    "prometheus": ["prometheus"],
    "alertmanager": ["prometheus-alertmanager"],
}
"""What the images of others run before the service's command."""

FOLDERS = ("opt/airflow", "run/secrets", "etc/prometheus", "etc/alertmanager", "prometheus", "alertmanager", "data")
PATIENCE = 240.0


@dataclass
class Machine:
    """The services of the file on this machine, in `folder`; `include` is what lies beside the file under that name.

    `ports` says where a port of a container is here. `environment` is the `.env`.
    """

    folder: Path
    include: Path
    python: Path
    environment: dict[str, str]
    ports: Mapping[int, int] = field(default_factory=lambda: {port: free_port() for port in PORTS})
    say: Callable[[str], None] = print

    def __post_init__(self) -> None:
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self._made: dict[str, Service] = {}

    @property
    def compose(self) -> Compose:
        """The file with the `.env` as it is now."""
        return read_compose(FILE, self.environment)

    @property
    def services(self) -> list[Service]:
        """The enabled services that can run here, in their order."""
        return [each for each in self.compose.enabled if each.name not in NOT_HERE]

    def up(self) -> None:
        """Start what is enabled and does not run, and start again what the `.env` changed, as `docker compose up -d`.

        Raises `RuntimeError` when a service ends that should not, `TimeoutError` when one does not become healthy.
        """
        self.stop(*(each.name for each in self.services if self._made.get(each.name, each) != each))
        started = [each for each in self.services if each.name not in self.running or not each.runs_on]
        for service in started:
            self._wait(service)
            self._start(service)
        for service in started:
            self.wait_until(service, "service_healthy" if service.runs_on else "service_completed_successfully")

    def down(self) -> None:
        """Stop everything, what others need the last."""
        self.stop(*(name for name in self.running if name not in ("postgres", "redis")))
        self.stop(*self.running)

    def stop(self, *names: str) -> None:
        """Stop services, those that run, at once."""
        ending = [self.running.pop(name) for name in names if name in self.running]
        with ThreadPoolExecutor(max_workers=max(1, len(ending))) as pool:
            list(pool.map(stop_group, ending))

    def run(self, service: Service) -> int:
        """Run a service that ends, and return its exit code."""
        self._start(service)
        return self.running[service.name].wait(PATIENCE)

    def healthy(self, service: Service) -> bool:
        """Whether the service's own health check passes, in a minute: the file's limits are for a quiet machine."""
        try:
            return self.execute(service, service.check, log=f"{service.name}.health", patience=60) == 0
        except subprocess.TimeoutExpired:
            return False

    def execute(self, service: Service, command: Sequence[str], *, log: str, patience: float = PATIENCE) -> int:
        """Run a command beside a service, as `docker compose exec` does, and return its exit code."""
        with self.log_path(log).open("wb") as file:
            done = subprocess.run(
                self._words(service, command),
                cwd=self._home(service),
                env=self.variables(service),
                stdout=file,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=patience,
            )
        return done.returncode

    def wait_until(self, service: Service, condition: str) -> None:
        """Return when a service has started, is healthy, or has ended well, as Compose calls these conditions."""
        process, end = self.running[service.name], time.monotonic() + PATIENCE
        while time.monotonic() < end:
            code = process.poll()
            if condition == "service_completed_successfully" and code == 0:
                return
            if code is not None:
                raise RuntimeError(f"{service.name} ended with {code}:\n{self.log(service.name)[-1500:]}")
            if condition == "service_started" or (condition == "service_healthy" and self.healthy(service)):
                return
            time.sleep(0.5)
        said = f"{self.log(f'{service.name}.health')[-500:]}\n{self.log(service.name)[-1500:]}"
        raise TimeoutError(f"{service.name} is not {condition} after {PATIENCE:.0f} s:\n{said}")

    def log(self, name: str) -> str:
        """What a service has written so far."""
        return self.log_path(name).read_text(errors="replace")

    def log_path(self, name: str) -> Path:
        """File of what a service writes."""
        return self.folder / f"{name}.log"

    def variables(self, service: Service) -> dict[str, str]:
        """The environment of a service's processes: the image's, the service's, and what an engine adds."""
        image = self._image_variables() if "build" in service.raw else {"PATH": _PATH}
        given = {**image, "HOSTNAME": socket.gethostname(), "LANG": "C.UTF-8", **service.environment}
        return {name: self.moved(value, service) for name, value in given.items()}

    def moved(self, text: str, service: Service) -> str:
        """A text of the file with the addresses and paths of this machine."""
        numbers = "|".join(map(str, self.ports))
        text = re.sub(rf"\b({'|'.join(self.compose.services)})(?=:\d)", "127.0.0.1", text)
        text = re.sub(rf"(?<==):(?={numbers})", "127.0.0.1:", text).replace("0.0.0.0", "127.0.0.1")
        text = re.sub(rf"\b({numbers})\b", lambda found: str(self.ports[int(found[0])]), text)
        text = text.replace("/opt/venv", str(self.python.parents[1]))
        folders = "|".join(FOLDERS)
        return re.sub(rf"(?<![\w./:-])/({folders})(?=[/\s\"']|$)", rf"{self._root(service)}/\1", text)

    def _start(self, service: Service) -> None:
        self.say(f"{service.name}: {' '.join(service.command)[:60]!r}")
        self.lay_out(service)
        with self.log_path(service.name).open("wb") as log:
            self.running[service.name] = subprocess.Popen(
                self._words(service, self._command(service)),
                cwd=self._home(service),
                env=self.variables(service),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._made[service.name] = service

    def _wait(self, service: Service) -> None:
        known = {each.name: each for each in self.services}
        for need in service.dependencies:
            if need.service in known:
                self.wait_until(known[need.service], need.condition)

    def _command(self, service: Service) -> list[str]:
        if service.name != "postgres":
            return [*ENTRYPOINTS.get(service.name, []), *service.command]
        password = service.environment["POSTGRES_PASSWORD"]
        return postgres.server(service.command, self.folder / "postgres", port=self.ports[5432], password=password)

    def _words(self, service: Service, words: Sequence[str]) -> list[str]:
        program, *rest = [self.moved(word, service) for word in words]
        found = shutil.which(program, path=self.variables(service)["PATH"])
        if not found:
            raise FileNotFoundError(f"{service.name} needs {program}, which is not installed here: `make tools`")
        return [found, *rest]

    def _root(self, service: Service) -> Path:
        return self.folder / "containers" / service.name

    def _home(self, service: Service) -> Path:
        home = self._root(service) / "opt" / "airflow"
        return home if home.exists() else self._root(service)

    def lay_out(self, service: Service) -> None:
        """Make the file system of the container: the image's files, then volumes over them, then secrets."""
        root = self._root(service)
        shutil.rmtree(root, ignore_errors=True)
        (root / "run" / "secrets").mkdir(parents=True)
        if "build" in service.raw:
            for source in copied():
                shutil.copytree(ROOT / source, root / "opt" / "airflow" / source, ignore=_NO_CACHES)
        for mount in service.mounts:
            self._mount(service, mount.source, root / mount.target.removeprefix("/"))
        for name in service.secrets:
            (root / "run" / "secrets" / name).write_text(self.compose.secret(name))

    def _mount(self, service: Service, source: str, target: Path) -> None:
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not source.startswith("."):
            volume = self.folder / "volumes" / source
            volume.mkdir(parents=True, exist_ok=True)
            target.symlink_to(volume)
            return
        # Copied: by a symbolic link `..` would lead to where the folder is in truth.
        shutil.copytree(self.include / Path(source).relative_to("include"), target, ignore=_NO_CACHES)
        if "build" not in service.raw:  # configuration of another program, which names addresses and paths
            for file in target.rglob("*.y*ml"):
                file.write_text(self.moved(file.read_text(), service))

    def _image_variables(self) -> dict[str, str]:
        final = DOCKERFILE.rpartition("\nFROM ")[2]
        [block] = re.findall(r"(?m)^ENV ((?:.*\\\n)*.*)$", final)
        return dict(word.split("=", 1) for word in block.replace("\\\n", " ").split())


_PATH = f"{postgres.programs()}:/usr/local/bin:/usr/bin:/bin"
_NO_CACHES = shutil.ignore_patterns("__pycache__")


def copied() -> list[str]:
    """The folders that the Dockerfile copies into the image as they are."""
    final = DOCKERFILE.rpartition("\nFROM ")[2]
    return [source for source, target in re.findall(r"(?m)^COPY (\w+) (\w+)$", final) if source == target]


def install(folder: Path) -> Path:
    """A Python environment made by the commands of the Dockerfile; its interpreter.

    uv takes the packages from its cache, where `make` has put them: the image's lock is a part of the developers'. They
    are not compiled beforehand, which would take longer than what is saved by it here.
    """
    uv, python = str(Path(sys.executable).with_name("uv")), folder / "bin" / "python"
    here = {"/opt/venv/bin/python": str(python), "/opt/venv": str(folder), "/usr/local/bin/python": sys.executable}
    for program, *words in commands():
        if program.endswith("/uv"):
            told = [uv, *(here.get(word, word) for word in words), "--quiet"]
            subprocess.run(told, cwd=ROOT, check=True, capture_output=True)
    return python


def commands() -> list[list[str]]:
    """The commands of the Dockerfile's RUN lines, in order, as words."""
    runs = re.findall(r"(?m)^RUN ((?:.*\\\n)*.*)$", DOCKERFILE)
    return [command.split() for run in runs for command in run.replace("\\\n", " ").split("&&")]
