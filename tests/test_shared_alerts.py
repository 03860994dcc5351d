"""The file of alerts that all monitors share: how it joins a monitor's own section, and how mistakes are told."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from monitoring_tasks import monitor_file
from monitoring_tasks.alerts_section import Alerts
from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.monitor_file import alerts_file, load_monitor, load_monitors, shared_alerts, shared_mistakes
from monitoring_tasks.severity import Severity
from tests.test_monitor import ROOT, TEN_LINES

SHARED = """\
channels:
  ml: {to: "#ml"}
  data: {to: "#data"}
routes:
  - {to: ml}
  - {to: data, about: data_quality}
quiet_hours: {start: "22:00", end: "07:00"}
remind: 1d
runbook: https://wiki.example.org/ml
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of monitors with one in it."""
    made = tmp_path / "monitors"
    made.mkdir()
    (made / "churn.yaml").write_text(TEN_LINES, encoding="utf-8")
    return made


def alerts(folder: Path, shared: str = SHARED, own: str = "") -> Alerts:
    """The monitor's alerts with such a shared file, and such lines of its own."""
    (folder.parent / "alerts.yaml").write_text(shared, encoding="utf-8")
    (folder / "churn.yaml").write_text(TEN_LINES + own, encoding="utf-8")
    return load_monitor(folder / "churn.yaml").alerts


def refused(folder: Path, own: str, shared: str = SHARED) -> str:
    """What is said of a monitor with such lines of its own."""
    with pytest.raises(ConfigurationError) as caught:
        alerts(folder, shared, own)
    return str(caught.value)


def told(found: Alerts, *topics: str) -> list[str]:
    """Addresses of the channels that are told of such topics."""
    return [each.address for each in found.told(topics, ["growth"], Severity.HIGH)]


# Joining --------------------------------------------------------------------------------------------------------------


def test_a_monitor_without_alerts_has_the_shared_ones(folder: Path) -> None:
    """Nothing is repeated in two hundred files."""
    found = alerts(folder)
    assert found == Alerts.model_validate(YAML(typ="safe", pure=True).load(SHARED))
    assert told(found, "data_quality") == ["slack:slack_default:#ml", "slack:slack_default:#data"]


@pytest.mark.parametrize("shared", ["", "# nothing yet\n", "---\n", "{}\n"])
def test_a_shared_file_may_be_empty(folder: Path, shared: str) -> None:
    """A file in which everything is commented out says nothing, as no file does."""
    assert alerts(folder, shared) == Alerts()
    assert shared_mistakes(folder) == []


def test_no_shared_file_is_needed(folder: Path) -> None:
    """A monitor by itself goes by its own section."""
    assert load_monitor(folder / "churn.yaml").alerts == Alerts()
    assert shared_mistakes(folder) == []


def test_own_keys_go_before_shared_ones(folder: Path) -> None:
    """One by one: what the monitor does not say stays as it is shared."""
    found = alerts(folder, own="alerts: {remind: 7d, routes: [{to: data}]}\n")
    assert (found.remind.days, told(found, "late")) == (7, ["slack:slack_default:#data"])
    assert found.quiet_hours
    assert found.runbook == "https://wiki.example.org/ml"


def test_a_key_is_taken_back_with_null(folder: Path) -> None:
    """A monitor that may wake people at night says so."""
    assert alerts(folder, own="alerts: {quiet_hours: ~}\n").quiet_hours is None


def test_own_channels_join_the_shared_ones(folder: Path) -> None:
    """By name: a channel of the same name takes the other's place, so that shared routes lead to it."""
    found = alerts(folder, own='alerts: {channels: {ml: {to: "#growth"}}}\n')
    assert told(found, "data_quality") == ["slack:slack_default:#growth", "slack:slack_default:#data"]
    joined = alerts(folder, own='alerts: {channels: {own: {to: "#own"}}, routes: [{to: [own, data]}]}\n')
    assert told(joined, "late") == ["slack:slack_default:#own", "slack:slack_default:#data"]


def test_a_channel_without_a_route_is_refused(folder: Path) -> None:
    """The shared routes do not know it: nobody would ever be told there."""
    said = refused(folder, 'alerts:\n  channels:\n    own: {to: "#own"}\n')
    assert said.startswith(f"{folder}/churn.yaml:13: alerts.channels.own: no route leads here: name it in routes")
    unrouted = alerts(folder, "channels: {ml: {to: '#ml'}}\n", "alerts: {channels: {own: {to: '#own'}}}\n")
    assert told(unrouted, "late") == ["slack:slack_default:#ml", "slack:slack_default:#own"]


