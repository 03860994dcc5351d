"""The estimate before labels: how often its interval holds what comes, how often it is refused, and how soon."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.dataset as ds
from rich.console import Console
from rich.table import Table
from scipy import stats

from bench.measure import ROOT
from demo.champion import MODEL, make_champion
from demo.production import replay_production
from monitoring_tasks.performance.estimate import Estimator, estimate, learn_estimator
from monitoring_tasks.performance.metrics import METRICS
from monitoring_tasks.performance.outcomes import NEVER, Outcomes, microseconds
from monitoring_tasks.performance.point import Asked, point
from monitoring_tasks.performance.trust import Pair, harm, trusted, trusted_together
from monitoring_tasks.performance_section import DECISIVE, Drop
from monitoring_tasks.window import DAY, Window

FOLDER = ROOT / ".bench" / "flights"
ASKED = Asked("binary", tuple(DECISIVE["binary"]))
FIRST, LAST = datetime(2013, 4, 2, tzinfo=UTC), datetime(2013, 12, 31, tzinfo=UTC)
SHIFT = datetime(2013, 4, 16, tzinfo=UTC)
WIDTHS = {"weeks": 7 * DAY, "days": DAY}
MONTHS = [datetime(2013, month, 1, tzinfo=UTC) for month in (1, 2, 3, 4)]
SIZES, ROWS, LENGTH = (500, 1_000, 2_000, 10_000), 50_000, 12
FAULTS = {"5 % flipped": 0.05, "10 % flipped": 0.1, "20 % flipped": 0.2, "late rate x 1.5": 1.5}
MUST = ("20 % flipped", "late rate x 1.5")
HELD, REFUSED, FOUND = 0.93, 0.05, 0.95
SOON, LATE = 2, 3
NOTES = """\
Held: share of windows whose realised figure lies within the interval that was estimated of it, at a confidence of 95 %.
Believed: those that the windows before, as their labels came, did not refuse: by the metric itself, or by any of three.
A refusal says that scores no longer mean what they meant: on the flights they do not from the middle of April on.
Months held out: each of January to March, estimated by what the other two teach: real days without a new season.
Drawn anew: reference (50,000 rows in 90 days) and windows of a day are drawn from January to March, row by row.
Refused by window 2 [3]: share of sequences refused once so many windows with the fault have their labels."""


@dataclass(frozen=True)
class Judged:
    """A window: what was estimated of each metric and what came, and why it was not believed before (empty: it was).

    `harm` is what the estimate said of it, `likely` the same without asking for the whole interval.
    """

    start: int
    pairs: Mapping[str, Pair]
    refused: Mapping[str, str]
    together: str
    harm: bool | None
    likely: bool | None

    def held(self, metric: str) -> bool:
        """Whether the realised figure lies in the interval."""
        (_, low, high), value = _ends(self.pairs[metric])
        return low <= value <= high


def _ends(pair: Pair) -> tuple[tuple[float, float, float], float]:
    interval, value = pair
    numbers = [np.nan if each is None else each for each in (interval.value, interval.low, interval.high, value)]
    return (numbers[0], numbers[1], numbers[2]), numbers[3]


def flights(work: Path) -> tuple[Outcomes, Outcomes]:
    """January to March as the champion's reference has them, and the flights of April to December that landed."""
    make_champion(work)
    replay_production(work)
    reference = pd.read_parquet(work / MODEL / "reference.parquet", columns=["timestamp", "label", "score"])
    log = _log(work, "predictions", ["prediction_id", "timestamp", "score"])
    landed = log.merge(_log(work, "labels", ["prediction_id", "label"]), on="prediction_id")
    return as_outcomes(reference), as_outcomes(landed)


def _log(work: Path, name: str, columns: list[str]) -> pd.DataFrame:
    return ds.dataset(work / "production" / name, partitioning="hive").to_table(columns=columns).to_pandas()


def as_outcomes(rows: pd.DataFrame) -> Outcomes:
    """Rows with `timestamp`, `score` and `label` in the order of time."""
    ordered = rows.sort_values("timestamp", kind="stable")
    moment = ordered["timestamp"].astype("datetime64[us, UTC]").astype("int64").to_numpy()
    return _outcomes(moment, ordered["score"].to_numpy(float), ordered["label"].to_numpy(float))


def _outcomes(moment: np.ndarray, score: np.ndarray, label: np.ndarray) -> Outcomes:
    never = np.full(len(moment), NEVER)
    return Outcomes(moment, score, label, never, never)


