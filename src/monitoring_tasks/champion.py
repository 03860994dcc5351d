"""The champion in use and its training reference: found once per run, pinned, and profiled once per content."""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from pyarrow.fs import FileType

from monitoring_tasks.data.parquet import ParquetRows
from monitoring_tasks.data.source import open_reference
from monitoring_tasks.errors import ReferenceInvalid, ReferenceUnavailable
from monitoring_tasks.level_tests import require_levels
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.profile.reference import (
    HEAD,
    ReferenceProfile,
    build_reference,
    dumps_reference,
    loads_reference,
    reference_key,
)
from monitoring_tasks.retraining.registry import Champion, fetch_artifact, find_champion, find_version
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.sections import ChampionReference, FileReference

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pinned:
    """The champion a run judges against, fixed at its start so that a promotion half way cannot mix references.

    `revision` is the commit in the champion's repository, None for a reference kept as a file. `content_hash` is the
    SHA-256 of the reference file. `stale` says why the newest champion could not be asked for; None when it could.
    """

    version: str
    revision: str | None
    content_hash: str
    stale: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The champion as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`."""
        return cls(**value)


def pin_champion(monitor: Monitor, runtime: Runtime) -> Pinned:
    """The champion in use now.

    When its repository does not answer, the last one known is used and said to be stale; with none known the error is
    `ReferenceUnavailable`.
    """
    if isinstance(monitor.reference, FileReference):
        digest = _digest(_reference_file(monitor, monitor.reference, runtime))
        pinned = Pinned(f"file-{digest[:12]}", None, digest)
        _keep(monitor, runtime, pinned)
        return pinned
    try:
        pinned = _newest(monitor, monitor.reference, runtime)
    except ReferenceUnavailable as error:
        return _last_known(monitor, runtime, error)
    _keep(monitor, runtime, pinned)
    runtime.artifacts.write(_known_key(monitor), _dumps(pinned))
    return pinned


def pin_version(monitor: Monitor, runtime: Runtime, version: str) -> Pinned:
    """A champion by its version, in use or not: as it was kept when it was, else by the tags of its repository.

    Whether its files can still be had, is found out where they are read. Raises `ReferenceUnavailable` where nothing is
    known of a reference file of before, or the repository does not answer; `ReferenceInvalid` for a version that no
    champion tag of it has.
    """
    kept = runtime.artifacts.read(_version_key(monitor, version))
    if kept is not None:
        return Pinned.from_json(json.loads(kept))
    reference = monitor.reference
    if isinstance(reference, FileReference):
        raise ReferenceUnavailable(
            f"nothing is known of {version}, which was the reference file of {monitor.name} before: the folder of "
            "artifacts does not have it, or reference: in the YAML is another since"
        )
    champion = find_version(monitor.locate(reference.repository), reference.model or monitor.name, version)
    return replace(_pinned(monitor, reference, runtime, champion), version=version)


def _newest(monitor: Monitor, reference: ChampionReference, runtime: Runtime) -> Pinned:
    champion = find_champion(monitor.locate(reference.repository), reference.model or monitor.name)
    return _pinned(monitor, reference, runtime, champion)


def _pinned(monitor: Monitor, reference: ChampionReference, runtime: Runtime, champion: Champion) -> Pinned:
    path = champion_file(monitor, runtime, champion.revision, reference.path)
    return Pinned(champion.version, champion.revision, _digest(path))


def _keep(monitor: Monitor, runtime: Runtime, pinned: Pinned) -> None:
    """Keep what tells this champion, so that its windows can be judged by it when another is in use."""
    key = _version_key(monitor, pinned.version)
    if not runtime.artifacts.exists(key):
        runtime.artifacts.write(key, _dumps(pinned))


def _last_known(monitor: Monitor, runtime: Runtime, error: ReferenceUnavailable) -> Pinned:
    known = runtime.artifacts.read(_known_key(monitor))
    if known is None:
        raise error
    pinned = Pinned.from_json({**json.loads(known), "stale": str(error)})
    log.warning("champion.stale monitor=%s version=%s reason=%s", monitor.name, pinned.version, error)
    return pinned


def _known_key(monitor: Monitor) -> str:
    return f"{_champions(monitor)}.json"


def _version_key(monitor: Monitor, version: str) -> str:
    return f"{_champions(monitor)}/{version}.json"


def _champions(monitor: Monitor) -> str:
    """Another repository or model is another champion: the last one known of it does not stand in for this."""
    asked = hashlib.sha256(monitor.reference.model_dump_json().encode()).hexdigest()[:16]
    return f"champions/{monitor.name}-{asked}"


def _dumps(pinned: Pinned) -> bytes:
    return json.dumps(pinned.to_json(), sort_keys=True).encode()


def load_reference(monitor: Monitor, runtime: Runtime, pinned: Pinned) -> ReferenceProfile:
    """The profiled reference of a pinned champion; built from its file the first time its content is met."""
    folder = f"references/{monitor.name}/{reference_key(monitor, pinned.content_hash)}"
    if runtime.artifacts.exists(f"{folder}/{HEAD}"):
        stored = loads_reference(lambda name: runtime.artifacts.read(f"{folder}/{name}"))
        require_levels(monitor, stored)
        return stored
    built = _build(monitor, runtime, pinned)
    require_levels(monitor, built)
    for name, content in dumps_reference(built).items():
        runtime.artifacts.write(f"{folder}/{name}", content)
    log.info("reference.built monitor=%s champion=%s rows=%d", monitor.name, pinned.version, built.profile.rows)
    return built


def _build(monitor: Monitor, runtime: Runtime, pinned: Pinned) -> ReferenceProfile:
    with pinned_rows(monitor, runtime, pinned) as rows:
        return build_reference(monitor, rows, pinned.content_hash)


@contextmanager
def pinned_rows(monitor: Monitor, runtime: Runtime, pinned: Pinned) -> Iterator[ParquetRows]:
    """The rows of a pinned champion's reference; what is made of them is void when the block ends in an error.

    Raises `ReferenceUnavailable` when a reference kept as a file is another one by then.
    """
    reference = monitor.reference
    if isinstance(reference, ChampionReference):
        path = str(champion_file(monitor, runtime, str(pinned.revision), reference.path))
        yield open_reference(path, runtime.connections, derived=monitor.derived)
        return
    _require_pinned(monitor, reference, runtime, pinned)
    place, derived = monitor.locate(reference.path), monitor.derived
    yield open_reference(place, runtime.connections, connection=reference.connection, derived=derived)
    _require_pinned(monitor, reference, runtime, pinned)


def _require_pinned(monitor: Monitor, reference: FileReference, runtime: Runtime, pinned: Pinned) -> None:
    """A file that is replaced while it is read must not be kept under the hash of the old one."""
    if _digest(_reference_file(monitor, reference, runtime)) != pinned.content_hash:
        raise ReferenceUnavailable(
            f"reference file {reference.path} is not that of {pinned.version} any more: it changed while the run "
            "read it, or was replaced since; clear a run that is under way from its first task on"
        )


def load_importances(monitor: Monitor, runtime: Runtime, pinned: Pinned) -> dict[str, float]:
    """Importance of each feature as the champion's pipeline wrote it; empty when the monitor names no such file.

    Those of a commit are kept among the artifacts, so that they are at hand when the repository does not answer.
    """
    reference = monitor.reference
    if reference.importances is None:
        return {}
    if isinstance(reference, FileReference):
        content = _read(monitor.locate(reference.importances), reference.connection, runtime)
        return _importances(content, reference.importances)
    key = f"importances/{monitor.name}/{pinned.revision}/{hashlib.sha256(reference.importances.encode()).hexdigest()}"
    kept = runtime.artifacts.read(key)
    if kept is None:
        kept = champion_file(monitor, runtime, str(pinned.revision), reference.importances).read_bytes()
        runtime.artifacts.write(key, kept)
    return _importances(kept, reference.importances)


def _importances(content: bytes, name: str) -> dict[str, float]:
    try:
        found = {str(feature): float(value) for feature, value in json.loads(content).items()}
        if not all(map(math.isfinite, found.values())):
            raise ValueError("it holds NaN or an infinity")
        return found
    except (ValueError, TypeError, AttributeError) as error:
        raise ReferenceInvalid(f"{name} is not a JSON object of feature names to numbers: {error}") from error


def champion_file(monitor: Monitor, runtime: Runtime, revision: str, path: str) -> Path:
    """A file of a champion's commit on this machine; fetched once per revision.

    For a monitor with a champion. Raises as `fetch_artifact` does.
    """
    reference = monitor.reference
    assert isinstance(reference, ChampionReference)
    target = runtime.cache / monitor.name / revision / path
    if not target.exists():
        fetch_artifact(monitor.locate(reference.repository), revision, path, target)
    return target


def _reference_file(monitor: Monitor, reference: FileReference, runtime: Runtime) -> bytes:
    return _read(monitor.locate(reference.path), reference.connection, runtime)


def _read(path: str, connection: str | None, runtime: Runtime) -> bytes:
    filesystem, inner = runtime.connections.filesystem(path, connection)
    try:
        if filesystem.get_file_info(inner).type == FileType.Directory:
            raise ReferenceInvalid(
                f"{path} is a folder: a reference is one parquet file, its importances one JSON file"
            )
        with filesystem.open_input_file(inner) as stream:
            return bytes(stream.read())
    except OSError as error:
        raise ReferenceUnavailable(f"reference file {path} cannot be read: {error}; check reference.path") from error


def _digest(content: bytes | Path) -> str:
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    with content.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
