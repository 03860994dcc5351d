"""Redraws: ordinary windows made of a window's own rows."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from monitoring_tasks.canary.redraw import Pool, block_width, generator, moved
from monitoring_tasks.window import Window
from tests.canary.samples import DAY, columns, rows

HOUR = 3_600_000_000
WEEK = Window.parse("2013-06-03", "2013-06-10")


def test_blocks_are_days_or_hours() -> None:
    """Days where there are several, hours of a day or less, and one block where an hour is all there is."""
    assert block_width(WEEK) == 24 * HOUR
    assert block_width(Window.parse("2013-06-03", "2013-06-05")) == 24 * HOUR
    assert block_width(DAY) == HOUR
    assert block_width(Window.parse("2013-06-03T10:00", "2013-06-03T12:00")) == HOUR
    assert block_width(Window.parse("2013-06-03T10:00", "2013-06-03T11:30")) is None


@pytest.mark.parametrize("window", [WEEK, DAY, Window.parse("2013-06-03T10:00", "2013-06-03T11:30")], ids=str)
def test_each_block_keeps_its_rows(window: Window) -> None:
    """Every row is one of its block's rows, whole, and each block has as many as it had."""
    table = rows(1000, window=window).take(pa.array(np.random.default_rng(4).permutation(1000)))
    made = Pool.of(table, columns(window)).redraw(np.random.default_rng(0))
    width = (block_width(window) or math.inf) / 1_000_000

    def blocks(of: pa.Table) -> list[int]:
        return sorted(int((each - window.start).total_seconds() // width) for each in of["at"].to_pylist())

    assert made.schema == table.schema
    assert blocks(made) == blocks(table)
    known = {tuple(row.values()) for row in table.drop_columns(["id"]).to_pylist()}
    drawn = [tuple(row.values()) for row in made.drop_columns(["id"]).to_pylist()]
    assert set(drawn) < known
    assert 0.55 < len(set(drawn)) / 1000 < 0.72  # 1 - 1/e, as with replacement


def test_rows_are_drawn_evenly() -> None:
    """Each row of a block has the same chance; so the redraws' mean is the window's."""
    pool = Pool.of(rows(300), columns())
    counts: dict[float, int] = dict.fromkeys(pool.table["age"].to_pylist(), 0)
    for number in range(400):
        for age in pool.redraw(generator("m", DAY, "clean", number))["age"].to_pylist():
            counts[age] += 1
    sizes = dict(zip(pool.table["age"].to_pylist(), pool.sizes.tolist(), strict=True))
    assert set(counts.values()) != {400}
    for age, size in sizes.items():
        assert abs(counts[age] - 400) <= 6 * math.sqrt(400 * (1 - 1 / size)) + 1e-9


@pytest.mark.parametrize("kind", [pa.int64(), pa.int8(), pa.string()])
def test_ids_occur_once(kind: pa.DataType) -> None:
    """A row that is drawn twice is no duplicate, whatever the ids of the rows were."""
    table = rows(600, id=pa.array([7] * 600).cast(kind))
    made = Pool.of(table, columns()).redraw(np.random.default_rng(0))
    assert pc.count_distinct(made["id"]).as_py() == 600
    assert pa.types.is_string(made["id"].type) == pa.types.is_string(kind)
    bare = Pool.of(rows(id=None), columns(id=None)).redraw(np.random.default_rng(0))
    assert "id" not in bare.column_names


def test_the_same_chance_gives_the_same_rows() -> None:
    """One seed for each monitor, window, fault and number; each part of it counts; the source stays as it is."""
    table = rows(200)
    pool = Pool.of(table, columns())
    parts = [("m", DAY, "f", 1), ("n", DAY, "f", 1), ("m", WEEK, "f", 1), ("m", DAY, "g", 1), ("m", DAY, "f", 2)]
    drawn = [pool.redraw(generator(*part)) for part in parts]
    assert drawn[0].equals(pool.redraw(generator(*parts[0])))
    assert not any(drawn[0].equals(other) for other in drawn[1:])
    assert table.equals(rows(200))


def test_other_windows_lend_their_rows() -> None:
    """Rows of the same block of other days, moved to this one; as many as the window has, in its rhythm."""
    early = rows(400, at=[DAY.start + timedelta(hours=number % 12, minutes=5) for number in range(400)])
    yesterday = Window(DAY.start - timedelta(days=1), DAY.start)
    other = moved(rows(900, seed=2, window=yesterday), columns(), yesterday)
    assert other is not None
    pool = Pool.of(early, columns(), [other])
    made = pool.redraw(np.random.default_rng(0))
    assert (made.num_rows, pool.window.num_rows, pool.table.num_rows) == (400, 400, 1300)
    hours = [each.hour for each in made["at"].to_pylist()]
    assert [hours.count(hour) for hour in range(24)] == [34] * 4 + [33] * 8 + [0] * 12
    lent = {row["age"] for row in other.to_pylist()}
    assert 0.3 < sum(age in lent for age in made["age"].to_pylist()) / 400 < 0.75
    assert {each.date() for each in other["at"].to_pylist()} == {DAY.start.date()}
    assert moved(rows(3, at=["2013-06-02T01:00:00Z"] * 3), columns(), yesterday) is None


def test_no_row_comes_twice_where_there_are_enough() -> None:
    """Of twice as many rows in a block each is drawn once at most, with the same chance; of fewer some come again."""
    window, other = rows(240), moved(rows(480, seed=2), columns(), DAY)
    assert other is not None
    pool = Pool.of(window, columns(), [other])
    few = {hour for hour in range(24) if hours(pool.table).count(hour) < 2 * hours(window).count(hour)}
    counts = dict.fromkeys(pool.table["age"].to_pylist(), 0)
    for number in range(300):
        made = pool.redraw(generator("m", DAY, "clean", number))
        assert hours(made) == hours(pool.window)
        kept = [row["age"] for row in made.to_pylist() if row["at"].hour not in few]
        assert len(set(kept)) == len(kept) > 150
        for age in kept:
            counts[age] += 1
    assert not pool.echoes
    for row, wanted, size in zip(pool.window.to_pylist(), pool._wanted, pool.sizes, strict=True):
        if row["at"].hour not in few:
            share = wanted / size
            assert abs(counts[row["age"]] - 300 * share) <= 6 * math.sqrt(300 * share * (1 - share))
    assert Pool.of(window, columns()).echoes


def hours(table: pa.Table) -> list[int]:
    """Hour of each row."""
    return [each.hour for each in table["at"].to_pylist()]


def test_awkward_rows() -> None:
    """One row, dictionaries, a timestamp that is null: all can be drawn."""
    assert Pool.of(rows(1), columns()).redraw(np.random.default_rng(0)).num_rows == 1
    coded = rows(50, plan=pa.array(["a", "b"] * 25).dictionary_encode(), at=pa.array([None] * 50, pa.timestamp("ms")))
    made = Pool.of(coded, columns()).redraw(np.random.default_rng(0))
    assert made.schema.field("plan").type == pa.string()
    assert made.num_rows == 50
