"""A regression through the whole loop, on real flights: the arrival delay in minutes, said at take-off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from monitoring_tasks.kept import required
from monitoring_tasks.metrics.exposition import Exposition
from monitoring_tasks.performance.record import Restatement
from monitoring_tasks.policy.verdict import Verdict
from monitoring_tasks.retraining.names import comparison_key
from monitoring_tasks.runtime import environment_runtime
from monitoring_tasks.views.overview import Watched
from tests.loops.story import AUGUST, CHANGED, DAY, OCTOBER, Json, Loop
from tests.loops.world import LAST, PROMOTED, World

pytestmark = pytest.mark.timeout(600)


@dataclass(frozen=True)
class Told:
    """What the loop came to, in the order in which it did."""

    loop: Loop
    august: Verdict
    young: Json
    changed: Json
    figures: Restatement
    task: Json
    judged: Json
    version: str
    october: tuple[Verdict, Json]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """The whole story, told once."""
    folder = tmp_path_factory.mktemp("regression")
    with pytest.MonkeyPatch.context() as patch:
        world = World(folder, "regression")
        patch.setenv("FLIGHTS_DATA", str(world.data))
        loop = Loop(world, environment_runtime({"MONITORING_HOME": str(folder)}))
        with loop.runtime.store:
            yield _told(loop)


def _told(loop: Loop) -> Told:
    august, young = loop.drift(AUGUST), loop.performance(CHANGED, after=0 * DAY)
    changed, figures = loop.performance(CHANGED, told=True), loop.figures(CHANGED)
    task, judged = loop.retrain()
    version = loop.promote(task, judged)
    loop.world.serve(PROMOTED, LAST, judged["challenger"])
    return Told(
        loop, august, young, changed, figures, task, judged, version, (loop.drift(OCTOBER), loop.performance(OCTOBER))
    )


def page(told: Told, key: str) -> str:
    """A page among the artifacts."""
    return required(told.loop.runtime.artifacts, key).decode()


def test_august_differs_from_winter(told: Told) -> None:
    """Virgin America began to fly from Newark in spring; the flights that got no answer are no numbers, and told so."""
    assert told.august.outcome.value == "warning"
    assert "carrier: unseen categories" in " ".join(told.august.reasons)
    results = {(each.check.value, each.column): each for each in told.loop.runtime.store.results(told.august.subject)}
    missing = results["missing_share", "predicted"]
    assert missing.value == pytest.approx(0.005, abs=0.001)


def test_figures_wait_for_labels(told: Told) -> None:
    """At the end of the week its last day is too young; a day later every flight that arrived has its minutes."""
    assert told.young["outcome"] == "labels_immature"
    assert told.changed["outcome"] == "degraded"


def test_a_worse_error_is_found_and_said_in_minutes(told: Told) -> None:
    """Flights make up for more than in winter: the model says too much, by more than 5 % of its error."""
    said = told.figures
    mae, bias, mape = (said.figure(name) for name in ("mae", "bias", "mape"))
    assert mae is not None
    assert mae.best.value == pytest.approx(15.2, abs=0.1)
    assert mae.against["champion"].baseline == pytest.approx(11.6, abs=0.1)
    assert bias is not None
    assert bias.best.low is not None
    assert bias.best.low > 0
    assert mape is not None
    assert mape.best.value is None
    assert "labels are 0" in mape.reason
    assert "mae: 15.15 on 2248 rows against 11.64 in the champion's reference: worse by 30.2%" in " ".join(
        told.changed["reasons"]
    )
    assert said.maturity.unpredicted > 0
    assert said.maturity.labelled < said.maturity.predictions


def test_no_estimate_is_made_of_numbers(told: Told) -> None:
    """A regression says no probabilities: what its figures will be is refused in words."""
    mae = told.figures.figure("mae")
    assert mae is not None
    assert mae.estimated is not None
    assert mae.estimated.refused == "a regression has no probabilities to estimate from"


def test_the_gate_promotes_in_minutes(told: Told) -> None:
    """A challenger of a month of summer errs by two minutes less on two weeks that neither saw."""
    judged = told.judged
    assert (judged["decision"], judged["primary"]["metric"]) == ("promote", "mae")
    assert judged["primary"]["difference"] == pytest.approx(2.3, abs=0.1)
    assert judged["primary"]["low"] > 1
    assert (judged["counts"]["days"], judged["counts"]["positives"]) == (14, None)
    held = {each["name"]: each["held"] for each in judged["guardrails"]}
    assert held == dict.fromkeys(("mse", "segments of carrier", "calibration", "latency", "size"), True)


def test_the_comparison_has_no_percentages_of_nothing(told: Told) -> None:
    """Flights that arrive on the minute have no percentage error, which Evidently would show as 1e18."""
    text = page(told, comparison_key("landing", told.task["slug"]))
    assert "Predicted vs Actual" in text
    assert '"MAPE"' not in text
    assert "e+1" not in text


def test_the_next_window_is_judged_against_the_new_champion(told: Told) -> None:
    """Its reference is September's: another version, another baseline, and nothing is worse."""
    drift, performance = told.october
    assert drift.subject.champion == told.version
    assert told.version.startswith("v1.1.0-")
    assert "predicted" not in " ".join(drift.reasons)
    assert performance["outcome"] == "healthy"
    mae = told.loop.figures(OCTOBER).figure("mae")
    assert mae is not None
    assert mae.against["champion"].baseline == pytest.approx(10.8, abs=0.1)


def test_pages_letters_and_series_are_about_numbers(told: Told) -> None:
    """The page has the metrics of a regression and of nothing else; so has a scrape; a letter says what is worse."""
    runtime = told.loop.runtime
    text = page(told, told.changed["report"])
    assert all(name in text for name in ("rmse", "r2", "bias"))
    assert "log loss" not in text
    letters = [letter for letter in runtime.store.letters() if "mae" in str(letter.body)]
    assert letters
    watched = Watched("landing", "operations", False, AUGUST.start, 7 * DAY)
    scrape = b"".join(Exposition(runtime.store).scrape((watched,), whole=True).pieces()).decode()
    assert 'metric="mae"' in scrape
    assert 'metric="mape"' not in scrape
    assert "auc" not in scrape
