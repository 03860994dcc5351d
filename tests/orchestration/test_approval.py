"""The question that a person is asked."""

from __future__ import annotations

from typing import Any

from monitoring_tasks.orchestration.approval import question
from tests.orchestration.test_run_request import MONITOR

TASK = {
    "reason": "drifted [click](http://evil.example) <script>",
    "champion": {"version": "v1.0.0-0a1b2c3d"},
    "training": {"start": "2013-04-02T00:00:00Z", "end": "2013-07-01T00:00:00Z"},
    "evaluation": {"start": "2013-07-01T00:00:00Z", "end": "2013-08-01T06:00:00Z"},
}


def judged(**changes: Any) -> dict[str, Any]:
    """A verdict, as the gate's task hands it on."""
    rails = [
        {"name": "segment plan", "held": True, "detail": "3 of 3 values"},
        {"name": "floor", "held": None, "detail": "a|b *c*"},
        {"name": "size", "held": False, "detail": "4 times"},
    ]
    verdict = {
        "decision": "promote",
        "reasons": ["auc .753 against .728: better by .024 [+.003, +.046]"],
        "guardrails": rails,
        "challenger": "1a45ee01cdaa40c06fd00f4c7e1b8b3d74106a19",
    }
    return {**verdict, **changes}


def test_it_says_what_the_gate_says_and_what_will_change() -> None:
    """Decision, figures, windows, what approving does, how to undo it, and where to read more."""
    asked = question(MONITOR, TASK, judged(), links={"comparison": "http://a/c", "run": "http://a/r"})
    assert asked["subject"] == "Replace the model of churn? The gate says promote"
    body = asked["body"]
    assert "better by .024" in body
    assert "2013-04-02 to 2013-07-01" in body
    assert "`1a45ee01cdaa`" in body
    assert "monitoring rollback churn" in body
    assert "[Comparison of both](http://a/c)" in body
    assert "drift report" not in body


def test_each_guardrail_has_a_word() -> None:
    """Held, broken, and what cannot be told look like what they are."""
    body = question(MONITOR, TASK, judged(), links={})["body"]
    rows = [line for line in body.splitlines() if line.startswith("| ")]
    assert [row.split("|")[2].strip() for row in rows[1:]] == ["held", "not enough to say", "**broken**"]


def test_texts_from_outside_are_no_markdown() -> None:
    """A reason or a segment's name makes no link, no table, no HTML."""
    body = question(MONITOR, TASK, judged(reasons=["![x](http://evil.example/a.png)"]), links={})["body"]
    assert "[click](" not in body
    assert "![x](" not in body
    assert "<script>" not in body
    assert "a\\|b \\*c\\*" in body
