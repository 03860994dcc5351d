"""The tasks of maintenance: what no retraining, no monitor and nobody who is paged needs any more goes.

Workspaces, caches and branches can be had again: a cache from the DVC remote, a commit with a version or champion by
its tag. Check results can be computed again as long as the rows are there. Of windows and alerts goes what is more than
a year old and over. What fails for one monitor stops no other.
"""

from __future__ import annotations

import logging
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from monitoring_tasks.errors import ConfigurationError, MonitoringError, PipelineUnavailable
from monitoring_tasks.kept_texts import tidy_texts
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.monitor_file import load_monitors, monitor_files
from monitoring_tasks.pieces import tidy_pieces
from monitoring_tasks.report import run_folder
from monitoring_tasks.retraining.branches import Branch, delete_branch, published_branches
from monitoring_tasks.retraining.cache_lock import exclusive
from monitoring_tasks.retraining.leftovers import Removed, folders_in, last_changed, last_used, remove_unused
from monitoring_tasks.retraining.names import is_slug, retraining_branch, run_slug
from monitoring_tasks.retraining.registry import find_champion
from monitoring_tasks.retraining.repository import allow, allowed_repositories, bare_clone
from monitoring_tasks.retraining_section import DAY, Retraining
from monitoring_tasks.retraining_task import WORKSPACES, cache_of, champion_source, retraining_of
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.sections import ChampionReference
from monitoring_tasks.store.records import RetrainingRecord
from monitoring_tasks.store.retention import KINDS, Kind
from monitoring_tasks.window import parse_width, width_text

log = logging.getLogger(__name__)
Json = dict[str, Any]
KEEP = Retraining().keep
"""How long things are kept for a monitor that is gone, or has no section `retraining`."""
KEPT = timedelta(days=400)
"""How long the store keeps what was found and told, by the clock: a year, and the month in which people look back."""
RESULTS, VERDICTS = "MONITORING_KEEP_RESULTS", "MONITORING_KEEP_VERDICTS"
"""Environment variables for the lengths of time in `Keeping`, such as `60d`."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_REVISION = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


@dataclass(frozen=True)
class Fleet:
    """The monitors of a folder, by name, and the names of those whose YAML is broken: of these nothing is removed."""

    monitors: Mapping[str, Monitor]
    broken: frozenset[str] = frozenset()

    @classmethod
    def of(cls, folder: Path) -> Fleet:
        """The monitors in `folder` now. Raises `ConfigurationError` when there is no such folder."""
        monitors = {monitor.name: monitor for monitor in load_monitors(folder)[0]}
        return cls(monitors, frozenset(path.stem for path in monitor_files(folder)) - set(monitors))

    @property
    def retrained(self) -> list[Monitor]:
        """Those that have a section `retraining`."""
        return [monitor for monitor in self.monitors.values() if monitor.retraining]

    def keep(self, name: str) -> timedelta:
        """How long things of a monitor are kept, be it there or not."""
        monitor = self.monitors.get(name)
        return monitor.retraining.keep if monitor and monitor.retraining else KEEP

    def longest(self) -> timedelta:
        """The longest that any monitor keeps things."""
        return max((retraining_of(monitor).keep for monitor in self.retrained), default=KEEP)


@dataclass
class _Faults:
    """What went wrong with one thing while the others went on."""

    task: str
    found: int = 0
    passing: list[str] = field(default_factory=list)

    @contextmanager
    def apart(self, about: str) -> Iterator[None]:
        """Note an error about one thing, and go on."""
        try:
            yield
        except (MonitoringError, OSError, RecursionError) as error:  # the last: folders nested without end
            log.error("maintenance.failed task=%s about=%s reason=%s", self.task, about, error)
            self.found += 1
            if getattr(error, "retryable", True):
                self.passing.append(f"{about}: {error}")

    def settle(self, counts: Json) -> Json:
        """The counts and the number of errors. Raises `PipelineUnavailable` when a later try may mend one of them."""
        if self.passing:
            raise PipelineUnavailable(f"{'; '.join(self.passing)}; all other {self.task} are done: try again")
        return {**counts, "failed": self.found}


def tidy_workspaces(fleet: Fleet, runtime: Runtime, *, now: datetime) -> Json:
    """Remove the workspaces of this machine in which nothing changed for as long as their monitor keeps them.

    One whose retraining is open stays. Raises `PipelineUnavailable` at the end, naming the monitors with which
    something went wrong that a later try may mend.
    """
    faults, counts = _Faults(WORKSPACES), Counter[str](removed=0, open=0)
    for folder in _monitor_folders(runtime.cache / WORKSPACES):
        with faults.apart(folder.name):
            for workspace in _old(fleet, folder, now):
                counts[_remove_workspace(runtime, workspace)] += 1
    return faults.settle(dict(counts))


def _monitor_folders(parent: Path) -> list[Path]:
    """The folders that could be a monitor's; what is called otherwise was made by nobody here."""
    return [folder for folder in folders_in(parent) if _NAME.fullmatch(folder.name)]


