"""The runner on real processes: what it tells, and that none survives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from monitoring_tasks.errors import PipelineFailed
from monitoring_tasks.retraining import guard
from monitoring_tasks.retraining.runner import LINE_CHARACTERS, MOST_LINES, run
from tests.retraining.processes import alive, wait_for_end, wait_for_pids

# Writes its process id, and does what its options say; the pipe stays open in each process that it leaves.
STAGE = """
import os, signal, sys, time
def note():
    name = str(os.getpid())
    open(name + ".tmp", "w").write(name)
    os.rename(name + ".tmp", name + ".pid")
if "deaf" in sys.argv:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)
if "child" in sys.argv and os.fork() == 0:
    if "escape" in sys.argv:
        os.setsid()
        if os.fork(): os._exit(0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    note(); time.sleep(600)
note()
print("started", flush=True)
if "leave" in sys.argv:
    while len([name for name in os.listdir(".") if name.endswith(".pid")]) < 2: time.sleep(.01)
    sys.exit(3)
time.sleep(600)
"""
CALLER = """
import os, sys
from pathlib import Path
from monitoring_tasks.retraining import guard
from monitoring_tasks.retraining.runner import run
guard.GRACE = 0.3
run(sys.argv[2:], folder=Path(sys.argv[1]), environment=os.environ, seconds=600, tell=print)
"""
ORPHANS = [("plain", 1), ("deaf", 1), ("deaf child", 2), ("child escape", 2)]


@pytest.fixture(autouse=True)
def _short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "GRACE", 0.3)


@pytest.fixture
def stage(tmp_path: Path) -> Callable[[str], list[str]]:
    """Command of the stage with options."""
    (tmp_path / "stage.py").write_text(STAGE)
    return lambda options: [sys.executable, "stage.py", *options.split()]


def told(argv: list[str], folder: Path, **environment: str) -> tuple[int, list[str]]:
    """Exit code and lines of a command."""
    lines: list[str] = []
    return run(argv, folder=folder, environment=environment, seconds=60, tell=lines.append), lines


def shell(script: str, folder: Path) -> tuple[int, list[str]]:
    """Exit code and lines of a shell script."""
    return told(["/bin/sh", "-c", script], folder, PATH=os.environ["PATH"])


def test_lines_come_in_order_from_both_streams(tmp_path: Path) -> None:
    """What goes to stdout and stderr is told in the order written, the last line without its end too."""
    code, lines = shell("for n in 1 2 3; do echo out$n; echo err$n >&2; done; printf last", tmp_path)
    assert (code, lines) == (0, ["out1", "err1", "out2", "err2", "out3", "err3", "last"])


def test_lines_are_told_as_they_come(tmp_path: Path) -> None:
    """The first line is told while the command still waits for an answer to it."""
    answer = tmp_path / "answer"
    script = ["/bin/sh", "-c", "echo question; while [ ! -e answer ]; do sleep 0.01; done; echo thanks"]
    lines: list[str] = []

    def tell(line: str) -> None:
        lines.append(line)
        answer.touch()

    assert run(script, folder=tmp_path, environment=os.environ, seconds=60, tell=tell) == 0
    assert lines == ["question", "thanks"]


def test_progress_bars_are_lines(tmp_path: Path) -> None:
    """A carriage return ends a line; lines of nothing but blanks are left out."""
    assert shell(r"printf ' 10%%\r 20%%\r\n\n  \nend\n'", tmp_path) == (0, [" 10%", " 20%", "end"])


@pytest.mark.parametrize(("script", "code"), [("exit 7", 7), ("kill -9 $$", 137), ("kill -TERM $$", 143)])
def test_exit_code(tmp_path: Path, script: str, code: int) -> None:
    """The command's own exit code, or 128 and the signal's number."""
    assert shell(script, tmp_path) == (code, [])


def test_environment_is_what_was_given(tmp_path: Path) -> None:
    """No variable of this process reaches the command."""
    code, lines = told(["/usr/bin/env"], tmp_path, ONLY="this")
    assert code == 0
    assert [line for line in lines if not line.startswith("LC_CTYPE=")] == ["ONLY=this"]


def test_command_is_in_a_group_and_folder_of_its_own(tmp_path: Path) -> None:
    """Its group is not the caller's; it runs in the folder and reads nothing."""
    _, lines = shell("ps -o pgid= -p $$; pwd; cat", tmp_path)
    assert int(lines[0]) != os.getpgid(0)
    assert lines[1:] == [str(tmp_path)]


def test_program_that_is_not_there(tmp_path: Path) -> None:
    """A program that cannot be started is exit code 127 and a line that names it."""
    assert told(["no-such-program"], tmp_path, PATH="/usr/bin") == (127, ["no-such-program: No such file or directory"])


def test_arguments_reach_no_shell(tmp_path: Path) -> None:
    """Arguments stay what they are."""
    hostile = ["; touch PWNED", "$(touch PWNED)", "-x", "--", "a\nb"]
    code, lines = told([sys.executable, "-c", "import sys; print(sys.argv[1:])", *hostile], tmp_path)
    assert (code, lines) == (0, [str(hostile)])
    assert not list(tmp_path.iterdir())


def test_what_is_told_is_clean(tmp_path: Path) -> None:
    """No credentials of URLs, no colours, no control characters; undecodable bytes are replaced."""
    script = r"printf 'https://bot:s3cret@git.example/x\n\033[31mred\033[0m\007\n\377\376\n'"
    assert shell(script, tmp_path) == (0, ["https://***@git.example/x", "red", "\ufffd\ufffd"])


def test_credentials_at_the_cut_are_not_told(tmp_path: Path) -> None:
    """A URL that the cut would part is blotted out first."""
    script = f"print('x' * {LINE_CHARACTERS - 20} + ' https://bot:s3cret@git.example/x')"
    _, lines = told([sys.executable, "-c", script], tmp_path)
    assert len(lines[0]) <= LINE_CHARACTERS + 2
    assert "s3c" not in lines[0]


def test_endless_output_is_told_from_both_ends(tmp_path: Path) -> None:
    """A program that writes without measure fills no log, and its last words are not lost."""
    count = MOST_LINES + 5000
    code, lines = told([sys.executable, "-c", f"for number in range({count}): print(number)"], tmp_path)
    assert code == 0
    assert lines[:3] == ["0", "1", "2"]
    assert lines[MOST_LINES].startswith("… 5000 lines were left out")
    assert lines[-1] == str(count - 1)
    assert len(lines) == MOST_LINES + 11


def test_endless_line_is_cut(tmp_path: Path) -> None:
    """Ten million characters without an end are one short line; the next line is whole."""
    script = "import sys; sys.stdout.write('x' * 10_000_000 + '\\nnext\\n' + 'y' * 100_000)"
    code, lines = told([sys.executable, "-c", script], tmp_path)
    assert (code, [line[0] for line in lines]) == (0, ["x", "n", "y"])
    assert [len(line) for line in lines] == [LINE_CHARACTERS + 2, 4, LINE_CHARACTERS + 2]


@pytest.mark.parametrize(("options", "count"), [("child leave", 2), ("child escape leave", 2)])
def test_processes_left_by_a_command_that_ended(tmp_path: Path, stage, options: str, count: int) -> None:
    """A grandchild that holds the pipe neither blocks the caller nor survives, in a session of its own either."""
    code, lines = told(stage(options), tmp_path)
    pids = wait_for_pids(tmp_path, count)
    assert (code, lines) == (3, ["started"])
    assert not any(map(alive, pids))


@pytest.mark.parametrize(("options", "count"), ORPHANS)
def test_time_out(tmp_path: Path, stage, options: str, count: int) -> None:
    """Too long is the pipeline's failure, and nothing of it is alive."""
    lines: list[str] = []
    with pytest.raises(PipelineFailed, match=r"was ended after 4 s.*pipeline\.timeout"):
        run(stage(options), folder=tmp_path, environment={}, seconds=4, tell=lines.append)
    assert not any(map(alive, wait_for_pids(tmp_path, count)))
    assert lines == ["started"]


def test_time_out_of_a_command_that_closed_its_output(tmp_path: Path) -> None:
    """Without a pipe to read the limit still holds."""
    with pytest.raises(PipelineFailed, match="was ended after"):
        run(
            ["/bin/sh", "-c", "exec >&- 2>&-; exec sleep 600"], folder=tmp_path, environment={}, seconds=0.5, tell=print
        )


def test_time_out_of_a_command_that_never_stops_writing(tmp_path: Path) -> None:
    """The limit holds between lines too."""
    with pytest.raises(PipelineFailed, match="was ended after"):
        run(["yes"], folder=tmp_path, environment={"PATH": "/usr/bin"}, seconds=0.5, tell=lambda _: None)


def test_credentials_do_not_show_in_a_time_out(tmp_path: Path) -> None:
    """The command line in the error is redacted."""
    with pytest.raises(PipelineFailed) as caught:
        run(
            ["/bin/sh", "-c", "sleep 60", "https://bot:s3cret@x/"],
            folder=tmp_path,
            environment={},
            seconds=0.1,
            tell=print,
        )
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, TimeoutError, ValueError])
def test_error_in_the_caller(tmp_path: Path, stage, error: type[BaseException]) -> None:
    """Whatever is raised while lines are told ends the command first, and passes as it is."""

    def tell(line: str) -> None:
        raise error(line)

    with pytest.raises(error, match="started"):
        run(stage("deaf child"), folder=tmp_path, environment={}, seconds=60, tell=tell)
    assert not any(map(alive, wait_for_pids(tmp_path, 2)))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize(("options", "count"), ORPHANS)
