"""Maintenance on real folders, repositories and DVC caches: what is old goes, and nothing that is needed."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitoring_tasks import maintenance_steps
from monitoring_tasks.errors import ConfigurationError, PipelineUnavailable
from monitoring_tasks.maintenance_steps import Fleet, tidy_alerts, tidy_branches, tidy_caches, tidy_workspaces
from monitoring_tasks.retraining.branches import Branch, delete_branch
from monitoring_tasks.retraining.cache_lock import shared
from monitoring_tasks.retraining.checkout import check_out, pull, verify
from monitoring_tasks.retraining.names import retraining_branch, run_slug
from monitoring_tasks.retraining.promotion import promote, roll_back
from monitoring_tasks.retraining.registry import fetch_artifact, find_champion
from monitoring_tasks.retraining.repository import ALLOWED
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.store.records import RetrainingRecord, RetrainingState
from tests.dvc_pipeline import FILES, ModelRepository
from tests.git_repository import commit, run, start
from tests.production import YAML as WATCHED
from tests.retraining_world import YAML
from tests.store.samples import incident, letter, reading, resolved, transition

NOW = datetime(2013, 9, 1, tzinfo=UTC)
RUN = "manual__2013-07-01T06:00:00+00:00"
REVISION = "0123456789" * 4


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of monitors; there are none yet."""
    (tmp_path / "monitors").mkdir()
    return tmp_path / "monitors"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A git work tree with a bare origin beside it, whose model churn has a champion."""
    work = start(tmp_path)
    (work / "model.json").write_text("{}")
    commit(work, "churn@v1.0.0", "churn#champion#1")
    return work


def origin(work: Path) -> Path:
    """The bare origin of a work tree."""
    return work.parent / "origin.git"


def watch(folder: Path, name: str, *, repository: Path | str = "/absent.git", keep: int = 30, more: str = "") -> Fleet:
    """Add a monitor that is retrained; the monitors there are now."""
    text = YAML.format(repository=repository).replace("churn\n", f"{name}\n", 1)
    text = text.replace("retraining:\n", f"retraining:\n  keep: {keep}d\n")
    text = text.replace("  pipeline:\n", f"  pipeline:\n{more}")
    (folder / f"{name}.yaml").write_text(text)
    fleet = Fleet.of(folder)
    assert name in fleet.monitors
    return fleet


def record(runtime: Runtime, state: RetrainingState, *, monitor: str = "churn", name: str = RUN, **more: Any) -> None:
    """Put a retraining into the store."""
    runtime.store.put_retraining(RetrainingRecord(monitor, name, "manual", "a test", state, NOW, NOW, **more))


def place(file: Path, days: float, *, read: float | None = None) -> Path:
    """A file, changed and last read so many days ago, in a folder as old."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("text")
    os.utime(file.parent, (moment(days), moment(days)))
    os.utime(file, (moment(days if read is None else read), moment(days)))
    return file


def age(folder: Path, days: float) -> None:
    """A folder and all that is in it were last changed and read so many days ago."""
    for each in (*folder.rglob("*"), folder):
        os.utime(each, (moment(days), moment(days)), follow_symlinks=False)


def moment(days: float) -> float:
    """So many days ago, in seconds since 1970."""
    return (NOW - timedelta(days=days)).timestamp()


def workspace(runtime: Runtime, monitor: str, name: str = RUN, *, days: float) -> Path:
    """A run's workspace in which nothing changed for so many days."""
    made = runtime.cache / "workspaces" / monitor / run_slug(name)
    place(made / "train" / "params.yaml", days)
    age(made, days)
    return made


def publish(work: Path, name: str, *, days: float) -> str:
    """A new commit, so many days old, on a branch of the origin; its revision."""
    stamp = (NOW - timedelta(days=days)).isoformat()
    run("env", f"GIT_COMMITTER_DATE={stamp}", "git", "commit", "-q", "--allow-empty", "-m", name, cwd=work)
    run("git", "push", "--quiet", "--force", "origin", f"HEAD:refs/heads/{name}", cwd=work)
    return run("git", "rev-parse", "HEAD", cwd=work)


def branches(work: Path) -> set[str]:
    """Branches of the origin that are not its default one."""
    names = run("git", "for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads", cwd=origin(work)).split()
    return set(names) - {"main", "master"}


