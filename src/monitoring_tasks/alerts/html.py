"""An alert as the HTML of a mail: one piece of text that loads nothing, at most a screen high.

Mail programs drop style sheets, so each element carries its own style. The page sets no background, and its text no
colour: a mail is as light or dark as its reader likes; what has a colour of its own is legible on both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape

from monitoring_tasks.alerts.message import Message
from monitoring_tasks.severity import Severity

COLORS: Mapping[Severity, str] = {
    Severity.NONE: "#57606a",
    Severity.LOW: "#57606a",
    Severity.MEDIUM: "#8a5a00",
    Severity.HIGH: "#b42318",
    Severity.CRITICAL: "#7a0f5c",
}
"""Backgrounds on which white text is legible."""
_LINE = "rgba(128,128,128,0.35)"
_FONT = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:14px;line-height:1.45"
_MONO = "font-family:SFMono-Regular,Consolas,'Liberation Mono',Menlo,monospace;font-size:12px;line-height:1.4"
_PICTURE = "display:block;width:100%;max-width:480px;height:auto;margin:12px 0;border-radius:4px"
_BLUE = "#2a7ae2"
_STEP = f"margin:12px 0;padding:8px 12px;border-left:4px solid {_BLUE}"


def to_html(message: Message, sources: Sequence[str] = ()) -> str:
    """The alert as a whole HTML document.

    `sources` are addresses of its plots' pictures, in order: `cid:...` of parts of the mail, or `data:...`. A plot
    without one is told in words. Nothing of the message is read as HTML, and only http addresses become links.

    >>> page = to_html(Message(Severity.HIGH, "HIGH: <b>temp</b> is missing"))
    >>> "<b>" in page, "&lt;b&gt;temp&lt;/b&gt; is missing" in page
    (False, True)
    """
    parts = (
        _title(message),
        _facts(message.facts or {}),
        _reasons(message.lines),
        _step(message.step),
        _links(message.links or {}),
        _table(message.table),
        *_plots(message, sources),
    )
    title = escape(message.title)
    head = f'<meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>{title}</title>'
    body = f'<div style="{_FONT};max-width:680px;margin:0 auto;padding:16px">{"".join(parts)}</div>'
    return f'<!DOCTYPE html><html lang="en"><head>{head}</head><body style="margin:0">{body}</body></html>'


def _title(message: Message) -> str:
    word, title = message.severity.word.upper(), message.title
    text = title.removeprefix(f"{word}: ")
    pill = f"background:{COLORS[message.severity]};color:#ffffff;font-size:12px;font-weight:700;letter-spacing:.04em"
    # A title that does not begin with its severity, as that of an end, gets no mark of alarm.
    mark = f'<span style="{pill};padding:2px 8px;border-radius:10px">{word}</span> ' if text != title else ""
    return f'<h1 style="font-size:18px;line-height:1.35;margin:0 0 8px">{mark}{escape(text)}</h1>'


def _facts(facts: Mapping[str, str]) -> str:
    left, right = "padding:1px 16px 1px 0;white-space:nowrap;opacity:.7;vertical-align:top", "padding:1px 0"
    rows = "".join(
        f'<tr><td style="{left}">{escape(label)}</td><td style="{right}">{escape(value)}</td></tr>'
        for label, value in facts.items()
    )
    return rows and f'<table role="presentation" style="{_FONT};border-collapse:collapse;margin:8px 0">{rows}</table>'


def _reasons(lines: Sequence[str]) -> str:
    items = "".join(f'<li style="margin:2px 0">{escape(line)}</li>' for line in lines)
    return items and f'<ul style="margin:8px 0;padding-left:20px">{items}</ul>'


def _table(lines: Sequence[str]) -> str:
    box = f"{_MONO};margin:12px 0;padding:8px 12px;border:1px solid {_LINE};border-radius:4px;overflow-x:auto"
    return f'<pre style="{box}">{escape(chr(10).join(lines))}</pre>' if lines else ""


def _plots(message: Message, sources: Sequence[str]) -> list[str]:
    shown = [*sources, *[""] * len(message.plots)]
    return [_plot(plot.alt, source) for plot, source in zip(message.plots, shown, strict=False)]


def _plot(alt: str, source: str) -> str:
    if not source:
        return f'<p style="margin:8px 0;opacity:.7">{escape(alt)}</p>'
    return f'<img src="{escape(source)}" alt="{escape(alt)}" width="480" style="{_PICTURE}">'


def _step(step: str) -> str:
    return step and f'<p style="{_STEP}"><strong>Next step:</strong> {escape(step)}</p>'


def _links(links: Mapping[str, str]) -> str:
    items = " &nbsp; ".join(_link(label, address) for label, address in links.items())
    return items and f'<p style="margin:12px 0">{items}</p>'


def _link(label: str, address: str) -> str:
    if not re.match(r"https?://[^\s]+$", address):
        return f"{escape(label)}: {escape(address)}"
    return f'<a href="{escape(address)}" style="color:{_BLUE}">{escape(label)}</a>'
