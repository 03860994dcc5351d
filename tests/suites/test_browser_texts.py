"""The section about texts in a real browser: it is drawn, in light and dark, and nothing in a text or name runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from monitoring_tasks.suites import SuiteInput, run_suites, script
from tests.suites.conftest import rows
from tests.suites.test_texts import ALL, HOSTILE, MARKER, answers, sampled, strings
from tests.ui.browser import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["chromium"]
pytestmark = pytest.mark.timeout(300)
NAME = "</td><img src=x onerror='window.ran=1'>"


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[Page]:
    """A page for people who like it light or dark."""
    context = chromium.new_context(color_scheme=request.param)
    yield context.new_page()
    context.close()


def test_the_section_is_drawn(given: Callable[..., SuiteInput], page: Page, tmp_path: Path) -> None:
    """Title, sentence, a row for each descriptor that opens to its distribution; names are shown as they are."""
    prepared = given(rows(), descriptors={NAME: [*ALL, {"Contains": HOSTILE}]})
    now, then = (sampled(strings([HOSTILE, None, *answers(60, seed=seed)]), NAME) for seed in (1, 2))
    prepared = replace(prepared, texts=now, reference=replace(prepared.reference, texts=then))
    (tmp_path / "evidently.js").write_bytes(script())
    (tmp_path / "report.html").write_text(run_suites(prepared, script_href="evidently.js").html)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto((tmp_path / "report.html").as_uri())
    page.get_by_text("Texts: Evidently's descriptors on a sample of 62 and 62 rows").wait_for()
    page.get_by_text("these figures decide no verdict").wait_for()
    row = page.locator("tr", has_text="SentenceCount").first
    assert NAME in row.inner_text()
    before = page.locator(".js-plotly-plot").count()
    row.locator("button").first.click()
    page.wait_for_function(f"document.querySelectorAll('.js-plotly-plot').length > {before}")
    assert page.evaluate("window.ran") is None
    assert complaints == []
    # The descriptor that looks for the marker was named so in the YAML; no other place has it.
    assert page.locator("body").inner_text().count(MARKER) == 1
