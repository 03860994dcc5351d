"""One demonstration at a time, and `down` stops that one and nothing else; seen with real processes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from pathlib import Path
import demo.__main__ as demonstration
demonstration.WORK = Path(sys.argv[1])
demonstration.PID = demonstration.WORK / "pid"
sys.exit(demonstration.main(sys.argv[2:]))
"""
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the demonstration's commands on a work folder of their own, and ends what a test left."""
    processes = []

    def started(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-W", "ignore", "-c", PROGRAM, str(tmp_path / "work"), *arguments]
        processes.append(
            subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        )
        return processes[-1]

    yield started
    for process in processes:
        process.terminate()
        process.communicate(timeout=60)


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait up to a minute."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_down_spares_a_stranger(tmp_path: Path, start: Start) -> None:
    """A number that a crash left in the pid file is that of another process by now: it is left alone."""
    (tmp_path / "work").mkdir()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        (tmp_path / "work" / "pid").write_text(str(stranger.pid))
        said, _ = start("down").communicate(timeout=60)
        ended = stranger.poll()
        stranger.kill()
    assert "nothing runs" in said
    assert ended is None


def test_a_start_can_be_stopped_and_admits_no_second(tmp_path: Path, start: Start) -> None:
    """From its first moment, long before Airflow stands, a start refuses a second one and `down` finds it."""
    pid = tmp_path / "work" / "pid"
    first = start("up")
    wait_for(lambda: pid.exists() and pid.read_text() == str(first.pid))
    assert not (tmp_path / "work" / "airflow" / "api-server.log").exists()
    second = start("run", "--exit")
    said, _ = second.communicate(timeout=60)
    assert second.returncode == 1
    assert f"process {first.pid} already runs the demonstration" in said
    assert first.poll() is None
    stopped = start("down")
    assert "stopped" in stopped.communicate(timeout=90)[0]
    assert stopped.returncode == 0
    first.communicate(timeout=10)
    assert first.returncode == 128 + 15
    assert "nothing runs" in start("down").communicate(timeout=60)[0]


def test_a_new_demonstration_forgets_the_last_one_and_spares_other_worlds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folders and files of an earlier one are removed; that of another world stays, and so does the lock."""
    import demo.__main__ as demonstration

    monkeypatch.setattr(demonstration, "WORK", tmp_path)
    monkeypatch.setattr(demonstration, "PID", tmp_path / "pid")
    for folder in ("airflow", "llm"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "left").touch()
    for file in ("june.html", "pid"):
        (tmp_path / file).touch()
    demonstration.forget()
    assert {left.name for left in tmp_path.iterdir()} == {"llm", "pid"}
    assert (tmp_path / "llm" / "left").exists()