def test_monitors_that_are_broken_are_known_by_name(folder: Path) -> None:
    """Their YAML says nothing, and still they are not gone."""
    watch(folder, "churn", keep=7)
    (folder / "fraud.yaml").write_text("name: fraud\n")
    (folder / "watched.yaml").write_text(WATCHED.replace("churn", "watched", 1))
    fleet = Fleet.of(folder)
    assert set(fleet.monitors) == {"churn", "watched"}
    assert fleet.broken == {"fraud"}
    assert [fleet.keep(name).days for name in ("churn", "watched", "gone")] == [7, 30, 30]
    assert fleet.longest().days == 7
    with pytest.raises(ConfigurationError, match="is not a folder of monitors"):
        Fleet.of(folder / "absent")


def test_a_home_without_anything(folder: Path, runtime: Runtime) -> None:
    """There is nothing to do, and nothing is made."""
    fleet = Fleet.of(folder)
    assert tidy_workspaces(fleet, runtime, now=NOW) == {"removed": 0, "open": 0, "failed": 0}
    found = tidy_caches(fleet, runtime, now=NOW)
    assert found == {"objects": 0, "bytes": 0, "in_use": False, "champions": 0, "failed": 0}
    assert tidy_branches(fleet, runtime, now=NOW) == {"deleted": 0, "moved": 0, "failed": 0}
    assert not runtime.cache.exists()


def test_old_workspaces_go(folder: Path, runtime: Runtime) -> None:
    """Each after what its own monitor says; one of a monitor that is gone after 30 days."""
    watch(folder, "churn", keep=7)
    fleet = watch(folder, "fraud", keep=60)
    old = [workspace(runtime, "churn", days=8), workspace(runtime, "gone", days=31)]
    young = [workspace(runtime, "churn", "again", days=6), workspace(runtime, "fraud", days=59)]
    young.append(workspace(runtime, "gone", "again", days=29))
    assert tidy_workspaces(fleet, runtime, now=NOW) == {"removed": 2, "open": 0, "failed": 0}
    assert not any(made.exists() for made in old)
    assert all((made / "train" / "params.yaml").exists() for made in young)


def test_a_workspace_is_as_young_as_its_newest_file(folder: Path, runtime: Runtime) -> None:
    """A file deep in it that a training wrote yesterday keeps all of it."""
    made = workspace(runtime, "churn", days=90)
    place(made / "a" / "b" / "log", 1)
    for each in (made / "a" / "b", made / "a", made):
        os.utime(each, (moment(90), moment(90)))
    assert tidy_workspaces(Fleet.of(folder), runtime, now=NOW)["removed"] == 0
    age(made, 31)
    assert tidy_workspaces(Fleet.of(folder), runtime, now=NOW)["removed"] == 1


@pytest.mark.parametrize("state", ["requested", "published", "scored", "judged", "awaiting"])
def test_the_workspace_of_an_open_retraining_stays(folder: Path, runtime: Runtime, state: RetrainingState) -> None:
    """However long a person takes to answer; once it has ended, it goes."""
    made, other = workspace(runtime, "churn", days=400), workspace(runtime, "fraud", days=400)
    record(runtime, state)
    assert tidy_workspaces(Fleet.of(folder), runtime, now=NOW) == {"removed": 1, "open": 1, "failed": 0}
    assert made.exists()
    assert not other.exists()
    record(runtime, "rejected")
    assert tidy_workspaces(Fleet.of(folder), runtime, now=NOW)["removed"] == 1


def test_nothing_of_a_broken_monitor_goes(folder: Path, runtime: Runtime, caplog: pytest.LogCaptureFixture) -> None:
    """How long to keep its things is not known until its YAML is mended."""
    (folder / "churn.yaml").write_text("name: churn\n")
    made, former = workspace(runtime, "churn", days=400), place(runtime.cache / "churn" / REVISION / "a", 400)
    assert tidy_workspaces(Fleet.of(folder), runtime, now=NOW)["removed"] == 0
    assert tidy_caches(Fleet.of(folder), runtime, now=NOW)["champions"] == 0
    assert made.exists()
    assert former.exists()
    assert "workspaces.left monitor=churn reason=its YAML is broken" in caplog.text


