"""What an alert says, and how it is written for a log and for Slack: pure functions.

Names of columns and categories come from outside. They are put on one line without control characters, and into Slack
only in elements that Slack shows as they are (plain text, rich text), where `<!channel>` or `*` mean nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitoring_tasks.checks import Check, CheckResult, Status
from monitoring_tasks.methods import method
from monitoring_tasks.monitor import Severity
from monitoring_tasks.policy.narrative import brief, next_step, plain, told
from monitoring_tasks.policy.verdict import Subject, Verdict

COLUMNS = 5
REASONS = 6
CAUSE, CAUSES = "probable cause: ", 2
"""How a line begins that says what may be wrong: so many of them are shown, whatever else there is to say."""
LONGEST = 240
HEADER_LIMIT = 150
WIDTHS = (32, 24, 10, 10, 32, 32)
TITLES = ("column", "method", "score", "threshold", "reference", "current")
Block = dict[str, Any]


@dataclass(frozen=True)
class Message:
    """One alert, at most a screen long.

    `headline` holds what stands beneath the title where there is room for little. `facts` are labelled values in the
    order shown, `lines` the reasons, `table` the top drifted columns as lines of aligned text with a heading (empty
    when none drifted), `links` labelled addresses. All texts are safe to print: one line each, without control
    characters.
    """

    subject: Subject
    severity: Severity
    title: str
    headline: tuple[str, ...]
    facts: Mapping[str, str]
    lines: tuple[str, ...]
    table: tuple[str, ...]
    step: str
    links: Mapping[str, str]


def compose(verdict: Verdict, results: Sequence[CheckResult], links: Mapping[str, str]) -> Message:
    """The alert about a verdict; `links` are labelled addresses such as `run` and `report`, empty ones are left out."""
    outcome = verdict.outcome.value.replace("_", " ")
    reasons = reasons_of(verdict.reasons)
    return Message(
        subject=verdict.subject,
        severity=verdict.severity,
        title=title_of(verdict.severity, f"{verdict.subject.monitor} {outcome}"),
        headline=(one_line(str(verdict.subject.window)), *reasons[:1]),
        facts=_facts(verdict),
        lines=reasons,
        table=_table(told(verdict, results)),
        step=one_line(next_step(verdict)),
        links=links_of(links),
    )


def title_of(severity: Severity, text: str) -> str:
    """The title of an alert: how bad, then what, short enough for Slack."""
    return one_line(f"{severity.word.upper()}: {text}", HEADER_LIMIT)


def links_of(links: Mapping[str, str]) -> dict[str, str]:
    """Labelled addresses without the empty ones, safe to print."""
    return {one_line(label): plain(address) for label, address in links.items() if label and address}


def reasons_of(reasons: Sequence[str]) -> tuple[str, ...]:
    """Reasons, each on its line; those beyond a screen are counted, not shown, but probable causes go first."""
    causes = [reason for reason in reasons if reason.startswith(CAUSE)][:CAUSES]
    others = [reason for reason in reasons if reason not in causes]
    shown = [*others[: REASONS - len(causes)], *causes]
    more = (f"and {len(reasons) - len(shown)} more reasons",) if len(reasons) > len(shown) else ()
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
    facts = [f"{label}: {value}" for label, value in message.facts.items()]
    links = [f"{label}: {address}" for label, address in message.links.items()]
    reasons = [f"- {line}" for line in message.lines]
    return "\n".join([message.title, *facts, *reasons, *message.table, f"Next step: {message.step}", *links])


def headline_blocks(message: Message) -> list[Block]:
    """What stands in the channel, in Slack's Block Kit: title, headline, links."""
    return [
        {"type": "header", "text": {"type": "plain_text", "text": message.title, "emoji": False}},
        _rich(_section([_words("\n".join(message.headline))])),
        *([_rich(_section(_links(message.links)))] if message.links else []),
    ]


