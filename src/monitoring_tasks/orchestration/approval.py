"""The question to the person who decides: a subject and a page of Markdown, from the gate's verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitoring_tasks.monitor import Monitor
from monitoring_tasks.orchestration.documentation import plain
from monitoring_tasks.retraining_section import Retraining
from monitoring_tasks.window import in_words

Json = dict[str, Any]
LINKS = {"comparison": "Comparison of both", "drift report": "Newest drift report", "run": "This run"}


def question(monitor: Monitor, task: Json, judged: Json, *, links: Mapping[str, str]) -> dict[str, str]:
    """`subject` and `body` of the question; texts from outside are shown as they are, never as Markdown."""
    section = monitor.retraining or Retraining()
    parts = [
        f"**The gate says: {judged['decision']}.**",
        "\n".join(f"* {plain(reason)}" for reason in judged["reasons"]),
        _guardrails(judged),
        f"**Why it was trained:** {plain(task['reason'])}",
        f"**Trained on** {_span(task['training'])}; **compared on** {_span(task['evaluation'])}, which neither saw.",
        _change(monitor, task, judged, section),
        " · ".join(f"[{text}]({links[name]})" for name, text in LINKS.items() if name in links),
    ]
    subject = f"Replace the model of {monitor.name}? The gate says {judged['decision']}"
    return {"subject": subject, "body": "\n\n".join(part for part in parts if part)}


def _guardrails(judged: Json) -> str:
    if not judged["guardrails"]:
        return ""
    rows = (
        f"| {plain(rail['name'])} | {_WORDS[rail['held']]} | {plain(rail['detail'])} |" for rail in judged["guardrails"]
    )
    return "\n".join(["| guardrail | | found |", "|---|---|---|", *rows])


_WORDS = {True: "held", False: "**broken**", None: "not enough to say"}


def _span(window: Mapping[str, str]) -> str:
    """A window for people: days where it lies on whole days.

    >>> _span({"start": "2013-04-02T00:00:00Z", "end": "2013-07-01T00:00:00Z"})
    '2013-04-02 to 2013-07-01'
    """
    return " to ".join(window[end].removesuffix("T00:00:00Z") for end in ("start", "end"))


def _change(monitor: Monitor, task: Json, judged: Json, section: Retraining) -> str:
    champion, patience = task["champion"], in_words(section.approval.timeout)
    return (
        f"**Approve** makes commit `{judged['challenger'][:12]}` the champion in place of {champion['version']}: from "
        "the next window on, drift is measured against its training reference. `monitoring rollback "
        f"{monitor.name}` undoes it. **Reject**, or no answer within {patience}, changes nothing."
    )
