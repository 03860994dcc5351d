"""What a jump of a level shows people: in the letter's pictures, by every channel that has some, and in the report."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from monitoring_tasks import steps
from monitoring_tasks.alerts.message import Message, Plot
from monitoring_tasks.alerts.opening import open_channel
from monitoring_tasks.alerts.pictures import draw
from monitoring_tasks.alerts.plotting import BEFORE, THIS
from monitoring_tasks.alerts.telling import Occasion
from monitoring_tasks.data.connections import EnvironmentConnections
from monitoring_tasks.delivery_step import deliver
from monitoring_tasks.policy.verdict import Verdict
from monitoring_tasks.report import report_key, run_folder
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.window_story import LEVELS, Found, pictures
from tests.alerts.servers import MailServer
from tests.hourly import YAML, Hourly, hour
from tests.slack_server import SlackServer
from tests.ui.browser import chromium
from tests.whole_run import judge

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["chromium"]
pytestmark = pytest.mark.timeout(300)
NOW = hour(26).end + timedelta(minutes=5)
CHANNELS = """\
alerts:
  channels:
    team: {kind: slack, connection: team, to: "#ml-alerts"}
    desk: {kind: email, connection: mail, to: ml@example.org}
  routes: [{to: team, least: medium}, {to: desk, least: medium}]
"""
HOSTILE = "</script><img src=x onerror='window.ran=1'>"


@pytest.fixture
def hourly(tmp_path: Path) -> Hourly:
    """The monitor, whose refusals rise from 3 to 9 per cent in the last of 27 hours, of which one is missing."""
    made = Hourly(tmp_path, YAML + CHANNELS)
    made.write(range(20))
    made.write(range(21, 26))
    made.write(range(26, 27), refused=0.09)
    return made


def judged(hourly: Hourly, runtime: Runtime) -> Verdict:
    """The verdict on the hour of the jump, told to whoever is told."""
    return judge(hourly.monitor, runtime, hour(26), occasion=Occasion(NOW))


def message(runtime: Runtime) -> Message:
    """What was told of the jump; both channels are told the same."""
    bodies = {json.dumps(letter.body) for letter in runtime.store.letters()}
    assert len(bodies) == 1
    return Message.from_json(json.loads(bodies.pop()))


def widgets(runtime: Runtime, verdict: Verdict) -> dict[str, Any]:
    """The widgets of the stored report, by their ids."""
    page = runtime.artifacts.read(report_key(verdict.subject)) or b""
    found = re.search(r"var report = (.*);\nvar additional", page.decode())
    assert found
    return {each["id"]: each for each in json.loads(found[1])["widgets"]}


def test_the_letter_shows_the_level_hour_by_hour(hourly: Hourly, runtime: Runtime) -> None:
    """The windows before in the order of time, the missing one as a gap, this one apart; of a share nothing else."""
    judged(hourly, runtime)
    [plot] = message(runtime).plots
    assert plot.title == "refusal: share of true, window by window"
    assert [plot.labels[place] for place in (0, 18, -1)] == ["03-02 01:00", "03-02 19:00", "03-03 02:00"]
    before = plot.series[BEFORE]
    assert [label for label, level in zip(plot.labels, before, strict=True) if level is None] == [
        "03-02 20:00",
        "03-03 02:00",
    ]
    assert {each for each in before if each is not None} == {0.03}
    assert plot.series[THIS] == (*[None] * 25, 0.09)


def test_letter_and_table_tell_the_figures_of_the_test(hourly: Hourly, runtime: Runtime) -> None:
    """One share, in the reason, the table and the picture."""
    judged(hourly, runtime)
    told = message(runtime)
    assert told.lines[0].startswith("refusal: sudden change, 9.0% true, 3.0% in the 24 windows before")
    assert told.table[1].split("  ")[-2:] == ["3.0% true", "9.0% true"]
    assert "9.0% true" in told.plots[0].alt


def test_a_mean_that_jumped_and_drifted_is_one_mean(hourly: Hourly, runtime: Runtime) -> None:
    """Not the plain one in the table and the one that was tested in the reason; the picture of the values is there."""
    hourly.write(range(26, 27), slower=10.0)
    verdict = judged(hourly, runtime)
    told = message(runtime)
    [said] = [each for each in verdict.reasons if each.startswith("seconds: sudden change, mean ")]
    now, usual = said.split(",")[1].strip(), said.split(",")[3].split()[0]
    row = next(line for line in told.table if line.startswith("seconds"))
    assert row.endswith(now)
    assert f"mean {usual}" in row
    assert " sd " not in row
    assert [each.title for each in told.plots] == ["seconds: mean, window by window", "seconds: share of values"]
    assert told.plots[0].alt.startswith(f"seconds: {now} in the window of 03-03 02:00 UTC")


@pytest.fixture
def mail() -> Iterator[MailServer]:
    """A mail server that takes everything."""
    with MailServer() as running:
        yield running


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    """Slack on loopback."""
    with SlackServer() as running:
        yield running


def test_every_channel_with_pictures_sends_it(
    hourly: Hourly, runtime: Runtime, mail: MailServer, slack: SlackServer
) -> None:
    """The same PNG in Slack's thread and within the mail, with words for whoever sees none."""
    judged(hourly, runtime)
    [plot] = message(runtime).plots
    extra = {"from_email": "bot@example.org", "disable_ssl": True, "disable_tls": True}
    accounts = {
        "TEAM": {"conn_type": "slack", "password": "xoxb-1", "extra": {"base_url": slack.url}},
        "MAIL": {"conn_type": "smtp", "host": "127.0.0.1", "port": mail.port, "extra": extra},
    }
    connections = EnvironmentConnections({f"AIRFLOW_CONN_{name}": json.dumps(each) for name, each in accounts.items()})
    deliver(runtime.store, partial(open_channel, connections=connections), by="test")
    [file], [sent] = slack.files, mail.mails
    assert (file["content"], file["alt_txt"]) == (draw(plot), plot.alt)
    assert [*sent.content.walk()][-1].get_content() == draw(plot)
    assert f"Picture: {plot.alt}" in " ".join(sent.content.get_body(("plain",)).get_content().split())


