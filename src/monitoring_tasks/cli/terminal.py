"""What every command of the terminal shares: options, exit codes, and how texts and errors are printed."""

from __future__ import annotations

import logging
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from monitoring_tasks.errors import ConfigurationError, MonitoringError
from monitoring_tasks.policy.narrative import plain

if TYPE_CHECKING:
    from monitoring_tasks.runtime import Runtime

log = logging.getLogger(__name__)

HEALTHY, FINDINGS, UNDECIDED, ERROR = 0, 1, 2, 3
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

Folder = Annotated[
    Path, typer.Option("--monitors", envvar="MONITORING_MONITORS", help="Folder of monitors' YAML files")
]
Name = Annotated[str, typer.Argument(help="Name of the monitor")]
Start = Annotated[str, typer.Option("--start", help="First moment of the span, ISO 8601; UTC unless it says otherwise")]
End = Annotated[str, typer.Option("--end", help="End of the span, not included")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of text for people")]
DEFAULT_FOLDER = Path("include/monitors")


def explained(error: Exception) -> str:
    """An error in words: its kind and its message; one that nobody foresaw says how to learn more."""
    if isinstance(error, MonitoringError):
        return f"{type(error).__name__}: {error}"
    log.debug("unexpected error", exc_info=error)
    message = " ".join(str(error).split())
    return f"unexpected {type(error).__name__}: {message} (MONITORING_DEBUG=1 shows where)"


def complain(text: str) -> None:
    """Print lines in red on the error stream, without control characters that came from outside."""
    err.print(Text("\n".join(plain(line) for line in text.splitlines()), style="red"), soft_wrap=True)


def say(text: str) -> None:
    """Print text as it is: no markup, and no line breaks of our own that a program would trip over."""
    out.print(Text(text), soft_wrap=True)


def counted(number: int, what: str) -> str:
    """So many of something, in words.

    >>> counted(1, "file"), counted(0, "mistake")
    ('1 file', '0 mistakes')
    """
    return f"{number} {what}{'' if number == 1 else 's'}"


@contextmanager
def opened_runtime() -> Iterator[Runtime]:
    """The runtime that the environment describes, closed at the end. Raises `ConfigurationError` when it cannot be."""
    from monitoring_tasks.runtime import environment_runtime

    try:
        runtime = environment_runtime()
    except (OSError, ValueError, ImportError) as error:
        settings = "MONITORING_HOME (a folder that can be written), MONITORING_STORE, MONITORING_ARTIFACTS"
        raise ConfigurationError(f"the place of the results cannot be used: {error}: check {settings}") from error
    try:
        yield runtime
    finally:
        runtime.store.close()


def user() -> str:
    """Name of the user whose process this is, whatever the environment says."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's arbitrary user id
        return f"user {os.getuid()}"
