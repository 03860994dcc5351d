"""Derived columns have one value in files, in SQLite and in PostgreSQL: that of the definition."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow.fs import LocalFileSystem

from monitoring_tasks.data.derived.columns import DerivedColumns
from monitoring_tasks.data.derived.kinds import KINDS
from monitoring_tasks.data.parquet import ParquetRows
from monitoring_tasks.derivations import DERIVATIONS, DerivationName
from monitoring_tasks.derived_section import Derived
from monitoring_tasks.errors import SourceInvalid
from monitoring_tasks.profile.binning import Binning, CategoryBins, ColumnBins, numeric_bins
from monitoring_tasks.profile.plan import Plan
from monitoring_tasks.profile.scan import scan
from monitoring_tasks.window import Window
from tests.data.derived.engines import DAY, Columns, declared, defined, in_database, in_file, moments, values_of
from tests.profile.test_sql import assert_equal

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


NUMBERS = declared(
    ratio={"kind": "ratio", "of": ["left", "right"]},
    difference={"kind": "difference", "of": ["left", "right"]},
    whole={"kind": "ratio", "of": ["count", "flag"]},
    listed={"kind": "one_of", "of": "count", "values": ["1", "-7"]},
    set={"kind": "one_of", "of": "flag", "values": "true"},
    where={"kind": "difference", "of": ["left", "right"], "where": {"count": "1", "flag": ["true", "false"]}},
)
SIZES = [0.0, -0.0, 1.0, -2.5, 0.1, 1e150, -1e150, 1.0000001e150, 1e-150, 9.9e-151, -1e-300, 5e-324, 1.7e308, 3e149]


def numbers(left: list[Any], right: list[Any]) -> Columns:
    """Pairs of numbers, with whole numbers and flags beside them."""
    rows = range(len(left))
    return {
        "left": ("number", left),
        "right": ("number", right),
        "count": ("whole", [[1, -7, None, 2**60, 0][row % 5] for row in rows]),
        "flag": ("flag", [[True, None, False][row % 3] for row in rows]),
    }


def test_numbers_of_every_size_have_one_ratio_and_one_difference_everywhere(
    tmp_path: Path, engines: list[sa.Engine]
) -> None:
    """Zero, subnormal, huge, infinite and missing numbers: nothing ends a statement, and values are IEEE's."""
    left = [a for a in [*SIZES, None] for _ in SIZES] + [float("inf"), float("-inf"), 1.0, float("inf")]
    right = [b for _ in [*SIZES, None] for b in SIZES] + [1.0, 2.0, float("inf"), 0.0]
    columns = numbers(left, right)
    plain = {name: ("text", values) for name, (_, values) in columns.items() if name in ("count", "flag")}
    words = {
        name: (kind, [value if value is None else str(value).lower() for value in values])
        for name, (kind, values) in plain.items()
    }
    expected = [
        {**one, **{name: other[name] for name in ("listed", "set", "where")}}
        for one, other in zip(
            defined(columns, NUMBERS), defined({**columns, **words}, without(NUMBERS, "whole")), strict=True
        )
    ]
    assert values_of(in_file(tmp_path / "rows.parquet", columns, NUMBERS), list(NUMBERS)) == expected
    for engine in engines:
        with in_database(engine, columns, NUMBERS) as rows:
            assert values_of(rows, list(NUMBERS), DAY) == expected


def test_whole_numbers_count_as_floats_everywhere(tmp_path: Path, engines: list[sa.Engine]) -> None:
    """A difference that no whole number of a database holds ends no statement, and no engine is more exact."""
    columns: Columns = {
        "left": ("whole", [-(2**63), 2**63 - 1, 2**62 + 1, 7, None]),
        "right": ("whole", [2**63 - 1, -(2**63), 2**62, 4, 1]),
    }
    derived = without(NUMBERS, "whole", "listed", "set", "where")
    expected = [(-1.0, -(2.0**64)), (-1.0, 2.0**64), (1.0, 0.0), (1.75, 3.0), (None, None)]
    rows = in_file(tmp_path / "rows.parquet", columns, derived)
    assert [tuple(row.values()) for row in values_of(rows, list(derived))] == expected
    for engine in engines:
        with in_database(engine, columns, derived) as kept:
            assert [tuple(row.values()) for row in values_of(kept, list(derived), DAY)] == expected


