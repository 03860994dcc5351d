"""What an alert about a window has to say beyond its verdict: results, the model's figures, pictures, addresses."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from monitoring_tasks.alerts.composing import Told, compose
from monitoring_tasks.alerts.message import Plot
from monitoring_tasks.alerts.plotting import column_plot, level_plot, metric_plot
from monitoring_tasks.alerts.requested import Request
from monitoring_tasks.alerts.telling import Occasion, Teller
from monitoring_tasks.calibration.course import Course
from monitoring_tasks.checks import Check, CheckResult, Status
from monitoring_tasks.incidents.fold import ANSWERED
from monitoring_tasks.incidents.incident import Change
from monitoring_tasks.incidents.reading import Reading, Stream
from monitoring_tasks.incidents.signals import signals_of
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.performance.record import Figure, Restatement
from monitoring_tasks.performance_window import Cadence
from monitoring_tasks.policy.figures import known, number, span
from monitoring_tasks.policy.verdict import Subject, Verdict
from monitoring_tasks.profile.pairs import Pair
from monitoring_tasks.report import run_folder
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.window import Window, parse_moment

log = logging.getLogger(__name__)
PICTURES = "pictures.json"
"""Name of the artifact that holds the pictures of a window's columns ..."""
LEVELS = "levels.json"
"""... and of the one that holds those of the levels that jumped, where levels are watched."""
TOLD = (Status.FAILED, Status.SUSPECT)
"""What can become a finding, at once or when it persists."""
WINDOWS = 12
"""So many windows before this one are in the picture of a metric."""


@dataclass(frozen=True)
class Found:
    """What a run found out about one window: its verdict with the results behind it, and the key of its report.

    `figures` are those that a verdict on performance is about: the ledger does not have them yet. `request` says what
    the run does about the retraining that the verdict asks for.
    """

    verdict: Verdict
    results: Sequence[CheckResult]
    report: str
    stream: Stream = "drift"
    figures: Restatement | None = None
    request: Request | None = None


def reading_of(monitor: Monitor, found: Found) -> Reading:
    """What a window gives reason to tell; it is due when the window ends, or at the moment as known at."""
    covers, signals = signals_of(monitor, found.verdict)
    window, known_at = found.verdict.subject.window, found.verdict.evidence.get("known_at")
    return Reading(
        monitor=monitor.name,
        owner=monitor.owner,
        dag_id=monitor.performance_dag_id if found.stream == "performance" else monitor.dag_id,
        stream=found.stream,
        window=window,
        tick=parse_moment(known_at) if known_at else window.end,
        covers=covers,
        signals=signals,
    )


def teller_of(monitor: Monitor, runtime: Runtime, found: Found, occasion: Occasion) -> Teller | None:
    """Who tells what changes by a window; None where nobody is told.

    That is so without an occasion to tell, and for a run that comes after those of later windows: it is of the past.
    """
    if occasion.now is None:
        return None
    reading, newest = reading_of(monitor, found), runtime.store.newest_tick(monitor.name, found.stream)
    if newest is not None and newest > reading.tick:
        log.info("telling.nobody window=%s reason=later windows were told of already", reading.window)
        return None
    told = Told(
        monitor=monitor,
        verdict=found.verdict,
        results=found.results,
        links=occasion.links(found.report),
        # Of a window without a finding nothing is told aloud, so that nothing need be read for it.
        performance=figures_said(runtime, monitor, found) if reading.signals else "",
        runbook=monitor.alerts.runbook,
        request=found.request,
    )
    shown = pictures(runtime, monitor, found) if reading.signals else NO_PICTURES
    return Teller(monitor.alerts, lambda change: compose(change, replace(told, plots=shown.of(change))), occasion.now)


def figures_said(runtime: Runtime, monitor: Monitor, found: Found) -> str:
    """What is known of the model's figures, in a line; empty where they are not watched, or the verdict is of them."""
    if monitor.performance is None or found.stream == "performance":
        return ""
    entry = runtime.store.latest_performance(monitor.name)
    if entry is None:
        return "not known yet: no window has enough labels"
    said = entry.restatement
    figures = [figure for name in monitor.decisive if (figure := said.figure(name)) and figure.best.value is not None]
    told = ", ".join(f"{each.name} {number(each.best.value)}{_limits(each)}" for each in figures) or "undefined"
    return f"{entry.verdict.outcome.value} in {said.window}: {told}; {known(said.maturity)}"


