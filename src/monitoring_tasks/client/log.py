"""Logs of predictions and of labels, as a server sees them: rows in, and nothing that can hurt it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from operator import index
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from monitoring_tasks.client.buffering import Buffering
from monitoring_tasks.client.columns import KINDS, Columns, Kind, is_text, light
from monitoring_tasks.client.destination import destination
from monitoring_tasks.client.writer import Writer

_TEXT = {str}


class Log:
    """Rows with an id and a moment, appended to a folder of parquet files or to a table of a database.

    `place` is a folder (a path, or a URI as fsspec knows it), in which rows lie in files by the UTC day of their
    moment (`day=2013-06-03/part-....parquet`), or the URL of a SQLite or PostgreSQL database, in which they lie in
    `table`. `names` gives columns other names in the log than in the calls; `types` declares what a column holds
    (float, int, str, bool, datetime) instead of its first value. One object serves all threads; a forked process goes
    on with it as its own.

    Raises `ConfigurationError` for a place that can be none, `TypeError` and `ValueError` for rows that are no rows.
    Whatever happens while writing is retried, counted and logged, and never raised.
    """

    moment: str
    required: tuple[str, ...]
    table: str
    known: Mapping[str, Kind] = {}

    def __init__(
        self,
        place: str | os.PathLike[str],
        *,
        table: str | None = None,
        names: Mapping[str, str] | None = None,
        types: Mapping[str, Kind] | None = None,
        buffering: Buffering | None = None,
    ) -> None:
        self._names = dict(names or {})
        self._types = {**self.known, **_kinds(types or {})}
        self._id, self._moment = self._named("id"), self._named(self.moment)
        self._ids = self._types.get("id")
        kinds = {self._named(name): kind for name, kind in self._types.items()}
        self._columns = Columns({self._moment: datetime, **kinds})
        roles = self._id, self._moment
        to = destination(os.fspath(place), table or self.table, columns=self._columns, roles=roles)
        self._writer = Writer(to, buffering or Buffering())

    def extend(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Log many rows at once: mappings with the names that `append` takes. All are checked before any is taken."""
        self._writer.put([self._row(row) for row in rows])

    @property
    def dropped(self) -> int:
        """Rows of this process that were not written: there was no room for them, or no time at the end."""
        return self._writer.dropped

    @property
    def unfit(self) -> Mapping[str, int]:
        """Values of this process by column that were written as null: of another type than the column's."""
        return dict(self._columns.unfit)

    def flush(self, timeout: float | None = None) -> bool:
        """Write now, and wait for it; False when it took longer than so many seconds. Not for the path of a request."""
        return self._writer.flush(timeout)

    def close(self, timeout: float | None = None) -> None:
        """Write what is left, waiting at most so many seconds (default: the patience); later rows are dropped.

        Also done at the end of a process that ends by itself, and by `with`.
        """
        self._writer.close(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._writer.destination.place})"

    def _named(self, name: str) -> str:
        return self._names.get(name, name)

    def _row(self, given: Mapping[str, Any]) -> dict[str, Any]:
        if not isinstance(given, Mapping):
            raise TypeError(f"a row is a mapping such as {{'id': 'a-1', ...}}; found {type(given).__name__}")
        self._require(given)
        row: dict[str, Any] = {}
        columns = 0
        for name, value in given.items():
            if isinstance(value, Mapping):
                row.update(value)
                columns += len(value)
            elif value is not None or name not in ("features", self.moment):
                row[self._names.get(name, name)] = value
                columns += 1
        if not set(map(type, row)) <= _TEXT:
            # Data frames may call their columns by number.
            row = {str(name): value for name, value in row.items()}
        if columns != len(row) or (self._moment in row and given.get(self.moment) is None):
            raise self._doubled(given)
        row[self._id] = self._checked_id(row[self._id])
        row[self._moment] = self._checked_moment(row.get(self._moment))
        return light(row)

    def _require(self, given: Mapping[str, Any]) -> None:
        for name in self.required:
            if name not in given:
                raise ValueError(f"a row needs {' and '.join(self.required)}; found {', '.join(map(str, given))}")
        features = given.get("features")
        if features is not None and not isinstance(features, Mapping):
            raise TypeError(f"features is a mapping of columns to values; found {type(features).__name__}")

    def _doubled(self, given: Mapping[str, Any]) -> ValueError:
        names = [self._named(name) for name, value in given.items() if not isinstance(value, Mapping)]
        inner = [str(name) for value in given.values() if isinstance(value, Mapping) for name in value]
        twice = sorted({name for name in inner if inner.count(name) > 1 or name in (*names, self._moment)})
        return ValueError(f"several values for {', '.join(twice)}: give a column once, or rename it with `names`")

    def _checked_id(self, value: Any) -> int | str:
        found = _plain_id(value)
        if self._ids is None:
            self._ids = self._columns.kinds[self._id] = int if isinstance(found, int) else str
        if self._ids is int and isinstance(found, str):
            raise TypeError(
                f"this log's ids are whole numbers; found the text {found[:40]!r}: write all alike, as the other log "
                f"does, or declare types={{'id': str}}"
            )
        return found if self._ids is int else str(found)

    def _checked_moment(self, value: Any) -> datetime:
        # NaT is the one datetime that is not itself.
        if value is None or value != value:
            return datetime.now(UTC)
        if not isinstance(value, datetime):
            raise TypeError(f"{self.moment} is a datetime (without a zone: UTC) or None; found {type(value).__name__}")
        try:
            return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        except OverflowError:
            raise ValueError(f"{self.moment} is {value}, which is no moment of the years 1 to 9999 in UTC") from None


