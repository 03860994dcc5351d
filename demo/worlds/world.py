"""What the worlds have in common: where one works, and how it tells what it does."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

ROOT = Path(__file__).parents[2]
WORLDS = ("llm", "fraud")
"""By the names of their modules; each has a folder of that name in `.demo`."""
EXAMPLES = ROOT / "include" / "monitors" / "examples"
console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 132)
"""As wide as the terminal; in a log as wide as a table needs."""


@dataclass(frozen=True)
class World:
    """A folder of its own for data and results, empty at the start, and how a line of progress is told."""

    work: Path
    say: Callable[[str], None]


def quiet() -> None:
    """Keep what Airflow would log of a run to itself: the tables say what was found."""
    logging.getLogger("monitoring_tasks").setLevel(logging.ERROR)