def _limits(figure: Figure) -> str:
    between, against = span(figure.best), figure.against.get("champion")
    told = [f"({between})"] if between else []
    if against is not None and against.baseline is not None:
        told.append(f"against {number(against.baseline)}")
    return "".join(f" {each}" for each in told)


@dataclass(frozen=True)
class Pictures:
    """What there is to show of a window: its columns by name, and the metric that decides, over time."""

    columns: Mapping[str, Plot]
    metric: Plot | None = None
    levels: Mapping[str, Plot] = field(default_factory=dict)

    def of(self, change: Change) -> tuple[Plot, ...]:
        """The worst column of an incident that is told aloud, and the metric where the model is concerned.

        Of a column that jumped its level comes before how its values are distributed, which says no more of a share.
        """
        if not change.loud:
            return ()
        worst = next((name for name in change.incident.columns if name in self.columns), "")
        level = self.levels.get(worst)
        spread = None if level and level.percent else self.columns.get(worst)
        metric = self.metric if change.incident.cause in ANSWERED else None
        return tuple(plot for plot in (level, spread, metric) if plot)


NO_PICTURES = Pictures({})


def pictures(runtime: Runtime, monitor: Monitor, found: Found) -> Pictures:
    """The pictures of a window, as far as its run kept them."""
    stored = runtime.artifacts.read(f"{run_folder(found.verdict.subject)}/{PICTURES}")
    columns = {name: Plot.from_json(each) for name, each in json.loads(stored).items()} if stored else {}
    return Pictures(columns, _of_metric(runtime, monitor, found), _levels(runtime, found))


def _levels(runtime: Runtime, found: Found) -> dict[str, Plot]:
    """The pictures of the levels that the verdict says jumped."""
    told = found.verdict.evidence.get("findings") or ()
    jumped = {each["column"] for each in told if each["check"] == Check.LEVEL and not each["segment"]}
    stored = runtime.artifacts.read(f"{run_folder(found.verdict.subject)}/{LEVELS}") if jumped else None
    kept = json.loads(stored) if stored else {}
    return {name: Plot.from_json(each) for name, each in kept.items() if name in jumped}


def keep_levels(
    runtime: Runtime, subject: Subject, results: Sequence[CheckResult], courses: Mapping[str, Course]
) -> None:
    """Keep the pictures of the levels that jumped, or may have, among the window's artifacts."""
    found = {each.column or "" for each in results if each.check is Check.LEVEL and each.status in TOLD}
    drawn = {name: level_plot(name, course).to_json() for name, course in courses.items() if name in found}
    runtime.artifacts.write(f"{run_folder(subject)}/{LEVELS}", json.dumps(drawn).encode())


def keep_pictures(
    runtime: Runtime, subject: Subject, results: Sequence[CheckResult], pairs: Mapping[str, Pair]
) -> None:
    """Keep the pictures of a window's columns among its artifacts: those with findings first, in the results' order."""
    found = [each.column or "" for each in results if each.status in TOLD and not each.segment]
    names = [name for name in dict.fromkeys((*found, *pairs)) if name in pairs]
    drawn = {name: plot.to_json() for name in names if (plot := column_plot(name, pairs[name]))}
    runtime.artifacts.write(f"{run_folder(subject)}/{PICTURES}", json.dumps(drawn).encode())


def _of_metric(runtime: Runtime, monitor: Monitor, found: Found) -> Plot | None:
    """The metric that is worse, else the first that decides, up to the window's end."""
    if monitor.performance is None:
        return None
    window = found.verdict.subject.window
    earliest = Cadence.of(monitor).before(window, count=WINDOWS)[-1]
    stored = runtime.store.performance(monitor.name, Window(earliest.start, window.end))
    ended = {each.restatement.window: each.restatement for each in stored}
    if found.figures is not None:
        ended[found.figures.window] = found.figures
    worse = (each["column"] for each in found.verdict.evidence.get("findings") or ())
    metric = next((name for name in worse if name in monitor.decisive), next(iter(monitor.decisive)))
    return metric_plot([ended[each] for each in sorted(ended)][-WINDOWS:], metric)
