"""Admission with real rows, labels and a real repository: what is refused, why, and that it is on record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitoring_tasks.admission_steps import Asked, admit_retraining, open_rollback
from monitoring_tasks.errors import ConfigurationError, PromotionRefused, ReferenceInvalid
from monitoring_tasks.kept import load_table, required
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.policy.verdict import Action, Outcome, Subject, Verdict
from monitoring_tasks.runtime import Runtime, environment_runtime
from monitoring_tasks.severity import Severity
from monitoring_tasks.window import Window, parse_moment
from tests.dvc_pipeline import ModelRepository, churn, churn_template
from tests.retraining_world import DAYS_COMPARED, EVALUATION, TRAINING, WINDOW_END, World

__all__ = ["churn", "churn_template"]
NOW = datetime(2013, 4, 16, tzinfo=UTC)
Admit = Callable[..., dict[str, Any]]


@pytest.fixture
def world(tmp_path: Path, churn: ModelRepository) -> World:
    """A monitor's folder; nothing has happened yet."""
    folder = tmp_path / "monitors"
    folder.mkdir()
    return World(folder, churn)


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    """Store, artifacts and caches of the test's own."""
    opened = environment_runtime({"MONITORING_HOME": str(tmp_path)})
    yield opened
    opened.store.close()


@pytest.fixture
def admit(world: World, runtime: Runtime) -> Admit:
    """Ask for a retraining; `changes` are those of what is asked."""

    def ask(run: str = "one", **changes: Any) -> dict[str, Any]:
        asked = Asked(run, "manual", "a test", WINDOW_END)
        return admit_retraining(
            load_monitor(world.folder / "churn.yaml"),
            runtime,
            replace(asked, **changes),
            now=NOW,
            ended=lambda name: name.startswith("dead"),
        )

    return ask


@pytest.fixture
def told(world: World) -> World:
    """The world after the days of the story."""
    world.tell_story(learnt=-1.5, lived=-1.5)
    return world


def monitor(world: World) -> Monitor:
    """The monitor as its YAML says now."""
    return load_monitor(world.folder / "churn.yaml")


def test_champion_windows_and_rows_are_pinned(told: World, runtime: Runtime, admit: Admit) -> None:
    """Trained on the 30 days before the evaluation window, which ends a label's delay before the end."""
    task = admit()
    assert task["code"] == "admitted"
    assert task["champion"]["revision"] == told.repository.champion == task["base"]
    assert task["training"] == {"start": "2013-03-01T00:00:00Z", "end": "2013-03-31T00:00:00Z"}
    assert task["evaluation"] == {"start": "2013-03-31T00:00:00Z", "end": "2013-04-14T00:00:00Z"}
    rows = load_table(required(runtime.artifacts, f"retraining/churn/{task['slug']}/rows.parquet"))
    assert rows.num_rows == task["rows"] == 100 * DAYS_COMPARED
    assert "score" not in rows.column_names
    [record] = runtime.store.retrainings("churn")
    assert (record.state, record.snapshot) == ("requested", task["snapshot"])


def test_the_rows_are_newer_than_the_champions_own_training(told: World, admit: Admit) -> None:
    """A window end close to the champion's own leaves no rows that neither side saw."""
    task = admit(window_end=datetime(2013, 3, 2, tzinfo=UTC))
    assert task["code"] == "too_early"
    assert "newer than the training of champion v1.0.0-" in task["reason"]


def test_without_a_training_window_all_history_is_used(told: World, admit: Admit) -> None:
    """The start stays the champion's own."""
    told.configure("  training_window: 30d\n", "")
    assert admit()["training"]["start"] == "2013-01-01T00:00:00Z"


def test_a_backfill_trains_nothing(told: World, admit: Admit, runtime: Runtime) -> None:
    """It is refused before anything is read, and that is on record."""
    assert admit(silent=True)["code"] == "backfill"
    assert [record.state for record in runtime.store.retrainings("churn")] == ["refused"]


def test_rows_of_the_future_are_not_there(told: World, admit: Admit) -> None:
    """A window end after now is refused with both moments."""
    assert admit(window_end=NOW + timedelta(seconds=1))["code"] == "future"


