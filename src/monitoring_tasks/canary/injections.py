"""The table of labelled faults. Another one is another row."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa

from monitoring_tasks.canary import changes, suitable
from monitoring_tasks.canary.changes import Case, first_choice
from monitoring_tasks.canary.columns import Columns
from monitoring_tasks.checks import Check

Key = tuple[Check, str | None]
"""What a finding is about: the check, and the column, None where it is about the window as a whole."""
JOINT: Key = (Check.JOINT, None)
Reach = Literal["column", "window", "duplicates", "joint"]


@dataclass(frozen=True)
class Injection:
    """One labelled fault.

    `share` is its share of rows, or of the window's time, `size` how large it is where a share does not tell.
    `fits` names the columns in which it would be one. `reach` says which findings it can cause: those of its column
    (and of all columns taken together), any, those of duplicates, or those of all columns taken together only. One that
    is `expected` must be found by the third window. `measure` names the part of a column's power that says whether it
    can be: a step of `amount`, or so large a share.
    """

    name: str
    fault: str
    fits: Callable[[pa.Table, Columns], Sequence[str]]
    change: Callable[[Case], pa.Table]
    share: float = 1.0
    size: float = 0.0
    reach: Reach = "column"
    expected: bool = False
    measure: Literal["steps", "missing", "outside"] | None = None

    @property
    def amount(self) -> float:
        """How large it is, in the unit of its `measure`; log odds of a score count as its standard deviations."""
        return self.size or self.share

    def target(self, table: pa.Table, columns: Columns, *, seed: str, avoid: Collection[str] = ()) -> str | None:
        """The column that the fault is put into; None where it fits none, or would not reach one row.

        Of several the same one is taken as long as it is there, for each `seed`; those of `avoid` only when there are
        no others.
        """
        if round(self.share * table.num_rows) < 1:
            return None
        names = self.fits(table, columns)
        sound = [name for name in names if name not in avoid] or list(names)
        return first_choice(f"{seed} {self.name}", sound) if sound else None

    def apply(self, table: pa.Table, columns: Columns, random: np.random.Generator, *, column: str) -> pa.Table:
        """A copy of the table with the fault in `column`, which `target` named; the table stays as it is."""
        return self.change(Case(table, columns, column, self.share, self.size, random))

    def causes(self, key: Key, column: str, timestamp: str) -> bool:
        """Whether a finding can come of the fault in `column`; a timestamp that is wrong can cause any."""
        check, place = key
        if self.reach == "window" or column == timestamp:
            return True
        if self.reach == "duplicates":
            return check is Check.DUPLICATE_SHARE
        return check is Check.JOINT or (self.reach == "column" and (place == column or check is Check.DRIFTED_SHARE))


INJECTIONS: tuple[Injection, ...] = (
    Injection(
        "mean_25", "mean .25 sd higher", suitable.varying, changes.shift, size=0.25, expected=True, measure="steps"
    ),
    Injection("mean_50", "mean .5 sd higher", suitable.varying, changes.shift, size=0.5, measure="steps"),
    Injection(
        "unit_1", "x1000 in 1 % of rows", suitable.scalable, changes.scale, 0.01, expected=True, measure="outside"
    ),
    Injection("unit_all", "x1000 in every row", suitable.scalable, changes.scale),
    Injection(
        "missing_5",
        "5 points more missing",
        suitable.filled,
        changes.lose_values,
        0.05,
        expected=True,
        measure="missing",
    ),
    Injection("null_burst", "missing for 30 % of the time", suitable.filled, changes.lose_values_in_a_burst, 0.3),
    Injection("frozen_all", "frozen in every row", suitable.live, changes.freeze),
    Injection("frozen_30", "frozen in the last 30 % of rows", suitable.live, changes.freeze, 0.3),
    Injection(
        "category_5",
        "5 % of rows to one category",
        suitable.categorical,
        changes.to_one_category,
        0.05,
        expected=True,
        measure="steps",
    ),
    Injection(
        "category_20",
        "20 % of rows to one category",
        suitable.categorical,
        changes.to_one_category,
        0.2,
        measure="steps",
    ),
    Injection(
        "unseen_1",
        "unseen value in 1 % of rows",
        suitable.unseeable,
        changes.bring_unseen,
        0.01,
        expected=True,
        measure="outside",
    ),
    Injection("renamed", "a category renamed", suitable.categorical, changes.rename),
    Injection("case", "capitals for small letters", suitable.lettered, changes.change_case),
    Injection(
        "score_25",
        "score .25 higher (log odds)",
        suitable.prediction,
        changes.shift_score,
        size=0.25,
        expected=True,
        measure="steps",
    ),
    Injection("time_zone", f"clock {suitable.SHIFT_HOURS} hours ahead", suitable.clock, changes.shift_clock),
    Injection("sent_twice", "10 % of rows sent twice", suitable.ids, changes.send_twice, 0.1, reach="duplicates"),
    Injection("truncated", "last 40 % of the time lost", suitable.spread, changes.truncate, 0.4, reach="window"),
    Injection("joint", "ties to other columns broken", suitable.correlated, changes.break_ties, reach="joint"),
)
