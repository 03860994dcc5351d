"""The whole loop of a monitor, step by step as its DAGs run it, on the flights of a late summer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from monitoring_tasks.admission_steps import Asked, admit_retraining
from monitoring_tasks.alerts.telling import SILENT, Occasion
from monitoring_tasks.performance.record import Restatement
from monitoring_tasks.performance_steps import (
    judge_performance,
    measure_performance,
    open_performance,
    report_performance,
)
from monitoring_tasks.policy.verdict import Verdict
from monitoring_tasks.promotion_steps import Answer, promote_challenger
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.training_steps import judge_challenger, score_both, train_challenger
from monitoring_tasks.window import Window
from tests.loops.world import WINDOW_END, World
from tests.whole_run import judge

DAY = timedelta(days=1)
AUGUST, CHANGED, OCTOBER = (
    Window.parse(start, end)
    for start, end in (("2013-08-20", "2013-08-27"), ("2013-09-03", "2013-09-10"), ("2013-10-01", "2013-10-08"))
)
Json = dict[str, Any]


@dataclass(frozen=True)
class Loop:
    """A world and where its results are kept."""

    world: World
    runtime: Runtime

    def drift(self, window: Window) -> Verdict:
        """The verdict on a window's rows."""
        return judge(self.world.monitor, self.runtime, window, occasion=Occasion(window.end))

    def performance(self, window: Window, *, after: timedelta = DAY, told: bool = False) -> Json:
        """The verdict on a window's figures as known so long after its end, with its page."""
        monitor = self.world.monitor
        subject = open_performance(monitor, self.runtime, window, known_at=window.end + after)
        measure_performance(monitor, self.runtime, subject)
        report_performance(monitor, self.runtime, subject)
        occasion = Occasion(window.end + after) if told else SILENT
        return judge_performance(monitor, self.runtime, subject, run={"run_id": "r"}, occasion=occasion)

    def figures(self, window: Window) -> Restatement:
        """The figures that are kept of a window, newest first."""
        return self.runtime.store.performance(self.world.monitor.name, window)[0].restatement

    def retrain(self) -> tuple[Json, Json]:
        """Train on the thirty days to the middle of September, and judge on the two weeks after: task and verdict."""
        now = datetime(2013, 10, 2, tzinfo=UTC)
        asked, monitor, lines = Asked("one", "manual", "a test", WINDOW_END), self.world.monitor, list[str]()
        task = admit_retraining(monitor, self.runtime, asked, now=now, ended=lambda _: False)
        assert task["code"] == "admitted", task
        challenger = train_challenger(monitor, self.runtime, task, tell=lines.append)["challenger"]
        assert any("Running stage" in line for line in lines)
        scored = score_both(monitor, self.runtime, task, challenger, tell=lines.append)
        return task, judge_challenger(monitor, self.runtime, task, scored)

    def promote(self, task: Json, judged: Json) -> str:
        """Put the challenger in place, as ada approved; its version."""
        done = promote_challenger(self.world.monitor, self.runtime, task, judged, Answer(approved=True, by="ada"))
        assert done["promoted"] is True
        return str(done["version"])
