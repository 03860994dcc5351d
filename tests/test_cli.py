"""The command as its users call it: texts, JSON, and exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from monitoring_tasks.store.database import open_store
from tests.production import FIRST_DAY, YAML, Production

DAY = ("--start", "2013-03-01", "--end", "2013-03-02")


def monitoring(
    folder: Path, *arguments: str, more: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the installed command in `folder`, with its data there as well."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("MONITORING_", "AIRFLOW_"))},
        "MONITORING_HOME": str(folder / "home"),
        "MONITORING_MONITORS": str(folder),
        "COLUMNS": "200",
        **(more or {}),
    }
    program = Path(sys.executable).with_name("monitoring")
    command = [program, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_check_tells_the_story(production: Production) -> None:
    """A drifted window prints verdict, table and next step, and ends with code 1."""
    production.write(FIRST_DAY, shift=1.5)
    done = monitoring(production.folder, "check", "churn", *DAY)
    assert done.returncode == 1, done.stderr
    assert "churn: DRIFTED, severity critical" in done.stdout
    assert "age" in done.stdout
    assert "Next step: " in done.stdout


def test_codes_and_json(production: Production) -> None:
    """Healthy is 0, no data is 2; JSON is the verdict itself and nothing else."""
    production.write(FIRST_DAY)
    healthy = monitoring(production.folder, "check", "churn", *DAY, "--json")
    assert healthy.returncode == 0, healthy.stderr
    assert json.loads(healthy.stdout)["outcome"] == "healthy"
    empty = monitoring(production.folder, "check", "churn", "--start", "2013-05-01", "--end", "2013-05-02", "--json")
    assert empty.returncode == 2, empty.stderr
    assert json.loads(empty.stdout)["outcome"] == "no_data"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("check", "fraud", *DAY), "no monitor 'fraud'"),
        (("check", "churn", "--start", "soon", "--end", "2013-03-02"), "'soon' is not a moment"),
        (("check", "churn", "--start", "2013-03-02", "--end", "2013-03-01"), "empty window"),
        (("check", "churn"), "Missing option"),
        (("frobnicate",), "No such command"),
        (("backfill", "churn", "--start", "2013-03-01", "--end", "2013-03-01T01:00"), "no window of churn"),
        (("check", "churn", *DAY), "predictions does not exist"),
    ],
)
def test_errors_are_code_3_without_traceback(production: Production, arguments: tuple[str, ...], said: str) -> None:
    """Wrong usage and broken sources say what is wrong on the error stream; code 2 stays for undecided."""
    (production.folder / "predictions").rmdir()
    done = monitoring(production.folder, *arguments)
    assert done.returncode == 3
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"MONITORING_ARTIFACTS": "foo://x"}, "MONITORING_ARTIFACTS"),
        ({"MONITORING_HOME": "/proc/none"}, "MONITORING_HOME (a folder that can be written)"),
    ],
)
def test_a_place_that_cannot_be_used_is_code_3(production: Production, more: dict[str, str], said: str) -> None:
    """One line names the setting; code 1 would mean drifted."""
    done = monitoring(production.folder, "status", more=more)
    assert done.returncode == 3
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_report_needs_a_folder(production: Production) -> None:
    """Where the page cannot be written it is said before the window is judged."""
    done = monitoring(production.folder, "report", "churn", *DAY, "-o", "/nonexistent/x.html")
    assert done.returncode == 3
    assert "/nonexistent is not a folder" in done.stderr


def test_what_nobody_foresaw_is_code_3(production: Production) -> None:
    """An error of no kind of ours is one line with code 3; its traceback is there on request."""
    production.write(FIRST_DAY)
    arguments = ("report", "churn", *DAY, "-o", ".")
    done = monitoring(production.folder, *arguments)
    assert done.returncode == 3
    assert "unexpected IsADirectoryError: " in done.stderr
    assert "Traceback" not in done.stderr
    assert "Traceback" in monitoring(production.folder, *arguments, more={"MONITORING_DEBUG": "1"}).stderr


def test_a_reader_that_left_is_no_drift(production: Production) -> None:
    """Standard output that nobody reads any more ends with 3, not with the 1 of findings."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([Path(sys.executable).with_name("monitoring"), "schema"], stdout=writing, check=False)
    os.close(writing)
    assert done.returncode == 3


def test_one_bad_window_hides_no_other(production: Production) -> None:
    """A backfill goes on after a window that cannot be read, shows it as an error, and ends with 3."""
    production.write_days(FIRST_DAY, 3)
    (production.folder / "predictions" / "day=2013-03-02" / "part-0.parquet").write_text("no parquet")
    span = ("backfill", "churn", "--start", "2013-03-01", "--end", "2013-03-04")
    done = monitoring(production.folder, *span)
    assert done.returncode == 3, done.stderr
    rows = [line.split() for line in done.stdout.splitlines() if "2013-" in line]
    assert [row[3] for row in rows] == ["healthy", "error", "healthy"]
    assert "Traceback" not in done.stderr
    judged = json.loads(monitoring(production.folder, *span, "--json").stdout)
    assert [verdict["outcome"] for verdict in judged] == ["healthy", "error", "healthy"]
    assert "part-0.parquet" in judged[1]["reasons"][0]


def test_status_beside_a_broken_file(production: Production) -> None:
    """The mistake is told with its line and code 3, and the sound monitors are shown."""
    production.write(FIRST_DAY)
    assert monitoring(production.folder, "check", "churn", *DAY).returncode == 0
    (production.folder / "fraud.yaml").write_text("name: fraud\nstart: 2013-13-01\n")
    done = monitoring(production.folder, "status")
    assert done.returncode == 3
    assert "fraud.yaml:2: not valid YAML: found '2013-13-01': month must be in 1..12" in done.stderr
    assert "healthy" in done.stdout
    validated = monitoring(production.folder, "validate")
    assert validated.returncode == 3
    assert "fraud.yaml:2: " in validated.stderr


