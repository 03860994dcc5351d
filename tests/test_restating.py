"""Windows of a former champion are restated by its own baseline: real git, real DVC, and what happens without them."""

from __future__ import annotations

import logging
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_tasks.alerts.telling import SILENT, Occasion
from monitoring_tasks.champion import pin_champion, pin_version
from monitoring_tasks.errors import ReferenceInvalid, ReferenceUnavailable, StoreUnavailable
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.orchestration.request import quiet_reason
from monitoring_tasks.performance_steps import (
    judge_performance,
    measure_performance,
    open_performance,
    report_performance,
    restate,
)
from monitoring_tasks.policy.verdict import Outcome
from monitoring_tasks.report import self_contained
from monitoring_tasks.runtime import Runtime, environment_runtime
from monitoring_tasks.store.ledger import LedgerEntry
from tests.git_repository import commit, run, start
from tests.labelled_production import FIRST_DAY, YAML, LabelledProduction, rows
from tests.test_performance_steps import window

DAY = timedelta(days=1)
LAST, FIRST = FIRST_DAY + 9 * DAY, FIRST_DAY + 10 * DAY
"""The last day that the former champion served, and the first one of its successor."""
Json = dict[str, Any]


@dataclass(frozen=True)
class Served:
    """Ten days of the former champion and two of its successor, which learnt from labels of which some were wrong.

    `remote` is the DVC remote, which all tests share.
    """

    folder: Path
    remote: Path
    production: LabelledProduction

    @property
    def monitor(self) -> Monitor:
        """The monitor, as its file is now."""
        return self.production.monitor

    def promote(self, version: str = "v1.1.0", *, number: int = 2) -> None:
        """Put a version in place."""
        revision = f"churn@{version}^{{commit}}"
        run("git", "tag", "-a", f"churn#champion#{number}", "-m", "next", revision, cwd=self.folder / "origin.git")

    @contextmanager
    def without_files_of_the_first(self, runtime: Runtime) -> Iterator[None]:
        """Nothing of any champion is left on this machine, and for a while nothing of the first in the DVC remote."""
        for kept in ("artifacts/references", "artifacts/champions", "cache"):
            shutil.rmtree(runtime.cache.parent / kept)
        objects = [path for path in self.remote.rglob("*") if path.is_file()]
        first = min(objects, key=lambda path: path.stat().st_mtime_ns)
        away = first.rename(first.with_suffix(".away"))
        try:
            yield
        finally:
            away.rename(first)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of two versions, of which the first is champion; their references are in a DVC remote."""
    folder = tmp_path_factory.mktemp("published")
    work = start(folder)
    run(sys.executable, "-P", "-m", "dvc", "init", "--quiet", cwd=work)
    config = f"[core]\n    remote = r\n['remote \"r\"']\n    url = {folder / 'remote'}\n"
    (work / ".dvc" / "config").write_text(config)
    (work / ".gitignore").write_text("/.site\n/reference.parquet\n")
    publish(work, "churn@v1.0.0", "churn#champion#1", flips=0.0)
    publish(work, "churn@v1.1.0", flips=0.2)
    return folder


def publish(work: Path, *tags: str, flips: float) -> None:
    """Commit a reference with so many labels turned round, its file in the DVC remote, and tag it."""
    days = [date(2013, 1, 1) + number * DAY for number in range(59)]
    whole = pa.concat_tables([pa.table(rows(day, count=300, flips=flips)) for day in days])
    pq.write_table(whole.drop_columns(["milliseconds"]), work / "reference.parquet")
    for command in (("add", "reference.parquet"), ("push",)):
        run(sys.executable, "-P", "-m", "dvc", *command, "--quiet", cwd=work)
    commit(work, *tags)


@pytest.fixture
def served(published: Path, tmp_path: Path) -> Served:
    """The production, and a copy of the repository whose second version is not champion yet."""
    run("git", "clone", "--quiet", "--mirror", str(published / "origin.git"), "origin.git", cwd=tmp_path)
    folder, reference = tmp_path / "monitors", f"{{kind: champion, repository: {tmp_path}/origin.git}}"
    folder.mkdir()
    yaml = YAML.replace("{kind: file, path: reference.parquet}", reference)
    made = Served(tmp_path, published / "remote", LabelledProduction(folder, yaml))
    made.production.write_days(FIRST_DAY, 12)
    return made


@pytest.fixture
def unpromoted(tmp_path: Path) -> Iterator[Runtime]:
    """Another store and other artifacts: a place where nothing was promoted."""
    opened = environment_runtime({"MONITORING_HOME": str(tmp_path / "other")})
    with opened.store:
        yield opened


def ran(monitor: Monitor, runtime: Runtime, day: date, *, live: bool = False) -> Json:
    """A whole run on a day's window as known a day after its end; its subject too. A `live` one tells people."""
    subject = open_performance(monitor, runtime, window(day), known_at=window(day).end + DAY)
    measure_performance(monitor, runtime, subject)
    report_performance(monitor, runtime, subject)
    occasion = Occasion(window(day).end + DAY) if live else SILENT
    return {**judge_performance(monitor, runtime, subject, run={"run_id": "r"}, occasion=occasion), "opened": subject}


