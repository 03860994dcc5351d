"""What the JSON API answers of one model: verdicts, scores, metrics, champions and retrainings."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from monitoring_tasks.orchestration.links import report_path
from monitoring_tasks.performance.record import Figure, Interval
from monitoring_tasks.report import report_key
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.store.records import RetrainingRecord
from tests.ui.api_client import Client, client
from tests.ui.world import (
    CONFIG,
    DAYS,
    FEATURES,
    NEW,
    OLD,
    PROMOTED,
    entry,
    results,
    retrainings,
    subject,
    verdict,
    window,
)

if TYPE_CHECKING:
    pass

__all__ = ["client"]
pytestmark = pytest.mark.xdist_group("airflow")


def test_every_verdict_is_read_once(client: Client) -> None:
    """Page by page, each window once, the oldest first; the path of each leads to the whole of it."""
    found = list(client.pages("/monitors/churn/verdicts", "verdicts", limit=7))
    assert [each["window"]["start"] for each in found] == [
        f"{window(day).start:%Y-%m-%dT%H:%M:%SZ}" for day in range(DAYS)
    ]
    assert [each["champion"] for each in found] == [OLD] * PROMOTED + [NEW] * (DAYS - PROMOTED)
    whole = client.read(found[-1]["path"])
    assert (whole["champion"], whole["window"], whole["outcome"]) == (NEW, found[-1]["window"], "healthy")


def test_verdicts_of_a_stretch(client: Client) -> None:
    """Windows that lie wholly between start and end; the end belongs to what it ends."""
    found = client.read("/monitors/churn/verdicts", start="2013-03-10", end="2013-03-12T00:00:00+00:00")
    assert [each["window"]["start"][:10] for each in found["verdicts"]] == ["2013-03-10", "2013-03-11"]
    assert found["span"] == {"start": "2013-03-10T00:00:00Z", "end": "2013-03-12T00:00:00Z"}
    assert found["next"] is None
    assert client.read("/monitors/churn/verdicts", start="2014-01-01") == {
        "monitor": "churn",
        "span": None,
        "verdicts": [],
        "next": None,
    }


def test_a_verdict_is_whole(client: Client, world: Runtime) -> None:
    """Its evidence and each check result are what the store holds, segments too; a report only where there is one."""
    path = f"/monitors/fraud/verdicts/{OLD}/2013-04-09T000000_2013-04-10T000000/{CONFIG}"
    found = client.read(path)
    assert found["evidence"] == dict(verdict("fraud", DAYS - 1).evidence)
    assert found["actions"] == ["alert", "retrain"]
    assert found["results"] == [each.to_json() for each in results("fraud", DAYS - 1)]
    assert found["report"] is None
    newest = subject("fraud", DAYS - 1)
    world.store.put(verdict("fraud", DAYS - 1), results("fraud", DAYS - 1), report="somewhere", run={})
    assert client.read(path)["report"] == report_path("monitor_fraud", report_key(newest))


NO_VERDICTS = [
    f"{NEW}/2013-04-09T000000_2013-04-10T000000/{CONFIG}",
    f"{OLD}/2013-04-09T000000_2013-04-11T000000/{CONFIG}",
    f"{OLD}/2013-04-09T000000_2013-04-10T000000/another",
    f"{OLD}/yesterday/{CONFIG}",
    f"a/b/{OLD}/2013-04-10T000000_2013-04-09T000000/{CONFIG}",
]


def test_a_verdict_that_there_is_not(client: Client) -> None:
    """Only the subject of a verdict is an address, exactly."""
    for rest in NO_VERDICTS:
        answer = client.ask(f"/monitors/fraud/verdicts/{rest}")
        assert (answer.status_code, list(answer.json())) == (404, ["detail"]), rest


def test_scores_are_columns_over_windows(client: Client, world: Runtime) -> None:
    """Each list has a place for each window, null where a column was not looked at."""
    found = client.read("/monitors/fraud/scores")
    windows = world.store.window_scores("fraud")
    assert [each["start"] for each in found["windows"]] == [f"{each.start:%Y-%m-%dT%H:%M:%SZ}" for each in windows]
    series = {each["column"]: each for each in found["columns"]}
    assert set(series) == {*FEATURES, "score"}
    for name, column in series.items():
        told = [{score.column: score for score in scores}[name] for scores in windows.values()]
        assert column["score"] == [score.score for score in told]
        assert column["threshold"] == [score.threshold for score in told]
        assert column["missing"] == [score.missing for score in told]
        assert column["status"] == [score.drift for score in told]
    assert (series["score"]["role"], series["age"]["role"]) == ("prediction", "feature")
    day = replace(subject("fraud", DAYS), monitor="fraud")
    only = [each for each in results("fraud", DAYS) if each.column != "age"]
    world.store.put(replace(verdict("fraud", DAYS), subject=day), only, report=None, run={})
    some = client.read("/monitors/fraud/scores", column=["age", "plan"], start="2013-04-09")
    assert [each["column"] for each in some["columns"]] == ["age", "plan"]
    assert some["columns"][0]["score"][1] is None
    assert some["columns"][0]["status"][1] is None


def test_scores_are_read_in_parts(client: Client) -> None:
    """The windows of all parts are all windows, each once."""
    found = list(client.pages("/monitors/fraud/scores", "windows", limit=9))
    assert len(found) == len({each["start"] for each in found}) == DAYS


def test_metrics_by_window(client: Client) -> None:
    """Figures between their limits, with maturity, baseline and estimate; labels that are waited for are no figures."""
    found = list(client.pages("/monitors/fraud/metrics", "windows", limit=11))
    assert len(found) == DAYS
    first, last = found[0], found[-1]
    assert first["maturity"]["coverage"] == 0.95
    assert first["metrics"][0] == {
        "metric": "auc",
        "segment": "",
        "rows": 1000,
        "figure": {"value": 0.8, "low": 0.79, "high": 0.81},
        "estimate": {"value": 0.8, "low": 0.78, "high": 0.82},
        "baseline": 0.81,
        "drop": pytest.approx(0.01),
        "limit": 0.02,
        "relative": False,
        "status": "passed",
        "reason": "",
    }
    assert (last["outcome"], last["metrics"]) == ("labels_immature", [])


def test_metrics_of_segments_and_of_before(client: Client, world: Runtime) -> None:
    """With segments, those of all rows come first; as known at a moment, later versions do not count."""
    later = entry("fraud", 0, known_after=20)
    undefined = Figure("auc", "", 1000, Interval(float("nan")), reason="one class only")
    said = replace(later.restatement, figures=(undefined, *later.restatement.figures[1:]))
    world.store.put_performance(replace(later, restatement=said))
    day = {"start": "2013-03-01", "end": "2013-03-02"}
    (now,) = client.read("/monitors/fraud/metrics", **day)["windows"]
    assert (now["known_at"], now["metrics"][0]["figure"]["value"]) == ("2013-03-22T00:00:00Z", None)
    (before,) = client.read("/monitors/fraud/metrics", **day, known_by="2013-03-15T12:00:00.5Z")["windows"]
    assert (before["known_at"], before["metrics"][0]["figure"]["value"]) == ("2013-03-12T00:00:00Z", 0.8)
    assert client.read("/monitors/fraud/metrics", **day, known_by="2013-03-05")["windows"] == []
    (whole,) = client.read("/monitors/fraud/metrics", **day, segments=True, known_by="2013-03-15")["windows"]
    assert [(each["metric"], each["segment"]) for each in whole["metrics"]] == [
        ("auc", ""),
        ("log_loss", ""),
        ("auc", "plan=pro"),
    ]
    parts = list(client.pages("/monitors/fraud/metrics", "windows", limit=9, segments=True))
    assert len(parts) == DAYS


def test_every_version_of_a_window(client: Client, world: Runtime) -> None:
    """How what is known changed while labels came in; a window of which nothing is known is none."""
    world.store.put_performance(entry("fraud", 0, known_after=20))
    found = client.read("/monitors/fraud/metrics/history", window="2013-03-01/2013-03-02")
    assert [(each["version"], each["known_at"][:10]) for each in found["restatements"]] == [
        (1, "2013-03-12"),
        (2, "2013-03-22"),
    ]
    assert found["restatements"][0]["figures"][0]["against"]["champion"]["baseline"] == 0.81
    assert client.ask("/monitors/fraud/metrics/history", window="2012-03-01/2012-03-02").status_code == 404


def rollback(**changes: Any) -> RetrainingRecord:
    """A rollback of churn after the world's last verdict was written."""
    now = datetime.now(UTC) + timedelta(days=1)
    own = {"run": "back", "state": "rolled_back", "placed": OLD, "challenger": None, "closed_at": now}
    return replace(retrainings()[0], **{**own, "outcome": f"{OLD} is champion again", **changes})


