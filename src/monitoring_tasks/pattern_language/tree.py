"""What a pattern is, once read: a tree of characters, places, chains, choices and repeats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import reduce

from monitoring_tasks.pattern_language.characters import Characters


class Place(Enum):
    """A condition on the place between two characters, which takes none itself; words are of ASCII."""

    START = "^"
    END = "$"
    BOUNDARY = r"\b"
    NO_BOUNDARY = r"\B"


@dataclass(frozen=True)
class Chain:
    """Parts that follow each other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Choice:
    """Options, any of which will do."""

    options: tuple[Node, ...]


@dataclass(frozen=True)
class Repeat:
    """A part, `least` to `most` times one after the other; without bound where `most` is None."""

    part: Node
    least: int
    most: int | None

    @property
    def copies(self) -> int:
        """How often the part stands there when the repeat is written without counts."""
        return max(self.least, self.most or 1)


Node = Characters | Place | Chain | Choice | Repeat
Needs = frozenset[Place]


def chain(parts: list[Node]) -> Node:
    """The parts as one node; one part is itself."""
    return parts[0] if len(parts) == 1 else Chain(tuple(parts))


def choice(options: list[Node]) -> Node:
    """The options as one node; one option is itself."""
    return options[0] if len(options) == 1 else Choice(tuple(options))


def places(node: Node) -> int:
    """Characters, classes and conditions of a pattern, with its counted repeats written out.

    >>> places(Repeat(Chain((Place.BOUNDARY, Characters(((97, 97),)))), 2, 5))
    10
    """
    return _total(node, lambda _: 1)


def ranges(node: Node) -> int:
    """Ranges of all classes of a pattern, with its counted repeats written out."""
    return _total(node, lambda leaf: len(leaf.ranges) if isinstance(leaf, Characters) else 0)


def _total(node: Node, count: Callable[[Characters | Place], int]) -> int:
    match node:
        case Chain(parts) | Choice(parts):
            return sum(_total(part, count) for part in parts)
        case Repeat(part):
            return node.copies * _total(part, count)
    return count(node)


def emptiness(node: Node) -> frozenset[Needs]:
    """The ways in which a pattern finds a text of no characters: for each, the places that it needs.

    Empty: it takes at least one character. A repeat that must occur is as its part: more of it needs no less.

    >>> [sorted(place.value for place in needs) for needs in emptiness(Chain((Place.START, Place.END)))]
    [['$', '^']]
    """
    match node:
        case Place():
            return frozenset({frozenset({node})})
        case Chain(parts):
            return reduce(_both, map(emptiness, parts))
        case Choice(options):
            return frozenset().union(*map(emptiness, options))
        case Repeat(part, least):
            return emptiness(part) if least else frozenset({frozenset()})
    return frozenset()


def _both(left: frozenset[Needs], right: frozenset[Needs]) -> frozenset[Needs]:
    return frozenset(first | second for first in left for second in right)
