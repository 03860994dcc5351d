"""The command compare-policies: a table for people, JSON for programs, and its errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from monitoring_tasks.cli import main
from monitoring_tasks.cli.terminal import out
from tests.production import FIRST_DAY, YAML, Production

SPAN = ("--start", "2013-03-01", "--end", "2013-03-04")
POLICIES = ["calibrated", "classic", "psi", "evidently"]
OWN = "drift: {numeric: {method: ks}}\nfeatures: {'*': null, age: {threshold: 0.12}}\n"


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture
def production(tmp_path: Path) -> Production:
    """A monitor with methods and limits of its own, and three days of which the last has shifted."""
    made = Production(tmp_path, YAML + OWN)
    made.write_days(FIRST_DAY, 2)
    made.write(FIRST_DAY + timedelta(days=2), shift=1.0)
    return made


@pytest.fixture
def monitoring(production: Production, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Call the command as its script does, on a wide terminal."""

    def call(*arguments: str) -> Ended:
        monkeypatch.setenv("MONITORING_MONITORS", str(production.folder))
        monkeypatch.setenv("MONITORING_HOME", str(production.folder / "home"))
        # The console is as wide as the terminal was when it was made, by whichever test came first.
        monkeypatch.setattr(out, "_width", 200)
        monkeypatch.setattr("sys.argv", ["monitoring", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capsys.readouterr()
        return Ended(int(str(ended.value.code)), shown.out, shown.err)

    return call


def test_the_table(monitoring: Command) -> None:
    """A line for each policy and one for each window, and what was left out is said."""
    done = monitoring("compare-policies", "churn", *SPAN)
    assert done.code == 0, done.err
    lines = [line.split() for line in done.out.splitlines() if line.strip()]
    counted = {line[0]: line for line in lines[2:6]}
    assert list(counted) == POLICIES
    assert counted["calibrated"][1:6] == ["*", "3", "1", "1", "1"]
    assert counted["psi"][1:5] == ["3", "1", "1", "1"]
    assert "age 1" in done.out
    windows = [line for line in lines if line[0].startswith("2013-")]
    assert [line[:3] for line in windows] == [
        ["2013-03-01", "to", "2013-03-02"],
        ["2013-03-02", "to", "2013-03-03"],
        ["2013-03-03", "to", "2013-03-04"],
    ]
    assert windows[0][3] == "healthy"
    assert windows[2][3:6] == ["drifted", "critical,", "2"]
    assert "left out there: features.age.threshold, drift.numeric.method" in done.out
    assert "without its joint test: --joint includes it" in done.out
    assert "alarm: not healthy, severity low or worse; page: medium or worse" in done.out


def test_json(monitoring: Command) -> None:
    """The same numbers, with every finding; nothing but JSON on standard output."""
    done = monitoring("compare-policies", "churn", *SPAN, "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert (found["monitor"], found["policy"], found["joint"]) == ("churn", "calibrated", False)
    assert found["dropped"] == ["features.age.threshold", "drift.numeric.method"]
    assert list(found["policies"]) == POLICIES
    for rules, counted in found["policies"].items():
        verdicts = [window["policies"][rules] for window in found["windows"]]
        assert counted["windows"] == 3
        assert counted["windows_with_alarm"] == sum(verdict["outcome"] != "healthy" for verdict in verdicts)
        assert counted["findings"] == sum(len(verdict["findings"]) for verdict in verdicts)
        assert counted["findings_per_day"] == pytest.approx(counted["findings"] / 3, abs=1e-4)
    methods = {
        rules: {finding["method"] for finding in found["windows"][2]["policies"][rules]["findings"]} - {None}
        for rules in POLICIES
    }
    assert methods == {
        "calibrated": {"ks", "psi"},
        "classic": {"ks_p_value"},
        "psi": {"psi"},
        "evidently": {"wasserstein"},
    }


def test_a_window_that_cannot_be_read(production: Production, monitoring: Command) -> None:
    """It is shown as an error with code 3, and the others are compared."""
    (production.folder / "predictions" / "day=2013-03-02" / "part-0.parquet").write_text("no parquet")
    done = monitoring("compare-policies", "churn", *SPAN)
    assert done.code == 3
    assert [line.split()[3] for line in done.out.splitlines() if "2013-" in line] == ["healthy", "error", "drifted"]
    assert "2013-03-02 to 2013-03-03: SourceInvalid: " in done.err
    windows = json.loads(monitoring("compare-policies", "churn", *SPAN, "--json").out)["windows"]
    assert "part-0.parquet" in windows[1]["error"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("fraud", *SPAN), "no monitor 'fraud'"),
        (("churn", "--start", "2013-03-01", "--end", "2013-03-01T01:00"), "no window of churn (@daily) lies between"),
        (("churn", "--start", "2013-02-01", "--end", "2013-02-04"), "no window of churn"),
        (("churn", "--start", "2013-03-04", "--end", "2013-03-01"), "empty window"),
        (("churn",), "Missing option"),
    ],
)
def test_errors(monitoring: Command, arguments: tuple[str, ...], said: str) -> None:
    """Code 3, and what is wrong in a few words."""
    done = monitoring("compare-policies", *arguments)
    assert done.code == 3
    assert said in done.err
    assert done.out == ""


def test_a_rule_beside_limits_of_its_own(production: Production, monitoring: Command) -> None:
    """What must go is named, before anything is read."""
    production.configure(YAML + OWN + "policy: psi\n")
    said = "policy: psi fixes methods and limits: remove features.age.threshold, drift.numeric.method, or use"
    for arguments in (("validate",), ("compare-policies", "churn", *SPAN)):
        done = monitoring(*arguments)
        assert done.code == 3
        assert said in " ".join(done.err.split())
