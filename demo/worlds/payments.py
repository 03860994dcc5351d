"""Made payments of a bank's customers, day by day: ordinary ones, two patterns of fraud, and what happens later.

Everything is drawn by numpy from one seed and the day, so a day is the same whichever days are made with it. No row is
or was anybody's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

SEED = 2025
DAILY = 3000
FRAUD = 0.003
"""Share of payments that are fraud."""
CUSTOMERS = 20_000
MIX: Mapping[str, float] = {
    "groceries": 0.27,
    "restaurants": 0.14,
    "fuel": 0.08,
    "clothing": 0.11,
    "pharmacy": 0.06,
    "home": 0.08,
    "electronics": 0.06,
    "travel": 0.06,
    "digital": 0.09,
    "gift_cards": 0.05,
}
"""Share of each merchant category."""
CHANNELS = ("contactless", "chip", "atm", "online")
COUNTRIES = ("DE", "AT", "FR", "NL", "ES", "US")
_NUMBER = {name: number for number, name in enumerate(MIX)}
_MIX = np.array(list(MIX.values()))
_SIZE = np.array([0.8, 0.7, 1.3, 1.5, 0.6, 1.8, 3.0, 4.0, 0.4, 1.0])
_ONLINE = np.array([0.05, 0.05, 0.0, 0.45, 0.1, 0.35, 0.55, 0.8, 1.0, 0.6])
_SHOP = np.array([0.6, 0.35, 0.05, 0.0])
_ABROAD = np.array([0.0, 0.35, 0.25, 0.2, 0.12, 0.08])
ONLINE, HOME = CHANNELS.index("online"), COUNTRIES.index("DE")
_BY_DAY = np.array([1, 1, 1, 1, 1, 2, 4, 8, 12, 14, 15, 17, 20, 18, 16, 16, 18, 21, 22, 18, 12, 8, 5, 3]) / 272
_BY_NIGHT = np.array([12, 13, 13, 12, 9, 6, 4, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 5, 5, 6, 7, 8, 9, 11]) / 154
_WORDS = {"merchant_category": tuple(MIX), "channel": CHANNELS, "country": COUNTRIES}
Random = np.random.Generator
Floats = npt.NDArray[np.float64]
Rows = dict[str, npt.NDArray[Any]]
Change = Callable[[Rows, Random], None]


@dataclass(frozen=True, eq=False)
class Customers:
    """Who pays: what each usually spends, and up to which number from 0 to 1 a payment is theirs or of those before."""

    usual: Floats
    upto: Floats

    @classmethod
    def drawn(cls) -> Customers:
        """The bank's customers, always the same."""
        random = np.random.default_rng([SEED, 0])
        weight = random.gamma(1.5, size=CUSTOMERS)
        usual: Floats = np.round(np.exp(random.normal(3.4, 0.6, CUSTOMERS)), 2).astype(np.float64)
        return cls(usual, np.cumsum(weight / weight.sum()))


_CUSTOMERS = Customers.drawn()


def payments(day: date, *, changes: tuple[Change, ...] = (), mules: float = 0.0) -> pd.DataFrame:
    """One day's payments in order of time, with `fraud`, the truth that no log holds.

    `changes` are what happened to the day's rows since, in that order; `mules` is the share of the frauds that are of
    the third pattern, which the first months do not have.
    """
    random = np.random.default_rng([SEED, day.toordinal()])
    count = int(random.poisson(DAILY * (0.9 if day.weekday() == 6 else 1.0)))
    rows = _ordinary(random, count)
    _defraud(rows, random, mules)
    for change in changes:
        change(rows, random)
    return _table(rows, day, random)


def _ordinary(random: Random, count: int) -> Rows:
    who = np.searchsorted(_CUSTOMERS.upto[:-1], random.random(count))
    # Each day a little unlike the others: what is on offer, what the weather is.
    category = _drawn(random, random.dirichlet(_MIX * 3000), count)
    abroad, young = random.random(count) < 0.08, random.random(count) < 0.03
    rows = {
        "customer_id": who,
        "merchant_category": category,
        "channel": _channels(random, category),
        "country": np.where(abroad, _drawn(random, _ABROAD, count), HOME),
        "usual_amount": _CUSTOMERS.usual[who],
        "distance_km": np.exp(np.where(abroad, random.normal(6.2, 0.8, count), random.normal(1.8, 1.2, count))),
        "hours_since_last": random.exponential(18, count),
        "payments_24h": random.negative_binomial(2, 0.6, count),
        "account_age_days": np.where(young, random.integers(1, 60, count), random.integers(60, 5000, count)),
        "hour": _drawn(random, _BY_DAY, count),
        "fraud": random.random(count) < FRAUD,
    }
    rows["amount"] = _amounts(random, rows, level=random.normal(0, 0.02))
    return rows


def _amounts(random: Random, rows: Rows, *, level: float) -> Floats:
    """Heavy-tailed: a lognormal around what the customer and the category let expect, one in fifty times a Pareto."""
    count = len(rows["usual_amount"])
    tail = np.where(random.random(count) < 0.02, 1 + random.pareto(1.5, count), 1.0)
    amounts: Floats = (
        rows["usual_amount"] * _SIZE[rows["merchant_category"]] * tail * np.exp(random.normal(level, 0.7, count))
    )
    return amounts


def _channels(random: Random, category: npt.NDArray[Any]) -> npt.NDArray[Any]:
    online = random.random(len(category)) < _ONLINE[category]
    return np.where(online, ONLINE, _drawn(random, _SHOP, len(category)))


