"""The rules compared: each judges the past as its own runs would, and leaves no trace but profiles."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from monitoring_tasks import steps
from monitoring_tasks.alarms_section import Rules
from monitoring_tasks.comparing import RULES, Comparison, row_json, tallies, with_rules
from monitoring_tasks.errors import SourceInvalid
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.policy.verdict import Outcome, Subject, Verdict
from monitoring_tasks.rules import own_settings
from monitoring_tasks.runtime import Runtime, environment_runtime
from monitoring_tasks.window import Window, windows_between
from tests.past import monitor
from tests.production import FIRST_DAY, YAML, Production

QUICK = YAML + "alarms: {joint: false}\n"


@pytest.fixture
def production(tmp_path: Path) -> Production:
    """A monitor without the joint test, and no production yet."""
    return Production(tmp_path, QUICK)


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    """A runtime of its own in the test's folder."""
    opened = environment_runtime({"MONITORING_HOME": str(tmp_path / "home")})
    with opened.store:
        yield opened


def days(count: int, *, after: int = 0) -> list[Window]:
    """The daily windows of production, `count` of them from day `after` on."""
    first = FIRST_DAY + timedelta(days=after)
    return windows_between("@daily", None, Window.parse(str(first), str(first + timedelta(days=count))))


def judge(about: Monitor, runtime: Runtime, window: Window) -> Verdict:
    """A whole run."""
    subject = steps.open_window(about, runtime, window)
    steps.profile_window(about, runtime, subject)
    steps.run_suites(about, runtime, subject)
    steps.reach_verdict(about, runtime, subject, run={})
    found = runtime.store.verdict(Subject.from_json(subject))
    assert found is not None
    return found


@pytest.mark.parametrize("rules", RULES)
def test_a_replay_says_what_a_run_says(production: Production, runtime: Runtime, rules: Rules) -> None:
    """Outcome, severity, actions, reasons and findings, the history of windows before the span included."""
    production.configure(f"{QUICK}policy: {rules}\n")
    production.write_days(FIRST_DAY, 2)
    production.write(FIRST_DAY + timedelta(days=2), shift=0.35)
    production.write(FIRST_DAY + timedelta(days=3), shift=0.3, columns={"spend": None})
    about = load_monitor(production.monitor_file)
    comparison = Comparison.prepare(about, runtime)
    for window in days(3, after=2):  # the last one has no rows
        replayed = comparison.row(window).verdicts[rules]
        ran = judge(about, runtime, window)
        assert replayed.subject == ran.subject
        assert (replayed.outcome, replayed.severity, replayed.actions) == (ran.outcome, ran.severity, ran.actions)
        assert replayed.reasons == ran.reasons
        assert replayed.evidence["findings"] == ran.evidence["findings"]
        assert replayed.outcome is not Outcome.HEALTHY


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
    rows = [comparison.row(window) for window in days(3)]
    assert [row.error is None for row in rows] == [True, False, True]
    assert isinstance(rows[1].error, SourceInvalid)
    assert "SourceInvalid: " in row_json(rows[1])["error"]
    assert {found.windows for found in tallies(rows).values()} == {2}


class QuietJointNull:
    """A null under which every joint change is ordinary; the real one takes long to make."""

    def p_value(self, auc: float, rows: int) -> float:
        """Always the same."""
        return 0.5

    def to_json(self) -> dict[str, float]:
        """Nothing to keep."""
        return {}


def test_the_joint_test_is_asked_for(production: Production, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without asking it is left out; a monitor that has none gets none."""
    monkeypatch.setattr("monitoring_tasks.assessment.joint_null", lambda *given, **more: QuietJointNull())
    production.write(FIRST_DAY, count=300)
    [window] = days(1)
    for yaml, ask, has in ((YAML, True, True), (YAML, False, False), (QUICK, True, False)):
        production.configure(yaml)
        comparison = Comparison.prepare(load_monitor(production.monitor_file), runtime, joint=ask)
        checks = comparison.row(window).verdicts["calibrated"].evidence["checks"]
        without = comparison.row(window).verdicts["psi"].evidence["checks"]
        # Beside the joint test, the calibrated rules look for time without rows.
        assert comparison.joint == has
        assert sum(checks.values()) == sum(without.values()) + 1 + has


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
