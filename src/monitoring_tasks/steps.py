"""One function per Airflow task, free of Airflow: the DAGs and the command line both call these.

A step is a function of its monitor and window: the same input gives the same output, and what it writes replaces what
it wrote before. Between steps travels small JSON, the *subject*: monitor, champion, window, configuration hash.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from typing import Any

import pyarrow as pa

from monitoring_tasks.alarms_section import TrainingBaseline
from monitoring_tasks.alerts.telling import SILENT, Occasion, brief, record
from monitoring_tasks.assessment import Basis, Observed, Past, assessed, past_of
from monitoring_tasks.champion import Pinned, load_importances, load_reference, pin_champion
from monitoring_tasks.checks import CheckResult, Status
from monitoring_tasks.errors import ConfigurationError, SourceInvalid
from monitoring_tasks.harm import eased
from monitoring_tasks.kept import dump_table, keep_script, load_table, required, script_href
from monitoring_tasks.kept_texts import keep_texts, kept_texts, reference_texts
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.pieces import SAMPLE_ROWS, Pieces
from monitoring_tasks.policy.decision import Given, decide
from monitoring_tasks.policy.narrative import narrate
from monitoring_tasks.policy.verdict import Subject
from monitoring_tasks.profile.pairs import Pair
from monitoring_tasks.profile.plan import join_samples
from monitoring_tasks.profile.profile import Profile, dumps, loads, merge
from monitoring_tasks.profile.reference import ReferenceProfile
from monitoring_tasks.profile.segments_file import dumps_segments, loads_segments
from monitoring_tasks.report import report_key, run_folder
from monitoring_tasks.request_step import request_of
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.sections import SqlSource
from monitoring_tasks.undated_check import undated_check
from monitoring_tasks.window import Window, preceding
from monitoring_tasks.window_story import Found, keep_levels, keep_pictures, reading_of, teller_of

log = logging.getLogger(__name__)
Json = dict[str, Any]
_SEGMENTS = "segments.parquet"


@dataclass(frozen=True, eq=False)
class _Shared:
    """What the windows of a step have in common: a verdict rests on those before its own, most of whose past is one.

    The reference is loaded once, when it is first asked for, and each piece of the past read once.
    """

    monitor: Monitor
    runtime: Runtime
    pinned: Pinned

    @classmethod
    def of(cls, monitor: Monitor, runtime: Runtime, subject: Json) -> _Shared:
        """What a step of a run works with; nothing is read yet."""
        return cls(monitor, runtime, Pinned.from_json(subject["pinned"]))

    @cached_property
    def reference(self) -> ReferenceProfile:
        """The pinned champion's. Raises what `load_reference` does."""
        return load_reference(self.monitor, self.runtime, self.pinned)

    @cached_property
    def pieces(self) -> Pieces:
        """The monitor's production rows. Raises what `Pieces.of` does."""
        return Pieces.of(self.monitor, self.runtime, self.reference)

    def basis(self, window: Window) -> Basis:
        """What a window is judged on. Raises `SourceUnavailable`."""
        return Basis.over(self.monitor, self.reference, window, self._past)

    @cached_property
    def _past(self) -> Past:
        return past_of(self.pieces)


def open_window(monitor: Monitor, runtime: Runtime, window: Window) -> Json:
    """The subject of a run: the window, and the champion pinned for it."""
    pinned = pin_champion(monitor, runtime)
    subject = Subject(monitor.name, pinned.version, window, monitor.config_hash)
    log.info("window.opened monitor=%s window=%s champion=%s", monitor.name, window, pinned.version)
    return {**subject.to_json(), "pinned": pinned.to_json()}


def profile_window(monitor: Monitor, runtime: Runtime, subject: Json) -> Json:
    """Profile every row of the window: the sum of its pieces' profiles, of which known ones are not read again.

    What a database holds can be corrected without a trace, so its newest piece is always read anew.
    """
    about, shared = _about(monitor, subject), _Shared.of(monitor, runtime, subject)
    anew, (*older, newest) = isinstance(monitor.source, SqlSource), about.window.pieces()
    found = [shared.pieces.current(span) for span in older]
    found.append(shared.pieces.scanned(newest) if anew else shared.pieces.current(newest))
    keep_texts(shared.pieces, about, anew=anew)
    return _keep_profile(shared, about, found)


