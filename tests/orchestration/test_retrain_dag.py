"""Real runs of a retraining's DAG inside Airflow: every way through it, with a real pipeline in git and DVC."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitoring_tasks.orchestration.runtime import airflow_runtime
from monitoring_tasks.retraining.registry import find_champion
from monitoring_tasks.store.records import RetrainingRecord
from monitoring_tasks.window import Window, stamp
from tests.dvc_pipeline import MODEL, ModelRepository, churn, churn_template
from tests.orchestration.conftest import Run
from tests.retraining_world import EVALUATION, WINDOW_END, World

__all__ = ["churn", "churn_template"]
pytestmark = [pytest.mark.xdist_group("airflow"), pytest.mark.timeout(600)]
DAG = "retrain_churn"
RunDag = Callable[..., Run]
ASKED = {"reason": "a test", "window_end": WINDOW_END.isoformat()}


@pytest.fixture
def world(tmp_path: Path, churn: ModelRepository, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The monitor's folder, which the DAG files read; nothing has happened yet."""
    folder = tmp_path / "monitors"
    folder.mkdir()
    monkeypatch.setenv("MONITORING_MONITORS", str(folder))
    monkeypatch.setenv("MONITORING_HOME", str(tmp_path))
    airflow_runtime.cache_clear()
    yield World(folder, churn)
    if airflow_runtime.cache_info().currsize:
        airflow_runtime().store.close()
    airflow_runtime.cache_clear()


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Answer the question as Airflow hands the answer on; nobody has to click."""
    from airflow.providers.standard.operators.hitl import HITLOperator
    from airflow.sdk import timezone

    def answer(option: str, *, by: str | None = "ada", comment: str | None = None, at: datetime | None = None) -> None:
        def execute(self: Any, context: Any) -> Any:
            event = {
                "chosen_options": [option],
                "params_input": {"comment": comment},
                "responded_at": at or timezone.utcnow(),
                "responded_by_user": {"id": by, "name": by} if by else None,
            }
            return self.execute_complete(context, event)

        monkeypatch.setattr(HITLOperator, "execute", execute)

    return answer


def record() -> RetrainingRecord:
    """The newest retraining in the store."""
    return airflow_runtime().store.retrainings(MODEL)[0]


def record_requests(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """Run id and form of each run that would be started in another DAG; a single process cannot run it."""
    from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator

    asked: list[tuple[str, dict[str, Any]]] = []

    def execute(self: Any, context: Any) -> None:
        asked.append((self.trigger_run_id, self.conf))

    monkeypatch.setattr(TriggerDagRunOperator, "execute", execute)
    return asked


def test_a_better_challenger_that_is_approved_becomes_champion(
    world: World, answered: Callable[..., None], run_dag: RunDag
) -> None:
    """Trained, compared, asked, promoted, told; the tag says who and why, and the next verdict has its reference."""
    world.tell_story(learnt=-1.5, lived=-1.5)
    answered("Approve", comment="looks right")
    day = Window.parse("2013-04-09", "2013-04-10")
    run_dag(date(2013, 4, 10))
    run = run_dag(None, conf=ASKED, name=DAG)
    assert run.state == "success", run.log[-3000:]
    assert {name for name, state in run.tasks.items() if state == "success"} == {
        *("admit", "train", "score", "gate", "ask", "announce", "answer", "promote", "notify", "clean_up")
    }
    champion = find_champion(world.repository.origin, MODEL)
    assert (champion.number, champion.tag) == (2, "churn@v1.1.0")
    assert champion.revision == run.results["train"]["challenger"]
    done = record()
    assert (done.state, done.decided_by) == ("promoted", "ada")
    assert "looks right" in world.repository.git("tag", "-l", "-n99", "churn#champion#2")
    assert run.results["gate"]["decision"] == "promote"
    assert "Running stage" in run.log
    assert not list((airflow_runtime().cache / "workspaces" / MODEL).glob("*"))
    told = {letter.body["title"] for letter in airflow_runtime().store.letters()}
    assert {"MEDIUM: a challenger of churn waits for approval", "MEDIUM: churn has a new champion"} <= told
    run_dag(None, conf={"start": stamp(day.start), "end": stamp(day.end)})
    judged = airflow_runtime().store.judgements(MODEL, day)
    assert [each.verdict.subject.champion.partition("-")[0] for each in judged] == ["v1.0.0", "v1.1.0"]
    references = {each.verdict.evidence["hashes"]["reference"] for each in judged}
    assert len(references) == 2


def test_a_declined_challenger_stays_on_its_branch(
    world: World, answered: Callable[..., None], run_dag: RunDag
) -> None:
    """The champion stays; the branch can be looked at."""
    world.tell_story(learnt=-1.5, lived=-1.5)
    answered("Reject", comment="not before the holidays")
    run = run_dag(None, conf=ASKED, name=DAG)
    assert run.state == "success"
    assert run.tasks["promote"] == "skipped"
    assert find_champion(world.repository.origin, MODEL).number == 1
    assert (record().state, record().decided_by) == ("declined", "ada")
    assert "not before the holidays" in record().outcome
    assert any(branch.startswith("retrain/") for branch in world.repository.branches())


def test_no_answer_in_time_is_a_no(world: World, answered: Callable[..., None], run_dag: RunDag) -> None:
    """Airflow answers with the default, in nobody's name."""
    world.tell_story(learnt=-1.5, lived=-1.5)
    answered("Reject", by=None)
    run = run_dag(None, conf=ASKED, name=DAG)
    assert run.state == "success"
    assert record().state == "expired"


