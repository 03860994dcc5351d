"""What a run of a retraining's DAG was asked for: a pure function of what Airflow says about the run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.orchestration.run_window import BACKFILL, RunFacts
from monitoring_tasks.policy.verdict import Outcome
from monitoring_tasks.window import last_tick, parse_moment, stamp

REASON, WINDOW_END, BASE, FORCE = "reason", "window_end", "base_revision", "force"
ROLLBACK, CHALLENGER = "rollback", "challenger"
PREVIOUS = "previous"
SCHEDULED, BY_OPERATOR = "scheduled", "operator_triggered"
BY_ALERT = "alert "
"""How the reason of a run begins that an alert of Prometheus asked for."""


def origin_of(facts: RunFacts) -> str:
    """What asked for the run: drift, performance, again, alert, schedule, rollback, backfill or manual."""
    if _text(facts, ROLLBACK) and facts.run_type != BACKFILL:
        return "rollback"
    if facts.run_type == BY_OPERATOR:
        worse = (_text(facts, REASON) or "").startswith(f"{Outcome.DEGRADED} ")
        return "again" if _text(facts, CHALLENGER) else "performance" if worse else "drift"
    by_hand = "alert" if (_text(facts, REASON) or "").startswith(BY_ALERT) else "manual"
    return {SCHEDULED: "schedule", BACKFILL: "backfill"}.get(facts.run_type, by_hand)


def reason_of(facts: RunFacts) -> str:
    """The reason given in the form, or what is known about it.

    >>> reason_of(RunFacts("scheduled", run_after=parse_moment("2013-08-01")))
    'asked for by schedule'
    """
    return _text(facts, REASON) or f"asked for by {origin_of(facts)}"


def window_end_of(monitor: Monitor, facts: RunFacts) -> datetime:
    """The moment up to which rows are used: the one of the form, the end of the run's interval, or the last tick."""
    given = _text(facts, WINDOW_END)
    if given:
        moment = parse_moment(given)
        if moment.microsecond:
            raise ConfigurationError(f"{WINDOW_END} {stamp(moment)} has fractions of a second: give whole seconds")
        return moment
    if facts.run_type == SCHEDULED and facts.interval_end is not None:
        return facts.interval_end
    return last_tick(monitor.schedule, facts.run_after)


def base_of(facts: RunFacts) -> str | None:
    """The revision to train from that the form names; None when it names none."""
    return _text(facts, BASE)


def challenger_of(facts: RunFacts) -> str | None:
    """The challenger that is only compared anew; None when one is trained."""
    return _text(facts, CHALLENGER)


def rollback_of(facts: RunFacts) -> str | None:
    """The version to roll back to; None for the one before the champion."""
    wanted = _text(facts, ROLLBACK)
    return None if wanted == PREVIOUS else wanted


def forced(facts: RunFacts) -> bool:
    """Whether cooldown, budget and unchanged data are to be overridden."""
    return bool((facts.params or {}).get(FORCE))


def _text(facts: RunFacts, name: str) -> str | None:
    value: Any = (facts.params or {}).get(name)
    return str(value).strip() or None if value is not None else None


def retraining_facts(facts: RunFacts, params: Mapping[str, Any]) -> RunFacts:
    """The facts of a run with the fields of the retraining's form."""
    names = (REASON, WINDOW_END, BASE, FORCE, ROLLBACK, CHALLENGER)
    return RunFacts(
        run_type=facts.run_type,
        run_after=facts.run_after,
        interval_start=facts.interval_start,
        interval_end=facts.interval_end,
        params={name: params.get(name) for name in names},
    )
