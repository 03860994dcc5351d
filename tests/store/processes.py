"""What the processes of the concurrency tests do; they start at the same moment."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from multiprocessing.synchronize import Barrier
from typing import Any

from monitoring_tasks.store.database import Store, open_store
from monitoring_tasks.store.records import Letter
from monitoring_tasks.store.transaction import Transaction
from monitoring_tasks.window import HOUR
from tests.store.samples import (
    NOON,
    canary,
    entry,
    incident,
    letter,
    member,
    reading,
    results,
    retraining,
    subject,
    transition,
    verdict,
)
from tests.store.samples import signal as finding

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


def post(url: str, number: int) -> None:
    """Post the same letters as every other process, and say in a letter of its own how many it was that posted."""
    with open_store(url) as store:
        for position in range(1, TURNS):
            with store.transaction() as transaction:
                if transaction.post(letter(position)):
                    transaction.post(letter(1, f"{number}.{position}"))


def find(url: str, number: int) -> None:
    """Find out about the same problem as every other process: the first opens the incident, the others join it."""
    name = f"monitor_{number}"
    with open_store(url) as store, store.transaction() as transaction:
        transaction.put_verdict(verdict(monitor=name), results(), report=None, run={})
        transaction.put_reading(reading(monitor=name), live=True)
        transaction.lock_incidents()
        found = transaction.open_incidents()
        members = (*(found[0].members if found else ()), member(name))
        transaction.put_incident(incident(found[0].id if found else f"by {number}", members=members))


def deliver(url: str, number: int) -> None:
    """Send all letters, each at the second try; note when it was sent."""
    with open_store(url) as store:
        while any(store.letters(state=state) for state in ("waiting", "sending")):
            claimed = store.claim_letter(by=f"sender {number}", now=NOON + HOUR, lapse=timedelta(minutes=5))
            if claimed is not None:
                assert claimed[1] is False
                assert store.settle_letter(_tried(claimed[0]))


def _tried(given: Letter) -> Letter:
    if not given.attempts:
        return replace(given, state="waiting", attempts=1, error="down")
    return replace(given, state="sent", attempts=2, external={"at": str(time.monotonic_ns())})


def bundle(url: str, number: int) -> None:
    """Bundle what waits for the digest, until nothing does."""
    with open_store(url) as store:
        while waiting := store.due_digest("slack:c:#ml", NOON + HOUR):
            some = waiting[: number + 2]
            key = f"digest of {'+'.join(each.key for each in some)}"
            store.bundle(letter(0, "", event="digest", key=key), some)


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


def everything(transaction: Transaction) -> None:
    """Write something of every kind."""
    transaction.put_verdict(verdict(), results(), report="file:///r", run={"id": "1"})
    transaction.put_results(subject(1), results(), rows=5)
    transaction.put_performance(entry())
    transaction.put_retraining(retraining())
    transaction.put_canary(canary())
    transaction.put_reading(reading(0, finding()), live=True)
    transaction.lock_incidents()
    transaction.put_incident(incident())
    transaction.add_transition(transition())
    transaction.post(letter())


def in_one(store: Store, *steps: Callable[[Transaction], object]) -> None:
    """Do all steps in one transaction."""
    with store.transaction() as transaction:
        for step in steps:
            step(transaction)


def die_in_the_middle(url: str) -> None:
    """Write everything, and be killed before the transaction ends."""
    with open_store(url) as store, store.transaction() as transaction:
        everything(transaction)
        os.kill(os.getpid(), signal.SIGKILL)


def die_afterwards(url: str) -> None:
    """Write everything, and be killed when the transaction has just ended."""
    with open_store(url) as store:
        with store.transaction() as transaction:
            everything(transaction)
        os.kill(os.getpid(), signal.SIGKILL)


def killed(url: str, work: Callable[[str], None]) -> int | None:
    """Do the work in a new process; return its exit code, which is negative for one that was killed."""
    process = multiprocessing.get_context("spawn").Process(target=work, args=(url,))
    process.start()
    process.join(60)
    return process.exitcode


def together(url: str, work: Callable[[str, int], None]) -> list[str]:
    """Do the work in several new processes at once; return the tracebacks of those that failed."""
    context = multiprocessing.get_context("spawn")
    barrier, queue = context.Barrier(PROCESSES), context.Queue()
    arguments = [(work, url, number, barrier, queue) for number in range(PROCESSES)]
    processes = [context.Process(target=_run, args=each, daemon=True) for each in arguments]
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
