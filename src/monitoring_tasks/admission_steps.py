"""The first task of a retraining: whether a challenger is trained, on which rows, and which rows will compare it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from monitoring_tasks.champion import champion_file
from monitoring_tasks.data.labelled import fingerprint_labelled, read_labelled
from monitoring_tasks.errors import ConfigurationError, PromotionRefused, ReferenceInvalid
from monitoring_tasks.kept import dump_table
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.policy.verdict import Action
from monitoring_tasks.retraining.admission import Admission, admit
from monitoring_tasks.retraining.names import retraining_folder
from monitoring_tasks.retraining.parameters import read_parameter
from monitoring_tasks.retraining.registry import Champion, find_champion
from monitoring_tasks.retraining.repository import admissible
from monitoring_tasks.retraining_task import allowed_source, champion_source, lapse_of, retraining_of, task_json
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.store.records import REPLACED, RetrainingRecord
from monitoring_tasks.window import Window, parse_moment, stamp

log = logging.getLogger(__name__)
Json = dict[str, Any]
PARAMETERS = "params.yaml"


@dataclass(frozen=True)
class Asked:
    """What was asked for: by whom, why, and with rows up to which moment.

    `base` is a revision to train from instead of the champion's; `challenger` one that is trained already and is only
    compared anew. `silent` marks a backfill, which trains nothing.
    """

    run: str
    origin: str
    reason: str
    window_end: datetime
    requested_by: str | None = None
    force: bool = False
    base: str | None = None
    challenger: str | None = None
    silent: bool = False


class Refused(Exception):
    """A retraining is not admitted."""

    def __init__(self, admission: Admission) -> None:
        super().__init__(admission.reason)
        self.admission = admission


def admit_retraining(
    monitor: Monitor, runtime: Runtime, asked: Asked, *, now: datetime, ended: Callable[[str], bool]
) -> Json:
    """Whether a challenger is trained. Champion, windows and rows are pinned here for the whole run.

    A refusal is an outcome, not an error: it is recorded with its reason, and told. `ended` says whether another run
    is over, so that one that died does not stay open for ever.
    """
    _close_dead(monitor, runtime, asked.run, ended, now)
    record, rows, base = _blank(monitor, runtime, asked, now), 0, ""
    try:
        _refuse_at_once(monitor, asked, now)
        champion = find_champion(*allowed_source(monitor))
        base = _base(monitor, asked, champion)
        record = _planned(monitor, runtime, record, champion, made=_making(monitor, runtime, record, champion))
        _refuse_by_history(monitor, runtime, asked, record)
        rows = _keep_rows(monitor, runtime, record)
        _open(monitor, runtime, record)
    except Refused as refused:
        return _refusal(runtime, record, refused.admission, now)
    log.info("retraining.admitted run=%s training=%s evaluation=%s", record.run, record.training, record.evaluation)
    return {**task_json(record, base=base), "admitted": True, "code": "admitted", "rows": rows}


def open_rollback(
    monitor: Monitor, runtime: Runtime, asked: Asked, *, now: datetime, ended: Callable[[str], bool]
) -> Json:
    """Record that an older version is to be put in place of the present one; refused while a retraining is under way.

    `ended` is as for `admit_retraining`.
    """
    _close_dead(monitor, runtime, asked.run, ended, now)
    champion = find_champion(*allowed_source(monitor))
    record = replace(_blank(monitor, runtime, asked, now), champion={**asdict(champion), "version": champion.version})
    try:
        _open(monitor, runtime, record)
    except Refused as refused:
        return _refusal(runtime, record, refused.admission, now)
    return {**task_json(record, base=""), "admitted": False, "code": "rollback", "rows": 0}


def _refusal(runtime: Runtime, record: RetrainingRecord, found: Admission, now: datetime) -> Json:
    log.info("retraining.refused run=%s code=%s reason=%s", record.run, found.code, found.reason)
    runtime.store.put_retraining(replace(record, state="refused", outcome=found.reason, closed_at=now))
    return {**task_json(record, base=""), "admitted": False, "code": found.code, "reason": found.reason}


def _close_dead(monitor: Monitor, runtime: Runtime, run: str, ended: Callable[[str], bool], now: datetime) -> None:
    for record in runtime.store.retrainings(monitor.name):
        if record.open and record.run != run and ended(record.run):
            log.warning("retraining.dead run=%s state=%s", record.run, record.state)
            outcome = f"its run ended while it was {record.state}"
            runtime.store.put_retraining(replace(record, state="failed", outcome=outcome, closed_at=now))


def _blank(monitor: Monitor, runtime: Runtime, asked: Asked, now: datetime) -> RetrainingRecord:
    before = runtime.store.retraining(monitor.name, asked.run)
    if before and before.state in REPLACED:
        raise PromotionRefused(f"run {before.run} is done: {before.outcome}; trigger a new run, do not clear this one")
    # The moment of the first try dates the commit that a training makes: a repeated one makes the same.
    requested_at = before.requested_at if before else now.astimezone(UTC).replace(microsecond=0)
    return RetrainingRecord(
        monitor=monitor.name,
        run=asked.run,
        origin=asked.origin,
        reason=asked.reason,
        state="requested",
        requested_at=requested_at,
        window_end=asked.window_end,
        requested_by=asked.requested_by,
        challenger=asked.challenger,
    )


def _refuse_at_once(monitor: Monitor, asked: Asked, now: datetime) -> None:
    """What needs no look at data or repository."""
    if asked.silent:
        raise Refused(Admission(False, "backfill", "a backfill trains nothing: trigger one run by hand"))
    if asked.window_end > now:
        text = f"the rows up to {stamp(asked.window_end)} are not there yet, it is {stamp(now)}: ask for an earlier end"
        raise Refused(Admission(False, "future", text))
    if asked.window_end <= monitor.first_moment:
        text = (
            f"{stamp(asked.window_end)} is not after {stamp(monitor.first_moment)}, where monitor {monitor.name} starts"
        )
        raise Refused(Admission(False, "too_early", f"{text}: ask for a later end"))


def _base(monitor: Monitor, asked: Asked, champion: Champion) -> str:
    """The commit to train from: the one asked for, the tip of the configured branch, or the champion's own."""
    branch = retraining_of(monitor).pipeline.branch
    wanted = asked.base or branch
    if wanted is None:
        return champion.revision
    repository, model = champion_source(monitor)
    return admissible(repository, wanted, model=model, branch=branch)


