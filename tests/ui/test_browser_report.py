"""A report with scripts in the names of categories, in a real browser: it is drawn, and reaches nothing of Airflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.orchestration.runtime import airflow_runtime
from monitoring_tasks.policy.verdict import Subject
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.steps import open_window, profile_window, reach_verdict, run_suites
from monitoring_tasks.views.run import run_address
from monitoring_tasks.window import Window
from tests.production import FIRST_DAY, Production
from tests.ui.browser import Tab, chromium, site, tab

if TYPE_CHECKING:
    from playwright.sync_api import Frame, Page

__all__ = ["chromium", "site", "tab"]
pytestmark = [pytest.mark.xdist_group("airflow"), pytest.mark.timeout(300)]
RUNS = "window.ran=1;top.postMessage(document.cookie,'*')"
HOSTILE = (
    f"<script>{RUNS}</script>",
    f"<img src=x onerror={RUNS}>",
    f'"><svg onload="{RUNS}">',
    f"</script><script>{RUNS}</script>",
)
"""Categories that would run a script where somebody writes them into a page as they are."""


@pytest.fixture
def hostile(production: Production) -> Subject:
    """A window whose categories are scripts, judged for real, with its report of Evidently."""
    plans = np.random.default_rng(1).choice(["basic", *HOSTILE], 1000, p=[0.2, 0.2, 0.2, 0.2, 0.2])
    production.write(FIRST_DAY, columns={"plan": plans})
    monitor, runtime = load_monitor(production.monitor_file), airflow_runtime()
    subject = open_window(monitor, runtime, Window.parse("2013-03-01", "2013-03-02"))
    profile_window(monitor, runtime, subject)
    run_suites(monitor, runtime, subject)
    reach_verdict(monitor, runtime, subject, run={"origin": "command line"})
    return Subject.from_json(subject)


@pytest.fixture
def runtime(production: Production) -> Runtime:
    """The runtime that the server uses as well."""
    return airflow_runtime()


def report_in(page: Page, subject: Subject) -> Frame:
    """The frame of the report on the run page, once the report is drawn."""
    page.add_init_script("if (window === top) { window.told = []; onmessage = (event) => told.push(event.data); }")
    page.goto("/monitoring" + run_address("monitor_churn", subject))
    page.locator("iframe.report").scroll_into_view_if_needed()
    frame = page.frame_locator("iframe.report").owner.element_handle().content_frame()
    assert frame is not None
    drawn(frame)
    return frame


def drawn(report: Frame | Page) -> None:
    """Wait until Evidently's script has drawn the report."""
    report.get_by_text("plan").first.wait_for()


def thrown(report: Frame | Page, read: str) -> str:
    """Name of the error that reading something within a report throws."""
    found: str = report.evaluate(
        f"() => {{ try {{ return 'read ' + {read}; }} catch (error) {{ return error.name; }} }}"
    )
    return found


def test_the_report_cannot_read_the_session(tab: Tab, hostile: Subject) -> None:
    """Page and report are drawn, no category ran, and from within the report neither cookie nor parent can be read."""
    page = tab()
    frame = report_in(page, hostile)
    assert page.evaluate("document.cookie").startswith("_token="), "the test itself must put something at stake"
    assert page.evaluate("told") == []
    assert frame.evaluate("window.ran") is None
    for read in ("document.cookie", "parent.document.cookie", "top.location.href", "localStorage.length"):
        assert thrown(frame, read) == "SecurityError", read
    assert frame.evaluate("origin") == "null"


def test_the_report_alone_is_confined_as_well(tab: Tab, hostile: Subject) -> None:
    """Opened in a tab of its own its address is Airflow's, and its origin is nobody's."""
    page = tab()
    page.goto("/monitoring" + run_address("monitor_churn", hostile))
    page.get_by_role("link", name="Report alone").click()
    drawn(page)
    assert "/monitoring/report/" in page.url
    assert page.evaluate("window.ran") is None
    assert thrown(page, "document.cookie") == "SecurityError"
    assert page.evaluate("origin") == "null"


def test_the_report_calls_nobody(tab: Tab, hostile: Subject) -> None:
    """Neither Airflow's API with the person's cookie nor anybody else is reached from within the report."""
    frame = report_in(tab(), hostile)
    called = """(address) => fetch(address, {credentials: "include"}).then(() => "answered", (error) => error.name)"""
    for address in ("/api/v2/dags", "https://example.org/"):
        assert frame.evaluate(called, address) == "TypeError"


def test_the_run_page_shows_categories_as_text(tab: Tab, hostile: Subject) -> None:
    """The page around the report runs nothing of them either, and complains of nothing."""
    page = tab()
    report_in(page, hostile)
    assert page.locator("main script").count() == 0
    assert page.evaluate("window.ran") is None
    assert "<script>" in page.locator("main").inner_text()
    assert page.complaints == []  # type: ignore[attr-defined]
