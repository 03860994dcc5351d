"""The commands `monitoring alerts ...`: what is open, undelivered, or would have been told; and what people do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitoring_tasks.alerts.composing import Told, compose
from monitoring_tasks.alerts.telling import Teller, record
from monitoring_tasks.cli import main
from monitoring_tasks.cli.terminal import user
from monitoring_tasks.incidents.reading import Cause, Reading, Signal
from monitoring_tasks.monitor_file import find_monitor
from monitoring_tasks.severity import Severity
from monitoring_tasks.store.database import Store, open_store
from monitoring_tasks.window import Window
from tests.production import YAML
from tests.slack_server import SlackServer

CHANNELS = """\
alerts:
  channels:
    team: {kind: slack, connection: pager, to: '#ml'}
    diary: {kind: log}
"""
FIRST = datetime(2013, 6, 3, tzinfo=UTC)


@dataclass(frozen=True)
class World:
    """A folder of monitors, the results store beside it, and Slack."""

    folder: Path
    slack: SlackServer

    @property
    def store(self) -> Store:
        """The store that the commands use."""
        return open_store(f"sqlite:///{self.folder}/monitoring/results.db")

    def read(self, day: int = 0, severity: Severity | None = Severity.HIGH, *, live: bool = True, **more: Any) -> None:
        """Record what the run of a day found about drift: something, or nothing."""
        monitor = find_monitor(self.folder, more.pop("name", "churn"))
        end = FIRST + timedelta(days=day)
        signal = Signal(Cause.DRIFT, severity or Severity.NONE, ("age: psi 8.4 against 0.2",), ("age",), **more)
        signal = replace(signal, topics=("data_drift",))
        window, covers = Window(end - timedelta(days=1), end), frozenset({Cause.DRIFT})
        signals = (signal,) if severity else ()
        found = Reading(monitor.name, monitor.owner, monitor.dag_id, "drift", window, end, covers, signals)
        teller = Teller(monitor.alerts, lambda change: compose(change, Told(monitor)), end)
        with self.store as store, store.transaction() as transaction:
            record(transaction, found, teller if live else None)


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A monitor with two channels, one of them Slack."""
    (tmp_path / "churn.yaml").write_text(YAML + CHANNELS)
    monkeypatch.setenv("MONITORING_HOME", str(tmp_path))
    monkeypatch.setenv("MONITORING_MONITORS", str(tmp_path))
    with SlackServer() as slack:
        pager = {"conn_type": "slack", "password": "xoxb-secret", "extra": {"base_url": slack.url}}
        monkeypatch.setenv("AIRFLOW_CONN_PAGER", json.dumps(pager))
        yield World(tmp_path, slack)


