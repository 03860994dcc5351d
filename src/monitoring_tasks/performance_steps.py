"""One function per task of a performance DAG, free of Airflow: the DAG and the command line both call these.

A step is a function of its monitor, window and the moment as known at which the window is examined. Between steps
travels small JSON, the *subject*: monitor, champion, window, configuration hash, and that moment.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Any

from monitoring_tasks.alerts.telling import SILENT, Occasion, brief, record
from monitoring_tasks.champion import Pinned, pin_champion
from monitoring_tasks.errors import ConfigurationError, ReferenceUnavailable
from monitoring_tasks.incidents.incident import Change
from monitoring_tasks.kept import keep_script, required, script_href
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.performance_champions import Champions
from monitoring_tasks.performance_window import Cadence
from monitoring_tasks.policy.asking import succeeded
from monitoring_tasks.policy.easing import lowered, stands_beside
from monitoring_tasks.policy.figures import known, narrate_performance
from monitoring_tasks.policy.performance import decide_performance
from monitoring_tasks.policy.verdict import Outcome, Subject, Verdict
from monitoring_tasks.report import report_key, run_folder
from monitoring_tasks.request_step import request_of
from monitoring_tasks.restating import Measured, champions_of, measure_together
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.store.ledger import LedgerEntry
from monitoring_tasks.window import Window, parse_moment, stamp
from monitoring_tasks.window_story import Found, reading_of, teller_of

log = logging.getLogger(__name__)
Json = dict[str, Any]
ALONE = "worse figures alone do not page here (policy.page: both), and no drift of this window was found"

NOT_ITS_OWN = "a run requests one for its own window, and this is one before it"


def open_performance(monitor: Monitor, runtime: Runtime, window: Window, *, known_at: datetime) -> Json:
    """The subject of a run: the window with the champion it is judged by, and the moment as known at.

    `pinned` is the champion in use; the window's is another where one was promoted since it was judged first.
    """
    pinned = pin_champion(monitor, runtime)
    version = Champions.of(monitor, runtime, pinned, [window]).version(window)
    subject = Subject(monitor.name, version, window, monitor.performance_hash)
    log.info("performance.opened monitor=%s window=%s known_at=%s", monitor.name, window, stamp(known_at))
    return {**subject.to_json(), "pinned": pinned.to_json(), "known_at": stamp(known_at)}


def measure_performance(monitor: Monitor, runtime: Runtime, subject: Json) -> Json:
    """Join labels to predictions, and compute the figures of the window and of those judged anew with it.

    The newest window that has ended by then is measured too, whatever its labels: with what its scores let expect.
    """
    about, known_at = _about(monitor, subject), parse_moment(subject["known_at"])
    judged = _judged(monitor, about.window, known_at)
    champions = champions_of(monitor, runtime, Pinned.from_json(subject["pinned"]), judged)
    champions = replace(champions, first={**champions.first, about.window: about.champion})
    measured = measure_together(champions, judged, known_at=known_at)
    runtime.artifacts.write(_key(about, known_at), _dumps(measured.to_json()))
    found = known(measured.of(about.window).restatement.maturity) if about.window in measured.judged else "as before"
    log.info("performance.measured window=%s known=%s left_over=%s", about.window, found, measured.left_over)
    return {"windows": len(measured.windows), "kept": len(measured.kept), **measured.left_over}


def restate(
    monitor: Monitor, runtime: Runtime, windows: Sequence[Window], *, known_at: datetime, run: Mapping[str, str]
) -> list[LedgerEntry]:
    """Windows judged as known at a moment, each by its own champion, and put into the ledger; in the order given.

    One whose champion's files are gone is as it was when judged last; `ReferenceUnavailable` where it was not by then.
    """
    champions = champions_of(monitor, runtime, pin_champion(monitor, runtime), windows)
    measured = measure_together(champions, windows, known_at=known_at)
    entries = {window: _entry(monitor, runtime, measured, window, run=run) for window in measured.judged}
    for entry in entries.values():
        runtime.store.put_performance(entry)
    older = {window: _older(monitor, runtime, window, known_at, why) for window, why in measured.kept.items()}
    return [(entries | older)[window] for window in windows if window in entries or window in older]


def _older(monitor: Monitor, runtime: Runtime, window: Window, known_at: datetime, why: str) -> LedgerEntry:
    """What was known of a window that cannot be judged anew."""
    versions = runtime.store.restatements(monitor.name, window)
    found = [each for each in versions if each.restatement.known_at <= known_at]
    if not found:
        raise ReferenceUnavailable(f"nothing was known of {window} by {stamp(known_at)}, and now {why}")
    return found[-1]


def _judged(monitor: Monitor, window: Window, known_at: datetime) -> list[Window]:
    """The window and those judged anew with it; after them the newest that has ended, if it is another."""
    cadence = Cadence.of(monitor)
    newest = replace(cadence, delay=timedelta()).newest(known_at)
    pending = [newest] if newest.end > window.end else []
    return [*cadence.restated(window), *pending]


def _about(monitor: Monitor, subject: Json) -> Subject:
    """The subject of a run, which must still be the monitor's."""
    about = Subject.from_json(subject)
    if about.config_hash != monitor.performance_hash:
        raise ConfigurationError(
            f"the YAML of {monitor.name} changed since this run began (configuration {about.config_hash}, "
            f"now {monitor.performance_hash}): clear the run from its first task on"
        )
    return about


