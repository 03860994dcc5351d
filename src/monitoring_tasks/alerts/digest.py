"""The daily digest: what nobody was paged for, in one message to each channel. Pure functions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from itertools import groupby

from monitoring_tasks.alerts.message import TITLE_LIMIT, Message, one_line
from monitoring_tasks.store.records import Letter
from monitoring_tasks.window import stamp

DIGEST = "digest"
"""The event of a letter that holds others."""
LINES, MONITORS = 16, 6
"""So many incidents and notices, and so many monitors with their counts, are shown: the rest is counted."""


def digest_letter(channel: str, letters: Sequence[Letter], *, now: datetime) -> Letter:
    """The letter that tells a channel what stands in `letters`, at least one of them.

    Its key follows from the channel and the letters, so that whoever bundles the same ones writes the same letter.
    """
    due = max(letter.due_at for letter in letters)
    message = compose_digest(letters, due.date())
    return Letter(
        key=digest_key(channel, letters, due),
        channel=channel,
        incident="",
        position=0,
        event=DIGEST,
        severity=message.severity,
        monitors=_monitors(letters),
        body=message.to_json(),
        created_at=now,
        due_at=due,
    )


def digest_key(channel: str, letters: Sequence[Letter], due: datetime) -> str:
    """What tells a digest from every other: its channel, what stands in it, and when it is due."""
    about = "\n".join([channel, *sorted(letter.key for letter in letters)])
    return f"{DIGEST}-{hashlib.sha256(about.encode()).hexdigest()[:16]}-{stamp(due)}"


def compose_digest(letters: Sequence[Letter], day: date) -> Message:
    """One line for each incident and notice, those of a monitor together, the worst first, in at most a screen.

    Raises `ValueError` without letters: there is nothing to tell.
    """
    if not letters:
        raise ValueError("a digest of no letters: ask for those that are due first")
    subjects = _ranked(_subjects(letters))
    hidden = len(subjects) - LINES
    more = (f"and {hidden} more: `monitoring alerts` lists them",) if hidden > 0 else ()
    return Message(
        severity=max(letter.severity for letter in letters),
        title=one_line(f"Digest of {day.isoformat()}: {_counts(subjects)}", TITLE_LIMIT),
        headline=("Nobody was paged for what stands here.",),
        facts={"monitors": _by_monitor(subjects)},
        lines=(*(_line(subject) for subject in subjects[:LINES]), *more),
    )


def _subjects(letters: Iterable[Letter]) -> list[list[Letter]]:
    """Letters about one incident together, in their order; what concerns no incident stands alone."""

    def name(letter: Letter) -> tuple[str, str]:
        return letter.incident, "" if letter.incident else letter.key

    ordered = sorted(letters, key=lambda letter: (*name(letter), letter.position, letter.key))
    return [list(group) for _, group in groupby(ordered, name)]


def _ranked(subjects: Iterable[list[Letter]]) -> list[list[Letter]]:
    by_monitor: dict[tuple[str, ...], list[list[Letter]]] = {}
    for subject in subjects:
        by_monitor.setdefault(subject[-1].monitors, []).append(subject)
    groups = [sorted(group, key=_urgency) for _, group in sorted(by_monitor.items())]
    return [subject for group in sorted(groups, key=lambda group: _urgency(group[0])[0]) for subject in group]


def _urgency(subject: Sequence[Letter]) -> tuple[int, datetime, str]:
    return -max(letter.severity for letter in subject), subject[0].created_at, subject[0].key


def _line(subject: Sequence[Letter]) -> str:
    body = subject[-1].body
    reasons = body.get("lines") or [""]
    events = dict.fromkeys(letter.event for letter in subject)
    told = f" ({', '.join(events)})" if len(events) > 1 else ""
    title = one_line(str(body.get("title") or subject[-1].key), TITLE_LIMIT)
    return one_line(f"{title}{told}" + (f": {reasons[0]}" if reasons[0] else ""))


def _counts(subjects: Sequence[Sequence[Letter]]) -> str:
    incidents = sum(bool(subject[0].incident) for subject in subjects)
    counts = {"incident": incidents, "notice": len(subjects) - incidents}
    return " and ".join(_several(count, word) for word, count in counts.items() if count)


def _by_monitor(subjects: Sequence[Sequence[Letter]]) -> str:
    counts: dict[str, int] = {}
    for subject in subjects:
        for name in subject[-1].monitors:
            counts[name] = counts.get(name, 0) + 1
    shown = [f"{name} {count}" for name, count in list(counts.items())[:MONITORS]]
    more = [f"and {len(counts) - MONITORS} more"] if len(counts) > MONITORS else []
    return one_line(", ".join([*shown, *more])) or "none"


def _several(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _monitors(letters: Iterable[Letter]) -> tuple[str, ...]:
    return tuple(sorted({name for letter in letters for name in letter.monitors}))
