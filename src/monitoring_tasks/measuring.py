"""Windows measured as known at a moment: their labels joined once, their figures, and what these are compared with."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Self

import numpy as np

from monitoring_tasks.champion import Pinned
from monitoring_tasks.checks import Check, CheckResult, Status, Suite
from monitoring_tasks.data.outcomes import Joined, read_outcomes
from monitoring_tasks.degradation import Deciding, Trailing, judge, trailing, trailing_spans
from monitoring_tasks.faults.cause import shown
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.performance.estimate import estimate
from monitoring_tasks.performance.operating import operating
from monitoring_tasks.performance.outcomes import Outcomes, microseconds
from monitoring_tasks.performance.record import Estimated, Figure, Interval, Maturity, Restatement
from monitoring_tasks.performance.trust import Pair, trusted_together
from monitoring_tasks.performance.windows import Learnt, class_figures, measure
from monitoring_tasks.performance_reference import Taught, asked_of, load_taught
from monitoring_tasks.performance_section import Performance
from monitoring_tasks.performance_window import Cadence
from monitoring_tasks.policy.performance import judged_rows
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.window import Window, interval, last_tick

log = logging.getLogger(__name__)
_NO_DAYS_BEFORE = "too few labelled predictions in the days before to compare with: only the reference was"
_NAMED = 3
MATURED = 6
"""An estimate is believed by how the last so many windows before it turned out."""


@dataclass(frozen=True)
class Restated:
    """A window's figures as known at a moment, and the checks of them."""

    restatement: Restatement
    results: tuple[CheckResult, ...]

    @property
    def key(self) -> tuple[Window, str]:
        """The window, and the champion that it was measured by."""
        return self.restatement.window, self.restatement.champion

    def to_json(self) -> dict[str, Any]:
        """Both as plain JSON values."""
        return {
            "restatement": self.restatement.to_json(),
            "results": [result.to_json() for result in self.results],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`."""
        results = tuple(CheckResult.from_json(each) for each in value["results"])
        return cls(Restatement.from_json(value["restatement"]), results)


@dataclass(frozen=True, eq=False)
class Measuring:
    """A monitor's windows as known at one moment; `joined` has the rows of all of them, and of their baselines."""

    monitor: Monitor
    runtime: Runtime
    pinned: Pinned
    known_at: datetime
    joined: Joined
    _taught: dict[timedelta, Taught] = field(default_factory=dict, repr=False)
    _estimated: dict[Window, dict[str, Estimated]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls, monitor: Monitor, runtime: Runtime, pinned: Pinned, windows: Sequence[Window], *, known_at: datetime
    ) -> Self:
        """Measures `windows`, whose rows and labels are read here, with those of the windows before that they need."""
        needed = [_needed(monitor, window) for window in windows]
        span = Window(min(each.start for each in needed), max(each.end for each in needed))
        return cls(
            monitor, runtime, pinned, known_at, read_outcomes(monitor, runtime.connections, span, known_at=known_at)
        )

    def by(self, pinned: Pinned) -> Self:
        """The same rows, measured by another champion's reference."""
        return replace(self, pinned=pinned, _taught={}, _estimated={})

    @property
    def left_over(self) -> dict[str, int]:
        """What of both logs belongs to no figure, in the span that was read."""
        joined = self.joined
        return {
            "orphans": joined.orphans,
            "corrections": joined.corrections,
            "predictions_without_id": joined.anonymous,
        }

    @property
    def section(self) -> Performance:
        """What the monitor says about performance."""
        return self.monitor.performance or Performance()

    def taught(self, window: Window) -> Taught:
        """What the champion's reference teaches about windows as wide as this one."""
        if window.width not in self._taught:
            self._taught[window.width] = load_taught(self.monitor, self.runtime, self.pinned, width=window.width)
        return self._taught[window.width]

    def needed(self, window: Window) -> Outcomes:
        """All that a window's figures rest on, as if nothing else had been read: the same in whatever run it is judged.

        A label that was logged before all of it is nobody's, such as one of an earlier prediction with the same id.
        """
        span = _needed(self.monitor, window)
        start, end = microseconds(span.start), microseconds(span.end)
        low, high = (int(place) for place in np.searchsorted(self.joined.outcomes.moment, [start, end]))
        return self.joined.outcomes.take(slice(low, high)).known_from(start)

    def _rows(self, outcomes: Outcomes, window: Window) -> Outcomes:
        """The window's predictions, once for each id, with classes numbered as in the reference."""
        return outcomes.within(window).numbered(self.taught(window).classes)

    def _maturity(self, outcomes: Outcomes, window: Window) -> Maturity:
        """How complete the window's labels are."""
        low, high = np.searchsorted(outcomes.moment, [microseconds(window.start), microseconds(window.end)])
        rows = outcomes.within(window)
        final = microseconds(self.known_at) - Cadence.of(self.monitor).delay // timedelta(microseconds=1)
        return Maturity(
            predictions=len(rows),
            labelled=int(np.count_nonzero(~np.isnan(rows.label))),
            final=int(np.count_nonzero(rows.moment <= final)),
            repeated=int(high - low) - len(rows),
            unpredicted=int(np.count_nonzero(np.isnan(rows.prediction))),
        )

    def restated(self, window: Window) -> Restated:
        """The window's figures, and the checks of them."""
        needed, taught = self.needed(window), self.taught(window)
        rows, maturity = self._rows(needed, window), self._maturity(needed, window)
        before = self._before(needed, window, taught)
        found = judge(rows, self.known_at, learnt=self._learnt(taught), before=before, deciding=self._deciding(window))
        estimated = self._estimate(needed, window)
        figures = tuple(_with_estimate(figure, estimated) for figure in found.figures)
        figures += tuple(class_figures(rows, self._learnt(taught), self.known_at))
        said = Restatement(
            monitor=self.monitor.name,
            champion=self.pinned.version,
            window=window,
            config_hash=self.monitor.performance_hash,
            known_at=self.known_at,
            maturity=maturity,
            figures=figures,
            operating=operating(rows, window),
            notes=tuple(_notes(rows, taught.classes, before)),
        )
        return Restated(said, (*found.results, self._coverage(maturity)))

    def _before(self, needed: Outcomes, window: Window, taught: Taught) -> Trailing | None:
        """The days before the window; None where the log has too few of them yet."""
        found = trailing(
            needed.numbered(taught.classes),
            window,
            self.section.trailing,
            incidents=self.monitor.incidents,
            ordinary=taught.trailing,
        )
        return found if int(found.before.labelled.sum()) >= asked_of(self.monitor).minimum_rows else None

    def estimated(self, window: Window) -> dict[str, Estimated]:
        """What the window's scores let expect of each metric; refused where the windows before turned out otherwise."""
        return self._estimate(self.needed(window), window)

    def _estimate(self, needed: Outcomes, window: Window) -> dict[str, Estimated]:
        if not self.section.estimate:
            return {}
        found = self._expected(needed, window)
        reason = trusted_together(self._pairs(needed, window))
        return {name: replace(each, refused=each.refused or reason) for name, each in found.items()}

    def _expected(self, needed: Outcomes, window: Window) -> dict[str, Estimated]:
        # No label has a part in it: it is the same for all windows that need it.
        if window not in self._estimated:
            self._estimated[window] = estimate(
                self.taught(window).estimator,
                self._rows(needed, window),
                asked_of(self.monitor),
                confidence=self.section.confidence,
            )
        return self._estimated[window]

    def _pairs(self, needed: Outcomes, window: Window) -> dict[str, list[Pair]]:
        """Estimated interval and realised value of each deciding metric, in the matured windows before this one."""
        earlier = reversed(Cadence.of(self.monitor).before(window, count=MATURED))
        mature = [each for each in earlier if judged_rows(self.monitor, self._maturity(needed, each))]
        realised = [(self._expected(needed, each), self._realised(needed, each)) for each in mature]
        return {
            name: [(expected[name].interval, values[name]) for expected, values in realised if name in expected]
            for name in self.monitor.decisive
        }

    def _realised(self, needed: Outcomes, window: Window) -> dict[str, float | None]:
        taught = self.taught(window)
        learnt = self._learnt(taught)
        learnt = replace(learnt, asked=replace(learnt.asked, metrics=tuple(self.monitor.decisive), segments=()))
        found = measure(self._rows(needed, window), learnt, self.known_at)
        return {each.metric.name: Interval(each.best.value).value for each in found}

    def _learnt(self, taught: Taught) -> Learnt:
        return Learnt(asked_of(self.monitor), taught.ordinary, taught.curve, self.section.confidence)

    def _deciding(self, window: Window) -> Deciding:
        schedule, rule = Cadence.of(self.monitor).schedule, self.monitor.policy.persistence
        every = interval(schedule, last_tick(schedule, window.end))
        return Deciding(self.monitor.decisive, self.section.budget, every, (rule.windows, rule.of))

    def _coverage(self, maturity: Maturity) -> CheckResult:
        covered, least = maturity.coverage, self.section.coverage
        status = Status.UNDECIDED if covered is None else Status.PASSED if covered >= least else Status.FAILED
        return CheckResult(Suite.PERFORMANCE, Check.COVERAGE, status, value=covered, threshold=least)


def _needed(monitor: Monitor, window: Window) -> Window:
    """The span of all rows that a window's figures rest on: its own, and those of its baseline and of its estimates."""
    section = monitor.performance or Performance()
    matured = Cadence.of(monitor).before(window, count=MATURED)[-1]
    before = trailing_spans(window, section.trailing)[-1]
    return Window(min(matured.start, before.start), window.end)


def _notes(rows: Outcomes, learnt: Sequence[str], before: Trailing | None) -> Iterator[str]:
    """What people should know of figures: outcomes of classes that the model never learnt, and no days before."""
    strange = rows.label[rows.label >= len(learnt)] if learnt else np.zeros(0)
    if len(strange):
        names = ", ".join(shown(rows.classes[int(number)]) for number in np.unique(strange)[:_NAMED])
        yield f"{len(strange):,} labels are of classes that the champion's reference does not have: {names}"
    if before is None:
        yield _NO_DAYS_BEFORE


def _with_estimate(figure: Figure, estimated: Mapping[str, Estimated]) -> Figure:
    return figure if figure.segment else replace(figure, estimated=estimated.get(figure.metric))
