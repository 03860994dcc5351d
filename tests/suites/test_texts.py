"""Evidently's text descriptors in the report: real descriptors, on texts that mean harm."""

from __future__ import annotations

import json
import logging
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from monitoring_tasks.descriptors import DESCRIPTORS
from monitoring_tasks.descriptors_section import Descriptor
from monitoring_tasks.profile.plan import HASH
from monitoring_tasks.suites import SuiteInput, run_suites
from monitoring_tasks.suites.text_widgets import text_widgets, value_bars
from monitoring_tasks.suites.texts import Described, described
from tests.suites.conftest import monitor, rows

Given = Callable[..., SuiteInput]
MARKER = "Zanzibar-4711"
HOSTILE = f"</script><script>window.ran=1</script><img src=x onerror='window.ran=1'> {MARKER}"
ALL: list[Any] = [
    *(name for name, each in DESCRIPTORS.items() if each.setting is None),
    {"Contains": ["refund", "<b>"]},
    {"DoesNotContain": "refund"},
    {"BeginsWith": "Sorry"},
    {"EndsWith": "."},
]


def entry(said: Any) -> Descriptor:
    """A descriptor as a monitor names it."""
    (found,) = monitor(descriptors={"text": [said]}).descriptors["text"]
    return found


def sampled(texts: Sequence[str | None] | pa.Array[Any], name: str = "text") -> pa.Table:
    """A sample of these texts."""
    return pa.table({name: texts, HASH: pa.array(range(len(texts)), pa.uint64())})


def strings(texts: Sequence[str | None]) -> pa.Array[Any]:
    """Texts, or nulls alone, as a column of text."""
    return pa.array(texts, pa.string())


def answers(count: int, *, seed: int = 0, words: int = 12) -> list[str]:
    """Answers of about so many words."""
    random = np.random.default_rng(seed)
    known = ["The", "order", "was", "sent.", "Thank", "you!", "See", "https://shop.example.org", "42"]
    return [" ".join(random.choice(known, 1 + random.poisson(words))) for _ in range(count)]


def one(said: Any, now: Sequence[str | None], then: Sequence[str | None]) -> Described:
    """What one descriptor says of texts against those of the reference."""
    (found,) = described({"text": [entry(said)]}, sampled(strings(now)), sampled(strings(then)))
    return found


@pytest.mark.parametrize(
    ("said", "text", "value"),
    [
        ("TextLength", "four", 4),
        ("WordCount", "one two three", 3),
        ("SentenceCount", "One. Two? Three.", 3),
        ("NonLetterCharacterPercentage", "ab12", 50),
        ("ContainsLink", "see https://example.org", 1),
        ("IsValidJSON", '{"a": [1]}', 1),
        ("IsValidJSON", "{a: 1}", 0),
        ({"Contains": ["refund", "sorry"]}, "so sorry", 1),
        ({"DoesNotContain": ["refund", "sorry"]}, "so sorry", 0),
        ({"BeginsWith": "so"}, "so sorry", 1),
        ({"EndsWith": "so"}, "so sorry", 0),
    ],
)
def test_values_are_those_of_evidently(said: Any, text: str, value: float) -> None:
    """Each descriptor gives a number, true and false as 1 and 0."""
    assert one(said, [text], [text]).current.values.tolist() == [value]


def test_a_missing_text_is_no_short_text() -> None:
    """Evidently gives nulls length 0 and False: they are left out before, and counted."""
    found = one("TextLength", ["four", None, None], [None])
    assert found.current.values.tolist() == [4]
    assert (found.current.missing, found.reference.missing) == (2, 1)
    assert found.why == "the reference has no text to describe"


def test_a_shift_is_seen_and_none_is_not() -> None:
    """Evidently's own test tells half as many words from as many."""
    then = answers(400, seed=1)
    same, shorter = one("WordCount", answers(400, seed=2), then), one("WordCount", answers(400, words=6), then)
    assert not same.differs
    assert (same.p_value or 0) > 0.05
    assert shorter.differs
    assert (shorter.p_value or 1) < 1e-6
    links = one("ContainsLink", ["none"] * 200, [*["none"] * 100, *["http://a.b"] * 100])
    assert links.differs
    assert (links.current.mean, links.reference.mean) == (0.0, 0.5)


