"""Sampled texts of a window's pieces: kept apart from all else, so that they can be deleted before it.

Where they are is all that a run keeps of them: they are under `texts/` and nowhere else, by monitor and day.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from monitoring_tasks.data.parquet import ParquetRows
from monitoring_tasks.data.sql import SqlRows
from monitoring_tasks.kept import dump_table, load_table
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.pieces import Pieces
from monitoring_tasks.policy.verdict import Subject
from monitoring_tasks.profile.texts import CHARACTERS, TEXT_ROWS, join_texts, sample_texts
from monitoring_tasks.report import run_folder
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.store.artifacts import Artifacts
from monitoring_tasks.window import Window

FOLDER = "texts"


@dataclass(frozen=True, eq=False)
class Texts:
    """The texts that a monitor has descriptors for, piece by piece."""

    monitor: Monitor
    artifacts: Artifacts
    rows: ParquetRows | SqlRows

    def keep(self, window: Window, *, anew: bool) -> list[str]:
        """Keys of the samples of a window's pieces, each of which is read where it is not known.

        The newest piece is read `anew`, known or not, where its rows can change without a trace. Raises what the source
        raises.
        """
        *older, newest = window.pieces()
        return [*(self._kept(span, anew=False) for span in older), self._kept(newest, anew=anew)]

    def _kept(self, span: Window, *, anew: bool) -> str:
        key = self._key(span)
        if anew or not self.artifacts.exists(key):
            found = sample_texts(self.rows, span, sorted(self.monitor.descriptors))
            self.artifacts.write(key, dump_table(found))
        return key

    def _key(self, span: Window) -> str:
        """Names a sample by all that shapes it: source, columns, bounds, and the rows' own fingerprint."""
        monitor, source = self.monitor, self.monitor.source.model_dump(mode="json")
        shape = [source, monitor.timestamp, sorted(monitor.descriptors), TEXT_ROWS, CHARACTERS]
        content = json.dumps([shape, self.rows.fingerprint(span)], sort_keys=True).encode()
        place = f"{span.start:%Y-%m-%dT%H%M%S}_{span.end:%Y-%m-%dT%H%M%S}"
        folder = f"{FOLDER}/{monitor.name}/{span.start:%Y-%m-%d}"
        return f"{folder}/{place}-{hashlib.sha256(content).hexdigest()[:16]}.parquet"


def keep_texts(pieces: Pieces, about: Subject, *, anew: bool) -> None:
    """Sample the texts of a run's window, where the monitor has descriptors of any; see `Texts.keep`."""
    artifacts = pieces.runtime.artifacts
    if pieces.monitor.descriptors:
        keys = Texts(pieces.monitor, artifacts, pieces.rows).keep(about.window, anew=anew)
        artifacts.write(_list_key(about), json.dumps(keys).encode())


def kept_texts(runtime: Runtime, about: Subject) -> pa.Table | None:
    """The sampled texts of a run's window; None where there are none, or some were deleted since."""
    listed = runtime.artifacts.read(_list_key(about))
    found = [runtime.artifacts.read(key) for key in json.loads(listed or "[]")]
    known = [load_table(content) for content in found if content is not None]
    return join_texts(known) if known and len(known) == len(found) else None


def _list_key(about: Subject) -> str:
    return f"{run_folder(about)}/texts.json"


def tidy_texts(artifacts: Artifacts, before: date) -> int:
    """Delete the texts of days before `before`, of all monitors there ever were; how many days of a monitor's."""
    days = [
        f"{FOLDER}/{monitor}/{day}"
        for monitor in artifacts.folders(FOLDER)
        for day in artifacts.folders(f"{FOLDER}/{monitor}")
        if day < before.isoformat()
    ]
    return sum(artifacts.remove(day) for day in days)
