"""A window's check results in short: one line per column, and one for the whole window.

What a page shows of ninety windows, and what a scrape reads of a thousand monitors, is these; the results themselves
are read for one window at a time.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple, Self

from monitoring_tasks.checks import Check, CheckResult, Status, Suite
from monitoring_tasks.methods import is_method, method

Role = Literal["feature", "prediction"]
NAMED = 5
"""So many drifted columns are named in a headline."""
_ROLES: Mapping[Suite, Role] = {Suite.DATA_DRIFT: "feature", Suite.PREDICTION_DRIFT: "prediction"}
_WORST = (Status.PASSED, Status.UNDECIDED, Status.SUSPECT, Status.FAILED)


class ColumnScore(NamedTuple):  # pages make tens of thousands at once: a data class takes four times as long
    """What one window's checks say of one column.

    `score` is its drift score by `method`, `drift` the status of that check, or that of a jump of the column's level if
    that is worse; None where it was not checked. `missing` is the share of missing values, `quality` the worst status
    of the column's other checks. None: not known.
    """

    column: str
    role: Role = "feature"
    method: str | None = None
    score: float | None = None
    threshold: float | None = None
    drift: Status | None = None
    missing: float | None = None
    quality: Status | None = None

    @property
    def excess(self) -> float:
        """How many times its threshold the score is; 0 where either is not known. Of p-values it says nothing."""
        return self.score / self.threshold if self.score is not None and self.threshold else 0.0

    @property
    def ordinary(self) -> bool:
        """Whether it passed although its score lies beyond its threshold: windows of this column vary as much.

        >>> ColumnScore("temp", method="psi", score=0.3, threshold=0.2, drift=Status.PASSED).ordinary
        True
        """
        if self.drift is not Status.PASSED or self.score is None or self.threshold is None or self.method is None:
            return False
        return is_method(self.method) and method(self.method).breached(self.score, self.threshold)


@dataclass(frozen=True)
class Headline:
    """What one window's checks amount to: counts of features, and the worst of the drifted ones by name.

    `drifted` counts features whose drift is a finding, `suspect` those of which it may become one, `undecided` those
    that could not be compared, `faulty` columns with a fault of data quality. `prediction` is the status of the
    prediction's drift; None where it was not checked. `reason` is the verdict's first; "" before there is a verdict.
    """

    features: int = 0
    drifted: int = 0
    suspect: int = 0
    undecided: int = 0
    faulty: int = 0
    columns: tuple[str, ...] = ()
    prediction: Status | None = None
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """The headline as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`."""
        prediction = value["prediction"]
        own = {"columns": tuple(value["columns"]), "prediction": None if prediction is None else Status(prediction)}
        return cls(**{**value, **own})


def scores_of(results: Iterable[CheckResult]) -> tuple[ColumnScore, ...]:
    """One score per column that was checked, in the order in which they are met; those of segments are left out.

    >>> drift = CheckResult(Suite.DATA_DRIFT, Check.DRIFT, Status.FAILED, "temp", "psi", 8.4, 0.2)
    >>> [(each.column, each.score, each.missing) for each in scores_of([drift])]
    [('temp', 8.4, None)]
    """
    found: dict[str, dict[str, Any]] = {}
    for result in results:
        if result.column is not None and not result.segment and result.suite is not Suite.PERFORMANCE:
            about = found.setdefault(result.column, {})
            about.update(_noted(result, about))
    return tuple(ColumnScore(column, **about) for column, about in found.items())


def _noted(result: CheckResult, about: Mapping[str, Any]) -> dict[str, Any]:
    if result.check is Check.DRIFT:
        role = _ROLES.get(result.suite, "feature")
        told = {"method": result.method, "score": result.value, "threshold": result.threshold}
        return {"role": role, **told, "drift": _worse(result.status, about.get("drift"))}
    if result.check is Check.LEVEL:
        return {"role": _ROLES.get(result.suite, "feature"), "drift": _worse(result.status, about.get("drift"))}
    missing = {"missing": result.value} if result.check is Check.MISSING_SHARE else {}
    return {"quality": _worse(result.status, about.get("quality")), **missing}


def _worse(status: Status, other: Status | None) -> Status:
    return max(status, other or Status.PASSED, key=_WORST.index)


def headline_of(scores: Sequence[ColumnScore], *, reason: str = "") -> Headline:
    """What a window's scores amount to.

    >>> headline_of([ColumnScore("temp", drift=Status.FAILED), ColumnScore("dest", drift=Status.PASSED)]).columns
    ('temp',)
    """
    features = [each for each in scores if each.role == "feature" and each.drift is not None]
    drifted = sorted(_with(features, Status.FAILED), key=lambda each: (-each.excess, each.column))
    return Headline(
        features=len(features),
        drifted=len(drifted),
        suspect=len(_with(features, Status.SUSPECT)),
        undecided=len(_with(features, Status.UNDECIDED)),
        faulty=sum(each.quality is Status.FAILED for each in scores),
        columns=tuple(each.column for each in drifted[:NAMED]),
        prediction=next((each.drift for each in scores if each.role == "prediction"), None),
        reason=reason,
    )


def _with(scores: Iterable[ColumnScore], status: Status) -> list[ColumnScore]:
    return [each for each in scores if each.drift is status]


def dumps_scores(scores: Sequence[ColumnScore]) -> bytes:
    """Scores as compressed JSON, a list per field: 200 columns take about 3 kB. NaN raises `ValueError`."""
    return pack({name: [getattr(each, name) for each in scores] for name in _FIELDS})


def loads_scores(content: bytes) -> tuple[ColumnScore, ...]:
    """Inverse of `dumps_scores`."""
    columns = unpack(content)
    rows = zip(*(_read(name, columns[name]) for name in _FIELDS), strict=True)
    return tuple(map(ColumnScore._make, rows))


_FIELDS = ColumnScore._fields


def _read(name: str, values: Sequence[Any]) -> Sequence[Any]:
    if name not in ("drift", "quality"):
        return values
    return [None if value is None else _STATUSES[value] for value in values]


_STATUSES = {status.value: status for status in Status}


def pack(value: Any) -> bytes:
    """Any JSON value compressed; raises `ValueError` on NaN or infinity."""
    return zlib.compress(json.dumps(value, separators=(",", ":"), allow_nan=False).encode(), 6)


def unpack(content: bytes) -> Any:
    """Inverse of `pack`."""
    return json.loads(zlib.decompress(content))
