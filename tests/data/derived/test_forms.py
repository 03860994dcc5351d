"""The forms over Arrow's memory give what the definitions give, whatever the texts and numbers."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
import re2
from hypothesis import example, given
from hypothesis import strategies as st

from monitoring_tasks.data.derived import json_text, words
from monitoring_tasks.data.derived.columns import DerivedColumns, by_definition
from monitoring_tasks.data.derived.definitions import compiled
from monitoring_tasks.data.derived.json_text import is_json
from monitoring_tasks.data.derived.kinds import KINDS
from tests.data.derived.engines import declared
from tests.data.derived.test_contract import HOSTILE, JSON, NUMBERS, OF_TEXT, SIZES

PIECES = st.sampled_from(
    ["a", "sorry", "é", "日本", "🇩🇪", " ", "\t", "\v", "\0", "\u00a0", "long-word-", "{", '"', "1", "[", "]"]
)
TEXTS = st.lists(st.none() | st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=40), max_size=40)
FLOATS = st.none() | st.sampled_from(SIZES) | st.floats()


def computed(name: str, derived: Any, table: pa.Table) -> list[Any]:
    """A derived column of a table."""
    columns = DerivedColumns(derived)
    return columns.joined(name, [columns.computed([name], table)[name]]).to_pylist()


def as_defined(name: str, derived: Any, table: pa.Table) -> list[Any]:
    """The same by the definition, row by row."""
    each = derived[name]
    values, valid = by_definition(each, [table[column].combine_chunks() for column in each.of])
    assert valid is not None
    return [value if kept else None for value, kept in zip(values.tolist(), valid.tolist(), strict=True)]


@pytest.mark.parametrize("block", [1, 16, 1 << 17])
@given(texts=TEXTS, start=st.integers(0, 5))
@example(texts=HOSTILE, start=1)
def test_forms_of_texts(block: int, texts: list[str | None], start: int) -> None:
    """Blocks of any size, slices that begin anywhere, texts that end in the middle of what begins the next."""
    whole = pa.chunked_array([pa.array(texts, pa.string()).slice(start)])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(words, "_BLOCK_BYTES", block)
        for kind in (pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())):
            table = pa.table({"response": whole.cast(kind)})
            plain = pa.table({"response": whole})
            for name in OF_TEXT:
                assert computed(name, OF_TEXT, table) == as_defined(name, OF_TEXT, plain), name


@given(pairs=st.lists(st.tuples(FLOATS, FLOATS), max_size=40))
def test_forms_of_numbers(pairs: list[tuple[float | None, float | None]]) -> None:
    """Any two floats, missing and infinite ones among them."""
    left, right = ([pair[place] for pair in pairs] for place in range(2))
    table = pa.table({"left": pa.array(left, pa.float64()), "right": pa.array(right, pa.float64())})
    for name in ("ratio", "difference"):
        expected = [
            None if None in pair else KINDS[NUMBERS[name].kind].definition(NUMBERS[name])(*pair) for pair in pairs
        ]
        assert computed(name, NUMBERS, table) == expected


@pytest.mark.parametrize("kind", [pa.int8(), pa.uint64(), pa.float16(), pa.float32(), pa.bool_(), pa.decimal128(21, 2)])
def test_numbers_of_every_arrow_type_are_numbers(kind: Any) -> None:
    """Whole numbers, short floats, decimals and booleans are divided as what they are worth."""
    table = pa.table({"left": pa.array([1, 0, None]).cast(kind), "right": pa.array([1, 1, 1]).cast(kind)})
    assert computed("ratio", NUMBERS, table) == [1.0, 0.0, None]


def test_words_are_told_apart_at_every_length() -> None:
    """Words that are alike in their first bytes, or in all but their length, are other words."""
    said = [f"{'a' * size}{tail}" for size in range(40) for tail in ("", "b", "\0", "c\0")][1:]
    derived = declared(repeated={"kind": "repeated_words", "of": "response"})
    texts = [
        " ".join(said),
        " ".join([*said, *said]),
        " ".join(reversed(said)),
        " ".join(f"w{n}" for n in range(100_000)),
    ]
    assert computed("repeated", derived, pa.table({"response": texts})) == [0.0, 0.5, 0.0, 0.0]


def test_words_of_any_length_are_told_apart_in_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture written out in one word of a megabyte takes no step for each eight of its bytes."""
    steps, mixed = list[int](), words._mixed
    monkeypatch.setattr(words, "_mixed", lambda values: steps.append(len(values)) or mixed(values))
    derived = declared(repeated={"kind": "repeated_words", "of": "response"})
    long = [f"{'a' * size}{tail}" for size in (*range(250, 260), 1 << 20) for tail in ("b", "\0", "c\0")]
    texts = [" ".join(long), " ".join([*long, *long])]
    assert computed("repeated", derived, pa.table({"response": texts})) == [0.0, 0.5]
    assert len(steps) < 100


@pytest.mark.parametrize("text", JSON, ids=range(len(JSON)))
def test_the_grammar_alone_agrees_with_the_parser(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read token by token is JSON where the parser says so, but for what that refuses."""

    def refuse(_: bytes) -> None:
        raise json_text.orjson.JSONDecodeError("no", "", 0)

    usual = is_json(text.encode())
    monkeypatch.setattr(json_text, "_REFUSED", json_text.re.compile(b""))
    monkeypatch.setattr(json_text.orjson, "loads", refuse)
    assert is_json(text.encode()) == usual


def test_a_refused_pattern_is_told_once_and_not_printed(capfd: pytest.CaptureFixture[str]) -> None:
    """RE2 prints what it refuses, beside raising it: nobody looks for a task's reason there."""
    with pytest.raises(re2.error, match="invalid perl operator"):
        compiled("(?=no)")
    assert capfd.readouterr() == ("", "")
    assert compiled("s[eo]rry").search(b"So sorry") is not None
