"""A run that finds something and tells it on Slack, in a process of its own that is killed on the way.

Processes are forked from one that has the modules loaded, so that a hundred of them take seconds.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from monitoring_tasks.alerts.channel import Channel
from monitoring_tasks.alerts.composing import Told, compose
from monitoring_tasks.alerts.dispatch import deliver_due
from monitoring_tasks.alerts.slack import open_slack
from monitoring_tasks.alerts.telling import Teller, record
from monitoring_tasks.alerts_section import Alerts
from monitoring_tasks.alerts_section import Channel as Declared
from monitoring_tasks.data.connections import Account
from monitoring_tasks.incidents.reading import Reading
from monitoring_tasks.policy.verdict import Verdict
from monitoring_tasks.store.database import open_store
from monitoring_tasks.store.records import Letter

ALERTS = Alerts(channels={"team": Declared(to=("#ml-alerts",))})
SLACK = ALERTS.channels["team"].address
TOKEN = "xoxb-very-secret"


@dataclass(frozen=True)
class Point:
    """Before or after the first call of a method of the `transaction`, the `store` or the `channel`."""

    part: Literal["transaction", "store", "channel"]
    method: str
    when: Literal["before", "after"]

    def __str__(self) -> str:
        return f"{self.when} {self.part}.{self.method}"


@dataclass(frozen=True)
class Run:
    """What a run is to do: record what it found, and letters, in one transaction; deliver what is due, as `by`."""

    store: str
    slack: str
    by: str
    now: datetime
    findings: Sequence[tuple[Verdict, Reading]] = ()
    letters: Sequence[Letter] = ()
    point: Point | None = None

    def __call__(self) -> None:
        """Do it; at the point the process ends, as if its plug were pulled."""
        with open_store(self.store) as store:
            with store.transaction() as transaction:
                self._find(self._doomed("transaction", transaction))
            doomed = self._doomed("store", store)
            deliver_due(doomed, self._open, by=self.by, now=lambda: self.now, sleep=lambda _: None)

    def _find(self, transaction: Any) -> None:
        teller = Teller(ALERTS, lambda change: compose(change, Told()), self.now)
        for verdict, reading in self.findings:
            transaction.put_verdict(verdict, [], report=None, run={"by": self.by})
            record(transaction, reading, teller)
        for letter in self.letters:
            transaction.post(letter)

    def _open(self, _address: str) -> Channel:
        account = Account("slack", password=TOKEN, extra={"base_url": self.slack})
        channel: Channel = self._doomed("channel", open_slack(account, "#ml-alerts"))
        return channel

    def _doomed(self, part: str, real: Any) -> Any:
        return Doomed(real, self.point) if self.point and self.point.part == part else real


class Doomed:
    """Something real at one of whose methods the process is killed."""

    def __init__(self, real: Any, point: Point) -> None:
        self._real, self._point = real, point

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._real, name)
        if name != self._point.method:
            return method

        def last(*arguments: Any, **named: Any) -> Any:
            if self._point.when == "after":
                method(*arguments, **named)
            os.kill(os.getpid(), signal.SIGKILL)

        return last


def start(run: Callable[[], None]) -> multiprocessing.process.BaseProcess:
    """The process of a run."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=run)
    process.start()
    return process
