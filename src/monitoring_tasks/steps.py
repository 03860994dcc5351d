"""One function per Airflow task, free of Airflow: the DAGs and the command line both call these.

A step is a function of its monitor and window: the same input gives the same output, and what it writes replaces what
it wrote before. Between steps travels small JSON, the *subject*: monitor, champion, window, configuration hash.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from monitoring_tasks.alerts.delivery import Channel, alert_key, deliver
from monitoring_tasks.alerts.message import compose
from monitoring_tasks.champion import Pinned, load_importances, load_reference, pin_champion
from monitoring_tasks.checks import CheckResult, Status
from monitoring_tasks.data.parquet import ParquetRows
from monitoring_tasks.data.source import open_rows
from monitoring_tasks.data.sql import SqlRows
from monitoring_tasks.errors import SourceInvalid
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.policy.decision import Given, decide
from monitoring_tasks.policy.narrative import narrate
from monitoring_tasks.policy.verdict import Outcome, Subject, Verdict
from monitoring_tasks.profile.binning import binning_hash
from monitoring_tasks.profile.plan import Plan, join_samples
from monitoring_tasks.profile.profile import Profile, dumps, loads, merge
from monitoring_tasks.profile.scan import scan
from monitoring_tasks.report import report_key, run_folder
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.window import Window, preceding

log = logging.getLogger(__name__)
Json = dict[str, Any]
SAMPLE_ROWS = 5000


def open_window(monitor: Monitor, runtime: Runtime, window: Window) -> Json:
    """The subject of a run: the window, and the champion pinned for it."""
    pinned = pin_champion(monitor, runtime)
    subject = Subject(monitor.name, pinned.version, window, monitor.config_hash)
    log.info("window.opened monitor=%s window=%s champion=%s", monitor.name, window, pinned.version)
    return {**subject.to_json(), "pinned": pinned.to_json()}


def profile_window(monitor: Monitor, runtime: Runtime, subject: Json) -> Json:
    """Profile every row of the window: the sum of its pieces' profiles, of which known ones are not read again."""
    reference = load_reference(monitor, runtime, Pinned.from_json(subject["pinned"]))
    plan = Plan(reference.binning, id=monitor.id, timestamp=monitor.timestamp, sample_rows=SAMPLE_ROWS)
    rows = open_rows(monitor, runtime.connections)
    window = Window.from_json(subject["window"])
    pieces = [_piece(monitor, runtime, rows, plan, piece) for piece in window.pieces()]
    profile = merge([piece for piece, _ in pieces])
    folder = run_folder(Subject.from_json(subject))
    runtime.artifacts.write(f"{folder}/profile.json", dumps(profile))
    sample = join_samples([sample for _, sample in pieces], SAMPLE_ROWS)
    runtime.artifacts.write(f"{folder}/sample.parquet", _dump_table(sample))
    log.info("profile.written monitor=%s rows=%d pieces=%d", monitor.name, profile.rows, len(pieces))
    return {"rows": profile.rows, "profile": f"{folder}/profile.json", "sample_rows": sample.num_rows}


def _piece(
    monitor: Monitor, runtime: Runtime, rows: ParquetRows | SqlRows, plan: Plan, piece: Window
) -> tuple[Profile, pa.Table]:
    key = _piece_key(monitor, rows, plan, piece)
    profile, sample = runtime.artifacts.read(f"{key}.json"), runtime.artifacts.read(f"{key}.parquet")
    if profile is not None and sample is not None:
        return loads(profile), pq.read_table(io.BytesIO(sample))
    found = scan(rows, piece, plan)
    runtime.artifacts.write(f"{key}.parquet", _dump_table(found.sample))
    runtime.artifacts.write(f"{key}.json", dumps(found.profile))
    return found.profile, found.sample


def _piece_key(monitor: Monitor, rows: ParquetRows | SqlRows, plan: Plan, piece: Window) -> str:
    """Names a stored profile by all that shapes it: binning, source, columns, and the rows' own fingerprint."""
    binning = binning_hash(plan.binning)
    shape = [binning, plan.id, plan.timestamp, plan.sample_rows, monitor.source.model_dump(mode="json")]
    content = json.dumps([shape, rows.fingerprint(piece)], sort_keys=True).encode()
    day = f"{piece.start:%Y-%m-%dT%H%M%S}_{piece.end:%Y-%m-%dT%H%M%S}"
    return f"profiles/{monitor.name}/{binning}/{day}-{hashlib.sha256(content).hexdigest()[:16]}"


def _dump_table(table: pa.Table) -> bytes:
    stream = io.BytesIO()
    pq.write_table(table, stream, compression="zstd")
    return stream.getvalue()


