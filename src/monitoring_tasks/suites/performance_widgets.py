"""What the page of a window's figures shows: what is known, what is worse, then every figure in tables."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from evidently.legacy.model.widget import BaseWidgetInfo
from evidently.legacy.renderers.html_widgets import CounterData, counter, table_data

from monitoring_tasks.checks import CheckResult, Status
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.performance.record import Figure, Restatement
from monitoring_tasks.performance_section import Performance
from monitoring_tasks.suites.performance_words import (
    BASELINES,
    UNDEFINED,
    Form,
    excess,
    order,
    share,
    subject,
    worst,
)
from monitoring_tasks.suites.widgets import NOTHING, figure, status_words

NOT_LOGGED = "not logged"
MOST, WORST = 30, 3
"""So many rows a table shows at most, and so many segments the findings; both begin with the worst."""
_SERVICE = {
    "latency_p50": "p50 ms",
    "latency_p95": "p95 ms",
    "latency_p99": "p99 ms",
    "hourly_volume": "Predictions an hour",
}
_SAYS = {
    Status.FAILED: "✗ worse",
    Status.SUSPECT: "~ perhaps worse",
    Status.UNDECIDED: "? undecided",
    Status.PASSED: "✓ not worse",
}


@dataclass(frozen=True, eq=False)
class Shown:
    """What a page is made of: a window's figures, newest first those of the windows before it, and its checks."""

    monitor: Monitor
    restated: Sequence[Restatement]
    results: Sequence[CheckResult]

    @property
    def newest(self) -> Restatement:
        """The window that the page is about."""
        return self.restated[0]

    @property
    def decisive(self) -> tuple[str, ...]:
        """The metrics that decide, the first one foremost."""
        return tuple(self.monitor.decisive)

    @property
    def section(self) -> Performance:
        """What the monitor asks of a window's labels."""
        return self.monitor.performance or Performance()

    def form(self, metric: str) -> Form:
        """How a metric is read."""
        return Form.of(self.monitor.task, metric, self.section.alert_rate)

    def subject(self, result: CheckResult) -> str:
        """What a check is of."""
        return subject(result, self.monitor.task, self.section.alert_rate)

    def checks(self, metric: str, segment: str = "") -> list[CheckResult]:
        """The checks of one figure."""
        return [each for each in self.results if (each.column, each.segment) == (metric, segment)]

    def immature(self, said: Restatement) -> bool:
        """Whether too few labels of a window are final to judge it."""
        return (said.maturity.maturity or 0.0) < self.section.maturity


def moment(value: datetime) -> str:
    """A moment as people read it, in UTC: the day alone at midnight.

    >>> moment(datetime(2013, 4, 16)), moment(datetime(2013, 4, 16, 6, 30))
    ('2013-04-16', '2013-04-16 06:30')
    """
    return f"{value:%Y-%m-%d}" if (value.hour, value.minute) == (0, 0) else f"{value:%Y-%m-%d %H:%M}"


def span(said: Restatement) -> str:
    """A window in words.

    Its end is the moment at which it is over: no row of that moment is in it.
    """
    return f"{moment(said.window.start)} to {moment(said.window.end)}"


def widgets_above(shown: Shown) -> list[BaseWidgetInfo]:
    """What a reader needs first: what is known, what is worse, and the figures."""
    return [_headline(shown), _findings(shown), _metrics(shown)]


def widgets_below(shown: Shown) -> list[BaseWidgetInfo]:
    """The details: segments, windows, service and notes."""
    return [_segments(shown), _windows(shown), _service(shown), _notes(shown)]


def _headline(shown: Shown) -> BaseWidgetInfo:
    said, maturity = shown.newest, shown.newest.maturity
    verdict, why = _verdict(shown)
    known = {
        why: verdict,
        **_foremost(shown),
        "predictions": f"{maturity.predictions:,}",
        f"coverage: {maturity.labelled:,} labelled": share(maturity.coverage),
        "maturity: labels final": share(maturity.maturity),
    }
    title = f"{shown.monitor.name}, {span(said)} UTC, as known at {moment(said.known_at)}, champion {said.champion}"
    return counter(title=title, counters=[CounterData(label, value) for label, value in known.items()])