def detail_blocks(message: Message) -> list[Block]:
    """What stands in the thread: facts, reasons, table of drifted columns, next step."""
    facts = [part for label, value in message.facts.items() for part in (_bold(f"{label}: "), _words(f"{value}\n"))]
    reasons = [_section([_words(line)]) for line in message.lines]
    blocks = [_rich(_section(facts))]
    if reasons:
        blocks.append(_rich({"type": "rich_text_list", "style": "bullet", "elements": reasons}))
    if message.table:
        table = [_words("\n".join(message.table))]
        blocks.append(_rich({"type": "rich_text_preformatted", "elements": table}))
    return [*blocks, _rich(_section([_bold("Next step: "), _words(message.step)]))]


def escape(text: str) -> str:
    """Text for the fields that Slack parses: no mention, link or entity can come out of it.

    >>> escape("<!channel> a&b")
    '&lt;!channel&gt; a&amp;b'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _facts(verdict: Verdict) -> dict[str, str]:
    subject, evidence = verdict.subject, verdict.evidence
    facts = {
        "model": subject.monitor,
        "severity": verdict.severity.word,
        "outcome": verdict.outcome.value,
        "window": str(subject.window),
        "champion": subject.champion,
        "rows": str(evidence.get("rows", "unknown")),
        "persistence": _persistence(evidence),
    }
    return {label: one_line(value) for label, value in facts.items() if value}


def _persistence(evidence: Mapping[str, Any]) -> str:
    findings, rule = evidence.get("findings"), evidence.get("persistence")
    if not findings or not rule:
        return ""
    persistent = sum(bool(finding.get("persistent")) for finding in findings)
    return f"{persistent} of {len(findings)} findings in at least {rule['windows']} of the last {rule['of']} windows"


def _table(results: Sequence[CheckResult]) -> tuple[str, ...]:
    whole = [result for result in results if not result.segment]
    drifted = [result for result in whole if result.check is Check.DRIFT and result.status is Status.FAILED]
    if not drifted:
        return ()
    worst = sorted(drifted, key=lambda result: (not result.severe, -_excess(result), result.key))
    more = (f"and {len(drifted) - COLUMNS} more drifted columns",) if len(drifted) > COLUMNS else ()
    return _aligned([TITLES, *(_row(result) for result in worst[:COLUMNS])]) + more


def _excess(result: CheckResult) -> float:
    """How many times its threshold the score is, so that methods compare; for a p-value the other way round."""
    value, threshold = result.value, result.threshold
    if value is None or threshold is None:
        return 0.0
    if result.method and method(result.method).p_value:
        value, threshold = threshold, value
    return value / threshold if threshold else math.inf


def _row(result: CheckResult) -> tuple[str, ...]:
    numbers = ("" if number is None else f"{number:.4g}" for number in (result.value, result.threshold))
    return (result.column or "", result.method or "", *numbers, brief(result.reference), brief(result.current))


def _aligned(rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    cells = [[one_line(cell, limit) for cell, limit in zip(row, WIDTHS, strict=True)] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    padded = (map(str.ljust, row, widths) for row in cells)
    return tuple("  ".join(row).rstrip() for row in padded)


def _links(links: Mapping[str, str]) -> list[Block]:
    parts: list[Block] = []
    for label, address in links.items():
        parts.append(_link(label, address))
        parts.append(_words("   "))
    return parts[:-1]


def _link(label: str, address: str) -> Block:
    # Slack refuses a whole message for one link it cannot open, such as a local path.
    if address.startswith(("https://", "http://")) and len(address) <= 2000:
        return {"type": "link", "url": address, "text": label}
    return _words(one_line(f"{label}: {address}"))


def _rich(element: Block) -> Block:
    return {"type": "rich_text", "elements": [element]}


def _section(elements: list[Block]) -> Block:
    return {"type": "rich_text_section", "elements": elements}


def _words(text: str) -> Block:
    return {"type": "text", "text": text}


def _bold(text: str) -> Block:
    return {"type": "text", "text": text, "style": {"bold": True}}
