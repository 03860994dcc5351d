"""What a score command wrote, held against the rows that it was given."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from monitoring_tasks.errors import GateInvalid
from monitoring_tasks.retraining.gate.words import shown

PREDICTION = "prediction"


def check_predictions(rows: pa.Table, predictions: pa.Table, *, id: str, task: str) -> pa.Array[Any]:
    """The predictions in the order of the rows, whatever order they were written in.

    `predictions` has the column `id` with each id of `rows` once, and `prediction`: finite numbers, for a binary model
    probabilities, for a multiclass one also names. Raises `GateInvalid` with counts and an example for anything else.

    >>> rows = pa.table({"id": ["a", "b"]})
    >>> written = pa.table({"id": ["b", "a"], "prediction": [0.75, 0.5]})
    >>> check_predictions(rows, written, id="id", task="binary").to_pylist()
    [0.5, 0.75]
    """
    for name in (id, PREDICTION):
        if predictions.column_names.count(name) != 1:
            columns = ", ".join(map(shown, predictions.column_names)) or "none"
            raise GateInvalid(f"the predictions have the columns {columns}: the score command must write {name}, once")
    wanted = _plain(rows[id])
    places = _places(wanted, _ids(_plain(predictions[id]), wanted.type, id))
    return _checked(_plain(predictions[PREDICTION]).take(places), wanted, task)


def _plain(column: pa.ChunkedArray[Any]) -> pa.Array[Any]:
    """The column in one piece, without a dictionary, as categories of pandas have one, and texts as plain strings."""
    whole: pa.Array[Any] = column.combine_chunks()
    kind = whole.type.value_type if isinstance(whole.type, pa.DictionaryType) else whole.type
    # Arrow cannot reorder views of texts, which some libraries write.
    return whole.cast(pa.large_string() if pa.types.is_string_view(kind) else kind)


def _ids(written: pa.Array[Any], wanted: pa.DataType, id: str) -> pa.Array[Any]:
    try:
        return written.cast(wanted)
    except pa.ArrowException:
        text = f"the predictions have {id} as {written.type}, the rows as {wanted}: write it as it came"
        raise GateInvalid(text) from None


def _places(wanted: pa.Array[Any], ids: pa.Array[Any]) -> pa.Array[Any]:
    """Where the prediction of each row stands."""
    _refuse(pc.is_null(ids, nan_is_null=True), ids, "predictions have no id")
    counts = pc.value_counts(ids)
    _refuse(pc.greater(counts.field("counts"), pa.scalar(1)), counts.field("values"), "ids are there more than once")
    _refuse(pc.invert(pc.is_in(ids, value_set=wanted)), ids, "predictions have an id that no row has")
    places: pa.Array[Any] = pc.index_in(wanted, value_set=ids)
    _refuse(pc.is_null(places), wanted, "rows have no prediction")
    return places


def _checked(found: pa.Array[Any], ids: pa.Array[Any], task: str) -> pa.Array[Any]:
    _refuse(pc.is_null(found, nan_is_null=True), ids, "predictions are missing or NaN")
    number = pa.types.is_floating(found.type) or pa.types.is_integer(found.type)
    if task == "multiclass" and (number or _is_name(found.type)):
        return found
    if not number:
        raise GateInvalid(f"the predictions are of type {found.type}: a {task} model predicts numbers")
    numbers: pa.Array[Any] = found.cast(pa.float64())
    _refuse(pc.is_inf(numbers), ids, "predictions are infinite")
    if task == "binary":
        outside = pc.or_(pc.less(numbers, pa.scalar(0.0)), pc.greater(numbers, pa.scalar(1.0)))
        _refuse(outside, ids, "predictions are outside [0, 1], where a probability lies")
    return numbers


def _refuse(bad: pa.Array[Any], ids: pa.Array[Any], what: str) -> None:
    """Raise `GateInvalid` when any of the flags is set, with the id of the first."""
    found = ids.filter(bad)
    if len(found):
        raise GateInvalid(f"{len(found)} of {len(bad)} {what}, such as {shown(str(found[0].as_py()))}")


def _is_name(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_boolean(kind)