def test_a_category_that_is_not_unicode_ends_no_statement_of_sqlites(tmp_path: Path) -> None:
    """It is none of the values, and the other rows have theirs."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'rows.db'}", poolclass=sa.NullPool)
    derived = declared(listed={"kind": "one_of", "of": "topic", "values": ["a", "1"]})
    with in_database(engine, {"topic": ("text", ["a", "b", 1, None])}, derived) as rows:
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE log SET topic = CAST(x'61ff' AS TEXT) WHERE topic = 'b'")
        assert [row["listed"] for row in values_of(rows, ["listed"], DAY)] == [True, False, True, None]


def without(derived: Mapping[str, Derived], *names: str) -> dict[str, Derived]:
    """The others."""
    return {name: each for name, each in derived.items() if name not in names}


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_hours_of_files_are_utc_whatever_the_unit_and_the_zone(tmp_path: Path, unit: str) -> None:
    """Moments before 1970, zones and units of any sort have the hour that a clock in UTC shows."""
    found = [datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(2013, 6, 4, 0, tzinfo=UTC), None]
    kinds = [pa.timestamp(unit), pa.timestamp(unit, "UTC"), pa.timestamp(unit, "Asia/Kolkata")]
    table = pa.table({f"m{place}": pa.array(found, kind) for place, kind in enumerate(kinds)})
    derived = declared(**{f"h{place}": {"kind": "hour_of_day", "of": f"m{place}"} for place in range(3)})
    assert [set(row.values()) for row in computed(tmp_path, table, derived)] == [{23}, {0}, {None}]


def test_hours_are_the_same_everywhere(tmp_path: Path, engines: list[sa.Engine]) -> None:
    """Times with and without zone and dates, as columns of files and databases and as SQLite's texts."""
    found = [datetime(1969, 12, 31, 23, 59, 59, 5, tzinfo=UTC), datetime(2013, 6, 4, 7, tzinfo=UTC), None]
    naive = [each and each.replace(tzinfo=None) for each in found]
    days = [date(1900, 1, 1), None, date(2013, 6, 4)]
    columns: Columns = {"zoned": ("moment", found), "naive": ("naive", naive), "day": ("date", days)}
    derived = declared(**{f"hour {name}": {"kind": "hour_of_day", "of": name} for name in columns})
    expected = [dict(zip(derived, row, strict=True)) for row in [(23, 23, 0), (7, 7, None), (None, None, 0)]]
    assert values_of(in_file(tmp_path / "rows.parquet", columns, derived), list(derived)) == expected
    for engine in engines:
        with in_database(engine, columns, derived) as rows:
            assert values_of(rows, list(derived), DAY) == expected


def test_texts_that_are_moments_have_an_hour_and_others_none(tmp_path: Path, engines: list[sa.Engine]) -> None:
    """ISO 8601 in files and SQLite, with a zone or without; a text of PostgreSQL's is of a wrong type."""
    said = ["2013-06-04", "2013-06-04 06:00", "2013-06-04T01:00+02:00", " 2013-06-04T06:00:00.5Z ", "soon", "", None]
    columns: Columns = {"said": ("text", [*said, "0001-01-01T00:00+10:00", "2013-06-31"])}
    derived = declared(hour={"kind": "hour_of_day", "of": "said"})
    expected = [0, 6, 23, 6, None, None, None, None, None]
    file = in_file(tmp_path / "rows.parquet", columns, derived)
    assert [row["hour"] for row in values_of(file, ["hour"])] == expected
    with in_database(engines[0], columns, derived) as rows:
        assert [row["hour"] for row in values_of(rows, ["hour"], DAY)] == expected
    with in_database(engines[1], columns, derived) as rows:
        assert rows.columns()["hour"].family == "opaque"


# Profiles -----------------------------------------------------------------------------------------------------------

