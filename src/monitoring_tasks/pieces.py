"""Profiles of the pieces of time that windows are made of: kept among the artifacts, and made where they are not."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import pyarrow as pa

from monitoring_tasks.data.derived.identity import told_apart
from monitoring_tasks.data.parquet import ParquetRows
from monitoring_tasks.data.source import open_rows
from monitoring_tasks.data.sql import SqlRows
from monitoring_tasks.errors import SourceInvalid
from monitoring_tasks.kept import dump_table, load_table
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.profile.binning import binning_hash
from monitoring_tasks.profile.plan import Plan, Scan
from monitoring_tasks.profile.profile import Profile, dumps, loads, merge
from monitoring_tasks.profile.reference import ReferenceProfile
from monitoring_tasks.profile.scan import scan
from monitoring_tasks.profile.segments_file import dumps_segments, loads_segments
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.window import Window

log = logging.getLogger(__name__)
SAMPLE_ROWS = 5000


@dataclass(frozen=True, eq=False)
class Pieces:
    """A monitor's production rows, piece by piece, in the bins of one reference."""

    monitor: Monitor
    runtime: Runtime
    rows: ParquetRows | SqlRows
    plan: Plan

    @classmethod
    def of(cls, monitor: Monitor, runtime: Runtime, reference: ReferenceProfile) -> Pieces:
        """The pieces of a monitor's source. Raises `SourceInvalid` or `SourceUnavailable` when it cannot be opened."""
        roles = {"id": monitor.id, "timestamp": monitor.timestamp}
        plan = Plan(reference.binning, **roles, sample_rows=SAMPLE_ROWS, segments=reference.divisions)
        return cls(monitor, runtime, open_rows(monitor, runtime.connections), plan)

    def profile(self, span: Window) -> Profile | None:
        """The profile of a span of the past; None where its rows are not fit to be read."""
        try:
            known = self.runtime.artifacts.read(f"{self._key(span)}.json")
            return self.scanned(span)[0] if known is None else loads(known)  # the sample, which nobody asks for, stays
        except SourceInvalid as error:
            log.warning("piece.unreadable monitor=%s span=%s reason=%s", self.monitor.name, span, error)
            return None

    def segments_of(self, spans: Sequence[Window]) -> dict[str, Profile]:
        """The profiles of the segments of several spans together. Raises `SourceInvalid` when one cannot be read."""
        found = [self._segments(span) for span in spans]
        words = [each for division in self.plan.segments for each in division.words]
        return {each: merge([segments[each] for segments in found]) for each in words}

    def had(self, span: Window) -> tuple[Profile, pa.Table]:
        """Profile and sample of a span, from the artifacts where they are known."""
        key = self._key(span)
        profile, sample = (self.runtime.artifacts.read(f"{key}.{kind}") for kind in ("json", "parquet"))
        if profile is not None and sample is not None:
            return loads(profile), load_table(sample)
        return self.scanned(span)

    def scanned(self, span: Window) -> tuple[Profile, pa.Table]:
        """Profile and sample of a span whose rows are read now, known or not."""
        found = self._scan(span)
        return found.profile, found.sample

    def _scan(self, span: Window) -> Scan:
        self._keys.pop(span, None)  # for rows that came since must not be kept under the name of those before
        key, found = self._key(span), scan(self.rows, span, self.plan)
        self.runtime.artifacts.write(f"{key}.parquet", dump_table(found.sample))
        if self.plan.segments:
            self.runtime.artifacts.write(f"{key}.segments.parquet", dumps_segments(found.segments))
        self.runtime.artifacts.write(f"{key}.json", dumps(found.profile))
        return found

    def segments(self, span: Window) -> Mapping[str, Profile] | None:
        """The profiles of a span's segments; None where its rows are not fit to be read."""
        try:
            return self._segments(span)
        except SourceInvalid as error:
            log.warning("piece.unreadable monitor=%s span=%s reason=%s", self.monitor.name, span, error)
            return None

    def _segments(self, span: Window) -> Mapping[str, Profile]:
        if not self.plan.segments:
            return {}
        known = self.runtime.artifacts.read(f"{self._key(span)}.segments.parquet")
        return self._scan(span).segments if known is None else _loaded(known)

    @cached_property
    def _binning(self) -> str:
        # Of hundreds of columns it takes longer than a piece to read, and a baseline has dozens of pieces.
        return binning_hash(self.plan.binning)

    @cached_property
    def _keys(self) -> dict[Window, str]:
        return {}

    def _key(self, span: Window) -> str:
        """Names a stored profile by all that shapes it: binning, source, columns, and the rows' own fingerprint.

        The rows are looked at once: the profile of a span and those of its segments are of the same ones.
        """
        if span not in self._keys:
            self._keys[span] = self._named(span)
        return self._keys[span]

    def _named(self, span: Window) -> str:
        plan, binning = self.plan, self._binning
        source = self.monitor.source.model_dump(mode="json")
        shape: list[Any] = [binning, plan.id, plan.timestamp, plan.sample_rows, source]
        segments = [[division.columns, division.values] for division in plan.segments]
        shape += [segments] if segments else []
        shape += told_apart(self.monitor.derived)
        content = json.dumps([shape, self.rows.fingerprint(span)], sort_keys=True).encode()
        place = f"{span.start:%Y-%m-%dT%H%M%S}_{span.end:%Y-%m-%dT%H%M%S}"
        return f"profiles/{self.monitor.name}/{binning}/{place}-{hashlib.sha256(content).hexdigest()[:16]}"


# The windows of a backfill have most pieces of their baselines in common.
_loaded = lru_cache(64)(loads_segments)
