"""The page `docs/configuration.md`: every key of a monitor's YAML, written from its JSON Schema alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Schema = Mapping[str, Any]
Paths = Mapping[str, Sequence[str]]
HEADER = """\
# Configuration

Every key of a monitor's file in `include/monitors/`. This page is written by `make schema` from
[include/monitor.schema.json](../include/monitor.schema.json), which editors read as well: do not edit it. The section
[alerts](#alerts) is also that of `include/alerts.yaml`, which all monitors share
([include/alerts.schema.json](../include/alerts.schema.json)).

A length of time is a count and one of `m`, `h`, `d`, `w`, such as `90m`, `24h`, `7d`; moments are in UTC. Unknown keys
and values of another type are refused, and so is what does not go together, such as a method that does not fit a kind
of column: `monitoring validate` says file, line, key, value found, values allowed. A key without a default may be left
out all the same, unless it is required.
"""
TABLE = "| key | meaning | value | default |\n| --- | --- | --- | --- |"
MANY = 10
"""Choices of more words than these stand below the table."""


def configuration_page(schema: Schema) -> str:
    """The schema of a monitor's YAML as Markdown: a section for each section of the file, a row for each key.

    A definition that stands in several places is described at the least deep one, which names the others.
    """
    paths = _paths(schema)
    sections = [_section("The monitor", schema, paths, schema)]
    for path, name in _ordered(schema, schema, "", paths):
        sections.append(_section(_heading(path, schema["$defs"][name]), schema["$defs"][name], paths, schema))
    return "\n".join([HEADER, *sections]).rstrip("\n")


def _paths(schema: Schema) -> dict[str, list[str]]:
    """Where each definition stands, the least deep place first; what is in it is only looked for there."""
    found: dict[str, list[str]] = {}
    left: list[tuple[str, Schema]] = [("", schema)]
    while left:
        path, section = left.pop(0)
        for key, name in _references(section):
            found.setdefault(name, []).append(_join(path, key))
            if len(found[name]) == 1:
                left.append((found[name][0], schema["$defs"][name]))
    return found


def _ordered(schema: Schema, section: Schema, path: str, paths: Paths) -> Iterator[tuple[str, str]]:
    """The definitions in the order of the keys that lead to them, each at its first place."""
    for key, name in _references(section):
        here = _join(path, key)
        if paths[name][0] == here:
            yield here, name
            yield from _ordered(schema, schema["$defs"][name], here, paths)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _references(section: Schema) -> Iterator[tuple[str, str]]:
    """Keys of a section, and the definitions that their values are of; NAME stands for a name of one's own."""
    for key, value in section["properties"].items():
        for part in _parts(value):
            every = (
                (key, [part]),
                (f"{key}.NAME", _parts(_named(part))),
                (key, _parts(part.get("items") or {})),
            )
            yield from ((place, _name(each)) for place, parts in every for each in parts if "$ref" in each)


def _parts(value: Schema) -> list[Schema]:
    """The alternatives of a value, without the one that says that it may be left out."""
    every = value.get("anyOf") or value.get("oneOf") or [value]
    return [each for each in every if each.get("type") != "null"]


def _named(mapping: Schema) -> Schema:
    """What the values of a mapping are, whose names are its author's own; nothing for what is no mapping."""
    patterns = [*(mapping.get("patternProperties") or {}).values()]
    found: Schema = patterns[0] if patterns else mapping.get("additionalProperties") or {}
    return found


def _name(reference: Schema) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


def _heading(path: str, section: Schema) -> str:
    """Title of a section.

    >>> _heading("source", {"properties": {"kind": {"const": "sql"}}}), _heading("gate", {"properties": {}})
    ('source, kind sql', 'gate')
    """
    kind = section["properties"].get("kind", {}).get("const")
    return f"{path}, kind {kind}" if kind else path


def anchor(heading: str) -> str:
    """What a link to a heading ends with, as GitHub makes it.

    >>> anchor("drift.baseline, kind trailing")
    'driftbaseline-kind-trailing'
    """
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _section(title: str, section: Schema, paths: Paths, schema: Schema) -> str:
    needed = section.get("required", ())
    rows = [_row(key, value, paths, schema, needed=key in needed) for key, value in section["properties"].items()]
    below = [line for key, value in section["properties"].items() for line in _choices(key, value)]
    return "\n".join([f"## {title}", "", *_about(section, paths), TABLE, *rows, "", *below])


def _about(section: Schema, paths: Paths) -> list[str]:
    said = _line(section.get("description", ""))
    others = [f"`{path}`" for path in paths.get(str(section.get("title")), ())[1:]]
    also = f" It stands in {', '.join(others)} as well." if others else ""
    return [f"{said}{also}", ""]


def _line(text: str) -> str:
    return " ".join(text.split())


def _row(key: str, value: Schema, paths: Paths, schema: Schema, *, needed: bool) -> str:
    cells = (_meaning(value, schema), _value(key, value, paths, schema), "required" if needed else _default(value))
    return f"| `{key}` | {' | '.join(_cell(cell) for cell in cells)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _meaning(value: Schema, schema: Schema) -> str:
    """What a key means: in its own words, else in the first sentence of the section behind it."""
    said = value.get("description") or ("Which kind it is" if "const" in value else "")
    for part in () if said else _parts(value):
        if "$ref" in part:
            said = re.split(r"(?<=\w)[.:;] |\.$", _line(schema["$defs"][_name(part)]["description"]))[0]
    return _line(said)


def _default(value: Schema) -> str:
    """The default as a YAML has it; that of a section is in the section's own table."""
    default = value.get("default")
    if default in (None, "", [], {}) or (isinstance(default, dict) and set(default) != {"kind"}):
        return ""
    plain = default["kind"] if isinstance(default, dict) else default
    return f"`{plain if isinstance(plain, str) else json.dumps(plain)}`"


def _value(key: str, value: Schema, paths: Paths, schema: Schema) -> str:
    found = list(dict.fromkeys(_type(key, part, paths, schema) for part in _parts(value)))
    some = f"list, each {found[0]}"
    return f"{found[0]}, or a list of these" if found[1:] == [some] else " or ".join(found)


def _type(key: str, value: Schema, paths: Paths, schema: Schema) -> str:
    """What may stand there, in words."""
    if "$ref" in value:
        return _link(_name(value), paths, schema)
    if "const" in value or "enum" in value:
        words = _words(value)
        return "see below" if len(words) > MANY or "enumDescriptions" in value else ", ".join(words)
    if value.get("type") == "array" and "prefixItems" in value:
        return f"list of {len(value['prefixItems'])}, each {_value(key, value['prefixItems'][0], paths, schema)}"
    if value.get("type") == "array":
        return f"list, each {_value(key, value['items'], paths, schema)}"
    if value.get("type") == "object":
        return f"mapping, each value {_value(key, _named(value), paths, schema)}"
    return _scalar(value)


def _link(name: str, paths: Paths, schema: Schema) -> str:
    section = schema["$defs"][name]
    title = _heading(paths[name][0], section)
    return f"[{section['properties'].get('kind', {}).get('const') or title}](#{anchor(title)})"


def _words(value: Schema) -> list[str]:
    return [f"`{word}`" for word in value.get("enum") or [value["const"]]]


def _choices(key: str, value: Schema) -> Iterator[str]:
    """Choices that are too long for a cell, those that are explained, and the names that a mapping may have."""
    for part in _parts(value):
        if "enumDescriptions" in part:
            yield _explained(key, part)
        elif len(part.get("enum", ())) > MANY:
            yield f"`{key}`: {', '.join(_words(part))}.\n"
        if "enum" in part.get("propertyNames", {}):
            yield f"Names in `{key}`: {', '.join(_words(part['propertyNames']))}.\n"


def _explained(key: str, value: Schema) -> str:
    """Choices that come with what each means, as a list."""
    told = zip(_words(value), value["enumDescriptions"], strict=True)
    return "\n".join([f"`{key}`:\n", *(f"- {word}: {_line(meaning)}." for word, meaning in told), ""])


def _scalar(value: Schema) -> str:
    """A single value in words.

    >>> _scalar({"type": "integer", "minimum": 1}), _scalar({"type": "string", "examples": ["1h", "7d"]})
    ('whole number, at least 1', 'text such as `1h`, `7d`')
    """
    if "examples" in value:
        return f"text such as {', '.join(f'`{each}`' for each in value['examples'])}"
    if "pattern" in value:
        return f"text that fits `{value['pattern']}`"
    noun = _NOUNS[str(value.get("format") or value["type"])]
    return ", ".join([noun, *(f"{words} {value[bound]:g}" for bound, words in _BOUNDS.items() if bound in value)])


_NOUNS = {
    "string": "text",
    "date": "day, such as `2013-04-02`",
    "number": "number",
    "integer": "whole number",
    "boolean": "`true`, `false`",
}
_BOUNDS = {
    "exclusiveMinimum": "above",
    "minimum": "at least",
    "exclusiveMaximum": "below",
    "maximum": "at most",
}