@pytest.mark.parametrize(
    ("now", "then", "why"),
    [
        ([], ["a"] * 50, "the window has no rows"),
        ([None] * 50, ["a"] * 50, "the window has no text to describe"),
        (["a"] * 29, ["bc"] * 50, "29 are too few to compare, 30 needed"),
        (["a"] * 50, ["b"] * 50, "the same for every text"),
    ],
)
def test_what_cannot_be_compared_says_so(now: list[str | None], then: list[str | None], why: str) -> None:
    """Few, missing and equal values are a sentence, not a p-value."""
    found = one("TextLength", now, then)
    assert (found.p_value, found.why) == (None, why)
    assert np.isfinite([*value_bars(found).reference, *value_bars(found).current]).all()


@pytest.mark.parametrize("column", [pa.array([1, 2]), pa.array([b"a", b"b"]), pa.array([["a"], ["b"]])])
def test_a_column_of_another_type_says_so(column: pa.Array[Any]) -> None:
    """Samples hold texts only; what else may be in one is no column of texts."""
    (found,) = described({"text": [entry("TextLength")]}, sampled(column), sampled(["a", "b"]))
    assert found.why == "the window has no texts in such a column"
    (found,) = described({"other": [entry("TextLength")]}, sampled(["a"]), sampled(["a"]))
    assert not found.current.there


def test_a_text_on_which_evidently_fails_leaves_the_others() -> None:
    """A broken link, an empty text and JSON that is nested too deeply are counted, and have no value."""
    links = one("ContainsLink", ["http://[broken", "http://a.b", "none"] * 20, answers(50))
    assert sorted(links.current.values) == [0.0] * 20 + [1.0] * 20
    assert links.current.failed == 20
    assert one("NonLetterCharacterPercentage", ["", "ab"], ["a"]).current.failed == 1
    assert one("IsValidJSON", ["[" * 1999, "[]"], ["[]"]).current.failed == 1


def test_the_end_of_a_text_is_not_judged_by_its_beginning() -> None:
    """Of a text of which 2,000 characters were kept nobody knows whether it is JSON, or how it ends."""
    long = '{"a": "' + "x" * 1993
    for said in ("IsValidJSON", {"EndsWith": "x"}):
        found = one(said, [long, "{}"], ["{}"])
        assert (found.current.cut, len(found.current.values)) == (1, 1)
    assert one("TextLength", [long], ["a"]).current.values.tolist() == [2000]


def test_nothing_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every descriptor that may be named works where no name can be looked up and no connection opened."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    found = list(described({"text": [entry(said) for said in ALL]}, sampled(answers(40)), sampled(answers(40, seed=1))))
    assert {each.descriptor.name for each in found} == DESCRIPTORS.keys()
    assert all(len(each.current.values) == 40 for each in found)


# The report ---------------------------------------------------------------------------------------------------------

NASTY = ["", "a\0b", "\ufffd x", "x " * 1000, "[" * 2000, "http://[x", HOSTILE, "\u202e\u0000", "{{7*7}} ${x} %s"]


def page_of(given: Given, now: pa.Table | None, then: pa.Table | None, **changes: Any) -> str:
    """The page of a window with these samples of texts."""
    prepared = given(rows(), **{"descriptors": {"text": ALL}, **changes})
    prepared = replace(prepared, texts=now, reference=replace(prepared.reference, texts=then))
    return run_suites(prepared, script_href="evidently.js").html


def test_the_report_has_a_section_in_numbers_alone(given: Given, caplog: pytest.LogCaptureFixture) -> None:
    """Title, sentence and a row for each descriptor; no text, whatever is in it, gets into page or log."""
    caplog.set_level(logging.DEBUG)
    texts = [*NASTY * 5, *answers(60), *[f"answer {MARKER} http://[{MARKER}"] * 40]
    html = page_of(given, sampled(strings([*texts, None])), sampled(strings(answers(80, seed=1))))
    assert "Texts: Evidently's descriptors on a sample of 146 and 80 rows" in html
    assert "these figures decide no verdict" in html
    for name in DESCRIPTORS:
        assert f'"{name}' in html
    assert MARKER not in html
    assert MARKER not in caplog.text
    assert "window.ran" not in html


