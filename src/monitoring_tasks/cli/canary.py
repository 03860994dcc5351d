"""The command that tests a monitor with labelled faults in copies of a window's rows."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from monitoring_tasks.cli.terminal import (
    DEFAULT_FOLDER,
    FINDINGS,
    HEALTHY,
    AsJson,
    Folder,
    Name,
    complain,
    opened_runtime,
    out,
    say,
)
from monitoring_tasks.monitor_file import find_monitor
from monitoring_tasks.policy.narrative import plain
from monitoring_tasks.window import Window

if TYPE_CHECKING:
    from monitoring_tasks.canary.fall import Fall
    from monitoring_tasks.canary.report import CanaryReport, FaultRecall

Start = Annotated[str | None, typer.Option("--start", help="First moment of the window; left out: the last with rows")]
End = Annotated[str | None, typer.Option("--end", help="End of the window, not included")]
Windows = Annotated[int, typer.Option("--windows", min=1, max=100, help="Windows for which a fault goes on")]


def canary(
    name: Name,
    start: Start = None,
    end: End = None,
    windows: Windows = 7,
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> int:
    """Put labelled faults into copies of a window's rows, and tell how soon each is found.

    The source is only read. Code 0: every fault that must be found was, in at least 80 % of its trials by the third
    window, with no more false alarms than the budget allows; else 1.
    """
    from monitoring_tasks.canary_steps import Asked, examine, fallen_since

    monitor, asked = find_monitor(folder, name), Asked(datetime.now(UTC), _window(start, end), windows)
    with opened_runtime() as runtime:
        report = examine(monitor, runtime, asked)
        fallen = fallen_since(runtime, report)
    if as_json:
        say(json.dumps(report.to_json(), indent=2))
    else:
        _tell(report, fallen)
    return HEALTHY if report.passed else FINDINGS


def _window(start: str | None, end: str | None) -> Window | None:
    if (start is None) != (end is None):
        raise typer.BadParameter("give both --start and --end, or neither for the last window that has rows")
    return None if start is None or end is None else Window.parse(start, end)


def _tell(report: CanaryReport, fallen: list[Fall]) -> None:
    sample = "" if report.rows == report.of_rows else f", a sample of {report.of_rows}"
    more = "" if report.drawn_from == report.rows else f", drawn from {report.drawn_from} of this and earlier windows"
    say(f"{report.monitor}: faults in redraws of {report.window} ({report.rows} rows{sample}{more})")
    out.print(_table(report))
    alarms = f"{len(report.false_alarms)} in {report.clean_windows} redraws without a fault"
    say(f"false alarms: {alarms}; up to {report.allowed_alarms} are within the budget")
    for alarm in report.false_alarms:
        say(f"  {plain(alarm)}")
    if report.standing:
        say(f"left out, because the window's own rows do not pass or are too few: {plain(', '.join(report.standing))}")
    for fault, why in report.untried.items():
        say(f"not tried: {plain(fault)} ({plain(why)})")
    for fall in fallen:
        complain(f"less than before: {fall.words}")


def _table(report: CanaryReport) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("fault", "column", "by window 1", "3", "7", "delay"):
        table.add_column(heading, overflow="fold")
    for fault in report.faults:
        table.add_row(*_cells(fault))
    return table


def _cells(fault: FaultRecall) -> list[Text]:
    must = " *" if fault.expected else ""
    if not fault.applicable:
        return [Text(f"{fault.fault}{must}"), Text("not tried" if fault.untried else "not applicable", style="magenta")]
    style = "red" if fault.missed else ""
    shares = [_share(fault.recall(by)) for by in (1, 3, 7)]
    delay = "never" if fault.delay is None else f"{fault.delay:g}"
    return [Text(f"{fault.fault}{must}", style=style), Text(plain(str(fault.column))), *map(Text, [*shares, delay])]


def _share(recall: float | None) -> str:
    return "" if recall is None else f"{recall:.0%}"
