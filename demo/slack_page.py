"""Messages as Slack shows them: the real blocks as a page of HTML, for pictures of the documentation."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from monitoring_tasks.alerts.message import Plot
from monitoring_tasks.alerts.pictures import draw

Block = Mapping[str, Any]
STYLE = """
body { margin: 0; background: #fff; font: 15px/1.46 Lato, "Liberation Sans", Arial, sans-serif; color: #1d1c1d; }
main { width: 760px; padding: 16px 20px; }
.message { display: flex; gap: 10px; padding: 6px 0; }
.avatar { flex: 0 0 36px; height: 36px; border-radius: 6px; background: #1f6fb4; color: #fff; font-weight: 900;
  display: flex; align-items: center; justify-content: center; font-size: 17px; }
.body { min-width: 0; flex: 1; }
.by { font-weight: 900; }
.app { font-size: 10px; background: #e8e8e8; color: #616061; border-radius: 3px; padding: 1px 4px; margin: 0 6px; }
.at { color: #616061; font-size: 12px; }
.header { font-size: 18px; font-weight: 900; line-height: 1.3; margin: 6px 0 4px; }
.section { white-space: pre-wrap; margin: 4px 0; overflow-wrap: anywhere; }
ul { margin: 4px 0; padding-left: 26px; }
pre { border: 1px solid #ddd; border-radius: 4px; background: #f8f8f8; padding: 8px; margin: 6px 0; overflow: hidden;
  font: 12px/1.5 "DejaVu Sans Mono", monospace; white-space: pre-wrap; }
a { color: #1264a3; text-decoration: none; }
img { width: 360px; border-radius: 8px; border: 1px solid #ddd; margin: 4px 0; display: block; }
.thread { margin: 2px 0 0 46px; padding: 0 0 0 14px; border-left: 3px solid #e8e8e8; }
.replies { color: #616061; font-size: 13px; margin: 8px 0 2px 46px; }
"""


@dataclass(frozen=True)
class Post:
    """One message of the bot: its blocks, the moment people see, and pictures uploaded with it."""

    at: str
    blocks: Sequence[Block] = ()
    plots: Sequence[Plot] = ()


def page(headline: Post, replies: Sequence[Post]) -> str:
    """A headline in the channel, and its thread below."""
    thread = "".join(map(_post, replies))
    count = f'<div class="replies">{len(replies)} replies in the thread</div><div class="thread">{thread}</div>'
    body = _post(headline) + (count if replies else "")
    return f'<!DOCTYPE html><meta charset="utf-8"><style>{STYLE}</style><main>{body}</main>'


def _post(post: Post) -> str:
    shown = "".join(map(_block, post.blocks)) + "".join(map(_picture, post.plots))
    by = f'<span class="by">monitoring</span><span class="app">APP</span><span class="at">{escape(post.at)}</span>'
    return f'<div class="message"><div class="avatar">m</div><div class="body">{by}{shown}</div></div>'


def _picture(plot: Plot) -> str:
    return f'<img src="{data_address(plot)}" alt="{escape(plot.alt)}">'


def data_address(plot: Plot) -> str:
    """A plot's picture as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(draw(plot)).decode()}"


def _block(block: Block) -> str:
    if block["type"] == "header":
        return f'<div class="header">{escape(block["text"]["text"])}</div>'
    if block["type"] != "rich_text":
        raise ValueError(f"a block of type {block['type']} is not drawn: header and rich_text are")
    return "".join(map(_element, block["elements"]))


def _element(element: Block) -> str:
    parts = element["elements"]
    if element["type"] == "rich_text_list":
        items = (f"<li>{_words(each['elements'])}</li>" for each in parts)
        return f"<ul>{''.join(items)}</ul>"
    if element["type"] == "rich_text_preformatted":
        return f"<pre>{_words(parts)}</pre>"
    return f'<div class="section">{_words(parts)}</div>'


def _words(parts: Sequence[Block]) -> str:
    return "".join(map(_word, parts))


def _word(part: Block) -> str:
    if part["type"] == "link":
        return f'<a href="{escape(part["url"])}">{escape(part["text"])}</a>'
    text = escape(part["text"])
    return f"<b>{text}</b>" if part.get("style", {}).get("bold") else text
