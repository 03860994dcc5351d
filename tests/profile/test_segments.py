"""Profiles of segments: those of their rows alone, from the same scan; which values, and what they are called."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.errors import ProfileMismatch, ReferenceInvalid
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.profile import parts, segments_file
from monitoring_tasks.profile.arrow import scan_arrow
from monitoring_tasks.profile.binning import Binning, CategoryBins
from monitoring_tasks.profile.plan import Plan
from monitoring_tasks.profile.profile import CategoryProfile, NumericProfile, Profile, dumps, merge
from monitoring_tasks.profile.reference import (
    build_reference,
    dumps_reference,
    loads_reference,
    reference_key,
)
from monitoring_tasks.profile.segments import Division, divide, segment_words
from monitoring_tasks.profile.segments_file import StoredSegments, dumps_segments, loads_segments
from tests.profile.shapes import MemoryRows, bins_of

ROWS = 4000
CARRIERS = ["UA", "AA", None, "a=b, c", "(missing)"]
texts = st.text(st.sampled_from("ab=,\\() "), max_size=9) | st.just("(missing)")


@pytest.fixture(scope="module")
def table() -> pa.Table:
    """Rows of every kind of column: with nulls, NaN, infinities, decimals, dictionaries; one column of ids."""
    rng = np.random.default_rng(8)
    carriers = rng.choice(len(CARRIERS), ROWS, p=[0.5, 0.3, 0.1, 0.07, 0.03])
    values = rng.lognormal(size=ROWS)
    odd = np.where(rng.random(ROWS) < 0.02, rng.choice([math.nan, math.inf, -math.inf], ROWS), values)
    kinds = pa.array(rng.choice(["x", "y", "z"], ROWS), mask=rng.random(ROWS) < 0.1)
    return pa.table(
        {
            "id": np.arange(ROWS),
            "carrier": pa.array([CARRIERS[place] for place in carriers]),
            "origin": pa.array(rng.choice(["EWR", "JFK"], ROWS)).dictionary_encode(),
            "hour": pa.array(rng.integers(0, 4, ROWS), mask=rng.random(ROWS) < 0.05),
            "plain": values * (1 + carriers),
            "odd": odd,
            "gaps": pa.array(np.where(rng.random(ROWS) < 0.05, math.nan, values), mask=rng.random(ROWS) < 0.2),
            "flag": rng.random(ROWS) < 0.3,
            "kind": kinds,
            "coded": kinds.dictionary_encode(),
            "text": pa.array([f"t{place}" for place in range(ROWS)]),
            "unfit": pa.array([[1]] * ROWS),
            "nothing": pa.nulls(ROWS),
        }
    )


@pytest.fixture(scope="module")
def binning(table: pa.Table) -> Binning:
    """Bins of every column, and of one that is not there."""
    values = table["plain"].to_numpy()
    numeric = {name: bins_of(values) for name in ("plain", "odd", "gaps", "hour", "flag", "unfit", "nothing", "gone")}
    words = {name: CategoryBins(("x", "y")) for name in ("kind", "coded", "text", "carrier")}
    return Binning({**numeric, **words, "absent": CategoryBins(("x",))})


def in_pieces(table: pa.Table, *cuts: int) -> MemoryRows:
    """The table as chunks."""
    return MemoryRows([table.slice(a, b - a) for a, b in pairwise([0, *cuts, table.num_rows])])


def rows_of(table: pa.Table, columns: Sequence[str], values: Sequence[str | None]) -> pa.Table:
    """The rows with these values, found by plain Python."""
    told = [[None if each is None else str(each) for each in table[name].to_pylist()] for name in columns]
    return table.filter(pa.array([list(row) == list(values) for row in zip(*told, strict=True)]))


def assert_same(found: Profile, expected: Profile) -> None:
    """Equal counts and ends; sums and moments to rounding."""
    assert (found.rows, found.binning) == (expected.rows, expected.binning)
    assert found.duplicates is None
    for name, column in expected.columns.items():
        own = found.columns[name]
        np.testing.assert_array_equal(own.counts, column.counts)
        for field in ("null", "absent", "unusable", "nan", "negative_infinite", "positive_infinite", "other"):
            assert getattr(own, field, 0) == getattr(column, field, 0), (name, field)
        if isinstance(column, CategoryProfile):
            assert isinstance(own, CategoryProfile)
            assert own.unseen == column.unseen
        else:
            assert isinstance(own, NumericProfile)
            np.testing.assert_allclose(own.sums, column.sums, rtol=1e-12)
            assert (own.minimum, own.maximum) == pytest.approx((column.minimum, column.maximum), abs=0, nan_ok=True)
            assert (own.mean, own.m2) == pytest.approx((column.mean, column.m2), rel=1e-9, nan_ok=True)


@pytest.mark.parametrize("columns", [("carrier",), ("origin", "carrier"), ("hour",), ("flag", "coded")])
def test_a_segment_is_profiled_as_its_rows_alone_would_be(
    table: pa.Table, binning: Binning, columns: tuple[str, ...]
) -> None:
    """By brute force: the profile of each value's rows is that of a scan over a table of no others."""
    rows = in_pieces(table, 700, 701, 2500)
    (division,) = divide(rows, [columns], 20)
    found = scan_arrow(rows, None, Plan(binning, segments=(division,)))
    assert list(found.segments) == list(division.words)
    for values, words in zip(division.values, division.words, strict=True):
        told = ["True" if each == "true" else "False" if each == "false" else each for each in values]
        alone = scan_arrow(MemoryRows([rows_of(table, columns, told)]), None, Plan(binning)).profile
        assert alone.rows >= 20
        assert_same(found.segments[words], alone)