def test_status_without_monitors(tmp_path: Path) -> None:
    """Nothing watched is not healthy: it is said, with code 2."""
    done = monitoring(tmp_path, "status")
    assert done.returncode == 2
    assert "no monitors in" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("command", ["status", "backfill"])
def test_a_narrow_terminal_shows_outcome_and_reason(production: Production, command: str) -> None:
    """At 80 columns the reason is folded rather than lost, and no outcome is cut short."""
    span = ("--start", "2013-05-01", "--end", "2013-05-02")
    arguments = ("backfill", "churn", *span)
    done = monitoring(production.folder, *arguments, more={"COLUMNS": "80"})
    if command == "status":
        done = monitoring(production.folder, "status", more={"COLUMNS": "80"})
    assert done.returncode == 2, done.stderr
    assert "no_data" in done.stdout
    assert "…" not in done.stdout
    wide = monitoring(production.folder, "check", "churn", *span).stdout
    reason = next(line.removeprefix("- ") for line in wide.splitlines() if line.startswith("- "))
    cells = [line[done.stdout.splitlines()[1].index("first reason") :] for line in done.stdout.splitlines()[3:]]
    assert " ".join(" ".join(cells).split()).startswith(reason)


def test_names_from_outside_cannot_write_to_the_terminal(production: Production) -> None:
    """An escape sequence in a column's name or an owner arrives without its escape character."""
    hostile = "a\x1b]0;owned\x07\x1b[2J"
    production.configure(
        production.yaml.replace("owner: growth", 'owner: "g\\e[2Jx"')
        + f"features: {{{json.dumps(hostile)}: numeric}}\n"
    )
    production.write(FIRST_DAY)
    for arguments in (("backfill", "churn", *DAY), ("check", "churn", *DAY), ("status",)):
        done = monitoring(production.folder, *arguments)
        assert "\x1b" not in done.stdout + done.stderr
    assert "g [2Jx" in done.stdout


def test_backfill_status_and_report(production: Production) -> None:
    """A span is replayed silently, the newest verdict is shown, and a page can be taken away."""
    production.write_days(FIRST_DAY, 2)
    production.write(FIRST_DAY + timedelta(days=2), shift=1.5)
    assert monitoring(production.folder, "status").returncode == 2
    replayed = monitoring(
        production.folder, "backfill", "churn", "--start", "2013-03-01", "--end", "2013-03-04", "--json"
    )
    assert replayed.returncode == 1, replayed.stderr
    assert [verdict["outcome"] for verdict in json.loads(replayed.stdout)] == ["healthy", "healthy", "drifted"]
    status = monitoring(production.folder, "status")
    assert status.returncode == 1
    assert "2013-03-03 to 2013-03-04" in status.stdout
    assert monitoring(production.folder, "report", "churn", *DAY, "-o", "page.html").returncode == 0
    assert "<script" in (production.folder / "page.html").read_text()


def test_a_backfill_records_what_it_would_have_told(production: Production) -> None:
    """Nobody is told, and `alerts --would-have` names the page and the channel, without its connection being there."""
    production.configure(YAML + "alerts: {channels: {team: {to: '#ml'}}}\n")
    production.write(FIRST_DAY, shift=1.5)
    assert monitoring(production.folder, "backfill", "churn", *DAY).returncode == 1
    with open_store(f"sqlite:///{production.folder / 'home' / 'monitoring' / 'results.db'}") as store:
        assert (store.letters(), store.incidents()) == ([], [])
    done = monitoring(production.folder, "alerts", "--would-have", "--json")
    assert [(each["event"], each["severity"]) for each in json.loads(done.stdout)] == [("opened", "critical")]
    assert "slack:slack_default:#ml" in done.stdout


def test_validate(production: Production) -> None:
    """A sound folder is 0; a mistake is named with its line and ends with 3; so does an empty folder."""
    assert monitoring(production.folder, "validate", str(production.folder)).returncode == 0
    production.configure("name: churn\nowner: 7\n")
    done = monitoring(production.folder, "validate", str(production.monitor_file))
    assert done.returncode == 3
    assert "churn.yaml:2: owner: found 7" in done.stderr
    empty = production.folder / "none"
    empty.mkdir()
    assert monitoring(production.folder, "validate", str(empty)).returncode == 3


def test_validate_tells_the_mistakes_of_shared_alerts_once(production: Production) -> None:
    """However many monitors share them; the file by itself is checked too."""
    (production.folder / "other.yaml").write_text(YAML.replace("name: churn", "name: other"))
    shared = production.folder / "shared" / "alerts.yaml"
    shared.parent.mkdir()
    shared.write_text("remind: 1d\nminimum: low\n")
    told = f"{shared}:2: minimum: found 'low': unknown key: remove it or correct its spelling"
    for paths in ((), (str(production.folder),), (str(shared),), (str(shared), str(production.folder))):
        done = monitoring(production.folder, "validate", *paths, more={"MONITORING_ALERTS": str(shared)})
        assert (done.returncode, done.stderr.splitlines()) == (3, [told]), paths
    shared.write_text("remind: 1d\n")
    for path in (shared, production.folder):
        done = monitoring(production.folder, "validate", str(path), more={"MONITORING_ALERTS": str(shared)})
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("options", "title"), [((), "Monitor"), (("--alerts",), "Alerts")])
def test_schema_is_json(options: tuple[str, ...], title: str) -> None:
    """The schema goes to standard output as it is written to the file that editors use."""
    done = monitoring(Path.cwd(), "schema", *options)
    assert done.returncode == 0
    assert json.loads(done.stdout)["title"] == title