def _old(fleet: Fleet, folder: Path, now: datetime) -> list[Path]:
    if folder.name in fleet.broken:
        log.warning("workspaces.left monitor=%s reason=its YAML is broken: how long to keep is not known", folder.name)
        return []
    before = (now - fleet.keep(folder.name)).timestamp()
    return [each for each in folders_in(folder) if is_slug(each.name) and last_changed(each) < before]


def _remove_workspace(runtime: Runtime, workspace: Path) -> str:
    monitor, slug = workspace.parent.name, workspace.name
    # Asked for each one at the last moment: a run may have been cleared, and be under way again.
    if any(record.open and run_slug(record.run) == slug for record in runtime.store.retrainings(monitor)):
        return "open"
    shutil.rmtree(workspace)
    log.info("workspace.removed monitor=%s workspace=%s", monitor, slug)
    return "removed"


def tidy_caches(fleet: Fleet, runtime: Runtime, *, now: datetime) -> Json:
    """Remove what nobody used for long from the caches of this machine: DVC's objects, and files of former champions.

    DVC's cache is left alone while a training uses it (`in_use`). Raises as `tidy_workspaces` does.
    """
    faults, counts = _Faults("caches"), Counter[str](champions=0)
    objects: Json = {"objects": 0, "bytes": 0, "in_use": False}
    with faults.apart("DVC's cache"):
        objects |= _tidy_objects(cache_of(runtime), now - fleet.longest(), now - DAY)
    for folder in _monitor_folders(runtime.cache):
        if folder.name not in {WORKSPACES, cache_of(runtime).name} | fleet.broken:
            with faults.apart(folder.name):
                counts["champions"] += _tidy_champions(fleet, folder, now)
    return faults.settle({**objects, **counts})


def _tidy_objects(cache: Path, before: datetime, broken_off: datetime) -> Json:
    """Remove objects unused since `before`, and what a copy that was broken off before `broken_off` left."""
    limit, unfinished = before.timestamp(), broken_off.timestamp()
    if cache not in folders_in(cache.parent):
        return {}
    with exclusive(cache) as alone:
        if not alone:
            log.info("cache.left folder=%s reason=a training uses it; the next maintenance looks again", cache)
            return {"in_use": True}
        removed: Removed = remove_unused(
            cache, lambda name, used: used < (unfinished if name.endswith(".tmp") else limit)
        )
    log.info("cache.tidied folder=%s objects=%d bytes=%d", cache, removed.files, removed.bytes)
    return {"objects": removed.files, "bytes": removed.bytes}


def _tidy_champions(fleet: Fleet, folder: Path, now: datetime) -> int:
    """Remove the files of former champions that nobody used for as long as their monitor keeps things."""
    before = (now - fleet.keep(folder.name)).timestamp()
    former = [each for each in folders_in(folder) if _REVISION.fullmatch(each.name) and last_used(each) < before]
    monitor = fleet.monitors.get(folder.name)
    if former and monitor and isinstance(monitor.reference, ChampionReference):
        present = find_champion(*champion_source(monitor)).revision
        former = [each for each in former if each.name != present]
    for revision in former:
        shutil.rmtree(revision)
        log.info("champion.forgotten monitor=%s revision=%s", folder.name, revision.name)
    return len(former)


def tidy_branches(fleet: Fleet, runtime: Runtime, *, now: datetime) -> Json:
    """Delete the branches of old retrainings at the origins of all monitors that are retrained.

    A branch stays while its retraining is open, or another that compares its challenger; one that moved meanwhile
    stays as well. A commit with a version or champion stays reachable by that tag. Raises as `tidy_workspaces` does.
    """
    faults, counts = _Faults("branches"), Counter[str](deleted=0, moved=0)
    for repository, monitors in _repositories(fleet).items():
        names = ", ".join(monitor.name for monitor in monitors)
        with faults.apart(names):
            allow(repository, allowed_repositories())
            with bare_clone(repository) as clone:
                for branch in published_branches(clone):
                    with faults.apart(f"{names} {branch.name}"):
                        counts[_tidy_branch(monitors, runtime, clone, branch=branch, now=now)] += 1
    return faults.settle(dict(counts))


def _repositories(fleet: Fleet) -> Mapping[str, list[Monitor]]:
    """The monitors of each repository, so that one of several is visited once."""
    found: dict[str, list[Monitor]] = {}
    for monitor in fleet.retrained:
        found.setdefault(champion_source(monitor)[0], []).append(monitor)
    return found


