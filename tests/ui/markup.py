"""Whether a page is well-formed HTML that runs no script of its own."""

from __future__ import annotations

import json
from html.parser import HTMLParser

VOID = frozenset({"meta", "link", "br", "input", "img", "hr", "wbr"})
OPTIONAL = frozenset({"polyline"})
"""Elements of SVG that close themselves."""


class Page(HTMLParser):
    """A page as read: ids, data blocks by their ids, words. Raises `AssertionError` where it is not well-formed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.data: dict[str, object] = {}
        self.words: list[str] = []
        self._block = ""
        self.feed(text)
        self.close()
        assert not self.open, self.open
        assert len(self.ids) == len(set(self.ids)), sorted(self.ids)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember an element, and refuse whatever would run."""
        given = dict(attrs)
        assert len(given) == len(attrs), (tag, attrs)
        assert not [name for name in given if name.startswith("on")], (tag, given)
        assert not (given.get("href") or "").strip().lower().startswith("javascript:"), given
        if tag == "script":
            assert "src" in given or given.get("type") == "application/json", given
            self._block = given.get("id") or "" if "src" not in given else ""
        if (name := given.get("id")) is not None:
            self.ids.append(name)
        if (plot := given.get("data-plot")) is not None:
            assert plot in self.data, plot
            assert given.get("aria-label")
        if tag not in VOID | OPTIONAL:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """What opened last closes first."""
        assert tag in OPTIONAL or (self.open and self.open.pop() == tag), (tag, self.open[-3:], self.getpos())

    def handle_data(self, data: str) -> None:
        """Data blocks are JSON; other text is what people read."""
        if self.open and self.open[-1] == "script":
            if self._block:
                self.data[self._block] = json.loads(data)
        else:
            self.words.append(data)

    @property
    def text(self) -> str:
        """What people read, with single spaces."""
        return " ".join(" ".join(self.words).split())
