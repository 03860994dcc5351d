"""The kinds of derived columns: how each is computed in each engine, one row for each.

A new kind is a definition of one row's value, an expression of PostgreSQL's, and a form for Arrow where the definition
would be slow; and a row in `derivations.DERIVATIONS`, which says what a monitor may write.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from monitoring_tasks.data.derived import arrow, definitions, postgres
from monitoring_tasks.data.derived.arrow import Form
from monitoring_tasks.data.derived.definitions import Definition, always
from monitoring_tasks.data.derived.postgres import Written
from monitoring_tasks.derivations import DerivationName
from monitoring_tasks.derived_section import Derived


@dataclass(frozen=True)
class Kind:
    """How one kind of derived column is computed, and the type of its values."""

    definition: Callable[[Derived], Definition]
    """What a row's value is, given what a monitor says about the column; SQLite runs it, and Arrow without `form`."""
    result: pa.DataType
    postgres: Written
    form: Form | None = None


KINDS: Mapping[DerivationName, Kind] = {
    "text_length": Kind(always(definitions.text_length), pa.int64(), postgres.text_length, arrow.text_length),
    "word_count": Kind(always(definitions.word_count), pa.int64(), postgres.word_count, arrow.word_count),
    "repeated_words": Kind(
        always(definitions.repeated_words), pa.float64(), postgres.repeated_words, arrow.repeated_words
    ),
    "non_ascii_share": Kind(
        always(definitions.non_ascii_share), pa.float64(), postgres.non_ascii_share, arrow.non_ascii_share
    ),
    "matches": Kind(definitions.matches, pa.bool_(), postgres.matches, arrow.matches),
    "is_json": Kind(always(definitions.is_json), pa.bool_(), postgres.is_json, arrow.is_json),
    "one_of": Kind(definitions.one_of, pa.bool_(), postgres.one_of, arrow.one_of),
    "ratio": Kind(always(definitions.ratio), pa.float64(), postgres.ratio, arrow.ratio),
    "difference": Kind(always(definitions.difference), pa.float64(), postgres.difference, arrow.difference),
    "hour_of_day": Kind(always(definitions.hour_of_day), pa.int64(), postgres.hour_of_day, arrow.hour_of_day),
}
