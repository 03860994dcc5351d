"""The history of champions, read from real tags: decisions, tags written by hand, and what is hostile."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.errors import ReferenceInvalid, ReferenceUnavailable
from monitoring_tasks.retraining.history import LONGEST, Assignment, history, sentences
from monitoring_tasks.retraining.registry import Champion, find_champion
from tests.git_repository import commit, run, start

MOMENT = datetime(2013, 8, 2, 10, tzinfo=UTC)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A git work tree with a bare origin beside it."""
    return start(tmp_path)


def assign(work: Path, number: int, message: str, *, version: str | None = None) -> str:
    """Make a new commit champion with a message, dated by its number, and return the commit."""
    revision = commit(work, *([f"toy@{version}"] if version else []))
    dated = ["env", f"GIT_COMMITTER_DATE=@{int(MOMENT.timestamp()) + number} +0200"]
    run(*dated, "git", "tag", "-a", f"toy#champion#{number}", "--cleanup=verbatim", "-m", message, cwd=work)
    run("git", "push", "--quiet", "--tags", cwd=work)
    return revision


def read(work: Path) -> list[Assignment]:
    """The history as origin has it."""
    return history(str(work.parent / "origin.git"), "toy")


def made(**more: Any) -> Assignment:
    """An assignment."""
    given = {"version": "v1.1.0", "by": "jane", "reason": "", "details": {}} | more
    return Assignment(**{"model": "toy", "number": 2, "revision": "3f2a9c1b" * 5, "moment": MOMENT} | given)


def test_decisions_and_tags_written_by_hand(work: Path) -> None:
    """Newest first: what a decision says, in one line or many; else the tag's author and its message's first line."""
    decision = {"run": "r", "by": "jane", "reason": "it ranks better", "previous": {"number": 1}}
    first = assign(work, 1, "chosen by hand\n\nafter a long talk", version="v1.0.0")
    second = assign(work, 2, json.dumps(decision))
    third = assign(work, 10, json.dumps(decision | {"by": "joe"}, indent=2), version="v1.1.0")
    found = read(work)
    assert [(each.number, each.revision, each.version) for each in found] == [
        (10, third, "v1.1.0"),
        (2, second, None),
        (1, first, "v1.0.0"),
    ]
    assert [(each.by, each.reason) for each in found] == [
        ("joe", "it ranks better"),
        ("jane", "it ranks better"),
        ("test NAME", "chosen by hand"),
    ]
    assert [each.details for each in found] == [decision | {"by": "joe"}, decision, {}]
    assert [int((each.moment - MOMENT).total_seconds()) for each in found] == [10, 2, 1]
    assert found[0].champion == find_champion(str(work.parent / "origin.git"), "toy")
    assert found[1].champion == Champion("toy", 2, second, None)


def test_other_tags_are_no_history(work: Path) -> None:
    """Other models, other stages and malformed numbers do not count; a tag without an object has nobody behind it."""
    commit(work, "toy2#champion#1", "toy#challenger#4", "toy#champion#x", "toy#champion#03", "other#champion#5")
    run("git", "tag", "toy#champion#7", cwd=work)
    run("git", "push", "--quiet", "--tags", cwd=work)
    [only] = read(work)
    assert (only.number, only.by, only.reason, only.details) == (7, "", "", {})
    assert sentences([only])[0].endswith("assigned by somebody unnamed")


def test_no_history(work: Path, tmp_path: Path) -> None:
    """Without a champion it is said how to make one; without an answer a retry may help."""
    commit(work)
    with pytest.raises(ReferenceInvalid, match="git tag -a 'toy#champion#1'"):
        read(work)
    with pytest.raises(ReferenceUnavailable, match=r"absent\.git could not be read"):
        history(str(tmp_path / "absent.git"), "toy")
    with pytest.raises(ReferenceInvalid, match="repository '--upload-pack=touch' is refused"):
        history("--upload-pack=touch", "toy")
    with pytest.raises(ReferenceInvalid, match=r"model '\*' is refused"):
        history(str(tmp_path), "*")


