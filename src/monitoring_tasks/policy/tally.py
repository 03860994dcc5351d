"""What verdicts on many windows amount to: alarms, pages, episodes, and the columns they are about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from monitoring_tasks.policy.verdict import Outcome, Verdict
from monitoring_tasks.severity import Severity
from monitoring_tasks.window import DAY


@dataclass(frozen=True)
class Tally:
    """The alarms of a span of windows.

    An alarm is a verdict that is not healthy, of severity low or worse; a page one of severity medium or worse. An
    episode is a run of windows with an alarm, one directly after the other. `findings` are all that the verdicts tell,
    `days` the time from the first window's start to the last one's end. `columns` says of how many windows a column is
    told, the most frequent first; what concerns no single column stands under its check.
    """

    windows: int
    alarms: int
    pages: int
    episodes: int
    findings: int
    days: float
    columns: tuple[tuple[str, int], ...]

    @property
    def findings_per_day(self) -> float:
        """Findings by day of the span; 0 without windows."""
        return self.findings / self.days if self.days else 0.0

    def to_json(self) -> dict[str, Any]:
        """The tally as plain JSON values."""
        return {
            "windows": self.windows,
            "windows_with_alarm": self.alarms,
            "windows_with_page": self.pages,
            "episodes": self.episodes,
            "findings": self.findings,
            "findings_per_day": round(self.findings_per_day, 4),
            "columns": dict(self.columns),
        }


def tally(verdicts: Sequence[Verdict]) -> Tally:
    """The tally of verdicts on consecutive windows, oldest first."""
    told = [told_of(verdict) for verdict in verdicts]
    columns = Counter(column for each in told for column in set(each))
    windows = [verdict.subject.window for verdict in verdicts]
    return Tally(
        windows=len(verdicts),
        alarms=sum(map(is_alarm, verdicts)),
        pages=sum(map(is_page, verdicts)),
        episodes=episodes(map(is_alarm, verdicts)),
        findings=sum(map(len, told)),
        days=(windows[-1].end - windows[0].start) / DAY if windows else 0.0,
        columns=tuple(sorted(columns.items(), key=lambda item: (-item[1], item[0]))),
    )


def is_alarm(verdict: Verdict) -> bool:
    """Whether somebody is told of a verdict, where a monitor's alerts have no minimum of their own."""
    return verdict.outcome is not Outcome.HEALTHY and verdict.severity >= Severity.LOW


def is_page(verdict: Verdict) -> bool:
    """Whether a verdict is an alarm that cannot wait."""
    return is_alarm(verdict) and verdict.severity >= Severity.MEDIUM


def episodes(alarms: Iterable[bool]) -> int:
    """The number of runs of alarms.

    >>> episodes([True, True, False, True]), episodes([])
    (2, 0)
    """
    return sum(alarm for alarm, _ in groupby(alarms))


def told_of(verdict: Verdict) -> list[str]:
    """What each finding of a verdict is about: its column, or its check where it concerns no single column."""
    return [finding["column"] or finding["check"] for finding in verdict.evidence.get("findings", ())]