def _drawn(random: Random, shares: Floats, count: int) -> npt.NDArray[np.int64]:
    """Numbers from 0 on, each as often as its share says."""
    return np.searchsorted(np.cumsum(shares)[:-1], random.random(count), side="right")


def _defraud(rows: Rows, random: Random, mules: float) -> None:
    """Write over the rows that are fraud: stolen cards, accounts taken over, and accounts that were opened for it."""
    fraud = np.flatnonzero(rows["fraud"])
    kind = random.choice(3, len(fraud), p=[0.6 * (1 - mules), 0.4 * (1 - mules), mules])
    for number, pattern in enumerate((_stolen, _taken_over, _mule)):
        places = fraud[kind == number]
        for name, values in pattern(
            random, len(places), {name: column[places] for name, column in rows.items()}
        ).items():
            rows[name][places] = values


def _stolen(random: Random, count: int, rows: Rows) -> Rows:
    """A card that was stolen: many payments in shops in little time, far away, larger than usual."""
    abroad = random.random(count) < 0.5
    return {
        "channel": _drawn(random, _SHOP, count),
        "country": np.where(abroad, _drawn(random, _ABROAD, count), rows["country"]),
        "distance_km": rows["distance_km"] * np.exp(random.normal(2.0, 0.8, count)),
        "hours_since_last": rows["hours_since_last"] * 0.2,
        "payments_24h": rows["payments_24h"] + random.poisson(3, count),
        "amount": rows["usual_amount"] * np.exp(random.normal(1.5, 0.7, count)),
        "hour": np.where(random.random(count) < 0.5, _drawn(random, _BY_NIGHT, count), rows["hour"]),
    }


def _taken_over(random: Random, count: int, rows: Rows) -> Rows:
    """An account that was taken over: large purchases online, of what can be sold again, at night."""
    goods = np.array([_NUMBER[name] for name in ("electronics", "travel", "gift_cards", "clothing")])
    return {
        "merchant_category": goods[_drawn(random, np.array([0.4, 0.2, 0.3, 0.1]), count)],
        "channel": np.full(count, ONLINE),
        "distance_km": rows["distance_km"] * np.exp(random.normal(2.5, 1.0, count)),
        "hours_since_last": rows["hours_since_last"] * 0.4,
        "payments_24h": rows["payments_24h"] + random.poisson(1.5, count),
        "amount": rows["usual_amount"] * np.exp(random.normal(1.9, 0.6, count)),
        "hour": _drawn(random, _BY_NIGHT, count),
    }


def _mule(random: Random, count: int, rows: Rows) -> Rows:
    """An account that was opened for it: small payments for digital goods, by day, at home, some weeks after."""
    return {
        "merchant_category": np.where(random.random(count) < 0.85, _NUMBER["digital"], rows["merchant_category"]),
        "channel": np.full(count, ONLINE),
        "country": np.full(count, HOME),
        "account_age_days": random.integers(1, 60, count),
        "amount": rows["usual_amount"] * np.exp(random.normal(-0.9, 0.4, count)),
        "hours_since_last": rows["hours_since_last"] * 0.5,
    }


def portfolio(share: float) -> Change:
    """A portfolio of fuel cards was taken over: such a share of the payments is of its customers."""

    def change(rows: Rows, random: Random) -> None:
        places = np.flatnonzero((random.random(len(rows["fraud"])) < share) & ~rows["fraud"])
        fuel = random.random(len(places)) < 0.6
        rows["merchant_category"][places] = np.where(fuel, _NUMBER["fuel"], rows["merchant_category"][places])
        own = {name: column[places] for name, column in rows.items()}
        rows["channel"][places] = _channels(random, own["merchant_category"])
        rows["amount"][places] = _amounts(random, own, level=0.0)

    return change


def minor_units(share: float) -> Change:
    """A processor writes its amounts in cents: such a share of the payments is a hundred times as large."""

    def change(rows: Rows, random: Random) -> None:
        rows["amount"] = np.where(random.random(len(rows["amount"])) < share, 100 * rows["amount"], rows["amount"])

    return change


def split_payments(share: float) -> Change:
    """Merchants authorise a purchase in parts: at such a share of the payments more were made in the day before."""

    def change(rows: Rows, random: Random) -> None:
        parts = random.poisson(2.5, len(rows["fraud"])) * (random.random(len(rows["fraud"])) < share)
        rows["payments_24h"] = rows["payments_24h"] + parts

    return change


def _table(rows: Rows, day: date, random: Random) -> pd.DataFrame:
    count = len(rows["fraud"])
    seconds = np.sort(rows["hour"] * 3600 + random.integers(0, 3600, count))
    order = np.argsort(rows["hour"], kind="stable")
    at = pd.to_datetime(pd.Timestamp(day, tz="UTC") + pd.to_timedelta(seconds, unit="s")).as_unit("us")
    columns = {
        "payment_id": day.toordinal() * 100_000 + np.arange(count),
        "at": at,
        "customer_id": rows["customer_id"][order],
        **{name: np.array(words, dtype=object)[rows[name][order]] for name, words in _WORDS.items()},
        **{name: np.round(rows[name][order], 2) for name in ("amount", "usual_amount", "distance_km")},
        "hours_since_last": np.round(rows["hours_since_last"][order], 2),
        **{name: rows[name][order].astype(np.int64) for name in ("payments_24h", "account_age_days")},
        "fraud": rows["fraud"][order],
    }
    return pd.DataFrame(columns)
