"""Derived columns of rows that come as Arrow tables: which there are, what they read, and their values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring_tasks.data.derived.arrow import Found, Mask
from monitoring_tasks.data.derived.definitions import moment_of
from monitoring_tasks.data.derived.kinds import KINDS
from monitoring_tasks.data.moments import instants
from monitoring_tasks.data.values import Column, encoded, is_numeric, is_text, numbers, texts, value_type
from monitoring_tasks.derivations import Input
from monitoring_tasks.derived_section import Derived
from monitoring_tasks.errors import SourceInvalid

_WRONG = pa.binary()
"""Type of a column whose inputs are of wrong types: it is no number and no category, so that its rows are unusable."""


def _is_moment(kind: pa.DataType) -> bool:
    return pa.types.is_timestamp(kind) or pa.types.is_date(kind) or is_text(kind)


def _is_category(kind: pa.DataType) -> bool:
    return is_text(kind) or is_numeric(kind)


_FITS: Mapping[Input, Callable[[pa.DataType], bool]] = {
    "text": is_text,
    "number": is_numeric,
    "moment": _is_moment,
    "category": _is_category,
}


@dataclass(frozen=True)
class DerivedColumns:
    """What a monitor derives of logged columns, by the name of the derived one."""

    declared: Mapping[str, Derived]

    def names(self, logged: Collection[str]) -> list[str]:
        """The derived columns whose inputs are all logged; the others are absent."""
        return [name for name, each in self.declared.items() if set(each.inputs) <= set(logged)]

    def refuse_logged(self, logged: Collection[str], place: str) -> None:
        """Raise `SourceInvalid` when a logged column has the name of a derived one."""
        both = sorted(set(self.declared) & set(logged))
        if both:
            raise SourceInvalid(
                f"{place} has a column {both[0]!r}, and the monitor derives one of that name: rename it under derived"
            )

    def extended(self, schema: pa.Schema, place: str) -> pa.Schema:
        """The schema of logged columns with the derived ones after them; raises as `refuse_logged` does."""
        self.refuse_logged(schema.names, place)
        for name in self.names(schema.names):
            schema = schema.append(pa.field(name, self._type(name, schema)))
        return schema

    def _type(self, name: str, schema: pa.Schema) -> pa.DataType:
        each = self.declared[name]
        kinds = {column: schema.field(column).type for column in each.inputs}
        return KINDS[each.kind].result if _usable(each, kinds) else _WRONG

    def inputs(self, names: Sequence[str]) -> list[str]:
        """The logged columns that derived ones read, each once."""
        return list(dict.fromkeys(column for name in names for column in self.declared[name].inputs))

    def computed(self, names: Sequence[str], rows: pa.Table) -> dict[str, list[pa.Array[Any]]]:
        """Some derived columns over logged rows, which have the columns that they read."""
        found: dict[str, list[pa.Array[Any]]] = {name: [] for name in names}
        for batch in rows.to_batches():
            columns = {name: _prepared(batch.column(name)) for name in self.inputs(names)}
            for name, parts in found.items():
                parts.append(_derive(self.declared[name], columns, len(batch)))
        return found

    def joined(self, name: str, parts: Sequence[Sequence[pa.Array[Any]]]) -> Column:
        """One derived column over several tables in turn."""
        arrays = [array for part in parts for array in part]
        kind: Any = arrays[0].type if arrays else KINDS[self.declared[name].kind].result
        joined: Column = pa.chunked_array(arrays, kind)
        return joined


def _usable(each: Derived, kinds: Mapping[str, pa.DataType]) -> bool:
    """Whether all inputs of a derived column are of types that fit; a column of nulls alone fits anywhere."""
    wanted = [*zip(each.of, each.derivation.inputs, strict=True), *((name, "category") for name in each.where)]
    found = [(value_type(kinds[name]), _FITS[kind]) for name, kind in wanted]
    return all(pa.types.is_null(kind) or fits(kind) for kind, fits in found)


def _derive(each: Derived, columns: Mapping[str, pa.Array[Any]], rows: int) -> pa.Array[Any]:
    """One derived column, given the columns that it reads."""
    kind = KINDS[each.kind].result
    if not _usable(each, {name: columns[name].type for name in each.inputs}):
        return _nothing(rows, _WRONG)
    inputs = [columns[name] for name in each.of]
    held = [_holds(columns[name], values) for name, values in each.where.items()]
    wanted: Mask = reduce(np.logical_and, [*map(_is_valid, inputs), *held])
    if not wanted.any():
        return _nothing(rows, kind)
    if not wanted.all():
        inputs = [array.filter(flags_of(wanted)) for array in inputs]
    return _spread(_found(each, inputs), wanted, kind)


def _prepared(array: pa.Array[Any]) -> pa.Array[Any]:
    """A column in a type that can be filtered, its texts as UTF-8, and no null among a dictionary's entries."""
    if isinstance(array, pa.DictionaryArray):
        entries = _prepared(array.dictionary)
        if entries.null_count:
            return entries.take(array.indices)
        return pa.DictionaryArray.from_arrays(array.indices, entries)
    if pa.types.is_string_view(array.type):
        array = array.cast(pa.large_string())
    return _unicode(array) if is_text(array.type) else array