def newest(runtime: Runtime, day: date) -> LedgerEntry:
    """The newest version of a day's window in the ledger."""
    return runtime.store.restatements("churn", window(day))[-1]


def baseline(entry: LedgerEntry) -> float:
    """What the window's AUC is compared with."""
    figure = entry.restatement.figure("auc")
    assert figure is not None
    return figure.against["champion"].baseline or 0.0


def test_windows_of_before_a_promotion_keep_their_champion(
    served: Served, runtime: Runtime, unpromoted: Runtime
) -> None:
    """Restated after it they are what they would have been without it; the newest window is the new champion's."""
    for day in (LAST - DAY, LAST):
        ran(served.monitor, unpromoted, day)
    ran(served.monitor, runtime, LAST - DAY)
    served.promote()
    found = ran(served.monitor, runtime, LAST)
    for number in range(5):
        mine, theirs = (newest(each, LAST - number * DAY) for each in (runtime, unpromoted))
        assert mine.restatement.champion.startswith("v1.0.0-")
        assert mine.restatement.dumps() == theirs.restatement.dumps()
        assert mine.verdict.dumps() == theirs.verdict.dumps()
    assert found["subject"]["champion"].startswith("v1.0.0-")
    assert newest(runtime, FIRST).restatement.champion.startswith("v1.1.0-")
    assert baseline(newest(runtime, FIRST)) < baseline(newest(runtime, LAST)) - 0.05
    assert "v1.0.0-" in self_contained(runtime.artifacts, found["report"])


def test_a_former_champions_window_requests_no_retraining(served: Served, runtime: Runtime) -> None:
    """Its successor is not what that window says anything about; its own windows may request one."""
    ran(served.monitor, runtime, LAST - DAY)
    served.promote()
    free = {"silent": False, "current": True}
    former, own = (ran(served.monitor, runtime, day)["opened"] for day in (LAST, FIRST))
    reason = quiet_reason({**former, **free})
    assert reason is not None
    assert reason.startswith("champion v1.0.0-")
    assert quiet_reason({**own, **free}) is None


def test_what_persists_begins_anew_with_a_champion(served: Served, runtime: Runtime) -> None:
    """Windows in which another one answered are none of those before; without a ledger every window is its own."""
    ran(served.monitor, runtime, LAST - DAY)
    served.promote()
    ran(served.monitor, runtime, LAST)
    ran(served.monitor, runtime, FIRST)
    ran(served.monitor, runtime, FIRST + DAY)
    known = {day: newest(runtime, day).verdict.evidence["persistence"]["known"] for day in (LAST, FIRST, FIRST + DAY)}
    assert known == {LAST: 2, FIRST: 0, FIRST + DAY: 1}


def test_a_run_repeated_finds_the_same_windows_before(served: Served, runtime: Runtime) -> None:
    """Days that nobody had judged are the new champion's by the run that judges them, and already in that run."""
    gap = open_performance(served.monitor, runtime, window(LAST - 3 * DAY), known_at=window(LAST).end)
    measure_performance(served.monitor, runtime, gap)
    judge_performance(served.monitor, runtime, gap, run={})
    served.promote()
    found = []
    for _ in range(2):
        ran(served.monitor, runtime, LAST)
        found.append([newest(runtime, LAST - number * DAY).verdict.dumps() for number in range(3)])
    champions = [newest(runtime, LAST - number * DAY).restatement.champion[:6] for number in range(3)]
    assert champions == ["v1.0.0", "v1.1.0", "v1.1.0"]
    assert found[0] == found[1]


def test_a_rollback_goes_on_where_the_champion_left_off(served: Served, runtime: Runtime) -> None:
    """The older version has its name again: a window of its own is judged by it, whenever it is."""
    ran(served.monitor, runtime, LAST - DAY)
    served.promote()
    ran(served.monitor, runtime, LAST)
    served.promote("v1.0.0", number=3)
    assert ran(served.monitor, runtime, FIRST)["subject"]["champion"].startswith("v1.1.0-")
    assert newest(runtime, FIRST + DAY).restatement.champion.startswith("v1.0.0-")


def test_a_window_in_which_a_promotion_fell_is_the_new_champions(served: Served, runtime: Runtime) -> None:
    """It had not ended, so nobody had judged it."""
    served.promote()
    ran(served.monitor, runtime, LAST - DAY)
    assert newest(runtime, LAST).restatement.champion.startswith("v1.1.0-")


