"""What goes wrong with the made-up assistant in production, hour by hour, and what it changes about its answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from demo.worlds.answers import SEED, Draft, cut, draft_of, finished, lose, moment, one_of, refuse, speech
from demo.worlds.phrases import OFF_TOPIC
from monitoring_tasks.window import HOUR, Window

PRODUCTION = Window.parse("2026-03-16", "2026-03-20")
"""From Monday to Thursday."""
FAULTY_FROM = datetime(2026, 3, 18, tzinfo=UTC)
"""Before it nothing is wrong."""
Change = Callable[[np.random.Generator, Draft, "np.ndarray"], None]
"""Changes some rows of a draft, given by their numbers."""


@dataclass(frozen=True)
class Scenario:
    """Something that goes wrong from one moment to another: what it is, and the columns of which one must name it."""

    words: str
    span: Window
    columns: frozenset[str]
    change: Change

    @property
    def first_hour(self) -> Window:
        """The hour in which it begins."""
        return next(each for each in hours(PRODUCTION) if each.end > self.span.start)


def hours(span: Window) -> list[Window]:
    """The hours of a span."""
    return [
        Window(span.start + number * HOUR, span.start + (number + 1) * HOUR) for number in range(span.width // HOUR)
    ]


def _injected(random: np.random.Generator, draft: Draft, rows: np.ndarray) -> None:
    """More than half of the chat's answers are short and about something else."""
    asked = rows[(draft["route"][rows] == "chat") & (random.random(len(rows)) < 0.6)]
    for row in asked:
        draft["response"][row] = one_of(random, OFF_TOPIC)
    draft["finish_reason"][asked] = "stop"


def _refused(random: np.random.Generator, draft: Draft, rows: np.ndarray) -> None:
    """Three times as many answers are refusals: of every hundred six more."""
    spoken = rows[draft["expects"][rows] == "text"]
    refuse(random, draft, spoken[random.random(len(spoken)) < 0.06 / 0.85])


def _fenced(random: np.random.Generator, draft: Draft, rows: np.ndarray) -> None:
    """Most of what should be JSON comes with a sentence before it, in a fence."""
    for row in rows[(draft["expects"][rows] == "json") & (random.random(len(rows)) < 0.7)]:
        draft["response"][row] = f"Here is the JSON you asked for:\n```json\n{draft['response'][row]}\n```"


def _timed_out(random: np.random.Generator, draft: Draft, rows: np.ndarray) -> None:
    """The provider is several times as slow; of its answers some are missing, some empty, some cut short."""
    luck = random.random(len(rows))
    draft["wait"][rows] *= 6
    draft["pace"][rows] *= 3
    cut(random, draft, [row for row in rows[(luck > 0.2) & (luck < 0.27)] if draft["response"][row]])
    draft["response"][rows[(luck > 0.4) & (luck < 0.44)]] = ""
    lose(draft, rows[luck < 0.09])


def _looped(random: np.random.Generator, draft: Draft, rows: np.ndarray) -> None:
    """One spoken answer in ten says a sentence again and again until its tokens are used up."""
    for row in rows[(draft["expects"][rows] == "text") & (random.random(len(rows)) < 0.1)]:
        again = " " + speech(random, draft["language"][row], 1)
        draft["response"][row] = (draft["response"][row] or "") + again * int(random.integers(15, 40))
        draft["finish_reason"][row] = "length"


def _counted_twice(_: np.random.Generator, draft: Draft, rows: np.ndarray) -> None:
    """The provider's new tokenizer makes two tokens of one; the answers are the same, and as fast."""
    draft["tokenizer"][rows] *= 2
    draft["pace"][rows] /= 2


def _scenario(words: str, start: str, end: str, columns: Sequence[str], change: Change) -> Scenario:
    return Scenario(words, Window.parse(start, end), frozenset(columns), change)


_LENGTH = ("words", "characters", "output_tokens", "sentences")
SCENARIOS = (
    _scenario("prompt injection: short, off-topic answers", "2026-03-18T05:10", "2026-03-18T08:00", _LENGTH, _injected),
    _scenario("model regression: refusals 3 to 9 %", "2026-03-18T12:00", "2026-03-18T16:00", ["refusal"], _refused),
    _scenario("template change: JSON in a fence", "2026-03-18T20:05", "2026-03-18T23:00", ["valid_json"], _fenced),
    _scenario(
        "provider times out: slow, missing, cut",
        "2026-03-19T03:20",
        "2026-03-19T05:00",
        ["seconds", "seconds_per_token", "empty", "truncated", "finish_reason", *_LENGTH],
        _timed_out,
    ),
    _scenario("repetition loops", "2026-03-19T09:00", "2026-03-19T12:00", ["repeated", "truncated", *_LENGTH], _looped),
    _scenario(
        "another tokenizer: tokens doubled",
        "2026-03-19T15:15",
        "2026-03-19T18:00",
        ["prompt_tokens", "output_tokens", "seconds_per_token"],
        _counted_twice,
    ),
)
"""In the order of time, with ordinary hours between."""


def log_of(hour: int, scenarios: Sequence[Scenario] = SCENARIOS) -> pa.Table:
    """The log of an hour, counted from the first one of the reference, with what goes wrong in it."""
    draft, start = draft_of(hour), moment(hour)
    for number, scenario in enumerate(scenarios):
        since, until = ((each - start).total_seconds() * 1000 for each in (scenario.span.start, scenario.span.end))
        rows = np.flatnonzero((draft["at"] >= since) & (draft["at"] < until))
        scenario.change(np.random.default_rng([SEED, hour, number]), draft, rows)
    return finished(hour, draft)