def _key(about: Subject, known_at: datetime) -> str:
    return f"{run_folder(about)}/known-{known_at:%Y-%m-%dT%H%M%S}.json"


def _stored(runtime: Runtime, about: Subject, subject: Json) -> Measured:
    return Measured.from_json(json.loads(required(runtime.artifacts, _key(about, parse_moment(subject["known_at"])))))


def report_performance(monitor: Monitor, runtime: Runtime, subject: Json) -> Json:
    """Run Evidently's performance suite over the figures; keep its snapshot and the HTML report."""
    # Evidently takes seconds to import: only the task that runs it pays.
    from monitoring_tasks.suites import SCRIPT_NAME, script
    from monitoring_tasks.suites.performance import PerformanceInput, run_performance_suite

    about = _about(monitor, subject)
    measured = _stored(runtime, about, subject)
    if why := measured.kept.get(about.window):
        known_at = parse_moment(subject["known_at"])
        return {"report": report_key(_older(monitor, runtime, about.window, known_at, why).verdict.subject)}
    newest = measured.of(about.window)
    earlier = [each for each in measured.restatements() if each.window.end < about.window.end]
    shown = [newest.restatement, *earlier]
    metadata = {"monitor": about.monitor, "window": str(about.window), "champion": about.champion}
    outcome = run_performance_suite(
        PerformanceInput(monitor, shown, newest.results, metadata),
        script_href=script_href(report_key(about), SCRIPT_NAME),
    )
    keep_script(runtime.artifacts, SCRIPT_NAME, script)
    runtime.artifacts.write(f"{run_folder(about)}/performance.json", outcome.snapshot.encode())
    runtime.artifacts.write(report_key(about), outcome.html.encode())
    log.info("performance.reported monitor=%s window=%s", monitor.name, about.window)
    return {"report": report_key(about)}


def judge_performance(
    monitor: Monitor, runtime: Runtime, subject: Json, *, run: Mapping[str, str], occasion: Occasion = SILENT
) -> Json:
    """Judge the window, and those before it anew; every version of every window is kept in the ledger.

    Incidents that change by it, and letters to those who are told, are stored with it, at once or not at all. Windows
    before it that are worse than they were when last judged are told as well. What is returned has the window's
    verdict, and the `changes`; where it could not be judged anew its last verdict, and why it was `kept`.
    """
    about, known_at = _about(monitor, subject), parse_moment(subject["known_at"])
    measured = _stored(runtime, about, subject)
    noted = {**run, **{name: str(count) for name, count in measured.left_over.items()}, **measured.noted()}
    entries = {window: _entry(monitor, runtime, measured, window, run=noted) for window in measured.judged}
    # The oldest first, as a replay takes them.
    worsened = [entries[window] for window in sorted(entries) if window.end < about.window.end]
    worsened = [entry for entry in worsened if _is_worse(runtime, entry, known_at)]
    why = measured.kept.get(about.window)
    own = entries[about.window] if why is None else _older(monitor, runtime, about.window, known_at, why)
    founds = [_found(monitor, runtime, each, subject, occasion) for each in [*worsened, own]]
    news = founds if why is None else founds[:-1]
    changes = _kept(monitor, runtime, list(entries.values()), news, occasion=occasion)
    log.info("performance.verdict\n%s", _narrated(own, founds[-1]))
    for entry, found in zip(worsened, founds, strict=False):
        log.warning("performance.worsened\n%s", _narrated(entry, found))
    said = {**_small(own.verdict), "report": report_key(own.verdict.subject), "changes": brief(changes)}
    return said if why is None else {**said, "kept": why}


