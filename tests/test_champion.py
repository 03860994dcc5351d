"""The champion a run judges against: pinned, profiled once, kept when its repository does not answer."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest

from monitoring_tasks import steps
from monitoring_tasks.champion import load_importances, load_reference, pin_champion, pin_version
from monitoring_tasks.errors import ReferenceInvalid, ReferenceUnavailable
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.policy.verdict import Verdict
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.window import Window
from tests.git_repository import commit, start, tag
from tests.production import FIRST_DAY, YAML, Production
from tests.whole_run import judge

CHAMPION = YAML.replace(
    "{kind: file, path: reference.parquet, importances: importances.json}", "{kind: champion, repository: origin.git}"
)
DAY = Window.parse("2013-03-01", "2013-03-02")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A repository whose first commit is the champion, its reference kept in git itself."""
    production = Production(tmp_path, CHAMPION)
    production.write(FIRST_DAY)
    work = start(tmp_path)
    for name in ("reference.parquet", "importances.json"):
        shutil.move(tmp_path / name, work / name)
    commit(work, "churn@v1.0.0", "churn#champion#1")
    return work


@pytest.fixture
def monitor(work: Path) -> Monitor:
    """The monitor of that champion."""
    return load_monitor(work.parent / "churn.yaml")


def test_champion_is_judged_against_its_own_reference(monitor: Monitor, runtime: Runtime) -> None:
    """The version names tag and commit, and the importances come from the same commit."""
    pinned = pin_champion(monitor, runtime)
    assert pinned.version.startswith("v1.0.0-")
    assert load_importances(monitor, runtime, pinned) == {"age": 0.5, "spend": 0.3, "plan": 0.1}
    assert load_reference(monitor, runtime, pinned).profile.rows == 9000
    assert judge(monitor, runtime, DAY).subject.champion == pinned.version


def test_reference_is_profiled_once(monitor: Monitor, runtime: Runtime, caplog: pytest.LogCaptureFixture) -> None:
    """The second run reads the stored profile of the same content; it is the same profile."""
    caplog.set_level(logging.INFO, "monitoring_tasks.champion")
    pinned = pin_champion(monitor, runtime)
    first, second = (load_reference(monitor, runtime, pinned) for _ in range(2))
    assert sum("reference.built" in record.getMessage() for record in caplog.records) == 1
    assert first.kinds == second.kinds
    assert list(first.pieces) == list(second.pieces)
    assert first.profile.binning == second.profile.binning


def test_promotion_starts_results_of_its_own(work: Path, monitor: Monitor, runtime: Runtime) -> None:
    """The new champion's verdict stands beside the old one's; a rollback finds the old one again."""
    old = judge(monitor, runtime, DAY)
    (work / "importances.json").write_text('{"plan": 1.0}')
    commit(work, "churn@v1.1.0", "churn#champion#2")
    new = judge(monitor, runtime, DAY)
    assert new.subject.champion.startswith("v1.1.0-")
    assert runtime.store.verdict(old.subject) == old
    tag(work, "churn@v1.0.0^{commit}", "churn#champion#3")
    assert judge(monitor, runtime, DAY) == old


def test_a_promotion_half_way_does_not_mix_references(work: Path, monitor: Monitor, runtime: Runtime) -> None:
    """A run keeps the champion it started with."""
    subject = steps.open_window(monitor, runtime, DAY)
    commit(work, "churn@v1.1.0", "churn#champion#2")
    steps.profile_window(monitor, runtime, subject)
    steps.run_suites(monitor, runtime, subject)
    verdict = Verdict.from_json(steps.reach_verdict(monitor, runtime, subject, run={}))
    assert verdict.subject.champion.startswith("v1.0.0-")


def test_last_known_champion_is_used_and_said_to_be_stale(
    work: Path, monitor: Monitor, runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    """With the repository gone the run goes on against the last champion, and says so."""
    known = pin_champion(monitor, runtime)
    load_importances(monitor, runtime, known)
    shutil.rmtree(work.parent / "origin.git")
    stale = pin_champion(monitor, runtime)
    assert (stale.version, stale.revision) == (known.version, known.revision)
    assert "origin.git" in (stale.stale or "")
    assert "champion.stale" in caplog.text
    judge(monitor, runtime, DAY)
    (stored,) = runtime.store.verdicts("churn")
    assert "origin.git" in stored.run["stale_champion"]


def test_a_fresh_worker_gets_by_without_the_repository(work: Path, monitor: Monitor, runtime: Runtime) -> None:
    """What a verdict needs of the champion is among the artifacts, not only in one machine's cache."""
    judge(monitor, runtime, DAY)
    shutil.rmtree(work.parent / "origin.git")
    shutil.rmtree(runtime.cache)
    assert judge(monitor, runtime, DAY).outcome == "healthy"


def test_another_models_champion_never_stands_in(work: Path, monitor: Monitor, runtime: Runtime) -> None:
    """After the repository in the YAML changed, the old one's last champion is no stand-in."""
    pin_champion(monitor, runtime)
    text = CHAMPION.replace("repository: origin.git", "repository: other.git")
    (work.parent / "churn.yaml").write_text(text)
    with pytest.raises(ReferenceUnavailable, match=r"other\.git"):
        pin_champion(load_monitor(work.parent / "churn.yaml"), runtime)


def test_without_a_known_champion_the_run_fails(work: Path, monitor: Monitor, runtime: Runtime) -> None:
    """A repository that never answered leaves nothing to compare with."""
    shutil.rmtree(work.parent / "origin.git")
    with pytest.raises(ReferenceUnavailable, match=r"origin\.git"):
        pin_champion(monitor, runtime)


def test_a_repository_without_champion_says_how_to_make_one(tmp_path: Path, runtime: Runtime) -> None:
    """No tag is a mistake of configuration, not an outage: the last known champion is no answer to it."""
    Production(tmp_path, CHAMPION)
    commit(start(tmp_path))
    with pytest.raises(ReferenceInvalid, match="champion#1"):
        pin_champion(load_monitor(tmp_path / "churn.yaml"), runtime)


def test_a_reference_file_that_was_replaced(production: Production, runtime: Runtime) -> None:
    """It is known by its version for as long as the artifacts are; its rows are not those of the file that is there."""
    monitor = load_monitor(production.monitor_file)
    first = pin_champion(monitor, runtime)
    (production.folder / "other").mkdir()
    other = Production(production.folder / "other", reference_days=20)
    shutil.copy(other.folder / "reference.parquet", production.folder / "reference.parquet")
    assert pin_champion(monitor, runtime).version != first.version
    assert pin_version(monitor, runtime, first.version) == first
    with pytest.raises(ReferenceUnavailable, match=f"is not that of {first.version} any more"):
        load_reference(monitor, runtime, first)
    with pytest.raises(ReferenceUnavailable, match="nothing is known of file-0123456789ab"):
        pin_version(monitor, runtime, "file-0123456789ab")
