"""Sampled texts of a window's pieces and of its reference: kept apart from all else, so that they can go before it.

Where they are is all that a run keeps of them: they are under `texts/` and nowhere else, by monitor and day. A
reference's are there once, and are noted under the days of the windows that are shown beside them: they go with the
last of these.
"""

from __future__ import annotations

import hashlib
import json
import logging
from datetime import date

import pyarrow as pa

from monitoring_tasks.champion import Pinned, pinned_rows
from monitoring_tasks.errors import ReferenceUnavailable
from monitoring_tasks.kept import dump_table, load_table
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.pieces import Pieces
from monitoring_tasks.policy.verdict import Subject
from monitoring_tasks.profile.texts import CHARACTERS, TEXT_ROWS, join_texts, sample_texts
from monitoring_tasks.report import run_folder
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.store.artifacts import Artifacts
from monitoring_tasks.window import Window

log = logging.getLogger(__name__)
FOLDER, REFERENCES = "texts", "references"


def keep_texts(pieces: Pieces, about: Subject, *, anew: bool) -> None:
    """Sample the texts of a run's window, where the monitor has descriptors of any: of each piece not known yet.

    The newest piece is read `anew`, known or not, where its rows can change without a trace. Raises what the source
    raises.
    """
    if not pieces.monitor.descriptors:
        return
    *older, newest = about.window.pieces()
    keys = [*(_kept(pieces, span, anew=False) for span in older), _kept(pieces, newest, anew=anew)]
    pieces.runtime.artifacts.write(_list_key(about), json.dumps(keys).encode())


def _kept(pieces: Pieces, span: Window, *, anew: bool) -> str:
    key, artifacts = _key(pieces, span), pieces.runtime.artifacts
    if anew or not artifacts.exists(key):
        found = sample_texts(pieces.rows, span, sorted(pieces.monitor.descriptors))
        artifacts.write(key, dump_table(found))
    return key


def _key(pieces: Pieces, span: Window) -> str:
    """Names a sample by all that shapes it: source, columns, bounds, and the rows' own fingerprint."""
    monitor, source = pieces.monitor, pieces.monitor.source.model_dump(mode="json")
    shape = [source, monitor.timestamp, sorted(monitor.descriptors), TEXT_ROWS, CHARACTERS]
    content = json.dumps([shape, pieces.fingerprint(span)], sort_keys=True).encode()
    place = f"{span.start:%Y-%m-%dT%H%M%S}_{span.end:%Y-%m-%dT%H%M%S}"
    folder = f"{FOLDER}/{monitor.name}/{span.start:%Y-%m-%d}"
    return f"{folder}/{place}-{hashlib.sha256(content).hexdigest()[:16]}.parquet"


def kept_texts(runtime: Runtime, about: Subject) -> pa.Table | None:
    """The sampled texts of a run's window; None where there are none, or some were deleted since."""
    listed = runtime.artifacts.read(_list_key(about))
    found = [runtime.artifacts.read(key) for key in json.loads(listed or "[]")]
    known = [load_table(content) for content in found if content is not None]
    return join_texts(known) if known and len(known) == len(found) else None


def reference_texts(monitor: Monitor, runtime: Runtime, pinned: Pinned, window: Window) -> pa.Table | None:
    """The sampled texts of a champion's reference, for a window shown beside them; None without descriptors of any.

    They are sampled where they are not kept (any more); None as well where its file cannot be had then: no verdict
    rests on them, and its profile is kept for longer. Raises what else `pinned_rows` does.
    """
    try:
        return _reference_texts(monitor, runtime, pinned, window) if monitor.descriptors else None
    except ReferenceUnavailable as error:
        log.warning("texts.unavailable monitor=%s champion=%s reason=%s", monitor.name, pinned.version, error)
        return None


def _reference_texts(monitor: Monitor, runtime: Runtime, pinned: Pinned, window: Window) -> pa.Table:
    artifacts, folder, name = runtime.artifacts, f"{FOLDER}/{monitor.name}", _name(monitor, pinned)
    key, day = f"{folder}/{REFERENCES}/{name}/sample.parquet", window.pieces()[-1].start
    known = artifacts.read(key)
    if known is None:
        with pinned_rows(monitor, runtime, pinned) as rows:
            known = dump_table(sample_texts(rows, None, sorted(monitor.descriptors)))
        artifacts.write(key, known)
    artifacts.write(f"{folder}/{day:%Y-%m-%d}/{REFERENCES}/{name}/shown", b"")
    return load_table(known)


def _name(monitor: Monitor, pinned: Pinned) -> str:
    shape = [pinned.content_hash, sorted(monitor.descriptors), TEXT_ROWS, CHARACTERS]
    return hashlib.sha256(json.dumps(shape).encode()).hexdigest()[:16]


def _list_key(about: Subject) -> str:
    return f"{run_folder(about)}/texts.json"


def tidy_texts(artifacts: Artifacts, before: date) -> int:
    """Delete the texts of days before `before`, and those of references that no window of another day is shown beside.

    Of all monitors there ever were. How many days and references of a monitor's.
    """
    return sum(_tidy(artifacts, f"{FOLDER}/{monitor}", before) for monitor in artifacts.folders(FOLDER))


def _tidy(artifacts: Artifacts, folder: str, before: date) -> int:
    days = [day for day in artifacts.folders(folder) if day != REFERENCES]
    old = [day for day in days if day < before.isoformat()]
    shown = {name for day in days if day not in old for name in artifacts.folders(f"{folder}/{day}/{REFERENCES}")}
    unused = [name for name in artifacts.folders(f"{folder}/{REFERENCES}") if name not in shown]
    return sum(artifacts.remove(f"{folder}/{each}") for each in [*old, *(f"{REFERENCES}/{name}" for name in unused)])
