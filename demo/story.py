"""The table at the end of the demonstration, and the checks that it tells the story the data is known to hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from monitoring_tasks.checks import Check
from monitoring_tasks.policy.verdict import Verdict
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.window import Window

COLUMNS = ("temp", "dest", "score")
SUMMER = Window.parse("2013-06-11", "2013-10-08")


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


def read_weeks(runtime: Runtime, monitor: str) -> list[Week]:
    """Every judged week of a monitor, oldest first; windows of another width are left out."""
    stored = runtime.store.verdicts(monitor)
    weeks = [item for item in stored if item.verdict.subject.window.width.days == 7]
    return [_week(runtime, item.verdict, dict(item.run).get("origin", "")) for item in weeks]


def _week(runtime: Runtime, verdict: Verdict, origin: str) -> Week:
    drift = [result for result in runtime.store.results(verdict.subject) or [] if result.check is Check.DRIFT]
    psi = {str(result.column): result.value for result in drift if result.value is not None}
    return Week(verdict, psi, sum(result.status == "failed" for result in drift), origin)


def story_table(weeks: Sequence[Week]) -> Table:
    """One row a week, for people."""
    table = Table("week", "outcome", "severity", "rows", *(f"PSI {name}" for name in COLUMNS), "drifted", "run by")
    for week in weeks:
        verdict = week.verdict
        scores = [f"{week.psi.get(name, float('nan')):.2f}" for name in COLUMNS]
        cells = [verdict.outcome.value, verdict.severity.word, str(verdict.evidence["rows"]), *scores]
        table.add_row(f"{week.window.start:%d %b}", *(Text(cell) for cell in cells), str(week.drifted), week.origin)
    return table


def check_story(weeks: Sequence[Week]) -> list[str]:
    """Sentences that do not hold; empty when the replay shows what is known of the flights of 2013.

    The figures: 39 weeks from April to December; every week of summer is out of the winter's temperatures (PSI over
    8); destinations move a little and steadily (.02 to .10); the score drifts in some weeks only, most at 30 April.
    """
    summer = [week for week in weeks if SUMMER.start <= week.window.start and week.window.end <= SUMMER.end]
    told = {
        f"39 weeks were judged (found {len(weeks)})": len(weeks) == 39,
        "every week has rows": all(week.verdict.evidence["rows"] > 5000 for week in weeks),
        f"PSI of temp is over 8 in summer ({_span(summer, 'temp')})": all(week.psi["temp"] > 8 for week in summer),
        f"PSI of temp is over .2 all year ({_span(weeks, 'temp')})": all(week.psi["temp"] > 0.2 for week in weeks),
        f"PSI of dest lies within .02 and .10 ({_span(weeks, 'dest')})": _within(weeks, "dest", 0.015, 0.11),
        "the score drifts in 6 to 12 weeks": 6 <= sum(week.psi["score"] > 0.2 for week in weeks) <= 12,
        "the score drifts most in the week of 30 April": _peak(weeks) == "30 April",
    }
    return [sentence for sentence, holds in told.items() if not holds]


def _within(weeks: Iterable[Week], column: str, low: float, high: float) -> bool:
    return all(low <= week.psi[column] <= high for week in weeks)


def _span(weeks: Sequence[Week], column: str) -> str:
    values = [week.psi[column] for week in weeks]
    return f"{min(values):.3f} to {max(values):.3f}" if values else "no week"


def _peak(weeks: Sequence[Week]) -> str:
    return f"{max(weeks, key=lambda week: week.psi['score']).window.start:%-d %B}" if weeks else ""
