"""A multiclass model through the whole loop inside Airflow, on real flights: will it land early, on time or late?"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from monitoring_tasks.kept import required
from monitoring_tasks.orchestration.runtime import airflow_runtime
from monitoring_tasks.retraining.names import comparison_key, run_slug
from tests.loops.story import CHANGED, OCTOBER, Loop
from tests.loops.world import LAST, PROMOTED, WINDOW_END, World
from tests.orchestration.conftest import Run

pytestmark = [pytest.mark.xdist_group("airflow"), pytest.mark.timeout(600)]
RunDag = Callable[..., Run]
ASKED = {"reason": "a test", "window_end": WINDOW_END.isoformat()}


@pytest.fixture
def world(tmp_path: Path, monitors: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Flights served by a champion that knows three classes; a promotion needs nobody's answer."""
    monitors.rmdir()
    made = World(tmp_path, "multiclass")
    monkeypatch.setenv("FLIGHTS_DATA", str(made.data))
    made.configure("  gate: {", "  approval: {mode: auto_if_superior}\n  gate: {")
    return made


def test_classes_through_the_whole_loop(world: World, run_dag: RunDag) -> None:
    """Judged, measured with late labels, retrained by the real pipeline, promoted, and judged by the new reference."""
    drift = run_dag(date(2013, 9, 10), name="monitor_landing")
    assert drift.state == "success", drift.log[-3000:]
    figures = run_dag(date(2013, 9, 17), name="performance_landing")
    assert figures.state == "success", figures.log[-3000:]
    assert figures.returned["verdict"]["subject"]["window"] == CHANGED.to_json()
    _of_a_class_nobody_learnt(Loop(world, airflow_runtime()))

    trained = run_dag(None, conf=ASKED, name="retrain_landing")
    assert trained.state == "success", trained.log[-3000:]
    assert trained.tasks["promote"] == "success"
    judged = trained.results["gate"]
    assert (judged["decision"], judged["primary"]["metric"]) == ("promote", "accuracy")
    assert judged["primary"]["challenger"] == pytest.approx(0.679, abs=0.005)
    assert judged["primary"]["champion"] == pytest.approx(0.612, abs=0.005)

    world.serve(PROMOTED, LAST, trained.results["train"]["challenger"])
    later = run_dag(date(2013, 10, 8), name="monitor_landing")
    assert later.state == "success", later.log[-3000:]
    assert later.returned["verdict"]["subject"]["champion"].startswith("v1.1.0-")
    assert "predicted" not in " ".join(later.returned["verdict"]["reasons"])
    newest = run_dag(date(2013, 10, 15), name="performance_landing")
    assert newest.returned["verdict"]["subject"]["champion"].startswith("v1.1.0-")
    assert newest.returned["verdict"]["subject"]["window"] == OCTOBER.to_json()
    assert newest.returned["verdict"]["outcome"] == "healthy"

    comparison = required(airflow_runtime().artifacts, comparison_key("landing", run_slug(trained.run_id)))
    assert b"Confusion Matrix" in comparison


def _of_a_class_nobody_learnt(loop: Loop) -> None:
    """Flights that were diverted have an outcome that the reference lacks: wrong, counted, and told."""
    said = loop.figures(CHANGED)
    accuracy, diverted = said.figure("accuracy"), said.figure("recall", "class=diverted")
    assert accuracy is not None
    assert accuracy.best.value == pytest.approx(0.637, abs=0.005)
    assert any("labels are of classes that the champion's reference does not have: diverted" in n for n in said.notes)
    assert said.maturity.labelled == said.maturity.predictions
    assert said.maturity.unpredicted > 0
    assert accuracy.estimated is not None
    assert accuracy.estimated.interval.value == pytest.approx(0.6, abs=0.05)
    assert diverted is None or diverted.best.value in (0.0, None)
