"""What the processes of the concurrency tests do; they start at the same moment."""

from __future__ import annotations

import multiprocessing
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from multiprocessing.synchronize import Barrier
from typing import Any

from monitoring_tasks.store.database import open_store
from tests.store.samples import alert, results, retraining, subject, verdict

PROCESSES = 4
WINDOWS = 15
SHARED = 100
TURNS = 20


def open_it(url: str, number: int) -> None:
    """Open the store, which migrates it, and look into it."""
    with open_store(url) as store:
        assert store.latest() == []


def write(url: str, number: int) -> None:
    """Write windows of its own, and between them a subject that every process writes, with `number + 1` results."""
    with open_store(url) as store:
        for day in range(WINDOWS):
            store.put_results(subject(day, champion=f"v{number}"), results(), rows=day)
            store.put(verdict(day, champion=f"v{number}"), results(), report=None, run={})
            store.put(verdict(SHARED), results()[: number + 1], report=None, run={"writer": str(number)})


def claim(url: str, number: int) -> None:
    """Claim an alert; the one that may send it says so in another alert."""
    with open_store(url) as store:
        _, claimed = store.claim_alert(alert("shared", state="sending"), by=f"run {number}", lapse=timedelta(minutes=5))
        if claimed:
            store.put_alert(alert(f"sent by {number}"))


def ask(url: str, number: int) -> None:
    """Open a retraining of a monitor again and again; the one that has it ends it, so that another may."""
    with open_store(url) as store:
        for turn in range(TURNS):
            record = retraining(f"run {number}.{turn}")
            standing, ours = store.open_retraining(record, lapse=timedelta(minutes=5))
            assert ours == (standing == record)
            if ours:
                store.put_retraining(replace(record, state="scored"))
                store.put_retraining(replace(record, state="rejected", closed_at=record.requested_at))


def ask_once(url: str, number: int) -> None:
    """Open a retraining beside one that lapsed."""
    with open_store(url) as store:
        store.open_retraining(retraining(f"run {number}"), lapse=timedelta(minutes=5))


def together(url: str, work: Callable[[str, int], None]) -> list[str]:
    """Do the work in several new processes at once; return the tracebacks of those that failed."""
    context = multiprocessing.get_context("spawn")
    barrier, queue = context.Barrier(PROCESSES), context.Queue()
    processes = [context.Process(target=_run, args=(work, url, number, barrier, queue)) for number in range(PROCESSES)]
    for process in processes:
        process.start()
    failures = [queue.get(timeout=120) for _ in processes]
    for process in processes:
        process.join()
    queue.close()
    return [failure for failure in failures if failure]


def _run(work: Callable[[str, int], None], url: str, number: int, barrier: Barrier, queue: Any) -> None:
    try:
        barrier.wait(60)
        work(url, number)
    except BaseException:
        queue.put(traceback.format_exc())
    else:
        queue.put("")
