"""The command that shows figures, as its user runs it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from monitoring_tasks.cli import app
from tests.labelled_production import FIRST_DAY, YAML, LabelledProduction

BAD = FIRST_DAY + timedelta(days=9)
SPAN = ("--start", "2013-03-08", "--end", "2013-03-11")
KNOWN = ("--as-known-on", "2013-03-12")
Command = Callable[..., Result]


@pytest.fixture
def served(tmp_path: Path) -> LabelledProduction:
    """Nine ordinary days, and one on which two labels of five are turned round."""
    (tmp_path / "monitors").mkdir()
    production = LabelledProduction(tmp_path / "monitors")
    production.write_days(FIRST_DAY, 9)
    production.write(BAD, flips=0.4)
    return production


@pytest.fixture
def shown(served: LabelledProduction, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs `monitoring performance churn` on it; the result has exit code and output."""
    from monitoring_tasks.cli.terminal import out

    monkeypatch.setenv("MONITORING_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(out, "_width", 200)
    folder = ("--monitors", str(served.folder))

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["performance", "churn", *folder, *arguments], standalone_mode=False)

    return run


def test_a_row_for_each_window(shown: Command) -> None:
    """What is known of each, its figures, and the exit code of the worst."""
    done = shown(*SPAN, *KNOWN)
    assert done.return_value == 1, done.output
    rows = [line for line in done.output.splitlines() if line.startswith(" 2013")]
    assert [row.split()[3] for row in rows] == ["healthy", "healthy", "degraded"]
    assert all("100%" in row for row in rows)


def test_one_window_tells_its_story(shown: Command) -> None:
    """Alone, a window has room for every metric."""
    done = shown("--start", "2013-03-10", "--end", "2013-03-11", *KNOWN)
    assert "churn: DEGRADED, severity high" in done.output
    assert "predicted_minus_actual" in done.output
    assert "as known on 2013-03-12T00:00:00Z" in done.output


def test_what_was_known_then_stays_when_labels_come(shown: Command, served: LabelledProduction) -> None:
    """The version that the ledger had is shown again, whatever came since; a new day has a new one."""
    first = json.loads(shown(*SPAN, *KNOWN, "--json").output)
    served.configure(YAML.replace("segment_rows: 100", "segment_rows: 300"))
    again = json.loads(shown(*SPAN, *KNOWN, "--json").output)
    assert again == first
    now = json.loads(shown(*SPAN, "--json").output)
    assert [entry["version"] for entry in now] == [2, 2, 2]
    assert now[0]["restatement"]["known_at"] > "2026"
    later = json.loads(shown(*SPAN, "--as-known-on", "2013-03-13", "--json").output)
    assert later == first


def test_before_anything_was_known(shown: Command) -> None:
    """Labels that were not final then are not waited for: unknown."""
    done = shown("--start", "2013-03-10", "--end", "2013-03-11", "--as-known-on", "2013-03-11")
    assert done.return_value == 2
    assert "LABELS_IMMATURE" in done.output


def test_a_window_that_had_not_ended_has_no_figures(shown: Command) -> None:
    """Predictions of later hours were not made then; neither are they put into the ledger as if they had been."""
    found = json.loads(shown(*SPAN, "--as-known-on", "2013-03-10T12:00", "--json").output)
    assert [entry["restatement"]["window"]["end"][:10] for entry in found] == ["2013-03-09", "2013-03-10"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--start", "2013-03-10", "--end", "2013-03-10T06:00"), "no window of churn"),
        (("--start", "2013-03-10", "--end", "2013-03-11", "--as-known-on", "soon"), "'soon' is not a moment"),
        (("--start", "2013-03-10", "--end", "2013-03-12", "--as-known-on", "2013-03-10T23:00"), "had ended by 2013-03"),
        (("--start", "2113-03-10", "--end", "2113-03-12"), "no window of churn"),
    ],
)
def test_mistakes_are_told(shown: Command, arguments: tuple[str, ...], words: str) -> None:
    """What was found, and what to write instead."""
    assert words in str(shown(*arguments).exception)


def test_a_monitor_without_the_section(shown: Command, served: LabelledProduction) -> None:
    """It says what to add."""
    served.configure(YAML.replace("performance: {latency: milliseconds}\n", ""))
    assert "no section performance" in str(shown(*SPAN).exception)
