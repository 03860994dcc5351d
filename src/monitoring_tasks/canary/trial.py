"""Trials: a fault put into one redraw after another until the monitor finds it, and redraws without any fault."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

from monitoring_tasks.canary.injections import INJECTIONS, JOINT, Injection, Key
from monitoring_tasks.canary.redraw import CLEAN, Pool, generator
from monitoring_tasks.canary.report import FaultRecall
from monitoring_tasks.checks import Check, Status
from monitoring_tasks.policy_section import Persistence

DOUBLED: Key = (Check.DUPLICATE_SHARE, None)
Statuses = Mapping[Key, Status]
SIGNS = frozenset({Status.SUSPECT, Status.FAILED})


class Judge(Protocol):
    """What judges the rows of a window as the monitor does."""

    def statuses(self, rows: pa.Table) -> Statuses:
        """The status of every check on the rows."""


@dataclass(frozen=True)
class Setting:
    """What a self-test works with.

    `repeats` is how often each fault is put in, for `windows` windows at most. `standing` are the checks that the rows
    themselves do not pass, or cannot be judged by: what they say of redraws is no news, and no false alarm. `promised`
    says of an injection and a column whether the budget lets the monitor find it in time: where it does not, the fault
    goes elsewhere if it can, and is none that must be found. `untested` are the tests that the monitor does not make,
    and why: a fault that no other could find is not tried.
    """

    monitor: str
    pool: Pool
    judge: Judge
    persistence: Persistence
    windows: int = 7
    repeats: int = 20
    standing: frozenset[Key] = frozenset()
    promised: Callable[[Injection, str], bool] = lambda *_: True
    untested: Mapping[Key, str] = field(default_factory=dict)

    def drawn(self, fault: str, number: int, change: Callable[..., pa.Table] | None = None) -> Statuses:
        """The judgement of one redraw, with or without a fault."""
        random = generator(self.monitor, self.pool.columns.window, fault, number)
        rows = self.pool.redraw(random)
        return self.judge.statuses(rows if change is None else change(rows, random))


def standing(judge: Judge, rows: pa.Table) -> frozenset[Key]:
    """The checks that a window's own rows do not pass."""
    return frozenset(key for key, status in judge.statuses(rows).items() if status in SIGNS)


def try_faults(setting: Setting, injections: Iterable[Injection] = INJECTIONS) -> Iterator[FaultRecall]:
    """How soon each fault is found, one after the other."""
    for injection in injections:
        yield _try(setting, injection)


def _try(setting: Setting, injection: Injection) -> FaultRecall:
    column = _target(setting, injection)
    untried = "" if column is None or injection.reach != "joint" else setting.untested.get(JOINT, "")
    if untried:
        return FaultRecall(injection.name, injection.fault, column, setting.windows, untried=untried)
    found = () if column is None else tuple(_delay(setting, injection, column, each) for each in range(setting.repeats))
    expected = injection.expected and (column is None or setting.promised(injection, column))
    return FaultRecall(injection.name, injection.fault, column, setting.windows, found, expected)


def _target(setting: Setting, injection: Injection) -> str | None:
    """The column that the fault is put into; None where every one it fits shows something itself."""
    pool, stands = setting.pool, {column for _, column in setting.standing if column is not None}
    if (injection.reach, True) in {("joint", JOINT in setting.standing), ("duplicates", DOUBLED in setting.standing)}:
        return None
    weak = {name for name in pool.columns.kinds if not setting.promised(injection, name)}
    names = (
        injection.target(pool.window, pool.columns, seed=setting.monitor, avoid=each)
        for each in (stands | weak, stands)
    )
    return next((name for name in names if name is not None and name not in stands), None)


def _delay(setting: Setting, injection: Injection, column: str, repeat: int) -> int | None:
    """Number of the window, from 1, by which the fault is found; None when it is not."""
    columns = setting.pool.columns

    def faulty(rows: pa.Table, random: object) -> pa.Table:
        return injection.apply(rows, columns, random, column=column)  # type: ignore[arg-type]

    judged = (setting.drawn(injection.name, repeat * setting.windows + each, faulty) for each in range(setting.windows))
    for number, found in enumerate(findings(judged, setting.persistence), start=1):
        if any(injection.causes(key, column, columns.timestamp) for key in found - setting.standing):
            return number
    return None


def false_alarms(setting: Setting) -> list[frozenset[Key]]:
    """The findings of each false alarm in a row of redraws without a fault, as many as one fault is given.

    Findings in windows that follow each other are one alarm.
    """
    count = setting.repeats * setting.windows
    judged = (setting.drawn(CLEAN, number) for number in range(count))
    alarms: list[frozenset[Key]] = []
    goes_on = False
    for found in findings(judged, setting.persistence):
        news = found - setting.standing
        if news:
            alarms = [*alarms[:-1], alarms[-1] | news] if goes_on else [*alarms, news]
        goes_on = bool(news)
    return alarms


def findings(judged: Iterable[Statuses], persistence: Persistence) -> Iterator[frozenset[Key]]:
    """The findings of each window in turn: what failed, and what showed a sign in k of the last n windows.

    >>> from monitoring_tasks.checks import Check
    >>> sign = {(Check.DRIFT, "age"): Status.SUSPECT}
    >>> [len(found) for found in findings([sign, {}, sign, sign], Persistence(windows=2, of=3))]
    [0, 0, 1, 1]
    """
    recent: deque[frozenset[Key]] = deque(maxlen=persistence.of)
    for statuses in judged:
        signs = frozenset(key for key, status in statuses.items() if status in SIGNS)
        recent.append(signs)
        lasting = {key for key in signs if sum(key in each for each in recent) >= persistence.windows}
        yield frozenset(key for key in signs if statuses[key] is Status.FAILED or key in lasting)