EDGES = np.array([0.0, 0.1, 0.5, 1, 3, 9])
FLAGS = {"refusal": ("false", "true"), "exact": ("true",), "json": (), "empty": ("other",)}
WATCHED: dict[str, ColumnBins] = {
    **dict.fromkeys(["length", "words", "repeated", "foreign"], numeric_bins(EDGES, limits=None, slack=3.0)),
    **{name: CategoryBins(known) for name, known in FLAGS.items()},
}
RESPONSES = st.lists(
    st.none()
    | st.sampled_from([each for each in [*HOSTILE, *JSON] if each is None or len(each) < 2000])
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    max_size=30,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(responses=RESPONSES, least=st.integers(0, 20))
def test_files_and_databases_give_equal_profiles_of_derived_columns(
    tmp_path: Path, engines: list[sa.Engine], responses: list[str | None], least: int
) -> None:
    """Whatever the texts, and whatever part of them the window has, profiles are those of files."""
    plan = Plan(Binning(WATCHED), timestamp="ts")
    columns = texts(responses)
    window = Window(moments(least + 1)[-1], DAY.end)
    expected = scan(in_file(tmp_path / "rows.parquet", columns, OF_TEXT, row_group_size=7), window, plan).profile
    for engine in engines:
        with in_database(engine, columns, OF_TEXT) as rows:
            assert_equal(scan(rows, window, plan).profile, expected, nan=False)


# Types --------------------------------------------------------------------------------------------------------------


def computed(tmp_path: Path, table: pa.Table, derived: Mapping[str, Derived]) -> list[dict[str, Any]]:
    """The derived columns of a table that is written to a file."""
    pq.write_table(table, tmp_path / "table.parquet")
    rows = ParquetRows(LocalFileSystem(), str(tmp_path / "table.parquet"), timestamp=None, derived=derived)
    return values_of(rows, list(derived))


SPELT = [None, "one two", "", "one two", "sorry", None, "ä"]


@pytest.mark.parametrize(
    "array",
    [
        pa.array(SPELT, pa.large_string()),
        pa.array(SPELT, pa.string_view()),
        pa.array(SPELT).dictionary_encode(),
        pa.array(SPELT, pa.large_string()).dictionary_encode(),
        pa.array(SPELT).dictionary_encode("encode"),
        pa.array([None, None, *SPELT]).slice(2),
    ],
    ids=["large", "view", "dictionary", "large dictionary", "null in dictionary", "slice"],
)
def test_texts_of_every_arrow_type_are_alike(tmp_path: Path, array: pa.Array[Any]) -> None:
    """Large texts, views, dictionaries and slices have the values of plain texts, read from files and from memory."""
    table = pa.table({"response": array})
    if not (pa.types.is_dictionary(array.type) and array.dictionary.null_count):  # which files cannot hold
        assert computed(tmp_path, table, OF_TEXT) == defined(texts(SPELT), OF_TEXT)
    columns = DerivedColumns(OF_TEXT)
    made = {name: columns.joined(name, [parts]) for name, parts in columns.computed(list(OF_TEXT), table).items()}
    assert pa.table(made).to_pylist() == defined(texts(SPELT), OF_TEXT)


def test_a_dictionary_much_larger_than_its_rows_is_not_computed_as_a_whole() -> None:
    """Of a dictionary's entries, only those of the rows count."""
    entries = pa.array([f"{'a ' * place}b" for place in range(1000)])
    table = pa.table({"response": pa.DictionaryArray.from_arrays(pa.array([7, 3]), entries)})
    columns = DerivedColumns(without(OF_TEXT, "json"))
    assert columns.computed(["words"], table)["words"][0].to_pylist() == [8, 4]


def test_broken_utf8_in_files_is_replaced_as_everywhere(tmp_path: Path) -> None:
    """Bytes that are no text count as the characters that stand for them, and the other rows stay what they are."""
    broken = [b"ok then", b"\xff\xfe caf\xe9 \xe2\x82", None, b"\xc3", b"\xed\xa0\x80", b"[1]", b'"\xff"']
    raw = pa.array(broken, pa.binary())
    table = pa.table({"response": pa.Array.from_buffers(pa.string(), len(raw), raw.buffers())})
    told = [None if each is None else each.decode("utf-8", "replace") for each in broken]
    assert computed(tmp_path, table, OF_TEXT) == defined(texts(told), OF_TEXT)
    encoded = pa.table({"response": table["response"].combine_chunks().dictionary_encode()})
    assert computed(tmp_path, encoded, OF_TEXT) == defined(texts(told), OF_TEXT)


def test_broken_utf8_and_nul_in_sqlite_are_what_they_are_in_files(tmp_path: Path) -> None:
    """SQLite keeps any bytes as text: they are read as those of files are; NUL is a character like another."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'rows.db'}", poolclass=sa.NullPool)
    told: list[str | None] = ["nul\0 and nul", "\0", "[1]\0"]
    with in_database(engine, texts([*told, ""]), OF_TEXT) as rows:
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE log SET response = CAST(x'ff20636166e9' AS TEXT) WHERE response = ''")
        found = values_of(rows, list(OF_TEXT.keys() - {"listed"}), DAY)
    assert found == defined(texts([*told, "\ufffd caf\ufffd"]), without(OF_TEXT, "listed"))
    file = in_file(tmp_path / "rows.parquet", texts(told), OF_TEXT)
    assert values_of(file, list(OF_TEXT)) == defined(texts(told), OF_TEXT)


def test_a_database_of_utf16_is_read_like_any_other(tmp_path: Path) -> None:
    """SQLite may keep texts in other encodings than UTF-8."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'rows.db'}", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA encoding = 'UTF-16le'")
        connection.exec_driver_sql("CREATE TABLE first (x)")
    with in_database(engine, texts(HOSTILE), OF_TEXT) as rows:
        assert values_of(rows, list(OF_TEXT), DAY) == defined(texts(HOSTILE), OF_TEXT)


def test_a_very_long_answer_is_one_like_any_other(tmp_path: Path, engines: list[sa.Engine]) -> None:
    """A text of a megabyte, of words or of one, is computed in every engine."""
    columns = texts(["wörd and more " * 75_000, "x" * 1_000_000, "[" + "1," * 400_000 + "1]", "a"])
    expected = defined(columns, OF_TEXT)
    assert values_of(in_file(tmp_path / "rows.parquet", columns, OF_TEXT), list(OF_TEXT)) == expected
    for engine in engines:
        with in_database(engine, columns, OF_TEXT) as rows:
            assert values_of(rows, list(OF_TEXT), DAY) == expected


WRONG = declared(
    words={"kind": "word_count", "of": "number"},
    ratio={"kind": "ratio", "of": ["number", "text"]},
    hour={"kind": "hour_of_day", "of": "flag"},
    listed={"kind": "one_of", "of": "moment", "values": "a"},
    where={"kind": "word_count", "of": "text", "where": {"moment": "a"}},
)
MIXED: Columns = {
    "number": ("number", [1.5, 2.0]),
    "text": ("text", ["a", "b"]),
    "flag": ("flag", [True, False]),
    "moment": ("moment", [datetime(2013, 6, 4, tzinfo=UTC)] * 2),
}


def test_inputs_of_a_wrong_type_make_a_column_unusable(tmp_path: Path, engines: list[sa.Engine]) -> None:
    """What is computed of a number instead of a text counts as a column of a wrong type does, and ends nothing."""
    plan = Plan(Binning(dict.fromkeys(WRONG, WATCHED["words"]) | {"listed": CategoryBins(("true",))}), timestamp="ts")
    found = [scan(in_file(tmp_path / "rows.parquet", MIXED, WRONG), DAY, plan)]
    with in_database(engines[1], MIXED, WRONG) as rows:
        found.append(scan(rows, DAY, plan))
    # SQLite's times are texts, and so categories: the other columns are wrong there as well.
    with in_database(engines[0], MIXED, without(WRONG, "listed", "where")) as rows:
        sqlite = scan(rows, DAY, plan)
    found_in = [(scanned, WRONG) for scanned in found] + [(sqlite, without(WRONG, "listed", "where"))]
    for scanned, derived in found_in:
        assert {name: scanned.profile.columns[name].unusable for name in derived} == dict.fromkeys(derived, 2)
    assert "words" not in found[0].sample.column_names


def test_sqlite_tells_wrong_values_one_by_one(tmp_path: Path) -> None:
    """Where each value has a type of its own, those that fit are computed."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'rows.db'}", poolclass=sa.NullPool)
    derived = declared(words={"kind": "word_count", "of": "x"}, double={"kind": "ratio", "of": ["x", "y"]})
    columns: Columns = {"x": ("text", ["one two", 3, None, b"one"]), "y": ("text", [1, 2, 3, None])}
    with in_database(engine, columns, derived) as rows:
        assert [tuple(row.values()) for row in values_of(rows, ["words", "double"], DAY)] == [
            (2, b""),
            (b"", 1.5),
            (None, None),
            (b"", b""),
        ]


def test_columns_of_nulls_alone_have_no_value(tmp_path: Path) -> None:
    """A column that no row of a file has a value of fits every kind."""
    table = pa.table({"response": pa.nulls(3), "route": pa.nulls(3)})
    derived = declared(
        hour={"kind": "hour_of_day", "of": "response"},
        listed={"kind": "one_of", "of": "response", "values": "a"},
        ratio={"kind": "ratio", "of": ["response", "route"]},
        where={"kind": "word_count", "of": "response", "where": {"route": "a"}},
    )
    assert computed(tmp_path, table, {**OF_TEXT, **derived}) == [dict.fromkeys([*OF_TEXT, *derived])] * 3


def test_where_leaves_out_rows_of_other_values_and_those_without(tmp_path: Path, engines: list[sa.Engine]) -> None:
    """A row has a value where all of the columns have one of the values that are listed for them."""
    columns: Columns = {
        "response": ("text", ["{}", "{", "[]", None, "1"]),
        "expects": ("text", ["json", "json", "text", "json", None]),
        "size": ("whole", [1, 2, 1, 1, 1]),
    }
    derived = declared(
        one={"kind": "is_json", "of": "response", "where": {"expects": "json"}},
        two={"kind": "is_json", "of": "response", "where": {"expects": ["json", "text"], "size": "1"}},
        none={"kind": "is_json", "of": "response", "where": {"expects": "xml"}},
    )
    expected = [(True, True, None), (False, None, None), (None, True, None), (None, None, None), (None, None, None)]
    file = in_file(tmp_path / "rows.parquet", columns, derived)
    assert [tuple(row.values()) for row in values_of(file, list(derived))] == expected
    for engine in engines:
        with in_database(engine, columns, derived) as rows:
            assert [tuple(row.values()) for row in values_of(rows, list(derived), DAY)] == expected


# Names --------------------------------------------------------------------------------------------------------------


def test_a_missing_input_makes_the_column_absent(tmp_path: Path, engine: sa.Engine) -> None:
    """A derived column of a column that is not logged is not there, like that column."""
    derived = declared(words={"kind": "word_count", "of": "response"}, other={"kind": "text_length", "of": "gone"})
    plan = Plan(Binning(dict.fromkeys(derived, WATCHED["words"])), timestamp="ts")
    file = in_file(tmp_path / "rows.parquet", texts(["a", "b"]), derived)
    assert file.schema().names == ["ts", "response", "words"]
    with in_database(engine, texts(["a", "b"]), derived) as rows:
        for source in (rows, file):
            found = scan(source, DAY, plan).profile.columns
            assert (found["words"].absent, found["other"].absent) == (0, 2)


def test_a_logged_column_of_the_same_name_is_refused(tmp_path: Path, engine: sa.Engine) -> None:
    """Which of the two was meant cannot be told, so that one has to be renamed."""
    derived = declared(response={"kind": "word_count", "of": "other"})
    columns: Columns = {"response": ("text", ["a"]), "other": ("text", ["a"])}
    with pytest.raises(SourceInvalid, match="has a column 'response', and the monitor derives one of that name"):
        in_file(tmp_path / "rows.parquet", columns, derived).chunks(DAY)
    with in_database(engine, columns, derived) as rows, pytest.raises(SourceInvalid, match="rename it under derived"):
        rows.columns()


@pytest.mark.parametrize("names", [["Response"], ["words", "Words"], ["True"]])
def test_names_that_sqlite_cannot_tell_apart_are_refused(tmp_path: Path, names: list[str]) -> None:
    """Capitals are small letters there, and true and false no columns of a query; files take them all."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'rows.db'}", poolclass=sa.NullPool)
    derived = declared(**{name: {"kind": "word_count", "of": "response"} for name in names})
    with in_database(engine, texts(["a"]), derived) as rows, pytest.raises(SourceInvalid, match="SQLite cannot tell"):
        rows.columns()
    assert values_of(in_file(tmp_path / "rows.parquet", texts(["a b"]), derived), names) == [dict.fromkeys(names, 2)]


