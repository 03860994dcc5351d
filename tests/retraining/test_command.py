"""Environments of commands, and what is kept of what they say."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from monitoring_tasks.errors import ConfigurationError, PipelineUnavailable
from monitoring_tasks.redaction import redact
from monitoring_tasks.retraining import guard
from monitoring_tasks.retraining.command import execute, minimal_environment
from tests.retraining.processes import alive, wait_for_end, wait_for_pids

OWN = {"PATH", "HOME", "USER", "TMPDIR", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "DVC_NO_ANALYTICS"} | {
    "DVC_SITE_CACHE_DIR"
}


def test_nothing_is_inherited_that_is_not_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a worker full of variables the plain ones and those asked for remain; Airflow's never, asked for or not."""
    for name in os.environ:
        monkeypatch.delenv(name)
    plain = {"LANG": "C", "LC_ALL": "C", "TZ": "UTC", "HTTPS_PROXY": "p", "no_proxy": "n", "SSL_CERT_FILE": "f"}
    secret = {"AIRFLOW__CORE__FERNET_KEY": "s", "MONITORING_STORE": "s", "AWS_SECRET_ACCESS_KEY": "s", "OTHER": "s"}
    for name, value in (plain | secret | {"WAREHOUSE": "w", "PYTHONPATH": "s", "LD_PRELOAD": ""}).items():
        monkeypatch.setenv(name, value)
    asked = ("WAREHOUSE", "ABSENT", "HOME", "AIRFLOW__CORE__FERNET_KEY", "MONITORING_STORE")
    found = minimal_environment(asked, folder=tmp_path)
    assert set(found) == {*OWN, *plain, "WAREHOUSE"}
    assert found["HOME"] == str(tmp_path)
    assert found["PATH"] == f"{Path(sys.executable).parent}:{os.defpath}"
    assert Path(found["TMPDIR"]).is_dir()


def test_programs_come_first(tmp_path: Path) -> None:
    """The folder of the pipeline's own programs precedes the worker's, and must be there."""
    found = minimal_environment(folder=tmp_path, programs="/usr/bin")
    assert found["PATH"] == f"/usr/bin:{os.environ['PATH']}"
    with pytest.raises(ConfigurationError, match=r"pipeline\.programs nowhere is not a folder"):
        minimal_environment(folder=tmp_path, programs="nowhere")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("https://bot:s3c@ret@x/y and ssh://me@z", "https://***@x/y and ssh://***@z"),
        ("https://x/y@z", "https://x/y@z"),
        ("git@github.com:a/b", "git@github.com:a/b"),
        ("'https://token@x'", "'https://***@x'"),
    ],
)
def test_redaction(text: str, told: str) -> None:
    """What stands before the host of a URL goes, and nothing else."""
    assert redact(text) == told


def test_command_that_hangs_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A helper that git left waiting ends with the command, within the time allowed."""
    monkeypatch.setattr(guard, "GRACE", 0.3)
    script = "sleep 600 & echo $! > helper.pid; echo $$ > own.pid; wait"
    with pytest.raises(PipelineUnavailable, match=r"https://\*\*\*@x/y did not answer within 3 s"):
        execute(
            ["/bin/sh", "-c", script], seconds=3, about="https://a:b@x/y", folder=tmp_path, failure=PipelineUnavailable
        )
    assert not any(map(alive, wait_for_pids(tmp_path, 2)))


def test_killed_caller_leaves_nothing(tmp_path: Path) -> None:
    """A caller killed by SIGKILL takes the command and its helpers along."""
    script = "sleep 600 & echo $! > helper.pid; echo $$ > own.pid; wait"
    code = (
        "import sys; from pathlib import Path; from monitoring_tasks.retraining import command, guard; guard.GRACE = 1;"
        "command.execute(['/bin/sh', '-c', sys.argv[1]], seconds=600, about='x', folder=Path(sys.argv[2]))"
    )
    with subprocess.Popen([sys.executable, "-c", code, script, str(tmp_path)]) as caller:
        pids = wait_for_pids(tmp_path, 2)
        caller.send_signal(signal.SIGKILL)
    wait_for_end(pids)


def test_settings_reach_the_command(tmp_path: Path) -> None:
    """Variables beside the environment's; stdout alone is the answer."""
    script = ["/bin/sh", "-c", "echo $GIVEN; echo noise >&2"]
    assert execute(script, seconds=60, about="x", folder=tmp_path, settings={"GIVEN": "this"}) == "this\n"