def test_a_worse_challenger_is_rejected_without_a_question(world: World, run_dag: RunDag) -> None:
    """What was learnt in March no longer holds in April: the gate refuses it, and nobody is asked."""
    world.tell_story(learnt=-1.5, lived=1.5)
    run = run_dag(None, conf=ASKED, name=DAG)
    assert run.state == "success"
    assert run.tasks["reject"] == "success"
    assert run.tasks["ask"] == "skipped"
    assert run.tasks["promote"] == "skipped"
    assert record().state == "rejected"
    assert find_champion(world.repository.origin, MODEL).number == 1


def test_a_superior_challenger_can_be_promoted_without_a_person(world: World, run_dag: RunDag) -> None:
    """Where the monitor says so."""
    world.configure("  gate: {", "  approval: {mode: auto_if_superior}\n  gate: {")
    world.tell_story(learnt=-1.5, lived=-1.5)
    run = run_dag(None, conf=ASKED, name=DAG)
    assert run.tasks["ask"] == "skipped"
    assert run.tasks["promote"] == "success"
    assert record().state == "promoted"
    assert "auto_if_superior" in str(record().decided_by)


def test_a_question_that_nobody_answered_is_no_approval(
    world: World, run_dag: RunDag, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The question's task marked as successful by hand leaves no answer: nothing may be put in place by that."""
    from airflow.providers.standard.operators.hitl import HITLOperator

    world.tell_story(learnt=-1.5, lived=-1.5)
    monkeypatch.setattr(HITLOperator, "execute", lambda *_, **__: None)
    run = run_dag(None, conf=ASKED, name=DAG)
    assert run.state == "failed"
    assert "nobody approved this verdict" in run.log
    assert find_champion(world.repository.origin, MODEL).number == 1
    assert record().state == "failed"


def test_an_answer_to_an_earlier_verdict_is_no_approval(
    world: World, answered: Callable[..., None], run_dag: RunDag
) -> None:
    """The gate judged anew after the answer was given: it is asked for again."""
    world.tell_story(learnt=-1.5, lived=-1.5)
    answered("Approve", at=datetime(2013, 4, 15, tzinfo=UTC))
    run = run_dag(None, conf=ASKED, name=DAG)
    assert run.state == "failed"
    assert "older than the gate's verdict" in run.log
    assert find_champion(world.repository.origin, MODEL).number == 1


def test_nothing_is_put_in_place_where_the_monitor_forbids_it(world: World, run_dag: RunDag) -> None:
    """Mode never: the verdict is told, and that is all."""
    world.configure("  gate: {", "  approval: {mode: never}\n  gate: {")
    world.tell_story(learnt=-1.5, lived=-1.5)
    run = run_dag(None, conf=ASKED, name=DAG)
    assert run.tasks["reject"] == "success"
    assert run.tasks["promote"] == "skipped"
    assert record().state == "withheld"


def test_a_refusal_is_a_success_that_is_told(world: World, run_dag: RunDag) -> None:
    """Without labels there is nothing to compare with: no training, and the reason in the log."""
    run = run_dag(None, conf=ASKED, name=DAG)
    assert run.state == "failed"  # the folders of the logs are not there at all
    world.tell(EVALUATION, 1, effect=1.5)
    run = run_dag(None, conf=ASKED, name=DAG)
    assert run.state == "success"
    assert run.tasks["train"] == "skipped"
    assert run.tasks["notify"] == "success"
    assert run.results["admit"]["code"] == "too_few_labels"
    assert record().state == "refused"
    assert "retraining.gate.minimum_rows" in run.log


def test_a_first_task_that_fails_leaves_nothing_open(
    world: World, run_dag: RunDag, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An admission that was recorded, and whose task failed after it, is closed and told."""
    from monitoring_tasks.orchestration import retrain_tasks

    def fail(ti: Any, result: Any, *following: str) -> None:
        raise RuntimeError("lost its worker")

    world.tell_story(learnt=-1.5, lived=-1.5)
    monkeypatch.setattr(retrain_tasks, "_followed", fail)
    run = run_dag(None, conf=ASKED, name=DAG)
    assert run.state == "failed"
    assert run.tasks["clean_up"] == "success"
    assert record().state == "failed"
    assert "retraining churn failed" in run.log


def test_a_pipeline_that_fails_fails_the_run_and_closes_the_retraining(world: World, run_dag: RunDag) -> None:
    """The pipeline's own last lines are in the log; the next retraining is not blocked by this one."""
    world.tell_story(learnt=-1.5, lived=-1.5)
    world.configure("    model: model.json\n", "    model: no_such_model.json\n")
    run = run_dag(None, conf=ASKED, name=DAG)
    assert run.state == "failed"
    assert run.tasks["train"] == "failed"
    assert run.tries["train"] == 1
    assert run.tasks["clean_up"] == "success"
    assert record().state == "failed"
    assert "no_such_model.json" in run.log


def test_a_champion_that_moved_is_compared_anew(
    world: World, answered: Callable[..., None], run_dag: RunDag, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the answer was waited for another version was tagged: nothing is promoted, a new comparison is started."""
    from monitoring_tasks.orchestration.retrain_tasks import RetrainingTasks

    world.tell_story(learnt=-1.5, lived=-1.5)
    answered("Approve")
    asked = record_requests(monkeypatch)
    announce = RetrainingTasks.announce

    def meanwhile(self: RetrainingTasks, dag_run: Any, ti: Any) -> Any:
        if find_champion(world.repository.origin, MODEL).number == 1:
            identity = ["-c", "user.name=other", "-c", "user.email=other@localhost"]
            tag = ["tag", "-a", "churn#champion#2", "-m", "by hand", world.repository.champion]
            world.repository.git(*identity, *tag)
        return announce(self, dag_run, ti)

    monkeypatch.setattr(RetrainingTasks, "announce", meanwhile)
    run = run_dag(None, conf=ASKED, name=DAG)
    assert run.state == "success"
    assert run.tasks["again"] == "success"
    assert record().state == "superseded"
    assert find_champion(world.repository.origin, MODEL).number == 2
    [(run_id, conf)] = asked
    assert run_id == f"{run.run_id}__again"
    assert conf["challenger"] == run.results["train"]["challenger"]
    assert conf["window_end"] == "2013-04-15T00:00:00Z"

    again = run_dag(None, conf=conf, name=DAG)
    assert again.state == "success", again.log[-3000:]
    assert "Running stage" not in again.log
    champion = find_champion(world.repository.origin, MODEL)
    assert (champion.number, champion.revision) == (3, conf["challenger"])
    assert record().state == "promoted"


def test_a_rollback_by_the_form(world: World, answered: Callable[..., None], run_dag: RunDag) -> None:
    """`previous` puts the version before in place, in a run of its own."""
    world.tell_story(learnt=-1.5, lived=-1.5)
    answered("Approve")
    run_dag(None, conf=ASKED, name=DAG)
    run = run_dag(None, conf={"rollback": "previous", "reason": "too many complaints"}, name=DAG)
    assert run.state == "success", run.log[-3000:]
    assert run.tasks["train"] == "skipped"
    champion = find_champion(world.repository.origin, MODEL)
    assert (champion.number, champion.revision) == (3, world.repository.champion)
    assert (record().state, record().placed) == ("rolled_back", champion.version)
    assert "too many complaints" in world.repository.git("tag", "-l", "-n99", "churn#champion#3")


def test_drift_that_persists_requests_a_retraining(
    world: World, run_dag: RunDag, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The monitor's run starts the other DAG under an id that is the same for every repetition."""
    world.tell(date(2013, 3, 1), 6, effect=1.5, count=300, shift=3.0)
    asked = record_requests(monkeypatch)
    run = run_dag(date(2013, 3, 5), on_time=True)
    assert run.returned["verdict"]["actions"] == ["alert", "investigate", "retrain"], run.returned["verdict"]
    assert run.tasks["request_retraining"] == "success"
    [(run_id, conf)] = asked
    assert run_id.startswith("retrain__2013-03-05T00:00:00Z__v1.0.0-")
    assert conf["window_end"] == "2013-03-05T00:00:00Z"
    assert "drifted" in conf["reason"]


def test_worse_figures_request_a_retraining(world: World, run_dag: RunDag, monkeypatch: pytest.MonkeyPatch) -> None:
    """The performance run starts it at once; a backfill of the same window does not."""
    world.configure("retraining:\n", "performance: {}\nretraining:\n")
    world.tell(date(2013, 3, 1), 6, effect=-1.5, count=300)
    asked = record_requests(monkeypatch)
    run = run_dag(date(2013, 3, 7), name="performance_churn", on_time=True)
    assert run.returned["verdict"]["outcome"] == "degraded", run.log[-3000:]
    assert run.tasks["request_retraining"] == "success"
    [(run_id, conf)] = asked
    assert run_id.startswith("retrain__2013-03-06T00:00:00Z__v1.0.0-")
    assert conf["reason"].startswith("degraded in 2013-03-05T00:00:00Z/2013-03-06T00:00:00Z")
    # The labels of the window were final a day after its end: the training is to use all of them.
    assert conf["window_end"] == "2013-03-07T00:00:00Z"
    past = run_dag(None, conf={"as_known_on": "2013-03-07"}, name="performance_churn")
    assert past.returned["verdict"]["outcome"] == "degraded"
    assert past.tasks["request_retraining"] == "skipped"


def test_a_window_of_the_past_by_hand_requests_nothing(world: World, run_dag: RunDag) -> None:
    """Somebody who looks at last month's drift does not start a training by it."""
    world.tell(date(2013, 3, 1), 6, effect=1.5, count=300, shift=3.0)
    day = date(2013, 3, 4)
    run = run_dag(None, conf={"start": f"{day}", "end": f"{day + timedelta(days=1)}"})
    assert "retrain" in run.returned["verdict"]["actions"]
    assert run.tasks["request_retraining"] == "skipped"
    assert "a window of the past was asked for by hand" in run.log


def test_one_retraining_at_a_time_is_requested(world: World, run_dag: RunDag) -> None:
    """While one is under way another is refused where it would be requested, and that is on record."""
    from dataclasses import replace

    world.tell(date(2013, 3, 1), 6, effect=1.5, count=300, shift=3.0)
    run_dag(None, conf={**ASKED, "window_end": "2013-03-02T00:00:00Z"}, name=DAG)
    airflow_runtime().store.put_retraining(replace(record(), state="awaiting", closed_at=None))
    run = run_dag(date(2013, 3, 5), on_time=True)
    assert run.tasks["request_retraining"] == "skipped"
    assert "is under way (awaiting)" in run.log
    refused = [each for each in airflow_runtime().store.retrainings(MODEL) if each.run.startswith("retrain__")]
    assert [each.state for each in refused] == ["refused"]
