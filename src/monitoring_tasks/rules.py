"""The limits of drift checks, and the classical rules that fix them for every column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel

from monitoring_tasks.alarms_section import Rules
from monitoring_tasks.methods import Kind, Method, method

SEVERE_PART = 0.02
"""Of the significance level: a p-value below so small a part of it is a severe shift."""
EVIDENTLY_SMALL = 1000
"""Rows of a reference up to which Evidently tests for significance; it measures a distance in a larger one."""
FIXED = ("method", "threshold", "severe")
"""What a monitor may say about a column's drift check by the rules `calibrated` only."""


@dataclass(frozen=True)
class ColumnLimits:
    """Method and limits in force for one monitored column.

    The check fails beyond `fails`. Beyond `threshold`, the limit that people are shown, the shift is a large one, and
    beyond `severe` a severe one. A `minor` check knows no sizes: one column alone is a small shift, however far.
    """

    kind: Kind
    method: str
    threshold: float
    severe: float
    fails: float
    minor: bool = False

    @property
    def row(self) -> Method:
        """The method's table row."""
        return method(self.method)


def classical_limits(
    rules: Rules, kind: Kind, *, significance: float = 0.05, reference_rows: int | None = None
) -> ColumnLimits:
    """What one of the classical rules says about columns of a kind.

    `classic` tests each column by itself at a level of significance. `psi` is the rule of thumb of credit scoring: from
    .1 a small shift, from .2 an alert, from .25 severe (Siddiqi, Credit Risk Scorecards, 2006). `evidently` are the
    defaults of its drift preset: with more than 1,000 rows of reference (so many are taken for granted where
    `reference_rows` is None) a distance of .1, else significance at .05. That preset alarms on the share of drifted
    columns alone: one column by itself is a small shift. Raises `ValueError` for `calibrated`, which fixes nothing.

    >>> classical_limits("classic", "categorical")
    ColumnLimits(kind='categorical', method='chi_square_p_value', threshold=0.05, severe=0.001, fails=0.05, minor=False)
    >>> classical_limits("evidently", "numeric").method
    'wasserstein'
    """
    if rules == "calibrated":
        raise ValueError("the rules calibrated fix no limits: they are the monitor's own")
    if rules == "psi":
        return ColumnLimits(kind, "psi", threshold=0.2, severe=0.25, fails=0.1)
    if rules == "classic":
        return ColumnLimits(kind, _TESTS[kind], significance, SEVERE_PART * significance, fails=significance)
    few = reference_rows is not None and reference_rows <= EVIDENTLY_SMALL
    name = _TESTS[kind] if few else _DISTANCES[kind]
    row = method(name)
    return ColumnLimits(kind, name, row.threshold, row.severe, fails=row.threshold, minor=True)


_TESTS: Final[Mapping[Kind, str]] = {"numeric": "ks_p_value", "categorical": "chi_square_p_value"}
_DISTANCES: Final[Mapping[Kind, str]] = {"numeric": "wasserstein", "categorical": "jensen_shannon"}


def own_settings(features: Mapping[str, BaseModel], drift: BaseModel) -> list[str]:
    """The keys of a monitor, as its YAML spells them, that a classical rule fixes; defaults are not among them.

    `features` and `drift` are the sections of those names.
    """
    kinds = {kind: getattr(drift, kind) for kind in ("numeric", "categorical", "prediction")}
    sections = {f"features.{name}": feature for name, feature in features.items()}
    sections |= {f"drift.{kind}": limits for kind, limits in kinds.items() if kind in drift.model_fields_set}
    return [f"{place}.{name}" for place, section in sections.items() for name in FIXED if _is_given(section, name)]


def _is_given(section: BaseModel, name: str) -> bool:
    return name in section.model_fields_set and getattr(section, name) is not None
