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

from tests.production import FIRST_DAY, Production

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


@pytest.fixture
def production(tmp_path: Path) -> Production:
    """A monitor with a reference; the tests write its days."""
    return Production(tmp_path)


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


def test_schema_is_json() -> None:
    """The schema goes to standard output as it is written to the file that editors use."""
    done = monitoring(Path.cwd(), "schema")
    assert done.returncode == 0
    assert json.loads(done.stdout)["title"] == "Monitor"