def test_a_quiet_hour_keeps_no_picture_of_a_level(hourly: Hourly, runtime: Runtime) -> None:
    """Nor does a monitor that watches none keep so much as the file."""
    verdict = judge(hourly.monitor, runtime, hour(25))
    assert runtime.artifacts.read(f"{run_folder(verdict.subject)}/{LEVELS}") == b"{}"
    hourly.configure(YAML.replace(", levels: [words, refusal, seconds]", ""))
    verdict = judge(hourly.monitor, runtime, hour(25))
    assert runtime.artifacts.read(f"{run_folder(verdict.subject)}/{LEVELS}") is None


def test_a_jump_that_is_no_finding_is_not_shown(hourly: Hourly, runtime: Runtime) -> None:
    """A small one, once, is kept in case it persists; a letter about something else does not show it."""
    hourly.write(range(26), count=1500)
    hourly.write(range(26, 27), count=1500, refused=0.0525, slower=10.0)
    verdict = judged(hourly, runtime)
    kept = json.loads(runtime.artifacts.read(f"{run_folder(verdict.subject)}/{LEVELS}") or b"{}")
    assert kept.keys() == {"refusal", "seconds"}
    assert Plot.from_json(kept["refusal"]).percent
    assert {each.title.split(":")[0] for each in message(runtime).plots} == {"seconds"}
    assert pictures(runtime, hourly.monitor, Found(verdict, (), "")).levels.keys() == {"seconds"}


