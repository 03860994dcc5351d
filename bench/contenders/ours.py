"""The product: a new window to scores against a reference that was profiled once and stored."""

from __future__ import annotations

from collections.abc import Iterator

from bench.data import COLUMNS, ID, SPAN, TIMESTAMP, Data
from monitoring_tasks.data.connections import EnvironmentConnections
from monitoring_tasks.data.source import open_reference, open_rows
from monitoring_tasks.monitor import Monitor, column_limits
from monitoring_tasks.profile.plan import Plan
from monitoring_tasks.profile.profile import Profile, dumps, loads, merge
from monitoring_tasks.profile.reference import ReferenceProfile, build_reference, dumps_reference, loads_reference
from monitoring_tasks.profile.scan import scan
from monitoring_tasks.profile.scores import score_columns
from monitoring_tasks.window import Window


def reference(data: Data) -> Iterator[str]:
    """Once for each champion: bins from the reference, its profile and those of its days, stored."""
    rows = open_reference(str(data.reference), EnvironmentConnections(), timestamp=TIMESTAMP)
    built = build_reference(_monitor(data), rows, "0" * 64)
    yield "build"
    data.stored.mkdir(parents=True, exist_ok=True)
    for name, content in dumps_reference(built).items():
        (data.stored / name).write_bytes(content)
    yield "store"


def scores(data: Data) -> Iterator[str]:
    """Every run: the whole window read and scored."""
    return _scores(data)


def scores_and_duplicates(data: Data) -> Iterator[str]:
    """Every run of a monitor with an id column: its duplicates are counted too."""
    return _scores(data, key=ID)


def store_days(data: Data) -> Iterator[str]:
    """Earlier runs' part of `trailing_scores`: the profiles of the window's first six days."""
    plan = Plan(_stored(data).binning, timestamp=TIMESTAMP)
    rows = open_rows(_monitor(data), EnvironmentConnections())
    for number, day in enumerate(SPAN.pieces()[:-1]):
        (data.stored / f"day-{number}.json").write_bytes(dumps(scan(rows, day, plan).profile))
    yield "store"


def trailing_scores(data: Data) -> Iterator[str]:
    """Every run of a daily schedule: one new day read, six stored days added."""
    stored = _stored(data)
    earlier = [loads(file.read_bytes()) for file in sorted(data.stored.glob("day-*.json"))]
    yield "load"
    new = _scanned(data, stored, SPAN.pieces()[-1])
    yield "scan"
    _score(data, stored, merge([*earlier, new]))
    yield "score"


def _scores(data: Data, *, key: str | None = None) -> Iterator[str]:
    stored = _stored(data)
    yield "load"
    profile = _scanned(data, stored, SPAN, key=key)
    yield "scan"
    _score(data, stored, profile)
    yield "score"


def _monitor(data: Data) -> Monitor:
    return Monitor.model_validate(
        {
            "name": "bench",
            "owner": "nobody",
            "task": "regression",
            "source": {"kind": "parquet", "path": str(data.window.absolute()), "partition": "day"},
            "reference": {"kind": "file", "path": str(data.reference.absolute())},
            "timestamp": TIMESTAMP,
            "id": ID,
            "prediction": COLUMNS[0],
            "features": dict.fromkeys(COLUMNS[1:]),
        }
    )


def _stored(data: Data) -> ReferenceProfile:
    return loads_reference(lambda name: (data.stored / name).read_bytes())


def _scanned(data: Data, stored: ReferenceProfile, window: Window, *, key: str | None = None) -> Profile:
    rows = open_rows(_monitor(data), EnvironmentConnections())
    return scan(rows, window, Plan(stored.binning, id=key, timestamp=TIMESTAMP)).profile


def _score(data: Data, stored: ReferenceProfile, profile: Profile) -> None:
    monitor = _monitor(data)
    methods = {name: column_limits(monitor, name, kind).method for name, kind in stored.kinds.items()}
    found = score_columns(stored.binning, stored.profile, profile, methods)
    if len(found) != len(COLUMNS) or profile.rows == 0:
        raise RuntimeError(f"{len(found)} scores of {profile.rows} rows found, {len(COLUMNS)} columns expected")
