"""The table at the end of the demonstration, and the checks that it tells the story the data is known to hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from monitoring_tasks.checks import Check
from monitoring_tasks.policy.verdict import Verdict
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.severity import Severity
from monitoring_tasks.window import Window

COLUMNS = ("temp", "dest", "score")
WEATHER = frozenset({"temp", "dewp", "humid", "pressure", "wind_speed", "wind_gust", "precip", "visib"})
SCHEDULE = frozenset({"dest", "carrier", "origin", "distance", "sched_minute", "weekday"})
YEAR = Window.parse("2013-04-02", "2013-12-31")
WEEK = Window.parse("2013-09-10", "2013-09-17")
"""A week of September, judged against the references of both champions."""


@dataclass(frozen=True)
class Week:
    """One judged week: its verdict, the PSI of the columns the story is about, and where it was last run."""

    verdict: Verdict
    psi: dict[str, float]
    drifted: int
    origin: str

    @property
    def window(self) -> Window:
        """The week's window."""
        return self.verdict.subject.window

    @property
    def is_page(self) -> bool:
        """Whether somebody is to look at it soon: what is less severe can wait for the morning."""
        return self.verdict.severity >= Severity.MEDIUM

    def columns(self, least: Severity) -> set[str]:
        """Columns with a finding of at least this severity; the whole window is the empty name."""
        findings = self.verdict.evidence.get("findings", ())
        return {each["column"] or "" for each in findings if Severity[each["severity"].upper()] >= least}


def read_weeks(runtime: Runtime, monitor: str) -> list[Week]:
    """Every judged week of 2013, oldest first; windows of another width are left out."""
    stored = runtime.store.verdicts(monitor, YEAR)
    weeks = [item for item in stored if item.verdict.subject.window.width.days == 7]
    return [_week(runtime, item.verdict, "Airflow" if "dag_id" in item.run else "command") for item in weeks]


def read_week(runtime: Runtime, monitor: str, window: Window) -> dict[str, Week]:
    """The verdicts of one window by the champion they were reached against."""
    found = [stored.verdict for stored in runtime.store.judgements(monitor, window)]
    return {verdict.subject.champion: _week(runtime, verdict, "") for verdict in found}


def check_references(week: dict[str, Week]) -> list[str]:
    """Sentences that do not hold about one week of September, judged against the references of both champions.

    Its schedule is more like that of April to June than that of January to March: the first champion's verdict stays
    as it was, the second's says less drift.
    """
    psi = {champion.partition("-")[0]: judged.psi["dest"] for champion, judged in week.items()}
    if {"v1.0.0", "v1.1.0"} - set(psi):
        return [f"the week of {WEEK.start:%d %B} was judged against both champions (found {sorted(week)})"]
    winter, spring = psi["v1.0.0"], psi["v1.1.0"]
    told = {f"PSI of dest is less against spring ({spring:.3f}) than against winter ({winter:.3f})": spring < winter}
    return [sentence for sentence, holds in told.items() if not holds]


def _week(runtime: Runtime, verdict: Verdict, origin: str) -> Week:
    drift = [result for result in runtime.store.results(verdict.subject) or [] if result.check is Check.DRIFT]
    psi = {str(result.column): result.value for result in drift if result.value is not None}
    return Week(verdict, psi, sum(result.status == "failed" for result in drift), origin)


def story_table(weeks: Sequence[Week]) -> Table:
    """One row a week, for people."""
    headings = ("week", "outcome", "severity", "rows", *(f"PSI {name}" for name in COLUMNS), "drifted", "run by")
    table = Table(*headings, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for week in weeks:
        verdict = week.verdict
        scores = [f"{week.psi.get(name, float('nan')):.2f}" for name in COLUMNS]
        cells = [verdict.outcome.value, verdict.severity.word, str(verdict.evidence["rows"]), *scores]
        table.add_row(f"{week.window.start:%d %b}", *(Text(cell) for cell in cells), str(week.drifted), week.origin)
    return table


def pages_table(weeks: Sequence[Week]) -> Table:
    """The weeks that page somebody, with what they are told first."""
    table = Table("page", "severity", "reasons", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_lines=True)
    for week in filter(lambda week: week.is_page, weeks):
        verdict = week.verdict
        told = "\n".join(verdict.reasons[:3])
        table.add_row(f"{week.window.start:%d %b}", Text(verdict.severity.word), Text(told))
    return table


def check_story(weeks: Sequence[Week]) -> list[str]:
    """Sentences that do not hold; empty when the replay shows what is known of the flights of 2013.

    The figures: 39 weeks from April to December; destinations move a little and steadily (.02 to .11), which is read
    as small; the weather, compared with the weeks before, is ordinary; the score drifts in some weeks only, most at 30
    April, and that is found.
    """
    if len(weeks) != 39:
        return [f"39 weeks were judged (found {len(weeks)})"]
    useful, pages = _above(weeks, "score", 0.2), sum(week.is_page for week in weeks)
    stormy = sum(bool(week.columns(Severity.MEDIUM) & WEATHER) for week in weeks)
    rescheduled = sum(bool(week.columns(Severity.LOW) & SCHEDULE) for week in weeks)
    april = next(week for week in weeks if week.window.start.strftime("%d %b") == "30 Apr")
    told = {
        "every week has rows": all(week.verdict.evidence["rows"] > 5000 for week in weeks),
        "the first three weeks page nobody": not any(week.is_page for week in weeks[:3]),
        f"few weeks page ({pages} of 39)": 3 <= pages <= 10,
        f"the weather seldom pages ({stormy} of 39 weeks)": stormy <= 3,
        f"PSI of dest stays small ({_span(weeks, 'dest')})": _above(weeks, "dest", 0.11) == 0,
        f"the schedule's changes are found in most weeks ({rescheduled} of 39)": rescheduled >= 25,
        "the schedule's changes page nobody": not any(week.columns(Severity.MEDIUM) & SCHEDULE for week in weeks),
        f"PSI of the score is over .2 in few weeks ({useful} of 39)": 6 <= useful <= 12,
        f"the score drifts most in the week of 30 April ({_peak(weeks)})": _peak(weeks) == "30 April",
        "that week is critical, by its score": "score" in april.columns(Severity.CRITICAL),
        "at least six weeks were run by Airflow": sum(week.origin == "Airflow" for week in weeks) >= 6,
    }
    return [sentence for sentence, holds in told.items() if not holds]


def _above(weeks: Iterable[Week], column: str, limit: float) -> int:
    return sum(week.psi[column] > limit for week in weeks)


def _span(weeks: Sequence[Week], column: str) -> str:
    values = [week.psi[column] for week in weeks]
    return f"{min(values):.3f} to {max(values):.3f}" if values else "no week"


def _peak(weeks: Sequence[Week]) -> str:
    return f"{max(weeks, key=lambda week: week.psi['score']).window.start:%-d %B}" if weeks else ""