def test_too_few_labels_spare_a_training(world: World, admit: Admit) -> None:
    """The gate could only say inconclusive."""
    world.tell(TRAINING, 30, effect=1.5)
    world.tell(EVALUATION, 2, effect=1.5)
    task = admit()
    assert task["code"] == "too_few_labels"
    assert "200 of 200 predictions" in task["reason"]


def judged(runtime: Runtime, end: datetime, *actions: Action, reason: str = "a fault") -> None:
    """A verdict on the day before `end`."""
    subject = Subject("churn", "v1.0.0-0a1b2c3d", Window(end - timedelta(days=1), end), "c0ffee")
    verdict = Verdict(subject, Outcome.DRIFTED, Severity.HIGH, actions, (reason,), {})
    runtime.store.put(verdict, [], report=None, run={})


def test_faulty_data_is_never_learnt(told: World, runtime: Runtime, admit: Admit) -> None:
    """The newest window's faults block a training, and force does not help."""
    judged(runtime, WINDOW_END - timedelta(days=1), Action.RETRAIN)
    judged(runtime, WINDOW_END, Action.BLOCK_RETRAINING, reason="spend: out of range, 12 % against 0.2 %")
    task = admit(force=True)
    assert task["code"] == "data_quality"
    assert "spend: out of range" in task["reason"]


def test_faults_that_are_over_block_nothing(told: World, runtime: Runtime, admit: Admit) -> None:
    """Only the newest window up to the end asked for counts."""
    judged(runtime, WINDOW_END - timedelta(days=1), Action.BLOCK_RETRAINING)
    judged(runtime, WINDOW_END, Action.RETRAIN)
    judged(runtime, WINDOW_END + timedelta(days=1), Action.BLOCK_RETRAINING)
    assert admit()["code"] == "admitted"


def test_one_at_a_time(told: World, runtime: Runtime, admit: Admit) -> None:
    """A second run is refused while the first is under way; one whose run has ended is closed."""
    assert admit("dead_one")["code"] == "admitted"
    assert admit("two")["code"] == "admitted"
    assert runtime.store.retraining("churn", "dead_one").state == "failed"  # type: ignore[union-attr]
    assert admit("three")["code"] == "open"


def test_a_repeated_admission_is_the_same(told: World, admit: Admit) -> None:
    """A task that is tried again pins the same rows, and is not in its own way."""
    assert admit() == admit()


def test_unchanged_rows_train_nothing(told: World, runtime: Runtime, admit: Admit) -> None:
    """Same window, rows and champion as last time; a day written anew is another matter."""
    admit("one")
    [record] = runtime.store.retrainings("churn")
    runtime.store.put_retraining(replace(record, state="rejected", closed_at=NOW))
    assert admit("two")["code"] == "same_data"
    told.tell(date(2013, 3, 5), 1, effect=-1.5, count=101)
    assert admit("three", force=True)["code"] == "admitted"


def test_only_challengers_that_were_trained_here_are_compared(told: World, admit: Admit) -> None:
    """The field of the form is not a way to run any commit's code; to ask for it twice vouches for nothing."""
    stranger = told.repository.edit("score.py", "print('anybody')")
    assert admit("one", challenger=stranger)["code"] == "unknown_challenger"
    assert admit("two", challenger=stranger)["code"] == "unknown_challenger"


def trained(told: World, runtime: Runtime, admit: Admit, run: str = "first") -> str:
    """A challenger that a run trained and that was then superseded."""
    challenger = told.repository.edit("notes.txt", run)
    admit(run)
    record = runtime.store.retraining("churn", run)
    assert record is not None
    done = replace(record, state="superseded", challenger=challenger, branch=f"retrain/{run}", closed_at=NOW)
    runtime.store.put_retraining(done)
    return challenger