def _keep_profile(shared: _Shared, about: Subject, found: Sequence[tuple[Profile, pa.Table]]) -> Json:
    """Keep what is judged of a window: the profile of its pieces, of their segments, and a sample of their rows."""
    runtime, folder, spans = shared.runtime, run_folder(about), about.window.pieces()
    profile = merge([piece for piece, _ in found])
    sample = join_samples([sample for _, sample in found], SAMPLE_ROWS)
    runtime.artifacts.write(f"{folder}/sample.parquet", dump_table(sample))
    if shared.reference.divisions:
        runtime.artifacts.write(f"{folder}/{_SEGMENTS}", dumps_segments(shared.pieces.segments_of(spans)))
    runtime.artifacts.write(f"{folder}/profile.json", dumps(profile))
    log.info("profile.written monitor=%s rows=%d pieces=%d", about.monitor, profile.rows, len(spans))
    return {"rows": profile.rows, "profile": f"{folder}/profile.json", "sample_rows": sample.num_rows}


def _about(monitor: Monitor, subject: Json) -> Subject:
    """The subject of a run, which must still be the monitor's: half a run by other rules would be filed under these."""
    about = Subject.from_json(subject)
    if about.config_hash != monitor.config_hash:
        raise ConfigurationError(
            f"the YAML of {monitor.name} changed since this run began (configuration {about.config_hash}, "
            f"now {monitor.config_hash}): clear the run from its first task on"
        )
    return about


def run_suites(monitor: Monitor, runtime: Runtime, subject: Json) -> Json:
    """Run Evidently's suites over the window's profile; keep snapshots, HTML report and check results."""
    return _suites_of(_Shared.of(monitor, runtime, subject), _about(monitor, subject))


def _suites_of(shared: _Shared, about: Subject) -> Json:
    # Evidently takes seconds to import: only the task that runs it pays.
    from monitoring_tasks import suites

    monitor, runtime, reference = shared.monitor, shared.runtime, shared.reference
    folder = run_folder(about)
    profile, sample = _stored_profile(runtime, about), _stored_sample(runtime, about)
    basis = shared.basis(about.window)
    segments = loads_segments(_stored_segments(runtime, reference, about)) if reference.divisions else {}
    judged = assessed(monitor, runtime, basis, Observed(about.window, profile, sample, segments))
    against = basis.compared.reference
    shown = replace(against, texts=reference_texts(monitor, runtime, shared.pinned, about.window))
    texts = kept_texts(runtime, about)
    outcome = suites.run_suites(
        suites.SuiteInput(monitor, about.window, shown, profile, sample, _labels(about), judged, texts),
        script_href=script_href(report_key(about), suites.SCRIPT_NAME),
    )
    keep_script(runtime.artifacts, suites.SCRIPT_NAME, suites.script)
    for suite, snapshot in outcome.snapshots.items():
        runtime.artifacts.write(f"{folder}/{suite.value}.json", snapshot.encode())
    runtime.artifacts.write(report_key(about), outcome.html.encode())
    results = (*outcome.results, *undated_check(monitor, shared.pieces.undated(about.window), profile.rows))
    keep_pictures(runtime, about, results, _pairs(against, profile))
    if monitor.alarms.levels:
        keep_levels(runtime, about, results, judged.courses)
    runtime.store.put_results(about, results, rows=profile.rows)
    # Written last: it says which rows the results in the store are about.
    runtime.artifacts.write(f"{folder}/checked.txt", _checked(runtime, about, profile, basis))
    counts = {status.value: sum(result.status is status for result in results) for status in Status}
    log.info("suites.run monitor=%s window=%s checks=%s", monitor.name, about.window, counts)
    return {"checks": counts, "report": report_key(about)}


def _pairs(reference: ReferenceProfile, profile: Profile) -> dict[str, Pair]:
    had, now = reference.profile.columns, profile.columns
    return {name: Pair(bins, had[name], now[name]) for name, bins in reference.binning.columns.items() if name in now}


def _data_hash(profile: Profile) -> str:
    return hashlib.sha256(dumps(profile)).hexdigest()[:16]


def _checked(runtime: Runtime, about: Subject, profile: Profile, basis: Basis) -> bytes:
    """Which rows check results are about: the window's, its segments' and those of its baselines."""
    segments = hashlib.sha256(_stored_segments(runtime, basis.reference, about)).hexdigest()[:16]
    cut = segments if basis.reference.divisions else ""
    return f"{_data_hash(profile)}{basis.baseline_hash}{cut}".encode()


def _stored_segments(runtime: Runtime, reference: ReferenceProfile, about: Subject) -> bytes:
    return required(runtime.artifacts, f"{run_folder(about)}/{_SEGMENTS}") if reference.divisions else b""


def _labels(subject: Subject) -> dict[str, str]:
    return {"monitor": subject.monitor, "window": str(subject.window), "champion": subject.champion}


def _stored_profile(runtime: Runtime, subject: Subject) -> Profile:
    return loads(required(runtime.artifacts, f"{run_folder(subject)}/profile.json"))


def _stored_sample(runtime: Runtime, subject: Subject) -> pa.Table:
    return load_table(required(runtime.artifacts, f"{run_folder(subject)}/sample.parquet"))