def test_without_the_old_files_older_windows_stay_as_they_were(
    served: Served, runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    """Their last verdict stands and the run says why; the newest window is judged all the same."""
    before = ran(served.monitor, runtime, LAST - DAY)
    served.promote()
    with served.without_files_of_the_first(runtime):
        found = ran(served.monitor, runtime, LAST)
        again = restate(served.monitor, runtime, [window(LAST - DAY)], known_at=window(FIRST).end, run={})
        with pytest.raises(ReferenceUnavailable, match="nothing was known of 2013-03-10"):
            restate(served.monitor, runtime, [window(LAST)], known_at=window(LAST).end - DAY / 2, run={})
    assert [entry.verdict.outcome for entry in again] == [before["outcome"]]
    assert len(runtime.store.restatements("churn", window(LAST))) == 1
    assert found["outcome"] == Outcome.LABELS_IMMATURE
    assert found["kept"].startswith("champion v1.0.0-")
    assert "its reference cannot be had now" in found["kept"]
    assert found["changes"] == []
    assert f"performance.kept monitor=churn windows={window(LAST)},{window(LAST - DAY)}," in caplog.text
    assert newest(runtime, FIRST).restatement.champion.startswith("v1.1.0-")
    assert str(window(LAST)) in newest(runtime, FIRST).run["kept"]


def test_artifacts_that_cannot_be_read_are_no_files_that_are_gone(served: Served, runtime: Runtime) -> None:
    """What this package keeps itself, and cannot read now, makes the task fail: it is tried again, and then judges."""
    before = ran(served.monitor, runtime, LAST - DAY)
    served.promote()
    [pin] = (runtime.cache.parent / "artifacts" / "champions").rglob("v1.0.0-*.json")
    away = pin.rename(pin.with_suffix(".away"))
    pin.mkdir()
    with pytest.raises(StoreUnavailable, match=r"v1\.0\.0-"):
        ran(served.monitor, runtime, LAST - DAY)
    pin.rmdir()
    away.rename(pin)
    again = ran(served.monitor, runtime, LAST - DAY)
    assert (again["outcome"], again.get("kept")) == (before["outcome"], None)


def test_a_version_is_found_by_its_tag(served: Served, runtime: Runtime) -> None:
    """Where the folder of artifacts does not know it any more; one that no tag leads to is nobody's."""
    first = pin_champion(served.monitor, runtime)
    served.promote()
    shutil.rmtree(runtime.cache.parent / "artifacts" / "champions")
    assert pin_version(served.monitor, runtime, first.version) == first
    with pytest.raises(ReferenceInvalid, match=r"no champion v1\.0\.0-00000000 of churn"):
        pin_version(served.monitor, runtime, "v1.0.0-00000000")


def test_a_letter_about_a_former_champion_promises_no_retraining(served: Served, runtime: Runtime) -> None:
    """It says whose window it was, and who is in its place."""
    served.production.configure(served.production.yaml + "retraining: {}\n")
    ran(served.monitor, runtime, LAST - DAY, live=True)
    served.promote()
    turn_labels(served, LAST, after=timedelta(hours=1))
    assert ran(served.monitor, runtime, LAST, live=True)["outcome"] == "degraded"
    [letter] = runtime.store.letters()
    said = "The model got worse: look at the report. No retraining is asked for: champion v1.0.0-"
    assert letter.body["step"].startswith(said)
    assert " answered in that window, and v1.1.0-" in letter.body["step"]


def test_a_retraining_is_promised_by_the_runs_own_window_alone(
    served: Served, runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    """One before it that turned out worse requests none; when the run's own is worse, its log says that it does."""
    caplog.set_level(logging.INFO)
    served.production.configure(served.production.yaml + "retraining: {}\n")
    ran(served.monitor, runtime, LAST - DAY, live=True)
    turn_labels(served, LAST - DAY, after=DAY)
    ran(served.monitor, runtime, LAST, live=True)
    [letter] = runtime.store.letters()
    assert letter.body["step"].endswith(
        "No retraining is asked for: a run requests one for its own window, and this is one before it."
    )
    turn_labels(served, FIRST, after=timedelta(hours=1))
    assert "A retraining is asked for now" not in caplog.text
    ran(served.monitor, runtime, FIRST, live=True)
    assert "Next step: The model got worse: look at the report. A retraining is asked for now" in caplog.text


def turn_labels(served: Served, day: date, *, after: timedelta) -> None:
    """Every label of a day is corrected so long after it came."""
    told = pa.table(rows(day)).select(["id", "churned", "told_at"])
    turned = pa.array([1 - label for label in told["churned"].to_pylist()], pa.int8())
    moved = pa.array([moment + after for moment in told["told_at"].to_pylist()])
    served.production.write_labels(told.set_column(1, "churned", turned).set_column(2, "told_at", moved))
