"""What a made-up assistant answers in one hour: ordinary traffic, drawn from a seed and the hour alone.

An hour is drawn in two steps. A *draft* is what was asked and answered; tokens and seconds follow from the answer, so
that whatever changes an answer changes them as well.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

from demo.worlds.phrases import CODE, HOSTILE, LANGUAGES, REFUSALS, sentences

SEED = 20260302
FIRST = datetime(2026, 3, 2, tzinfo=UTC)
"""Monday, the first hour of the reference."""
HOURS = 24 * 18
"""Of the climate: two weeks of reference, and production after them."""
VOLUME = 420
"""Answers in a middling hour."""
ROUTES = ("chat", "summarise", "extract", "translate", "code")
_SHARES = np.array([0.5, 0.15, 0.15, 0.12, 0.08])
_SENTENCES = np.array([4.0, 6.0, 0.0, 3.5, 2.0])
"""Mean sentences of an answer, by route; an extraction is JSON."""
_PROMPTS = np.array([5.5, 7.1, 6.4, 5.2, 5.8])
"""Mean logarithm of the tokens of a prompt, by route."""
_SPOKEN = (0.62, 0.14, 0.09, 0.08, 0.05, 0.02)
MODELS = ("atlas-large-2", "atlas-small-2")
_PACE = np.array([0.021, 0.011])
"""Seconds a token takes, by model."""
TIMEOUT = 60.0
"""Seconds after which the assistant gives up."""
Draft = dict[str, Any]
"""Columns of an hour's answers by name, as arrays of one length."""


@cache
def climate() -> dict[str, Any]:
    """What all answers of an hour have in common, for every hour: some are busier, slower or wordier than others."""
    random = np.random.default_rng(SEED)
    spread = {"volume": (0.04, 0.5), "length": (0.03, 0.5), "load": (0.10, 0.7), "refusals": (0.10, 0.3)}
    return {name: _wandering(random, *each) for name, each in spread.items()}


def _wandering(random: np.random.Generator, deviation: float, memory: float) -> Any:
    """Factors about 1 of which each resembles the one before."""
    steps, found = random.normal(0, deviation, HOURS), np.zeros(HOURS)
    for hour in range(1, HOURS):
        found[hour] = memory * found[hour - 1] + np.sqrt(1 - memory**2) * steps[hour]
    return np.exp(found)


def moment(hour: int) -> datetime:
    """The beginning of an hour, counted from the first one."""
    return FIRST + timedelta(hours=hour)


def daylight(hour: int) -> float:
    """How busy an hour of the day is: from -1 at three in the morning to 1 at three in the afternoon.

    >>> round(daylight(3)), round(daylight(24 + 15))
    (-1, 1)
    """
    return float(-np.cos(2 * np.pi * (hour - 3) / 24))


def draft_of(hour: int) -> Draft:
    """What was asked and answered in an hour, in the order of time."""
    random, air = np.random.default_rng([SEED, hour]), {name: each[hour] for name, each in climate().items()}
    weekend = 0.7 if moment(hour).weekday() > 4 else 1.0
    count = int(random.poisson(VOLUME * (1 + 0.4 * daylight(hour)) * weekend * air["volume"]))
    route = random.choice(len(ROUTES), count, p=random.dirichlet(_SHARES * 2000))
    model = (random.random(count) < 0.3).astype(int)
    asked = {
        "at": np.sort(random.integers(0, 3_600_000, count)),
        "route": np.array(ROUTES, object)[route],
        "model": np.array(MODELS, object)[model],
        "language": random.choice(np.array(LANGUAGES, object), count, p=_SPOKEN),
        "expects": np.where(route == ROUTES.index("extract"), "json", "text").astype(object),
        "prompt_tokens": np.exp(random.normal(_PROMPTS[route], 0.6)),
        "tokenizer": np.exp(random.normal(0, 0.06, count)),
        "pace": _PACE[model] * air["load"] * np.exp(random.normal(0, 0.25, count)),
        "wait": air["load"] * np.exp(random.normal(-0.9, 0.5, count)) + _stalls(random, count),
    }
    return asked | _answered(random, asked, _SENTENCES[route] * air["length"] * (1 - 0.03 * daylight(hour)), air)


def _stalls(random: np.random.Generator, count: int) -> Any:
    """Seconds that one request in a hundred is held up by: a tail as heavy as those of real queues."""
    return np.where(random.random(count) < 0.01, 2 + 3 * random.pareto(1.8, count), 0.0)