def _making(
    monitor: Monitor, runtime: Runtime, record: RetrainingRecord, champion: Champion
) -> RetrainingRecord | None:
    """The retraining that trained the challenger which is only to be compared; None when one is to be trained."""
    if record.challenger is None:
        return None
    if record.challenger == champion.revision:
        text = f"{record.challenger} is the champion ({champion.version}): there is nothing to compare"
        raise Refused(Admission(False, "is_champion", text))
    # Only a training publishes a branch: a record that merely repeats what a form asked for vouches for nothing.
    trained = [other for other in runtime.store.retrainings(monitor.name) if other.branch and other.training]
    for other in trained:
        if other.challenger == record.challenger and other.run != record.run:
            return other
    text = f"{record.challenger} was made by no retraining of {monitor.name}: leave the field challenger empty"
    raise Refused(Admission(False, "unknown_challenger", text))


def _planned(
    monitor: Monitor,
    runtime: Runtime,
    record: RetrainingRecord,
    champion: Champion,
    *,
    made: RetrainingRecord | None,
) -> RetrainingRecord:
    """The record with champion and windows: the rows that the gate reads are newer than both trainings."""
    section = retraining_of(monitor)
    began, trained_until = _trained_on(monitor, runtime, champion)
    labels_until = record.window_end - (monitor.labels.delay if monitor.labels else timedelta())
    end = labels_until - section.evaluation_window
    start = end - section.training_window if section.training_window else began
    training = (made and made.training) or _window(start, end, "training", champion)
    unseen = max(end, trained_until, training.end)
    return replace(
        record,
        champion={**asdict(champion), "version": champion.version},
        training=training,
        evaluation=_window(unseen, labels_until, "evaluation", champion),
        snapshot=fingerprint_labelled(monitor, runtime.connections, training),
    )


