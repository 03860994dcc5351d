"""The logs of the payments: what was scored, what was found out about it and when, and what went wrong meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as pads

from demo.worlds.payments import SEED, Change, minor_units, payments, portfolio, split_payments
from monitoring_tasks.window import Window

FIRST = date(2025, 1, 6)
TRAINED_UNTIL = date(2025, 7, 7)
"""The champion learnt from six months of payments; their labels were final sixty days later."""
LIVE = date(2025, 9, 8)
"""From here on the champion scores; a rule of thumb did before."""
WEEKS = 33
LAST = LIVE + timedelta(weeks=WEEKS)
ALERTED = 0.005
"""Share of a day's payments that people look into: those of the highest scores."""
DISPUTED = 0.9
"""Share of the frauds that nobody looked into of which the customer asks the money back."""
FINAL = timedelta(days=60)
MULES = 0.6
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Scenario:
    """Something that happens to the payments from the week `first` to the week `last`; weeks count from 1."""

    name: str
    first: int
    last: int

    def holds(self, week: int) -> bool:
        """Whether it happens in a week."""
        return self.first <= week <= self.last


PATTERN = Scenario("new pattern of fraud: accounts opened for it", 18, WEEKS)
PORTFOLIO = Scenario("portfolio of fuel cards taken over", 25, 26)
CENTS = Scenario("one processor writes cents", 28, 28)
PARTS = Scenario("purchases authorised in parts, ever more", 32, WEEKS)
SCENARIOS = (PATTERN, PORTFOLIO, CENTS, PARTS)
CLEAN = PATTERN.first - 1
"""So many weeks at the start nothing happens in."""


def week_of(day: date) -> int:
    """The week of production a day is in: 1 is the first, 0 and below came before."""
    return (day - LIVE).days // 7 + 1


def changes(week: int) -> tuple[Change, ...]:
    """What happened to the payments of a week."""
    found: list[Change] = []
    if PORTFOLIO.holds(week):
        found.append(portfolio(0.4))
    if CENTS.holds(week):
        found.append(minor_units(0.25))
    if PARTS.holds(week):
        found.append(split_payments(0.25 * (week - PARTS.first + 1)))
    return tuple(found)


def days(first: date, last: date) -> pd.DataFrame:
    """The payments of the days from `first` until before `last`, with `fraud`, the truth."""
    numbers = range((last - first).days)
    return pd.concat([_day(first + number * DAY) for number in numbers], ignore_index=True)


def _day(day: date) -> pd.DataFrame:
    week = week_of(day)
    return payments(day, changes=changes(week), mules=MULES if PATTERN.holds(week) else 0.0)


def rule_of_thumb(rows: pd.DataFrame) -> pd.Series:
    """The score of before: how far above the customer's usual, how far away."""
    size = np.log1p(rows["amount"] / rows["usual_amount"]) + 0.3 * np.log1p(rows["distance_km"])
    score: pd.Series = 1 / (1 + np.exp(6 - size))
    return score


def labels(rows: pd.DataFrame) -> pd.DataFrame:
    """What becomes known of scored payments, in the order in which it does.

    What people look into they know within five days. Of the other frauds the customer asks the money back after 30 to
    60 days, of nine in ten; all that is left counts as legitimate after 60 days. So of early labels most are frauds,
    and one fraud in ten that nobody looked into is never known as one.
    """
    random = np.random.default_rng([SEED, int(rows["payment_id"].iloc[0])])
    fraud, count = rows["fraud"].to_numpy(), len(rows)
    rank = rows.groupby(rows["at"].dt.floor("D"))["score"].rank(method="first", ascending=False, pct=True)
    alerted = rank.to_numpy() <= ALERTED
    disputed = fraud & (random.random(count) < DISPUTED)
    late = np.where(disputed, random.uniform(30, 60, count), 60.0)
    seconds = np.floor(np.where(alerted, random.uniform(1, 5, count), late) * 86_400)
    known = rows["at"] + pd.to_timedelta(seconds, unit="s")
    log = rows[["payment_id"]].assign(label=(fraud & (alerted | disputed)).astype("int8"), label_time=known)
    return log.sort_values(["label_time", "payment_id"], ignore_index=True)


def write(rows: pd.DataFrame, folder: Path, *, version: str) -> None:
    """Write scored payments and what becomes known of them: `payments/day=...` and `labels/day=...` in `folder`."""
    log = rows.drop(columns="fraud").assign(model_version=version)
    _write_days(log, folder / "payments", day_of="at", name=version)
    _write_days(labels(rows), folder / "labels", day_of="label_time", name=version)


def _write_days(log: pd.DataFrame, folder: Path, *, day_of: str, name: str) -> None:
    """One file a UTC day; those of another version stay."""
    table = pa.Table.from_pandas(log, preserve_index=False).replace_schema_metadata(None)
    pads.write_dataset(
        table.append_column("day", table[day_of].cast(pa.date32())),
        folder,
        format="parquet",
        partitioning=["day"],
        partitioning_flavor="hive",
        basename_template=f"{name}-{{i}}.parquet",
        existing_data_behavior="overwrite_or_ignore",
        use_threads=False,  # threads would write rows in any order
    )


def weeks() -> range:
    """The weeks of production."""
    return range(1, WEEKS + 1)


def window_of(week: int) -> Window:
    """The window of a week, from Monday to Monday."""
    return Window(tick(week - 1), tick(week))


def tick(week: int) -> datetime:
    """The end of a week, UTC."""
    return datetime(LIVE.year, LIVE.month, LIVE.day, tzinfo=UTC) + timedelta(weeks=week)
