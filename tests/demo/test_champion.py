"""The champion is a real DVC pipeline's real output, and its reference is out of fold by day."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.metrics import roc_auc_score
from skops.io.exceptions import UntrustedTypesFoundException

from demo import champion
from demo.champion import MODEL, DemoFailed, first_tags, make_champion
from monitoring_tasks.errors import ReferenceInvalid
from monitoring_tasks.retraining.history import history
from monitoring_tasks.retraining.registry import fetch_artifact, find_champion

pytestmark = pytest.mark.xdist_group("demo")
FEATURES = ["carrier", "origin", "dest", "sched_minute", "distance", "weekday", "temp", "dewp", "humid", "wind_speed"]
FEATURES += ["wind_gust", "precip", "pressure", "visib"]
Stage = Callable[[str], Any]
TOY = """\
stages:
  evaluate:
    cmd: |
      {cmd}
    outs: [model.skops]
    metrics: [metrics.json: {{cache: false}}]
"""
GOOD = """echo '{"auc": 0.7}' > metrics.json && echo model > model.skops"""


@pytest.fixture(scope="module")
def reference(champion_work: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The champion's reference, fetched as monitoring does."""
    target = tmp_path_factory.mktemp("reference") / "reference.parquet"
    origin = str(champion_work / "flight_delay.git")
    fetch_artifact(origin, find_champion(origin, MODEL).revision, "reference.parquet", target)
    return pd.read_parquet(target)


