"""Logged predictions of a span as arrays in an order that depends on the rows alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from monitoring_tasks.data.key_index import members
from monitoring_tasks.data.keys import Keys, Mask, Places, keys_of
from monitoring_tasks.data.outcome_columns import (
    About,
    Categories,
    Growing,
    Values,
    as_numbers,
    binary_label,
    finite,
    flags_in,
    moved,
    numbers_in,
    regression_label,
)
from monitoring_tasks.data.tables import Roles, unlike_types
from monitoring_tasks.data.values import Column
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.performance.outcomes import Whole

LABEL, KNOWN = "\0label", "\0known"
"""Columns of the label and of its moment, in tables that bear the joined label; no source has columns called so."""
_LABELS = {"binary": binary_label, "regression": regression_label}
Reader = Callable[[Column, About], Values]


@dataclass(frozen=True)
class Field:
    """One array of the outcomes: where it is read from and how."""

    array: str
    column: str
    role: str
    kind: type[np.generic]
    read: Reader


@dataclass(eq=False)
class Fields:
    """What is read of a monitor's predictions and labels; `classes` numbers both, `groups` the segment columns."""

    monitor: Monitor
    classes: Categories = field(default_factory=Categories)
    groups: dict[str, Categories] = field(default_factory=dict)

    def __post_init__(self) -> None:
        columns = dict.fromkeys(column for segment in self.monitor.segments for column in segment)
        self.groups = {column: Categories() for column in columns}

    def predictions(self) -> list[Field]:
        """The fields of the predictions' own columns."""
        watched = self.monitor.performance
        groups = [
            Field(f"group {column}", column, "segment", np.int32, codes.read) for column, codes in self.groups.items()
        ]
        found = [Field("prediction", self.monitor.prediction, "prediction", np.float64, self._prediction), *groups]
        if watched is None:
            return found
        for name, column in sorted(self.probabilities.items()):
            found.append(Field(f"probability {name}", column, "probability", np.float64, _number))
        if watched.latency is not None:
            found.append(Field("latency", watched.latency, "latency", np.float64, _number))
        if watched.error is not None:
            found.append(Field("failed", watched.error, "error", np.bool_, flags_in))
        return found

    @property
    def probabilities(self) -> Mapping[str, str]:
        """Column of each class's probability."""
        watched = self.monitor.performance
        return watched.probabilities if watched else {}

    def own_label(self) -> list[Field]:
        """The field of the label that the predictions bear themselves, if they do."""
        bears = self.monitor.labels is None and self.monitor.label is not None
        return [self.label(self.monitor.label or "")] if bears else []

    def label(self, column: str) -> Field:
        """The field of a label, wherever it is logged."""
        return Field("label", column, "label", np.float64, _LABELS.get(self.monitor.task, self._class))

    def roles(self, id: str) -> Roles:
        """The columns of the predictions that must be there."""
        others = {each.column: each.role for each in self.predictions()}
        own = None if self.monitor.labels else self.monitor.label
        return Roles(id, self.monitor.timestamp, own, others)

    def _prediction(self, column: Column, about: About) -> Values:
        if self.monitor.task == "multiclass":
            return self._class(column, about)
        return finite(numbers_in(column, about, allowed=f"a {self.monitor.task} model predicts a number"))

    def _class(self, column: Column, about: About) -> Values:
        return as_numbers(self.classes.read(column, about))


def _number(column: Column, about: About) -> Values:
    return finite(numbers_in(column, about, allowed=f"a {about.role} may be a number or null"))


