"""What jump of a column's level a monitor catches, and after how many windows."""

from __future__ import annotations

import math

from scipy import special

from monitoring_tasks.calibration.assess import AT_ONCE, PERSISTING
from monitoring_tasks.calibration.gauge import Level
from monitoring_tasks.calibration.level import BEFORE, LevelNull, p_value
from monitoring_tasks.calibration.power import LARGEST_SHIFT, Caught, Setting, found_by, least_caught, limit_of


def level_power(null: LevelNull, setting: Setting, floor: float) -> Caught:
    """The least rise of a level that is caught: in standard deviations of a row, of a share in rows of all.

    By windows of `setting.rows` rows with `BEFORE` like them before. An approximation as `power` is: windows count as
    independent, and those with the rise as no part of what is usual.
    """
    gauge, unit = null.gauge, 1.0 if null.gauge.share else null.gauge.unit
    high = 1 - gauge.mean if gauge.share else min(LARGEST_SHIFT, (gauge.high - gauge.mean) / unit)
    usual = ((Level(gauge.mean, BEFORE * setting.rows), null.before), (Level(gauge.mean, gauge.rows), null.reference))

    def p_of(size: float) -> float:
        now = Level(gauge.mean + size * unit, setting.rows)
        return max(p_value(gauge, now, expected, between) for expected, between in usual)

    needed = [
        max(limit_of(p_of, level * setting.shares[0], high), factor * floor * gauge.unit / unit)
        for level, factor in ((setting.levels.strong, AT_ONCE), (setting.levels.weak, PERSISTING))
    ]
    scarcity = (1 + 1 / BEFORE) / setting.rows + null.before.variance

    def chance(size: float, windows: int) -> float:
        share = gauge.mean + size
        variance = share * (1 - share) if gauge.share else 1.0
        spread = max(math.sqrt(variance * scarcity), 1e-9)
        strong, weak = (float(special.ndtr((size - each) / spread)) for each in needed)
        return found_by(windows, strong=min(strong, weak), weak=weak, persistence=setting.persistence)

    return least_caught(chance, high)