def test_nothing_outside_is_touched(folder: Path, runtime: Runtime, tmp_path: Path) -> None:
    """Links lead nowhere, and what no retraining would be called stays, whatever it is called."""
    outside = place(tmp_path / "outside" / run_slug("a") / "kept", 400)
    spaces = runtime.cache / "workspaces"
    inner = workspace(runtime, "churn", days=400)
    (inner / "link").symlink_to(outside.parent)
    (spaces / "churn" / run_slug("b")).symlink_to(outside.parent)
    (spaces / "fraud").symlink_to(outside.parent.parent)
    (runtime.cache / "fraud").symlink_to(outside.parent.parent)
    (runtime.cache / "dvc").symlink_to(outside.parent.parent)
    names = ["mine", "a\nb-0a1b2c3d", "--force-0a1b2c3d", "a..b-0a1b2c3d", ".git", "$(touch x)-0a1b2c3d"]
    strange = [place(spaces / "churn" / name / "file", 400) for name in names]
    strange += [place(spaces / name / run_slug("a") / "file", 400) for name in ("A\nB", "-x", "..a", ".hidden")]
    strange += [place(runtime.cache / "churn" / name / "file", 400) for name in ("HEAD", "g" * 40, "-x", "0" * 41)]
    strange += [place(runtime.cache / name / REVISION / "file", 400) for name in (".hidden", "-x", "A\nB")]
    strange += [place(runtime.cache / "workspaces" / REVISION, 400), place(runtime.cache / "results.db", 400)]
    age(runtime.cache, 400)
    assert tidy_workspaces(Fleet.of(folder), runtime, now=NOW) == {"removed": 1, "open": 0, "failed": 0}
    found = tidy_caches(Fleet.of(folder), runtime, now=NOW)
    assert (found["objects"], found["champions"], found["failed"]) == (0, 0, 0)
    assert outside.exists()
    assert all(file.exists() for file in strange)