def test_a_shared_channel_without_a_route_is_for_monitors_to_use(folder: Path) -> None:
    """The shared file may offer more than its own routes need."""
    shared = SHARED.replace("  - {to: data, about: data_quality}\n", "")
    assert told(alerts(folder, shared), "data_quality") == ["slack:slack_default:#ml"]
    assert told(alerts(folder, shared, "alerts: {routes: [{to: data}]}\n"), "late") == ["slack:slack_default:#data"]


def test_the_results_do_not_depend_on_routes(folder: Path) -> None:
    """A shared file that appears makes no verdict invalid."""
    before = load_monitor(folder / "churn.yaml")
    alerts(folder)
    after = load_monitor(folder / "churn.yaml")
    assert (after.config_hash, after.performance_hash) == (before.config_hash, before.performance_hash)


KEYS: dict[str, st.SearchStrategy[Any]] = {
    "remind": st.sampled_from(["1d", "2d"]),
    "healthy_windows": st.integers(1, 4),
    "deadline": st.sampled_from([None, "2h"]),
    "runbook": st.sampled_from([None, "https://a.example.org", "https://b.example.org"]),
    "patience": st.fixed_dictionaries({}, optional={"no_data": st.integers(1, 3), "labels": st.integers(1, 3)}),
    "digest": st.fixed_dictionaries({}, optional={"at": st.sampled_from(["07:00", "09:30"])}),
}
NAMED = {name: st.builds("#{}".format, st.sampled_from("xyz")).map(lambda to: {"to": to}) for name in ("a", "b", "c")}
SECTIONS = st.fixed_dictionaries({}, optional={**KEYS, "channels": st.fixed_dictionaries({}, optional=NAMED)})


@given(SECTIONS, SECTIONS)
def test_joining_is_key_by_key(shared: dict[str, Any], own: dict[str, Any]) -> None:
    """Every key is the monitor's where it has one, else the shared one, else the default."""
    joined = monitor_file._joined(shared, own)
    found = Alerts.model_validate(joined)
    for key in KEYS:
        source = own if key in own else shared
        expected = Alerts.model_validate({key: source[key]} if key in source else {})
        assert getattr(found, key) == getattr(expected, key)
    channels = {**shared.get("channels", {}), **own.get("channels", {})}
    assert {name: each.to for name, each in found.channels.items()} == {n: (c["to"],) for n, c in channels.items()}


# Where it lies --------------------------------------------------------------------------------------------------------


