"""Two more worlds, each a monitor by YAML alone: made data, judged as in production, and a table of what was found.

python -m demo.worlds llm      what a language model answers, hour by hour: include/monitors/examples/llm_answers.yaml
python -m demo.worlds fraud    card payments, week by week, and two retrainings: include/monitors/examples/fraud.yaml

Each ends with 1 and a sentence when something that was put into the data was not found, or not named, or when there was
an alarm where nothing is wrong.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from importlib import import_module

from rich.text import Text

from demo.worlds.world import ROOT, WORLDS, World, console

started = time.monotonic()


def main(arguments: Sequence[str]) -> int:
    """Exit code of the command: 0, 1 when the story does not hold, 2 for a world that there is not."""
    if len(arguments) != 1 or arguments[0] not in WORLDS:
        console.print(__doc__)
        return 2
    [name] = arguments
    work = ROOT / ".demo" / name
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    failures = import_module(f"demo.worlds.{name}").run(World(work, say))
    for sentence in failures:
        console.print("[red]does not hold:[/red]", Text(sentence))
    return 1 if failures else 0


def say(line: str) -> None:
    """A line of progress, with the seconds since the start."""
    console.print(f"[dim]{time.monotonic() - started:4.0f} s[/dim]  {line}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