class PredictionLog(Log):
    """A log of predictions, in the layout that a monitor's `source` reads (`partition: day` for files).

    Columns: `id`, `timestamp` (UTC), `prediction`, one for each feature, and `model_version`, `latency_ms` and `error`
    where they are given.
    """

    moment, required, table = "timestamp", ("id",), "predictions"
    known = {"model_version": str, "latency_ms": float, "error": str}

    def append(
        self,
        id: str | int | UUID,
        prediction: Any = None,
        features: Mapping[str, Any] | None = None,
        **columns: Any,
    ) -> None:
        """Log one prediction; `prediction` may be a mapping of columns as well, such as the classes' probabilities.

        `columns` are `timestamp` (now, when left out), `model_version`, `latency_ms`, `error` and others. Takes
        microseconds, in any thread, whatever the disk or database does.
        """
        self.extend([{"id": id, "prediction": prediction, "features": features, **columns}])


class LabelLog(Log):
    """A log of outcomes, in the layout that a monitor's `labels` reads. Columns: `id`, `label`, `label_time` (UTC).

    A later label of an id corrects an earlier one; one that is None takes it back.
    """

    moment, required, table = "label_time", ("id", "label"), "labels"

    def append(self, id: str | int | UUID, label: Any, label_time: datetime | None = None, **columns: Any) -> None:
        """Log one outcome and the moment from which it was known (now, when left out)."""
        self.extend([{"id": id, "label": label, "label_time": label_time, **columns}])


def _plain_id(value: Any) -> int | str:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, str) and value and "\0" not in value and is_text(value):
        return str(value)
    if hasattr(value, "__index__") and type(value).__name__ not in ("bool", "bool_"):
        whole = index(value)
        if -(2**63) <= whole < 2**63:
            return whole
    raise TypeError(
        "an id is text without NUL, a whole number of 64 bits or a UUID; found "
        f"{repr(value)[:40]} ({type(value).__name__})"
    )


def _kinds(types: Mapping[str, Kind]) -> Mapping[str, Kind]:
    for name, kind in types.items():
        if kind not in KINDS:
            allowed = ", ".join(kind.__name__ for kind in KINDS)
            raise ValueError(f"types[{name!r}] is {kind!r}: a column holds one of {allowed}")
    return types
