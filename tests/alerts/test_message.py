"""What an alert says, and that nothing from outside can break or forge it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.alerts.message import Block, Message, compose, detail_blocks, escape, headline_blocks, to_text
from monitoring_tasks.checks import Check, CheckResult, Status, Suite
from monitoring_tasks.severity import Severity
from monitoring_tasks.policy.verdict import Action, Outcome, Subject
from tests.alerts.samples import EVIDENCE, LINKS, SUBJECT, drift, message, verdict

HOSTILE = [
    "<!channel> <@U1> <http://evil|click>",
    "*bold* _it_ ~no~ `code` ```pre``` :bomb: > quote",
    "a\nb\r\x1b[31mred\0\u202egnirts\u2028x",
    "&amp; & < >",
    "x" * 10_000,
    "東京" * 2_000,
    "",
]


def test_the_text_says_everything() -> None:
    """A person learns from the plain text what, how bad, since when, why, what to do and where to look."""
    assert to_text(message()).splitlines() == [
        "HIGH: flight_delay drifted",
        "model: flight_delay",
        "severity: high",
        "outcome: drifted",
        "window: 2013-06-04T00:00:00Z/2013-06-11T00:00:00Z",
        "champion: v1.0.0-3f2a9c1b",
        "rows: 6543",
        "persistence: 1 of 2 findings in at least 2 of the last 3 windows",
        "- temp: severe drift, psi 8.4 against 0.2",
        "- dest: drift, psi 0.21 against 0.2",
        "column  method  score  threshold  reference          current",
        "temp    psi     8.4    0.2        mean 36.52 sd 9.1  mean 77.6 sd 8.2",
        "dest    psi     0.21   0.2        mean 36.52 sd 9.1  mean 77.6 sd 8.2",
        "Next step: The drift persists: look at the report, then retrain.",
        "run: https://airflow.example/dags/monitor_flight_delay",
        "report: https://airflow.example/report/1",
    ]


def test_the_blocks_say_everything() -> None:
    """Slack shows the same facts, reasons, table, step and links as the text."""
    shown = "\n".join(texts(to_blocks(message())))
    for line in to_text(message()).splitlines()[:-2]:
        assert line.removeprefix("- ").removeprefix("Next step: ").split(": ")[-1] in shown
    links = [part for part in walk(to_blocks(message())) if part.get("type") == "link"]
    assert {part["text"]: part["url"] for part in links} == LINKS


def test_the_worst_columns_come_first() -> None:
    """Severe columns lead, then the score in units of its threshold, p-values the other way round; five show."""
    results = [
        drift("barely", 0.21),
        drift("clearly", 0.9),
        drift("p_barely", 0.04, method="ks_p_value", threshold=0.05),
        drift("p_clearly", 1e-9, method="ks_p_value", threshold=0.05),
        drift("p_zero", 0.0, method="evidently:ks", threshold=0.05),
        drift("severe", 1.5),
        drift("unknown", None),
    ]
    table = compose(verdict(), results, {}).table
    assert [line.split()[0] for line in table] == [
        "column",
        "severe",
        "p_zero",
        "p_clearly",
        "clearly",
        "p_barely",
        "and",
    ]
    assert table[-1] == "and 2 more drifted columns"


def test_only_drift_that_failed_is_in_the_table() -> None:
    """Passed and undecided checks and other faults are no drifted columns; without any there is no table."""
    results = [
        CheckResult(Suite.DATA_DRIFT, Check.DRIFT, Status.PASSED, "calm", "psi", 0.01, 0.2),
        CheckResult(Suite.DATA_DRIFT, Check.DRIFT, Status.UNDECIDED, "empty", "psi"),
        CheckResult(Suite.DATA_QUALITY, Check.MISSING_SHARE, Status.FAILED, "gaps", None, 0.9, 0.05),
    ]
    silent = compose(verdict(), results, {})
    assert silent.table == ()
    assert "score" not in to_text(silent)
    assert not any(block.get("type") == "rich_text_preformatted" for block in walk(to_blocks(silent)))


def test_without_evidence_and_links_the_message_still_stands() -> None:
    """A window without rows has no findings, columns or report, and says so."""
    bare = compose(
        verdict(outcome=Outcome.NO_DATA, severity=Severity.MEDIUM, actions=(Action.ALERT,), reasons=(), evidence={}),
        [], {"run": "", "report": ""},
    )  # fmt: skip
    text = to_text(bare)
    assert text.startswith("MEDIUM: flight_delay no data\n")
    assert "rows: unknown" in text
    assert "persistence" not in text
    assert "report:" not in text
    assert_within_limits(to_blocks(bare))


def test_no_rows_are_zero_rows() -> None:
    """Zero rows are told as a number, not left out."""
    assert "\nrows: 0\n" in to_text(compose(verdict(evidence={"rows": 0}), [], {}))


def test_many_reasons_are_counted() -> None:
    """Reasons beyond a screen are counted, not shown."""
    text = to_text(compose(verdict(reasons=tuple(f"reason {n}" for n in range(40))), [], {}))
    assert "- reason 5\n- and 34 more reasons\n" in text
    assert "reason 6" not in text


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_names_stay_names(hostile: str) -> None:
    """In every place a name from outside stays on its line, within the limits, and in elements Slack does not parse."""
    subject = Subject(SUBJECT.monitor, hostile, SUBJECT.window, hostile)
    summary = {"top": [[hostile, 0.5]]}
    results = [
        CheckResult(Suite.DATA_DRIFT, Check.DRIFT, Status.FAILED, f"{hostile}{place}", "psi", 1.0, 0.2, current=summary)
        for place in range(9)
    ]
    given_ = verdict(subject=subject, reasons=(hostile,) * 50, evidence={**EVIDENCE, "rows": hostile})
    built = compose(given_, results, {hostile: f"https://airflow.example/{hostile}", "report": hostile})
    text, blocks = to_text(built), to_blocks(built)
    assert text.isprintable() or set(text) - {"\n"} == {c for c in text if c.isprintable()}
    assert len(text.splitlines()) <= 30
    assert max(len(line) for line in text.splitlines() if not line.endswith(built.links.get("report", "://"))) <= 260
    assert_within_limits(blocks)
    assert not [part for part in walk(blocks) if part.get("type") == "mrkdwn"]


@given(st.text(), st.text(), st.text())
def test_any_text_gives_valid_blocks(column: str, reason: str, link: str) -> None:
    """Whatever the texts are, the blocks are JSON within Slack's limits and the text has no control characters."""
    built = compose(verdict(reasons=(reason,)), [drift(column, 8.4)], {"report": link})
    json.dumps(to_blocks(built)).encode()
    assert_within_limits(to_blocks(built))
    assert all(line.isprintable() for line in to_text(built).split("\n"))