def test_texts_change_nothing_else(given: Given) -> None:
    """Results and snapshots are the same with descriptors and without; a page without them is what it was."""
    plain = given(rows())
    asked = replace(plain, monitor=monitor(descriptors={"text": ALL}), texts=sampled(answers(50)))
    asked = replace(asked, reference=replace(asked.reference, texts=sampled([HOSTILE] * 50)))
    without, having = (run_suites(each, script_href="evidently.js") for each in (plain, asked))
    assert having.results == without.results
    assert having.snapshots == without.snapshots
    assert "Texts:" not in without.html
    assert len(having.html) > len(without.html)
    assert text_widgets(plain.monitor, None, None) == []


@pytest.mark.parametrize(("now", "then"), [(None, sampled(["a"])), (sampled(["a"]), None), (None, None)])
def test_samples_that_are_gone_are_a_sentence(given: Given, now: pa.Table | None, then: pa.Table | None) -> None:
    """Retention deletes texts before the window: the report is written all the same."""
    assert "The sampled texts are not kept any more" in page_of(given, now, then)


def test_columns_and_settings_are_shown_as_text(given: Given) -> None:
    """A column or a setting that looks like a script ends no script."""
    name = "</script><script>alert(1)</script>"
    html = page_of(
        given, sampled(answers(40), name), sampled(answers(40), name), descriptors={name: [{"Contains": name}]}
    )
    assert "<script>alert(1)" not in html
    assert "\\u003cscript>alert(1)" in html


def test_evidently_that_fails_is_a_sentence(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A test that breaks is told by the kind of its error; what the error says might be a text."""

    def broken(*_: object) -> None:
        raise ValueError(MARKER)

    monkeypatch.setattr("monitoring_tasks.suites.texts._drift", broken)
    found = one("TextLength", answers(40), answers(50, seed=1))
    assert found.why == "Evidently's test fails on them (ValueError)"
    assert "descriptor.not_compared column=text descriptor=TextLength error=ValueError" in caplog.text
    assert MARKER not in caplog.text


def test_the_same_texts_give_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    """Neither random ids nor the order of sets, which differs between processes, get into the section."""
    code = (
        "import json; from tests.suites.test_texts import *;"
        "widgets = text_widgets(monitor(descriptors={'text': ALL}), sampled(strings([*NASTY * 9, *answers(90)])),"
        " sampled(answers(90, seed=1)));"
        "print(json.dumps([json.loads(each.json()) for each in widgets]))"
    )
    told = [
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PATH": "", "PYTHONPATH": str(Path(__file__).parents[2])},
        ).stdout
        for seed in ("1", "2")
    ]
    assert told[0] == told[1]
    assert json.loads(told[0])[1]["id"] == "texts"
    assert not re.search(r"nan|inf", told[0], re.IGNORECASE)


@pytest.mark.parametrize(
    ("now", "then", "bars"),
    [
        ([1, 1, 2], [2, 3], ("1", "2", "3")),
        (range(100), range(50, 150), 20),
        ([*[5] * 995, *range(30)], [5] * 500, 20),
        ([], [], ()),
    ],
)
def test_bars_hold_every_value(now: Sequence[int], then: Sequence[int], bars: tuple[str, ...] | int) -> None:
    """A few values have a bar each, many 20 of equal width; the shares of a side add up to one."""
    found = one("TextLength", ["x" * value for value in now], ["x" * value for value in then])
    shown = value_bars(found)
    assert (shown.labels if isinstance(bars, tuple) else len(shown.labels)) == bars
    for shares in (shown.reference, shown.current):
        assert len(shares) == len(shown.labels)
        assert not shares or sum(shares) == pytest.approx(1, abs=1e-3)
