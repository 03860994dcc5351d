"""The replayed production is the year as it happened."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import roc_auc_score

from demo import production as module
from demo.champion import MODEL
from demo.production import latency_ms, replay_production
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.profile.reference import monitored_columns
from monitoring_tasks.retraining.registry import find_champion
from monitoring_tasks.sections import ChampionReference, ParquetSource

pytestmark = pytest.mark.xdist_group("demo")
ROOT = Path(__file__).parents[2]
# reference/data.md, table 1.1: what this model's AUC is in each month.
EXPECTED_AUC = {4: 0.656, 5: 0.733, 6: 0.729, 7: 0.725, 8: 0.705, 9: 0.676, 10: 0.657, 11: 0.664, 12: 0.709}


def read(folder: Path) -> pd.DataFrame:
    """All days of a log."""
    return pads.dataset(folder, partitioning="hive").to_table().to_pandas()


@pytest.fixture(scope="module")
def predictions(production: Path) -> pd.DataFrame:
    """The prediction log."""
    return read(production / "predictions")


@pytest.fixture(scope="module")
def labels(production: Path) -> pd.DataFrame:
    """The label log."""
    return read(production / "labels")


def test_every_scheduled_flight_is_scored(predictions: pd.DataFrame) -> None:
    """All flights of April to December are there once, cancelled ones too, each with a probability."""
    assert len(predictions) == 256_089
    assert predictions["prediction_id"].is_unique
    assert predictions["score"].between(0, 1, inclusive="neither").all()


def test_days_are_utc_days_of_the_timestamp(production: Path, predictions: pd.DataFrame) -> None:
    """One folder with one file for each UTC day, without a gap, and only that day's hours in it."""
    days = sorted(folder.name for folder in (production / "predictions").iterdir())
    assert days == [f"day={day:%Y-%m-%d}" for day in pd.date_range("2013-04-01", "2014-01-01")]
    files = [file.relative_to(production / "predictions").name for file in (production / "predictions").rglob("*.*")]
    assert set(files) == {"part-0.parquet"}
    assert (predictions["timestamp"].dt.strftime("%Y-%m-%d") == predictions["day"]).all()
    assert (predictions["timestamp"] == predictions["timestamp"].dt.floor("h")).all()


def test_log_has_the_monitors_columns(predictions: pd.DataFrame, champion_work: Path) -> None:
    """The shipped monitor loads, and what it names is in the log and in the reference."""
    monitor = load_monitor(ROOT / "include" / "monitors" / "flight_delay.yaml")
    reference = pq.read_schema(champion_work / MODEL / "reference.parquet")
    monitored = monitored_columns(monitor, reference)
    named = {monitor.timestamp, monitor.id, *monitored}
    assert set(monitor.features) - {"*"} <= set(monitored)
    assert named | {monitor.label, monitor.label_time} == set(reference.names)
    assert set(predictions) == named | {"model_version", "latency_ms", "day"}
    assert isinstance(monitor.source, ParquetSource)
    assert isinstance(monitor.reference, ChampionReference)
    assert monitor.locate(monitor.source.path) == str(ROOT / ".demo" / "production" / "predictions")
    assert monitor.locate(monitor.reference.repository) == str(ROOT / ".demo" / "flight_delay.git")


def test_labels_come_with_the_landing(predictions: pd.DataFrame, labels: pd.DataFrame) -> None:
    """Labels are known when the flight is down: after it left, within a day and a half, in the folder of that day."""
    both = predictions.merge(labels, on="prediction_id", suffixes=("", "_of_label"), validate="one_to_one")
    assert len(both) == len(labels)
    hours = (both["label_time"] - both["timestamp"]).dt.total_seconds() / 3600
    assert hours.between(0.5, 36).all()
    assert (labels["label_time"].dt.strftime("%Y-%m-%d") == labels["day"]).all()
    assert set(labels["label"]) == {0, 1}


def test_flights_that_never_land_get_no_label(predictions: pd.DataFrame, labels: pd.DataFrame) -> None:
    """Between 2 and 3 of 100 flights have no outcome."""
    assert 0.02 < 1 - len(labels) / len(predictions) < 0.03


def test_model_is_as_good_as_measured(predictions: pd.DataFrame, labels: pd.DataFrame) -> None:
    """Month by month the champion's AUC is that of reference/data.md."""
    both = predictions.merge(labels[["prediction_id", "label"]], on="prediction_id")
    month = both["timestamp"].dt.tz_convert("America/New_York").dt.month
    for number, expected in EXPECTED_AUC.items():
        rows = both[month == number]
        assert roc_auc_score(rows["label"], rows["score"]) == pytest.approx(expected, abs=0.01), number


def test_version_is_the_champions(predictions: pd.DataFrame, champion_work: Path) -> None:
    """Every row names the version that the registry names."""
    version = find_champion(str(champion_work / "flight_delay.git"), MODEL).version
    assert set(predictions["model_version"]) == {version}


def test_latency_is_made_up_the_same_way_every_time() -> None:
    """Latencies depend on the id alone, start at 4 ms and have a mean of 7."""
    ids = pd.Series([f"flight-{number}" for number in range(20_000)])
    latency = latency_ms(ids)
    assert latency.equals(latency_ms(ids.iloc[::-1]).sort_index())
    assert latency.min() >= 4
    assert latency.mean() == pytest.approx(7, abs=0.1)


def test_finished_log_is_kept(production: Path, champion_work: Path) -> None:
    """A second replay of the same version writes nothing."""
    before = {file: file.stat().st_mtime_ns for file in production.rglob("*")}
    replay_production(champion_work)
    assert {file: file.stat().st_mtime_ns for file in production.rglob("*")} == before


def test_unfinished_log_is_written_again(
    production: Path, champion_work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a stopped replay left is removed, and the days come out byte for byte as before."""
    monkeypatch.setattr(module, "START", "2013-06-04")
    monkeypatch.setattr(module, "END", "2013-06-06")
    (tmp_path / "flight_delay.git").symlink_to(champion_work / "flight_delay.git")
    stray = tmp_path / "production" / "predictions" / "day=2013-06-03" / "part-0.parquet"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"half a file")
    replay_production(tmp_path)
    written = sorted(file for file in (tmp_path / "production" / "predictions").rglob("*.parquet"))
    assert [file.parent.name for file in written] == ["day=2013-06-04", "day=2013-06-05"]
    for file in written:
        assert file.read_bytes() == (production / file.relative_to(tmp_path / "production")).read_bytes()
