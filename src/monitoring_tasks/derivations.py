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
    """One kind of derived column: what its inputs are, the kind of its values, and the setting that it needs."""

    inputs: tuple[Input, ...]
    kind: Kind
    setting: Setting | None = None


_TEXT: tuple[Input, ...] = ("text",)
_NUMBERS: tuple[Input, ...] = ("number", "number")
DERIVATIONS: dict[DerivationName, Derivation] = {
    "text_length": Derivation(_TEXT, "numeric"),
    "word_count": Derivation(_TEXT, "numeric"),
    "repeated_words": Derivation(_TEXT, "numeric"),
    "non_ascii_share": Derivation(_TEXT, "numeric"),
    "matches": Derivation(_TEXT, "categorical", "patterns"),
    "is_json": Derivation(_TEXT, "categorical"),
    "one_of": Derivation(("category",), "categorical", "values"),
    "ratio": Derivation(_NUMBERS, "numeric"),
    "difference": Derivation(_NUMBERS, "numeric"),
    "hour_of_day": Derivation(("moment",), "numeric"),
}
assert DERIVATIONS.keys() == set(get_args(DerivationName))