def test_it_lies_beside_the_folder_of_monitors(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Wherever the command runs and however the folder is written; `MONITORING_ALERTS` names another file."""
    monkeypatch.chdir(tmp_path)
    for place in (tmp_path / "monitors", Path("monitors"), Path("x/../monitors"), Path("./monitors/")):
        assert alerts_file(place) == tmp_path / "alerts.yaml"
    assert alerts_file(Path()) == tmp_path.parent / "alerts.yaml"
    monkeypatch.setenv("MONITORING_ALERTS", "/etc/alerts.yaml")
    assert alerts_file(tmp_path) == Path("/etc/alerts.yaml")


def test_another_file_may_be_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That file counts, the one beside the folder no longer; one that is not there is a mistake."""
    other = folder.parent / "other.yaml"
    other.write_text("remind: 9d\n", encoding="utf-8")
    monkeypatch.setenv("MONITORING_ALERTS", str(other))
    assert alerts(folder).remind.days == 9
    other.unlink()
    assert shared_mistakes(folder) == [f"{other}:1: is not a file: write one, or unset MONITORING_ALERTS"]
    assert load_monitor(folder / "churn.yaml").alerts == Alerts()


def test_an_edit_counts_at_once(folder: Path) -> None:
    """The text is read at every load; only the reading of the same YAML again is spared."""
    for number in (1, 2, 3, 1):
        assert alerts(folder, f"healthy_windows: {number}\n").healthy_windows == number


def test_two_hundred_monitors_read_it_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """YAML is slow to read, and Airflow reads all monitors every half minute."""
    alerts(folder, SHARED + "# read once\n")
    parsed, parse = [], monitor_file._parsed

    def counted(path: Path, text: str) -> Any:
        parsed.append(path.name)
        return parse(path, text)

    monkeypatch.setattr(monitor_file, "_parsed", counted)
    for _ in range(5):
        load_monitor(folder / "churn.yaml")
    assert parsed == ["churn.yaml"] * 5


# Mistakes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shared", "line", "said"),
    [
        ("remind: 1d\nminimum: low\n", 2, "minimum: found 'low': unknown key"),
        ("channels:\n  ml:\n    kind: teams\n", 3, "channels.ml.kind: found 'teams': Input should be 'slack'"),
        ("routes:\n  - {to: ml}\n", 1, "alerts: found {'routes': [{'to': 'ml'}]}: routes: there is no channel 'ml'"),
        ("digest:\n  at: 8am\n", 2, "digest.at: found '8am': '8am' is not a time of day"),
        ("- remind: 1d\n", 1, "found list: write a mapping, such as channels:"),
        ("channels: [1\n", 2, "not valid YAML"),
        ("remind: 1d\nremind: 2d\n", 2, "not valid YAML: found duplicate key"),
    ],
)
def test_a_mistake_names_file_line_and_key(folder: Path, shared: str, line: int, said: str) -> None:
    """Of the shared file, once, whatever the number of monitors."""
    (folder / "fraud.yaml").write_text(TEN_LINES.replace("churn", "fraud", 1), encoding="utf-8")
    alerts(folder, shared)
    monitors, mistakes = load_monitors(folder)
    assert [monitor.name for monitor in monitors] == ["churn", "fraud"]
    [mistake] = mistakes
    assert mistake.startswith(f"{folder.parent}/alerts.yaml:{line}: {said}")
    with pytest.raises(ConfigurationError, match=re.escape(mistake)):
        shared_alerts(alerts_file(folder))


def test_a_file_that_cannot_be_read(folder: Path) -> None:
    """A shared file of another encoding is a mistake like any other."""
    (folder.parent / "alerts.yaml").write_bytes(b"remind: \xff\n")
    [mistake] = shared_mistakes(folder)
    assert mistake.startswith(f"{folder.parent}/alerts.yaml:1: cannot be read")
    assert load_monitor(folder / "churn.yaml").alerts == Alerts()


def test_a_broken_shared_file_leaves_the_monitors_their_own(folder: Path) -> None:
    """An alert that goes to fewer people is better than no monitor; routes that need the file are left out."""
    broken = SHARED + "minimum: low\n"
    found = alerts(folder, broken, 'alerts: {remind: 7d, channels: {own: {to: "#own"}}, routes: [{to: own}]}\n')
    assert (found.remind.days, told(found, "late")) == (7, ["slack:slack_default:#own"])
    routed = 'alerts: {channels: {own: {to: "#own"}}, routes: [{to: data}, {to: own, least: critical}]}\n'
    assert told(alerts(folder, broken, routed), "late") == ["slack:slack_default:#own"]
    assert told(alerts(folder, broken, "alerts: {routes: [{to: data}]}\n"), "late") == ["log"]


@pytest.mark.parametrize("shared", [SHARED, SHARED + "minimum: low\n"], ids=["sound", "broken"])
@pytest.mark.parametrize(
    ("own", "said"),
    [
        ("alerts: {minimum: low}\n", "churn.yaml:11: alerts.minimum: found 'low': unknown key"),
        ("alerts:\n", "churn.yaml:11: alerts: found None"),
        ("alerts: log\n", "churn.yaml:11: alerts: found 'log'"),
        ("alerts:\n  channels: [ml]\n", "churn.yaml:12: alerts.channels: found ['ml']"),
        ("alerts:\n  channels:\n", "churn.yaml:12: alerts.channels: found None"),
    ],
)
def test_a_monitors_own_mistakes_stay_its_own(folder: Path, shared: str, own: str, said: str) -> None:
    """Whatever the shared file says, they are told with the monitor's file and line."""
    assert said in refused(folder, own, shared)


def test_a_route_to_a_channel_that_neither_has(folder: Path) -> None:
    """The mistake names the channels there are, shared ones included."""
    said = refused(folder, "alerts:\n  routes:\n    - {to: tem}\n")
    assert f"{folder}/churn.yaml:11: alerts: " in said
    assert "routes: there is no channel 'tem': channels has ml, data" in said


