"""YAML files of monitors, and the one of the alerts they share: reading them, and saying what is wrong with one."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.constructor import ConstructorError, RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from monitoring_tasks.alerts_section import Alerts
from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.redaction import redact

SUFFIXES = (".yaml", ".yml")
SHARED = "alerts.yaml"
Json = dict[str, Any]
_Model = TypeVar("_Model", bound=BaseModel)


def monitor_files(folder: Path) -> list[Path]:
    """The monitors' YAML files of `folder`, sorted; sub-folders (examples) are not read."""
    if not folder.is_dir():
        raise ConfigurationError(f"{folder} is not a folder of monitors: create it or name another one")
    return sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES and not path.name.startswith("."))


def load_monitor(path: Path) -> Monitor:
    """The monitor of one YAML file; its relative paths start at the file's folder. Raises `ConfigurationError`.

    The error's text has one line per mistake: file, line, key, value found, what is allowed. What the monitor does not
    say about its alerts, the file says that all monitors of the folder share; see `shared_alerts`.
    """
    _refuse_twin(path)
    document = _read(path)
    _refuse_empty(path, document)
    own = _plain(document)
    monitor = _validated(Monitor, path, document, _with_shared(own, path.parent))
    _refuse_unreachable(path, document, monitor.alerts)
    if monitor.name != path.stem:
        line = _line(document, ("name",))
        raise ConfigurationError(
            f"{path}:{line}: name: found {monitor.name!r}: write {path.stem!r}, or name the file {monitor.name}.yaml"
        )
    return monitor.located(path.parent)


def load_monitors(folder: Path) -> tuple[list[Monitor], list[str]]:
    """Every sound monitor of `folder`, by name, and the mistakes of the broken ones and of what they share."""
    monitors, mistakes = [], shared_mistakes(folder)
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


def alerts_file(folder: Path) -> Path:
    """The file of alerts that the monitors of `folder` share: `MONITORING_ALERTS`, else `alerts.yaml` beside `folder`.

    It need not be there.
    """
    given = os.environ.get("MONITORING_ALERTS")
    return Path(given) if given else Path(os.path.abspath(folder)).parent / SHARED


def shared_alerts(path: Path) -> Json:
    """What a file of shared alerts says, as a monitor's section `alerts` would; nothing where there is no such file.

    Raises `ConfigurationError` with one line per mistake.
    """
    if not _is_there(path):
        if os.environ.get("MONITORING_ALERTS"):
            raise ConfigurationError(f"{path}:1: is not a file: write one, or unset MONITORING_ALERTS")
        _refuse_misnamed(path)
        return {}
    said, mistakes = _shared(path, _text(path))
    if mistakes:
        raise ConfigurationError(mistakes)
    return dict(said)


def _is_there(path: Path) -> bool:
    """Whether a name is taken, be it by what cannot be read: a link that leads nowhere is no reason for silence."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise ConfigurationError(f"{path}:1: cannot be read: {error}") from error
    return True


def _refuse_misnamed(path: Path) -> None:
    misnamed = path.with_suffix(".yml")
    if path.name == SHARED and _is_there(misnamed):
        raise ConfigurationError(f"{misnamed}:1: is read by nobody: name it {SHARED}")


def shared_mistakes(folder: Path) -> list[str]:
    """The mistakes of the alerts that the monitors of `folder` share, a line each.

    With one of them the monitors go by their own sections alone: an alert that only reaches the task's log is better
    than no monitor.
    """
    try:
        shared_alerts(alerts_file(folder))
    except ConfigurationError as error:
        return str(error).splitlines()
    return []


@lru_cache(maxsize=4)
def _shared(path: Path, text: str) -> tuple[Mapping[str, Any], str]:
    """What a text of shared alerts says, and its mistakes: every monitor asks for it, and YAML is slow to read."""
    try:
        document = _parsed(path, text)
        if document is None:
            return {}, ""
        if not isinstance(document, CommentedMap):
            return {}, f"{path}:1: found {type(_plain(document)).__name__}: write a mapping, such as channels:"
        _validated(Alerts, path, document, _plain(document))
    except ConfigurationError as error:
        return {}, str(error)
    return _plain(document), ""


def _with_shared(monitor: Json, folder: Path) -> Json:
    """A monitor's document with the alerts that it shares; its own keys go before them, its channels join theirs."""
    own = monitor.get("alerts", {})
    if not isinstance(own, dict):
        return monitor
    try:
        shared = shared_alerts(alerts_file(folder))
    except ConfigurationError:
        return {**monitor, "alerts": _alone(own)}
    return {**monitor, "alerts": _joined(shared, own)}


