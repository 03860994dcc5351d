"""How good the model is on customers it has not seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from features import FEATURES
from joblib import Parallel, delayed
from model import fit, predict, sample, shares
from sklearn.inspection import permutation_importance
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score
from sklearn.pipeline import Pipeline

Scores = npt.NDArray[np.float64]


def fold_of(payments: pd.DataFrame, folds: int) -> npt.NDArray[np.int64]:
    """The fold of each payment: that of its customer.

    A stolen card pays several times: one of its payments on each side of a split would flatter the model.
    """
    found: npt.NDArray[np.int64] = (shares(payments["customer_id"]) * folds).astype(np.int64)
    return found


def cross_validate(payments: pd.DataFrame, params: dict[str, Any]) -> tuple[Scores, Scores]:
    """Out-of-fold score of each payment, and the mean loss of average precision when one feature is shuffled."""
    fold = fold_of(payments, params["folds"])
    parts = [fold == number for number in range(params["folds"])]
    several = Parallel(n_jobs=-1, prefer="threads")
    found = several(delayed(leave_out)(payments, unseen, params["train"]) for unseen in parts)
    scores = np.empty(len(payments))
    for unseen, (their_scores, _) in zip(parts, found, strict=True):
        scores[unseen] = their_scores
    return scores, np.mean([losses for _, losses in found], axis=0)


def leave_out(payments: pd.DataFrame, unseen: npt.NDArray[np.bool_], train: dict[str, Any]) -> tuple[Scores, Scores]:
    """Scores of one fold by a model of the others, and the loss when a feature is shuffled in it."""
    model = fit(payments[~unseen], train)
    return predict(model, payments[unseen]), shuffling_loss(model, payments[unseen], train)


def shuffling_loss(model: Pipeline, payments: pd.DataFrame, train: dict[str, Any]) -> Scores:
    """Loss of average precision per feature when its values are shuffled among the payments."""
    rows, weights = sample(payments, train["legitimate"])
    # Shuffled after encoding, which is the same and faster; the encoder keeps the order of FEATURES.
    loss = permutation_importance(
        model[-1],
        model[:-1].transform(rows[FEATURES]),
        rows["label"],
        scoring="average_precision",
        n_repeats=1,
        random_state=train["seed"],
        sample_weight=weights,
    )
    means: Scores = loss.importances_mean
    return means


def measure(label: pd.Series, scores: Scores, alert_rate: float) -> dict[str, float]:
    """Quality of the scores; `recall_at_rate` is the share of frauds among the rows of the highest scores."""
    alerted = np.argsort(-scores, kind="stable")[: round(alert_rate * len(scores))]
    return {
        "average_precision": float(average_precision_score(label, scores)),
        "recall_at_rate": float(label.to_numpy()[alerted].sum() / label.sum()),
        "auc": float(roc_auc_score(label, scores)),
        "log_loss": float(log_loss(label, scores)),
        "gap": float(label.mean() - scores.mean()),
        "rows": len(label),
        "positives": int(label.sum()),
    }
