"""One contender in a process of its own: what its work and its whole process cost."""

from __future__ import annotations

import importlib
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.data import Data

ROOT = Path(__file__).parents[1]
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Figures:
    """What one contender cost: `cpu` seconds (user and system) of its work, and their share in each `step`.

    The work starts after the imports and ends with its last step; `process` counts the CPU seconds of everything since
    the interpreter started. `wall` is the work's elapsed seconds, `peak` the process's most resident bytes.
    """

    cpu: float
    steps: Mapping[str, float]
    wall: float
    process: float
    peak: float


def measured(contender: str, data: Data, *, runs: int = 1) -> Figures:
    """The run of median CPU among `runs` of the contender (`module:function`), each in a fresh process."""
    found = sorted((_run(contender, data) for _ in range(runs)), key=lambda figures: figures.cpu)
    return found[(runs - 1) // 2]


def _run(contender: str, data: Data) -> Figures:
    about = json.dumps({**asdict(data), "root": str(data.root)})
    command: Sequence[str] = [sys.executable, "-m", "bench.measure", contender, about]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return Figures(**json.loads(done.stdout.splitlines()[-1]))


def _work(contender: str, data: Data) -> Figures:
    module, function = contender.split(":")
    # A contender yields the name of each step when it is done.
    steps: Iterator[str] = getattr(importlib.import_module(module), function)(data)
    began, elapsed, laps = _cpu(), time.perf_counter(), {}
    last = began
    for step in steps:
        laps[step] = _cpu() - last
        last = _cpu()
    return Figures(last - began, laps, time.perf_counter() - elapsed, last, _peak())


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _peak() -> float:
    status = Path("/proc/self/status")
    if status.exists():
        # Not ru_maxrss: in Linux a process starts with the peak of the one that started it.
        (line,) = (line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM"))
        return float(line.split()[1]) * 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def main(contender: str, about: str) -> dict[str, Any]:
    """Figures of one contender, run in this process."""
    data = json.loads(about)
    return asdict(_work(contender, Data(**{**data, "root": Path(data["root"])})))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*sys.argv[1:])) + "\n")
