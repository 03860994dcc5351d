"""The stack ends what it started, whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from demo.stack import free_port, stop_group

CHILD = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
STUBBORN = (
    CHILD + "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
)


def alive(group: int) -> bool:
    """Whether a process group has a member that is not a zombie."""
    for folder in Path("/proc").iterdir():
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split() if folder.name.isdigit() else []
        except OSError:
            continue
        if fields and int(fields[2]) == group and fields[0] != "Z":
            return True
    return False


def test_a_stubborn_group_is_ended_with_its_children() -> None:
    """A process that ignores SIGTERM, and its child, are both gone."""
    process = subprocess.Popen([sys.executable, "-c", STUBBORN], start_new_session=True, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    stop_group(process, patience=0.5)
    process.stdout.close()
    assert not alive(process.pid)


def test_a_group_that_has_ended_is_no_error() -> None:
    """Stopping twice does no harm."""
    process = subprocess.Popen([sys.executable, "-c", "pass"], start_new_session=True)
    process.wait()
    stop_group(process)


def test_a_free_port_is_free() -> None:
    """It can be bound by whoever asked, and is none that a connection of somebody else could be made from."""
    import socket

    port = free_port()
    assert port < 32768
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))


def test_a_port_in_use_is_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another is looked for."""
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port()))
        taken.listen()
        port = taken.getsockname()[1]
        drawn = iter([port - 20_000, port - 20_000, 0])
        monkeypatch.setattr("secrets.randbelow", lambda _: next(drawn))
        assert free_port() != port


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    """Ended half way up, by make or by Ctrl-C, the database and all services are stopped."""
    program = (
        "import sys\nfrom pathlib import Path\nfrom demo.stack import Stack\n"
        f"with Stack(Path({str(tmp_path / 'work')!r}), Path({str(tmp_path)!r})): pass"
    )
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    while "starting api-server" not in process.stdout.readline():
        assert process.poll() is None
    time.sleep(0.5)
    os.kill(process.pid, number)
    process.communicate(timeout=60)
    assert process.returncode != 0
    left = [command for command in commands() if str(tmp_path) in command]
    assert left == []


def commands() -> list[str]:
    """Command line and environment of every live process that can be read."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                found.append(
                    ((folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()).decode(errors="replace")
                )
            except OSError:
                continue
    return found