@pytest.mark.parametrize(
    "message",
    [
        '{"by": NaN}',
        '{"by": 1e999}',
        "[1]",
        '"text"',
        "null",
        "[" * 100_000,
        "9" * 5000,
        '{"a": ',
        "\x1b[2J\x07{}",
        "\u202egnp.exe",
    ],
)
def test_messages_that_are_no_decision(work: Path, message: str) -> None:
    """Broken, endless and hostile messages are texts; their lines are short and cannot write to the terminal."""
    assign(work, 1, message)
    [found] = read(work)
    assert found.details == {}
    [line] = sentences([found])
    assert line.isprintable()
    assert len(line) < LONGEST + 100
    json.dumps(found.to_json(), allow_nan=False)


def test_a_decision_of_unexpected_types(work: Path) -> None:
    """Values of other types than the decision's own are left out of the line, and the line is still told."""
    decision = {"by": 7, "reason": ["x"], "comment": {}, "action": [], "figures": "high", "metrics": [1]}
    assign(work, 1, json.dumps(decision))
    [found] = read(work)
    assert (found.by, found.reason, found.details) == ("test NAME", "", decision)
    assert sentences([found])[0].endswith("assigned by test NAME")


def test_a_date_beyond_the_calendar(work: Path) -> None:
    """A tag of the year 30000 is read, and does not end the history."""
    commit(work)
    dated = ["env", "GIT_COMMITTER_DATE=@900000000000 +0000"]
    run(*dated, "git", "tag", "-a", "toy#champion#1", "-m", "x", cwd=work)
    run("git", "push", "--quiet", "--tags", cwd=work)
    assert read(work)[0].moment.year == 9999


FIGURES = {"metric": "auc", "difference": 0.02512, "low": -0.0041, "high": 0.0463, "rows": 9000}


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"action": "promotion", "figures": FIGURES}, "promoted by jane: auc +0.0251 [-0.0041, +0.0463]"),
        (
            {"figures": FIGURES | {"metric": "recall_at_rate", "alert_rate": 0.005}},
            "assigned by jane: recall at 0.5% alerted +0.0251 [-0.0041, +0.0463]",
        ),
        ({"figures": FIGURES | {"alert_rate": "<b>"}}, "assigned by jane: auc +0.0251 [-0.0041, +0.0463]"),
        ({"action": "rollback"}, "put back in place by jane"),
        ({"metrics": {"auc": 0.69113, "rows": 12000, "ok": True, "name": "x"}}, ": auc 0.691, rows 12,000"),
        ({"comment": "go\x1b[2J\nahead"}, "assigned by jane: go [2J ahead"),
        ({"figures": FIGURES | {"low": None}}, "assigned by jane"),
        ({"figures": FIGURES | {"high": 10**400}}, "assigned by jane"),
        ({"comment": "x" * 1000}, "x..."),
    ],
)
def test_lines(given: dict[str, Any], line: str) -> None:
    """Who, when, why and on what figures; what is not a figure is left out."""
    [told] = sentences([made(details=given)])
    assert told.startswith("#2  2013-08-02 10:00Z  v1.1.0 (3f2a9c1b) ")
    assert told.endswith(line)


def test_a_commit_without_a_version() -> None:
    """Its commit names it."""
    [told] = sentences([made(version=None, reason="by hand")])
    assert told == "#2  2013-08-02 10:00Z  3f2a9c1b assigned by jane: by hand"


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5)
KEYS = st.sampled_from(["by", "reason", "comment", "action", "figures", "metrics", "difference", "low", "high"])


@given(details=st.dictionaries(KEYS, JSON | st.dictionaries(KEYS, JSON)), by=st.text(), reason=st.text())
def test_every_history_can_be_told(details: dict[str, Any], by: str, reason: str) -> None:
    """Whatever tags hold, each assignment is one printable line of bounded length."""
    [line] = sentences([made(details=details, by=by, reason=reason)])
    assert line.isprintable()
    assert len(line) < 4 * LONGEST + 100
