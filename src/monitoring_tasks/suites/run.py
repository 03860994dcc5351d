"""The suites of one window: profiles in, check results, snapshots and the report page out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
from evidently import Report
from evidently.core.report import Snapshot

from monitoring_tasks.calibration.assess import Assessment, TestKey, Told
from monitoring_tasks.calibration.course import Course
from monitoring_tasks.checks import Check, CheckResult, Status, Suite
from monitoring_tasks.methods import EVIDENTLY, Kind
from monitoring_tasks.monitor import Monitor, column_limits
from monitoring_tasks.profile.profile import Profile
from monitoring_tasks.profile.reference import ReferenceProfile
from monitoring_tasks.profile.scores import score_columns
from monitoring_tasks.profile.summary import summary
from monitoring_tasks.suites.build import Limits, suite_metrics
from monitoring_tasks.suites.columns import Column
from monitoring_tasks.suites.derived_widgets import derived_widgets
from monitoring_tasks.suites.level_plots import jumps, level_plots
from monitoring_tasks.suites.metrics import Found, ProfileDataset, column_of, definition
from monitoring_tasks.suites.native import sampled_frame
from monitoring_tasks.suites.page import page
from monitoring_tasks.suites.results import check_results
from monitoring_tasks.suites.segments import segment_results
from monitoring_tasks.suites.snapshots import dumps
from monitoring_tasks.suites.text_widgets import text_widgets
from monitoring_tasks.suites.widgets import (
    Drawn,
    drift_table,
    facts,
    findings,
    overview,
    plots,
    plotted,
    quality_table,
    segments_table,
    whole_table,
)
from monitoring_tasks.window import Window


@dataclass(frozen=True, eq=False)
class SuiteInput:
    """What the suites judge: a window's profile and sample beside the reference's.

    `metadata` goes into snapshots and page as it is (champion, hashes, versions): texts only. `judged` is what an
    assessment of the whole window says; where it says nothing, each check is judged by its limits. `texts` are those
    sampled for the monitor's descriptors, None where there are none, or none any more.
    """

    monitor: Monitor
    window: Window
    reference: ReferenceProfile
    profile: Profile
    sample: pa.Table
    metadata: Mapping[str, str]
    judged: Assessment = field(default_factory=Assessment)
    texts: pa.Table | None = None


@dataclass(frozen=True, eq=False)
class SuiteOutcome:
    """What the suites found: check results, one Evidently snapshot (JSON) for each suite, and the page."""

    results: tuple[CheckResult, ...]
    snapshots: Mapping[Suite, str]
    html: str


def run_suites(given: SuiteInput, *, script_href: str) -> SuiteOutcome:
    """Judges one window; the page loads Evidently's script from `script_href`.

    The same input gives the same bytes. A check that cannot be decided says so and leaves the others alone. Raises
    `ProfileMismatch` when the profile was not made with the reference's binning.
    """
    done = _run(given)
    whole = [result for result in done.results if not result.segment]
    drawn = Drawn(plots(plotted(whole, done.columns)), level_plots(given.judged.courses))
    widgets = _widgets(whole, done.columns, drawn)
    texts = {suite: dumps(snapshot, widgets[suite]) for suite, snapshot in done.snapshots.items()}
    shown = [findings(whole, drawn), *jumps(whole, given.judged.courses), *segments_table(done.results)]
    shown += [widget for suite in widgets.values() for widget in suite]
    shown += derived_widgets(given.monitor.derived)
    shown += text_widgets(given.monitor, given.texts, given.reference.texts)
    return SuiteOutcome(done.results, texts, _page(given, done.results, shown, script_href))


def check(given: SuiteInput) -> tuple[CheckResult, ...]:
    """The check results of `run_suites`, without the snapshots' texts and the page, which take most of its time."""
    return _run(given).results


@dataclass(frozen=True, eq=False)
class _Done:
    columns: Mapping[str, Column]
    snapshots: Mapping[Suite, Snapshot]
    results: tuple[CheckResult, ...]


def _run(given: SuiteInput) -> _Done:
    given = _without_empty_ids(given)
    limits = _limits(given.monitor, given.reference)
    current, reference = _sides(given, limits)
    columns = {name: column_of(name, current, reference) for name in limits}
    snapshots = {
        suite: _report(given, suite, metrics).run(
            current, reference, timestamp=given.window.end, name=str(given.window)
        )
        for suite, metrics in suite_metrics(given.monitor, columns, limits, given.judged).items()
    }
    results = tuple(_told(result, given.judged.told) for result in _results(snapshots, columns, given.judged.courses))
    segments = segment_results(given.monitor, given.reference.binning, limits, given.judged)
    return _Done(columns, snapshots, (*_with_seasonal_share(results), *segments))


def _without_empty_ids(given: SuiteInput) -> SuiteInput:
    """The input without a count of duplicates where no sampled row has an id: such rows cannot repeat one."""
    name = given.monitor.id
    if given.profile.duplicates or name not in given.sample.column_names:
        return given
    ids = given.sample[name]
    if not len(ids) or ids.null_count < len(ids):
        return given
    return replace(given, profile=replace(given.profile, duplicates=None))