def _foremost(shown: Shown) -> dict[str, str]:
    """The first metric that decides, by its label; beside it, while labels come in, what was expected of it."""
    form, found = shown.form(shown.decisive[0]), shown.newest.figure(shown.decisive[0])
    if found is None:
        return {}
    value, _, limits = form.interval(found.best).partition(" ")
    known = {f"{form.name} {limits}".strip(): value}
    if shown.immature(shown.newest) and found.estimated is not None:
        value, _, limits = form.estimated(found).partition(" ")
        known[f"{form.name} before labels: {limits}"] = value.rstrip(":")
    return known


def _verdict(shown: Shown) -> tuple[str, str]:
    """What there is to say of the window in two words, and why in some more."""
    if why := _unknown(shown):
        return why
    found = worst(shown.results)
    if found is None:
        return "? unknown", "nothing was compared"
    if found.status is Status.PASSED:
        return _SAYS[found.status], "every check"
    said = sorted((each for each in shown.results if each.status is found.status), key=order)
    names = dict.fromkeys(shown.subject(replace(each, segment="")) for each in said)
    partly = found.status is Status.UNDECIDED and len(said) < len(shown.results)
    return "? partly known" if partly else _SAYS[found.status], ", ".join(names)


def _unknown(shown: Shown) -> tuple[str, str] | None:
    """Why the labels are not enough to judge by, whatever the checks say; None where they are."""
    maturity, section = shown.newest.maturity, shown.section
    rows = section.minimum_rows or shown.monitor.minimum_rows
    if not maturity.predictions:
        return "? unknown", "no predictions in the window"
    if shown.immature(shown.newest):
        return "? too early", f"to judge: {share(section.maturity)} of the labels must be final"
    if (maturity.coverage or 0.0) < section.coverage:
        return "? too few labels", f"to judge: {share(section.coverage)} of the predictions must have one"
    if maturity.labelled < rows:
        return "? too few labels", f"to judge: {rows:,} predictions must have one"
    return None


def _findings(shown: Shown) -> BaseWidgetInfo:
    """What did not pass: first of all rows, then the worst segments, of which there is a table below."""
    found = sorted((each for each in shown.results if each.status is not Status.PASSED), key=order)
    segments = [each for each in found if each.segment]
    first = [*(each for each in found if not each.segment), *segments[:WORST]]
    title = "What looks worse so far, or is not known" if _unknown(shown) else "What is worse, or not known"
    if not found:
        return counter(title=title, counters=[CounterData(_none(shown), NOTHING)])
    if len(segments) > WORST:
        title += f" (the {WORST} worst of {len(segments):,} findings in segments)"
    rows = [[shown.subject(each), status_words(each), _said(each, shown)] for each in first]
    return _table(title, ["What", "Status", "In words"], rows)


def _none(shown: Shown) -> str:
    return "every check passed" if shown.results else "nothing was compared"


def _said(result: CheckResult, shown: Shown) -> str:
    """A check in words: those it brings, else its value beside its limit."""
    if result.detail:
        return "; ".join(filter(None, (result.detail, result.cause, result.season and f"season: {result.season}")))
    if result.value is None:
        return f"{UNDEFINED}: the reason is not known"
    form = shown.form(result.column or "")
    return f"{form.number(result.value)}, limit {form.number(result.threshold)}"


def _metrics(shown: Shown) -> BaseWidgetInfo:
    whole = [each for each in shown.newest.figures if not each.segment]
    ranked = sorted(whole, key=lambda each: each.metric not in shown.decisive)
    header = ["Metric", "Status", "Value [interval]", "Uncorrected", "Estimate before labels", *_compared_with()]
    return _table("Every metric of the window", header, [_metric(each, shown) for each in ranked], most=len(ranked))


def _compared_with() -> list[str]:
    return [f"Against {words}" for words in BASELINES.values()]