def _answered(random: np.random.Generator, asked: Draft, length: Any, air: dict[str, float]) -> Draft:
    """The answers to what was asked: as people meant them to be, then what goes wrong now and then."""
    count = len(asked["at"])
    wanted = 1 + random.poisson(random.gamma(3, np.maximum(length - 1, 0.1) / 3))
    response = np.array([_answer(random, asked, row, wanted[row]) for row in range(count)], object)
    finish = np.full(count, "stop", object)
    draft = {"response": response, "finish_reason": finish}
    luck, spoken = random.random(count), asked["expects"] == "text"
    refuse(random, asked | draft, np.flatnonzero(spoken & (luck < 0.035 * air["refusals"])))
    cut(random, draft, np.flatnonzero((luck > 0.1) & (luck < 0.115)))
    draft["response"][(luck > 0.2) & (luck < 0.203)] = " \n"
    lose(draft, (luck > 0.3) & (luck < 0.304))
    return draft


def _answer(random: np.random.Generator, asked: Draft, row: int, count: int) -> str:
    language = asked["language"][row]
    if asked["expects"][row] == "json":
        return _extract(random, language)
    text = speech(random, language, count)
    if asked["route"][row] == "code":
        text += "\n\n" + one_of(random, CODE)
    return text + one_of(random, HOSTILE) if random.random() < 0.04 else text


def one_of(random: np.random.Generator, texts: Sequence[str]) -> str:
    """One of some texts, each as likely."""
    return texts[int(random.integers(len(texts)))]


def speech(random: np.random.Generator, language: str, count: int) -> str:
    """So many sentences of a language."""
    bank = sentences(language)
    return ("" if language == "ja" else " ").join([bank[each] for each in random.integers(len(bank), size=count)])


def _extract(random: np.random.Generator, language: str) -> str:
    """What was read out of a message, as JSON; one in a hundred is not."""
    items = [
        {"article": int(article), "count": 1 + int(article) % 3}
        for article in random.integers(1000, 9999, random.integers(1, 5))
    ]
    found = {"intent": "return", "items": items, "note": speech(random, language, 1), "urgent": bool(len(items) % 2)}
    text = json.dumps(found, ensure_ascii=False)
    return text[:-1] if random.random() < 0.01 else text


def refuse(random: np.random.Generator, draft: Draft, rows: Any) -> None:
    """Replace answers by refusals, in the language that was asked in."""
    for row in rows:
        language = draft["language"][row]
        more = " " + speech(random, language, 1) if random.random() < 0.5 else ""
        draft["response"][row] = one_of(random, REFUSALS[language]) + more


def cut(random: np.random.Generator, draft: Draft, rows: Any) -> None:
    """Cut answers short, as at the limit of tokens."""
    for row in rows:
        text = draft["response"][row]
        draft["response"][row] = text[: int(len(text) * random.uniform(0.4, 0.9))]
    draft["finish_reason"][rows] = "length"


def lose(draft: Draft, rows: Any) -> None:
    """Take answers away: the provider did not answer in time, and nothing is known of what it would have said."""
    draft["response"][rows] = None
    draft["finish_reason"][rows] = "error"


def finished(hour: int, draft: Draft) -> pa.Table:
    """The log of an hour: its draft with tokens and seconds, which a missing answer does not have."""
    length = np.array([np.nan if text is None else len(text) for text in draft["response"]])
    lost, at = np.isnan(length), draft["at"]
    tokens = 1 + np.nan_to_num(length) / 4.2 * draft["tokenizer"]
    seconds = np.where(lost, TIMEOUT, np.minimum(draft["wait"] + draft["pace"] * tokens, TIMEOUT))
    start = np.datetime64(moment(hour).replace(tzinfo=None), "ms")
    return pa.table(
        {
            "request_id": [f"{moment(hour):%m%d%H}-{number:04d}" for number in range(len(at))],
            "answered_at": pa.array(start + at.astype("timedelta64[ms]"), pa.timestamp("ms", "UTC")),
            **{name: pa.array(draft[name], pa.string()) for name in ("route", "model", "language", "expects")},
            "prompt_tokens": pa.array(np.rint(draft["prompt_tokens"] * draft["tokenizer"]).astype(int)),
            "output_tokens": pa.array(np.rint(tokens).astype(int), mask=lost),
            "seconds": pa.array(np.round(seconds, 3)),
            "finish_reason": pa.array(draft["finish_reason"], pa.string()),
            "response": pa.array(draft["response"], pa.string()),
        }
    )
