"""The model: how it is built, what it learns from, and its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import skops.io
from features import CATEGORIES, FEATURES
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from threadpoolctl import threadpool_limits

FILE = Path("model.skops")
# The only types beyond plain scikit-learn that the file may hold; anything else stops the load.
TRUSTED = [
    "functools.partial",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.utils.validation.check_array",
]


def one_thread() -> None:
    """Let the calling thread start no others: one adds gradients in one order, and does not spin on a busy machine."""
    threadpool_limits(1)


def shares(ids: pd.Series) -> npt.NDArray[np.float64]:
    """A number from 0 to 1 for each id, always the same: the draw of a row does not depend on the rows beside it."""
    uniform: npt.NDArray[np.float64] = (pd.util.hash_array(ids.to_numpy()) >> np.uint64(11)) * 2.0**-53
    return uniform


def sample(payments: pd.DataFrame, legitimate: float) -> tuple[pd.DataFrame, npt.NDArray[np.float64]]:
    """Every fraud and a share of the legitimate payments, and the weights that make up for those left out.

    With them scores are the chances that they would be if every row were learnt from.
    """
    fraud = payments["label"].to_numpy() == 1
    kept = fraud | (shares(payments["payment_id"]) < legitimate)
    return payments[kept], np.where(fraud[kept], 1.0, 1 / legitimate)


def fit(payments: pd.DataFrame, train: dict[str, Any]) -> Pipeline:
    """A model of labelled payments. A category that it has not seen counts as missing."""
    one_thread()
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    columns = make_column_transformer((codes, CATEGORIES), remainder="passthrough")
    boosting = HistGradientBoostingClassifier(
        max_iter=train["iterations"],
        max_leaf_nodes=train["leaves"],
        min_samples_leaf=train["leaf_rows"],
        l2_regularization=train["shrinkage"],
        learning_rate=train["learning_rate"],
        random_state=train["seed"],
        early_stopping=False,
        categorical_features=list(range(len(CATEGORIES))),
    )
    rows, weights = sample(payments, train["legitimate"])
    model = make_pipeline(columns, boosting)
    return model.fit(rows[FEATURES], rows["label"], histgradientboostingclassifier__sample_weight=weights)


def predict(model: Pipeline, payments: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Probability that each payment is fraud, in whole per cent: 0.00 to 1.00.

    Below that the scores of two trainings differ by chance alone, for 24 payments in 25: as digits that nobody acts on
    they would be drift of the score, from the folds' models to the one that is served.
    """
    one_thread()
    scores: npt.NDArray[np.float64] = model.predict_proba(payments[FEATURES])[:, 1].round(2)
    return scores


def save_model(model: Pipeline) -> None:
    """Write the model's file."""
    skops.io.dump(model, FILE)


def load_model() -> Pipeline:
    """Read the model's file; a type that is not trusted raises."""
    return skops.io.load(FILE, trusted=TRUSTED)
