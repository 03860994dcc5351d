"""Derived columns have one value in files, in SQLite and in PostgreSQL: that of the definition."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import pyarrow as pa
import pytest
import sqlalchemy as sa

from monitoring_tasks.data.derived.kinds import KINDS
from monitoring_tasks.derivations import DERIVATIONS, DerivationName
from monitoring_tasks.derived_section import Derived
from tests.data.derived.engines import DAY, Columns, declared, defined, in_database, in_file, values_of

OF_TEXT = declared(
    length={"kind": "text_length", "of": "response"},
    words={"kind": "word_count", "of": "response"},
    repeated={"kind": "repeated_words", "of": "response"},
    foreign={"kind": "non_ascii_share", "of": "response"},
    refusal={"kind": "matches", "of": "response", "patterns": ["sorry", "can't (help|assist)", "ünable"]},
    exact={"kind": "matches", "of": "response", "patterns": "Sorry", "ignore_case": False},
    empty={"kind": "matches", "of": "response", "patterns": r"^\s*$"},
    json={"kind": "is_json", "of": "response"},
    listed={"kind": "one_of", "of": "response", "values": ["sorry", "1", "it's", "nul\0"]},
)
HOSTILE = [
    None,
    "",
    " ",
    "\t\n\v\f\r ",
    "Sorry, I can't assist with that. sorry",
    "SORRY",
    "one two  two\tthree\nthree\vthree\fx\ry",
    "no\u00a0break\u2003spaces\u0085next\u3000wide\u1680\u200bzero",
    "e\u0301 combining \u0915\u094d\u0937 \u0e33",
    "👩‍👩‍👧‍👦 👍🏽 🇩🇪",
    "שלום עולם \u202eright to left\u202c",
    "it's; DROP TABLE log; -- \"quoted\" 'single' \\ %s %(x)s :bind $1 {} {{}}",
    "Ünable ünable",
    "x" * 5000,
    ("wörd " * 3000).strip(),
    "a" * 7 + " " + "a" * 8 + " " + "a" * 9 + " " + "a" * 16 + " " + "a" * 17 + " " + "a" * 9,
    "\x01\x02\x1f\x7f\x80",
    "\ufeff\ufffd\uffff\U0010ffff",
    "NULL",
    "1",
    "\U0001d54aorry",
]
JSON = [
    "{}", "[]", ' {"a": [1, 2.5e-3, true, false, null, "x"]} ', '{"a":1,"a":2}', "0", "-0", "01", "-", "+1", ".5", "1.",
    "1e", "1E+5", "1e999", "-1e-999", "9" * 400, "1e99999999999", "NaN", "Infinity", "nul", "true false", "{}{}",
    '"\\ud800"', '"\\udc00\\ud800"', '"\\ud83d\\ude00"', '{"\\ud800": 1}', '"\\u12"', '"\\x"', '"\\u0000"', '"\x01"',
    '"\t"', '"\x7f"', '"\u2028"', "\ufeff1", "\u00a01", "\f1", "1\v", "1 \n\r\t", "[1,]", "[,1]", "[1 2]", '{"a"}',
    '{"a":}', '{"a":1,}', "{1:2}", "{'a':1}", "[}", "{]", "[[]", "[]]", '"', '"a', "'a'", "", " ", '"\\ud800", 1',
    '["\\ud800", {"a": [1e400, {}], "b": ""}, -1.5e+400]', '["\\ud800", {"a": [1e400, {]}]', '{"\\ud800" 1}',
    '{"\\ud800": 1 "b": 2}', '["\\ud800"', '["\\ud800" : 1]', '{"\\ud800", 1}', "1e999 x", "[1e999,]", '{"a":1e999,}',
    "[" * 1000 + "]" * 1000, "[" * 1500 + "]" * 1500, "[" * 1500 + "]" * 1499, "[" * 5000 + "]" * 5000, "[" * 5001,
    '{"a":' * 5000 + "1" + "}" * 5000, '{"a":' * 5001 + "1" + "}" * 5001, "[" * 200_000, '"' + "[" * 5001 + '"',
]  # fmt: skip
OF_JSON = declared(json={"kind": "is_json", "of": "response"})


def texts(values: list[str | None]) -> Columns:
    """One column of texts."""
    return {"response": ("text", values)}


def test_the_table_of_kinds_has_every_kind_that_a_monitor_may_name() -> None:
    """What a monitor may write and what is computed are the same kinds, and their values are of the same sort."""
    assert KINDS.keys() == DERIVATIONS.keys() == set(get_args(DerivationName))
    categorical = {name for name, kind in KINDS.items() if pa.types.is_boolean(kind.result)}
    assert categorical == {name for name, kind in DERIVATIONS.items() if kind.kind == "categorical"}


@pytest.mark.parametrize(
    ("columns", "derived"), [(texts(HOSTILE), OF_TEXT), (texts(JSON), OF_JSON)], ids=["text", "json"]
)
def test_hostile_texts_have_the_values_of_the_definitions_everywhere(
    tmp_path: Path, engines: list[sa.Engine], columns: Columns, derived: Mapping[str, Derived]
) -> None:
    """Unicode, blanks, quotes, very long words and JSON of every sort: three engines, one value."""
    expected = defined(columns, derived)
    assert values_of(in_file(tmp_path / "rows.parquet", columns, derived, row_group_size=7), list(derived)) == expected
    for engine in engines:
        with in_database(engine, columns, derived) as rows:
            assert values_of(rows, list(derived), DAY) == expected
