"""The performance suite of one window: figures and checks in, an Evidently snapshot and the report page out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitoring_tasks.checks import CheckResult, Suite
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.performance.record import Restatement
from monitoring_tasks.suites.page import page
from monitoring_tasks.suites.performance_metrics import performance_results, snapshot_of
from monitoring_tasks.suites.performance_plots import metric_plots
from monitoring_tasks.suites.performance_widgets import Shown, span, widgets_above, widgets_below
from monitoring_tasks.suites.snapshots import dumps
from monitoring_tasks.suites.widgets import facts, named_all

# Tables of words are read from the left and scroll within their card; on a telephone the counters wrap.
_STYLE = """
.MuiTableCell-root { text-align: left !important; vertical-align: top !important; }
.MuiCardContent-root .MuiGrid-root { max-width: 100%; }
.MuiTableContainer-root { overflow-x: auto; }
.MuiGrid-grid-xs-grow { align-self: flex-start; }
h5, tbody th { overflow-wrap: anywhere; min-width: 7em; }
td { overflow-wrap: break-word; }
@media (max-width: 700px) {
  .MuiGrid-grid-xs-grow { flex: 1 0 45% !important; }
  .MuiTable-root { min-width: 0 !important; }
  h5.MuiTypography-alignCenter { font-size: 1rem !important; }
}"""


@dataclass(frozen=True, eq=False)
class PerformanceInput:
    """What the suite is of: a window's figures and checks, beside the figures of the windows before it.

    `restated` has at least one: the window itself, then those before it, newest first, all as known at one moment.
    `results` are the checks of that window: one for each kind, metric and segment. `metadata` goes into snapshot and
    page as it is: texts only.
    """

    monitor: Monitor
    restated: Sequence[Restatement]
    results: Sequence[CheckResult]
    metadata: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class PerformanceOutcome:
    """The checks as Evidently's tests tell them, in their order; the snapshot (JSON) that holds them, and the page."""

    results: tuple[CheckResult, ...]
    snapshot: str
    html: str


def run_performance_suite(given: PerformanceInput, *, script_href: str) -> PerformanceOutcome:
    """Writes down a window's figures; the page loads Evidently's script from `script_href`.

    The same input gives the same bytes. Nothing is judged anew: each check keeps the status it comes with.
    """
    tags = [given.monitor.name, Suite.PERFORMANCE.value]
    snapshot = snapshot_of(given.restated[0], given.results, metadata=dict(given.metadata), tags=tags)
    told = {each.key: each for each in performance_results(snapshot)}
    results = tuple(told[each.key] for each in given.results)
    shown = Shown(given.monitor, given.restated, results)
    widgets = [*widgets_above(shown), *metric_plots(shown), *widgets_below(shown)]
    named_all(widgets, Suite.PERFORMANCE.value)
    title = f"{given.monitor.name}, {span(given.restated[0])} UTC: performance"
    html = page([*widgets, facts(given.metadata)], title=title, script_href=script_href, style=_STYLE)
    return PerformanceOutcome(results, dumps(snapshot, widgets), html)
