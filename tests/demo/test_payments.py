"""The made payments are what they are said to be: seeded, rare frauds, labels late and biased."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from demo.worlds import payment_logs
from demo.worlds.payment_logs import (
    CENTS,
    CLEAN,
    FIRST,
    LIVE,
    PARTS,
    PATTERN,
    PORTFOLIO,
    SCENARIOS,
    WEEKS,
    changes,
    days,
    labels,
    rule_of_thumb,
    week_of,
    window_of,
    write,
)
from demo.worlds.payments import minor_units, payments, portfolio, split_payments

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def month() -> pd.DataFrame:
    """Four weeks of payments before anything happens, with the score of before."""
    rows = days(FIRST, FIRST + 28 * DAY)
    return rows.assign(score=rule_of_thumb(rows))


def test_a_day_is_always_the_same() -> None:
    """The rows of a day hash to what they always did, alone or among others."""
    alone = payments(FIRST)
    digest = hashlib.sha256(pd.util.hash_pandas_object(alone, index=False).to_numpy().tobytes()).hexdigest()
    assert digest[:16] == "c701abf6ca5b2387"
    among = days(FIRST - DAY, FIRST + DAY)
    pd.testing.assert_frame_equal(among[among["at"].dt.date == FIRST].reset_index(drop=True), alone)


def test_frauds_are_rare_and_amounts_have_no_largest(month: pd.DataFrame) -> None:
    """Three payments in a thousand are fraud; the largest is far beyond the largest hundredth."""
    assert month["fraud"].mean() == pytest.approx(0.003, rel=0.15)
    amounts = np.sort(month["amount"].to_numpy())
    assert amounts[-len(amounts) // 100 :].sum() > 0.1 * amounts.sum()
    assert amounts[-1] > 5 * np.quantile(amounts, 0.99)
    assert month["payment_id"].is_unique
    assert month["at"].is_monotonic_increasing
    assert not month.isna().to_numpy().any()


def test_labels_come_late_and_are_biased(month: pd.DataFrame) -> None:
    """Reports come after 30 to 60 days, what was looked into within five, the rest on the sixtieth; some never."""
    found = month.merge(labels(month), on="payment_id", validate="one_to_one")
    delay = (found["label_time"] - found["at"]) / DAY
    looked_into = delay <= 5
    assert looked_into.mean() == pytest.approx(0.005, rel=0.1)
    reported = found["fraud"] & ~looked_into & (found["label"] == 1)
    assert delay[reported].between(30, 60).all()
    assert delay[reported].max() > 55
    assert (delay[~looked_into & (found["label"] == 0)] == 60).all()
    assert (found.loc[looked_into, "label"] == found.loc[looked_into, "fraud"]).all()
    unseen = found["fraud"] & ~looked_into
    assert (found.loc[unseen, "label"] == 0).mean() == pytest.approx(0.1, abs=0.07)
    assert not (found["label"] & ~found["fraud"]).any()
    early = found[delay < 60]
    assert early["label"].mean() > 50 * found["label"].mean()


def test_the_first_half_is_clean() -> None:
    """Nothing happens to the payments before the first scenario, which begins after half of the weeks."""
    assert min(each.first for each in SCENARIOS) - 1 == CLEAN
    assert 2 * CLEAN > WEEKS
    assert not any(changes(week) for week in range(-40, CLEAN + 1))
    assert [week for week in range(1, WEEKS + 1) if changes(week)] == [*range(25, 27), 28, *range(32, 34)]
    assert (week_of(LIVE), week_of(LIVE - DAY), week_of(LIVE + 7 * DAY)) == (1, 0, 2)
    assert window_of(1).start.date() == LIVE


def test_what_happens_is_what_is_said() -> None:
    """Fuel from the portfolio, amounts a hundred times as large, more payments in a day; and nothing else."""
    plain = payments(LIVE)
    fuel, cents, parts = (
        payments(LIVE, changes=(each,)) for each in (portfolio(0.4), minor_units(0.25), split_payments(0.5))
    )
    share = [(rows["merchant_category"] == "fuel").mean() for rows in (plain, fuel)]
    assert share[1] - share[0] == pytest.approx(0.24, abs=0.05)
    factor = cents["amount"] / plain["amount"]
    assert (factor > 90).mean() == pytest.approx(0.25, abs=0.05)
    assert (factor[factor < 90] == 1).all()
    more = parts["payments_24h"] - plain["payments_24h"]
    assert more.min() == 0
    assert more.mean() == pytest.approx(1.25, abs=0.2)
    for rows in (cents, parts):
        same = [name for name in plain if name not in ("at", "amount", "payments_24h")]
        pd.testing.assert_frame_equal(rows[same], plain[same])


def test_the_new_pattern_shows_in_labels_alone() -> None:
    """As many frauds as before, of which most are small payments of young accounts; the other payments stay."""
    before, since = days(LIVE, LIVE + 7 * DAY), pd.concat([payments(LIVE + n * DAY, mules=0.6) for n in range(7)])
    frauds = since[since["fraud"]]
    assert frauds["account_age_days"].lt(60).mean() == pytest.approx(0.6, abs=0.2)
    assert before[before["fraud"]]["account_age_days"].lt(60).mean() < 0.15
    assert since["fraud"].mean() == pytest.approx(before["fraud"].mean(), rel=0.4)
    assert len(since) == len(before)
    assert PATTERN.holds(PATTERN.first)
    assert not PATTERN.holds(CLEAN)


def test_logs_are_days(month: pd.DataFrame, tmp_path: Path) -> None:
    """Payments lie in the folder of their day, labels in that of theirs; the truth is in neither. Twice is the same."""
    week = month[month["at"].dt.date < FIRST + 7 * DAY]
    write(week, tmp_path, version="rule")
    first = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.parquet")}
    write(week, tmp_path, version="rule")
    assert {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.parquet")} == first
    logged = pq.read_table(tmp_path / "payments" / f"day={FIRST}", partitioning=None)
    assert "fraud" not in logged.column_names
    assert {moment.date() for moment in logged["at"].to_pylist()} == {FIRST}
    told = {path.parent.name for path in (tmp_path / "labels").rglob("*.parquet")}
    assert f"day={FIRST + 60 * DAY}" in told
    assert date.fromisoformat(min(told).partition("=")[2]) > FIRST
    assert payment_logs.FINAL == 60 * DAY
    assert {PORTFOLIO.name, CENTS.name, PARTS.name} < {each.name for each in SCENARIOS}
