"""Stage evaluate: how good the model is on days it has not seen, and the reference that monitoring compares with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from features import FEATURES
from model import load_model, predict
from params import read_params
from sklearn.base import clone
from sklearn.inspection import permutation_importance
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score
from sklearn.model_selection import PredefinedSplit
from sklearn.pipeline import Pipeline

Scores = npt.NDArray[np.float64]


def fold_of(flights: pd.DataFrame, folds: int) -> npt.NDArray[np.int64]:
    """The fold of each flight: whole days of New York, dealt in turn, so that each fold spans the season.

    Flights of a day share the weather: a day on both sides of a split would flatter the model.
    """
    day = flights["timestamp"].dt.tz_convert("America/New_York").dt.tz_localize(None).dt.floor("D")
    ordinal: npt.NDArray[np.int64] = day.rank(method="dense").to_numpy(dtype="int64")
    return ordinal % folds


def cross_validate(flights: pd.DataFrame, fold: npt.NDArray[np.int64], seed: int) -> tuple[Scores, Scores]:
    """Out-of-fold score of each flight, and the mean loss of AUC on unseen days when one feature is shuffled."""
    scores, losses = np.empty(len(flights)), []
    for seen, unseen in PredefinedSplit(fold).split():
        model = clone(load_model()).fit(flights[FEATURES].iloc[seen], flights["label"].iloc[seen])
        scores[unseen] = predict(model, flights.iloc[unseen])
        losses.append(shuffling_loss(model, flights.iloc[unseen], seed))
    return scores, np.mean(losses, axis=0)


def shuffling_loss(model: Pipeline, flights: pd.DataFrame, seed: int) -> Scores:
    """Loss of AUC per feature when its values are shuffled among the flights."""
    # Shuffled after encoding, which is the same and many times faster; the encoder keeps the order of FEATURES.
    encoded = model[:-1].transform(flights[FEATURES])
    loss = permutation_importance(
        model[-1], encoded, flights["label"], scoring="roc_auc", n_repeats=1, random_state=seed
    )
    means: Scores = loss.importances_mean
    return means


def measure(label: pd.Series, scores: Scores) -> dict[str, float]:
    """Quality of the scores; `gap` is the share that was late minus the share that was predicted."""
    return {
        "auc": float(roc_auc_score(label, scores)),
        "log_loss": float(log_loss(label, scores)),
        "brier": float(brier_score_loss(label, scores)),
        "gap": float(label.mean() - scores.mean()),
        "rows": len(label),
        "positives": int(label.sum()),
    }


def write_json(path: str, value: dict[str, Any]) -> None:
    """Write rounded figures: digits beyond the sixth are not worth a difference in git."""
    rounded = {key: round(number, 6) for key, number in value.items()}
    Path(path).write_text(json.dumps(rounded, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Write `metrics.json`, `importances.json` and `reference.parquet`."""
    params = read_params()
    flights = pd.read_parquet("flights.parquet")
    scores, losses = cross_validate(flights, fold_of(flights, params["folds"]), params["train"]["seed"])
    write_json("metrics.json", measure(flights["label"], scores))
    write_json("importances.json", dict(sorted(zip(FEATURES, losses.tolist(), strict=True), key=lambda pair: -pair[1])))
    flights.assign(score=scores).to_parquet("reference.parquet", index=False)


if __name__ == "__main__":
    main()