class Gathered:
    """Rows read table by table: moments and keys of ids, and the arrays of some fields."""

    def __init__(self, fields: Sequence[Field], roles: Roles, *, place: str, most: int = 0) -> None:
        self._fields = fields
        self._roles = roles
        self._place = place
        self._most = most
        kinds: dict[str, type[np.generic]] = {
            "moment": np.int64,
            "first": np.int64,
            "valid": np.bool_,
            **{each.array: each.kind for each in fields},
        }
        self._growing = {name: Growing(kind, most) for name, kind in kinds.items()}
        self.id_types: set[str] = set()

    def append(self, table: pa.Table) -> None:
        """Append the rows of one table. Raises `SourceInvalid` for values that their role does not allow."""
        if not table.num_rows:
            return
        self._append_ids(_column(table, self._roles.id))
        self._growing["moment"].extend(moments(table[self._roles.timestamp]))
        if KNOWN in table.column_names:
            self._growing.setdefault("known", Growing(np.int64, self._most)).extend(moments(table[KNOWN]))
        for each in self._fields:
            about = About(each.role, each.column, self._place)
            self._growing[each.array].extend(each.read(_column(table, each.column), about))

    def _append_ids(self, ids: Column) -> None:
        if not pa.types.is_null(ids.type):
            self.id_types.add(str(ids.type))
        if len(self.id_types) > 1:
            raise unlike_types(self._roles.id, self._place, sorted(self.id_types))
        for chunk in ids.chunks:
            self._append_keys(keys_of(chunk))

    def _append_keys(self, keys: Keys) -> None:
        if self.id_types == {"string"}:
            second = self._growing.get("second")
            if second is None:
                # Rows before the first text had no id.
                second = self._growing["second"] = Growing(np.uint64, self._most)
                second.extend(np.zeros(len(self._growing["first"].values), np.uint64))
            second.extend(np.zeros(len(keys), np.uint64) if keys.second is None else keys.second)
        self._growing["first"].extend(keys.first)
        self._growing["valid"].extend(keys.valid)

    def arrays(self) -> dict[str, Values]:
        """The arrays by name."""
        return {name: growing.values for name, growing in self._growing.items()}

    def clear(self) -> None:
        """Forget the rows; the types of their ids are remembered."""
        for growing in self._growing.values():
            growing.clear()

    def __len__(self) -> int:
        return len(self._growing["moment"].values)


def _column(table: pa.Table, name: str) -> Column:
    if name in table.column_names:
        return table[name]
    return pa.chunked_array([pa.nulls(table.num_rows)])


def moments(column: Column) -> Whole:
    """Moments in UTC as whole microseconds since 1970; null as `NEVER`."""
    parts = [np.from_dlpack(_whole(chunk)) for chunk in column.chunks]
    found: Whole = np.concatenate(parts) if parts else np.empty(0, np.int64)
    return found


def _whole(moments: pa.Array[Any]) -> pa.Array[Any]:
    whole = moments.cast(pa.int64())
    return whole.fill_null(-(2**63)) if whole.null_count else whole


def keys_in(arrays: dict[str, Values]) -> Keys:
    """The keys of gathered rows."""
    return Keys(arrays["first"], arrays.get("second"), arrays["valid"])


def settle(fields: Fields, arrays: dict[str, Values]) -> None:
    """Number categories in their order, and put rows in theirs: by moment, then id, then all that is read of them.

    Rows that are equal in all of that are interchangeable, so that the order of files and rows leaves no trace.
    """
    for column, codes in fields.groups.items():
        arrays[f"group {column}"][:] = codes.sort()[arrays[f"group {column}"]]
    if fields.monitor.task == "multiclass":
        renumbered = fields.classes.sort()
        for name in {"prediction", "label"} & set(arrays):
            arrays[name] = moved(arrays[name], renumbered)
    moment = arrays["moment"]
    if (moment[1:] < moment[:-1]).any():
        _arrange(arrays, slice(None), np.argsort(moment, kind="stable"))
    _arrange_tied(arrays, moment[1:] == moment[:-1], keys_in(arrays).columns())
    # The order of keys is settled: what is still alike is one id, or rows that have none.
    _arrange_tied(arrays, _alike([*keys_in(arrays).columns(), moment]), [arrays[name] for name in sorted(arrays)])


def _alike(columns: Sequence[Values]) -> Mask:
    alike: Mask = columns[-1][1:] == columns[-1][:-1]
    tied = np.flatnonzero(alike)
    for column in columns[:-1]:
        alike[tied] &= column[tied + 1] == column[tied]
    return alike


def _arrange_tied(arrays: dict[str, Values], alike: Mask, columns: Sequence[Values]) -> None:
    """Sort the rows that are like a neighbour by columns, the most important last, within the places they have."""
    places = members(alike)
    if not len(places):
        return
    apart = ~alike[places - 1]
    apart[0] = True
    order = np.lexsort([*(column[places] for column in columns), np.cumsum(apart)])
    _arrange(arrays, places, places[order])


def _arrange(arrays: dict[str, Values], places: Places | slice, order: Places) -> None:
    for array in arrays.values():
        array[places] = array[order]