def _limits(monitor: Monitor, reference: ReferenceProfile) -> Limits:
    # By name: a reference that was just built and one from the cache list their columns in different orders.
    kinds, rows = reference.kinds, reference.profile.rows
    return {name: column_limits(monitor, name, kinds[name], reference_rows=rows) for name in sorted(kinds)}


def _sides(given: SuiteInput, limits: Limits) -> tuple[ProfileDataset, ProfileDataset]:
    reference = given.reference
    native = {name: row.kind for name, row in limits.items() if row.method.startswith(EVIDENTLY)}
    own = {name: row.method for name, row in limits.items() if name not in native}
    scores = score_columns(reference.binning, reference.profile, given.profile, own)
    current = _side(given, given.profile, native, Found(scores, given.judged.whole, given.judged.sizes), given.sample)
    return current, _side(given, reference.profile, native, Found({}), reference.sample)


def _side(
    given: SuiteInput, profile: Profile, native: Mapping[str, Kind], found: Found, sample: pa.Table
) -> ProfileDataset:
    frame = sampled_frame(sample, native)
    types = {kind: [name for name in frame.columns if native[name] == kind] for kind in ("numeric", "categorical")}
    described = definition(types["numeric"], types["categorical"])
    return ProfileDataset(profile, given.reference.binning, found, frame=frame, definition=described)


def _report(given: SuiteInput, suite: Suite, metrics: Sequence[Any]) -> Report:
    return Report(list(metrics), metadata=dict(given.metadata), tags=[given.monitor.name, suite.value])


def _results(
    snapshots: Mapping[Suite, Snapshot], columns: Mapping[str, Column], courses: Mapping[str, Course]
) -> tuple[CheckResult, ...]:
    results = [result for suite, snapshot in snapshots.items() for result in check_results(suite, snapshot)]
    return tuple(_summarised(result, columns, courses) for result in results)


def _told(result: CheckResult, told: Mapping[TestKey, Told]) -> CheckResult:
    said = told.get((result.check, result.column), Told())
    # Where a baseline is lacking, the note says all: what was measured is against another one.
    whole = said.note if said.note and result.status is Status.UNDECIDED else _joined(said.note, result.detail)
    return replace(result, season=said.season, cause=said.cause, detail=whole)


def _joined(*parts: str) -> str:
    return "; ".join(filter(None, parts))


def _with_seasonal_share(results: tuple[CheckResult, ...]) -> tuple[CheckResult, ...]:
    """The results, in which a share of drifted columns is seasonal that is one only by columns that are."""
    drifts = [each for each in results if each.check is Check.DRIFT and each.suite is Suite.DATA_DRIFT]
    decided = [each for each in drifts if each.status is not Status.UNDECIDED]
    found = [each for each in decided if each.status is Status.FAILED and each.large]
    others = sum(not each.season for each in found) / max(len(decided), 1)
    season = next((each.season for each in found if each.season), "")

    def eased(result: CheckResult) -> bool:
        return (
            result.check is Check.DRIFTED_SHARE
            and result.status is Status.FAILED
            and others < (result.threshold or 0.0)
        )

    return tuple(replace(each, season=season) if eased(each) else each for each in results) if season else results


def _summarised(result: CheckResult, columns: Mapping[str, Column], courses: Mapping[str, Course]) -> CheckResult:
    if result.check not in (Check.DRIFT, Check.LEVEL) or result.column is None:
        return result
    column = columns[result.column]
    sides = [summary(column.bins, profile) for profile in (column.reference, column.current)]
    gone = courses.get(result.column) if result.check is Check.LEVEL else None
    if gone is not None:  # what the test compared is what is told of it
        levels = (gone.jump.reference, gone.jump.level)
        sides = [{"level": gone.gauge.named(level), **side} for level, side in zip(levels, sides, strict=True)]
    return replace(result, reference=sides[0], current=sides[1])


def _widgets(results: Sequence[CheckResult], columns: Mapping[str, Column], drawn: Drawn) -> dict[Suite, list[Any]]:
    by_suite = {suite: [result for result in results if result.suite is suite] for suite in Suite}
    prediction, drift = (
        drift_table(suite, by_suite[suite], columns, drawn) for suite in (Suite.PREDICTION_DRIFT, Suite.DATA_DRIFT)
    )
    quality = quality_table(by_suite[Suite.DATA_QUALITY], columns, drawn.columns)
    return {Suite.PREDICTION_DRIFT: [prediction], Suite.DATA_DRIFT: [drift], Suite.DATA_QUALITY: [quality]}


def _page(given: SuiteInput, results: Sequence[CheckResult], widgets: Sequence[Any], script_href: str) -> str:
    start, end = (moment.strftime("%Y-%m-%d %H:%M") for moment in (given.window.start, given.window.end))
    title = f"{given.monitor.name}, {start} to {end} UTC"
    everything = [overview(results, given.profile.rows, title), *widgets, whole_table(results), facts(given.metadata)]
    return page(everything, title=title, script_href=script_href)
