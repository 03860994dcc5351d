"""How urgent something is."""

from __future__ import annotations

from enum import IntEnum


class Severity(IntEnum):
    """How urgent a verdict is; ordered, so that the worst of several is their `max`.

    >>> max(Severity.LOW, Severity.of("high")).word
    'high'
    """

    NONE = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def word(self) -> str:
        """The severity in lower case, as people and YAML files write it."""
        return self.name.lower()

    @classmethod
    def of(cls, word: str) -> Severity:
        """Inverse of `word`. Raises `KeyError` for any other text."""
        return cls[word.upper()]
