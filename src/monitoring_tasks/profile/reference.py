"""The champion's training reference as a profile: its bins, the profile of all its rows, one of each of its pieces."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from monitoring_tasks.data.derived.identity import told_apart
from monitoring_tasks.data.rows import ArrowRows
from monitoring_tasks.errors import ReferenceInvalid
from monitoring_tasks.methods import Kind
from monitoring_tasks.monitor import EVERY_OTHER, Monitor
from monitoring_tasks.profile.arrow import scan_arrow
from monitoring_tasks.profile.binning import (
    Binning,
    canonical,
    dumps_binning,
    finite_limits,
    loads_binning,
    parse,
)
from monitoring_tasks.profile.derive import derive_binning
from monitoring_tasks.profile.kernel import is_categorical, is_numeric, value_type
from monitoring_tasks.profile.pieces import profile_pieces
from monitoring_tasks.profile.pieces_file import dumps_pieces, loads_pieces
from monitoring_tasks.profile.plan import HASH, Plan
from monitoring_tasks.profile.profile import Profile, dumps, loads
from monitoring_tasks.profile.segments import Division, divide
from monitoring_tasks.profile.segments_file import StoredSegments, dumps_segments
from monitoring_tasks.window import DAY, HOUR, Window, interval, last_tick

REFERENCE_FORMAT = 2
"""Version of a stored reference as a whole: which files it has. Those that are binnings and profiles have their own."""


@dataclass(frozen=True, eq=False)
class ReferenceProfile:
    """A training reference, profiled: what every window of its champion is compared with.

    `content_hash` is the hash of the reference's file. `pieces` has one profile for each UTC day or hour (`piece_unit`)
    with rows, oldest first, of a reference that has the monitor's timestamp column, and is empty otherwise. `segments`
    has one for each value of `divisions`, the monitor's segments, by its words. `texts` is a sample of the columns of
    text that the monitor has descriptors for: it is kept apart, for a shorter time, and None where it is not asked for.
    """

    content_hash: str
    kinds: Mapping[str, Kind]
    binning: Binning
    profile: Profile
    pieces: Mapping[Window, Profile]
    sample: pa.Table
    divisions: tuple[Division, ...] = ()
    segments: Mapping[str, Profile] = field(default_factory=dict)
    texts: pa.Table | None = None


def monitored_columns(monitor: Monitor, schema: pa.Schema) -> dict[str, Kind]:
    """The columns a monitor watches, and their kinds: its features, then the prediction.

    Without `features`, or with `'*'` among them, every column of the reference is one, and so is every derived one, but
    for the monitor's timestamp, id, label, label time and ignored columns, the texts that others are derived from and
    the row index that pandas may have written. A kind not declared is inferred: numbers are numeric; text and booleans
    categorical. Raises `ReferenceInvalid` when a column is missing or cannot be of its kind, when there is no feature,
    or when a column that is read has the name of the sample's hidden one.
    """
    features = list(monitor.features) if monitor.lists_features else _every_feature(monitor, schema)
    if not features:
        raise ReferenceInvalid(
            f"reference of {monitor.name} has no column left to monitor (it has {_listed(schema.names)}): "
            "write its features into reference.parquet, or ignore fewer columns"
        )
    if HASH in (*features, monitor.prediction, monitor.id, monitor.timestamp):
        raise ReferenceInvalid(
            f"{monitor.name} reads a column {HASH!r}, a name that samples use for their own: "
            "rename the column, or put it under ignore"
        )
    declared = {name: feature.kind for name, feature in monitor.features.items()}
    kinds = {name: _kind(monitor, schema, name, declared.get(name)) for name in features}
    return kinds | {monitor.prediction: _kind(monitor, schema, monitor.prediction, monitor.prediction_kind)}


def _every_feature(monitor: Monitor, schema: pa.Schema) -> list[str]:
    roles = {monitor.timestamp, monitor.prediction, monitor.id, monitor.label, monitor.label_time}
    others = {*roles, *monitor.ignore, *monitor.texts}
    every = dict.fromkeys([*schema.names, *monitor.derived])
    found = [name for name in every if name not in others and not name.startswith("__index_level_")]
    # A listed one stays, so that a name the reference does not have is an error and not silence.
    return found + [name for name in monitor.features if name not in (EVERY_OTHER, *found)]


def _kind(monitor: Monitor, schema: pa.Schema, name: str, declared: Kind | None) -> Kind:
    if name not in schema.names:
        raise _lacks(monitor, schema, name, "correct the name in the monitor, or let the pipeline write the column")
    found = value_type(schema.field(name).type)
    kind = declared or _inferred(found)
    fits = is_numeric if kind == "numeric" else is_categorical
    if kind is None or not (fits(found) or pa.types.is_null(found)):
        raise ReferenceInvalid(_misfit(monitor, schema, name, declared))
    return kind


def _lacks(monitor: Monitor, schema: pa.Schema, name: str, advice: str) -> ReferenceInvalid:
    """The error that a column is missing; of a derived one, that what it is computed from is."""
    inputs = monitor.derived[name].inputs if name in monitor.derived else ()
    needed = [column for column in inputs if column not in schema.names]
    what = f"column {needed[0]!r}, which the derived column {name!r} needs" if needed else f"column {name!r}"
    return ReferenceInvalid(f"reference of {monitor.name} has no {what} (it has {_listed(schema.names)}): {advice}")


def _inferred(found: pa.DataType) -> Kind | None:
    if pa.types.is_boolean(found):
        return "categorical"
    return "numeric" if is_numeric(found) else "categorical" if is_categorical(found) else None


def _misfit(monitor: Monitor, schema: pa.Schema, name: str, declared: Kind | None) -> str:
    if name in monitor.derived:
        each = monitor.derived[name]
        return (
            f"derived column {name!r} cannot be computed of the reference of {monitor.name}: {each.kind} takes "
            f"{' and '.join(each.derivation.inputs)}, and {', '.join(each.inputs)} has another type: correct `of` or "
            "`where`, or convert the column"
        )
    found = value_type(schema.field(name).type)
    what = f"column {name!r} of the reference of {monitor.name} has type {found}"
    if pa.types.is_null(found):
        return f"{what}, so its kind cannot be inferred: declare it, or put the column under ignore"
    if declared:
        allowed = "a number or boolean" if declared == "numeric" else "text, a number or a boolean"
        return f"{what} and should be {declared}, which is {allowed}: convert it, or declare another kind"
    if pa.types.is_timestamp(found) and monitor.timestamp not in schema.names:
        return f"{what}, and there is no {monitor.timestamp!r}: name the moment of the rows as timestamp, or ignore it"
    return f"{what}; a feature is a number, text or boolean: convert it, put it under ignore, or list the features"


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:20])
    return f"{shown} and {len(names) - 20} more" if len(names) > 20 else shown or "no columns"


def build_reference(monitor: Monitor, rows: ArrowRows, content_hash: str) -> ReferenceProfile:
    """The profile of a training reference: bins from its values, then all rows counted into them.

    Raises `ReferenceInvalid` when a monitored column is missing or unfit, or when there are no rows.
    """
    schema = rows.schema()
    kinds = monitored_columns(monitor, schema)
    binning = derive_binning(monitor, rows, kinds)
    timestamp = monitor.timestamp if monitor.timestamp in schema.names else None
    key = monitor.id if monitor.id in schema.names else None
    require_segments(monitor, schema)
    divisions = divide(rows, monitor.segments, monitor.segment_rows)
    found = scan_arrow(rows, None, Plan(binning, id=key, timestamp=timestamp, segments=divisions))
    pieces = profile_pieces(rows, binning, timestamp, unit=piece_unit(monitor)) if timestamp else {}
    return ReferenceProfile(
        content_hash, kinds, binning, found.profile, pieces, found.sample, divisions, found.segments
    )


def require_segments(monitor: Monitor, schema: pa.Schema) -> None:
    """Raises `ReferenceInvalid` when a column of a declared segment is not in the reference, or has no categories."""
    for name in dict.fromkeys(name for columns in monitor.segments for name in columns):
        if name not in schema.names:
            advice = "correct the name under segments, or let the pipeline write the column"
            raise _lacks(monitor, schema, name, advice)
        found = value_type(schema.field(name).type)
        if not (is_categorical(found) or pa.types.is_null(found)):
            raise ReferenceInvalid(
                f"column {name!r} of the reference of {monitor.name} has type {found}; a segment is by text, "
                "numbers or booleans: convert it, or take it out of segments"
            )


_MIDWEEK_NOON = datetime(2000, 1, 5, 12, tzinfo=UTC)


def piece_unit(monitor: Monitor) -> timedelta:
    """The natural piece of a monitor's rows: a UTC hour when its windows are narrower than a day, else a UTC day.

    A schedule whose intervals differ counts as wide as the one that ends last before noon on a Wednesday.
    """
    width = monitor.window or interval(monitor.schedule, last_tick(monitor.schedule, _MIDWEEK_NOON))
    return HOUR if width < DAY else DAY


def reference_key(monitor: Monitor, content_hash: str) -> str:
    """16 hex digits that change whenever the reference must be profiled anew: the cache's key.

    They hash the reference's content, all that the monitor says about what is profiled and how, the unit of the pieces,
    its segments, its derived columns and the format.
    """
    said = {"name", "task", "timestamp", "prediction", "id", "label", "ignore"}
    features = {
        name: (feature.kind, feature.range and finite_limits(feature.range))
        for name, feature in monitor.features.items()
    }
    shape = [monitor.quality.range_slack, piece_unit(monitor).total_seconds(), monitor.label_time]
    cut = [monitor.segments, monitor.segment_rows] if monitor.segments else []
    facts = [REFERENCE_FORMAT, content_hash, monitor.model_dump(mode="json", include=said), features, *shape, *cut]
    facts += told_apart(monitor.derived)
    return hashlib.sha256(canonical(facts)).hexdigest()[:16]


HEAD = "reference.json"
"""The file of a stored reference that is written last: where it is, the others are."""
_BINNING, _PROFILE, _PIECES, _SAMPLE = "binning.json", "profile.json", "pieces.parquet", "sample.parquet"
_SEGMENTS = "segments.parquet"


def dumps_reference(reference: ReferenceProfile) -> dict[str, bytes]:
    """The files of a reference profile, by name; the same reference gives the same bytes with the same pyarrow."""
    head: dict[str, Any] = {"content_hash": reference.content_hash, "kinds": list(reference.kinds.items())}
    if reference.divisions:
        head["segments"] = [[division.columns, division.values] for division in reference.divisions]
    return {
        _BINNING: dumps_binning(reference.binning),
        _PROFILE: dumps(reference.profile),
        _PIECES: dumps_pieces(reference.pieces),
        _SAMPLE: _dumps_table(reference.sample),
        **({_SEGMENTS: dumps_segments(reference.segments)} if reference.divisions else {}),
        HEAD: canonical({"format": REFERENCE_FORMAT, **head}),
    }


def _dumps_table(table: pa.Table) -> bytes:
    stream = io.BytesIO()
    pq.write_table(table, stream)
    return stream.getvalue()


def loads_reference(read: Callable[[str], bytes | None]) -> ReferenceProfile:
    """Inverse of `dumps_reference`; `read` gives a file's content by its name, None where there is none.

    Raises `ProfileMismatch` on another format version, `ReferenceInvalid` when a file is missing.
    """
    head = parse(_required(read, HEAD), "reference", version=REFERENCE_FORMAT)
    return ReferenceProfile(
        head["content_hash"],
        dict(head["kinds"]),
        loads_binning(_required(read, _BINNING)),
        loads(_required(read, _PROFILE)),
        StoredPieces(read),
        _loads_table(_required(read, _SAMPLE)),
        divisions := tuple(_division(columns, values) for columns, values in head.get("segments", ())),
        StoredSegments(lambda: _required(read, _SEGMENTS)) if divisions else {},
    )


def _loads_table(content: bytes) -> pa.Table:
    # Not pq.read_table, which imports pandas.
    return pq.ParquetFile(io.BytesIO(content)).read()


def _division(columns: Sequence[str], values: Sequence[Sequence[str | None]]) -> Division:
    return Division(tuple(columns), tuple(tuple(each) for each in values))


class StoredPieces(Mapping[Window, Profile]):
    """The pieces of a stored reference, read when first asked for: they are megabytes, and most runs need none."""

    def __init__(self, read: Callable[[str], bytes | None]) -> None:
        self._read = read

    @cached_property
    def _pieces(self) -> dict[Window, Profile]:
        return loads_pieces(_required(self._read, _PIECES))

    def __getitem__(self, piece: Window) -> Profile:
        return self._pieces[piece]

    def __iter__(self) -> Iterator[Window]:
        return iter(self._pieces)

    def __len__(self) -> int:
        return len(self._pieces)


def _required(read: Callable[[str], bytes | None], name: str) -> bytes:
    content = read(name)
    if content is None:
        raise ReferenceInvalid(f"reference profile lacks {name}: delete its cache entry to build it again")
    return content
