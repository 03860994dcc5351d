"""Reads docker-compose.yaml as Compose does: merges, variables, profiles, and the order in which services start."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

_VARIABLE = re.compile(r"\$(?:(?P<escaped>\$)|\{(?P<name>\w+)(?P<operator>:?[-?])?(?P<word>[^}]*)\}|(?P<plain>\w+))")


class Unset(ValueError):
    """A variable that the file requires has no value."""


@dataclass(frozen=True)
class Mount:
    """A volume of a service: a named one, or a folder beside the file when `source` begins with a dot."""

    source: str
    target: str
    read_only: bool

    @property
    def named(self) -> bool:
        """Whether it is a named volume."""
        return not self.source.startswith((".", "/"))


@dataclass(frozen=True)
class Dependency:
    """What a service waits for: `condition` as Compose names it; not `required`, it may be absent."""

    service: str
    condition: str
    required: bool


@dataclass(frozen=True)
class Service:
    """A service with all variables replaced; `raw` is what stands in the file, merged."""

    name: str
    raw: Mapping[str, Any]

    @property
    def command(self) -> list[str]:
        """Its command, a list in the file; empty when the image's own counts."""
        return [str(word) for word in self.raw.get("command", [])]

    @property
    def environment(self) -> dict[str, str]:
        """Its variables, a mapping in the file."""
        return {name: str(value) for name, value in self.raw.get("environment", {}).items()}

    @property
    def check(self) -> list[str]:
        """The command of its health check; empty without one."""
        kind, *words = self.raw.get("healthcheck", {}).get("test", ["NONE"])
        return {"CMD": words, "CMD-SHELL": ["sh", "-c", *words], "NONE": []}[kind]

    @property
    def mounts(self) -> list[Mount]:
        """Its volumes, in the short form."""
        parts = [volume.split(":") for volume in self.raw.get("volumes", [])]
        return [Mount(source, target, mode == ["ro"]) for source, target, *mode in parts]

    @property
    def ports(self) -> list[tuple[str, str, str]]:
        """Address, port of the host and port of the container of each published port."""
        return [tuple(port.rsplit(":", 2)) for port in self.raw.get("ports", [])]

    @property
    def secrets(self) -> list[str]:
        """Names of the secrets it gets as files."""
        return list(self.raw.get("secrets", []))

    @property
    def profiles(self) -> list[str]:
        """The profiles it belongs to; none: it always runs."""
        return list(self.raw.get("profiles", []))

    @property
    def runs_on(self) -> bool:
        """Whether it is there to stay, and not to do something once."""
        return bool(self.raw.get("restart") != "no")

    @property
    def dependencies(self) -> list[Dependency]:
        """What it waits for."""
        given = self.raw.get("depends_on", {}).items()
        return [Dependency(name, each["condition"], each.get("required", True)) for name, each in given]


@dataclass(frozen=True)
class Compose:
    """A Compose file with its variables replaced."""

    raw: Mapping[str, Any]
    services: Mapping[str, Service]
    environment: Mapping[str, str]

    @property
    def enabled(self) -> list[Service]:
        """The services of the profiles that `COMPOSE_PROFILES` names, each after those that it waits for."""
        chosen = set(self.environment.get("COMPOSE_PROFILES", "").split(","))
        wanted = [each for each in self.services.values() if not each.profiles or chosen & set(each.profiles)]
        return in_order({each.name: each for each in wanted})

    def secret(self, name: str) -> str:
        """Content of a secret."""
        return self.environment.get(self.raw["secrets"][name]["environment"], "")


def read_compose(file: Path, environment: Mapping[str, str]) -> Compose:
    """The file with the values of an `.env`. Raises `Unset` when a required variable has none."""
    raw = replaced(YAML(typ="safe", pure=True).load(file), environment)
    return Compose(raw, {name: Service(name, each) for name, each in raw["services"].items()}, environment)


def read_env(text: str) -> dict[str, str]:
    """The variables of an `.env` file without quotes and continuations."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def replaced(value: Any, environment: Mapping[str, str]) -> Any:
    """A value of the file with `${...}` replaced in all texts, keys excepted.

    >>> replaced(["${A:-1} ${B-2}$$C", {"x": 3}], {"A": "", "B": ""})
    ['1 $C', {'x': 3}]
    """
    if isinstance(value, Mapping):
        return {name: replaced(each, environment) for name, each in value.items()}
    if isinstance(value, str):
        return _VARIABLE.sub(lambda found: _value(found, environment), value)
    if isinstance(value, Sequence):
        return [replaced(each, environment) for each in value]
    return value


def _value(found: re.Match[str], environment: Mapping[str, str]) -> str:
    if found["escaped"]:
        return "$"
    name, operator = found["name"] or found["plain"], found["operator"] or ""
    value = environment.get(name)
    if value or (value is not None and not operator.startswith(":")):
        return value
    if operator.endswith("?"):
        raise Unset(f"{name} {found['word']}")
    return found["word"] or ""


def in_order(services: Mapping[str, Service]) -> list[Service]:
    """Services so that each comes after those it waits for. Raises `ValueError` for what is missing or goes round."""
    done: dict[str, Service] = {}
    while left := [each for each in services.values() if each.name not in done]:
        ready = [each for each in left if all(_settled(need, services, done) for need in each.dependencies)]
        if not ready:
            raise ValueError(f"these wait for each other, or for what is not there: {[each.name for each in left]}")
        done |= {each.name: each for each in ready}
    return list(done.values())


def _settled(need: Dependency, services: Mapping[str, Service], done: Mapping[str, Service]) -> bool:
    return need.service in done or (need.service not in services and not need.required)