def test_the_report_shows_what_jumped_and_opens_to_what_did_not(hourly: Hourly, runtime: Runtime) -> None:
    """The jump stands below the findings for all to see; every watched column opens to its level."""
    shown = widgets(runtime, judged(hourly, runtime))
    assert [*shown].index("jump-0") == [*shown].index("findings") + 1
    assert shown["jump-0"]["title"] == "refusal: sudden change"
    band, _, before, now, limit = (shown["jump-0"]["params"]["data"][place] for place in range(5))
    assert (before["name"], now["name"]) == ("24 windows before, 3.0%", "this window, 9.0%")
    assert before["x"] == sorted(before["x"])
    assert (before["x"][0], now["x"]) == ("2026-03-02 01:00:00", ["2026-03-03 02:00:00"])
    assert (before["y"][19], before["connectgaps"], now["y"]) == (None, False, [0.09])
    assert len(band["y"]) == 26
    assert limit["y"] == pytest.approx([0.0641, 0.0641], abs=0.001)
    rows = [*shown["prediction_drift"]["params"]["data"], *shown["data_drift"]["params"]["data"]]
    levels = [row for row in rows if row["check"] == "level"]
    assert {row["column"] for row in levels} == {"words", "refusal", "seconds"}
    assert {tuple(part["title"] for part in row["details"]["parts"]) for row in levels} == {("Level", "Distribution")}


def test_the_report_says_why_its_mean_may_be_another(hourly: Hourly, runtime: Runtime) -> None:
    """Beside the axis of a mean; a share needs no such words."""
    hourly.write(range(26, 27), slower=10.0)
    layout = widgets(runtime, judged(hourly, runtime))["jump-0"]["params"]["layout"]
    axis, what = layout["xaxis"]["title"]["text"], layout["yaxis"]["title"]["text"]
    assert what == "seconds: mean"
    assert axis.startswith("start of the window, UTC<br>values below ")
    assert axis.endswith("count as these, so this mean may differ from the plain one")


def test_the_same_hour_gives_the_same_bytes(hourly: Hourly, runtime: Runtime) -> None:
    """Report and pictures, whatever was kept before."""
    folder = run_folder(judged(hourly, runtime).subject)
    keys = [f"{folder}/{name}" for name in ("report.html", "levels.json", "data_drift.json")]
    first = [runtime.artifacts.read(key) for key in keys]
    subject = steps.open_window(hourly.monitor, runtime, hour(26))
    steps.run_suites(hourly.monitor, runtime, subject)
    assert [runtime.artifacts.read(key) for key in keys] == first
    assert None not in first


def renamed(hourly: Hourly, name: str) -> None:
    """The column `refusal` under another name, in the reference, the log and the monitor."""
    paths = [hourly.folder / "reference.parquet", *hourly.folder.glob("log/*/*.parquet")]
    for path in paths:
        hourly.rewrite(
            path, lambda table: table.rename_columns([name if n == "refusal" else n for n in table.column_names])
        )
    hourly.configure((YAML + CHANNELS).replace("refusal", json.dumps(name)))


def test_a_name_is_only_a_name(hourly: Hourly, runtime: Runtime, chromium: Browser, tmp_path: Path) -> None:
    """A column that is called like markup is drawn, in the report and in the letter, and nothing of it runs."""
    renamed(hourly, HOSTILE)
    verdict = judged(hourly, runtime)
    [plot] = message(runtime).plots
    assert plot.title.startswith(HOSTILE[:30])
    page = runtime.artifacts.read(report_key(verdict.subject)) or b""
    assert HOSTILE.encode() not in page
    html = tmp_path / "home" / "monitoring" / "artifacts" / report_key(verdict.subject)
    tab = chromium.new_page()
    complaints: list[str] = []
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.goto(html.as_uri())
    tab.get_by_text(f"{HOSTILE}: sudden change", exact=True).wait_for()
    tab.locator(".js-plotly-plot .ytitle").first.wait_for()
    assert tab.locator(".ytitle").first.text_content() == f"{HOSTILE}: share of true"
    assert tab.evaluate("window.ran") is None
    assert complaints == []
