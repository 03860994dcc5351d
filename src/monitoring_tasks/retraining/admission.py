"""Whether a retraining that was asked for may begin: pure rules on what was asked before, no clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitoring_tasks.retraining.parameters import moment_text
from monitoring_tasks.retraining_section import DAY, Retraining
from monitoring_tasks.store.records import RetrainingRecord
from monitoring_tasks.window import HOUR

_NEVER_TRAINED = ("rollback", "again")
_LEFT_NOTHING = ("failed", "no_new_data")
_SHOWN = 3


@dataclass(frozen=True)
class Admission:
    """Whether a challenger is trained, and why.

    `code` is admitted, backfill, data_quality, open, same_data, cooldown, budget, or another that the caller found.
    `reason` is a sentence with its numbers and what to do.
    """

    admitted: bool
    code: str
    reason: str


def admit(
    section: Retraining,
    asked: RetrainingRecord,
    *,
    past: Sequence[RetrainingRecord],
    blocked: Sequence[str] = (),
    force: bool = False,
    silent: bool = False,
) -> Admission:
    """Whether the retraining that `asked` describes may begin; the first rule that refuses it is given.

    `past` holds records of any monitor and in any order; refused ones, and those of the same run, change nothing.
    `blocked` holds the faults of the data, `silent` marks a backfill. `force` overrides same data, cooldown and budget,
    and nothing else. Cooldown and budget look both ways in time, from window end to window end, so that weeks
    of the past can be trained anew in any order.
    """
    mine = [record for record in past if record.monitor == asked.monitor and record.run != asked.run]
    taken = [record for record in mine if record.state != "refused"]
    if final := _never_forced(asked, taken, blocked, silent):
        return final
    found = _same_data(asked, taken) or _too_often(section, asked, taken)
    return found if found and not force else Admission(True, "admitted", _admitted(asked, found))


def _never_forced(
    asked: RetrainingRecord, taken: Sequence[RetrainingRecord], blocked: Sequence[str], silent: bool
) -> Admission | None:
    if silent:
        return _refused("backfill", "a backfill run trains nothing: trigger a retraining by hand where one is wanted")
    if blocked:
        return _refused(
            "data_quality",
            f"the newest data must not be learnt: {_listed(blocked)}. Correct the data at its source, run the monitor "
            "on it again, then ask again; force does not override this",
        )
    under_way = [record for record in taken if record.open]
    other = min(under_way, key=lambda record: (record.requested_at, record.run), default=None)
    if other is None:
        return None
    return _refused(
        "open",
        f"retraining {other.run} of {asked.monitor}, asked for at {moment_text(other.requested_at)}, is {other.state}, "
        "and a model has one at a time: let it end, or end it in Airflow, then ask again",
    )


def _same_data(asked: RetrainingRecord, taken: Sequence[RetrainingRecord]) -> Admission | None:
    ended = [record for record in taken if not _undone(record) and record.state != "failed"]
    last = max(ended, key=lambda record: (record.requested_at, record.run), default=None)
    if last is None or asked.training is None or not asked.snapshot or _material(last) != _material(asked):
        return None
    rows = f"{moment_text(asked.training.start)} to {moment_text(asked.training.end)}"
    return _refused(
        "same_data",
        f"the rows from {rows} (snapshot {asked.snapshot}) and the champion are those of retraining {last.run}, which "
        f"ended {last.state}: trained again they give the same. "
        "Force it, or ask with a later window end",
    )


def _material(record: RetrainingRecord) -> tuple[object, ...]:
    """What a training is made of."""
    return record.training, record.snapshot, record.champion.get("revision")


def _too_often(section: Retraining, asked: RetrainingRecord, taken: Sequence[RetrainingRecord]) -> Admission | None:
    cooling, counted = _cooling(taken), _counted(taken)
    reason = _cooldown(section, asked, cooling) or _budget(section, asked, counted)
    if reason is None:
        return None
    code, text = reason
    return _refused(code, f"{text}. Force it, or wait until {moment_text(_next_end(section, asked, cooling, counted))}")


def _cooldown(section: Retraining, asked: RetrainingRecord, cooling: Sequence[datetime]) -> tuple[str, str] | None:
    last = min(cooling, key=lambda end: (abs(end - asked.window_end), end), default=None)
    if last is None or abs(last - asked.window_end) >= section.cooldown:
        return None
    which = "the last training's" if last <= asked.window_end else "a later training's"
    return "cooldown", (
        f"{which} window ended {moment_text(last)}, {_distance(last, asked.window_end)} this one's; the cooldown is "
        f"{_span(section.cooldown)} (retraining.cooldown)"
    )


def _distance(end: datetime, asked: datetime) -> str:
    if end == asked:
        return "at the same moment as"
    return f"{_span(abs(end - asked))} {'before' if end < asked else 'after'}"


def _budget(section: Retraining, asked: RetrainingRecord, counted: Sequence[datetime]) -> tuple[str, str] | None:
    most, period = section.budget.trainings, section.budget.period
    near = sorted(end for end in counted if abs(end - asked.window_end) < period)
    if len(near) < most:
        return None
    trainings = "1 training" if len(near) == 1 else f"{len(near)} trainings"
    return "budget", (
        f"{trainings}, failed ones too, had window ends within {_span(period)} of {moment_text(asked.window_end)} "
        f"({moment_text(near[0])} to {moment_text(near[-1])}); the budget is {most} in {_span(period)} "
        "(retraining.budget)"
    )


def _next_end(
    section: Retraining, asked: RetrainingRecord, cooling: Sequence[datetime], counted: Sequence[datetime]
) -> datetime:
    """The first window end after the one asked for that neither cooldown nor budget refuses."""
    period, most = section.budget.period, section.budget.trainings

    def fits(end: datetime) -> bool:
        near = sum(abs(other - end) < period for other in counted)
        return near < most and all(abs(other - end) >= section.cooldown for other in cooling)

    turns = {end + section.cooldown for end in cooling} | {end + period for end in counted}
    return min(turn for turn in turns if turn > asked.window_end and fits(turn))


def _cooling(taken: Sequence[RetrainingRecord]) -> list[datetime]:
    """Window ends of the trainings that left something to compare."""
    return [record.window_end for record in taken if not _undone(record) and record.state not in _LEFT_NOTHING]


def _counted(taken: Sequence[RetrainingRecord]) -> list[datetime]:
    """Window ends of the trainings that cost something."""
    return [r.window_end for r in taken if r.state != "rolled_back" and r.origin not in _NEVER_TRAINED]


def _undone(record: RetrainingRecord) -> bool:
    return record.origin == "rollback" or record.state == "rolled_back"


def _refused(code: str, reason: str) -> Admission:
    return Admission(False, code, reason)


def _admitted(asked: RetrainingRecord, forced: Admission | None) -> str:
    although = f"; forced, although it would be refused for {forced.code}" if forced else ""
    return f"asked for by {asked.origin} with rows up to {moment_text(asked.window_end)}: {asked.reason}{although}"


def _listed(faults: Sequence[str]) -> str:
    more = len(faults) - _SHOWN
    return "; ".join(faults[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")


def _span(width: timedelta) -> str:
    """A length of time in its largest whole unit.

    >>> _span(timedelta(days=7)), _span(timedelta(hours=36)), _span(timedelta(days=1))
    ('7 days', '36 hours', '1 day')
    """
    units = (("day", DAY), ("hour", HOUR), ("minute", timedelta(minutes=1)), ("second", timedelta(seconds=1)))
    name, unit = next(((name, unit) for name, unit in units if not width % unit), units[-1])
    count = width // unit
    return f"{count} {name}" if count == 1 else f"{count} {name}s"
