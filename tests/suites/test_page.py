"""The report page as a file: safe, whole but for the script, built on Evidently's template as we know it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import evidently
import pytest
from evidently.legacy.renderers.html_widgets import CounterData, counter

from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.suites import SCRIPT_NAME, browser_script, script
from monitoring_tasks.suites import page as page_module
from monitoring_tasks.suites.page import page
from tests.suites.conftest import Judge, reference_rows, replaced, rows

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028"


def data_of(html: str) -> Any:
    """The widgets that a page carries."""
    found = re.search(r"var report = (.*);\nvar additional", html)
    assert found
    return json.loads(found[1])


def test_hostile_names_stay_data(judge: Judge) -> None:
    """A column and a category called like markup reach the page as data and end no script."""
    outcome = judge(
        replaced(replaced(rows(), HOSTILE, rows()["amount"]), "colour", [HOSTILE] * 1000),
        replaced(reference_rows(), HOSTILE, reference_rows()["amount"]),
        features={HOSTILE: "numeric", "colour": "categorical"},
    )
    assert "alert(1)</script>" not in outcome.html
    assert "<img" not in outcome.html
    # Evidently's template: data, a line of its own, the shared script, the call that draws.
    assert outcome.html.count("<script") == outcome.html.count("</script>") == 4
    assert HOSTILE in json.dumps(data_of(outcome.html), ensure_ascii=False)


def test_hostile_title_and_href_are_escaped() -> None:
    """Title and script address cannot leave their place."""
    html = page([], title="<b>&", script_href='a"><script>')
    assert "<title>&lt;b&gt;&amp;</title>" in html
    assert '<script src="a&quot;&gt;&lt;script&gt;"></script>' in html


def test_page_draws_its_widgets() -> None:
    """The page carries the widgets in order and calls the script's function on them."""
    widgets = [counter(title=title, counters=[CounterData("rows", "7")]) for title in ("one", "two")]
    html = page(widgets, title="report", script_href="evidently.js")
    assert [widget["title"] for widget in data_of(html)["widgets"]] == ["one", "two"]
    assert "window.drawDashboard(report," in html
    assert "http" not in re.sub(r"base64,[^)]*", "", html)


def test_changed_template_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """If Evidently's page template changes, nothing half-built is stored."""
    monkeypatch.setattr(page_module, "file_html_template", lambda _: "<html></html>")
    with pytest.raises(ConfigurationError, match="not the known one"):
        page([], title="report", script_href="evidently.js")


def test_script_is_evidentlys_own() -> None:
    """The hosted script is the one of the installed version, and defines what pages call."""
    assert f"evidently-{evidently.__version__}.js" == SCRIPT_NAME
    assert b"drawDashboard" in script()


def test_missing_script_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An installation without the script says so."""
    monkeypatch.setattr(browser_script, "STATIC_PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"evidently>=0\.7\.23"):
        script()
