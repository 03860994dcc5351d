"""Random patterns on random texts: pyarrow, google-re2, PostgreSQL and the definition give one answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import re2
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import URL

from monitoring_tasks.patterns import Pattern, pattern_of
from tests.pattern_meaning import Any, Boundary, Choice, Class, Edge, Letter, Meaning, Named, Repeat, Row, found

# What tends to go wrong: both cases, letters whose other case is odd, white space of all kinds, signs of every syntax.
LETTERS = "aAbBkKsSiIzZ_09ßẞİ\u0131\u212a\u017féÉ\u00b5\u039c\u03bcøØ"
SIGNS = " \n\t\r\v\f\u00a0\u2028\U0001f600\\[](){}^$.|?*+-,'\"%:=<>/#&~!\x01\x7f"
HOSTILE = LETTERS + SIGNS

letters = st.builds(Letter, st.sampled_from(HOSTILE))
named = st.builds(Named, st.sampled_from("dwsDWS"))
spans = st.tuples(st.sampled_from(HOSTILE), st.sampled_from(HOSTILE)).map(lambda ends: (min(ends), max(ends)))
members = st.one_of(st.sampled_from(HOSTILE), spans, named)
classes = st.builds(Class, st.lists(members, min_size=1, max_size=4).map(tuple), st.booleans())
leaves = st.one_of(
    letters, letters, named, classes, st.just(Any()), st.builds(Edge, st.booleans()), st.builds(Boundary, st.booleans())
)
counts = st.one_of(
    st.sampled_from([(0, None), (1, None), (0, 1)]),
    st.tuples(st.integers(0, 3), st.none()),
    st.tuples(st.integers(0, 3), st.integers(0, 3)).map(lambda ends: (min(ends), max(*ends, 1))),
)


def grown(part: st.SearchStrategy[Meaning]) -> st.SearchStrategy[Meaning]:
    """Larger patterns of smaller ones."""
    several = st.lists(part, min_size=2, max_size=4).map(tuple)
    repeated = part.filter(lambda each: not isinstance(each, Edge | Boundary))
    return st.one_of(st.builds(Row, several), st.builds(Choice, several), st.builds(Repeat, repeated, counts))


meanings = st.recursive(leaves, grown, max_leaves=8)
texts = st.lists(st.text(st.sampled_from(HOSTILE + "aAb \n"), max_size=8), min_size=1, max_size=12)


def held_by_arrow(pattern: Pattern, held: list[str]) -> list[bool]:
    """Which texts pyarrow finds the pattern in."""
    answers: list[bool] = pc.match_substring_regex(pa.array(held, pa.string()), pattern.re2).to_pylist()
    return answers


def held_by_re2(pattern: Pattern, held: list[str]) -> list[bool]:
    """Which texts google-re2 finds the pattern in."""
    compiled = re2.compile(pattern.re2)
    return [compiled.search(text) is not None for text in held]


@pytest.fixture(scope="module", name="cursor")
def _cursor(postgres_server: URL) -> Iterator[psycopg2.extensions.cursor]:
    """A cursor of a database of UTF-8."""
    address = postgres_server.set(drivername="postgresql").render_as_string(hide_password=False)
    with closing(psycopg2.connect(address)) as connection, connection.cursor() as cursor:
        yield cursor


def held_by_postgres(cursor: psycopg2.extensions.cursor, pattern: Pattern, held: list[str]) -> list[bool]:
    """Which texts PostgreSQL finds the pattern in."""
    cursor.execute(
        'SELECT array_agg(t COLLATE "C" ~ %s ORDER BY n) FROM unnest(%s::text[]) WITH ORDINALITY AS u(t, n)',
        (pattern.postgres, held),
    )
    answers: list[bool] = cursor.fetchone()[0]
    return answers


REFUSED = ("content with", "holds no character", "boundaries may follow")


def understood(source: str, *, ignore_case: bool) -> Pattern:
    """The pattern, or no example where every text holds it, no text does, or it has too many boundaries."""
    try:
        return pattern_of([source], ignore_case=ignore_case)
    except ValueError as error:
        assume(not any(each in str(error) for each in REFUSED))
        raise


@example(meaning=Choice((Letter("a"), Letter("s"))), held=["\u017f"], ignore_case=True)
@example(meaning=Choice((Letter("k"), Letter("1"))), held=["\u212a"], ignore_case=True)
@given(meaning=meanings, held=texts, ignore_case=st.booleans())
@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much])
def test_all_engines_agree_with_the_definition(
    cursor: psycopg2.extensions.cursor, meaning: Meaning, held: list[str], *, ignore_case: bool
) -> None:
    """Every engine finds a pattern in exactly the texts that by definition hold it."""
    pattern = understood(meaning.source, ignore_case=ignore_case)
    expected = [found(meaning, text, ignore_case=ignore_case) for text in held]
    assert held_by_arrow(pattern, held) == expected
    assert held_by_re2(pattern, held) == expected
    assert held_by_postgres(cursor, pattern, held) == expected
