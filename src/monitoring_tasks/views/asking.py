"""What somebody is told before asking for a retraining or a rollback: what would become of it, and what it changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from monitoring_tasks.policy.verdict import Action, Verdict
from monitoring_tasks.retraining.admission import Admission, admit
from monitoring_tasks.retraining_section import Retraining
from monitoring_tasks.store.board import Head, Version
from monitoring_tasks.store.records import RetrainingRecord
from monitoring_tasks.views.words import day, span
from monitoring_tasks.window import Window, in_words


def outlook(
    section: Retraining, monitor: str, past: Sequence[RetrainingRecord], newest: Verdict | None, *, window_end: datetime
) -> Admission:
    """What the first task of a retraining would say now, by what is stored: it looks at the rows as well.

    `newest` is the verdict on the newest window, whose data may have faults that must not be learnt.
    """
    asked = RetrainingRecord(monitor, "", "manual", "", "requested", requested_at=window_end, window_end=window_end)
    blocked = newest.reasons if newest and Action.BLOCK_RETRAINING in newest.actions else ()
    return admit(section, asked, past=past, blocked=blocked)


def limits_of(section: Retraining, past: Sequence[RetrainingRecord]) -> list[tuple[str, str]]:
    """The cooldown and budget of a model's retrainings, and the last that was not refused, as names and texts."""
    last = next((each for each in past if each.state != "refused" and each.origin != "rollback"), None)
    said = f"{last.state} with rows up to {day(last.window_end)}" if last else "none yet"
    return [
        ("Last training", said.replace("_", " ")),
        ("Cooldown", in_words(section.cooldown)),
        ("Budget", f"{section.budget.trainings} trainings in {in_words(section.budget.period)}"),
    ]


@dataclass(frozen=True)
class Standing:
    """The champions of a model by what is stored: the one in use, and those before it, the last first, as they ended.

    `known_by` says how it is known which is in use: by the newest window, or by what was put in place since.
    """

    champion: str
    known_by: str
    earlier: tuple[tuple[str, Window], ...]


def standing_of(
    newest: Head | None, versions: Sequence[Version], promotions: Sequence[RetrainingRecord]
) -> Standing | None:
    """The champions of a model: by its newest window, by who judged its windows, and by its promotions, newest first.

    None before its first window. A promotion after the newest judgement was put in place since.
    """
    if newest is None:
        return None
    since = next((each for each in promotions if each.closed_at and each.closed_at > newest.written_at), None)
    champion = (since and since.placed) or newest.subject.champion
    earlier = tuple((each.champion, each.last) for each in versions if each.champion != champion)
    known_by = since.outcome if since else f"in use in the newest window, {span(newest.subject.window)}"
    return Standing(champion, known_by, earlier)