def test_death_of_the_caller(tmp_path: Path, stage, number: int, options: str, count: int) -> None:
    """The caller is killed, with or without a chance to say so: nothing of the command survives."""
    command = [sys.executable, "-c", CALLER, str(tmp_path), *stage(options)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as caller:
        pids = wait_for_pids(tmp_path, count)
        assert all(map(alive, pids))
        caller.send_signal(number)
        assert caller.wait() == -number
    wait_for_end(pids)


def test_guard_does_not_start_for_a_dead_caller(tmp_path: Path) -> None:
    """A guard whose caller is another process than its parent starts nothing."""
    argv = [sys.executable, "-I", "-S", guard.__file__, str(os.getppid()), "1", "/usr/bin/touch", str(tmp_path / "x")]
    assert subprocess.run(argv, check=False).returncode == guard.ENDED
    assert not (tmp_path / "x").exists()


def test_ignored_signals_are_not_inherited(tmp_path: Path) -> None:
    """A command listens to SIGINT although its caller, started in the background by a shell, does not."""
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        code, lines = told(["/bin/grep", "SigIgn", "/proc/self/status"], tmp_path)
    finally:
        signal.signal(signal.SIGINT, former)
    assert code == 0
    assert int(lines[0].split()[1], 16) & 0x7FFFFFFF == 0  # 32 and 33 are the C library's own


def test_pipe_held_by_a_stranger(tmp_path: Path) -> None:
    """A process that is none of the command's and has its pipe is not waited for."""
    held: list[BinaryIO] = []

    def take(line: str) -> None:
        held.append(open(f"/proc/{line}/fd/1", "wb"))  # noqa: SIM115
        (tmp_path / "taken").touch()

    script = ["/bin/sh", "-c", "echo $$; while [ ! -e taken ]; do sleep 0.01; done"]
    try:
        assert run(script, folder=tmp_path, environment=os.environ, seconds=60, tell=take) == 0
    finally:
        held[0].close()
