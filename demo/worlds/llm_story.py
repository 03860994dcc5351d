"""The table at the end of the world of answers, and the checks that what went wrong was found, in time and by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from demo.worlds.llm_faults import FAULTY_FROM, PRODUCTION, SCENARIOS, Scenario, hours
from monitoring_tasks.alerts.message import Message
from monitoring_tasks.severity import Severity
from monitoring_tasks.window import Window


@dataclass(frozen=True)
class Hour:
    """One judged hour: what was found in which columns, worst first, what was told aloud, and the key of its report."""

    window: Window
    severity: Severity
    reasons: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    told: tuple[Message, ...] = ()
    report: str = ""

    @property
    def alarmed(self) -> bool:
        """Whether anything was found, be it for the digest alone."""
        return self.severity > Severity.NONE


def told_table(judged: Sequence[Hour]) -> Table:
    """One row for each scenario: when it began and was found, how bad that is, and what a person on call reads."""
    table = Table(
        "what went wrong", "began", "found", "severity", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_lines=True
    )
    table.add_column("as it was told", ratio=1)
    for scenario in SCENARIOS:
        hour = found(scenario, judged)
        cells = [f"{hour.window.end:%d %b %H:%M}", hour.severity.word, _told(hour)] if hour else ["never", "", ""]
        table.add_row(scenario.words, f"{scenario.span.start:%d %b %H:%M}", *map(Text, cells))
    return table


def _told(hour: Hour) -> str:
    """The letters of an hour, the worst first, each with its first reason; what is in the digest alone has its own."""
    worst = sorted(hour.told, key=lambda each: -each.severity)
    letters = ["\n".join((each.title, *each.lines[:1])) for each in worst]
    return "\n".join(letters or hour.reasons[:1])


def found(scenario: Scenario, judged: Sequence[Hour]) -> Hour | None:
    """The first hour of a scenario in which a column was found that has to do with it."""
    own = (hour for hour in judged if _touches(scenario, hour.window))
    return next((hour for hour in own if scenario.columns & set(hour.columns)), None)


def _touches(scenario: Scenario, window: Window) -> bool:
    return scenario.span.start < window.end and window.start < scenario.span.end


def check_hours(judged: Sequence[Hour]) -> list[str]:
    """Sentences that do not hold; empty when everything was found in its first hour, by name, and nothing else was."""
    expected = hours(PRODUCTION)
    if [hour.window for hour in judged] != expected:
        return [f"every hour of production is judged (found {len(judged)} of {len(expected)})"]
    by_window = {hour.window: hour for hour in judged}
    told = {
        sentence: holds
        for scenario in SCENARIOS
        for sentence, holds in _of_scenario(scenario, by_window[scenario.first_hour]).items()
    }
    false = [
        f"{_clock(hour)} is no alarm: nothing was wrong ({'; '.join(hour.reasons[:2])})" for hour in alarms(judged)
    ]
    return [sentence for sentence, holds in told.items() if not holds] + false


def _of_scenario(scenario: Scenario, first: Hour) -> dict[str, bool]:
    what, worst = scenario.words, " ".join(first.columns[:1]) or "nothing"
    aloud = [each.title for each in first.told]
    return {
        f"{what}: found in its first hour, {_clock(first)} (found {first.severity.word})": first.alarmed,
        f"{what}: told aloud at the end of that hour (told {aloud})": bool(aloud),
        f"{what}: named by a column that has to do with it (named first: {worst})": worst in scenario.columns,
    }


def alarms(judged: Sequence[Hour]) -> Iterator[Hour]:
    """The hours in which nothing was wrong, and something was found all the same."""
    for hour in judged:
        if hour.alarmed and not any(_touches(scenario, hour.window) for scenario in SCENARIOS):
            yield hour


def clean_half(judged: Sequence[Hour]) -> str:
    """How the hours fared before anything went wrong."""
    clean = [hour for hour in judged if hour.window.end <= FAULTY_FROM]
    return f"clean half: {len(clean)} hours, {sum(hour.alarmed for hour in clean)} alarms"


def _clock(hour: Hour) -> str:
    return f"{hour.window.start:%-d %B, %H:%M}"
