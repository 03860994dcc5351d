"""How many sets of places a text can lead a pattern to: what decides how long the worst text takes.

RE2 and PostgreSQL walk a text once, whatever the pattern: with every character from one set of places in the pattern
to the next. They keep the sets they have met; where those are few, a character costs some nanoseconds. Where a text
can lead to ever new ones, as `a[ab]{200}c` does, each character costs in proportion to the places of the pattern.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from monitoring_tasks.pattern_language.characters import Characters
from monitoring_tasks.pattern_language.tree import Chain, Choice, Node, Repeat

_Places = frozenset[int]


class _TooMany(Exception):
    """There is more to count than was allowed."""


@dataclass(frozen=True)
class Limits:
    """What a pattern may lead to: how many sets of places, and how many ranges the places of one may have together.

    Of the places that lead on to many, since all between may be left out, PostgreSQL takes long to read the pattern:
    how many may follow one, and how many pairs may follow each other. `steps` of counting are made, no more.
    """

    sets: int
    ranges: int = 3_000
    following: int = 300
    pairs: int = 100_000
    steps: int = 3_000_000


def leads_to_few(node: Node, limits: Limits) -> bool:
    """Whether no text can lead to more than the limits allow, as far as counting tells within its steps.

    Boundaries and ends count as passed, which may only lead to more places at a time.

    >>> a, ab = Characters(((97, 97),)), Characters(((97, 98),))
    >>> leads_to_few(Chain((a,) * 50), Limits(sets=100))
    True
    >>> leads_to_few(Chain((a, Repeat(ab, 50, 50))), Limits(sets=100))
    False
    """
    try:
        return _Count(_Automaton(node), steps=limits.steps).keeps_to(limits)
    except _TooMany:
        return False


class _Automaton:
    """The places of a pattern, its repeats written out: which character leads on from each, and what comes free."""

    def __init__(self, node: Node) -> None:
        self.free: list[list[int]] = [[]]
        self.takes: dict[int, tuple[Characters, int]] = {}
        self._add(node, 0)

    def _after(self, *places: int) -> int:
        """A new place that each of the given ones leads to by itself."""
        self.free.append([])
        for place in places:
            self.free[place].append(len(self.free) - 1)
        return len(self.free) - 1

    def _add(self, node: Node, start: int) -> int:
        match node:
            case Characters():
                end = self._after()
                self.takes[start] = node, end
                return end
            case Chain(parts):
                for part in parts:
                    start = self._add(part, start)
            case Choice(options):
                return self._after(*[self._add(option, self._after(start)) for option in options])
            case Repeat():
                return self._add_repeat(node, start)
        return start

    def _add_repeat(self, repeat: Repeat, start: int) -> int:
        leave, end, entry = [], start, start
        for copy in range(repeat.copies):
            entry = self._after(end)
            if copy >= repeat.least:
                leave.append(entry)
            end = self._add(repeat.part, entry)
        if repeat.most is None:
            self.free[end].append(entry)
        return self._after(end, *leave)


class _Count:
    """The sets of places that texts lead to, beside the places of the beginning, which are in every one of them."""

    def __init__(self, automaton: _Automaton, *, steps: int) -> None:
        self.automaton, self.steps = automaton, steps
        self.closures: dict[int, _Places] = {}
        self.symbols = self._symbols({found for found, _ in automaton.takes.values()})

    def keeps_to(self, limits: Limits) -> bool:
        """Whether the pattern leads to no more than that."""
        return self._follow_few(limits) and self._sets_are_few(limits)

    def _sets_are_few(self, limits: Limits) -> bool:
        beginning = self._moves(self._closure(0), {})
        free = limits.ranges - self._ranges(self._closure(0))
        seen = {_Places(), *beginning.values()}
        waiting = list(seen)
        while waiting and len(seen) <= limits.sets:
            found = set(self._moves(waiting.pop(), beginning).values()) - seen
            seen |= found
            waiting += found
        return len(seen) <= limits.sets and all(self._ranges(each) <= free for each in seen)

    def _follow_few(self, limits: Limits) -> bool:
        follow = [len(self._closure(end)) for _, end in self.automaton.takes.values()]
        return max(follow, default=0) <= limits.following and sum(follow) <= limits.pairs

    def _ranges(self, places: _Places) -> int:
        self._spend(len(places))
        return sum(len(self.automaton.takes[place][0].ranges) for place in places)

    def _spend(self, steps: int) -> None:
        self.steps -= steps
        if self.steps < 0:
            raise _TooMany

    def _moves(self, places: _Places, beginning: Mapping[int, _Places]) -> dict[int, _Places]:
        """The set each symbol leads to from some places; symbols that lead to those of the beginning are left out."""
        moves = defaultdict[int, set[int]](set)
        for place in places:
            taken, end = self.automaton.takes[place]
            reached = self._closure(end)
            self._spend(len(self.symbols[taken]) * (len(reached) + 1))
            for symbol in self.symbols[taken]:
                moves[symbol] |= reached
        return {symbol: beginning.get(symbol, _Places()) | reached for symbol, reached in moves.items()}

    def _closure(self, place: int) -> _Places:
        """The places that take a character, of those a place leads to by itself."""
        if place not in self.closures:
            seen, waiting = {place}, [place]
            while waiting:
                found = set(self.automaton.free[waiting.pop()]) - seen
                self._spend(len(found) + 1)
                seen |= found
                waiting += found
            self.closures[place] = _Places(seen & self.automaton.takes.keys())
        return self.closures[place]

    def _symbols(self, sets: Collection[Characters]) -> dict[Characters, list[int]]:
        """Of each set of characters the symbols it holds: characters are one symbol where no set tells them apart."""
        cuts = sorted({cut for found in sets for first, last in found.ranges for cut in (first, last + 1)})
        members = defaultdict[int, list[Characters]](list)
        for found in sets:
            for first, last in found.ranges:
                covered = range(bisect_left(cuts, first), bisect_left(cuts, last + 1))
                self._spend(len(covered))
                for interval in covered:
                    members[interval].append(found)
        symbols = defaultdict[Characters, list[int]](list)
        for symbol, holders in enumerate({tuple(each) for each in members.values()}):
            for found in holders:
                symbols[found].append(symbol)
        return symbols
