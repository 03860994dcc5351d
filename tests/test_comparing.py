"""The rules compared: each judges the past as its own runs would, and leaves no trace but profiles."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitoring_tasks.alarms_section import Rules
from monitoring_tasks.calibration.domain import JointNull
from monitoring_tasks.comparing import RULES, Comparison, row_json, tallies, with_rules
from monitoring_tasks.errors import SourceInvalid
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.policy.verdict import Outcome
from monitoring_tasks.rules import own_settings
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.window import Window, windows_between
from tests.past import monitor
from tests.production import FIRST_DAY, YAML, Production, rows
from tests.whole_run import judge

JOINT = YAML.replace("joint: false", "joint: true")


def days(count: int, *, after: int = 0) -> list[Window]:
    """The daily windows of production, `count` of them from day `after` on."""
    first = FIRST_DAY + timedelta(days=after)
    return windows_between("@daily", None, Window.parse(str(first), str(first + timedelta(days=count))))


@pytest.mark.parametrize("rules", RULES)
def test_a_replay_says_what_a_run_says(production: Production, runtime: Runtime, rules: Rules) -> None:
    """Outcome, severity, actions, reasons and findings, the history of windows before the span included."""
    production.configure(f"{YAML}policy: {rules}\n")
    production.write_days(FIRST_DAY, 2, shift=0.35)
    production.write(FIRST_DAY + timedelta(days=2), shift=0.5, count=150)
    production.write(FIRST_DAY + timedelta(days=3), shift=0.3, columns={"spend": None})
    about = load_monitor(production.monitor_file)
    comparison, outcomes = Comparison.prepare(about, runtime), []
    for window in days(4, after=1):
        replayed = comparison.row(window).verdicts[rules]
        ran = judge(about, runtime, window)
        assert replayed.subject == ran.subject
        assert (replayed.outcome, replayed.severity, replayed.actions) == (ran.outcome, ran.severity, ran.actions)
        assert replayed.reasons == ran.reasons
        assert replayed.evidence["findings"] == ran.evidence["findings"]
        outcomes.append(replayed.outcome)
    assert Outcome.HEALTHY not in outcomes
    assert outcomes[1::2] == [Outcome.TOO_FEW_ROWS, Outcome.NO_DATA]


def test_rows_without_a_timestamp_are_told(production: Production, runtime: Runtime) -> None:
    """They are in no profile, and the replay counts them all the same."""
    moments = rows(FIRST_DAY)["at"]
    production.write(FIRST_DAY, columns={"at": [None] * 100 + moments[100:]})
    [window] = days(1)
    for verdict in Comparison.prepare(load_monitor(production.monitor_file), runtime).row(window).verdicts.values():
        [found] = [finding for finding in verdict.evidence["findings"] if finding["column"] == "at"]
        assert (found["check"], found["value"], found["large"]) == ("missing_share", 0.1, True)
        assert "block_retraining" in verdict.actions


def test_a_replay_leaves_the_store_alone(production: Production, runtime: Runtime) -> None:
    """Results and verdicts are not written, and pieces that are stored are not read from the source again."""
    production.write_days(FIRST_DAY, 2)
    about, windows = load_monitor(production.monitor_file), days(2)
    first = [row_json(Comparison.prepare(about, runtime).row(window)) for window in windows]
    assert runtime.store.latest() == []
    stored = sorted(path.name for path in (production.folder / "home").rglob("profiles/**/*.json"))
    again = [row_json(Comparison.prepare(about, runtime).row(window)) for window in windows]
    assert again == first
    assert sorted(path.name for path in (production.folder / "home").rglob("profiles/**/*.json")) == stored
    assert len(stored) == 2


def test_naive_tests_alarm_on_clean_windows(production: Production, runtime: Runtime) -> None:
    """On three weeks of days like the reference's, significance alone alarms on one in six, the default never."""
    production.write_days(FIRST_DAY, 21)
    comparison = Comparison.prepare(load_monitor(production.monitor_file), runtime)
    counted = tallies([comparison.row(window) for window in days(21)])
    assert {found.windows for found in counted.values()} == {21}
    assert counted["calibrated"].alarms == 0
    assert counted["classic"].alarms >= 3
    assert counted["classic"].findings_per_day >= 3 / 21


