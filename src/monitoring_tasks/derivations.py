"""The kinds of derived columns a monitor may name: what each is computed from, and what comes out.

The function of the same name in `data/derived/` computes it; a test holds both lists together. Nothing heavy is
imported here, because configuration is read whenever a DAG file is parsed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from monitoring_tasks.methods import Kind

DerivationName = Literal[
    "text_length",
    "word_count",
    "repeated_words",
    "non_ascii_share",
    "matches",
    "is_json",
    "one_of",
    "ratio",
    "difference",
    "hour_of_day",
]
Input = Literal["text", "number", "moment", "category"]
Setting = Literal["patterns", "values"]


@dataclass(frozen=True)
class Derivation:
    """One kind of derived column: what its inputs are, the kind of its values, and the setting that it needs.

    `says` is for people who choose one: what it is, of which type of column, and which rows have no value beside those
    without an input.
    """

    inputs: tuple[Input, ...]
    kind: Kind
    says: str
    setting: Setting | None = None


_TEXT: tuple[Input, ...] = ("text",)
_NUMBERS: tuple[Input, ...] = ("number", "number")
DERIVATIONS: dict[DerivationName, Derivation] = {
    "text_length": Derivation(_TEXT, "numeric", "Characters of a text"),
    "word_count": Derivation(
        _TEXT, "numeric", "Words of a text: what stands between blanks, which Japanese and Chinese do not write"
    ),
    "repeated_words": Derivation(
        _TEXT, "numeric", "Share of a text's words that came before in it, from 0 to 1; 0 without words"
    ),
    "non_ascii_share": Derivation(
        _TEXT, "numeric", "Share of a text's characters that are not ASCII, from 0 to 1; 0 of an empty text"
    ),
    "matches": Derivation(_TEXT, "categorical", "Whether a text holds one of `patterns`, anywhere in it", "patterns"),
    "is_json": Derivation(_TEXT, "categorical", "Whether a text as a whole is JSON, by RFC 8259"),
    "one_of": Derivation(("category",), "categorical", "Whether a category is one of `values`", "values"),
    "ratio": Derivation(
        _NUMBERS, "numeric", "The first number of `of` divided by the second; no value where that is 0"
    ),
    "difference": Derivation(_NUMBERS, "numeric", "The first number of `of` less the second"),
    "hour_of_day": Derivation(("moment",), "numeric", "The hour of a moment in UTC, from 0 to 23"),
}
assert DERIVATIONS.keys() == set(get_args(DerivationName))