def _joined(shared: Mapping[str, Any], own: Mapping[str, Any]) -> Json:
    channels = own.get("channels", {})
    if isinstance(channels, dict):
        channels = {**shared.get("channels", {}), **channels}
    return {**shared, **own, "channels": channels}


def _alone(own: Json) -> Json:
    """A monitor's alerts without those it shares; routes that need them are left out: every channel is told then."""
    try:
        Alerts.model_validate(own)
    except ValidationError:
        return {key: value for key, value in own.items() if key != "routes"}
    return own


def _refuse_unreachable(path: Path, document: CommentedMap, alerts: Alerts) -> None:
    """A channel of a monitor that no route leads to would never be told anything, which nobody writes on purpose."""
    reached = {name for route in alerts.routes for name in route.to}
    own = (document.get("alerts") or {}).get("channels") or {}
    for name in own if alerts.routes else ():
        if name not in reached:
            raise ConfigurationError(
                f"{path}:{_line(document, ('alerts', 'channels', name))}: alerts.channels.{name}: no route leads here: "
                "name it in routes, of this file if those are of the shared one, or remove it"
            )


def _validated(model: type[_Model], path: Path, document: CommentedMap, value: Json) -> _Model:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        mistakes = _mistakes(path, document, error, whole=model.__name__.lower())
        raise ConfigurationError("\n".join(mistakes)) from error


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
    document = _parsed(path, _text(path))
    if not isinstance(document, CommentedMap):
        raise ConfigurationError(f"{path}:1: found {type(document).__name__}: write a mapping that starts with name:")
    return document


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}:1: cannot be read: {error}") from error


def _parsed(path: Path, text: str) -> Any:
    yaml = YAML(typ="rt", pure=True)
    yaml.Constructor = _MarkedConstructor
    try:
        document = yaml.load(StringIO(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise ConfigurationError(f"{path}:{line}: not valid YAML: {error.problem or error.context}") from error
    except (YAMLError, RecursionError) as error:
        raise ConfigurationError(f"{path}:1: cannot be read: {error}") from error
    _refuse_endless(path, document)
    return document


def _refuse_endless(path: Path, document: Any) -> None:
    """Aliases may repeat each other without end: such a file must not hold up those who read the others."""
    left, seen = [document], 0
    while left:
        node = left.pop()
        seen += 1
        if seen > _MOST_VALUES:
            raise ConfigurationError(f"{path}:1: holds more than {_MOST_VALUES} values: remove aliases that repeat")
        if hasattr(node, "values"):
            left.extend(node.values())
        elif isinstance(node, list):
            left.extend(node)


_MOST_VALUES = 100_000


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


def _mistakes(path: Path, document: CommentedMap, error: ValidationError, *, whole: str) -> list[str]:
    lines = []
    for mistake in error.errors(include_url=False):
        keys = _keys(document, mistake["loc"])
        dotted = ".".join(str(key) for key in keys) or whole
        hidden = mistake["type"] == "missing" or (mistake["type"] == "extra_forbidden" and _is_secret(keys))
        found = "" if hidden else f" found {_short(mistake['input'])}:"
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


def _is_secret(keys: Sequence[int | str]) -> bool:
    """Whether a key is one that people write a secret under, believing that this is the place for it."""
    return bool(re.search(r"(?i)password|secret|token|key$|url$", str(keys[-1])))


def _short(value: object) -> str:
    # Credentials are blotted out before the text is cut: the end that marks them could be what is cut off.
    text = redact(repr(_plain(value)))
    return text if len(text) <= 60 else text[:57] + "..."


def _allowed(mistake: Any) -> str:
    if mistake["type"] == "extra_forbidden":
        return "unknown key: remove it or correct its spelling"
    if mistake["type"] == "missing":
        return "missing: this key is required"
    if mistake["type"] in {"dict_type", "model_type", "model_attributes_type"}:
        return "write keys with values under it, each as `key: value`; a key that needs none as `key: {}`"
    return str(mistake["msg"]).removeprefix("Value error, ")
