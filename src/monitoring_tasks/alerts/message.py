"""What an alert says, whoever carries it: plain texts and figures, kept in the outbox as JSON.

Names of columns and categories come from outside: they are put on one line without control characters here, and each
channel escapes what its own markup would read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

from monitoring_tasks.policy.narrative import plain
from monitoring_tasks.severity import Severity

LONGEST = 240
TITLE_LIMIT = 150
REASONS = 6
CAUSE, CAUSES = "probable cause: ", 2
"""How a line begins that says what may be wrong: so many of them are shown, whatever else there is to say."""


@dataclass(frozen=True)
class Plot:
    """A small picture, as figures.

    `bars`: shares of each of `labels` for every series (reference, current). `line`: values over time, one for each of
    `labels` (days), None where there is none; `limit` is a threshold drawn across, `band` the lowest and the highest
    of what is usual, for each label. `percent` says that values are shares, `axis` what the labels are. `alt` says in
    a sentence what is to be seen.
    """

    kind: Literal["bars", "line"]
    title: str
    labels: tuple[str, ...]
    series: Mapping[str, tuple[float | None, ...]]
    alt: str
    limit: float | None = None
    band: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    percent: bool = False
    axis: str = ""

    def to_json(self) -> dict[str, Any]:
        """The plot as plain JSON values."""
        series = {name: list(values) for name, values in self.series.items()}
        texts = {"kind": self.kind, "title": self.title, "labels": list(self.labels), "alt": self.alt}
        band = {"band": list(map(list, self.band))} if self.band else {}
        more = {"percent": self.percent, "axis": self.axis}
        return {**texts, "series": series, "limit": self.limit, **band, **{k: each for k, each in more.items() if each}}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`."""
        series = {name: tuple(values) for name, values in value["series"].items()}
        low, high = map(tuple, value.get("band") or ((), ()))
        return cls(
            kind=value["kind"],
            title=value["title"],
            labels=tuple(value["labels"]),
            series=series,
            alt=value["alt"],
            limit=value["limit"],
            band=(low, high) if low else None,
            percent=value.get("percent", False),
            axis=value.get("axis", ""),
        )


@dataclass(frozen=True)
class Message:
    """One alert, at most a screen long.

    `headline` holds what stands beneath the title where there is room for little. `facts` are labelled values in the
    order shown, `lines` the reasons, `table` the top drifted columns as lines of aligned text with a heading (empty
    when none drifted), `step` the one thing to do next, `links` labelled addresses. All texts are safe to print: one
    line each, without control characters.
    """

    severity: Severity
    title: str
    headline: tuple[str, ...] = ()
    facts: Mapping[str, str] | None = None
    lines: tuple[str, ...] = ()
    table: tuple[str, ...] = ()
    step: str = ""
    links: Mapping[str, str] | None = None
    plots: tuple[Plot, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The message as plain JSON values."""
        lists = {name: list(getattr(self, name)) for name in _LISTS}
        maps = {name: dict(getattr(self, name) or {}) for name in _MAPS}
        plots = [plot.to_json() for plot in self.plots]
        return {"severity": self.severity.word, "title": self.title, "step": self.step, **lists, **maps, "plots": plots}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`."""
        lists = {name: tuple(value[name]) for name in _LISTS}
        plots = tuple(map(Plot.from_json, value["plots"]))
        return cls(**{**value, **lists, "severity": Severity.of(value["severity"]), "plots": plots})


_LISTS = ("headline", "lines", "table")
_MAPS = ("facts", "links")


def title_of(severity: Severity, text: str) -> str:
    """The title of an alert: how bad, then what, short enough for Slack."""
    return one_line(f"{severity.word.upper()}: {text}", TITLE_LIMIT)


def links_of(links: Mapping[str, str]) -> dict[str, str]:
    """Labelled addresses without the empty ones, safe to print."""
    return {one_line(label): plain(address) for label, address in links.items() if label and address}


def reasons_of(reasons: Sequence[str], most: int = REASONS) -> tuple[str, ...]:
    """Reasons, each on its line; those beyond `most` are counted, not shown, but probable causes go first."""
    causes = [reason for reason in reasons if reason.startswith(CAUSE)][:CAUSES]
    others = [reason for reason in reasons if reason not in causes]
    shown = [*others[: most - len(causes)], *causes]
    left = len(reasons) - len(shown)
    more = (f"and {left} more reason{'s' * (left > 1)}",) if left else ()
    return tuple(one_line(reason) for reason in shown if reason) + more


def one_line(text: str, limit: int = LONGEST) -> str:
    """Text from outside on one line without control characters, cut to `limit` characters.

    >>> one_line("a\\nb" * 3, limit=5)
    'a ba…'
    """
    text = plain(text)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def to_text(message: Message) -> str:
    """The whole alert as plain text, for a log or an e-mail."""
    facts = [f"{label}: {value}" for label, value in (message.facts or {}).items()]
    links = [f"{label}: {address}" for label, address in (message.links or {}).items()]
    reasons = [f"- {line}" for line in message.lines]
    step = [f"Next step: {message.step}"] if message.step else []
    return "\n".join([message.title, *facts, *reasons, *message.table, *step, *links])