def _tidy_branch(monitors: Sequence[Monitor], runtime: Runtime, clone: Path, *, branch: Branch, now: datetime) -> str:
    if _is_wanted(branch, monitors, runtime.store.retrainings(), now):
        return "kept"
    deleted = delete_branch(clone, branch)
    log.info("branch.%s branch=%s revision=%s", "deleted" if deleted else "moved", branch.name, branch.revision)
    return "deleted" if deleted else "moved"


def _is_wanted(branch: Branch, monitors: Sequence[Monitor], records: Sequence[RetrainingRecord], now: datetime) -> bool:
    sections = {monitor.name: retraining_of(monitor) for monitor in monitors}
    if branch.name in {section.pipeline.branch for section in sections.values()}:
        return True
    own = [record for record in records if retraining_branch(record.monitor, record.run) == branch.name]
    compared = [record for record in records if record.challenger == branch.revision]
    if any(record.open for record in (*own, *compared)):
        return True
    # A branch does not say whose it is; without a record it is kept as long as the most patient monitor asks for.
    owners = {record.monitor for record in own} & set(sections) or set(sections)
    return branch.moment >= now - max(sections[name].keep for name in owners)


def tidy_alerts(runtime: Runtime, *, now: datetime) -> Json:
    """Delete letters that were told, incidents that ended and readings, each when it was written `KEPT` ago.

    What is open or undelivered stays, with what was told of it.
    """
    store, before = runtime.store, now - KEPT
    # In this order: an incident stays as long as it has letters.
    counts = {
        "letters": store.purge_letters(before),
        "incidents": store.purge_incidents(before),
        "readings": store.purge_readings(before),
    }
    log.info("alerts.tidied letters=%d incidents=%d readings=%d", *counts.values())
    return counts


@dataclass(frozen=True)
class Keeping:
    """How long the store keeps what windows left, since it was written, by the clock.

    `results`: a window's check results, by far most of the store; scores, headline and verdict stay behind. Some more
    than a month: the windows of a month can be compared in full. Sampled texts go with them. `verdicts`: all there is
    of a window, its artifacts included (profile, sample, snapshots and report, on which people look back), and reports
    of self-tests.

    Of the ledger of performance no version goes before its window does, however many there are of it: what was known
    at a moment could not be told from what was forgotten. A window's versions take some kB.
    """

    results: timedelta = 35 * DAY
    verdicts: timedelta = KEPT

    def __post_init__(self) -> None:
        if self.verdicts < self.results:
            raise ConfigurationError(
                f"{VERDICTS} is {width_text(self.verdicts)} and {RESULTS} {width_text(self.results)}: a verdict is "
                "kept at least as long as its check results, so raise the first or lower the second"
            )

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Keeping:
        """What the environment says. Raises `ConfigurationError` on what is no length of time.

        >>> Keeping.of({"MONITORING_KEEP_RESULTS": "2w"}).results.days
        14
        """
        named = {"results": RESULTS, "verdicts": VERDICTS}
        given = {field: name for field, name in named.items() if environment.get(name)}
        return cls(**{field: _width(name, environment[name]) for field, name in given.items()})


def _width(name: str, text: str) -> timedelta:
    try:
        return parse_width(text)
    except ValueError as error:
        raise ConfigurationError(f"environment variable {name}: {error}") from error


def tidy_windows(runtime: Runtime, keeping: Keeping, *, now: datetime) -> Json:
    """Roll up old check results, and delete verdicts, performance and self-tests that are older still.

    Sampled texts go when check results do, pieces of windows when verdicts do, by the day of their rows.
    A monitor's last word stays whatever its age, be its YAML there or not, and so does what an open incident or
    retraining is about. Artifacts go before their rows: of what is ended half way nothing is left behind.
    """
    store, before = runtime.store, now - keeping.verdicts
    counts: Json = {"rolled_up": store.roll_up(now - keeping.results)}
    counts |= {kind: _purge(runtime, kind, before) for kind in KINDS}
    counts["self_tests"] = store.purge_canaries(before)
    counts["texts"] = tidy_texts(runtime.artifacts, (now - keeping.results).date())
    counts["pieces"] = tidy_pieces(runtime.artifacts, before.date())
    log.info("windows.tidied %s", " ".join(f"{name}={count}" for name, count in counts.items()))
    return counts


def _purge(runtime: Runtime, kind: Kind, before: datetime) -> int:
    deleted = 0
    for page in runtime.store.old(kind, before):
        folders = {run_folder(old.subject) for old in page}
        removed = sum(_removed(runtime, folder) for folder in sorted(folders))
        deleted += runtime.store.purge(kind, page, before)
        log.info("windows.purged kind=%s rows=%d folders=%d", kind, deleted, removed)
    return deleted


def _removed(runtime: Runtime, folder: str) -> bool:
    try:
        return runtime.artifacts.remove(folder)
    except ValueError:  # no run can have written below such a key
        return False