@pytest.fixture
def alerts(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Call `monitoring alerts` as its script does, in a wide terminal."""
    monkeypatch.setattr("monitoring_tasks.cli.terminal.out.width", 160)

    def call(*arguments: str) -> Ended:
        monkeypatch.setattr("sys.argv", ["monitoring", "alerts", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capsys.readouterr()
        assert "\x1b" not in shown.out + shown.err
        assert "xoxb-secret" not in shown.out + shown.err
        return Ended(int(str(ended.value.code)), shown.out, shown.err)

    return call


def opened(world: World) -> str:
    """Id of the only open incident."""
    with world.store as store:
        [incident] = store.incidents(open_only=True)
    return incident.id


def test_nothing_is_open(world: World, alerts: Command) -> None:
    """Where all is well it says so, and ends well."""
    done = alerts()
    assert (done.code, done.out) == (0, "no open incidents\nno undelivered letters\n")


def test_open_incidents_and_letters_due(world: World, alerts: Command) -> None:
    """An incident has its id, severity, monitor, day and reason; letters that are due and not sent are listed."""
    world.read()
    done = alerts()
    assert done.code == 1
    row = next(line for line in done.out.splitlines() if line.strip().startswith(opened(world)))
    for part in ("high", "open", "churn", "2013-06-02", "age: psi 8.4 against 0.2"):
        assert part in row
    assert "slack:pager:#ml" in done.out
    assert "not tried yet" in done.out


def test_options_are_those_of_the_list(world: World, alerts: Command) -> None:
    """Without a command, options are read as `list` reads them; one monitor can be asked for."""
    world.read()
    found = json.loads(alerts("--json", "--monitor", "churn").out)
    assert [each["id"] for each in found["incidents"]] == [opened(world)]
    assert {each["channel"] for each in found["letters"]} == {"slack:pager:#ml", "log"}
    (world.folder / "other.yaml").write_text(YAML.replace("name: churn", "name: other"))
    assert json.loads(alerts("list", "--json", "--monitor", "other").out) == {"incidents": [], "letters": []}


def test_an_incident_from_its_beginning(world: World, alerts: Command) -> None:
    """What it is, who is in it, what happened and who was told; for programs as JSON."""
    world.read()
    world.read(1, Severity.CRITICAL)
    id = opened(world)
    story = alerts("show", id).out.splitlines()
    assert story[0] == f"{id}: open, severity critical, worst critical"
    assert any("churn (growth): critical, age, from 2013-06-02 to 2013-06-04" in line for line in story)
    assert "  2013-06-04 00:00Z escalated, critical: from high to critical" in story
    assert any(line.startswith("  opened to slack:pager:#ml: waiting") for line in story)
    found = json.loads(alerts("show", id, "--json").out)
    assert [each["event"] for each in found["transitions"]] == ["opened", "escalated"]
    assert len(found["letters"]) == 4
    gone = alerts("show", "drift-0")
    assert gone.code == 3
    assert "there is no incident 'drift-0'" in gone.err


def test_people_act(world: World, alerts: Command) -> None:
    """Each action is kept with the name of the machine's user, and posted beneath what was told."""
    world.read()
    id = opened(world)
    assert alerts("acknowledge", id).code == 0
    muted = alerts("mute", id, "--for", "2d", "--reason", "a new vendor")
    assert muted.code == 0
    assert muted.out.startswith(f"{id} is muted until 20")
    assert alerts("unmute", id).code == 0
    assert f"{id} is resolved, by {user()}: " in alerts("resolve", "churn", "--reason", "mended").out
    with world.store as store:
        happened = store.transitions(id)
        letters = store.letters(incident=id)
    assert [each.event for each in happened] == ["opened", "acknowledged", "muted", "unmuted", "resolved"]
    assert {each.by for each in happened[1:]} == {user()}
    assert happened[-1].reason == "mended"
    assert len(letters) == 2 * 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mute", "ID", "--for", "2d"), "without a reason"),
        (("mute", "ID", "--for", "soon", "--reason", "x"), "write a count and one of m, h, d, w"),
        (("mute", "ID", "--reason", "x"), "--for"),
        (("resolve", "ID"), "without a reason"),
        (("unmute", "ID"), "is not muted"),
        (("acknowledge", "other"), "no incident and no monitor 'other' to acknowledge: there are drift-"),
    ],
)
def test_what_makes_no_sense(world: World, alerts: Command, arguments: tuple[str, ...], message: str) -> None:
    """It says what is wrong, and nothing is changed."""
    world.read()
    id = opened(world)
    done = alerts(*(id if each == "ID" else each for each in arguments))
    assert done.code == 3
    assert message in done.err
    with world.store as store:
        assert [each.event for each in store.transitions(id)] == ["opened"]


def test_letters_are_delivered_by_hand(world: World, alerts: Command) -> None:
    """Every letter that is due goes out once, through the connections of the environment."""
    world.read()
    assert alerts("deliver").out.endswith("2 sent, 0 failed for now, 0 given up\n")
    told = len(world.slack.posts)
    assert told
    assert alerts("deliver").out.endswith("0 sent, 0 failed for now, 0 given up\n")
    assert len(world.slack.posts) == told
    assert "no undelivered letters" in alerts().out