def test_a_challenger_is_compared_on_rows_newer_than_its_own_training(
    told: World, runtime: Runtime, admit: Admit
) -> None:
    """An earlier window end would set it before rows that it was trained on."""
    challenger = trained(told, runtime, admit)
    task = admit("again", challenger=challenger, window_end=WINDOW_END - timedelta(days=4))
    assert (task["code"], task["training"]["end"]) == ("admitted", "2013-03-31T00:00:00Z")
    assert task["evaluation"] == {"start": "2013-03-31T00:00:00Z", "end": "2013-04-10T00:00:00Z"}


def test_the_champion_is_no_challenger_of_itself(told: World, runtime: Runtime, admit: Admit) -> None:
    """Somebody tagged the challenger by hand while it waited: there is nothing left to ask."""
    challenger = trained(told, runtime, admit)
    git = told.repository.git
    identity = ["-c", "user.name=other", "-c", "user.email=other@localhost"]
    git(*identity, "tag", "-a", "churn#champion#2", "-m", "by hand", challenger)
    assert admit("again", challenger=challenger)["code"] == "is_champion"


@pytest.mark.parametrize("state", ["promoted", "rolled_back"])
def test_what_put_a_champion_in_place_is_not_begun_anew(
    told: World, runtime: Runtime, admit: Admit, state: Any
) -> None:
    """The first task of such a run is cleared: its record stays as it is."""
    admit("one")
    [record] = runtime.store.retrainings("churn")
    done = replace(record, state=state, outcome="v1.1.0 replaced v1.0.0", closed_at=NOW)
    runtime.store.put_retraining(done)
    with pytest.raises(PromotionRefused, match=r"run one is done: v1.1.0 replaced v1.0.0"):
        admit("one")
    assert runtime.store.retraining("churn", "one") == done


def test_a_retraining_of_which_nothing_is_heard_blocks_none_for_ever(
    told: World, runtime: Runtime, admit: Admit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow does not know its run any more, so only time tells."""
    admit("lost")
    assert admit("two")["code"] == "open"
    monkeypatch.setattr("monitoring_tasks.admission_steps.lapse_of", lambda _: timedelta(0))
    assert admit("three")["code"] == "admitted"
    lost = runtime.store.retraining("churn", "lost")
    assert lost is not None
    assert lost.outcome.startswith("lapsed")


def test_a_rollback_waits_for_no_dead_run(told: World, runtime: Runtime, admit: Admit) -> None:
    """One that is under way refuses it with a reason; one whose run has ended is closed."""

    def ask(run: str) -> dict[str, Any]:
        asked = Asked(run, "rollback", "too many complaints", WINDOW_END)
        return open_rollback(monitor(told), runtime, asked, now=NOW, ended=lambda name: name.startswith("dead"))

    admit("dead_one")
    task = ask("back")
    assert (task["code"], task["champion"]["number"]) == ("rollback", 1)
    refused = ask("other")
    assert refused["code"] == "open"
    assert "retraining back of churn is requested" in refused["reason"]


@pytest.mark.parametrize("end", ["0001-01-01", "2013-03-01"])
def test_an_end_before_the_monitors_own_start(told: World, admit: Admit, end: str) -> None:
    """There are no rows; no arithmetic is tried on it."""
    assert admit(window_end=parse_moment(end))["code"] == "too_early"


@pytest.mark.parametrize("base", ["--upload-pack=touch PWNED", "no_such_branch", "0" * 40, "HEAD; touch PWNED"])
def test_a_base_must_be_one_of_the_repository(told: World, admit: Admit, base: str, tmp_path: Path) -> None:
    """Nothing that a form says becomes an option or a command."""
    with pytest.raises((ConfigurationError, ReferenceInvalid)):
        admit(base=base)
    assert not list(tmp_path.rglob("PWNED"))


def test_a_base_of_the_default_branch(told: World, admit: Admit) -> None:
    """The code of a branch can be trained instead of the champion's."""
    commit = told.repository.edit("notes.txt", "newer code")
    assert admit(base=commit)["base"] == commit


def test_only_allowed_repositories(told: World, admit: Admit, monkeypatch: pytest.MonkeyPatch) -> None:
    """A platform can say which repositories' code may run."""
    monkeypatch.setenv("MONITORING_REPOSITORIES", "https://git.example/ml")
    with pytest.raises(ConfigurationError, match="is not allowed here"):
        admit()
