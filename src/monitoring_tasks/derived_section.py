"""What a monitor's YAML says about derived columns: the section `derived`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from monitoring_tasks.derivations import DERIVATIONS, Derivation, DerivationName
from monitoring_tasks.methods import Kind
from monitoring_tasks.patterns import pattern_of
from monitoring_tasks.sections import Column, Section, Text


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Columns = Annotated[
    tuple[Column, ...],
    Field(strict=False, min_length=1, max_length=2),
    BeforeValidator(_several, json_schema_input_type=Column | tuple[Column, Column]),
]
Texts = Annotated[
    tuple[Text, ...],
    Field(strict=False),
    BeforeValidator(_several, json_schema_input_type=Text | list[Text]),
]


class Derived(Section):
    """A column that is computed from logged ones, alike in the reference and in production.

    A row whose inputs are missing has no value, and so has one that `where` leaves out.
    """

    kind: DerivationName = Field(
        description="How it is computed",
        json_schema_extra={"enumDescriptions": [each.says for each in DERIVATIONS.values()]},
    )
    of: Columns = Field(description="The logged column it is computed from; of a ratio or a difference the two")
    patterns: Texts = Field(
        (),
        description="matches: regular expressions, one of which the text must hold: classes, groups, choices, repeats, "
        "`^ $ \\b \\d \\w \\s`, no flags, no looking around, no references back; `<refusals>` stands for the list of "
        "refusals that comes with the package",
    )
    ignore_case: bool = Field(True, description="matches: whether capitals count as small letters")
    values: Texts = Field((), description="one_of: the values that count as true")
    where: dict[Column, Texts] = Field(
        default_factory=dict,
        description="Only rows in which each of these columns has one of its values have one: `{expects: json}`",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        allowed, found = self.derivation.inputs, len(self.of)
        if found != len(allowed):
            raise ValueError(f"{self.kind} is computed from {_counted(allowed)}, not from {found}: correct `of`")
        for setting in ("patterns", "values"):
            self._require(setting)
        if self.patterns:
            pattern_of(self.patterns, ignore_case=self.ignore_case)
        return self

    def _require(self, setting: str) -> None:
        needed, given = self.derivation.setting == setting, bool(getattr(self, setting))
        if needed and not given:
            raise ValueError(f"{self.kind} needs {setting}: give at least one")
        if given and not needed:
            raise ValueError(f"{self.kind} has no {setting}: remove them")

    @property
    def derivation(self) -> Derivation:
        """What this kind of column is computed from, and the kind of its values."""
        return DERIVATIONS[self.kind]

    @property
    def result(self) -> Kind:
        """Kind of the column's values."""
        return self.derivation.kind

    @property
    def texts(self) -> tuple[str, ...]:
        """The columns of free text it is computed from: no features of their own."""
        return tuple(name for name, kind in zip(self.of, self.derivation.inputs, strict=True) if kind == "text")

    @property
    def words(self) -> str:
        """How it is computed, as a person says it; of many patterns or values the first ones and their number.

        >>> Derived(kind="ratio", of=("amount", "usual_amount")).words
        'amount / usual_amount'
        >>> Derived(kind="is_json", of=("response",), where={"expects": ("json",)}).words
        'is_json of response where expects = json'
        >>> Derived(kind="one_of", of=("finish_reason",), values=("length", "filter")).words
        'finish_reason = length or filter'
        >>> Derived(kind="matches", of=("response",), patterns=("<refusals>", "sorry", "no", "never")).words
        'matches of response (<refusals>, sorry and 2 more patterns)'
        """
        where = " and ".join(_is(column, values) for column, values in self.where.items())
        told = f"{self._how()} where {where}" if where else self._how()
        return "".join(each if each.isprintable() else " " for each in told)

    def _how(self) -> str:
        if self.kind in _SIGNS:
            return f" {_SIGNS[self.kind]} ".join(self.of)
        if self.kind == "one_of":
            return _is(self.of[0], self.values)
        exact = ", capitals told apart" if self.patterns and not self.ignore_case else ""
        return f"{self.kind} of {self.of[0]}" + (
            f" ({_listed(self.patterns, 'pattern')}{exact})" if self.patterns else ""
        )

    @property
    def inputs(self) -> tuple[str, ...]:
        """Every column it reads, each once."""
        return tuple(dict.fromkeys((*self.of, *self.where)))


_SIGNS: Mapping[DerivationName, str] = {"ratio": "/", "difference": "-"}
_SHOWN, _LONGEST = 2, 60
"""So many patterns or values are told where there are more than one besides, and so many characters of each."""


def _is(column: str, values: Sequence[str]) -> str:
    return f"{column} = {_listed(values, 'value', ' or ')}"


def _listed(texts: Sequence[str], thing: str, between: str = ", ") -> str:
    """Patterns or values in words: the first ones, and how many there are besides.

    >>> _listed(["DE"], "value"), _listed(["a", "b", "c", "d"], "value", " or "), _listed(["x" * 80], "pattern")[-5:]
    ('DE', 'a or b and 2 more values', 'xxxx…')
    """
    shown = texts if len(texts) <= _SHOWN + 1 else texts[:_SHOWN]
    more = f" and {len(texts) - _SHOWN} more {thing}s" if len(shown) < len(texts) else ""
    return between.join(each if len(each) <= _LONGEST else f"{each[: _LONGEST - 1]}…" for each in shown) + more


def _counted(inputs: Iterable[str]) -> str:
    several = list(inputs)
    return f"{len(several)} columns" if len(several) > 1 else "1 column"


def require_derivable(derived: Mapping[str, Derived], taken: Mapping[str | None, str]) -> None:
    """Raise `ValueError` for a derived column whose name is `taken` by a role, or that reads what it must not.

    Derived columns are computed from logged ones that are known with the prediction.
    """
    for name, each in derived.items():
        if name in taken:
            raise ValueError(f"derived column {name!r} has the name of the {taken[name]}: give it another")
        for column in each.inputs:
            if column in derived:
                raise ValueError(f"derived column {name!r} reads {column!r}, which is derived itself: name logged ones")
            if taken.get(column) in OUTCOMES:
                raise ValueError(f"derived column {name!r} reads the {taken[column]}, unknown at the prediction")


def require_logged(segments: Iterable[str], derived: Mapping[str, Derived]) -> None:
    """Raise `ValueError` for a segment of the gate that is derived, before a training is spent on it."""
    for name in segments:
        if name in derived:
            raise ValueError(
                f"retraining.gate.segments names {name!r}, which is derived: both sides score rows as they are logged: "
                "name logged columns"
            )


OUTCOMES = frozenset({"label", "label time"})
