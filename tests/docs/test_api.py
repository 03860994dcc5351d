"""The page about the API and the metrics: every request and every metric that there is, and Python that can be run."""

from __future__ import annotations

import re

import pytest

from monitoring_tasks.metrics.families import FAMILIES
from tests.docs.pages import ROOT, Block, of_language, text_of

PAGE = ROOT / "docs" / "api.md"


def table(heading: str) -> list[list[str]]:
    """The rows of the table below a heading of the page."""
    section = text_of(PAGE).split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:3] == "| `"]


def test_every_metric_is_told() -> None:
    """With its labels, and what it means in the words of a scrape."""
    expected = [[f"`{each.name}`", ", ".join(f"`{name}`" for name in each.labels), each.help] for each in FAMILIES]
    assert table("Metrics") == expected


def test_every_request_is_told() -> None:
    """In the order of the OpenAPI document, with its summary."""
    from monitoring_tasks.ui.api.document import document

    paths = document()["paths"]
    expected = [
        [f"`{method.upper()} {path.removeprefix('/api/v1')}`", about["summary"]]
        for path, methods in paths.items()
        for method, about in methods.items()
    ]
    assert table("What there is to ask") == expected


def test_the_notebook_asks_for_what_there_is() -> None:
    """Its paths are among the requests."""
    [code] = [block.text for block in of_language("python") if block.page == "docs/api.md"]
    known = [re.escape(row[0].strip("`").removeprefix("GET ")) for row in table("What there is to ask")]
    patterns = [re.sub(r"\\{\w+\\}", r"[^/]+", each) for each in known]
    asked = re.findall(r"(?:ask|pages)\(\"(/[^\"]+)\"", code)
    assert len(asked) == 3
    assert [path for path in asked if not any(re.fullmatch(pattern, path) for pattern in patterns)] == []


@pytest.mark.parametrize("block", of_language("python"), ids=str)
def test_python_can_be_read(block: Block) -> None:
    """As a file of its own."""
    compile(block.text, str(block), "exec")
