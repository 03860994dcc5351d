"""Evidently's text descriptors on sampled texts: their values on both sides, and Evidently's own test of them.

Nothing here may repeat a text: what an error says of it is not logged, and only numbers leave.
"""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from evidently import DataDefinition, Dataset, Report
from evidently import descriptors as evidently_descriptors
from evidently.legacy.tests.base_test import TestStatus
from evidently.metrics import ValueDrift
from numpy.typing import NDArray

from monitoring_tasks.descriptors_section import Descriptor
from monitoring_tasks.methods import Kind
from monitoring_tasks.profile.texts import CHARACTERS
from monitoring_tasks.suites.metrics import definition

log = logging.getLogger(__name__)
FEWEST = 30
"""Fewer values on a side are shown, and not tested."""
METHODS: Mapping[Kind, str] = {"numeric": "ks", "categorical": "z"}
"""Evidently's methods for two samples; those it would choose take the reference for exact, and find drift too often."""
_TEXT, _VALUE = "text", "value"


@dataclass(frozen=True, eq=False)
class Side:
    """What a descriptor says of the texts of one side: a number for each, 0 and 1 for false and true.

    Of the sampled `rows`, `missing` had no text; of the texts, `cut` were too long to be judged as a whole, and on
    `failed` Evidently fails. `there` is whether the side has such a column.
    """

    values: NDArray[np.float64]
    rows: int = 0
    missing: int = 0
    cut: int = 0
    failed: int = 0
    there: bool = True

    @property
    def mean(self) -> float | None:
        """The mean, which is the share of true; None where there are no values."""
        return float(np.mean(self.values)) if len(self.values) else None


@dataclass(frozen=True, eq=False)
class Described:
    """One descriptor of one column: both sides, and the p-value of Evidently's test or why there is none."""

    column: str
    descriptor: Descriptor
    reference: Side
    current: Side
    p_value: float | None
    differs: bool = False
    why: str = ""


def described(asked: Mapping[str, Sequence[Descriptor]], current: pa.Table, reference: pa.Table) -> Iterator[Described]:
    """What every descriptor that is `asked` for says of the sampled texts; missing texts are left out first.

    One that Evidently cannot compute says so and leaves the others alone.
    """
    for column, entries in asked.items():
        sides = [_texts(table, column) for table in (reference, current)]
        for entry in entries:
            yield _compared(column, entry, *(_side(entry, side) for side in sides))


@dataclass(frozen=True)
class _Texts:
    """The sampled texts of a column; None where the side has no such column."""

    rows: int
    texts: tuple[str, ...] | None


def _texts(table: pa.Table, column: str) -> _Texts:
    if column not in table.column_names or not pa.types.is_string(table[column].type):
        return _Texts(table.num_rows, None)
    return _Texts(table.num_rows, tuple(map(str, table[column].drop_null().to_pylist())))


def _side(descriptor: Descriptor, found: _Texts) -> Side:
    if found.texts is None:
        return Side(np.zeros(0), found.rows, there=False)
    judged = [each for each in found.texts if len(each) < CHARACTERS or not descriptor.descriptor.whole]
    # Each text once: those on which Evidently fails are often the same, such as an empty one.
    distinct = list(dict.fromkeys(judged))
    known = dict(zip(distinct, _values(descriptor, distinct), strict=True))
    values = [value for each in judged if (value := known[each]) is not None]
    texts = len(found.texts)
    return Side(
        np.array(values, np.float64),
        found.rows,
        missing=found.rows - texts,
        cut=texts - len(judged),
        failed=len(judged) - len(values),
    )


def _values(descriptor: Descriptor, texts: Sequence[str]) -> list[float | None]:
    """The value of each text; None for one on which Evidently fails, which would take the others with it."""
    if not texts:
        return []
    try:
        return [_number(value) for value in _run(descriptor, texts)]
    except Exception as error:  # whatever texts hold, the report must be written
        if len(texts) == 1:
            log.debug("descriptor.failed descriptor=%s error=%s", descriptor.name, type(error).__name__)
            return [None]
    half = len(texts) // 2
    return [*_values(descriptor, texts[:half]), *_values(descriptor, texts[half:])]


def _number(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None


def _run(descriptor: Descriptor, texts: Sequence[str]) -> list[Any]:
    frame = pd.DataFrame({_TEXT: pd.Series(texts, dtype="object")})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its remarks quote texts
        made = Dataset.from_pandas(frame, DataDefinition(text_columns=[_TEXT]), descriptors=[_made(descriptor)])
    found: list[Any] = made.as_dataframe()[_VALUE].tolist()
    return found


def _made(descriptor: Descriptor) -> Any:
    setting = descriptor.descriptor.setting
    texts = list(descriptor.texts) if setting == "items" else descriptor.texts[:1]
    given = {} if setting is None else {setting: texts if setting == "items" else texts[0]}
    return getattr(evidently_descriptors, descriptor.name)(_TEXT, alias=_VALUE, **given)


def _compared(column: str, descriptor: Descriptor, reference: Side, current: Side) -> Described:
    if why := _why_not(reference, current):
        return Described(column, descriptor, reference, current, None, why=why)
    try:
        p_value, differs = _drift(descriptor.descriptor.kind, reference.values, current.values)
    except Exception as error:  # whatever values there are, the report must be written
        log.warning(
            "descriptor.not_compared column=%s descriptor=%s error=%s", column, descriptor.name, type(error).__name__
        )
        return Described(
            column, descriptor, reference, current, None, why=f"Evidently's test fails on them ({type(error).__name__})"
        )
    return Described(column, descriptor, reference, current, p_value, differs)


def _why_not(reference: Side, current: Side) -> str:
    """Why the sides are not compared, in words; empty when they are."""
    for side, name in ((current, "the window"), (reference, "the reference")):
        if not side.rows:
            return f"{name} has no rows"
        if not side.there:
            return f"{name} has no texts in such a column"
        if not len(side.values):
            return f"{name} has no text to describe"
    if np.ptp(np.concatenate([reference.values, current.values])) == 0:
        return "the same for every text"
    fewest = min(len(reference.values), len(current.values))
    return f"{fewest} are too few to compare, {FEWEST} needed" if fewest < FEWEST else ""


def _drift(kind: Kind, reference: NDArray[np.float64], current: NDArray[np.float64]) -> tuple[float, bool]:
    """P-value of Evidently's `ValueDrift`, and whether it calls that drift."""
    sides = [Dataset.from_pandas(_frame(kind, values), _defined(kind)) for values in (current, reference)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy's remarks on ties
        snapshot = Report([ValueDrift(column=_VALUE, method=METHODS[kind])], include_tests=True).run(*sides)
    (result,) = snapshot.metric_results.values()
    value = float(result.value)
    if not math.isfinite(value):
        raise ValueError("not a number")
    return value, result.tests[0].status is TestStatus.FAIL


def _frame(kind: Kind, values: NDArray[np.float64]) -> pd.DataFrame:
    return pd.DataFrame({_VALUE: values if kind == "numeric" else np.where(values > 0, "true", "false").astype(object)})


def _defined(kind: Kind) -> DataDefinition:
    return definition([_VALUE], []) if kind == "numeric" else definition([], [_VALUE])