def _metric(found: Figure, shown: Shown) -> list[str]:
    form = shown.form(found.metric)
    name = f"{form.name} (decides)" if found.metric in shown.decisive else form.name
    values = [form.counted(found), form.uncorrected(found), form.estimated(found)]
    return [name, _status(found, shown), *values, *_against(found, form)]


def _against(found: Figure, form: Form) -> Iterator[str]:
    return (form.against(found, kind) for kind in BASELINES)


def _status(found: Figure, shown: Shown) -> str:
    """The worst status of a figure's checks; one that was not compared is neither a finding nor a pass."""
    checked = worst(shown.checks(found.metric, found.segment))
    if found.best.value is None and (checked is None or checked.status is Status.PASSED):
        return f"? {UNDEFINED}"
    return "not compared" if checked is None else status_words(checked)


def _segments(shown: Shown) -> BaseWidgetInfo:
    first = shown.decisive[0]
    form = shown.form(first)
    ranked = sorted(
        (each for each in shown.newest.figures if each.segment and each.metric == first),
        key=lambda each: (each.best.value is None, _urgency(each, shown), -excess(each), each.segment),
    )
    header = ["Segment", "Status", f"{form.name} [interval]", "Labelled rows", *_compared_with()]
    rows = [
        [each.segment, _status(each, shown), form.counted(each), f"{each.rows:,}", *_against(each, form)]
        for each in ranked
    ]
    return _table(f"Segments by {form.name}, the worst first", header, rows)


def _urgency(found: Figure, shown: Shown) -> int:
    checked = worst(shown.checks(found.metric, found.segment))
    return len(Status) if checked is None else order(checked)[0]


def _windows(shown: Shown) -> BaseWidgetInfo:
    header = ["Window", "Predictions", "Labelled", "Coverage", "Maturity", "Labels"]
    header += [shown.form(name).name for name in shown.decisive]
    rows = [_window(said, shown) for said in shown.restated]
    return _table(f"The windows as known at {moment(shown.newest.known_at)} UTC", header, rows, most=len(rows))


def _window(said: Restatement, shown: Shown) -> list[str]:
    maturity = said.maturity
    found = [(shown.form(name), said.figure(name)) for name in shown.decisive]
    return [
        span(said),
        f"{maturity.predictions:,}",
        f"{maturity.labelled:,}",
        share(maturity.coverage),
        share(maturity.maturity),
        _labels(said, shown),
        *(NOTHING if each is None else form.counted(each) for form, each in found),
    ]


def _labels(said: Restatement, shown: Shown) -> str:
    if not said.maturity.predictions:
        return "none to come"
    return "still come in" if shown.immature(said) else "mature"


def _service(shown: Shown) -> BaseWidgetInfo:
    header = ["Window", *_SERVICE.values(), "Failed"]
    rows = [
        [
            span(said),
            *(_operated(getattr(said.operating, name)) for name in _SERVICE),
            NOT_LOGGED if said.operating.error_share is None else share(said.operating.error_share),
        ]
        for said in shown.restated
    ]
    return _table("How the service did: latency, predictions, share that failed", header, rows, most=len(rows))


def _operated(value: float | None) -> Any:
    return NOT_LOGGED if value is None else figure(float(value)) if math.isfinite(value) else NOTHING


def _notes(shown: Shown) -> BaseWidgetInfo:
    rows = [[span(said), note] for said in shown.restated for note in (*_counted(said), *said.notes)]
    return _table("Notes", ["Window", "Note"], rows, most=len(rows))


def _counted(said: Restatement) -> Iterator[str]:
    """What was left out of the figures, in words."""
    if said.maturity.repeated:
        yield f"{said.maturity.repeated:,} rows left out: their id came before in the window"
    if said.maturity.unpredicted:
        yield f"{said.maturity.unpredicted:,} predictions left out of the figures: they bear no usable prediction"


def _table(title: str, header: list[str], rows: Sequence[Sequence[Any]], *, most: int = MOST) -> BaseWidgetInfo:
    if not rows:
        return counter(title=title, counters=[CounterData("there are none", NOTHING)])
    left_out = f" (the first {most} of {len(rows):,})" if len(rows) > most else ""
    return table_data(title=title + left_out, column_names=header, data=rows[:most])