@pytest.mark.parametrize("key", ["token", "password", "url", "webhook_url", "routing_key", "secret"])
def test_what_is_written_as_a_secret_is_not_told(folder: Path, key: str) -> None:
    """Whoever writes a secret into the YAML learns that the key is unknown, and nobody learns the secret."""
    own = f'alerts: {{channels: {{ml: {{to: "#ml", {key}: s3cret}}}}}}\n'
    said = refused(folder, own)
    assert f"alerts.channels.ml.{key}: unknown key" in said
    assert "s3cret" not in said


def test_the_address_of_a_webhook_is_not_told(folder: Path) -> None:
    """In the place of a channel it is refused without being repeated."""
    said = refused(folder, "alerts: {channels: {ml: {to: https://hooks.slack.com/services/T0/B0/s3cret}}}\n")
    assert "belongs into an Airflow connection" in said
    assert "s3cret" not in said


# The example ----------------------------------------------------------------------------------------------------------


def test_the_shipped_file_declares_nothing() -> None:
    """Who copies the project finds a file that changes nothing."""
    assert shared_alerts(ROOT / "include" / "alerts.yaml") == {}


def test_what_the_shipped_file_proposes_loads(folder: Path) -> None:
    """Everything that is commented out there is valid, as it stands."""
    lines = (ROOT / "include" / "alerts.yaml").read_text(encoding="utf-8").splitlines()
    proposed = [line[2:] for line in lines if re.match(r"# ([a-z_]+: *[^A-Z\s]|[a-z_]+:$| )", line)]
    found = alerts(folder, "\n".join(proposed))
    assert {*found.channels} == {"ml", "data", "owners", "on_call", "tickets", "log"}
    assert shared_mistakes(folder) == []
    assert {*found.model_fields_set} == {*Alerts.model_fields}


def test_the_alerts_of_the_docs_load(folder: Path) -> None:
    """The example that people copy is valid, and shows every key."""
    text = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    [block] = [yaml for part in text.split("```yaml\n") if "quiet_hours" in (yaml := part.split("```")[0])]
    found = alerts(folder, block)
    assert shared_mistakes(folder) == []
    assert {*found.model_fields_set} == {*Alerts.model_fields}


# What stands where the file should be ---------------------------------------------------------------------------------


def test_what_is_no_file_is_no_silence(folder: Path) -> None:
    """A folder, or a link that leads nowhere (a mount that lacks its key), is a mistake, and monitors go on."""
    place = folder.parent / "alerts.yaml"
    place.mkdir()
    [mistake] = shared_mistakes(folder)
    assert mistake.startswith(f"{place}:1: cannot be read: ")
    place.rmdir()
    place.symlink_to(folder / "nowhere.yaml")
    [mistake] = shared_mistakes(folder)
    assert mistake.startswith(f"{place}:1: cannot be read: ")
    assert load_monitor(folder / "churn.yaml").alerts == Alerts()


def test_the_other_ending_is_told(folder: Path) -> None:
    """A file `alerts.yml` would be read by nobody, in silence; beside `alerts.yaml` it is a spare copy."""
    (folder.parent / "alerts.yml").write_text(SHARED, encoding="utf-8")
    assert shared_mistakes(folder) == [f"{folder.parent}/alerts.yml:1: is read by nobody: name it alerts.yaml"]
    assert told(alerts(folder), "failed") == ["slack:slack_default:#ml"]
    assert shared_mistakes(folder) == []


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)


ENDLESS = {"bomb": BOMB, "circle": "channels: &c {ml: *c}\n", "deep": "a: " + "[" * 500 + "]" * 500}


@pytest.mark.parametrize("text", ENDLESS.values(), ids=ENDLESS)
def test_a_file_without_end_holds_up_nobody(folder: Path, text: str) -> None:
    """Aliases that repeat each other, and depth without bottom, are mistakes of their file, told at once."""
    (folder.parent / "alerts.yaml").write_text(text, encoding="utf-8")
    (folder / "bomb.yaml").write_text(text, encoding="utf-8")
    found, mistakes = load_monitors(folder)
    assert [each.name for each in found] == ["churn"]
    assert {mistake.split(":")[0].rpartition("/")[2] for mistake in mistakes} == {"alerts.yaml", "bomb.yaml"}
    assert all(len(mistake) < 500 for mistake in mistakes)