def test_one_folder_that_cannot_be_removed(folder: Path, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others go all the same; the task ends with an error that names it and can be tried again."""
    made = [workspace(runtime, name, days=400) for name in ("churn", "fraud", "spam")]
    really = shutil.rmtree

    def refuse(path: Path) -> None:
        if path.parent.name == "fraud":
            raise PermissionError(13, "Permission denied", str(path))
        really(path)

    monkeypatch.setattr(maintenance_steps.shutil, "rmtree", refuse)
    with pytest.raises(PipelineUnavailable, match=r"^fraud: .*Permission denied.*all other workspaces are done"):
        tidy_workspaces(Fleet.of(folder), runtime, now=NOW)
    assert [each.exists() for each in made] == [False, True, False]


def test_folders_without_end(folder: Path, runtime: Runtime) -> None:
    """A pipeline that nests folders deeper than Python counts stops only the removal of its own workspace."""
    deep, other = workspace(runtime, "churn", days=400), workspace(runtime, "fraud", days=400)
    made = subprocess.run(["mkdir", "-p", "d/" * 1200], cwd=deep, check=False)
    assert made.returncode == 0
    try:
        with pytest.raises(PipelineUnavailable, match=r"^churn: "):
            tidy_workspaces(Fleet.of(folder), runtime, now=NOW)
        assert not other.exists()
    finally:
        subprocess.run(["rm", "-rf", str(deep)], check=True)


def cached(runtime: Runtime, churn_template: ModelRepository) -> Path:
    """This machine's DVC cache, as the training of the template left it."""
    cache = runtime.cache / "dvc"
    shutil.copytree(churn_template.root / "work" / ".dvc" / "cache", cache)
    return cache


def files(folder: Path) -> list[Path]:
    """All files in a folder."""
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_cache_that_was_emptied_is_filled_again(
    folder: Path, runtime: Runtime, churn: ModelRepository, churn_template: ModelRepository, tmp_path: Path
) -> None:
    """Objects and records of runs that nobody used go; the champion's files come from the remote again."""
    cache = cached(runtime, churn_template)
    age(cache, 40)
    some = files(cache)
    kept = next(path for path in some if "files" in path.parts)
    os.utime(kept, (moment(2), moment(40)))
    found = tidy_caches(Fleet.of(folder), runtime, now=NOW)
    assert found["objects"] == len(some) - 1 > 3
    assert found["bytes"] > 0
    assert files(cache) == [kept]
    checkout = check_out(churn.origin, churn.champion, tmp_path / "checkout")
    pull(checkout, (), cache=cache)
    verify(checkout, FILES)
    assert {path for path in some if "files" in path.parts} <= set(files(cache))
    assert fetch_artifact(churn.origin, churn.champion, FILES[0], tmp_path / "model.json")


def test_the_most_patient_monitor_decides_about_the_cache(folder: Path, runtime: Runtime) -> None:
    """All trainings share the cache. What a broken-off transfer left goes after a day."""
    watch(folder, "churn", keep=7)
    fleet = watch(folder, "fraud", keep=60)
    objects = runtime.cache / "dvc" / "files" / "md5" / "ab"
    young = [place(objects / name, days) for name, days in (("c", 59), (".x.tmp", 0.9))]
    young.append(place(objects / "d", 90, read=3))
    old = [place(objects / name, days) for name, days in (("e", 61), (".y.tmp", 1.1))]
    found = tidy_caches(fleet, runtime, now=NOW)
    assert (found["objects"], found["bytes"]) == (2, 8)
    assert all(file.exists() for file in young)
    assert not any(file.exists() for file in old)


def test_a_cache_in_use_is_left_alone(folder: Path, runtime: Runtime, caplog: pytest.LogCaptureFixture) -> None:
    """While a training holds the lock nothing of DVC's goes, and that is a success; the next time it does."""
    caplog.set_level(logging.INFO)
    file, former = place(runtime.cache / "dvc" / "files" / "a", 400), place(runtime.cache / "x" / REVISION / "a", 400)
    with shared(runtime.cache / "dvc"):
        found = tidy_caches(Fleet.of(folder), runtime, now=NOW)
    assert found == {"objects": 0, "bytes": 0, "in_use": True, "champions": 1, "failed": 0}
    assert file.exists()
    assert not former.exists()
    assert "reason=a training uses it" in caplog.text
    found = tidy_caches(Fleet.of(folder), runtime, now=NOW)
    assert (found["objects"], found["in_use"]) == (1, False)


def test_links_in_the_cache_are_left(folder: Path, runtime: Runtime, tmp_path: Path) -> None:
    """What they point to is none of DVC's."""
    outside = place(tmp_path / "outside" / "kept", 400)
    objects = runtime.cache / "dvc" / "files"
    place(objects / "old", 400)
    (objects / "file").symlink_to(outside)
    (objects / "folder").symlink_to(outside.parent)
    age(objects, 400)
    assert tidy_caches(Fleet.of(folder), runtime, now=NOW)["objects"] == 1
    assert outside.exists()
    assert (objects / "file").is_symlink()
    assert (objects / "folder").is_symlink()


def test_files_of_former_champions_go(folder: Path, runtime: Runtime, work: Path) -> None:
    """Those of the champion in use stay however old they are, and those that were read lately."""
    fleet = watch(folder, "churn", repository=origin(work), keep=7)
    champion = find_champion(str(origin(work)), "churn").revision
    own = runtime.cache / "churn"
    stay = [place(own / champion / "a" / "reference.parquet", 400), place(own / ("a" * 40) / "b", 400, read=6)]
    gone = [place(own / ("b" * 40) / "a" / "b", 8), place(runtime.cache / "gone" / ("c" * 40) / "b", 31)]
    stay.append(place(runtime.cache / "gone" / ("d" * 40) / "b", 29))
    for file in (*stay, *gone):
        os.utime(file.parent.parent, (moment(400), moment(400)))
    assert tidy_caches(fleet, runtime, now=NOW)["champions"] == 2
    assert [file.exists() for file in (*stay, *gone)] == [True, True, True, False, False]


def test_a_file_as_reference_has_no_champion(folder: Path, runtime: Runtime) -> None:
    """What an earlier reference left goes after 30 days."""
    (folder / "churn.yaml").write_text(WATCHED)
    file = place(runtime.cache / "churn" / REVISION / "a", 31)
    assert tidy_caches(Fleet.of(folder), runtime, now=NOW)["champions"] == 1
    assert not file.exists()


def test_a_champion_that_cannot_be_asked_for(folder: Path, runtime: Runtime, work: Path) -> None:
    """Files stay while nobody knows which are in use; other monitors' go. It is asked only when there is need."""
    fleet = watch(folder, "churn", repository="/absent.git")
    file, other = (place(runtime.cache / name / REVISION / "a", 400) for name in ("churn", "gone"))
    place(runtime.cache / "dvc" / "a", 400)
    with pytest.raises(PipelineUnavailable, match=r"^churn: .*absent\.git could not be read.*all other caches"):
        tidy_caches(fleet, runtime, now=NOW)
    assert file.exists()
    assert not other.exists()
    assert not files(runtime.cache / "dvc")
    age(file.parent, 1)
    assert tidy_caches(fleet, runtime, now=NOW)["failed"] == 0


def test_a_model_without_champion_is_no_reason_to_try_again(
    folder: Path, runtime: Runtime, work: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says what a person must do, and the task ends well."""
    fleet = watch(folder, "fraud", repository=origin(work))
    file = place(runtime.cache / "fraud" / REVISION / "a", 400)
    assert tidy_caches(fleet, runtime, now=NOW)["failed"] == 1
    assert file.exists()
    assert "maintenance.failed task=caches about=fraud" in caplog.text
    assert "has no champion of fraud" in caplog.text


def test_old_branches_go(folder: Path, runtime: Runtime, work: Path) -> None:
    """A branch goes by the age of its commit, with or without a record; what people named stays."""
    fleet = watch(folder, "churn", repository=origin(work), keep=7, more="    branch: retrain/next-0a1b2c3d\n")
    names = {name: retraining_branch("churn", name) for name in ("rejected", "unknown", "young")}
    record(runtime, "rejected", name="rejected")
    for name in (names["rejected"], names["unknown"], "retrain/next-0a1b2c3d", "retrain/mine", "topic", "x/a-0a1b2c3d"):
        publish(work, name, days=8)
    publish(work, names["young"], days=6)
    assert tidy_branches(fleet, runtime, now=NOW) == {"deleted": 2, "moved": 0, "kept": 2, "failed": 0}
    assert branches(work) == {names["young"], "retrain/next-0a1b2c3d", "retrain/mine", "topic", "x/a-0a1b2c3d"}


def test_branches_of_open_retrainings_stay(folder: Path, runtime: Runtime, work: Path) -> None:
    """The one under way, and the one whose challenger another run compares anew."""
    fleet = watch(folder, "churn", repository=origin(work))
    publish(work, retraining_branch("churn", RUN), days=400)
    challenger = publish(work, retraining_branch("churn", "first"), days=400)
    record(runtime, "awaiting")
    record(runtime, "superseded", name="first", challenger=challenger)
    record(runtime, "scored", name="first__again", monitor="fraud", challenger=challenger)
    assert tidy_branches(fleet, runtime, now=NOW)["kept"] == 2
    record(runtime, "declined")
    record(runtime, "promoted", name="first__again", monitor="fraud", challenger=challenger)
    assert tidy_branches(fleet, runtime, now=NOW)["deleted"] == 2
    assert branches(work) == set()


def test_a_branch_that_moves_meanwhile_stays(
    folder: Path, runtime: Runtime, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody pushes to it between the look and the deletion."""
    fleet = watch(folder, "churn", repository=origin(work))
    publish(work, retraining_branch("churn", RUN), days=400)

    def late(clone: Path, branch: Branch) -> bool:
        publish(work, branch.name, days=0)
        return delete_branch(clone, branch)

    monkeypatch.setattr(maintenance_steps, "delete_branch", late)
    assert tidy_branches(fleet, runtime, now=NOW)["moved"] == 1
    assert branches(work) == {retraining_branch("churn", RUN)}


def test_a_version_outlives_its_branch(folder: Path, runtime: Runtime, work: Path, tmp_path: Path) -> None:
    """A challenger that was promoted, and replaced since, can be fetched and rolled back to without its branch."""
    fleet = watch(folder, "churn", repository=origin(work))
    repository = str(origin(work))
    first = find_champion(repository, "churn")
    (work / "model.json").write_text('{"better": true}')
    run("git", "add", "model.json", cwd=work)
    challenger = publish(work, retraining_branch("churn", RUN), days=400)
    made = promote(repository, "churn", challenger=challenger, expected=first, decision={"run": RUN}, moment=NOW)
    run("git", "tag", "-a", "churn#champion#3", "-m", "back", first.revision, cwd=work)
    run("git", "push", "--quiet", "origin", "refs/tags/churn#champion#3", cwd=work)
    assert tidy_branches(fleet, runtime, now=NOW)["deleted"] == 1
    run("git", "gc", "--quiet", "--prune=now", cwd=origin(work))
    fetch_artifact(repository, challenger, "model.json", tmp_path / "model.json")
    assert "better" in (tmp_path / "model.json").read_text()
    files, decision = ["model.json"], {"run": "back", "by": "jane"}
    back = roll_back(repository, "churn", to=made.version, decision=decision, files=files, moment=NOW)
    assert back.revision == find_champion(repository, "churn").revision == challenger


def test_monitors_that_share_a_repository(
    folder: Path, runtime: Runtime, work: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is copied once; a branch is kept as its own monitor says, one of nobody as the most patient one says."""
    copied: list[str] = []
    really = maintenance_steps.bare_clone
    monkeypatch.setattr(maintenance_steps, "bare_clone", lambda place: copied.append(place) or really(place))
    watch(folder, "churn", repository=origin(work), keep=7)
    fleet = watch(folder, "fraud", repository=origin(work), keep=60)
    record(runtime, "rejected", name="a", monitor="churn")
    record(runtime, "rejected", name="b", monitor="fraud")
    theirs, unknown = retraining_branch("fraud", "b"), retraining_branch("churn", "c")
    for name in (retraining_branch("churn", "a"), theirs, unknown):
        publish(work, name, days=10)
    assert tidy_branches(fleet, runtime, now=NOW) == {"deleted": 1, "moved": 0, "kept": 2, "failed": 0}
    assert branches(work) == {theirs, unknown}
    assert copied == [str(origin(work))]
    record(runtime, "awaiting", name="a", monitor="fraud")
    publish(work, retraining_branch("fraud", "a"), days=400)
    assert tidy_branches(fleet, runtime, now=NOW)["deleted"] == 0


def test_one_repository_that_is_gone_stops_no_other(folder: Path, runtime: Runtime, work: Path) -> None:
    """The task does the rest, and then fails naming the monitor, so that it is tried again."""
    watch(folder, "alpha", repository="/absent.git")
    fleet = watch(folder, "churn", repository=origin(work))
    publish(work, retraining_branch("churn", RUN), days=400)
    with pytest.raises(PipelineUnavailable, match=r"^alpha: .*absent\.git could not be read.*all other branches"):
        tidy_branches(fleet, runtime, now=NOW)
    assert branches(work) == set()


def test_a_repository_that_is_not_allowed(
    folder: Path, runtime: Runtime, work: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is pushed to it; trying again would not help."""
    monkeypatch.setenv(ALLOWED, "/srv/git")
    fleet = watch(folder, "churn", repository=origin(work))
    publish(work, retraining_branch("churn", RUN), days=400)
    assert tidy_branches(fleet, runtime, now=NOW) == {"deleted": 0, "moved": 0, "failed": 1}
    assert branches(work) == {retraining_branch("churn", RUN)}
    assert "is not allowed here" in caplog.text


def test_one_branch_that_must_stay_stops_no_other(
    folder: Path, runtime: Runtime, work: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The server's rules protect one of two."""
    fleet = watch(folder, "churn", repository=origin(work))
    for name in ("a", "b"):
        publish(work, retraining_branch("churn", name), days=400)
    hook = origin(work) / "hooks" / "update"
    hook.write_text(f'#!/bin/sh\ntest "$1" != refs/heads/{retraining_branch("churn", "a")}\n')
    hook.chmod(0o755)
    assert tidy_branches(fleet, runtime, now=NOW) == {"deleted": 1, "moved": 0, "failed": 1}
    assert branches(work) == {retraining_branch("churn", "a")}
    assert f"about=churn {retraining_branch('churn', 'a')}" in caplog.text


def test_alerts_that_are_long_over_are_deleted(runtime: Runtime) -> None:
    """By the clock, whatever their windows: a year later they are there, another one later only what still matters."""
    store, written = runtime.store, datetime.now(UTC)
    with store.transaction() as transaction:
        for each in (incident("open"), resolved("over"), resolved("untold")):
            transaction.put_incident(each)
        transaction.add_transition(transition(1, "over"))
        for told in (letter(1, "over", state="sent"), letter(1, "open", state="sent"), letter(1, "untold")):
            transaction.post(replace(told, created_at=written))
        for day in range(3):
            transaction.put_reading(reading(day), live=True)
            transaction.put_reading(reading(day, monitor="backfilled"), live=False)
    nothing = {"letters": 0, "incidents": 0, "readings": 0}
    assert tidy_alerts(runtime, now=written + timedelta(days=366)) == nothing
    later = written + timedelta(days=800)
    assert tidy_alerts(runtime, now=later) == {"letters": 1, "incidents": 1, "readings": 5}
    assert {each.id for each in store.incidents()} == {"open", "untold"}
    assert store.transitions("over") == []
    assert {each.incident for each in store.letters()} == {"open", "untold"}
    assert store.newest_tick("flight_delay", "drift") == reading(2).tick
    assert tidy_alerts(runtime, now=later) == nothing
