"""A classifier that learns to tell a window's rows from the reference's, and what it tells them by.

Boosted trees see every column, and the products of those pairs that changed most in the training rows, since a tree
that grows split by split hardly finds a change that no single column shows. All is judged out of fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitoring_tasks.calibration.domain_features import (
    BINS,
    Flags,
    Floats,
    Places,
    Rows,
    midranks,
    strongest_pairs,
)

_FOLDS = 5
_PAIRS = 10
_SHOWN = 10
_RANKED = 30
"""Of more columns, those that matter most in the first fold are tried in the others."""
_MATTERS = (0.005, 0.1)
"""A column is named when the AUC falls by at least this without it, and by this share of what the first one costs."""
_SEED = 20_170_424


@dataclass(frozen=True, eq=False)
class Model:
    """A classifier fitted on all folds but one, the pairs of terms it multiplies, and the rows of its own fold."""

    classifier: Any
    pairs: Places
    rows: Rows

    def auc(self, features: Floats) -> float:
        """How well it tells its own rows apart by these features of theirs."""
        return _area(self.classifier.predict_proba(features)[:, 1], self.rows.current)


def fitted(rows: Rows) -> list[Model]:
    """One model for each fold; the rows of either side are spread evenly over the folds."""
    own = _folds(rows.current)
    parts = [(np.flatnonzero(own != fold), np.flatnonzero(own == fold)) for fold in range(_FOLDS)]
    with _one_thread():
        return [_fit(rows.take(others), rows.take(its)) for others, its in parts]


def _one_thread() -> AbstractContextManager[Any]:
    """Sums that threads share depend on which of them ends first; and trees this small gain nothing by threads."""
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[Any] = threadpool_limits(1)
    return limits


def _folds(current: Flags) -> Places:
    random = np.random.default_rng(_SEED)
    folds = np.empty(len(current), np.int64)
    for side in (~current, current):
        folds[side] = random.permutation(np.count_nonzero(side)) % _FOLDS
    return folds


def _fit(train: Rows, test: Rows) -> Model:
    from sklearn.ensemble import HistGradientBoostingClassifier

    pairs = strongest_pairs(train, _PAIRS)
    classifier = HistGradientBoostingClassifier(
        max_iter=40,
        learning_rate=0.08,
        max_leaf_nodes=6,
        min_samples_leaf=30,
        l2_regularization=1.0,
        max_features=0.5,
        max_bins=BINS,
        categorical_features=np.concatenate([train.categorical, np.zeros(len(pairs), np.bool_)]),
        early_stopping=False,
        random_state=_SEED,
    )
    classifier.fit(_features(train.values, train.terms[:, pairs]), train.current)
    return Model(classifier, pairs, test)


def _features(values: Floats, factors: Floats) -> Floats:
    """The columns' values, and the products of the pairs: `factors` is rows x pairs x 2."""
    return np.hstack([values, factors[:, :, 0] * factors[:, :, 1]])


def _area(scores: Floats, positive: Flags) -> float:
    """Area under the ROC curve, from ranks (Mann and Whitney 1947)."""
    ranks = midranks(scores)[positive]
    return float((ranks.mean() - len(ranks) / 2) / (len(scores) - len(ranks)))


def mean_auc(models: Sequence[Model]) -> float:
    """The mean over folds: scores of different models are not to be compared with each other."""
    with _one_thread():
        own = [model.auc(_features(model.rows.values, model.rows.terms[:, model.pairs])) for model in models]
    return round(float(np.mean(own)), 6)


def ranking(models: Sequence[Model], names: Sequence[str]) -> tuple[tuple[str, float], ...]:
    """The columns that matter, at most 10: by how much the mean AUC falls when each one's values are shuffled."""
    columns = np.arange(len(names))
    with _one_thread():
        if len(columns) > _RANKED:
            columns = columns[np.argsort(-_drops(models[0], columns), kind="stable")[:_RANKED]]
        drops = np.mean([_drops(model, columns) for model in models], axis=0)
    least = max(_MATTERS[0], _MATTERS[1] * float(drops.max()))
    best = np.argsort(-drops, kind="stable")[:_SHOWN]
    return tuple((names[columns[place]], round(float(drops[place]), 4)) for place in best if drops[place] >= least)


def _drops(model: Model, columns: Places) -> Floats:
    """By how much the AUC falls when the values of each of `columns` are shuffled among the model's own rows."""
    shuffled = np.random.default_rng(_SEED).permutation(len(model.rows.current))
    base = model.auc(_features(model.rows.values, model.rows.terms[:, model.pairs]))
    return np.array([base - model.auc(_without(model, int(column), shuffled)) for column in columns])


def _without(model: Model, column: int, shuffled: Places) -> Floats:
    """The features of the model's own rows when one column's values are shuffled, in its products too."""
    values, factors = model.rows.values.copy(), model.rows.terms[:, model.pairs]
    values[:, column] = values[shuffled, column]
    return _features(values, np.where(model.rows.owners[model.pairs] == column, factors[shuffled], factors))
