"""What may be put in place, and what is on record of it however often a step is run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from monitoring_tasks.errors import PromotionRefused
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.promotion_steps import AUTOMATIC, Answer, promote_challenger, roll_back_champion
from monitoring_tasks.retraining.names import retraining_folder
from monitoring_tasks.retraining.promotion import roll_back
from monitoring_tasks.retraining.registry import find_champion
from monitoring_tasks.retraining_task import advance, record_of, task_json
from monitoring_tasks.runtime import Runtime, environment_runtime
from monitoring_tasks.store.records import RetrainingRecord
from monitoring_tasks.window import Window
from tests.dvc_pipeline import MODEL, ModelRepository, churn, churn_template
from tests.retraining_world import WINDOW_END, World

__all__ = ["churn", "churn_template"]
NOW = datetime(2013, 4, 16, tzinfo=UTC)
VERDICT = b'{"decision": "promote"}'
YES = Answer(approved=True, by="ada")


@dataclass(frozen=True)
class Case:
    """A retraining whose challenger waits for an answer."""

    monitor: Monitor
    runtime: Runtime
    repository: ModelRepository
    task: dict[str, Any]
    judged: dict[str, Any]

    def promote(self, answer: Answer = YES, **changes: Any) -> dict[str, Any]:
        """Put the challenger in place by this answer."""
        return promote_challenger(self.monitor, self.runtime, self.task, {**self.judged, **changes}, answer)

    def record(self) -> RetrainingRecord:
        """What is on record."""
        return record_of(self.runtime, self.task)

    def tags(self) -> set[str]:
        """The champions' tags at origin."""
        return set(self.repository.git("tag", "--list", "*#champion#*").split())


@pytest.fixture
def case(tmp_path: Path, churn: ModelRepository, monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    """A case with a real repository; the new reference is profiled by another test."""
    monkeypatch.setattr("monitoring_tasks.promotion_steps._take_over", lambda *_: None)
    (tmp_path / "monitors").mkdir()
    World(tmp_path / "monitors", churn)
    runtime = environment_runtime({"MONITORING_HOME": str(tmp_path)})
    champion = find_champion(churn.origin, MODEL)
    day = Window.parse("2013-03-01", "2013-03-02")
    asked = RetrainingRecord(
        MODEL, "one", "manual", "a test", "awaiting", NOW, WINDOW_END, training=day, evaluation=day,
        champion={**asdict(champion), "version": champion.version},
    )  # fmt: skip
    runtime.store.put_retraining(asked)
    runtime.artifacts.write(f"{retraining_folder(MODEL, 'one')}/verdict.json", VERDICT)
    judged = {
        "decision": "promote",
        "reasons": ["it ranks better"],
        "primary": {},
        "challenger": churn.edit("notes.txt", "trained"),
        "hash": hashlib.sha256(VERDICT).hexdigest()[:16],
    }
    monitor = load_monitor(tmp_path / "monitors" / "churn.yaml")
    yield Case(monitor, runtime, churn, task_json(asked, base=""), judged)
    runtime.store.close()


@pytest.mark.parametrize(
    ("answer", "changes"),
    [
        (Answer(approved=False, by="ada"), {}),
        (Answer(approved=True, by=None), {}),
        (Answer(approved=True, by=AUTOMATIC), {}),
        (YES, {"decision": "reject"}),
        (YES, {"hash": "another"}),
    ],
)
def test_only_what_was_approved_is_put_in_place(case: Case, answer: Answer, changes: dict[str, Any]) -> None:
    """Not a no, not nobody, not the gate where a person is to be asked, not another verdict."""
    with pytest.raises(PromotionRefused):
        case.promote(answer, **changes)
    assert case.tags() == {"churn#champion#1"}
    assert case.record().state == "awaiting"


def test_a_new_reference_that_cannot_be_read_takes_nothing_back(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """The champion is in place, so that is on record before anything else is tried."""

    def breaks(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("monitoring_tasks.promotion_steps._take_over", breaks)
    with pytest.raises(MemoryError):
        case.promote()
    assert case.record().state == "promoted"


def test_what_was_promoted_and_rolled_back_since_stays_promoted(case: Case) -> None:
    """The task is cleared, or died before it could record what it did: no new comparison takes the rollback back."""
    promoted = case.promote()
    roll_back(case.repository.origin, MODEL, to=None, decision={"run": "undo"}, files=[], moment=NOW)
    before = case.record()
    assert before.placed == promoted["version"]
    assert case.promote()["promoted"] is True
    assert case.record() == before
    advance(case.runtime, case.task, "awaiting")
    assert case.promote()["promoted"] is True
    assert (case.record().state, case.record().decided_by) == ("promoted", "ada")
    assert case.record().placed == promoted["version"]
    assert "champion #3 took its place since" in case.record().outcome
    assert find_champion(case.repository.origin, MODEL).number == 3


def test_two_monitors_runs_of_one_id_are_two(case: Case) -> None:
    """Schedules give the same ids to runs of monitors that share a model: one's tag is not the other's."""
    git = case.repository.git
    message = '{"run": "one"}'
    identity = ["-c", "user.name=other", "-c", "user.email=other@localhost"]
    git(*identity, "tag", "-a", "churn#champion#2", "-m", message, case.judged["challenger"])
    assert case.promote()["promoted"] is False
    assert case.record().state == "superseded"


def test_a_repeated_rollback_says_what_it_replaced(case: Case) -> None:
    """Its process died after the tag was pushed: the second try names the champion there was, not the present one."""
    case.promote()
    champion = find_champion(case.repository.origin, MODEL)
    asked = RetrainingRecord(
        MODEL, "back", "rollback", "complaints", "requested", NOW, WINDOW_END, "ada",
        champion={**asdict(champion), "version": champion.version},
    )  # fmt: skip
    outcomes = set()
    for _ in range(2):
        case.runtime.store.put_retraining(asked)
        roll_back_champion(case.monitor, case.runtime, asked, to=None)
        record = case.runtime.store.retraining(MODEL, "back")
        assert record is not None
        outcomes.add(record.outcome)
    [outcome] = outcomes
    assert outcome.startswith("v1.0.0-")
    assert "in place of v1.1.0-" in outcome
    assert find_champion(case.repository.origin, MODEL).number == 3
