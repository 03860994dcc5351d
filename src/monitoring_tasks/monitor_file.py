"""YAML files of monitors: reading them, and saying precisely what is wrong with one."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.constructor import ConstructorError, RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.redaction import redact

SUFFIXES = (".yaml", ".yml")


def monitor_files(folder: Path) -> list[Path]:
    """The monitors' YAML files of `folder`, sorted; sub-folders (examples) are not read."""
    if not folder.is_dir():
        raise ConfigurationError(f"{folder} is not a folder of monitors: create it or name another one")
    return sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES and not path.name.startswith("."))


def load_monitor(path: Path) -> Monitor:
    """The monitor of one YAML file; its relative paths start at the file's folder. Raises `ConfigurationError`.

    The error's text has one line per mistake: file, line, key, value found, what is allowed.
    """
    _refuse_twin(path)
    document = _read(path)
    _refuse_empty(path, document)
    try:
        monitor = Monitor.model_validate(_plain(document))
    except ValidationError as error:
        raise ConfigurationError("\n".join(_mistakes(path, document, error))) from error
    if monitor.name != path.stem:
        line = _line(document, ("name",))
        raise ConfigurationError(
            f"{path}:{line}: name: found {monitor.name!r}: write {path.stem!r}, or name the file {monitor.name}.yaml"
        )
    return monitor.located(path.parent)


def load_monitors(folder: Path) -> tuple[list[Monitor], list[str]]:
    """Every sound monitor of `folder`, by name, and the mistakes of the broken ones, a line each."""
    monitors, mistakes = [], []
    for path in monitor_files(folder):
        try:
            monitors.append(load_monitor(path))
        except ConfigurationError as error:
            mistakes.extend(str(error).splitlines())
    return monitors, mistakes


def find_monitor(folder: Path, name: str) -> Monitor:
    """The monitor called `name` in `folder`. Raises `ConfigurationError` naming those there are."""
    files = {path.stem: path for path in monitor_files(folder)}
    if name not in files:
        raise ConfigurationError(f"no monitor {name!r} in {folder}: there are {', '.join(files) or 'none'}")
    return load_monitor(files[name])


def _refuse_twin(path: Path) -> None:
    """Both files would claim one name; only they are refused, so that the other monitors of the folder go on."""
    for twin in (path.with_suffix(suffix) for suffix in SUFFIXES if suffix != path.suffix):
        if path.suffix in SUFFIXES and twin.is_file():
            raise ConfigurationError(f"{path}:1: {twin} is there as well: keep one of the two")


def _refuse_empty(path: Path, document: CommentedMap) -> None:
    """A section without a word in it would be none, and what it was written for silently off."""
    for key in ("performance", "retraining"):
        if key in document and document[key] is None:
            line = _line(document, (key,))
            raise ConfigurationError(f"{path}:{line}: {key}: found nothing: write `{key}: {{}}`, or remove the key")


class _MarkedConstructor(RoundTripConstructor):
    """The constructor of values whose every error knows its line; ruamel's own raises `ValueError` for 2013-13-01."""

    def construct_non_recursive_object(self, node: Any, tag: str | None = None) -> Any:
        try:
            return super().construct_non_recursive_object(node, tag)
        except ValueError as error:
            problem = f"found {_short(node.value)}: {error}"
            raise ConstructorError(problem=problem, problem_mark=node.start_mark) from error


def _read(path: Path) -> CommentedMap:
    yaml = YAML(typ="rt", pure=True)
    yaml.Constructor = _MarkedConstructor
    try:
        document = yaml.load(StringIO(path.read_text(encoding="utf-8")))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise ConfigurationError(f"{path}:{line}: not valid YAML: {error.problem or error.context}") from error
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise ConfigurationError(f"{path}:1: cannot be read: {error}") from error
    if not isinstance(document, CommentedMap):
        raise ConfigurationError(f"{path}:1: found {type(document).__name__}: write a mapping that starts with name:")
    return document


def _plain(node: Any) -> Any:
    """Plain Python values; ruamel's scalars carry formatting that strict validation refuses."""
    if hasattr(node, "items"):
        return {_plain(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return node


def _mistakes(path: Path, document: CommentedMap, error: ValidationError) -> list[str]:
    lines = []
    for mistake in error.errors(include_url=False):
        keys = _keys(document, mistake["loc"])
        dotted = ".".join(str(key) for key in keys) or "monitor"
        found = "" if mistake["type"] == "missing" else f" found {_short(mistake['input'])}:"
        lines.append(f"{path}:{_line(document, keys)}: {dotted}:{found} {_allowed(mistake)}")
    return lines


def _keys(document: Any, loc: Sequence[int | str]) -> list[int | str]:
    """The keys of the document on an error's way; pydantic also lists union tags, which are not in the file."""
    keys: list[int | str] = []
    node: Any = document
    for position, key in enumerate(loc):
        if isinstance(node, dict):
            if key in node or position == len(loc) - 1:
                keys.append(key)
                node = node.get(key)
        elif isinstance(node, list) and isinstance(key, int):
            keys.append(key)
            node = node[key]
    return keys


def _line(document: Any, keys: Sequence[int | str]) -> int:
    line, node = 1, document
    for key in keys:
        try:
            line = (node.lc.key(key) if hasattr(node, "keys") else node.lc.item(key))[0] + 1
            node = node[key]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
    return line


def _short(value: object) -> str:
    # Credentials are blotted out before the text is cut: the end that marks them could be what is cut off.
    text = redact(repr(_plain(value)))
    return text if len(text) <= 60 else text[:57] + "..."


def _allowed(mistake: Any) -> str:
    if mistake["type"] == "extra_forbidden":
        return "unknown key: remove it or correct its spelling"
    if mistake["type"] == "missing":
        return "missing: this key is required"
    return str(mistake["msg"]).removeprefix("Value error, ")
