"""What people do from the pages, in a real browser, which sends cookie and origin of itself."""

from __future__ import annotations

import pytest

from monitoring_tasks.runtime import Runtime
from tests.ui.browser import Tab, chromium, site, tab
from tests.ui.retraining_dags import retrainable, runs
from tests.ui.test_column import keep_picture
from tests.ui.world import DAYS, INCIDENT

__all__ = ["chromium", "retrainable", "site", "tab"]
pytestmark = [pytest.mark.xdist_group("airflow"), pytest.mark.timeout(300)]


def test_an_incident_is_acknowledged_with_two_clicks(tab: Tab, retrainable: Runtime) -> None:
    """From the list to the incident, and there a button; the page says what was done and by whom."""
    page = tab("op")
    page.goto("/monitoring/incidents")
    page.get_by_role("link", name="fraud: drift in age, spend").click()
    page.get_by_label("Comment").fill("on <b>it</b>")
    page.get_by_role("button", name="Acknowledge").click()
    assert "Done: acknowledged" in page.get_by_role("status").inner_text()
    assert "on <b>it</b>" in page.locator(".timeline").inner_text()
    assert page.get_by_role("button", name="Acknowledge").count() == 0
    assert page.complaints == []  # type: ignore[attr-defined]


def test_a_mute_without_a_reason_is_not_sent(tab: Tab, retrainable: Runtime) -> None:
    """The browser asks for it, before the server would."""
    page = tab("op")
    page.goto(f"/monitoring/incident/{INCIDENT}")
    page.get_by_role("button", name="Mute").click()
    assert page.url.endswith(INCIDENT)
    page.get_by_label("Why").fill("a campaign")
    page.get_by_role("button", name="Mute").click()
    assert "Done: muted" in page.get_by_role("status").inner_text()


def test_a_retraining_that_is_clicked_twice_is_one_run(tab: Tab, retrainable: Runtime) -> None:
    """Also when somebody goes back and sends the same page again."""
    page = tab("op")
    page.goto("/monitoring/model/monitor_fraud/retrain")
    page.get_by_label("Why").fill("it drifts")
    page.get_by_role("button", name="Request retraining").dblclick()
    page.get_by_text("This run is queued").wait_for()
    page.goto("about:blank")
    assert [run.triggering_user_name for run in runs()] == ["op"]


def test_another_origin_changes_nothing(tab: Tab, retrainable: Runtime, site: str) -> None:
    """A page on another port of the same host, to whose forms the browser adds the person's cookie, is refused."""
    page, evil = tab("op"), "http://127.0.0.1:8999/"
    path = f"{site}/monitoring/incident/{INCIDENT}/acknowledge"
    form = f'<form method="post" action="{path}"><button>Win</button></form>'
    page.route(evil, lambda route: route.fulfill(body=form, content_type="text/html"))
    page.goto(evil)
    with page.expect_response(path) as answered:
        page.get_by_role("button", name="Win").click()
    assert "_token=" in answered.value.request.all_headers().get("cookie", "")
    assert answered.value.status == 403
    found = retrainable.store.incident(INCIDENT)
    assert found is not None
    assert found.state.value == "open"


def test_days_that_are_chosen_outweigh_the_dates_of_before(tab: Tab, retrainable: Runtime) -> None:
    """Whoever looked at two dates, and then chooses the last seven days, sees these."""
    page = tab()
    page.goto("/monitoring/model/monitor_fraud?start=2013-03-05&end=2013-03-07")
    with page.expect_navigation():
        page.locator("select[name=days]").select_option("7")
    assert "7 days back from the newest window" in page.locator(".range-words").inner_text()
    assert page.complaints == []  # type: ignore[attr-defined]


def test_a_value_that_is_called_like_a_colour_is_a_text(tab: Tab, retrainable: Runtime) -> None:
    """Colours of a figure are names of the style sheet's variables; what comes from outside is no colour."""
    keep_picture(retrainable, DAYS - 1, "plan", label="--line")
    page = tab()
    page.goto("/monitoring/model/monitor_fraud/column/plan")
    place = page.locator("[data-plot=plot-distribution]")
    drawn = place.evaluate("place => place.data.map(each => [each.x[0], each.marker.color])")
    assert [label for label, _ in drawn] == ["--line", "--line"]
    assert all(colour.startswith("#") for _, colour in drawn)
    assert page.complaints == []  # type: ignore[attr-defined]


def test_without_scripts_no_empty_plot_is_shown(tab: Tab, retrainable: Runtime) -> None:
    """The numbers of each are in a table beneath, which opens without a script."""
    page = tab(java_script_enabled=False)
    page.goto("/monitoring/model/monitor_fraud")
    plots = page.locator(".plot")
    assert plots.count() > 1
    assert not any(each.is_visible() for each in plots.all())
    page.get_by_text("Numbers of auc").click()
    assert page.locator("table.numbers").first.is_visible()


def test_what_is_wider_than_a_phone_is_scrolled_by_the_keyboard(tab: Tab, retrainable: Runtime) -> None:
    """A table that does not fit takes the focus; one that does is no stop on the way."""
    for width, stop in ((390, "0"), (1280, None)):
        page = tab(viewport={"width": width, "height": 800})
        page.goto("/monitoring/model/monitor_fraud/column/age")
        assert page.locator(".scroll:has(> .checks)").first.get_attribute("tabindex") == stop
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
