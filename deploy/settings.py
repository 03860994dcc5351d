"""The settings of a deployment: which are missing, still those of the example, or too weak.

python -m deploy.settings    say what is wrong with the environment's; exit code 1 when something is

Values are never printed.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

STAGE = "MONITORING_STAGE"
STAGES = ("production", "development")
EXECUTORS = ("LocalExecutor", "CeleryExecutor")
PLACEHOLDER = "change-me"
"""What every secret of `.env.example` holds."""

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_LEAST_DIFFERENT = 8
_HINT = "`make env` writes a new .env, or: python -c 'import secrets; print(secrets.token_hex(32))'"


@dataclass(frozen=True)
class Secret:
    """A secret of `.env`: its least length, and whether it becomes part of a URL, where few characters may stand."""

    name: str
    least: int
    in_url: bool = False


FERNET = Secret("FERNET_KEY", 44)
SECRETS = (
    FERNET,
    Secret("JWT_SECRET", 64),  # HS512 signs with a key of that size
    Secret("API_SECRET_KEY", 32),
    Secret("POSTGRES_PASSWORD", 16, in_url=True),
    Secret("AIRFLOW_DB_PASSWORD", 16, in_url=True),
    Secret("MONITORING_DB_PASSWORD", 16, in_url=True),
    Secret("REDIS_PASSWORD", 16, in_url=True),
    Secret("ADMIN_PASSWORD", 12),
    Secret("GRAFANA_PASSWORD", 12),
    Secret("MONITORING_SCRAPE_TOKEN", 32),
    Secret("MONITORING_WEBHOOK_TOKEN", 32),
)


def problems(given: Mapping[str, str]) -> list[str]:
    """What is wrong with the settings of a deployment, a sentence each; empty when nothing is.

    Placeholders of the example pass at the stage `development` alone, which is refused where others can reach it.

    >>> problems({"MONITORING_STAGE": "test"})[0]
    'MONITORING_STAGE is neither production nor development: left out, it is production'
    """
    if _stage(given) not in STAGES:
        return [f"{STAGE} is neither {' nor '.join(STAGES)}: left out, it is production"]
    weak = [f"{secret.name} {fault}" for secret in SECRETS if (fault := _fault(secret, given))]
    return [*weak, *_repeated(given), *_placeholders(given), *_address(given), *_executor(given)]


def _stage(given: Mapping[str, str]) -> str:
    return given.get(STAGE) or STAGES[0]


def _fault(secret: Secret, given: Mapping[str, str]) -> str:
    value = given.get(secret.name, "")
    if not value:
        return "is missing or empty"
    if len(value) < secret.least:
        return f"has {len(value)} characters, at least {secret.least} are needed"
    if len(set(value)) < min(_LEAST_DIFFERENT, secret.least):
        return f"has fewer than {_LEAST_DIFFERENT} different characters"
    if secret.in_url and not re.fullmatch(r"[A-Za-z0-9_-]+", value):
        return "has other characters than letters, digits, - and _: it becomes part of a URL"
    if secret is FERNET and any(len(_decoded(key)) != 32 for key in value.split(",")):  # the new one and the old one
        return "is no Fernet key: 32 random bytes in URL-safe base64"
    return ""


def _decoded(value: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(value)
    except (binascii.Error, ValueError):
        return b""


def _repeated(given: Mapping[str, str]) -> Iterator[str]:
    """One secret that leaks must not open a second door."""
    first: dict[str, str] = {}
    for secret in SECRETS:
        value = given.get(secret.name, "")
        if value and value in first:
            yield f"{secret.name} has the value of {first[value]}: every secret needs one of its own"
        first.setdefault(value, secret.name)


def _placeholders(given: Mapping[str, str]) -> Iterator[str]:
    if _stage(given) == "development":
        return
    for secret in SECRETS:
        value = given.get(secret.name, "")
        if PLACEHOLDER in value or any(PLACEHOLDER.encode() in _decoded(part) for part in value.split(",")):
            yield f"{secret.name} is the example's: that is for {STAGE}=development alone"


def _address(given: Mapping[str, str]) -> Iterator[str]:
    """Placeholders stay on this machine; passwords and tokens do not leave it in clear text."""
    url = urlsplit(given.get("BASE_URL", ""))
    if url.scheme not in ("http", "https") or not url.hostname:
        yield "BASE_URL is no address: write it like https://airflow.example.org"
    elif _stage(given) == "development" and not {url.hostname, given.get("BIND", "127.0.0.1")} <= _LOOPBACK:
        yield f"{STAGE}=development is for this machine alone: BASE_URL and BIND must be those of the loopback"
    elif url.scheme == "http" and url.hostname not in _LOOPBACK:
        yield "BASE_URL is http: people log in there, so put a proxy with TLS in front and write its https address"


def _executor(given: Mapping[str, str]) -> Iterator[str]:
    """Tasks that no worker takes wait for ever, and nothing fails."""
    executor, profiles = given.get("AIRFLOW_EXECUTOR", ""), given.get("COMPOSE_PROFILES", "").split(",")
    if executor not in EXECUTORS:
        yield f"AIRFLOW_EXECUTOR is neither {' nor '.join(EXECUTORS)}"
    elif (executor == "CeleryExecutor") != ("celery" in profiles):
        yield "AIRFLOW_EXECUTOR=CeleryExecutor and `celery` in COMPOSE_PROFILES go together: in .env, both or none"


def main() -> int:
    """Exit code of the command: 0, or 1 when the settings are refused."""
    found = problems(os.environ)
    for sentence in found:
        print(f"refused: {sentence}", file=sys.stderr)  # noqa: T201
    if found:
        print(f"Nothing was started. Mend .env: {_HINT}", file=sys.stderr)  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
