"""The command canary: its table, its JSON, and its exit codes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitoring_tasks.canary.report import CanaryReport, FaultRecall
from monitoring_tasks.cli import main, terminal
from monitoring_tasks.runtime import environment_runtime
from monitoring_tasks.window import Window
from tests.production import FIRST_DAY, Production

DAY = ("--start", "2013-03-01", "--end", "2013-03-02")
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def production(tmp_path: Path) -> Production:
    """A monitor with one day of rows."""
    made = Production(tmp_path)
    made.write(FIRST_DAY, count=1000)
    return made


@pytest.fixture
def monitoring(production: Production, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Call the command as its script does."""
    monkeypatch.setenv("MONITORING_HOME", str(production.folder / "home"))
    monkeypatch.setenv("MONITORING_MONITORS", str(production.folder))
    monkeypatch.setattr("monitoring_tasks.canary_steps.Asked.__init__.__defaults__", (None, 7, 2))
    for console in (terminal.out, terminal.err):
        monkeypatch.setattr(console, "_width", 140)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["monitoring", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(str(ended.value.code)), printed.out, printed.err

    return call


def row(text: str, start: str) -> list[str]:
    """The cells of the line that starts with these words."""
    line = next(line for line in text.splitlines() if line.strip().startswith(start))
    return re.split(r"\s{2,}", line.strip())


def test_the_table_tells_each_fault(production: Production, monitoring: Command) -> None:
    """Fault, column, share found by the first, third and seventh window, delay; then the false alarms."""
    code, out, err = monitoring("canary", "churn", *DAY)
    assert err == ""
    assert code in (0, 1)
    assert out.startswith("churn: faults in redraws of 2013-03-01T00:00:00Z/2013-03-02T00:00:00Z (1000 rows)\n")
    assert row(out, "fault ") == ["fault", "column", "by window 1", "3", "7", "delay"]
    assert row(out, "a category renamed") == ["a category renamed", "plan", "100%", "100%", "100%", "1"]
    assert row(out, "ties to other columns") == ["ties to other columns broken", "not applicable"]
    assert re.search(r"false alarms: \d+ in 14 redraws without a fault; up to 1 are within the budget", out)


def test_json_is_the_report(production: Production, monitoring: Command) -> None:
    """Nothing else; `--windows` is the length of a trial, and the code says whether it passed."""
    code, out, _ = monitoring("canary", "churn", *DAY, "--windows", "3", "--json")
    told = json.loads(out)
    report = CanaryReport.from_json(told)
    assert code == (0 if told["passed"] else 1)
    assert {fault.windows for fault in report.faults} == {3}
    assert report.fault("mean_50") is not None
    assert (report.clean_windows, report.rows) == (6, 1000)


def passed(production: Production, **changes: Any) -> CanaryReport:
    """A report in which the one fault was found."""
    fault = FaultRecall("mean_25", "mean .25 sd higher", "age\x1b[2J", 7, (1, 2, None, 3, 1), expected=True)
    window = Window.parse("2013-03-01", "2013-03-02")
    fields = {"rows": 900, "of_rows": 5000, "drawn_from": 900, "faults": (fault,), "clean_windows": 14}
    return CanaryReport("churn", "v1", "c0ffee", window, **{**fields, **changes})


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({}, 0, "(900 rows, a sample of 5000)"),
        ({"drawn_from": 4000}, 0, "drawn from 4000 of this and earlier windows"),
        ({"false_alarms": ("drift of \x1b[2J",), "allowed_alarms": 1}, 0, "  drift of  [2J"),
        ({"false_alarms": ("joint",) * 3, "allowed_alarms": 2}, 1, "3 in 14 redraws"),
        ({"standing": ("drift of age",)}, 0, "the window's own rows do not pass or are too few: drift of age"),
        (
            {"faults": (FaultRecall("x", "a fault", "age", 7, (None, 4), expected=True),)},
            1,
            "age     0%           0%  50%  4",
        ),
        ({"faults": (FaultRecall("x", "a fault", "age", 7, (None,)),)}, 0, "never"),
        ({"faults": (FaultRecall("x", "a fault", None, 7, (), expected=True),)}, 0, "not applicable"),
        (
            {"faults": (FaultRecall("x", "a fault", "age", 7, untried="for\x1b[2J want"),)},
            0,
            "not tried: a fault (for [2J want)",
        ),
        ({"faults": (FaultRecall("x", "a fault", "age", 7, untried="why"),)}, 0, "not tried: a fault (why)\n"),
    ],
)
def test_codes(
    production: Production,
    monitoring: Command,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
    code: int,
    words: str,
) -> None:
    """0 when what must be found was, within the budget of false alarms; no control characters reach the terminal."""
    monkeypatch.setattr("monitoring_tasks.canary_steps.examine", lambda *_: passed(production, **changes))
    ended, out, _ = monitoring("canary", "churn")
    assert ended == code
    assert words in out
    assert "\x1b" not in out


def test_what_fell_is_told(production: Production, monitoring: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the reports that the DAG published; the command publishes nothing."""
    report = passed(production)
    before = Window(report.window.start - timedelta(days=7), report.window.end - timedelta(days=7))
    with environment_runtime({"MONITORING_HOME": str(production.folder / "home")}).store as store:
        full = replace(report.faults[0], found_by=(1,) * 20)
        store.put_canary(replace(report, window=before, faults=(full,)))
    blind = replace(report, faults=(replace(full, found_by=(None,) * 20),))
    monkeypatch.setattr("monitoring_tasks.canary_steps.examine", lambda *_: blind)
    code, _, err = monitoring("canary", "churn")
    assert code == 1
    assert "less than before: age [2J, mean .25 sd higher: found in 0 % of trials, 100 % before" in err
    with environment_runtime({"MONITORING_HOME": str(production.folder / "home")}).store as store:
        assert len(store.canaries("churn")) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fraud",), "no monitor 'fraud'"),
        (("churn", "--start", "2013-03-01"), "give both --start and --end"),
        (("churn", "--windows", "0"), "Invalid value for '--windows'"),
        (("churn", "--start", "2013-05-01", "--end", "2013-05-02"), "name a window that has more by start and end"),
        (("churn",), "the last 14 windows before"),
    ],
)
def test_mistakes(monitoring: Command, arguments: tuple[str, ...], words: str) -> None:
    """Code 3, and what to do."""
    code, _, err = monitoring("canary", *arguments)
    assert code == 3
    assert words in " ".join(err.split())
