"""Verdicts and check results to store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import update

from monitoring_tasks.canary.report import CanaryReport, FaultRecall
from monitoring_tasks.checks import Check, CheckResult, Evidence, Status, Suite
from monitoring_tasks.incidents.incident import Incident, Member, Mute, State
from monitoring_tasks.incidents.reading import Cause, Reading, Signal
from monitoring_tasks.performance.record import (
    Against,
    Estimated,
    Figure,
    Interval,
    Maturity,
    Operating,
    Restatement,
)
from monitoring_tasks.policy.verdict import Action, Outcome, Subject, Verdict
from monitoring_tasks.severity import Severity
from monitoring_tasks.store.database import Store
from monitoring_tasks.store.ledger import LedgerEntry
from monitoring_tasks.store.records import Letter, RetrainingRecord, Transition
from monitoring_tasks.store.schema import RETRAININGS
from monitoring_tasks.window import Window

HOSTILE = [
    'it\'s "quoted"; DROP TABLE monitoring_subjects; --',
    "Grüße 東京 🛫 \u202egnirts",
    "line\nbreak\ttab\r\x1b[31m",
    "nul\0inside",
    "back\\slash \\0 \\\\ %s %(name)s :name {brace}",
    "x" * 10_000,
    "".join(chr(0x4E00 + (7919 * place) % 20_000) for place in range(10_000)),
    "",
]


NOON = datetime(2013, 6, 10, 12, tzinfo=UTC)


def window(day: int, width: int = 1) -> Window:
    """A window that starts on the given day after 2013-06-01 and is `width` days wide."""
    start = datetime(2013, 6, 1, tzinfo=UTC) + timedelta(days=day)
    return Window(start, start + timedelta(days=width))


def subject(day: int = 0, **changes: Any) -> Subject:
    """A subject on the given day."""
    fields = {"monitor": "flight_delay", "champion": "v1.0.0-3f2a9c1b", "window": window(day), "config_hash": "c0ffee"}
    return Subject(**{**fields, **changes})


def verdict(day: int = 0, outcome: Outcome = Outcome.DRIFTED, **changes: Any) -> Verdict:
    """A verdict with awkward evidence on the given day."""
    evidence = {"rows": 6543, "code_version": "0.1.0", "share": 0.1 + 0.2, "columns": ["temp", "de\0st", "Zürich"]}
    reasons = ("temp: severe drift, psi 8.4 against 0.2", "dest: it's 'odd' \0 & <b>")
    actions = (Action.ALERT, Action.RETRAIN)
    return Verdict(subject(day, **changes), outcome, Severity.HIGH, actions, reasons, {**evidence, "nested": evidence})


def results() -> list[CheckResult]:
    """Check results of every shape: with and without column, number, method and summaries."""
    return [
        CheckResult(Suite.DATA_QUALITY, Check.ROW_COUNT, Status.PASSED, value=6543, threshold=500),
        CheckResult(
            Suite.DATA_DRIFT,
            Check.DRIFT,
            Status.FAILED,
            "temp",
            "psi",
            0.1 + 0.2,
            5e-324,
            large=True,
            severe=True,
            reference={"mean": 36.52, "top": [["z", 0.5], ["a", 0.25]]},
            current={"mean": None, "na\0me": "1e308"},
            evidence=Evidence(p_value=5e-324, adjusted=None, effect=0.1 + 0.2, floor=0.05),
            season="Sundays of the reference",
            cause="te\0mp: it's 'odd' & <b>",
        ),
        CheckResult(Suite.DATA_DRIFT, Check.DRIFT, Status.UNDECIDED, "dest", "js", detail="no values in the window"),
        CheckResult(Suite.PREDICTION_DRIFT, Check.DRIFT, Status.FAILED, "score", "wasserstein", 1.7e308, 0.2),
    ]


def signal(text: str = "temp", cause: Cause = Cause.DATA_QUALITY) -> Signal:
    """A signal whose texts are all the given one."""
    return Signal(cause, Severity.HIGH, (text, "second"), (text,), (text,), (text,), text)


def reading(day: int = 0, *signals: Signal, **changes: Any) -> Reading:
    """A reading of the given day at its end."""
    fields: dict[str, Any] = {
        "monitor": "flight_delay",
        "owner": "growth",
        "dag_id": "monitor_flight_delay",
        "stream": "drift",
        "window": window(day),
        "tick": window(day).end,
        "covers": frozenset({Cause.DATA_QUALITY, Cause.DRIFT}),
        "signals": signals,
    }
    return Reading(**{**fields, **changes})


def member(monitor: str = "flight_delay", day: int = 0, text: str = "temp") -> Member:
    """The part of a monitor in an incident, since the given day."""
    return Member(monitor, monitor, text, Severity.HIGH, (text,), window(day), window(day + 1), 2, 1, window(day + 2))


def incident(id: str = "i1", day: int = 0, text: str = "temp", **changes: Any) -> Incident:
    """A muted incident that was opened at the end of the given day."""
    moment = window(day).end
    fields: dict[str, Any] = {
        "id": id,
        "cause": Cause.DATA_QUALITY,
        "state": State.MUTED,
        "severity": Severity.LOW,
        "told": Severity.MEDIUM,
        "worst": Severity.HIGH,
        "topics": ("data_quality",),
        "anchors": (text,),
        "columns": (text,),
        "reasons": (text,),
        "members": (member(day=day, text=text),),
        "opened": moment,
        "spoken": moment + timedelta(days=1),
        "number": 3,
        "mute": Mute(moment + timedelta(days=9, microseconds=1), text, text, Severity.LOW),
    }
    return Incident(**{**fields, **changes})


def resolved(id: str = "i1", day: int = 0) -> Incident:
    """An incident that has ended."""
    end = {"state": State.RESOLVED, "mute": None, "resolved": window(day + 3).end, "resolution": "the run succeeded"}
    return incident(id, day, **end)


def transition(position: int = 1, incident: str = "i1", **changes: Any) -> Transition:
    """Something that happened to an incident, by a person."""
    fields: dict[str, Any] = {
        "event": "muted",
        "state": "muted",
        "severity": Severity.HIGH,
        "tick": window(0).end,
        "at": window(0).end + timedelta(hours=6, microseconds=7),
        "by": "ann",
        "reason": "a known fault",
    }
    return Transition(incident, position, **{**fields, **changes})


def letter(position: int = 1, incident: str = "i1", channel: str = "slack:c:#ml", **changes: Any) -> Letter:
    """A letter about an incident, written and due so many minutes after `NOON` as its position says."""
    moment = NOON + timedelta(minutes=position)
    event = str(changes.get("event", "opened"))
    fields: dict[str, Any] = {
        "key": f"{incident}-{position}-{event}",
        "event": event,
        "severity": Severity.HIGH,
        "monitors": ("flight_delay", "other"),
        "body": {"title": "temp is missing", "lines": ["since \0 & <b>"], "links": {}},
        "created_at": moment,
        "due_at": moment,
    }
    return Letter(channel=channel, incident=incident, position=position, **{**fields, **changes})


def retraining(run: str = "r1", day: int = 20, **changes: Any) -> RetrainingRecord:
    """A retraining asked for on the given day after 2013-06-01."""
    end = window(day).start
    fields: dict[str, Any] = {
        "monitor": "flight_delay",
        "run": run,
        "origin": "drift",
        "reason": "temp: severe drift \0 & <b>",
        "state": "requested",
        "requested_at": end + timedelta(hours=6, microseconds=7),
        "window_end": end,
        "requested_by": "admin",
        "champion": {"version": "v1.0.0-3f2a9c1b", "number": 2, "revision": "3f2a9c1b", "tag": None},
        "training": window(0, 10),
        "evaluation": window(10, day - 10),
        "snapshot": "c0ffee",
    }
    return RetrainingRecord(**{**fields, **changes})


def restated(day: int = 0, *, after: int = 1, **changes: Any) -> Restatement:
    """The window of the given day after 2013-06-01, as known so many days after its end."""
    against = {"champion": Against(0.7, 0.03, 0.02, False, 0.01, 0.03, "failed")}
    figures = (
        Figure("auc", "", 900, Interval(0.67, 0.6, 0.7), Interval(0.66, 0.6, 0.7), None, against),
        Figure("auc", f"carrier={HOSTILE}", 0, Interval(None), None, Estimated(Interval(0.7), "no"), {}, "one class"),
    )
    fields: dict[str, Any] = {
        "monitor": "flight_delay",
        "champion": "v1.0.0-3f2a9c1b",
        "window": window(day),
        "config_hash": "c0ffee",
        "known_at": window(day).end + timedelta(days=after),
        "maturity": Maturity(1000, 900, 950, 1, 2),
        "figures": figures,
        "operating": Operating(4.0, 9.0, 20.0, 41.5, 0.0),
        "notes": ("as told",),
    }
    return Restatement(**{**fields, **changes})


def entry(day: int = 0, *, after: int = 1, **changes: Any) -> LedgerEntry:
    """An entry whose verdict is degraded."""
    said = restated(day, after=after, **changes)
    of = Subject(said.monitor, said.champion, said.window, said.config_hash)
    result = CheckResult(Suite.PERFORMANCE, Check.CHAMPION_DROP, Status.FAILED, "auc", value=0.66, threshold=0.68)
    reached = Verdict(of, Outcome.DEGRADED, Severity.HIGH, reasons=("auc fell",))
    return LedgerEntry(said, (result, replace(result, segment="carrier=UA")), reached, {"run_id": HOSTILE})


def canary(day: int = 0, **changes: Any) -> CanaryReport:
    """A report on the window of the given day after 2013-06-01."""
    fields: dict[str, Any] = {
        "monitor": "flight_delay",
        "champion": "v1.0.0-3f2a9c1b",
        "config_hash": "c0ffee",
        "window": window(day),
        "rows": 5000,
        "of_rows": 10**10,
        "drawn_from": 7000,
        "faults": (
            FaultRecall("mean_25", "mean .25 sd higher", "temp", 7, (1, None, 3), expected=True),
            FaultRecall("renamed", "a category renamed", None, 7),
        ),
        "clean_windows": 140,
        "false_alarms": ("drift of temp",),
        "allowed_alarms": 4,
        "standing": ("drift of de\0st",),
    }
    return CanaryReport(**{**fields, **changes})


def write_back(store: Store, age: timedelta) -> None:
    """Pretend that the stored retrainings were written `age` ago."""
    with store._engine.connect().execution_options(writes=True) as connection, connection.begin():
        connection.execute(update(RETRAININGS).values(written_at=datetime.now(UTC) - age))