@pytest.fixture
def stage(champion_work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Imports a script of the pipeline; the working folder is a copy of the trained tree, free to break."""
    ignore = shutil.ignore_patterns(".git", ".dvc")
    tree = Path(shutil.copytree(champion_work / MODEL, tmp_path / MODEL, ignore=ignore))
    monkeypatch.chdir(tree)
    monkeypatch.syspath_prepend(tree / "src")
    before = set(sys.modules)
    yield importlib.import_module
    for script in (tree / "src").glob("*.py"):
        if script.stem not in before:
            sys.modules.pop(script.stem, None)


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pipeline of a moment in the place of the real one."""
    folder = tmp_path / "toy" / MODEL
    folder.mkdir(parents=True)
    (folder / "dvc.yaml").write_text(TOY.format(cmd=GOOD))
    monkeypatch.setattr(champion, "PIPELINES", folder.parent)
    return folder


def test_champion_is_tagged_in_gto_format(champion_work: Path) -> None:
    """Version and stage are annotated tags on one commit, and the message holds the metrics."""
    origin = champion_work / "flight_delay.git"
    found = find_champion(str(origin), MODEL)
    assert (found.number, found.tag) == (1, "flight_delay@v1.0.0")
    listed = ["git", "for-each-ref", "--format=%(objecttype) %(refname:short) %(contents)", "refs/tags"]
    lines = subprocess.run(listed, cwd=origin, capture_output=True, text=True, check=True).stdout.split("\n\n")
    tags = {line.split()[1]: (line.split()[0], json.loads(line.split(maxsplit=2)[2])) for line in lines if line.strip()}
    assert sorted(tags) == sorted(first_tags())
    assert all(kind == "tag" and 0.69 < message["metrics"]["auc"] < 0.705 for kind, message in tags.values())


def test_second_call_changes_nothing(champion_work: Path) -> None:
    """A repository that has a champion is left as it is."""
    before = find_champion(str(champion_work / "flight_delay.git"), MODEL)
    assert make_champion(champion_work) == champion_work / "flight_delay.git"
    assert find_champion(str(champion_work / "flight_delay.git"), MODEL) == before


def test_reference_holds_what_monitoring_needs(reference: pd.DataFrame) -> None:
    """Each training flight once, with features, UTC time, label and score, none of which is missing but weather."""
    assert list(reference) == ["prediction_id", "timestamp", *FEATURES, "label", "label_time", "score"]
    assert len(reference) == 77_809
    assert reference["prediction_id"].is_unique
    assert str(reference["timestamp"].dtype) == "datetime64[us, UTC]"
    assert reference["timestamp"].between("2013-01-01T00:00Z", "2013-03-31T23:00Z").all()
    assert set(reference["label"]) == {0, 1}
    assert reference["score"].between(0, 1).all()
    assert not reference.drop(columns=FEATURES[6:]).isna().to_numpy().any()


def test_reference_is_out_of_fold(champion_work: Path, reference: pd.DataFrame, stage: Stage) -> None:
    """The reference ranks as on new days; the model that has seen these flights ranks far better."""
    metrics = json.loads((champion_work / MODEL / "metrics.json").read_text())
    out_of_fold = roc_auc_score(reference["label"], reference["score"])
    assert out_of_fold == pytest.approx(metrics["auc"], abs=1e-6)
    assert 0.690 < out_of_fold < 0.705
    stage("score").main("reference.parquet", "seen.parquet")
    assert roc_auc_score(reference["label"], pd.read_parquet("seen.parquet")["prediction"]) > 0.75


def test_folds_are_whole_days(stage: Stage, reference: pd.DataFrame) -> None:
    """All flights of a day of New York are in one fold, days go round the folds, and folds are alike in size."""
    fold = pd.Series(stage("evaluate").fold_of(reference, 3))
    by_day = fold.groupby(reference["prediction_id"].str[:8])
    assert (by_day.nunique() == 1).all()
    assert (by_day.first().diff().dropna() % 3 == 1).all()
    assert fold.value_counts(normalize=True).between(0.3, 0.37).all()


def test_importances_cover_the_features(champion_work: Path) -> None:
    """Every feature has an importance, and the schedule matters most."""
    importances = json.loads((champion_work / MODEL / "importances.json").read_text())
    assert sorted(importances) == sorted(FEATURES)
    assert next(iter(importances)) == "sched_minute"
    assert all(abs(value) < 0.2 for value in importances.values())


def test_scoring_takes_rows_as_they_come(stage: Stage, reference: pd.DataFrame) -> None:
    """Unseen and missing categories, missing weather and further columns are no obstacle; ids keep their order."""
    rows = reference.drop(columns="label").head(4).iloc[::-1]
    odd: dict[str, Any] = {
        "carrier": pd.Series(["ZZ", None, "UA", ""], index=rows.index),
        "dest": "NOWHERE",
        "temp": np.nan,
        "extra": 1,
    }
    rows.assign(**odd).to_parquet("in.parquet")
    stage("score").main("in.parquet", "out.parquet")
    scored = pd.read_parquet("out.parquet")
    assert list(scored) == ["prediction_id", "prediction"]
    assert list(scored["prediction_id"]) == list(rows["prediction_id"])
    assert scored["prediction"].between(0, 1, inclusive="neither").all()


def test_model_file_of_another_kind_is_refused(stage: Stage) -> None:
    """A model file that would call something else on load is not loaded."""
    skops.io.dump(partial(os.system, "touch executed"), "model.skops")
    with pytest.raises(UntrustedTypesFoundException):
        stage("score").main("reference.parquet", "out.parquet")
    assert not Path("executed").exists()


def test_span_without_flights(stage: Stage) -> None:
    """Data outside 2013 ends the stage with a sentence, not with a model of nothing."""
    params = Path("params.yaml")
    params.write_text(params.read_text().replace("2013-0", "2015-0"))
    with pytest.raises(SystemExit, match="no flight landed from 2015-01-01 to 2015-04-01"):
        stage("prepare").main()


@pytest.mark.parametrize(
    ("flight", "landing", "label"),
    [
        ("20130101-UA-1545-EWR", "2013-01-01T14:30Z", 0),  # 8:30 in Houston
        ("20130101-B6-725-JFK", "2013-01-01T14:04Z", 0),  # 10:04 in Puerto Rico
        ("20130101-HA-51-JFK", "2013-01-02T01:16Z", 0),  # 15:16 in Honolulu
        ("20130101-AA-1141-JFK", "2013-01-01T14:23Z", 1),  # 9:23 in Miami, 33 minutes late
    ],
)
def test_landing_is_the_local_arrival_in_utc(flights: pd.DataFrame, flight: str, landing: str, label: int) -> None:
    """The moment of landing follows the destination's clock, over time zones and midnight."""
    row = flights.loc[flight]
    assert row["label_time"] == pd.Timestamp(landing)
    assert row["label"] == label


@pytest.fixture(scope="module")
def flights(champion_work: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The flights of the first two days."""
    output = tmp_path_factory.mktemp("flights") / "flights.parquet"
    command = [sys.executable, "src/flights.py", "2013-01-01", "2013-01-03", str(output)]
    subprocess.run(command, cwd=champion_work / MODEL, check=True)
    return pd.read_parquet(output).set_index("prediction_id")


def test_flight_that_never_lands_has_no_label(flights: pd.DataFrame) -> None:
    """Cancelled flights are rows without an outcome."""
    cancelled = flights.loc["20130101-EV-4308-EWR":"20130101-EV-4308-EWR"]
    assert len(cancelled) == 1
    assert cancelled[["label", "label_time"]].isna().to_numpy().all()
    assert (flights["label"].isna() == flights["label_time"].isna()).all()


def test_failing_stage_leaves_no_champion_and_the_next_call_starts_again(toy: Path, tmp_path: Path) -> None:
    """A broken pipeline names the command and its last words; once mended, the same folder gets its champion."""
    (toy / "dvc.yaml").write_text(TOY.format(cmd="echo the seed is bad && exit 3"))
    with pytest.raises(DemoFailed, match=r"dvc repro ended with exit code 255 .* failed to run"):
        make_champion(tmp_path / "work")
    with pytest.raises(ReferenceInvalid, match="no champion"):
        find_champion(str(tmp_path / "work" / "flight_delay.git"), MODEL)
    (toy / "dvc.yaml").write_text(TOY.format(cmd=GOOD))
    origin = make_champion(tmp_path / "work")
    assert find_champion(str(origin), MODEL).number == 1


def test_push_that_left_something_behind_is_noticed(toy: Path, tmp_path: Path) -> None:
    """A champion whose files are not in the remote is never published."""
    make_champion(tmp_path / "work")
    shutil.rmtree(tmp_path / "work" / "dvc-remote")
    with pytest.raises(DemoFailed, match=r"the DVC remote lacks .*model\.skops"):
        champion._verify_pushed(tmp_path / "work" / MODEL)


def test_a_first_champion_is_assigned_by_no_model(toy: Path, tmp_path: Path) -> None:
    """Who tagged is shown as who assigned: of another model's champion it was once the name of the flights' model."""
    shutil.copytree(toy, toy.with_name("fraud"))
    (assignment,) = history(str(make_champion(tmp_path / "work", "fraud")), "fraud")
    assert (assignment.by, assignment.reason) == ("demonstration", "first champion")