def _kept(
    monitor: Monitor,
    runtime: Runtime,
    entries: Sequence[LedgerEntry],
    founds: Sequence[Found],
    *,
    occasion: Occasion,
) -> list[Change]:
    """Put entries into the ledger, with what is told of some of them: the window's own last, which says most."""
    tellers = [teller_of(monitor, runtime, found, occasion) for found in founds]
    with runtime.store.transaction() as transaction:
        for entry in entries:
            transaction.put_performance(entry)
        changed = [
            record(transaction, reading_of(monitor, found), teller)
            for found, teller in zip(founds, tellers, strict=True)
        ]
    return [change for each in changed for change in each]


def _found(monitor: Monitor, runtime: Runtime, entry: LedgerEntry, subject: Json, occasion: Occasion) -> Found:
    verdict, report = entry.verdict, report_key(entry.verdict.subject)
    request = request_of(monitor, runtime, verdict, quiet=_quiet(verdict.subject, subject), now=occasion.now)
    return Found(verdict, entry.results, report, "performance", entry.restatement, request)


def _quiet(about: Subject, subject: Json) -> str:
    """Why a run does not request what the verdict on a window asks for; empty where it does."""
    former = succeeded(about.champion, subject["pinned"]["version"])
    return former or ("" if about.window == Window.from_json(subject["window"]) else NOT_ITS_OWN)


def _narrated(entry: LedgerEntry, found: Found) -> str:
    step = found.request.step(entry.verdict) if found.request else ""
    return narrate_performance(entry.restatement, entry.verdict, step=step)


def _alone(monitor: Monitor, runtime: Runtime, verdict: Verdict) -> Verdict:
    """Worse figures wake nobody without drift of the same window, where the policy asks for both."""
    if monitor.policy.page != "both" or verdict.outcome is not Outcome.DEGRADED:
        return verdict
    drift = [stored.verdict for stored in runtime.store.judgements(monitor.name, verdict.subject.window)]
    return verdict if any(map(stands_beside, drift)) else lowered(verdict, ALONE)


def _entry(
    monitor: Monitor, runtime: Runtime, measured: Measured, window: Window, *, run: Mapping[str, str]
) -> LedgerEntry:
    restated = measured.of(window)
    said, results = restated.restatement, restated.results
    verdict = _alone(monitor, runtime, decide_performance(monitor, said, results, measured.history(monitor, window)))
    hashes = {"figures": hashlib.sha256(said.dumps()).hexdigest()[:16], "config": said.config_hash}
    evidence = {**verdict.evidence, "hashes": hashes, "code_version": version("monitoring-tasks")}
    return LedgerEntry(said, results, replace(verdict, evidence=evidence), run)


def _is_worse(runtime: Runtime, entry: LedgerEntry, known_at: datetime) -> bool:
    """Whether a window is judged more severely than when it was judged last; one that never was is not.

    Only another champion or configuration may be what makes the difference then: such versions do not count.
    """
    about = entry.verdict.subject
    versions = runtime.store.restatements(about.monitor, about.window)
    last = [each for each in versions if each.restatement.known_at < known_at and each.verdict.subject == about]
    return bool(last) and entry.verdict.severity > last[-1].verdict.severity


def _small(verdict: Verdict) -> Json:
    """A verdict without the findings of its evidence, which may be many: they are in the ledger."""
    evidence = {name: value for name, value in verdict.evidence.items() if name != "findings"}
    return {**verdict.to_json(), "evidence": evidence}


def _dumps(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