def run_suites(monitor: Monitor, runtime: Runtime, subject: Json) -> Json:
    """Run Evidently's suites over the window's profile; keep snapshots, HTML report and check results."""
    # Evidently takes seconds to import: only the task that runs it pays.
    from monitoring_tasks import suites

    reference = load_reference(monitor, runtime, Pinned.from_json(subject["pinned"]))
    about = Subject.from_json(subject)
    folder = run_folder(about)
    profile = _stored_profile(runtime, about)
    outcome = suites.run_suites(
        suites.SuiteInput(monitor, about.window, reference, profile, _stored_sample(runtime, about), _labels(about)),
        script_href="../" * len(folder.split("/")) + f"scripts/{suites.SCRIPT_NAME}",
    )
    if not runtime.artifacts.exists(f"scripts/{suites.SCRIPT_NAME}"):
        runtime.artifacts.write(f"scripts/{suites.SCRIPT_NAME}", suites.script())
    for suite, snapshot in outcome.snapshots.items():
        runtime.artifacts.write(f"{folder}/{suite.value}.json", snapshot.encode())
    runtime.artifacts.write(report_key(about), outcome.html.encode())
    runtime.store.put_results(about, outcome.results, rows=profile.rows)
    counts = {status.value: sum(result.status is status for result in outcome.results) for status in Status}
    log.info("suites.run monitor=%s window=%s checks=%s", monitor.name, about.window, counts)
    return {"checks": counts, "report": report_key(about)}


def _labels(subject: Subject) -> dict[str, str]:
    return {"monitor": subject.monitor, "window": str(subject.window), "champion": subject.champion}


def _stored_profile(runtime: Runtime, subject: Subject) -> Profile:
    return loads(_required(runtime, f"{run_folder(subject)}/profile.json"))


def _stored_sample(runtime: Runtime, subject: Subject) -> pa.Table:
    return pq.read_table(io.BytesIO(_required(runtime, f"{run_folder(subject)}/sample.parquet")))


def _required(runtime: Runtime, key: str) -> bytes:
    content = runtime.artifacts.read(key)
    if content is None:
        raise SourceInvalid(f"artifact {key} is gone: run the profile task of this window again")
    return content


def reach_verdict(monitor: Monitor, runtime: Runtime, subject: Json, *, run: Mapping[str, str]) -> Json:
    """Judge the window by its results and those of the windows before; the verdict is stored and returned."""
    about, pinned = Subject.from_json(subject), Pinned.from_json(subject["pinned"])
    results = runtime.store.results(about) or []
    profile = _stored_profile(runtime, about)
    given = Given(
        results=results,
        rows=profile.rows,
        history=_history(monitor, runtime, subject),
        importances=load_importances(monitor, runtime, pinned),
        evidence=_evidence(about, pinned, profile),
    )
    verdict = decide(monitor, about, given)
    runtime.artifacts.write(f"{run_folder(about)}/verdict.json", verdict.dumps())
    noted = {**run, **({"stale_champion": pinned.stale} if pinned.stale else {})}
    runtime.store.put(verdict, results, report=report_key(about), run=noted)
    log.info("verdict.reached\n%s", narrate(verdict, results))
    return {**verdict.to_json(), "report": report_key(about)}


def _evidence(subject: Subject, pinned: Pinned, profile: Profile) -> Json:
    hashes = {
        "data": hashlib.sha256(dumps(profile)).hexdigest()[:16],
        "reference": pinned.content_hash[:16],
        "binning": profile.binning,
        "config": subject.config_hash,
    }
    return {"hashes": hashes, "code_version": version("monitoring-tasks")}


def _history(monitor: Monitor, runtime: Runtime, subject: Json) -> list[list[CheckResult] | None]:
    """Results of the windows before, newest first.

    A window that was never judged is judged now, so that the verdict depends on the data alone and not on the order
    in which windows happened to be computed.
    """
    window = Window.from_json(subject["window"])
    earlier = preceding(monitor.schedule, window, count=monitor.policy.persistence.of - 1)
    return [
        _results_of(monitor, runtime, subject, before) for before in earlier if before.start >= monitor.first_moment
    ]


def _results_of(monitor: Monitor, runtime: Runtime, subject: Json, window: Window) -> list[CheckResult] | None:
    then = {**subject, "window": window.to_json()}
    about = Subject.from_json(then)
    results = runtime.store.results(about)
    if results is None:
        try:
            profile_window(monitor, runtime, then)
        except SourceInvalid as error:
            log.warning("history.unreadable monitor=%s window=%s reason=%s", monitor.name, window, error)
            return None
        run_suites(monitor, runtime, then)
        results = runtime.store.results(about)
    return results if results and _has_rows(results) else None


def _has_rows(results: Sequence[CheckResult]) -> bool:
    return any(result.check == "row_count" and result.value for result in results)


def send_alert(
    runtime: Runtime,
    verdict: Json,
    *,
    silent: bool,
    links: Mapping[str, str],
    channels: Sequence[Channel],
) -> Json:
    """Tell people about a verdict; silently (a backfill) it is only recorded that they would have been told."""
    judged = Verdict.from_json(verdict)
    results = runtime.store.results(judged.subject) or []
    message = compose(judged, results, links=links)
    records = deliver(message, key=alert_key(judged), channels=channels, store=runtime.store, silent=silent)
    return {"alerts": [{"channel": record.channel, "state": record.state} for record in records]}


def needs_alert(monitor: Monitor, verdict: Json) -> bool:
    """Whether a verdict is told to people: it is not healthy, and severe enough for the monitor's routes."""
    judged = Verdict.from_json(verdict)
    return judged.outcome is not Outcome.HEALTHY and judged.severity >= monitor.alerts.least
