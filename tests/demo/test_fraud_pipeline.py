"""The fraud pipeline in a repository of its own: a real DVC run on a month of made payments."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

from demo.champion import first_tags, make_champion, repository
from demo.worlds.payment_logs import DAY, FIRST, days, labels, rule_of_thumb, write
from demo.worlds.world import EXAMPLES
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.retraining.registry import find_champion

pytestmark = [pytest.mark.xdist_group("fraud"), pytest.mark.timeout(600)]
MODEL = "fraud"
Stage = Callable[[str], Any]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A champion of the first four weeks; the logs hold no others."""
    folder = tmp_path_factory.mktemp("fraud")
    rows = days(FIRST, FIRST + 28 * DAY)
    write(rows.assign(score=rule_of_thumb(rows)), folder / "logs", version="rule")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FRAUD_LOG", str(folder / "logs"))
        make_champion(folder, MODEL)
        yield folder


@pytest.fixture
def stage(work: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Imports a script of the pipeline, which works in the trained tree."""
    tree = work / MODEL
    monkeypatch.chdir(tree)
    monkeypatch.syspath_prepend(tree / "src")
    names = [script.stem for script in (tree / "src").glob("*.py")]
    kept = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    yield importlib.import_module
    for name in names:
        sys.modules.pop(name, None)
    sys.modules.update(kept)


def read(work: Path, name: str) -> Any:
    """A JSON output of the pipeline."""
    return json.loads((work / MODEL / name).read_text())


def test_the_champion_is_tagged_with_its_figures(work: Path) -> None:
    """Version and place are tags on one commit, and the model finds most frauds where few payments are looked into."""
    origin = str(repository(work, MODEL))
    assert find_champion(origin, MODEL).tag == first_tags(MODEL)[0]
    metrics = read(work, "metrics.json")
    assert metrics["average_precision"] > 0.3
    assert metrics["recall_at_rate"] > 0.5
    assert abs(metrics["gap"]) < 0.001
    assert metrics["positives"] / metrics["rows"] == pytest.approx(0.003, rel=0.2)


def test_importances_are_of_the_monitor_s_features(work: Path) -> None:
    """Derived columns bear the monitor's names, and the amount matters as a ratio to what is usual."""
    importances = read(work, "importances.json")
    derived = load_monitor(EXAMPLES / "fraud.yaml").derived
    assert set(derived) <= set(importances)
    assert next(iter(importances)) == "amount_ratio"
    assert list(importances.values()) == sorted(importances.values(), reverse=True)


def test_the_reference_is_what_was_logged(work: Path) -> None:
    """Each payment once, with its label, when it was known, and a score in whole per cent; nothing derived."""
    reference = pd.read_parquet(work / MODEL / "reference.parquet")
    assert reference["payment_id"].is_unique
    assert {"label", "label_time", "score", "customer_id"} < set(reference)
    assert not {"amount_ratio", "hour", "fraud"} & set(reference)
    assert (reference["score"].round(2) == reference["score"]).all()
    metrics = read(work, "metrics.json")
    assert average_precision_score(reference["label"], reference["score"]) == pytest.approx(
        metrics["average_precision"], abs=1e-6
    )


def test_folds_are_whole_customers(stage: Stage) -> None:
    """No customer is on both sides of a split, and folds are alike in size."""
    payments = pd.read_parquet("payments.parquet")
    fold = pd.Series(stage("evaluate").fold_of(payments, 3))
    assert (fold.groupby(payments["customer_id"].to_numpy()).nunique() == 1).all()
    assert fold.value_counts(normalize=True).between(0.3, 0.37).all()


def test_the_same_rows_give_the_same_outputs(work: Path, stage: Stage) -> None:
    """A second run of each stage writes the same reference, figures and importances."""
    names = ("reference.parquet", "metrics.json", "importances.json", "payments.parquet")
    before = {name: (work / MODEL / name).read_bytes() for name in names}
    for name in ("prepare", "train"):
        stage(name).main()
    assert {name: (work / MODEL / name).read_bytes() for name in names} == before


def test_labels_of_later_days_were_not_known(stage: Stage, work: Path) -> None:
    """A correction that was logged after the labels were final would not have been there when the training was due."""
    rows = days(FIRST, FIRST + 7 * DAY)
    final = 10
    span = {"start": f"{FIRST}", "end": f"{FIRST + 7 * DAY}", "final": final}
    found = stage("prepare").labelled(work / "logs", span)
    known = labels(rows.assign(score=rule_of_thumb(rows)))
    until = pd.Timestamp(FIRST + timedelta(days=7 + final), tz="UTC")
    assert len(found) == (known["label_time"] < until).sum() > 0
    assert found["label_time"].max() < until


def test_scoring_takes_rows_as_they_come(stage: Stage, tmp_path: Path) -> None:
    """Derived columns, unseen categories and a customer without a usual amount hurt nothing; ids keep their order."""
    rows = pd.read_parquet("payments.parquet").head(50).iloc[::-1]
    rows.assign(amount_ratio=-1.0, channel="pigeon", usual_amount=0.0).to_parquet(tmp_path / "in.parquet")
    stage("score").main(str(tmp_path / "in.parquet"), str(tmp_path / "out.parquet"))
    scored = pd.read_parquet(tmp_path / "out.parquet")
    assert list(scored) == ["payment_id", "prediction"]
    assert list(scored["payment_id"]) == list(rows["payment_id"])
    assert scored["prediction"].between(0, 1).all()


@pytest.mark.parametrize(
    ("variable", "start", "said"),
    [(None, "2025-01-06", "FRAUD_LOG is not set"), ("logs", "2025-01-30", "is known as fraud, or none as legitimate")],
)
def test_what_cannot_be_learnt_from_is_said(
    work: Path, tmp_path: Path, variable: str | None, start: str, said: str
) -> None:
    """Without the logs, or without a payment of each kind, the first stage ends with a sentence."""
    (tmp_path / "params.yaml").write_text(f"data: {{start: '{start}', end: '{start}', final: 60}}\n")
    environment = {name: value for name, value in os.environ.items() if name != "FRAUD_LOG"}
    if variable:
        environment["FRAUD_LOG"] = str(work / variable)
    program = [sys.executable, str(work / MODEL / "src" / "prepare.py")]
    done = subprocess.run(program, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert said in done.stderr
