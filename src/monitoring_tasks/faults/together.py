"""Columns that lack their values in the same rows: a source that did not answer is one fault, not one of each."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np

from monitoring_tasks.faults.bursts import FEWEST, null_burst
from monitoring_tasks.faults.cause import shown
from monitoring_tasks.faults.sides import Flags, Sides, missing_in

UNLIKE = 0.1
"""Of the rows that either of two columns lacks, so many at most may be lacked by one alone."""
GROUPS = 20
"""So many groups of columns are looked for; the columns of any other are told one by one."""
NAMED = 3


def missing_together(sides: Sides, columns: Collection[str], inputs: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """By column, in the same words, what is known of those of `columns` whose values the same sampled rows lack.

    `inputs` has the logged columns that a derived one is computed from, where no row is left out on purpose. A column
    that shares its rows with no other is left out, and so is one of which the sample lacks fewer than five values.
    """
    known = sorted(sides.pairs.keys() & set(columns))
    lacking = {name: flags for name in known if (flags := missing_in(sides.sample, name)) is not None}
    groups = _groups({name: flags for name, flags in lacking.items() if np.count_nonzero(flags) >= FEWEST})
    return {
        name: words for group in groups if len(group) > 1 for words in [_words(sides, group, inputs)] for name in group
    }


def _groups(lacking: Mapping[str, Flags]) -> Iterator[list[str]]:
    groups: dict[str, list[str]] = {}
    for name, flags in lacking.items():
        like = next((first for first in groups if _are_alike(lacking[first], flags)), None)
        if like is not None:
            groups[like].append(name)
        elif len(groups) < GROUPS:
            groups[name] = [name]
    yield from groups.values()


def _are_alike(one: Flags, other: Flags) -> bool:
    """Whether nearly the same rows lack a value; where nearly all do, whether nearly the same ones have one.

    >>> _are_alike(np.array([True, False, False]), np.array([True, False, False]))
    True
    """
    differ, either, both = (int(np.count_nonzero(each)) for each in (one != other, one | other, one & other))
    return differ <= UNLIKE * min(either, len(one) - both)


def _words(sides: Sides, group: Sequence[str], inputs: Mapping[str, Sequence[str]]) -> str:
    """What the rows lack that somebody logs, and when, or who may not have answered."""
    logged = _logged(group, inputs)
    left = len(logged) - NAMED
    more = f" and {left} more column{'s' * (left > 1)}" if left > 0 else ""
    names = [shown(name) for name in logged[:NAMED]]
    listed = ", ".join(names) + more if more or len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    computed = len(set(group) - set(logged))
    of = f", from which {computed} more column{'s are' if computed > 1 else ' is'} computed" if computed else ""
    every = all(np.all(missing_in(sides.sample, name)) for name in group)
    rows = f"{'all' if every else 'the same'} rows{'' if sides.sample.num_rows >= sides.rows else ' of a sample'}"
    return f"{rows} lack {listed}{of}{_UNFILLED[len(logged) > 1] if every else _when(sides, group[0])}"


_UNFILLED = {False: " (a field that is no longer filled?)", True: " (fields that are no longer filled?)"}
_WHO = " (a source or provider that did not answer?)"


def _when(sides: Sides, name: str) -> str:
    burst = null_burst(sides, name)
    return f": {burst.words.removeprefix(f'{shown(name)}: ')}" if burst else _WHO


def _logged(group: Sequence[str], inputs: Mapping[str, Sequence[str]]) -> list[str]:
    """The columns that stand for a group: a derived one's only input, or the input that is in the group itself."""
    stands = {name: inputs.get(name, ()) for name in group}
    found = [of[0] if len(of) == 1 else name for name, of in stands.items() if not set(of) & set(group)]
    return list(dict.fromkeys(found))
