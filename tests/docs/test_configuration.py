"""The page of the configuration: what the generator gives, and says of every key what it means."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest

from monitoring_tasks.cli.configuration_page import configuration_page
from monitoring_tasks.derivations import DERIVATIONS
from monitoring_tasks.monitor import alerts_schema, json_schema
from tests.docs.pages import ROOT, text_of

SCHEMA = json_schema()
SECTIONS = {"": SCHEMA, **SCHEMA["$defs"]}
KEYS = [(name, key) for name, section in SECTIONS.items() for key in section["properties"]]


def test_the_page_is_what_the_generator_gives() -> None:
    """Whoever changes a section writes `make schema`."""
    assert text_of(ROOT / "docs" / "configuration.md") == configuration_page(json_schema()) + "\n"


@pytest.mark.parametrize(("name", "schema"), [("monitor", json_schema), ("alerts", alerts_schema)])
def test_the_schemas_are_those_of_the_code(name: str, schema: Any) -> None:
    """Editors read the files."""
    assert json.loads(text_of(ROOT / "include" / f"{name}.schema.json")) == schema()


def rows(heading: str) -> dict[str, list[str]]:
    """The rows of one section of the page, by key."""
    section = text_of(ROOT / "docs" / "configuration.md").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.replace("\\|", "/").strip("|").split("|")] for line in lines]
    return {row[0].strip("`"): row[1:] for row in cells}


def test_every_key_has_a_row_with_a_meaning_and_values() -> None:
    """None is left to be guessed."""
    text = text_of(ROOT / "docs" / "configuration.md")
    headings = [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]
    found = [(heading, key, cells) for heading in headings for key, cells in rows(heading).items()]
    assert len(found) == len(KEYS)
    assert [(heading, key) for heading, key, cells in found if len(cells) != 3 or not cells[0] or not cells[1]] == []


def test_rows_say_what_is_required_and_what_is_taken_otherwise() -> None:
    """A required key, a width, a choice, and a section."""
    monitor = rows("The monitor")
    assert monitor["name"][2] == "required"
    assert monitor["schedule"][2] == "`@daily`"
    assert monitor["task"][1] == "`binary`, `multiclass`, `regression`, `text`"
    assert monitor["retraining"][1] == "[retraining](#retraining)"
    assert rows("retraining")["cooldown"][1:] == ["text such as `1h`, `1d`, `7d`", "`7d`"]
    assert rows("alerts.digest")["at"][2] == "`08:00`"


def test_kinds_of_derived_columns_are_explained() -> None:
    """Whoever wants one reads what it is there, and in the editor; so does who counts on it in Japanese."""
    assert rows("derived.NAME")["kind"][1:] == ["see below", "required"]
    kinds = {name: derivation.says for name, derivation in DERIVATIONS.items()}
    section = text_of(ROOT / "docs" / "configuration.md").split("\n## derived.NAME\n")[1].split("\n## ")[0]
    assert "`kind`:\n\n" + "\n".join(f"- `{name}`: {says}." for name, says in kinds.items()) in section
    kind = SECTIONS["Derived"]["properties"]["kind"]
    assert dict(zip(kind["enum"], kind["enumDescriptions"], strict=True)) == kinds


def test_nothing_in_the_page_is_taken_for_html() -> None:
    """A word in angle brackets is not shown, unless it stands as code."""
    text = re.sub(r"`[^`]*`", "", text_of(ROOT / "docs" / "configuration.md"))
    assert re.findall(r"<\w[^>]*>", text) == []


@pytest.mark.parametrize(("name", "key"), KEYS)
def test_a_default_is_what_a_file_may_hold(name: str, key: str) -> None:
    """An editor that fills it in makes no mistake: a width is 7d, not P7D."""
    value = SECTIONS[name]["properties"][key]
    if "default" in value:
        jsonschema.validate(value["default"], {**value, "$defs": SCHEMA["$defs"]})
