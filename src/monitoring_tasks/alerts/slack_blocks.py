"""Messages in Slack's Block Kit: pure functions, within Slack's limits whatever the message holds.

Texts from outside go only into elements that Slack shows as they are (plain text, rich text), where `<!channel>`, an
address or `*` mean nothing; links come from a message's `links` alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

from monitoring_tasks.alerts.message import TITLE_LIMIT, Message, one_line, to_text

Block = dict[str, Any]
FACTS, LINES, ROWS, LINKS = 14, 25, 12, 6
"""So many are shown at most, to keep to a screen."""
FACT_SPACE, LINE_SPACE, ROW_SPACE, HEADLINE_SPACE, LINK_SPACE = 1200, 1900, 1500, 600, 1500
"""Characters: Slack takes 3000 in a text, and some 13,000 in all blocks of a message, markup too."""
LABEL = 40
MARK_LIMIT, PLAIN_SPACE = 255, 3500


def headline_blocks(message: Message) -> list[Block]:
    """What stands in the channel: title, headline, links."""
    blocks = [_header(message.title)]
    if lines := _shown(message.headline, LINES, HEADLINE_SPACE):
        blocks.append(_rich(_section([_words("\n".join(lines))])))
    return [*blocks, *_link_blocks(message)]


def detail_blocks(message: Message) -> list[Block]:
    """What stands in the thread: facts, reasons, table, next step; nothing for a message that has none of them."""
    blocks = [_rich(_section(list(_facts(message))))] if message.facts else []
    if lines := _shown(message.lines, LINES, LINE_SPACE):
        blocks.append(_rich(_bullets(lines)))
    if table := _shown(message.table, ROWS, ROW_SPACE):
        blocks.append(_rich({"type": "rich_text_preformatted", "elements": [_words("\n".join(table))]}))
    if step := one_line(message.step):
        blocks.append(_rich(_section([_bold("Next step: "), _words(step)])))
    return blocks


def note_blocks(message: Message) -> list[Block]:
    """A few lines for a thread: title, reasons or headline, next step, links."""
    blocks = [_rich(_section([_bold(_title(message.title))]))]
    if lines := _shown(message.lines or message.headline, LINES, LINE_SPACE):
        blocks.append(_rich(_section([_words("\n".join(lines))])))
    if step := one_line(message.step):
        blocks.append(_rich(_section([_bold("Next step: "), _words(step)])))
    return [*blocks, *_link_blocks(message)]


def whole_blocks(message: Message, *, loud: bool, incident: str = "") -> list[Block]:
    """One message that stands alone, where there are no threads: it names its incident, "" for none."""
    blocks = [*headline_blocks(message), *detail_blocks(message)] if loud else note_blocks(message)
    if incident and incident not in to_text(message):
        blocks.append(_rich(_section([_bold("incident: "), _words(one_line(incident))])))
    return blocks


def marked(blocks: Sequence[Block], mark: str) -> list[Block]:
    """The blocks, the first of which carries a mark that people do not see."""
    return [{**block, "block_id": mark[-MARK_LIMIT:]} if not place else block for place, block in enumerate(blocks)]


def plain_text(message: Message) -> str:
    """The whole message as the one text of a Slack message without blocks: Slack parses nothing in the fence.

    >>> from monitoring_tasks.severity import Severity
    >>> print(plain_text(Message(Severity.HIGH, "HIGH: <!channel> ```x", links={"run": "https://airflow.example/1"})))
    ```HIGH: &lt;!channel&gt; '''x
    run: https://airflow.example/1```
    """
    text = to_text(message).replace("```", "'''")
    return f"```{escape(text[:PLAIN_SPACE])}```"


def notification(message: Message) -> str:
    """What stands in notifications, where Slack does not show the blocks."""
    return escape(_title(message.title))


def escape(text: str) -> str:
    """Text for the fields that Slack parses: no mention, link or entity can come out of it.

    >>> escape("<!channel> a&b")
    '&lt;!channel&gt; a&amp;b'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _title(text: str) -> str:
    return one_line(text, TITLE_LIMIT).strip() or "alert"


def _header(title: str) -> Block:
    return {"type": "header", "text": {"type": "plain_text", "text": _title(title), "emoji": False}}


def _shown(lines: Sequence[str], most: int, space: int) -> list[str]:
    """The first lines, as many as have their place; the others are counted."""
    lines = [one_line(line) for line in lines if line]
    taken = accumulate(len(line) + 1 for line in lines)
    shown = [line for line, end in zip(lines[:most], taken, strict=False) if end <= space]
    return [*shown, f"and {len(lines) - len(shown)} more"] if len(lines) > len(shown) else shown


def _facts(message: Message) -> Iterator[Block]:
    space = FACT_SPACE
    for label, value in list((message.facts or {}).items())[:FACTS]:
        name, told = f"{one_line(label, LABEL)}: ", one_line(value)
        space -= len(name) + len(told)
        if space > 0:
            yield _bold(name)
            yield _words(f"{told}\n")


def _bullets(lines: Sequence[str]) -> Block:
    return {"type": "rich_text_list", "style": "bullet", "elements": [_section([_words(line)]) for line in lines]}


def _link_blocks(message: Message) -> list[Block]:
    parts: list[Block] = []
    space = LINK_SPACE
    for label, address in list((message.links or {}).items())[:LINKS]:
        fits = address.startswith(("https://", "http://")) and len(address) <= space
        space -= len(address) if fits else 0
        # Slack refuses a whole message for one link it cannot open, such as a local path.
        link = {"type": "link", "url": address, "text": one_line(label, LABEL) or "link"}
        parts += [link if fits else _words(one_line(f"{label}: {address}")), _words("   ")]
    return [_rich(_section(parts[:-1]))] if parts else []


def _rich(element: Block) -> Block:
    return {"type": "rich_text", "elements": [element]}


def _section(elements: list[Block]) -> Block:
    return {"type": "rich_text_section", "elements": elements}


def _words(text: str) -> Block:
    return {"type": "text", "text": text}


def _bold(text: str) -> Block:
    return {"type": "text", "text": text, "style": {"bold": True}}
