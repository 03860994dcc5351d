"""A report says what its derived columns are computed from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitoring_tasks.suites import SuiteInput, run_suites, script
from tests.suites.conftest import Judge, rows
from tests.suites.test_page import data_of
from tests.ui.browser import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["chromium"]
HOSTILE = "</td></script><img src=x onerror='window.ran=1'>"
DERIVED: dict[str, Any] = {
    "each": {"kind": "ratio", "of": ["amount", "items"]},
    "warm": {"kind": "one_of", "of": "colour", "values": ["red", HOSTILE], "where": {"items": ["3", "4"]}},
}


def test_a_table_says_it_after_the_tables_of_columns(judge: Judge) -> None:
    """In the words of the model's page; without derived columns there is none."""
    widgets = {widget["id"]: widget for widget in data_of(judge(rows(), derived=DERIVED).html)["widgets"]}
    assert list(widgets)[-4:] == ["data_quality", "derived", "whole", "facts"]
    assert widgets["derived"]["params"]["data"] == [
        ["each", "amount / items"],
        ["warm", f"colour = red or {HOSTILE} where items = 3 or 4"],
    ]
    assert "derived" not in {widget["id"] for widget in data_of(judge(rows()).html)["widgets"]}


def test_patterns_and_values_are_text_in_the_page(
    given: Callable[..., SuiteInput], chromium: Browser, tmp_path: Path
) -> None:
    """They are shown as they are written in the YAML, and nothing in them runs."""
    (tmp_path / "evidently.js").write_bytes(script())
    told = run_suites(given(rows(), derived=DERIVED), script_href="evidently.js").html
    (tmp_path / "report.html").write_text(told)
    page = chromium.new_page()
    page.goto((tmp_path / "report.html").as_uri())
    row = page.locator("tr", has_text="where items = 3 or 4")
    row.wait_for()
    assert HOSTILE in row.inner_text()
    assert page.evaluate("window.ran") is None
    page.close()
