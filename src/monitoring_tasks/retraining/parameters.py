"""The values a run may write into a pipeline's `params.yaml`: known keys, plain values, types as they were."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from monitoring_tasks.errors import PipelineFailed
from monitoring_tasks.window import stamp

_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_ALLOWED = "a day 2013-04-02, a moment 2013-04-02T06:00:00Z, or a word of letters, digits and _ . -"


def write_parameters(file: Path, values: Mapping[str, str]) -> dict[str, Any]:
    """Write values of dotted keys into a YAML file and return what they were; all of them or none.

    A key must exist, and its new value takes the type of the old one: text, whole number, day or moment. Comments,
    order and quotes stay. Values may reach a shell by way of a pipeline's own templates, so only days, moments and
    plain words pass. Raises `PipelineFailed` that names the key.
    """
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    if not file.is_file():
        raise PipelineFailed(f"the repository has no {file.name}: keep the training window's start and end there")
    tree = _load(yaml, file.read_bytes())
    former = {key: _write(tree, key, value) for key, value in values.items()}
    text = StringIO()
    yaml.dump(tree, text)
    file.write_text(text.getvalue(), encoding="utf-8")
    return former


def read_parameter(text: str, key: str) -> Any:
    """The value of a dotted key in a YAML text: plain text, number, day or moment. Raises `PipelineFailed`.

    >>> read_parameter("data: {end: 2013-04-02}", "data.end")
    datetime.date(2013, 4, 2)
    """
    parent, name = _place(_load(YAML(typ="safe", pure=True), text), key)
    return parent[name]


def moment_text(moment: datetime) -> str:
    """An aware moment as a parameter's value: the day alone at midnight UTC.

    >>> moment_text(datetime(2013, 4, 2, tzinfo=UTC)), moment_text(datetime(2013, 4, 2, 6, tzinfo=UTC))
    ('2013-04-02', '2013-04-02T06:00:00Z')
    """
    return stamp(moment).removesuffix("T00:00:00Z")


def _load(yaml: YAML, text: str | bytes) -> Any:
    try:
        return yaml.load(text)
    # ValueError: a day that no calendar has, text that is no Unicode; RecursionError: nested without end.
    except (YAMLError, ValueError, RecursionError) as error:
        raise PipelineFailed(f"params.yaml is not YAML: {' '.join(str(error).split())}") from error


def _place(tree: Any, key: str) -> tuple[Any, str]:
    """The mapping that holds the key's last name, and that name."""
    *path, name = key.split(".")
    for step in path:
        tree = tree.get(step) if isinstance(tree, Mapping) else None
    if not isinstance(tree, Mapping) or name not in tree:
        raise PipelineFailed(
            f"params.yaml has no {key}: add it, let the stage that reads the data depend on it, and commit; "
            "or name another key in retraining.pipeline.parameters"
        )
    return tree, name


def _write(tree: Any, key: str, value: str) -> Any:
    parent, name = _place(tree, key)
    former = parent[name]
    parent[name] = _typed(former, value, key)
    return former


def _typed(former: Any, value: str, key: str) -> Any:
    try:
        moment = datetime.fromisoformat(value) if _MOMENT.fullmatch(value) else None
    except ValueError:
        raise PipelineFailed(f"{key}: {value!r} is no moment of the calendar") from None
    if moment is None and not _WORD.fullmatch(value):
        raise PipelineFailed(f"{key}: {value!r} is refused: write {_ALLOWED}")
    try:
        return _converted(former, value, moment)
    except ValueError:
        raise PipelineFailed(
            f"{key} is {former!r} in params.yaml, and {value!r} is of another type: quote the value in params.yaml, "
            "which makes it a text"
        ) from None


def _converted(former: Any, value: str, moment: datetime | None) -> Any:
    match former:
        case str():
            return type(former)(value)  # keeps the quotes
        case datetime() if moment:
            return moment.replace(tzinfo=UTC)
        case date() if moment:
            return date.fromisoformat(value)
        case int() if not isinstance(former, bool) and value.isdecimal():
            return int(value)
    raise ValueError