def test_hostile_names_of_columns_and_inputs_are_quoted(tmp_path: Path, engines: list[sa.Engine]) -> None:
    """No name reaches SQL as anything but a name."""
    name, of = 'we"ird %s :x; DROP TABLE log', "it's (a) \\ %(b)s"
    derived = declared(**{name: {"kind": "repeated_words", "of": of}, "word": {"kind": "word_count", "of": of}})
    columns: Columns = {of: ("text", ["a a", "b"]), "x": ("text", ["a", "b"])}
    assert values_of(in_file(tmp_path / "rows.parquet", columns, derived), [name]) == [{name: 0.5}, {name: 0.0}]
    for engine in engines:
        with in_database(engine, columns, derived) as rows:
            assert values_of(rows, [name, "word"], DAY) == [{name: 0.5, "word": 2}, {name: 0.0, "word": 1}]


# Databases ----------------------------------------------------------------------------------------------------------


def test_an_old_server_is_told_from_one_that_knows_json(postgres_url: str) -> None:
    """PostgreSQL before 16 cannot tell JSON without an error: the sentence says which column to take out."""
    engine = sa.create_engine(postgres_url, poolclass=sa.NullPool)
    with in_database(engine, texts(["{}"]), OF_JSON) as rows:
        engine.dialect.server_version_info = (15, 4)
        with pytest.raises(SourceInvalid, match="is_json needs PostgreSQL 16 or newer, this is 15: take 'json' out"):
            rows.columns()


