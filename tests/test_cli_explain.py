"""The command explain: its table, its JSON, warnings, and errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from monitoring_tasks.cli import main, terminal
from tests.production import YAML, Production

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def production(tmp_path: Path) -> Production:
    """A monitor with a reference and no row of production."""
    return Production(tmp_path)


@pytest.fixture
def monitoring(production: Production, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Call the command as its script does, on a terminal of some width."""

    def call(*arguments: str, width: int = 160) -> tuple[int, str, str]:
        monkeypatch.setenv("MONITORING_HOME", str(production.folder / "home"))
        monkeypatch.setenv("MONITORING_MONITORS", str(production.folder))
        for console in (terminal.out, terminal.err):
            monkeypatch.setattr(console, "_width", width)
        monkeypatch.setattr("sys.argv", ["monitoring", "explain", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(str(ended.value.code)), printed.out, printed.err

    return call


def test_words_and_table(monitoring: Command) -> None:
    """The budget in sentences, then what each column is caught at; nothing to warn of."""
    code, out, err = monitoring("churn")
    assert (code, err) == (0, "")
    assert out.startswith(
        "Budget: 1 false alarm in 90 days. A window every day, so each may cost 0.0111 false alarms.\n"
    )
    assert "What is caught, about 9 times in 10, within 1 / 3 / 7 windows of its beginning" in out
    [age] = [line.split() for line in out.splitlines() if line.strip().startswith("age ")]
    assert [len(age), age[2], age[4]] == [1 + 4 * 5, "/", "/"]
    assert "score (prediction)" in out


def test_watched_levels_have_a_column_of_their_own(production: Production, monitoring: Command) -> None:
    """In standard deviations, or share of true; empty for columns that are not watched."""
    plain, watched = "alarms: {joint: false}", "alarms: {joint: false, levels: [age]}"
    assert "jump of the" not in monitoring("churn")[1]
    production.configure(YAML.replace(plain, watched))
    _, out, _ = monitoring("churn")
    assert "jump of the" in out
    [age] = [line.split() for line in out.splitlines() if line.strip().startswith("age ")]
    [spend] = [line.split() for line in out.splitlines() if line.strip().startswith("spend ")]
    assert (len(age), len(spend)) == (1 + 5 * 5, 1 + 4 * 5)


def test_a_value_with_many_rows(monitoring: Command) -> None:
    """Of spendings three tenths are nothing: whatever moves all of them is caught, and no figure pretends otherwise."""
    _, out, _ = monitoring("churn")
    [spend] = [line for line in out.splitlines() if line.strip().startswith("spend")]
    assert "any / any / any" in spend


def test_json(monitoring: Command) -> None:
    """The same, for programs; `--rows` and `--end` are heeded, and more rows catch less."""
    few, many = (json.loads(monitoring("churn", "--json", "--rows", rows)[1]) for rows in ("300", "30000"))
    assert sorted(few) == ["columns", "warnings", "words"]
    assert many["columns"]["age"]["distance"]["three"] < few["columns"]["age"]["distance"]["three"]
    assert "Rows of a window: 30,000 (as asked)." in many["words"]
    assert monitoring("churn", "--end", "2013-03-09T05:00")[0] == 0


def test_warnings_go_to_the_error_stream(monitoring: Command) -> None:
    """So that JSON stays JSON; they are in it as well."""
    code, out, err = monitoring("churn", "--rows", "5")
    assert code == 0
    assert "age: its windows have few rows" in err
    assert "few rows" not in out
    assert len(json.loads(monitoring("churn", "--rows", "5", "--json")[1])["warnings"]) == 4


@pytest.mark.parametrize("width", [30, 80, 200])
def test_hostile_names(production: Production, monitoring: Command, width: int) -> None:
    """Neither markup nor control characters of a column's name reach the terminal, and no part of it is cut away."""
    path = production.folder / "reference.parquet"
    table = pq.read_table(path)
    names = {"age": "[red]a\x1b[2Jge[/red]", "plan": "<!channel>"}
    pq.write_table(table.rename_columns([names.get(name, name) for name in table.column_names]), path)
    code, out, err = monitoring("churn", "--rows", "5", width=width)
    assert code == 0
    assert "\x1b" not in out + err
    assert "[red]a [2Jge[/red]: its windows" in err
    assert "…" not in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fraud",), "no monitor 'fraud'"),
        (("churn", "--rows", "0"), "Invalid value for '--rows'"),
        (("churn", "--end", "soon"), "'soon' is not a moment"),
        ((), "Missing argument"),
    ],
)
def test_mistakes(monitoring: Command, arguments: tuple[str, ...], words: str) -> None:
    """Code 3, and what to do."""
    code, out, err = monitoring(*arguments)
    assert (code, out) == (3, "")
    assert words in " ".join(err.split())


@pytest.mark.parametrize("rules", ["classic", "psi", "evidently"])
def test_other_rules_have_no_budget(production: Production, monitoring: Command, rules: str) -> None:
    """They are named, and nothing is said of a budget that is not kept."""
    production.configure(f"{YAML}policy: {rules}\n")
    code, out, err = monitoring("churn")
    assert (code, out) == (3, "")
    assert f"churn has policy {rules}: only calibrated rules spend a budget" in " ".join(err.split())


def test_no_reference(production: Production, monitoring: Command) -> None:
    """Code 3, and which file."""
    (production.folder / "reference.parquet").unlink()
    code, _, err = monitoring("churn")
    assert code == 3
    assert "reference.parquet" in err
