"""The demonstration: a champion trained on real flights, nine months of production, and Airflow watching them.

python -m demo run [--exit]    everything; then the UI stays up until Ctrl-C or `down` (--exit: stops at once)
python -m demo up              Airflow alone, with the monitors of include/monitors, until Ctrl-C or `down`
python -m demo down            stop `run` or `up`, however far it is
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TextIO

from rich.console import Console

from demo.champion import FIRST_VERSION, make_champion
from demo.figures import check_figures, figures_table, read_figures
from demo.production import replay_production
from demo.retraining import JULY, OCTOBER, check_months, months_table, read_months, retrain
from demo.stack import Stack
from demo.story import WEEK, check_references, check_story, pages_table, read_week, read_weeks, story_table
from demo.worlds.world import WORLDS
from monitoring_tasks.report import run_folder
from monitoring_tasks.runtime import environment_runtime

ROOT = Path(__file__).parents[1]
WORK = ROOT / ".demo"
PID = WORK / "pid"
MONITOR = "flight_delay"
DAG = f"monitor_{MONITOR}"
PERFORMANCE = f"performance_{MONITOR}"
FIRST, LAST = "2013-06-04", "2013-07-23"
LABELLED = "2013-07-02", "2013-07-09"
"""Ticks at whose ends the labels of the last weeks of June are final."""
CUSTOM = {"start": "2013-07-04T00:00:00Z", "end": "2013-07-08T00:00:00Z"}

console = Console(highlight=False, soft_wrap=True)
started = time.monotonic()


def main(arguments: Sequence[str]) -> int:
    """Exit code of the command: 0, or 1 when the story does not hold."""
    commands: dict[str, Callable[[], int]] = {"run": lambda: run("--exit" in arguments), "up": up}
    if arguments and arguments[0] == "down":
        return down()
    if not arguments or arguments[0] not in commands:
        console.print(__doc__)
        return 2
    with alone():
        return commands[arguments[0]]()


def run(leave: bool) -> int:
    """Champion, production, replay by the command line, replay by Airflow, table, story."""
    os.environ.update(MONITORING_HOME=str(WORK), MONITORING_MONITORS=str(ROOT / "include" / "monitors"))
    forget()
    say("training the champion on January to March with DVC")
    make_champion(WORK)
    say("replaying April to December: the champion's scores, and the outcomes as the flights landed")
    replay_production(WORK)
    say("judging every week by the command line")
    for command in readme_commands():
        execute(command)
    with Stack(WORK / "airflow", ROOT, say=say) as stack:
        in_airflow(stack)
        performance(stack)
        retrainings(stack)
        failures = tell()
        if not failures and not leave:
            welcome(stack, f"/dags/{DAG}")
            wait()
    return 1 if failures else 0


def forget() -> None:
    """Remove what an earlier demonstration left: a retraining is done once, and so is a promotion.

    The other worlds have their own folders, in which one may be at work.
    """
    for left in WORK.iterdir():
        if left.name in WORLDS:
            continue
        if left.is_dir():
            shutil.rmtree(left)
        elif left != PID:
            left.unlink()


def readme_commands() -> list[list[str]]:
    """The `monitoring` commands of the README, so that what it promises is run as it is written there."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = re.findall(
        r"^(monitoring (?:alerts --would-have|backfill|check|performance|report|status) .*?)(?: {2,}#.*)?$",
        text,
        re.MULTILINE,
    )
    return sorted((shlex.split(line) for line in lines), key=lambda words: words[1] != "backfill")


def execute(command: Sequence[str]) -> None:
    """Run a `monitoring` command as its user would; verdicts are no failure, errors are."""
    say("$ " + " ".join(command))
    program = Path(sys.executable).with_name(command[0])
    done = subprocess.run([program, *command[1:]], cwd=WORK, check=False)
    if done.returncode not in (0, 1, 2):
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}")


def in_airflow(stack: Stack) -> None:
    """Eight windows of June and July by Airflow's own backfill, and one by hand with a window of its own."""
    before = verdict_digests()
    stack.rest.wait_for_dags([DAG])
    say(f"airflow: backfill of {FIRST} to {LAST} through the REST API")
    number = stack.rest.backfill(DAG, f"{FIRST}T00:00:00Z", f"{LAST}T00:00:00Z")
    stack.rest.wait_for_backfill(number)
    say("airflow: one run by hand, on the days after the Fourth of July")
    stack.rest.trigger(DAG, "fourth_of_july", CUSTOM)
    states = [stack.rest.wait_for_run(DAG, "fourth_of_july")]
    states += [run["state"] for run in stack.rest.runs(DAG, run_type="backfill")]
    if set(states) != {"success"} or len(states) < 9:
        raise SystemExit(f"airflow: expected nine successful runs, found {states}; logs are in {stack.folder}")
    after = verdict_digests()
    changed = [key for key, digest in before.items() if after.get(key) != digest]
    if changed:
        raise SystemExit(f"airflow's backfill changed verdicts that it should have repeated: {changed}")
    say("airflow: nine runs succeeded, and every repeated verdict has the same bytes")


