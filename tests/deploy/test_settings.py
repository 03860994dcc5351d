"""Settings of a deployment are accepted or refused by name, and never shown."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.healthy import healthy
from deploy.new_env import fresh
from deploy.settings import SECRETS, problems
from tests.deploy.compose import read_env

ROOT = Path(__file__).parents[2]
EXAMPLE = read_env((ROOT / ".env.example").read_text())
GOOD = read_env(fresh((ROOT / ".env.example").read_text()))


def test_fresh_secrets_are_accepted() -> None:
    """What `make env` writes has no fault, in production."""
    assert GOOD["MONITORING_STAGE"] == "production"
    assert problems(GOOD) == []


def test_the_example_is_for_development_alone() -> None:
    """Its placeholders pass on the loopback in development; in production, which is the default, each is refused."""
    assert problems(EXAMPLE) == []
    for stage in ({"MONITORING_STAGE": "production"}, {"MONITORING_STAGE": ""}):
        found = problems({**EXAMPLE, **stage})
        assert [line.split()[0] for line in found] == [secret.name for secret in SECRETS]
        assert all("is the example's" in line for line in found)


@pytest.mark.parametrize("secret", SECRETS, ids=lambda secret: secret.name)
@pytest.mark.parametrize("stage", ["production", "development"])
def test_a_bad_secret_is_refused_at_every_stage(secret: object, stage: str) -> None:
    """Missing, empty, short, or one letter again and again: the variable is named, and only it."""
    name, least = secret.name, secret.least  # type: ignore[attr-defined]
    for value in ("", "x" * 7, "a" * least):
        [line] = problems({**GOOD, "MONITORING_STAGE": stage, name: value})
        assert line.startswith(name)
    [line] = problems({key: value for key, value in GOOD.items() if key != name})
    assert line == f"{name} is missing or empty"


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"MONITORING_STAGE": "prod"}, "MONITORING_STAGE is neither production nor development"),
        ({"API_SECRET_KEY": GOOD["JWT_SECRET"]}, "API_SECRET_KEY has the value of JWT_SECRET"),
        ({"REDIS_PASSWORD": "abcdefgh@ijklmnop/qrs"}, "REDIS_PASSWORD has other characters"),
        ({"FERNET_KEY": "abcdefghij" * 5}, "FERNET_KEY is no Fernet key"),
        ({"BASE_URL": "airflow.example.org"}, "BASE_URL is no address"),
        ({"BASE_URL": "http://airflow.example.org"}, "BASE_URL is http"),
        ({"AIRFLOW_EXECUTOR": "SequentialExecutor"}, "AIRFLOW_EXECUTOR is neither LocalExecutor nor CeleryExecutor"),
        ({"AIRFLOW_EXECUTOR": "CeleryExecutor"}, "AIRFLOW_EXECUTOR=CeleryExecutor and `celery` in COMPOSE_PROFILES"),
        ({"COMPOSE_PROFILES": "demo,celery"}, "AIRFLOW_EXECUTOR=CeleryExecutor and `celery` in COMPOSE_PROFILES"),
    ],
)
def test_what_does_not_go_together_is_refused(change: dict[str, str], found: str) -> None:
    """One sentence says which variable, and what would be right."""
    [line] = problems({**GOOD, **change})
    assert line.startswith(found)


def test_https_is_accepted_in_production() -> None:
    """Behind a proxy, at any address of this machine."""
    assert problems({**GOOD, "BASE_URL": "https://airflow.example.org/ml", "BIND": "10.0.0.7"}) == []


def test_a_fernet_key_may_be_followed_by_the_old_one() -> None:
    """As Airflow wants it while keys are changed; the example's is refused in either place."""
    other = read_env(fresh((ROOT / ".env.example").read_text()))["FERNET_KEY"]
    assert problems({**GOOD, "FERNET_KEY": f"{other},{GOOD['FERNET_KEY']}"}) == []
    [line] = problems({**GOOD, "FERNET_KEY": f"{other},{EXAMPLE['FERNET_KEY']}"})
    assert line.startswith("FERNET_KEY is the example's")


@pytest.mark.parametrize("change", [{"BASE_URL": "https://airflow.example.org"}, {"BIND": "0.0.0.0"}])
def test_development_does_not_leave_the_machine(change: dict[str, str]) -> None:
    """Placeholders are refused where others can reach them."""
    [line] = problems({**EXAMPLE, **change})
    assert "for this machine alone" in line


@given(st.dictionaries(st.sampled_from([secret.name for secret in SECRETS]), st.text(max_size=80).map("§".__add__)))
def test_no_value_is_ever_told(values: dict[str, str]) -> None:
    """Whatever the values are: their mark is in no sentence."""
    assert "§" not in " ".join(problems({**GOOD, **values}))


def test_the_command_names_the_variables() -> None:
    """`python -m deploy.settings` ends with 1, one line each, and shows no value."""
    environment = {**EXAMPLE, "MONITORING_STAGE": "production"}
    done = subprocess.run(
        [sys.executable, "-m", "deploy.settings"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert [line.split()[1] for line in lines[:-1]] == [secret.name for secret in SECRETS]
    assert lines[-1].startswith("Nothing was started. Mend .env: `make env`")
    assert not [secret for secret in SECRETS if EXAMPLE[secret.name] in done.stderr]


def test_nothing_that_answers_is_not_healthy() -> None:
    """A closed port is unhealthy, and another scheme than http is a mistake."""
    assert not healthy("http://127.0.0.1:9/")
    with pytest.raises(ValueError, match="is no http address"):
        healthy("file:///etc/passwd")
