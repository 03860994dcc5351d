"""Profiles of the pieces of time that windows are made of: kept among the artifacts, and made where they are not.

A kept piece is taken for its rows by their fingerprint. Files are listed for it each time. A database and an endpoint
would be asked, by each run for dozens of pieces of the past: of these the fingerprint is kept as well, and a piece is
looked at again by the runs of windows that it is part of, or by nobody.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache, reduce
from operator import or_
from typing import Any

import pyarrow as pa

from monitoring_tasks.data.derived.identity import told_apart
from monitoring_tasks.data.parquet import ParquetRows
from monitoring_tasks.data.rest import RestRows
from monitoring_tasks.data.source import open_rows
from monitoring_tasks.data.sql import SqlRows
from monitoring_tasks.data.undated import undated_marks, undated_rows
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
from monitoring_tasks.store.artifacts import Artifacts
from monitoring_tasks.window import Window

log = logging.getLogger(__name__)
SAMPLE_ROWS = 5000
FOLDER = "profiles"


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

    def current(self, span: Window) -> tuple[Profile, pa.Table]:
        """Profile and sample of a span whose rows are looked at now: from the artifacts where they are still the same.

        Raises what the source raises, as all that follow.
        """
        self._look(span)
        return self.had(span)

    def had(self, span: Window) -> tuple[Profile, pa.Table]:
        """Profile and sample of a span of the past, from the artifacts where they are known."""
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
        self._ask(span)  # for rows that came since must not be kept under the name of those before
        found = self._read(span)
        self._remember(span)
        return found

    def _look(self, span: Window) -> None:
        """Take the rows of a span as they are now; those of a source that is asked are read, unless they are known."""
        self._ask(span)
        if self._is_asked:
            if not self.runtime.artifacts.exists(f"{self._key(span)}.json"):
                self._read(span)
            self._remember(span)

    def _ask(self, span: Window) -> None:
        self._fingerprints[span] = self.rows.fingerprint(span)

    def _remember(self, span: Window) -> None:
        # Written last: what it leads to is there.
        artifacts, key, found = self.runtime.artifacts, self._seen(span), self._fingerprints[span].encode()
        if self._is_asked and artifacts.read(key) != found:
            artifacts.write(key, found)

    def _read(self, span: Window) -> Scan:
        key, found = self._key(span), scan(self.rows, span, self.plan)
        self.runtime.artifacts.write(f"{key}.parquet", dump_table(found.sample))
        if isinstance(self.rows, RestRows):
            self._mark_undated(span)
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

    def undated(self, window: Window) -> int | None:
        """How many rows without a timestamp lie beside those of a window; None where it cannot be known.

        Files know it by their footers. Of an endpoint it is those that came with the window's pieces, and is kept: to
        count them again it would be asked for all of them. A row that came with several pieces is one row.
        """
        if isinstance(self.rows, RestRows):
            return sum(reduce(or_, map(self._undated, window.pieces())).values())
        return undated_rows(self.rows, window)

    def _undated(self, span: Window) -> Counter[str]:
        known = self.runtime.artifacts.read(f"{self._key(span)}.undated")
        return self._mark_undated(span) if known is None else Counter(json.loads(known))

    def _mark_undated(self, span: Window) -> Counter[str]:
        assert isinstance(self.rows, RestRows)
        found = undated_marks(self.rows, span)
        self.runtime.artifacts.write(f"{self._key(span)}.undated", json.dumps(found, sort_keys=True).encode())
        return found

    def fingerprint(self, span: Window) -> str:
        """What tells a span's rows from others: as they were when they were last looked at.

        They are looked at once: the profile of a span, those of its segments and its texts are of the same rows.
        """
        if span not in self._fingerprints:
            known = self.runtime.artifacts.read(self._seen(span)) if self._is_asked else None
            if known is None:
                self._look(span)
            else:
                self._fingerprints[span] = known.decode()
        return self._fingerprints[span]

    @property
    def _is_asked(self) -> bool:
        """Whether a fingerprint is a question to somebody else's server."""
        return isinstance(self.rows, SqlRows | RestRows)

    @cached_property
    def _fingerprints(self) -> dict[Window, str]:
        return {}

    @cached_property
    def _shape(self) -> list[Any]:
        # Binnings of hundreds of columns take longer to hash than a piece to read, and a baseline has dozens of pieces.
        plan, source = self.plan, self.monitor.source.model_dump(mode="json")
        shape: list[Any] = [binning_hash(plan.binning), plan.id, plan.timestamp, plan.sample_rows, source]
        segments = [[division.columns, division.values] for division in plan.segments]
        return [*shape, *([segments] if segments else []), *told_apart(self.monitor.derived)]

    def _key(self, span: Window) -> str:
        """Names a stored profile by all that shapes it: binning, source, columns, and the rows' own fingerprint."""
        return self._named(span, [self._shape, self.fingerprint(span)])

    def _seen(self, span: Window) -> str:
        """Names what is kept of the fingerprint: by all that shapes a profile but the rows."""
        return f"{self._named(span, [self._shape])}.fingerprint"

    def _named(self, span: Window, facts: Sequence[Any]) -> str:
        content = json.dumps(facts, sort_keys=True).encode()
        place = f"{span.start:%Y-%m-%d}/{span.start:%Y-%m-%dT%H%M%S}_{span.end:%Y-%m-%dT%H%M%S}"
        return f"{FOLDER}/{self.monitor.name}/{self._shape[0]}/{place}-{hashlib.sha256(content).hexdigest()[:16]}"


def tidy_pieces(artifacts: Artifacts, before: date) -> int:
    """Delete the pieces of days before `before`, of all monitors there ever were; how many days of how many bins.

    A window that rests on one all the same reads its rows again.
    """
    bins = [
        f"{FOLDER}/{monitor}/{each}"
        for monitor in artifacts.folders(FOLDER)
        for each in artifacts.folders(f"{FOLDER}/{monitor}")
    ]
    old = [f"{each}/{day}" for each in bins for day in artifacts.folders(each) if day < before.isoformat()]
    return sum(map(artifacts.remove, old))


# The windows of a backfill have most pieces of their baselines in common.
_loaded = lru_cache(64)(loads_segments)