def windows(rows: Outcomes, start: datetime, end: datetime, width: timedelta) -> Iterator[Outcomes]:
    """Whole windows from `start` on that have rows."""
    for place in range((end - start) // width):
        found = rows.within(Window(start + place * width, start + (place + 1) * width))
        if len(found):
            yield found


def judge(estimator: Estimator, found: Iterable[Outcomes], baseline: Mapping[str, float | None]) -> list[Judged]:
    """Every window in order of time, its labels unknown until the window after it is judged."""
    judged: list[Judged] = []
    for rows in found:
        before = {name: [each.pairs[name] for each in judged] for name in ASKED.metrics}
        estimated = estimate(estimator, rows, ASKED)
        values = {name: point(METRICS["binary", name], rows, ASKED).value for name in ASKED.metrics}
        pairs = {name: (estimated[name].interval, values[name]) for name in ASKED.metrics}
        refused = {name: trusted(each) or estimated[name].refused for name, each in before.items()}
        together = trusted_together(before)
        believed = {name: replace(each, refused=together or each.refused) for name, each in estimated.items()}
        harms = (harm(believed, baseline, _limits(), task="binary", sure=sure) for sure in (True, False))
        judged.append(Judged(int(rows.moment[0]), pairs, refused, together, *harms))
    return judged


def _limits() -> dict[str, Drop]:
    found = {str(name): limits.champion for name, limits in DECISIVE["binary"].items()}
    return {name: limit for name, limit in found.items() if limit is not None}


def learnt(reference: Outcomes, width: timedelta) -> Estimator:
    """What a reference teaches about windows of a width."""
    found = learn_estimator(reference, ASKED, width)
    assert found is not None
    return found


def production(reference: Outcomes, rows: Outcomes) -> dict[str, list[Judged]]:
    """The year, in windows of each width."""
    baseline = {name: point(METRICS["binary", name], reference, ASKED).value for name in ASKED.metrics}
    return {
        name: judge(learnt(reference, width), windows(rows, FIRST, LAST, width), baseline)
        for name, width in WIDTHS.items()
    }


def held_out(reference: Outcomes) -> dict[str, list[list[Judged]]]:
    """Each month of the reference by what the others teach, in windows of each width."""
    found: dict[str, list[list[Judged]]] = {name: [] for name in WIDTHS}
    for start, end in pairwise(MONTHS):
        low, high = microseconds(start), microseconds(end)
        rest = reference.take((reference.moment < low) | (reference.moment >= high))
        for name, width in WIDTHS.items():
            found[name].append(judge(learnt(rest, width), windows(reference, start, end, width), {}))
    return found


def drawn(pool: Outcomes, rows: int, days: int, random: np.random.Generator, fault: str = "") -> Outcomes:
    """Rows drawn anew from a pool, spread over days from January 1 on, their labels with a fault."""
    places = random.integers(0, len(pool), rows)
    moment = microseconds(MONTHS[0]) + np.arange(rows) * (days * DAY // timedelta(microseconds=1) // rows)
    label = pool.label[places]
    if fault:
        label = np.where(
            random.random(rows) < _turned(label, FAULTS[fault], float(pool.label.mean())), 1 - label, label
        )
    return _outcomes(moment, pool.prediction[places], label)


def _turned(label: np.ndarray, size: float, rate: float) -> np.ndarray:
    """Chance of each label to be turned: all alike, or from 0 to 1 so often that the rate is `size` times as high."""
    if size < 1:
        return np.full(len(label), size)
    return np.where(label == 0, (size - 1) * rate / (1 - rate), 0.0)


def references(pool: Outcomes, count: int) -> list[Estimator]:
    """What references drawn anew teach about windows of a day."""
    return [learnt(drawn(pool, ROWS, 90, np.random.default_rng([1, number])), DAY) for number in range(count)]


def redraws(
    pool: Outcomes, estimators: Sequence[Estimator], rows: int, length: int, fault: str = ""
) -> list[list[Judged]]:
    """For each estimator a sequence of windows of so many rows, drawn anew."""
    found = []
    for number, estimator in enumerate(estimators):
        random = np.random.default_rng([2, rows, number])
        found.append(judge(estimator, (drawn(pool, rows, 1, random, fault) for _ in range(length)), {}))
    return found


def show(console: Console, progress: Console, *, quick: bool) -> None:
    """Run everything and print the tables; `quick` draws far fewer windows and judges no goal."""
    console.width = max(console.width, 150)
    progress.print("the flights, replayed")
    reference, rows = flights(FOLDER)
    year = production(reference, rows)
    console.print(year_table(year), *told(year["weeks"], judged=not quick), sep="\n", highlight=False)
    progress.print("months held out, and windows drawn anew")
    taught = references(reference, 3 if quick else 40)
    clean = {f"months held out, {name}": each for name, each in held_out(reference).items()}
    clean |= {f"drawn anew, {size:,} rows": redraws(reference, taught, size, LENGTH) for size in SIZES}
    console.print(clean_table(clean, judged=not quick))
    progress.print("concept shift")
    shifted = {fault: {size: redraws(reference, taught, size, LATE + 1, fault) for size in SIZES} for fault in FAULTS}
    console.print(shift_table(shifted, judged=not quick))
    console.print(NOTES, highlight=False)


def year_table(year: Mapping[str, Sequence[Judged]]) -> Table:
    """How often intervals held what came from April to December, of all windows and of those believed."""
    columns = ("windows of", "metric", "windows", "held", "believed", "held", "all three believed", "held")
    made = Table(*columns, title="April to December")
    for name, judged in year.items():
        for metric in ASKED.metrics:
            own = [each for each in judged if not each.refused[metric]]
            every = [each for each in judged if not each.together]
            made.add_row(name, metric, *_held(judged, metric), *_held(own, metric), *_held(every, metric))
    return made


def _held(judged: Sequence[Judged], metric: str) -> tuple[str, ...]:
    return f"{len(judged)}", f"{np.mean([each.held(metric) for each in judged]):.1%}" if judged else "-"


def told(weeks: Sequence[Judged], *, judged: bool) -> list[str]:
    """When estimates were refused, and what those that were believed said of harm."""
    refused = [f"{_date(each):%-d %B}" for each in weeks if each.together]
    after = [each for each in weeks if _date(each) >= SHIFT]
    soon = next((place for place, each in enumerate(after) if each.together), len(after))
    goal = f"; {_mark(soon <= LATE)}: at most {LATE}" if judged else ""
    return [
        f"Refused, {len(refused)} of {len(weeks)} weeks: {', '.join(refused)}.",
        f"Weeks with labels between the shift of {SHIFT:%-d %B} and the refusal: {soon}{goal}.",
        f"Harm by the estimate before labels: {_harms([each.harm for each in weeks])}; "
        f"if the interval is not asked: {_harms([each.likely for each in weeks])}.",
    ]


def _harms(found: Sequence[bool | None]) -> str:
    return ", ".join(f"{word} {sum(each is which for each in found)}" for word, which in HARM.items())


HARM = {"none": False, "some": True, "not known": None}


def _date(window: Judged) -> datetime:
    return datetime.fromtimestamp(window.start / 1e6, UTC)


def clean_table(found: Mapping[str, Sequence[Sequence[Judged]]], *, judged: bool) -> Table:
    """How often intervals hold and estimates are refused where nothing happened."""
    columns = (f"{metric} held" for metric in ASKED.metrics)
    made = Table("where nothing happened", "windows", *columns, "refused", "goal")
    for name, sequences in found.items():
        every = [each for sequence in sequences for each in sequence]
        held = [float(np.mean([each.held(metric) for each in every])) for metric in ASKED.metrics]
        refused = float(np.mean([bool(each.together) for each in every]))
        goal = (
            _mark(_likely(1 - min(held), len(every), 1 - HELD) and _likely(refused, len(every), REFUSED))
            if judged
            else ""
        )
        made.add_row(name, f"{len(every)}", *(f"{each:.1%}" for each in held), f"{refused:.1%}", goal)
    limits = f"Goal: held at least {HELD:.0%}, refused at most {REFUSED:.0%}"
    made.caption = f"{limits}. A miss is one that chance alone makes in less than 5 %."
    return made


def _likely(share: float, windows: int, allowed: float) -> bool:
    """Whether so large a share is no surprise where `allowed` is what is to be expected."""
    return float(stats.binom.sf(round(share * windows) - 1, windows, allowed)) >= 0.05


def shift_table(found: Mapping[str, Mapping[int, Sequence[Sequence[Judged]]]], *, judged: bool) -> Table:
    """How soon estimates are refused where labels have a fault."""
    made = Table("refused by window 2 [3]", *(f"{size:,} rows" for size in SIZES), "goal")
    for fault, sizes in found.items():
        shares = [[_refused_by(sequences, by) for by in (SOON, LATE)] for sequences in sizes.values()]
        must = fault in MUST and judged
        goal = f"{_mark(min(late for _, late in shares) >= FOUND)}: {FOUND:.0%} by window {LATE}" if must else ""
        made.add_row(fault, *(f"{soon:.2f} [{late:.2f}]" for soon, late in shares), goal)
    return made


def _refused_by(sequences: Sequence[Sequence[Judged]], known: int) -> float:
    """Share of sequences refused once so many windows have their labels, or before."""
    return float(np.mean([any(each.together for each in sequence[: known + 1]) for sequence in sequences]))


def _mark(good: bool) -> str:
    return "pass" if good else "miss"
