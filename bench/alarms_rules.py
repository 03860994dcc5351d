"""The rules that are compared on the same windows: the calibrated policy, and those that users meet elsewhere."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np

from monitoring_tasks.alarms_section import AlarmBudget, Floors, TrainingBaseline
from monitoring_tasks.calibration.assess import Assessed, Case, Extra, TestKey, assess, shares_of_tests
from monitoring_tasks.calibration.calibrate import Calibration, calibrate
from monitoring_tasks.calibration.correction import Levels, levels
from monitoring_tasks.checks import Status
from monitoring_tasks.profile.binning import Binning, CategoryBins, Floats
from monitoring_tasks.profile.profile import Profile
from monitoring_tasks.profile.reference import ReferenceProfile
from monitoring_tasks.profile.scores import score_columns

NEEDED, AMONG = 2, 3
NAIVE = (
    *("any p < .05", "any p < .01", "Bonferroni", "any PSI > .1", "any PSI > .2"),
    *("Evidently, any column", "Evidently, preset"),
)


@dataclass(frozen=True, eq=False)
class Policy:
    """The calibrated policy with a budget of one false alarm in 90 days, against one reference."""

    reference: ReferenceProfile
    calibration: Calibration
    levels: Levels

    @classmethod
    def of(cls, reference: ReferenceProfile, width: timedelta) -> Policy:
        """The policy for windows of `width`, one after the other."""
        columns = reference.binning.columns
        found = calibrate(reference, width, dict.fromkeys(columns, TrainingBaseline()))
        spent = levels(
            AlarmBudget(),
            width,
            persistence=(NEEDED, AMONG),
            shares=shares_of_tests(len(columns)),
            correlations=np.array([null.distance.correlation for null in found.columns.values()]),
        )
        return cls(reference, found, spent)

    def tests(self, window: Profile, extra: Mapping[TestKey, Extra] | None = None) -> dict[TestKey, Assessed]:
        """The tests of one window."""
        case = Case(self.reference.binning, self.reference.profile, window, {}, extra or {})
        return assess(self.calibration, case, self.levels, Floors())


@dataclass(eq=False)
class Watch:
    """Windows in a row: a strong finding alarms at once, any that stands in two of the last three windows too."""

    recent: deque[set[TestKey]] = field(default_factory=lambda: deque(maxlen=AMONG))
    alarmed: bool = False

    def alarms(self, tests: Mapping[TestKey, Assessed]) -> set[TestKey]:
        """The tests of the newest window that alarm."""
        strong = {key for key, found in tests.items() if found.status is Status.FAILED}
        found = strong | {key for key, found in tests.items() if found.status is Status.SUSPECT}
        self.recent.append(found)
        return strong | {key for key in found if sum(key in each for each in self.recent) >= NEEDED}

    def begins(self, alarms: Set[TestKey]) -> bool:
        """Whether an alert episode begins: the newest window alarms, and the one before did not."""
        before, self.alarmed = self.alarmed, bool(alarms)
        return self.alarmed and not before


def naive(binning: Binning, reference: Profile, window: Profile) -> dict[str, bool]:
    """Which of the rules of `NAIVE` alarm on a window; the scores are those of the two profiles."""
    p = _scores(binning, reference, window, "ks_p_value", "chi_square_p_value")
    psi = _scores(binning, reference, window, "psi", "psi")
    distance = _scores(binning, reference, window, "wasserstein", "jensen_shannon")
    return dict(
        zip(
            NAIVE,
            (
                *(bool((p < level).any()) for level in (0.05, 0.01, 0.05 / len(p))),
                *(bool((psi > limit).any()) for limit in (0.1, 0.2)),
                *(bool((distance >= 0.1).any()), bool((distance >= 0.1).mean() >= 0.5)),
            ),
            strict=True,
        )
    )


def _scores(binning: Binning, reference: Profile, window: Profile, numeric: str, categorical: str) -> Floats:
    """Every column's score; NaN where there is none."""
    methods = {
        name: categorical if isinstance(bins, CategoryBins) else numeric for name, bins in binning.columns.items()
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = score_columns(binning, reference, window, methods)
    return np.array([score.value for score in found.values()])