def test_the_whole_is_the_same_with_segments(table: pa.Table, binning: Binning) -> None:
    """The window's own profile and sample are the same bytes, whether or not segments are looked at."""
    rows = in_pieces(table, 1500)
    plan = Plan(binning, id="id", sample_rows=100)
    divided = Plan(binning, id="id", sample_rows=100, segments=divide(rows, [("carrier",), ("id",)], 20))
    plain, cut = scan_arrow(rows, None, plan), scan_arrow(rows, None, divided)
    assert dumps(plain.profile) == dumps(cut.profile)
    assert repr(plain.sample.to_pylist()) == repr(cut.sample.to_pylist())  # NaN is not itself
    assert plain.segments == {}


def test_segments_do_not_depend_on_threads(table: pa.Table, binning: Binning) -> None:
    """One thread or five: the same bytes."""
    rows = in_pieces(table, 500, 900, 3000)
    plan = Plan(binning, segments=divide(rows, [("carrier",), ("origin", "carrier")], 20))
    one, five = (scan_arrow(rows, None, plan, workers=workers).segments for workers in (1, 5))
    assert dumps_segments(one) == dumps_segments(five)


def test_many_categories_are_counted_one_segment_at_a_time(
    table: pa.Table, binning: Binning, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left to the slow way, which a matrix would be too large for, gives the same profiles."""
    plan = Plan(binning, segments=divide(in_pieces(table), [("carrier",)], 20))
    fast = scan_arrow(in_pieces(table), None, plan).segments
    monkeypatch.setattr(parts, "MOST_CATEGORIES", 0)
    slow = scan_arrow(in_pieces(table), None, plan).segments
    for words, profile in fast.items():
        assert_same(slow[words], profile)


def test_segments_of_pieces_add_up(table: pa.Table, binning: Binning) -> None:
    """The merged profiles of two spans are those of both."""
    plan = Plan(binning, segments=divide(in_pieces(table), [("carrier",)], 20))
    halves = [scan_arrow(in_pieces(half), None, plan).segments for half in (table.slice(0, 900), table.slice(900))]
    whole = scan_arrow(in_pieces(table), None, plan).segments
    for words in plan.segments[0].words:
        assert_same(merge([half[words] for half in halves]), whole[words])


@pytest.mark.parametrize("replaced", [None, pa.array([[1]] * ROWS)])
def test_rows_without_a_readable_segment_column_are_in_none(table: pa.Table, binning: Binning, replaced: Any) -> None:
    """A column that is not there, or holds lists, is no missing value: its segments have no rows."""
    plan = Plan(binning, segments=divide(in_pieces(table), [("carrier",)], 20))
    without = table.drop_columns(["carrier"])
    rows = without if replaced is None else without.append_column("carrier", replaced)
    assert {profile.rows for profile in scan_arrow(in_pieces(rows), None, plan).segments.values()} == {0}


def test_the_values_with_most_rows_are_looked_at(table: pa.Table) -> None:
    """Values with enough rows, the largest first; missing is one of them; no more than fifty."""
    rows = in_pieces(table, 1000)
    (division,) = divide(rows, [("carrier",)], 200)
    assert division.values == (("UA",), ("AA",), (None,), ("a=b, c",))
    (many,) = divide(rows, [("text",)], 1)
    assert many.values == tuple((f"t{place}",) for place in sorted(range(ROWS), key=lambda each: f"t{each}")[:50])
    assert divide(rows, [("nowhere",)], 1) == (Division(("nowhere",), ()),)
    assert divide(rows, [("carrier",), ("carrier",)], 200) == (division,)


def parsed(words: str) -> tuple[list[str], list[str | None]]:
    """The names and values that a segment's words stand for, read from left to right."""
    raw: list[list[str]] = [[""]]
    place = 0
    while place < len(words):
        if words[place] == "\\":
            raw[-1][-1] += words[place : place + 2]
            place += 2
        elif words.startswith(", ", place):
            raw.append([""])
            place += 2
        elif words[place] == "=":
            raw[-1].append("")
            place += 1
        else:
            raw[-1][-1] += words[place]
            place += 1
    names, values = zip(*raw, strict=True)
    plain = [re.sub(r"\\(.)", r"\1", each) for each in (*names, *values)]
    return plain[: len(names)], [
        None if each == "(missing)" else text for each, text in zip(values, plain[len(names) :], strict=True)
    ]


@given(st.lists(st.tuples(texts, st.none() | texts), min_size=1, max_size=2))
def test_no_two_segments_have_one_name(pairs: list[tuple[str, str | None]]) -> None:
    """Names and values full of commas, signs and brackets can be read back from what the segment is called."""
    names, values = [name for name, _ in pairs], [value for _, value in pairs]
    assert parsed(segment_words(names, values)) == (names, values)


def test_words() -> None:
    """A missing value is told from one spelt like it."""
    assert segment_words(("carrier",), ("UA",)) == "carrier=UA"
    assert segment_words(("origin", "carrier"), ("EWR", "UA")) == "origin=EWR, carrier=UA"
    assert segment_words(("carrier",), (None,)) == "carrier=(missing)"
    assert segment_words(("carrier",), ("(missing)",)) == r"carrier=\(missing)"


# What is kept ---------------------------------------------------------------------------------------------------------


def test_stored_segments_come_back(table: pa.Table, binning: Binning, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every profile with its rows and types, read when it is first asked for; another format is refused."""
    plan = Plan(binning, segments=divide(in_pieces(table), [("carrier",)], 20))
    found = scan_arrow(in_pieces(table), None, plan).segments
    reads: list[int] = []

    def read() -> bytes:
        reads.append(1)
        return dumps_segments(found)

    stored = StoredSegments(read)
    assert not reads
    assert (len(stored), sorted(stored)) == (len(found), sorted(found))
    assert {words: dumps(profile) for words, profile in stored.items()} == {w: dumps(p) for w, p in found.items()}
    assert len(reads) == 1
    assert loads_segments(dumps_segments({})) == {}
    monkeypatch.setattr(segments_file, "SEGMENTS_FORMAT", 2)
    other = dumps_segments(found)
    monkeypatch.undo()
    with pytest.raises(ProfileMismatch, match="profiles of segments"):
        loads_segments(other)


def monitor(**given: Any) -> Monitor:
    """A monitor of the table."""
    said: Mapping[str, Any] = {
        "name": "delay",
        "owner": "ml",
        "task": "binary",
        "source": {"kind": "parquet", "path": "log"},
        "reference": {"kind": "file", "path": "reference.parquet"},
        "timestamp": "when",
        "prediction": "plain",
        "features": {"odd": "numeric", "kind": "categorical"},
    }
    return Monitor.model_validate({**said, **given})


def test_a_reference_keeps_its_segments(table: pa.Table) -> None:
    """Built with the reference, stored beside it and read back; what it was without segments stays the same bytes."""
    cut = monitor(segments=["carrier", ["origin", "carrier"]], segment_rows=200)
    built = build_reference(cut, in_pieces(table), "0" * 64)
    files = dumps_reference(built)
    stored = loads_reference(files.get)
    assert stored.divisions == built.divisions
    assert built.divisions[0].values[0] == ("UA",)
    assert {w: dumps(p) for w, p in stored.segments.items()} == {w: dumps(p) for w, p in built.segments.items()}
    assert min(profile.rows for profile in stored.segments.values()) >= 200
    plain = dumps_reference(build_reference(monitor(), in_pieces(table), "0" * 64))
    assert files.keys() - plain.keys() == {"segments.parquet"}
    assert all(files[name] == plain[name] for name in plain if name != "reference.json")
    assert loads_reference(plain.get).segments == {}


def test_other_segments_are_another_reference() -> None:
    """The key of the stored reference changes with the segments, and with how many rows one needs."""
    asked = [{}, {"segments": ["carrier"]}, {"segments": ["carrier"], "segment_rows": 300}, {"segments": ["origin"]}]
    assert len({reference_key(monitor(**each), "0") for each in asked}) == 4
    assert reference_key(monitor(segment_rows=300), "0") == reference_key(monitor(), "0")


@pytest.mark.parametrize(
    ("column", "message"), [("nowhere", "no column 'nowhere'"), ("unfit", "a segment is by text, numbers or booleans")]
)
def test_a_segment_that_cannot_be_made_is_refused(table: pa.Table, column: str, message: str) -> None:
    """A column that the reference lacks, or that holds no categories: the error says what to do."""
    with pytest.raises(ReferenceInvalid, match=message):
        build_reference(monitor(segments=[["carrier", column]]), in_pieces(table), "0" * 64)