def test_a_channel_that_cannot_be_opened(world: World, alerts: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others are reached; what is missing is said, also in the list."""
    monkeypatch.delenv("AIRFLOW_CONN_PAGER")
    world.read()
    done = alerts("deliver")
    assert done.code == 3
    assert "1 sent, 1 failed for now" in done.out
    assert "pager" in alerts().out


def test_dead_letters_are_sent_again(world: World, alerts: Command) -> None:
    """A dead letter is listed with its reason, and goes out when it is asked for again."""
    world.read()
    with world.store as store:
        dead = store.claim_letter(by="test", now=datetime.now(UTC), lapse=timedelta(minutes=5))
        assert dead is not None
        store.settle_letter(replace(dead[0], state="dead", error="channel_not_found"))
    assert alerts("deliver").code == 0
    shown = alerts()
    assert "channel_not_found" in shown.out
    assert "dead" in shown.out
    assert "1 dead letters wait again" in alerts("retry", opened(world)).out
    assert "no undelivered letters" in alerts().out
    assert "0 dead letters wait again" in alerts("retry").out


def test_routes_are_tested(world: World, alerts: Command) -> None:
    """A marked message goes to every channel, and each answer is told; one that fails ends with an error."""
    done = alerts("test", "churn")
    assert (done.code, done.out) == (0, "slack:pager:#ml: sent\nlog: sent\n")
    assert "TEST" in json.dumps(world.slack.posts)
    from tests.slack_server import Answer

    world.slack.outage = Answer.error("channel_not_found")
    failed = alerts("test", "churn")
    assert failed.code == 3
    assert "slack:pager:#ml: refused: " in failed.out
    assert "log: sent" in failed.out


def test_a_monitor_without_channels(world: World, alerts: Command) -> None:
    """It says where the alerts go."""
    (world.folder / "churn.yaml").write_text(YAML)
    assert "names no channels: its alerts go to the log" in alerts("test", "churn").out


def test_what_would_have_been_told(world: World, alerts: Command) -> None:
    """Silent readings, in any order, give what live runs would have told: when, how severe, why, and to whom."""
    for day, severity in ((2, Severity.CRITICAL), (0, Severity.HIGH), (1, Severity.HIGH), (3, None), (4, None)):
        world.read(day, severity, live=False)
    world.read(9, Severity.LOW, live=False)
    done = alerts("--would-have")
    assert done.code == 1
    pages = [line.split()[:4] for line in done.out.splitlines() if line.strip().startswith("2013")]
    assert pages == [
        ["2013-06-03", "00:00Z", "high", "opened"],
        ["2013-06-05", "00:00Z", "critical", "escalated"],
        ["2013-06-12", "08:00Z", "low", "opened,"],
    ]
    assert done.out.endswith("2 pages (1 critical, 1 high), 1 line in digests\n")
    found = json.loads(alerts("--would-have", "--json").out)
    assert [each["event"] for each in found] == ["opened", "escalated", "resolved", "opened"]
    assert found[0]["channels"] == ["slack:pager:#ml", "log"]
    assert not world.slack.posts
    assert alerts().code == 0


def test_a_span_of_what_would_have_been_told(world: World, alerts: Command) -> None:
    """Only what was found in the span is told, with all before it taken into account."""
    world.read(0, live=False)
    world.read(1, Severity.CRITICAL, live=False)
    done = alerts("--would-have", "--start", "2013-06-03", "--end", "2013-06-10")
    assert "escalated" in done.out
    assert "opened" not in done.out
    (world.folder / "other.yaml").write_text(YAML.replace("name: churn", "name: other"))
    other = alerts("--would-have", "--monitor", "other")
    assert other.out == "0 pages, 0 lines in digests\n"
    assert "other has judged no window yet: see `monitoring backfill --help`" in other.err
    assert alerts("--would-have", "--start", "2013-06-10").code == 0


def test_live_and_replayed_are_the_same(world: World, alerts: Command) -> None:
    """What was told live is what a replay of the readings says."""
    for day, severity in enumerate((Severity.HIGH, Severity.HIGH, Severity.CRITICAL, None, None)):
        world.read(day, severity)
    found = json.loads(alerts("--would-have", "--json").out)
    with world.store as store:
        [incident] = store.incidents()
        happened = store.transitions(incident.id)
    assert [(each["event"], each["tick"]) for each in found] == [
        (each.event, f"{each.tick:%Y-%m-%dT%H:%M:%SZ}") for each in happened
    ]


def test_a_narrow_terminal(world: World, alerts: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason keeps its room: state and channels are left to `--json`."""
    monkeypatch.setattr("monitoring_tasks.cli.terminal.out.width", 80)
    world.read()
    assert "state" not in alerts().out
    assert "channels" not in alerts("--would-have").out


@pytest.mark.parametrize("arguments", [(), ("--would-have",), ("--json",)])
def test_a_name_that_is_misspelt(world: World, alerts: Command, arguments: tuple[str, ...]) -> None:
    """It does not look like a monitor that is well; one whose YAML is gone is still known."""
    world.read()
    done = alerts(*arguments, "--monitor", "chrun")
    assert (done.code, done.out) == (3, "")
    assert f"no monitor 'chrun' in {world.folder}: there are churn" in done.err
    (world.folder / "churn.yaml").unlink()
    assert alerts(*arguments, "--monitor", "churn").code == 1


def test_a_fresh_store_would_have_told_nothing(world: World, alerts: Command) -> None:
    """Before any window is judged it says so, and a store with readings says nothing on the error stream."""
    fresh = alerts("--would-have")
    assert (fresh.code, fresh.out) == (0, "0 pages, 0 lines in digests\n")
    assert fresh.err == "no monitor has judged a window yet: see `monitoring backfill --help`\n"
    world.read(0, None, live=False)
    assert alerts("--would-have").err == ""


def test_a_span_without_would_have(world: World, alerts: Command) -> None:
    """What is open is listed as it stands: a span that would be ignored is refused."""
    world.read()
    done = alerts("--start", "2013-06-01")
    assert done.code == 3
    assert "go with --would-have" in done.err


def test_the_beginning_of_an_id(world: World, alerts: Command) -> None:
    """An id may be cut short where only one begins like that; an unknown one is no success of `retry`."""
    world.read()
    id = opened(world)
    assert alerts("show", id[:10]).out.startswith(f"{id}: open")
    assert alerts("acknowledge", id[:10]).out.startswith(f"{id} is acknowledged, by {user()}: ")
    unknown = alerts("retry", "drift-nosuch")
    assert unknown.code == 3
    assert "there is no incident 'drift-nosuch'" in unknown.err


def test_help_tells_the_exit_codes(world: World, alerts: Command) -> None:
    """Whoever writes a script needs no other page."""
    shown = " ".join(alerts("--help").out.split())
    assert "Exit code of `list`: 0 nothing is open" in shown
    assert "3 a channel did not take it" in shown
    assert "No such command 'frobnicate': see monitoring --help" in alerts("frobnicate").err