def test_champions(client: Client, world: Runtime) -> None:
    """The one in use since when, and what put champions in place, the newest first."""
    found = client.read("/monitors/churn/champions")
    assert found["champion"] == {"version": NEW, "since": "2013-03-21T00:00:00Z", "at_least": False}
    assert [(each["kind"], each["version"], each["replaced"]) for each in found["promotions"]] == [
        ("promotion", NEW, OLD)
    ]
    assert client.read("/monitors/spam/champions")["champion"] == {
        "version": OLD,
        "since": "2013-03-01T00:00:00Z",
        "at_least": True,
    }
    assert client.read("/monitors/quiet/champions")["champion"] is None
    world.store.put_retraining(rollback())
    found = client.read("/monitors/churn/champions")
    assert (found["champion"]["version"], found["promotions"][0]["kind"]) == (OLD, "rollback")
    world.store.put_retraining(rollback(monitor="quiet"))
    assert client.read("/monitors/quiet/champions")["champion"]["version"] == OLD


def test_retrainings(client: Client, world: Runtime) -> None:
    """The newest request first, chosen by state, in parts; the cursor of a record that is gone is refused."""
    for number in range(5):
        asked = window(number).start
        world.store.put_retraining(rollback(run=f"run-{number}", state="failed", requested_at=asked))
    found = list(client.pages("/monitors/churn/retrainings", "retrainings", limit=2))
    assert [each["run"] for each in found] == ["retrain__promoted", *(f"run-{number}" for number in range(4, -1, -1))]
    (promoted,) = client.read("/monitors/churn/retrainings", state=["promoted", "awaiting"])["retrainings"]
    assert (promoted["placed"], promoted["open"], promoted["training"]) == (NEW, False, None)
    answer = client.ask("/monitors/churn/retrainings", cursor="gone")
    assert (answer.status_code, answer.json()["detail"].partition(":")[0]) == (422, "cursor")
