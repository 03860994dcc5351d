"""The stored form of segments' profiles: one parquet file, a row for each column of each segment."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from monitoring_tasks.profile.binning import canonical, require_format
from monitoring_tasks.profile.pieces_file import BODY, profile_rows, profiles_in
from monitoring_tasks.profile.profile import Profile

SEGMENTS_FORMAT = 1
"""Version of this form; a reader refuses any other."""
_HEADS: dict[str, pa.DataType] = {"segment": pa.string(), "rows": pa.int64()}
_SCHEMA = pa.schema(_HEADS | BODY)
_HEAD = b"segments"


def dumps_segments(segments: Mapping[str, Profile]) -> bytes:
    """Profiles by the words of their segments as a parquet file, whose bytes depend on them alone."""
    profiles = [segments[words] for words in sorted(segments)]
    head = {"format": SEGMENTS_FORMAT, "binning": profiles[0].binning if profiles else None}
    heads: dict[str, list[Any]] = {"segment": sorted(segments), "rows": [profile.rows for profile in profiles]}
    schema = _SCHEMA.with_metadata({_HEAD: canonical(head)})
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, schema, compression="zstd", write_statistics=False) as writer:
        if profiles:
            writer.write_table(profile_rows(heads, profiles, schema))
    return sink.getvalue()


def loads_segments(content: bytes) -> dict[str, Profile]:
    """Inverse of `dumps_segments`, sorted. Raises `ProfileMismatch` on another format version."""
    file = pq.ParquetFile(pa.BufferReader(content))
    head = json.loads((file.schema_arrow.metadata or {}).get(_HEAD, b"{}"))
    require_format(head.get("format"), "profiles of segments", version=SEGMENTS_FORMAT)
    if not file.num_row_groups:
        return {}
    found = profiles_in(file.read(), tuple(_HEADS), head["binning"])
    return {words: replace(profile, rows=rows) for (words, rows), profile in found}


class StoredSegments(Mapping[str, Profile]):
    """Profiles of segments that are read when first asked for: many a step needs none."""

    def __init__(self, read: Callable[[], bytes]) -> None:
        self._read = read

    @cached_property
    def _segments(self) -> dict[str, Profile]:
        return loads_segments(self._read())

    def __getitem__(self, words: str) -> Profile:
        return self._segments[words]

    def __iter__(self) -> Iterator[str]:
        return iter(self._segments)

    def __len__(self) -> int:
        return len(self._segments)