def test_a_shift_is_told_by_all(production: Production, runtime: Runtime) -> None:
    """Half a deviation in age and score: every rule alarms, and names both columns."""
    production.write(FIRST_DAY, shift=0.6)
    comparison = Comparison.prepare(load_monitor(production.monitor_file), runtime)
    counted = tallies([comparison.row(window) for window in days(1)])
    for found in counted.values():
        assert (found.alarms, found.episodes) == (1, 1)
        assert {"age", "score"} <= dict(found.columns).keys()


def test_a_window_that_cannot_be_read(production: Production, runtime: Runtime) -> None:
    """It has an error instead of verdicts, counts nowhere, and the windows after it are judged."""
    production.write_days(FIRST_DAY, 3)
    (production.folder / "predictions" / "day=2013-03-02" / "part-0.parquet").write_text("no parquet")
    comparison = Comparison.prepare(load_monitor(production.monitor_file), runtime)
    judged = [comparison.row(window) for window in days(3)]
    assert [row.error is None for row in judged] == [True, False, True]
    assert isinstance(judged[1].error, SourceInvalid)
    assert "SourceInvalid: " in row_json(judged[1])["error"]
    assert {found.windows for found in tallies(judged).values()} == {2}


def test_the_joint_test_is_asked_for(production: Production, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without asking it is left out; a monitor that has none gets none."""
    null = JointNull(0.5, 0.1, 9, (2000, 300))  # the real one takes long to make
    monkeypatch.setattr("monitoring_tasks.kept_nulls.joint_null", lambda *_, **__: null)
    production.write(FIRST_DAY, count=300)
    [window] = days(1)
    for yaml, ask, has in ((JOINT, True, True), (JOINT, False, False), (YAML, True, False)):
        production.configure(yaml)
        comparison = Comparison.prepare(load_monitor(production.monitor_file), runtime, joint=ask)
        assert comparison.joint == has
        verdicts = comparison.row(window).verdicts
        checks = {rules: sum(verdicts[rules].evidence["checks"].values()) for rules in RULES}
        # The default looks for time without rows as well.
        assert checks == dict.fromkeys(RULES, checks["psi"]) | {"calibrated": checks["psi"] + 1 + has}


def test_with_rules() -> None:
    """Methods and limits go, and what else a column or the drift section says stays."""
    age = {"kind": "numeric", "method": "ks", "threshold": 0.3, "range": [0, 120], "baseline": {"kind": "trailing"}}
    drift = {"numeric": {"method": "ks"}, "share": 0.3, "baseline": {"kind": "seasonal", "weeks": 2}}
    about = monitor(features={"age": age, "plan": "categorical"}, drift=drift, policy={"significance": 0.01})
    kept = {name: value for name, value in age.items() if name not in ("method", "threshold")}
    for rules in RULES:
        other = with_rules(about, rules)
        plain = rules == "calibrated"
        expected = monitor(
            features={"age": age if plain else kept, "plan": "categorical"},
            drift=drift if plain else {name: value for name, value in drift.items() if name != "numeric"},
            policy={"significance": 0.01, "rules": rules},
        )
        assert other == expected
        assert other.config_hash == expected.config_hash
        assert own_settings(other.features, other.drift) == (
            [] if not plain else own_settings(about.features, about.drift)
        )
        assert with_rules(other, rules) == other


def test_relative_paths_stay(production: Production, runtime: Runtime) -> None:
    """A monitor by other rules still finds its files."""
    about = load_monitor(production.monitor_file)
    assert with_rules(about, "psi").locate("predictions") == about.locate("predictions")