def _trained_on(monitor: Monitor, runtime: Runtime, champion: Champion) -> tuple[datetime, datetime]:
    """First and last moment of the champion's own training, by its parameters."""
    keys = retraining_of(monitor).pipeline.parameters
    text = champion_file(monitor, runtime, champion.revision, PARAMETERS).read_text(encoding="utf-8")
    start = _moment(read_parameter(text, keys.start), keys.start) if keys.start else monitor.first_moment
    return start, _moment(read_parameter(text, keys.end), keys.end)


def _moment(value: object, key: str) -> datetime:
    try:
        return parse_moment(str(value))
    except ConfigurationError as error:
        raise ReferenceInvalid(f"{key} in the champion's {PARAMETERS} is {value!r}, no date or moment") from error


def _window(start: datetime, end: datetime, name: str, champion: Champion) -> Window:
    if start < end:
        return Window(start, end)
    text = (
        f"the {name} window would be empty ({stamp(start)} to {stamp(end)}): the gate needs rows newer than the "
        f"training of champion {champion.version}; ask again with a later window_end"
    )
    raise Refused(Admission(False, "too_early", text))


def _refuse_by_history(monitor: Monitor, runtime: Runtime, asked: Asked, record: RetrainingRecord) -> None:
    # One that is open is refused by the store when this one is opened: only there its lapse is known.
    past = [other for other in runtime.store.retrainings(monitor.name) if not other.open]
    found = admit(
        retraining_of(monitor),
        record,
        past=past,
        blocked=_faults(monitor, runtime, record.window_end),
        force=asked.force or asked.challenger is not None,
    )
    if not found.admitted:
        raise Refused(found)


def _faults(monitor: Monitor, runtime: Runtime, until: datetime) -> list[str]:
    """Why the data of the newest window judged before `until` must not be learnt; empty when nothing is known of it."""
    judged = [stored.verdict for stored in runtime.store.verdicts(monitor.name)]
    newest = max((v for v in judged if v.subject.window.end <= until), key=lambda v: v.subject.window.end, default=None)
    if newest is None or Action.BLOCK_RETRAINING not in newest.actions:
        return []
    return [f"window {newest.subject.window}: {reason}" for reason in newest.reasons]


def _keep_rows(monitor: Monitor, runtime: Runtime, record: RetrainingRecord) -> int:
    """Keep the rows that will compare champion and challenger; too few of them spare a training."""
    assert record.evaluation is not None
    found = read_labelled(monitor, runtime.connections, record.evaluation, known_at=record.window_end)
    least = retraining_of(monitor).gate.minimum_rows
    log.info(
        "gate.rows evaluation=%s predictions=%d labelled=%d orphans=%d duplicates=%d",
        record.evaluation,
        found.predictions,
        found.labelled,
        found.orphans,
        found.duplicates,
    )
    if found.labelled < least:
        text = (
            f"{found.labelled} of {found.predictions} predictions of {record.evaluation} have a label, the gate needs "
            f"{least} (retraining.gate.minimum_rows): wait for labels, or widen retraining.evaluation_window"
        )
        raise Refused(Admission(False, "too_few_labels", text))
    key = f"{retraining_folder(record.monitor, record.run)}/rows.parquet"
    runtime.artifacts.write(key, dump_table(found.rows))
    return found.labelled


def _open(monitor: Monitor, runtime: Runtime, record: RetrainingRecord) -> None:
    """Open the retraining in the store; one model has one at a time."""
    standing, ours = runtime.store.open_retraining(record, lapse=lapse_of(monitor))
    if not ours:
        text = f"retraining {standing.run} of {monitor.name} is {standing.state} since {stamp(standing.requested_at)}"
        raise Refused(Admission(False, "open", f"{text}: let it end, or end it in Airflow"))
