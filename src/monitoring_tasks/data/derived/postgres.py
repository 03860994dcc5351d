"""Derived columns as expressions of PostgreSQL's; names are quoted and settings bound by SQLAlchemy.

Each takes what the monitor says about the column and the expressions of its inputs: texts, numbers in double precision,
moments in UTC. It is null where an input is, and where there is no value.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import sqlalchemy as sa

from monitoring_tasks.data.derived.definitions import LARGEST, LEAST
from monitoring_tasks.data.derived.json_text import MOST_BRACKETS
from monitoring_tasks.data.dialects import Expression
from monitoring_tasks.derived_section import Derived
from monitoring_tasks.patterns import pattern_of

Written = Callable[..., Expression]
_BLANKS = "\t\n\v\f\r"
_ASCII = "[\x01-\x7f]+"


def text_length(_: Derived, text: Expression) -> Expression:
    """Characters."""
    return sa.func.char_length(text)


def word_count(_: Derived, text: Expression) -> Expression:
    """The parts between blanks that are not empty."""
    return sa.func.cardinality(sa.func.array_remove(_parts(text), ""))


def repeated_words(_: Derived, text: Expression) -> Expression:
    """One statement over the words of a row's text."""
    word = sa.func.unnest(_parts(text)).column_valued("word")
    count, distinct = (sa.cast(sa.func.count(each), sa.Double) for each in (word, word.distinct()))
    share = sa.case((count > 0, 1 - distinct / count), else_=0.0)
    found = sa.select(share).where(word != "").scalar_subquery()
    return sa.case((text.is_not(None), found))


def _parts(text: Expression) -> Expression:
    return sa.func.string_to_array(sa.func.translate(text, _BLANKS, " " * len(_BLANKS)), " ")


def non_ascii_share(_: Derived, text: Expression) -> Expression:
    """What is left of a text without its ASCII characters."""
    characters = sa.func.char_length(text)
    plain = sa.func.octet_length(sa.func.convert_to(text, "UTF8")) == characters
    foreign = sa.func.char_length(sa.func.regexp_replace(text, _ASCII, "", "g"))
    share = sa.cast(foreign, sa.Double) / sa.cast(characters, sa.Double)
    return sa.case((plain, 0.0), (characters > 0, share))


def matches(each: Derived, text: Expression) -> Expression:
    """The server's own regular expressions."""
    pattern = pattern_of(each.patterns, ignore_case=each.ignore_case).postgres
    return text.op("~", return_type=sa.Boolean())(sa.literal(pattern, sa.Text))


def is_json(_: Derived, text: Expression) -> Expression:
    """The server's own grammar, which is RFC 8259; texts that could exhaust its stack are left out."""
    brackets = sa.func.char_length(text) - sa.func.char_length(sa.func.translate(text, "[{", ""))
    return sa.case((brackets <= MOST_BRACKETS, sa.func.pg_input_is_valid(text, "json")))


def one_of(each: Derived, category: Expression) -> Expression:
    """A row's category among the values, given as one parameter."""
    return among(category, each.values)


def among(category: Expression, values: tuple[str, ...]) -> Expression:
    """Whether a category is one of some values; NUL, which no text of PostgreSQL holds, is in none."""
    listed = json.dumps([value for value in values if "\0" not in value])
    held = sa.func.json_array_elements_text(sa.cast(sa.literal(listed, sa.Text), sa.JSON)).column_valued()
    return category.in_(sa.select(held))


def ratio(_: Derived, dividend: Expression, divisor: Expression) -> Expression:
    """Division where there is one: the server ends a statement that divides by 0."""
    return sa.case((sa.and_(_within(dividend), _within(divisor), divisor != 0), dividend / divisor))


def difference(_: Derived, minuend: Expression, subtrahend: Expression) -> Expression:
    """Subtraction where there is one."""
    return sa.case((sa.and_(_within(minuend), _within(subtrahend)), minuend - subtrahend))


def _within(number: Expression) -> Expression:
    return sa.or_(number == 0, sa.func.abs(number).between(LEAST, LARGEST))


def hour_of_day(_: Derived, moment: Expression) -> Expression:
    """The hour of a timestamp in UTC."""
    return sa.cast(sa.extract("hour", moment), sa.Integer)
