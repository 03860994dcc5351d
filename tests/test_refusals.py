"""The built-in list of refusals: what it finds, and what looks alike and is an ordinary answer."""

from __future__ import annotations

from pathlib import Path

import pytest
import re2

from monitoring_tasks.patterns import pattern_of

TABLES = Path(__file__).parent / "refusals"
DECLINED = (TABLES / "declined.txt").read_text(encoding="utf-8").splitlines()
ANSWERED = (TABLES / "answered.txt").read_text(encoding="utf-8").splitlines()


def holds(text: str, *patterns: str) -> bool:
    """Whether the list finds a refusal in the text, or one of the patterns beside it occurs there."""
    told = pattern_of(["<refusals>", *patterns], ignore_case=False)
    return re2.compile(told.re2).search(text) is not None


@pytest.mark.parametrize("table", [DECLINED, ANSWERED], ids=["declined", "answered"])
def test_tables_are_long(table: list[str]) -> None:
    """There are sixty refusals and sixty answers at least, none twice."""
    assert len(set(table)) == len(table) >= 60


@pytest.mark.parametrize("text", DECLINED)
def test_refusal_is_found(text: str) -> None:
    """A refusal is found as it stands, in capitals, on several lines, with curly apostrophes, and with more behind."""
    assert holds(text)
    assert holds(text.upper())
    assert holds(text.replace(" ", " \n"))
    assert holds(text.replace("'", "\N{RIGHT SINGLE QUOTATION MARK}"))
    assert holds(f"{text} Anything else?")


@pytest.mark.parametrize("text", ANSWERED)
def test_answer_that_looks_alike_is_none(text: str) -> None:
    """An ordinary answer is none, though it holds words of one."""
    assert not holds(text)


def test_list_stands_beside_patterns() -> None:
    """The list may be one entry of several; patterns beside it tell case apart as they are asked to."""
    assert holds("I cannot comply.", "Policy forbids")
    assert holds("Policy forbids it.", "Policy forbids")
    assert not holds("policy forbids it.", "Policy forbids")


def test_name_of_the_list_can_be_looked_for() -> None:
    """A text that holds the list's name is found by the name with its sign escaped."""
    told = pattern_of([r"\<refusals>"], ignore_case=False)
    assert re2.compile(told.re2).search("see <refusals>") is not None
