"""The drift heat map: columns by windows, the worst column first, as rows of an HTML table.

A page has thousands of cells. They are written as text here, everything from outside escaped once, for a template
would take longer over them than the database over their scores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup, escape

from monitoring_tasks.checks import Status
from monitoring_tasks.policy.verdict import Outcome
from monitoring_tasks.scores import ColumnScore, Role
from monitoring_tasks.store.board import Head
from monitoring_tasks.views.plots import UNKNOWN
from monitoring_tasks.views.ranges import place
from monitoring_tasks.views.timeline import Mark, Strip, Timeline
from monitoring_tasks.views.words import ORDINARY, day, number, span, spoken
from monitoring_tasks.window import Window

PAGE = 40
"""So many columns are on a page."""
MOST = 120
"""So many windows are in a map: the newest of a range that has more."""
SIGNS = {Status.PASSED: "·", Status.SUSPECT: "!", Status.FAILED: "≠", Status.UNDECIDED: "?"}
VERDICTS = {Outcome.HEALTHY: "✓", Outcome.WARNING: "!", Outcome.DRIFTED: "≠", Outcome.DEGRADED: "↓"}
_ORDER = {Status.FAILED: 3, Status.SUSPECT: 2, Status.UNDECIDED: 1, Status.PASSED: 0, None: 0}
Scores = Mapping[Window, Sequence[ColumnScore]]


@dataclass(frozen=True)
class Slot:
    """A column of the map: a window, or, where `head` is None, a place of the schedule without a verdict."""

    at: datetime
    head: Head | None

    @property
    def unknown(self) -> str:
        """Why nothing is known of the columns here; empty where they were judged."""
        return UNKNOWN.get(self.head.outcome, "") if self.head else "no verdict"

    @property
    def words(self) -> str:
        """Which window it is."""
        return span(self.head.subject.window) if self.head else day(self.at)


@dataclass(frozen=True)
class Links:
    """Where names lead: each function gives a path from a column's name, a window or an incident's id."""

    column: Callable[[str], str]
    window: Callable[[Head], str]
    incident: Callable[[str], str]


@dataclass(frozen=True)
class Name:
    """A row of the map: a column, how bad it is (sorts the worst first), and in how many windows it drifted."""

    column: str
    role: Role
    rank: tuple[bool, int, int, int, float]
    failed: int
    judged: int


@dataclass(frozen=True)
class HeatMap:
    """The table: `heading` holds its rows of windows, verdicts, incidents and champions, `rows` one for each column."""

    heading: Markup
    rows: Markup
    columns: int
    windows: int


def slots_of(heads: Sequence[Head], timeline: Timeline) -> list[Slot]:
    """The windows in order, with a place for each that the schedule left without a verdict; `MOST` at the most."""
    if not heads:
        return []
    slots = [Slot(place(head.subject.window), head) for head in heads]
    gaps = [Slot(at, None) for at in timeline.gaps if slots[0].at < at < slots[-1].at]
    return sorted([*slots, *gaps], key=lambda slot: slot.at)[-MOST:]


def names_of(slots: Sequence[Slot], scores: Scores) -> list[Name]:
    """The columns of the map: predictions first, then the worst as it stands now, then the worst over the range."""
    tallies: dict[str, list[int]] = {}
    newest: dict[str, ColumnScore] = {}
    for slot in slots:
        if slot.head is None:
            continue
        known = not slot.unknown
        for score in scores.get(slot.head.subject.window, ()):
            tally = tallies.setdefault(score.column, [0, 0, 0])
            if known or score.column not in newest:
                newest[score.column] = score
            if known and score.drift is not None:
                tally[0] += score.drift is Status.FAILED
                tally[1] += score.drift is Status.SUSPECT
                tally[2] += 1
    return sorted((_name(newest[name], tally) for name, tally in tallies.items()), key=lambda name: name.rank)


def _name(newest: ColumnScore, tally: Sequence[int]) -> Name:
    failed, suspect, judged = tally
    rank = (newest.role != "prediction", -_ORDER[newest.drift], -failed, -suspect, -newest.excess)
    return Name(newest.column, newest.role, rank, failed, judged)


def heat_map(
    slots: Sequence[Slot], scores: Scores, names: Sequence[Name], *, timeline: Timeline, links: Links
) -> HeatMap:
    """The map of some columns, in the order given."""
    found = [{score.column: score for score in _scores(slot, scores)} for slot in slots]
    words = [str(escape(slot.words)) for slot in slots]
    absent = [_absent(slot, told) for slot, told in zip(slots, words, strict=True)]
    rows = (_row(name, list(zip(found, words, absent, strict=True)), links) for name in names)
    return HeatMap(_heading(slots, timeline, links), Markup("".join(rows)), len(names), len(slots))  # noqa: S704


def _scores(slot: Slot, scores: Scores) -> Sequence[ColumnScore]:
    """What is shown of a window: of one that could not be judged nothing, whatever was computed of it."""
    return () if slot.head is None or slot.unknown else scores.get(slot.head.subject.window, ())


def _absent(slot: Slot, words: str) -> str:
    return f'<td class="none" title="{words}: {slot.unknown or "not checked"}"></td>'


def _row(name: Name, cells: Iterable[tuple[Mapping[str, ColumnScore], str, str]], links: Links) -> str:
    column, told, newest = name.column, [], None
    for found, words, absent in cells:
        score = found.get(column)
        newest = score
        told.append(absent if score is None or score.drift is None else _cell(score, score.drift, words))
    role = "<small>prediction</small>" if name.role == "prediction" else ""
    link = f'<a href="{escape(links.column(column))}">{escape(column)}</a>'
    return f'<tr><th scope="row">{link}{role}</th>{"".join(told)}<td class="now">{_now(newest, name)}</td></tr>\n'


def _cell(score: ColumnScore, drift: Status, words: str) -> str:
    return f'<td class="{drift}" title="{words}: {_measured(score)}, {drift}">{SIGNS[drift]}</td>'


def _measured(score: ColumnScore) -> str:
    """The score beside its threshold; the method comes from a fixed list."""
    if score.score is None:
        return "no score"
    limit = "" if score.threshold is None else f" against {number(score.threshold)}"
    usual = f" ({ORDINARY})" if score.ordinary else ""
    return f"{escape(score.method or 'score')} {number(score.score)}{limit}{usual}"


def _now(newest: ColumnScore | None, name: Name) -> str:
    """The row in words: where it stands now, and how often it drifted."""
    if newest is None or newest.drift is None:
        return "not judged"
    return f"{newest.drift} now: {_measured(newest)}<small>drifted in {name.failed} of {name.judged} windows</small>"


def _heading(slots: Sequence[Slot], timeline: Timeline, links: Links) -> Markup:
    days = "".join(_date(slot) for slot in slots)
    verdicts = "".join(_verdict(slot, links) for slot in slots)
    rows = [
        f'<tr><th scope="col">Column</th>{days}<th scope="col" class="now">Newest window</th></tr>',
        f'<tr class="verdicts"><th scope="row">Verdict</th>{verdicts}<td class="now"></td></tr>',
    ]
    if timeline.strips:
        incidents = "".join(_incident(slot, timeline.strips, links) for slot in slots)
        rows.append(f'<tr class="strips"><th scope="row">Incidents</th>{incidents}<td class="now"></td></tr>')
    if timeline.marks:
        rows.append(_champions(slots, timeline.marks))
    return Markup("\n".join(rows))  # noqa: S704  what comes from outside is escaped


def _date(slot: Slot) -> str:
    hours = slot.head is not None and bool(slot.at.hour or slot.at.minute)
    return (
        f'<th scope="col" title="{slot.words}"><span>{slot.at:%m-%d}{f" {slot.at:%H:%M}" if hours else ""}</span></th>'
    )


def _verdict(slot: Slot, links: Links) -> str:
    if slot.head is None:
        return f'<td class="none" title="{slot.words}: no verdict"></td>'
    outcome = slot.head.outcome
    kind, sign = ("none", "?") if slot.unknown else (outcome.value, VERDICTS[outcome])
    title = escape(f"{slot.words}: {spoken(outcome)}")
    return f'<td class="{kind}"><a href="{escape(links.window(slot.head))}" title="{title}">{sign}</a></td>'


def _incident(slot: Slot, strips: Sequence[Strip], links: Links) -> str:
    """The worst incident that was in a window, and how many more there were."""
    found = [strip for strip in strips if slot.head and strip.covers(slot.head.subject.window)]
    if not found:
        return "<td></td>"
    worst = max(found, key=lambda strip: strip.incident.worst)
    title = escape("; ".join(strip.words for strip in found))
    href = escape(links.incident(worst.incident.id))
    sign = len(found) if len(found) > 1 else "▬"
    return f'<td class="strip {worst.incident.worst.word}"><a href="{href}" title="{title}">{sign}</a></td>'


def _champions(slots: Sequence[Slot], marks: Sequence[Mark]) -> str:
    """The windows from which on another champion is judged; one to come stands behind the newest."""
    first = {mark.first: mark for mark in marks}
    cells = "".join(_champion(first.get(slot.head.subject.window) if slot.head else None) for slot in slots)
    last = first.get(None)
    told = f"◆ {escape(last.label)}" if last else ""
    return f'<tr class="marks"><th scope="row">Champion</th>{cells}<td class="now">{told}</td></tr>'


def _champion(mark: Mark | None) -> str:
    return f'<td class="mark" title="{escape(mark.words)}">◆</td>' if mark else "<td></td>"