def reach_verdict(
    monitor: Monitor, runtime: Runtime, subject: Json, *, run: Mapping[str, str], occasion: Occasion = SILENT
) -> Json:
    """Judge the window by its results and those of the windows before; the verdict is stored and returned.

    Incidents that it changes, and letters to those who are told, are stored with it, at once or not at all. What is
    returned names these `changes`, and leaves out the findings of the evidence, which may be many: they are in the
    store.
    """
    about, pinned = _about(monitor, subject), Pinned.from_json(subject["pinned"])
    shared = _Shared.of(monitor, runtime, subject)
    results = _results(shared, about)
    profile = _stored_profile(runtime, about)
    importances = load_importances(monitor, runtime, pinned)
    given = Given(
        results=results,
        rows=profile.rows,
        history=_history(shared, about),
        importances=importances,
        evidence=_evidence(about, pinned, profile, importances),
    )
    verdict = eased(monitor, runtime, pinned, decide(monitor, about, given))
    runtime.artifacts.write(f"{run_folder(about)}/verdict.json", verdict.dumps())
    noted = {**run, **({"stale_champion": pinned.stale} if pinned.stale else {})}
    request = request_of(monitor, runtime, verdict, now=occasion.now)
    found = Found(verdict, results, report_key(about), request=request)
    teller = teller_of(monitor, runtime, found, occasion)
    with runtime.store.transaction() as transaction:
        transaction.put_verdict(verdict, results, report=found.report, run=noted)
        changes = record(transaction, reading_of(monitor, found), teller)
    log.info("verdict.reached\n%s", narrate(verdict, results, step=request.step(verdict) if request else ""))
    if pinned.stale:
        log.warning("champion.stale version=%s reason=%s", pinned.version, pinned.stale)
    small = {name: value for name, value in verdict.evidence.items() if name != "findings"}
    return {**verdict.to_json(), "evidence": small, "report": found.report, "changes": brief(changes)}


def _results(shared: _Shared, about: Subject) -> list[CheckResult]:
    """The check results of the window's stored profile.

    They are made again when this store has none, or has those of other rows: another run of the same window may have
    profiled rows that came in between, and artifacts may be shared where the store is not.
    """
    runtime = shared.runtime
    results = runtime.store.results(about)
    checked = runtime.artifacts.read(f"{run_folder(about)}/checked.txt")
    if results and checked == _to_check(shared, about):
        return results
    log.info("suites.again window=%s reason=%s", about.window, "other rows" if results else "no results in the store")
    _suites_of(shared, about)
    return runtime.store.results(about) or []


def _to_check(shared: _Shared, about: Subject) -> bytes:
    """Which rows check results are about now; the reference is read only where they depend on other rows."""
    monitor, profile = shared.monitor, _stored_profile(shared.runtime, about)
    own = [feature.baseline for feature in monitor.features.values() if feature.baseline]
    trained = all(isinstance(each, TrainingBaseline) for each in (monitor.drift.baseline, *own))
    if trained and not monitor.segments and not monitor.alarms.levels:
        return _data_hash(profile).encode()
    return _checked(shared.runtime, about, profile, shared.basis(about.window))


def _evidence(subject: Subject, pinned: Pinned, profile: Profile, importances: Mapping[str, float]) -> Json:
    hashes = {
        "data": _data_hash(profile),
        "reference": pinned.content_hash[:16],
        "importances": hashlib.sha256(json.dumps(importances, sort_keys=True).encode()).hexdigest()[:16],
        "binning": profile.binning,
        "config": subject.config_hash,
    }
    return {"hashes": hashes, "code_version": version("monitoring-tasks")}


def _history(shared: _Shared, about: Subject) -> list[list[CheckResult] | None]:
    """Results of the windows before, newest first; None for one that had too few rows to be judged.

    Each is brought up to date first, so that the verdict depends on the data alone: not on the order in which windows
    happened to be computed, nor on rows that came late to files. Those that came late to a table or an endpoint, which
    is not asked again for each window after, count when their own window is judged again.
    """
    monitor = shared.monitor
    earlier = preceding(monitor.schedule, monitor.window, about.window, count=monitor.policy.persistence.of - 1)
    known = [before for before in earlier if before.start >= monitor.first_moment]
    return [_results_of(shared, replace(about, window=before)) for before in known]


def _results_of(shared: _Shared, then: Subject) -> list[CheckResult] | None:
    try:
        found = [shared.pieces.had(span) for span in then.window.pieces()]
        keep_texts(shared.pieces, then, anew=False)
        rows = _keep_profile(shared, then, found)["rows"]
    except SourceInvalid as error:
        log.warning("history.unreadable monitor=%s window=%s reason=%s", then.monitor, then.window, error)
        return None
    return _results(shared, then) if rows >= shared.monitor.minimum_rows else None
