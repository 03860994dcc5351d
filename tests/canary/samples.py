"""Rows of one window to put faults into, and a plain judge of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from monitoring_tasks.canary.columns import Columns
from monitoring_tasks.canary.injections import INJECTIONS, Injection, Key
from monitoring_tasks.checks import Check, Status
from monitoring_tasks.methods import Kind
from monitoring_tasks.window import Window

DAY = Window.parse("2013-06-03", "2013-06-04")
KINDS: dict[str, Kind] = {
    "age": "numeric",
    "spend": "numeric",
    "visits": "numeric",
    "hour": "numeric",
    "plan": "categorical",
    "region": "categorical",
    "member": "categorical",
    "score": "numeric",
}


def columns(window: Window = DAY, **changes: Any) -> Columns:
    """The roles of the columns of `rows`."""
    fields = {"kinds": KINDS, "prediction": "score", "timestamp": "at", "window": window, "id": "id"}
    return Columns(**{**fields, **changes})


def rows(count: int = 2000, *, seed: int = 1, window: Window = DAY, **changes: Any) -> pa.Table:
    """A window's rows; `changes` replace columns, None takes one away."""
    random = np.random.default_rng(seed)
    seconds = np.sort(random.choice(int(window.width.total_seconds()), count, replace=False))
    age = random.normal(40, 12, count)
    table = {
        "id": [f"r{number}" for number in range(count)],
        "at": pa.array([window.start + timedelta(seconds=int(each)) for each in seconds], pa.timestamp("us", "UTC")),
        "age": age,
        "spend": np.where(random.random(count) < 0.3, 0.0, np.exp(age / 20 + random.normal(0, 0.5, count))),
        "visits": pa.array(random.poisson(30, count), pa.int32()),
        "hour": (seconds // 3600 % 24).astype(np.int64),
        "plan": random.choice(["basic", "plus", "pro"], count, p=[0.6, 0.3, 0.1]),
        "region": random.integers(1, 6, count),
        "member": random.random(count) < 0.5,
        "score": 1 / (1 + np.exp(-(age - 40) / 12 + random.normal(0, 0.5, count))),
    }
    return pa.table({name: value for name, value in {**table, **changes}.items() if value is not None})


def injection(name: str) -> Injection:
    """The fault of that name."""
    return next(each for each in INJECTIONS if each.name == name)


def moment(text: str) -> datetime:
    """A moment of the day."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass(frozen=True)
class PlainJudge:
    """Judges rows by plain distances from other rows: far is failed, half as far is suspect."""

    reference: pa.Table
    columns: Columns

    def statuses(self, table: pa.Table) -> Mapping[Key, Status]:
        """The status of every check."""
        found: dict[Key, float] = {(Check.DUPLICATE_SHARE, None): 20 * (1 - len(set(ids(table))) / len(table))}
        found[Check.TIME_GAP, None] = 2 * self._gap(table)
        for name, kind in self.columns.kinds.items():
            here, there = table[name], self.reference[name]
            found[Check.MISSING_SHARE, name] = 20 * (here.null_count / len(here) - there.null_count / len(there))
            distance = ks if kind == "numeric" else variation
            found[Check.DRIFT, name] = 10 * distance(here.drop_null().to_pylist(), there.drop_null().to_pylist())
        found[Check.JOINT, None] = 2 * abs(tie(table) - tie(self.reference))
        return {key: status(size) for key, size in found.items()}

    def _gap(self, table: pa.Table) -> float:
        window = self.columns.window
        moments = [window.start, *sorted(table["at"].to_pylist()), window.end]
        return max(later - earlier for earlier, later in pairwise(moments)) / window.width


def status(size: float) -> Status:
    """Failed from 1 on, suspect from one half."""
    return Status.FAILED if size >= 1 else Status.SUSPECT if size >= 0.5 else Status.PASSED


def ids(table: pa.Table) -> list[Any]:
    """The ids of the rows."""
    return table["id"].to_pylist()


def ks(here: list[float], there: list[float]) -> float:
    """Largest distance of two empirical distribution functions; 1 when one has no values."""
    if not here or not there:
        return 1.0
    at = np.sort(np.array([*here, *there], float))
    first, second = (np.searchsorted(np.sort(np.array(each, float)), at, side="right") for each in (here, there))
    return float(np.abs(first / len(here) - second / len(there)).max())


def variation(here: list[Any], there: list[Any]) -> float:
    """Total variation of two samples of categories; 1 when one has no values."""
    if not here or not there:
        return 1.0
    values = set(here) | set(there)
    return sum(abs(here.count(each) / len(here) - there.count(each) / len(there)) for each in values) / 2


def tie(table: pa.Table) -> float:
    """How closely age and spend are tied: the correlation of their values where both are known and not zero."""
    pairs = [(a, b) for a, b in zip(table["age"].to_pylist(), table["spend"].to_pylist(), strict=True) if a and b]
    return float(np.corrcoef(np.array(pairs).T)[0, 1]) if len(pairs) > 2 else 0.0