def test_the_index_on_the_timestamp_serves_derived_columns(postgres_url: str) -> None:
    """The window is cut out by the index, and a value is computed once however often its column is named."""
    engine = sa.create_engine(postgres_url, poolclass=sa.NullPool)
    many = "SELECT timestamptz '2013-06-05' + g * interval '1 minute', 'some words' FROM generate_series(1, 20000) AS g"
    with in_database(engine, texts(["one two"] * 3), OF_TEXT) as rows:
        with engine.begin() as connection:
            for statement in (f"INSERT INTO log {many}", "CREATE INDEX ON log (ts)", "ANALYZE log"):
                connection.exec_driver_sql(statement)
        with rows.snapshot(DAY) as snapshot:
            words = snapshot.columns["words"].expression
            statement = snapshot.select(words + words * words)
            spelt = statement.compile(snapshot.connection, compile_kwargs={"literal_binds": True})
            explained = "\n".join(snapshot.connection.execute(sa.text(f"EXPLAIN (VERBOSE) {spelt}")).scalars())
    assert "Index Scan" in explained
    assert "Index Cond" in explained
    assert explained.count("string_to_array(") == 1


def test_statements_on_logged_columns_alone_are_as_without_derived_ones(tmp_path: Path) -> None:
    """What does not name a derived column is not made to compute any."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'rows.db'}", poolclass=sa.NullPool)
    with in_database(engine, texts(["a"]), OF_TEXT) as rows, rows.snapshot(DAY) as snapshot:
        assert "derived" not in str(snapshot.select(snapshot.columns["response"].expression))
