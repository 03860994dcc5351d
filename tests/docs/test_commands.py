"""Commands that the documentation names are commands that there are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from typer.exceptions import TyperException
from typer.main import get_command

from bench.__main__ import Part
from monitoring_tasks.cli import app
from tests.docs.pages import PAGES, ROOT, of_language, text_of

COMMAND: Any = get_command(app)
"""What typer makes of the application."""


def in_blocks() -> list[str]:
    """The lines of shell blocks that call the command, without their comments."""
    lines = [line for block in of_language("sh") for line in block.text.splitlines()]
    return [line.partition(" #")[0].rstrip() for line in lines if line.startswith("monitoring ")]


def in_prose() -> list[str]:
    """The calls of the command between backticks: what follows it may be left out there."""
    return [
        " ".join(each.split()) for page in PAGES for each in re.findall(r"`(monitoring [a-z-][^`]*)`", text_of(page))
    ]


def subcommand(words: Sequence[str]) -> tuple[Any, list[str]]:
    """The command that words name, and the words left over. Raises `KeyError` for a command that there is not."""
    command, left = COMMAND, list(words)
    while hasattr(command, "commands") and left and left[0] in command.commands:
        command = command.commands[left.pop(0)]
    if command is COMMAND:
        raise KeyError(words[0])
    return command.commands["list"] if hasattr(command, "commands") and left else command, left


def options(command: Any) -> Iterator[str]:
    """The options that a command takes."""
    for parameter in command.params:
        yield from parameter.opts


@pytest.mark.parametrize("line", in_blocks())
def test_a_line_to_copy_is_understood(line: str) -> None:
    """Its command is there, and so is each of its options and arguments."""
    command, left = subcommand(shlex.split(line)[1:])
    command.make_context(command.name, left)


@pytest.mark.parametrize("call", in_prose())
def test_a_command_in_a_sentence_is_there(call: str) -> None:
    """With the options that it is named with."""
    command, left = subcommand([word for word in re.split(r"[\s\[\]]+", call)[1:] if word])
    named = {word for word in left if word.startswith("-")}
    assert named <= {*options(command), "--help"}


def test_a_command_that_is_not_there_is_found() -> None:
    """The checks above see a wrong name, and a wrong option."""
    with pytest.raises(KeyError):
        subcommand(["chek", "flight_delay"])
    command, left = subcommand(["check", "flight_delay", "--begin", "2013-06-04"])
    with pytest.raises(TyperException):
        command.make_context("check", left)


def test_targets_of_make_and_parts_of_the_bench_are_there() -> None:
    """`make demo`, `python -m bench gate` and the like."""
    text = "\n".join(map(text_of, PAGES))
    makefile = text_of(ROOT / "Makefile")
    targets = set(re.findall(r"(?:^|`)make ([a-z]+)", text, re.MULTILINE))
    assert {target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)} == set()
    parts = set(re.findall(r"python\s+-m\s+bench\s+([a-z]+)", text))
    assert parts
    assert parts <= {part.value for part in Part}