def performance(stack: Stack) -> None:
    """Two weeks of June judged by their labels, by Airflow's own backfill: as known then, the same bytes as since."""
    stack.rest.wait_for_dags([PERFORMANCE])
    say("airflow: backfill of the performance of two weeks of June, as known at the time")
    stack.rest.wait_for_backfill(stack.rest.backfill(PERFORMANCE, *(f"{day}T00:00:00Z" for day in LABELLED)))
    states = [run["state"] for run in stack.rest.runs(PERFORMANCE, run_type="backfill")]
    if set(states) != {"success"} or len(states) != len(LABELLED):
        raise SystemExit(f"airflow: expected {len(LABELLED)} successful runs, found {states}; logs: {stack.folder}")


def retrainings(stack: Stack) -> None:
    """July's retraining, approved; one week judged against both references; back again; October's, refused."""
    say("airflow: a retraining for July, trained on the 90 days before it and compared on July itself")
    retrain(stack, JULY, say=say)
    week = ["monitoring", "check", MONITOR, "--start", str(WEEK.start.date()), "--end", str(WEEK.end.date())]
    say("a week of September, judged against the new champion's reference")
    execute(week)
    say("back to the first champion, so that October asks the same question as July did")
    execute(["monitoring", "rollback", MONITOR, "--to", FIRST_VERSION, "--reason", "October asks anew", "--yes"])
    execute(week)
    say("airflow: a retraining for October")
    retrain(stack, OCTOBER, say=say)
    execute(["monitoring", "champion", MONITOR])


def verdict_digests() -> dict[str, str]:
    """SHA-256 of every week's stored verdict."""
    runtime = environment_runtime()
    with runtime.store:
        keys = [f"{run_folder(week.verdict.subject)}/verdict.json" for week in read_weeks(runtime, MONITOR)]
        return {key: hashlib.sha256(runtime.artifacts.read(key) or b"").hexdigest() for key in keys}


def tell() -> list[str]:
    """Print the table of verdicts and check the story; the sentences that do not hold."""
    runtime = environment_runtime()
    with runtime.store:
        weeks, months, both = read_weeks(runtime, MONITOR), read_months(runtime), read_week(runtime, MONITOR, WEEK)
        figures = read_figures(runtime, MONITOR)
    console.print(story_table(weeks))
    console.print(pages_table(weeks))
    console.print(figures_table(figures))
    console.print(months_table(months))
    failures = [*check_story(weeks), *check_figures(figures), *check_months(months), *check_references(both)]
    for sentence in failures:
        console.print(f"[red]does not hold:[/red] {sentence}")
    if not failures:
        say("the story holds: ordinary weather pages nobody, the schedule's changes are small, the score says when it")
        say("matters; labels say when the model was worse: too few delays foreseen in April and July, bad ranks in")
        say("September; July's challenger was better and is promoted, October's was worse and is not")
    return failures


def welcome(stack: Stack, page: str) -> None:
    """Say where the UI is, at a page of it, and how to get in."""
    console.print(f"\nAirflow is up: [bold]{stack.url}{page}[/bold]")
    console.print(f"user [bold]admin[/bold], password [bold]{stack.passwords['admin']}[/bold]")
    console.print("Ctrl-C here, or `make down` elsewhere, stops it.")


def up() -> int:
    """Airflow alone, until it is stopped."""
    os.environ.setdefault("MONITORING_HOME", str(WORK))
    with Stack(WORK / "airflow", ROOT, say=say) as stack:
        welcome(stack, "/plugin/model-monitoring")
        wait()
    return 0


@contextmanager
def alone() -> Iterator[None]:
    """Hold the lock of the pid file, so that `down` finds this process; a second demonstration is refused.

    Two would fight over one folder. The lock ends with its process, however that ends: unlike the number in the file,
    it can never be that of a stranger. The file stays, as another process may be about to lock it.
    """
    PID.parent.mkdir(parents=True, exist_ok=True)
    with PID.open("a+") as file:
        take(file)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        signal.signal(signal.SIGTERM, leave)
        yield


def take(file: TextIO) -> None:
    """Lock the pid file, or say who has it; `down` looking in holds it for a moment, so a short wait is due."""
    for _ in range(5):
        with suppress(BlockingIOError):
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        time.sleep(0.1)
    raise SystemExit(f"process {running()} already runs the demonstration: stop it with `make down`")


def leave(number: int, _frame: FrameType | None) -> None:
    """SIGTERM before Airflow stands ends the program as Ctrl-C does, and the command it just runs with it."""
    raise SystemExit(128 + number)


def running() -> int | None:
    """The process that holds the lock of the pid file, if one does."""
    if not PID.exists():
        return None
    with PID.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.1)  # who has just taken the lock is about to write its number
            return int(file.read())
    return None


def down() -> int:
    """Stop what runs; it is no mistake when nothing does."""
    process = running()
    if process is None:
        say("nothing runs")
        return 0
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGTERM)
    for _ in range(300):
        if running() is None:
            say("stopped")
            return 0
        time.sleep(0.2)
    say(f"process {process} did not stop in a minute")
    return 1


def wait() -> None:
    """Return on Ctrl-C or `down`."""
    try:
        signal.pause()
    except KeyboardInterrupt:
        say("stopping")


def say(line: str) -> None:
    """A line of progress, with the seconds since the start."""
    console.print(f"[dim]{time.monotonic() - started:5.0f} s[/dim]  {line}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