def _is_valid(array: pa.Array[Any]) -> Mask:
    if not array.null_count:
        return np.ones(len(array), bool)
    found: Mask = np.from_dlpack(array.is_valid().cast(pa.uint8())).view(np.bool_)
    return found


def _holds(array: pa.Array[Any], values: Sequence[str]) -> Mask:
    """Whether each row has one of some values."""
    if pa.types.is_null(array.type):
        return np.zeros(len(array), bool)
    words, codes = encoded(array)
    found: Mask = np.array([word in values for word in words], bool)[codes]
    return found


def _found(each: Derived, inputs: Sequence[pa.Array[Any]]) -> Found:
    """The values of a column given its inputs, which have no nulls."""
    if each.derivation.inputs == ("text",):
        return _of_texts(each, inputs[0])
    return _formed(each, inputs)


def _of_texts(each: Derived, array: pa.Array[Any]) -> Found:
    """The values of texts; of a dictionary's entries, where these are fewer, told once."""
    if not isinstance(array, pa.DictionaryArray):
        return _formed(each, [array])
    if len(array.dictionary) > len(array):
        return _of_texts(each, array.dictionary_decode())
    values, valid = _of_texts(each, array.dictionary)
    places = np.from_dlpack(array.indices.cast(pa.int64()))
    return values[places], None if valid is None else valid[places]


def _formed(each: Derived, inputs: Sequence[pa.Array[Any]]) -> Found:
    form = KINDS[each.kind].form
    return by_definition(each, inputs) if form is None else form(each, *inputs)


def by_definition(each: Derived, inputs: Sequence[pa.Array[Any]]) -> Found:
    """The values of a column row by row: for kinds without a form of Arrow's, and what forms must equal."""
    value = KINDS[each.kind].definition(each)
    plain = [_PLAIN[kind](array) for kind, array in zip(each.derivation.inputs, inputs, strict=True)]
    found = [None if None in row else value(*row) for row in zip(*plain, strict=True)]
    valid = np.array([each_ is not None for each_ in found], bool)
    return np.array([each_ or 0 for each_ in found], KINDS[each.kind].result.to_pandas_dtype()), valid


def _moments(array: pa.Array[Any]) -> list[Any]:
    if is_text(value_type(array.type)):
        return [moment_of(text or "") for text in _categories(array)]
    return instants(pa.chunked_array([array]), place="a derived column's input").to_pylist()


def _categories(array: pa.Array[Any]) -> list[Any]:
    words, codes = encoded(array)
    return [words[code] for code in codes.tolist()]


_PLAIN: Mapping[Input, Callable[[pa.Array[Any]], list[Any]]] = {
    "text": lambda array: list(texts(array)),
    "number": lambda array: numbers(array).astype(np.float64).tolist(),
    "moment": _moments,
    "category": _categories,
}


def _unicode(array: pa.Array[Any]) -> pa.Array[Any]:
    """Texts as UTF-8; files may hold others, whose broken bytes are replaced as everywhere else."""
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        return pa.array(texts(array), pa.large_string())
    return array


def _spread(found: Found, wanted: Mask, kind: pa.DataType) -> pa.Array[Any]:
    """The values of the wanted rows among all of them."""
    values, valid = found
    if wanted.all():
        return _made(values, valid, kind)
    every, own = np.zeros(len(wanted), values.dtype), wanted.copy()
    every[wanted] = values
    if valid is not None:
        own[wanted] = valid
    return _made(every, own, kind)


def _made(values: NDArray[Any], valid: Mask | None, kind: pa.DataType) -> pa.Array[Any]:
    # Not pa.array, which imports pandas.
    bits = None if valid is None else _packed(valid)
    data = _packed(values) if pa.types.is_boolean(kind) else pa.py_buffer(np.ascontiguousarray(values).data)
    return pa.Array.from_buffers(kind, len(values), [bits, data])


def flags_of(flags: Mask) -> pa.Array[Any]:
    """True and false of numpy as an array of Arrow's."""
    return pa.Array.from_buffers(pa.bool_(), len(flags), [None, _packed(flags)])


def _packed(flags: NDArray[Any]) -> pa.Buffer:
    return pa.py_buffer(np.packbits(flags, bitorder="little").data)


def _nothing(rows: int, kind: Any) -> pa.Array[Any]:
    nulls: pa.Array[Any] = pa.nulls(rows, kind)
    return nulls
