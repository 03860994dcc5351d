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


def copies(node: Node) -> int:
    """How often a part stands there at most, when the counted repeats around it are written out."""
    match node:
        case Chain(parts) | Choice(parts):
            return max(map(copies, parts))
        case Repeat(part):
            return node.copies * copies(part)
    return 1


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


def boundaries(node: Node) -> int:
    r"""The most boundaries that a text can pass with no character between, ever so often repeated ones twice.

    >>> boundaries(Repeat(Chain((Place.BOUNDARY, Repeat(Characters(((97, 97),)), 0, None))), 3, 3))
    3
    """
    return _passed(node).most


@dataclass(frozen=True)
class _Passed:
    """Boundaries passed with no character between: at most, before the first and after the last character."""

    most: int = 0
    before: int = 0
    after: int = 0
    through: int | None = None  # where no character is taken at all

    def then(self, other: _Passed) -> _Passed:
        """Both, one after the other."""
        return _Passed(
            most=max(self.most, other.most, self.after + other.before),
            before=max(self.before, _sum(self.through, other.before) or 0),
            after=max(other.after, _sum(other.through, self.after) or 0),
            through=_sum(self.through, other.through),
        )

    def either(self, other: _Passed) -> _Passed:
        """The worse of both."""
        through = max((each for each in (self.through, other.through) if each is not None), default=None)
        return _Passed(
            max(self.most, other.most), max(self.before, other.before), max(self.after, other.after), through
        )


_NOTHING = _Passed(through=0)


def _sum(left: int | None, right: int | None) -> int | None:
    return None if left is None or right is None else left + right


def _passed(node: Node) -> _Passed:
    match node:
        case Characters():
            return _Passed()
        case Place.START | Place.END:
            return _NOTHING
        case Chain(parts):
            return reduce(_Passed.then, map(_passed, parts))
        case Choice(options):
            return reduce(_Passed.either, map(_passed, options))
        case Repeat(part, least, most):
            copies = [_passed(part)] * max(node.copies, 2 if most is None else 1)
            found = reduce(_Passed.then, copies)
            return found if least else found.either(_NOTHING)
    return _Passed(1, 1, 1, 1)