@pytest.mark.parametrize("address", ["/srv/report.html", "file:///r.html", "javascript:alert(1)", "http:" + "/" * 3000])
def test_only_web_addresses_become_links(address: str) -> None:
    """A local path is told as text: Slack would refuse the whole message for it."""
    blocks = to_blocks(compose(verdict(), [], {"report": address}))
    assert not [part for part in walk(blocks) if part.get("type") == "link"]
    assert address[:100] in "\n".join(texts(blocks))


def test_the_same_verdict_gives_the_same_message() -> None:
    """The message is a function of its input: order of results does not matter, nothing else enters."""
    results = [drift("temp", 8.4), drift("dest", 0.21), drift("wind", 0.21)]
    assert to_blocks(compose(verdict(), results, LINKS)) == to_blocks(compose(verdict(), results[::-1], LINKS))


@given(st.text())
def test_escaped_text_holds_no_markup(text: str) -> None:
    """After escaping no angle bracket is left, and the text is found again by undoing the entities."""
    escaped = escape(text)
    assert "<" not in escaped
    assert ">" not in escaped
    assert escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == text


def to_blocks(message: Message) -> list[Block]:
    """All that Slack shows of an alert: what stands in the channel, then in the thread."""
    return headline_blocks(message) + detail_blocks(message)


def walk(value: Any) -> Iterator[dict[str, Any]]:
    """Every object within blocks."""
    if isinstance(value, dict):
        yield value
        for part in value.values():
            yield from walk(part)
    elif isinstance(value, list):
        for part in value:
            yield from walk(part)


def texts(blocks: list[dict[str, Any]]) -> list[str]:
    """Every text shown."""
    return [part["text"] for part in walk(blocks) if isinstance(part.get("text"), str)]


def assert_within_limits(blocks: list[dict[str, Any]]) -> None:
    """Slack's limits: 50 blocks, 150 characters in a header, 3000 in any other block, no empty element."""
    assert len(blocks) <= 50
    for block in blocks:
        limit = 150 if block["type"] == "header" else 3000
        assert sum(map(len, texts([block]))) <= limit
        assert all(texts([block]))
        assert block["type"] == "header" or block["elements"][0]["elements"]


def test_what_persists_is_in_the_table() -> None:
    """A weak finding that the verdict tells of is a drifted column; one that is only watched is none."""
    watched = [replace(drift(name, 0.3), status=Status.SUSPECT) for name in ("score", "temp")]
    weak = {"suite": "data_drift", "check": "drift", "column": "score", "segment": "", "persistent": True, "weak": True}
    evidence = {**EVIDENCE, "findings": [weak]}
    heading, *rows = compose(verdict(evidence=evidence), watched, {}).table
    assert heading.startswith("column")
    assert [row.split()[0] for row in rows] == ["score"]
    assert compose(verdict(evidence={**EVIDENCE, "findings": []}), watched, {}).table == ()


def test_probable_causes_are_not_cut_away() -> None:
    """Many columns drift for one reason: it is what a person needs first."""
    reasons = (*(f"reason {number}" for number in range(9)), "probable cause: hours of another time zone")
    lines = compose(verdict(reasons=reasons), [], {}).lines
    assert lines[-2:] == ("probable cause: hours of another time zone", "and 4 more reasons")
    assert lines[:5] == reasons[:5]
    assert len(lines) == 7
