"""A scrape of every monitor: what changed since the last one is written anew, all else is as it was."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from monitoring_tasks.metrics import families
from monitoring_tasks.metrics.columns import column_texts
from monitoring_tasks.metrics.facts import Facts
from monitoring_tasks.metrics.families import FAMILIES, OF_FEATURES, Family
from monitoring_tasks.metrics.lines import write, write_letters
from monitoring_tasks.metrics.packed import Block, gzipped, pack
from monitoring_tasks.metrics.sheet import Sheet
from monitoring_tasks.store.board import Head
from monitoring_tasks.store.database import Store
from monitoring_tasks.views.overview import Watched

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scrape:
    """The figures at a moment, in Prometheus' text format: compressed, or as pieces of plain text."""

    blocks: Sequence[Block]

    def gzipped(self) -> bytes:
        """The text as a gzip file."""
        return gzipped(self.blocks)

    def pieces(self) -> Iterator[bytes]:
        """The text piece by piece, for a reader that does not take gzip."""
        return (block.text for block in self.blocks)


class Exposition:
    """What scrapes of a store have in common: the columns' lines, as long as they hold. Threads may share it.

    A monitor of 200 columns takes about 15 kB; one that is gone takes nothing from the next full scrape on.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: dict[str, _Kept] = {}
        self._lock = Lock()
        self._errors = 0

    def scrape(self, watched: Iterable[Watched], *, whole: bool) -> Scrape:
        """The figures of the monitors watched. `whole`: these are all there are, and the outbox is told of as well.

        Raises `StoreUnavailable`, and counts it.
        """
        try:
            return self._scrape(tuple(watched), whole=whole)
        except Exception:
            with self._lock:
                self._errors += 1
            raise

    def _scrape(self, watched: Sequence[Watched], *, whole: bool) -> Scrape:
        started = time.perf_counter()
        facts, names = Facts.of(self._store), {each.name for each in watched}
        kept = self._columns([head for head in facts.heads if head.subject.monitor in names], whole=whole)
        sheet = Sheet()
        write(sheet, watched, facts)
        if whole:
            write_letters(sheet, facts)
        blocks = list(_blocks(sheet, kept))
        return Scrape([*blocks, self._own(time.perf_counter() - started)])

    def _columns(self, heads: Sequence[Head], *, whole: bool) -> Sequence[Mapping[Family, Block]]:
        with self._lock:
            changed = [head for head in heads if not self._holds(head)]
            scores = self._store.scores({head.digest for head in changed})
            for head in changed:
                texts = column_texts(head.subject.monitor, scores.get(head.digest, ()), head.outcome)
                self._kept[head.subject.monitor] = _Kept(_key(head), {name: pack(text) for name, text in texts.items()})
            if whole:
                self._forget({head.subject.monitor for head in heads})
            if changed:
                log.info("metrics.columns_written monitors=%d kept=%d", len(changed), len(self._kept))
            return [self._kept[head.subject.monitor].blocks for head in heads]

    def _holds(self, head: Head) -> bool:
        kept = self._kept.get(head.subject.monitor)
        return kept is not None and kept.key == _key(head)

    def _forget(self, alive: Collection[str]) -> None:
        for gone in self._kept.keys() - alive:
            del self._kept[gone]

    def _own(self, seconds: float) -> Block:
        sheet = Sheet()
        sheet.put(families.SCRAPE_SECONDS, seconds)
        sheet.put(families.SCRAPE_ERRORS, self._errors, str(os.getpid()))
        own = (families.SCRAPE_SECONDS, families.SCRAPE_ERRORS)
        return pack("".join(family.header + sheet.text(family) for family in own))


@dataclass(frozen=True)
class _Kept:
    """The columns' lines of one monitor's newest window, by family."""

    key: tuple[str, datetime]
    blocks: Mapping[Family, Block]


def _key(head: Head) -> tuple[str, datetime]:
    return head.digest, head.written_at


def _blocks(sheet: Sheet, kept: Sequence[Mapping[Family, Block]]) -> Iterator[Block]:
    """Blocks in the order of the families; each family that has series begins with its header."""
    for family in FAMILIES:
        if family in sheet.lines:
            yield pack(family.header + sheet.text(family))
        elif family in OF_FEATURES:
            mine = [blocks[family] for blocks in kept if family in blocks]
            yield from [_HEADERS[family], *mine] if mine else []


_HEADERS = {family: pack(family.header) for family in OF_FEATURES}
