"""The model: what it sees, how it is built, and its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import skops.io
from features import CATEGORIES, FEATURES, NUMBERS, WEATHER
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

# One thread adds gradients in one order on every machine, and does not spin when the machine is busy.
threadpool_limits(1)


def build_model(train: dict[str, Any]) -> Pipeline:
    """An unfitted model. A category it has not seen counts as missing, and missing values are a branch of their own."""
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    columns = make_column_transformer((codes, CATEGORIES), ("passthrough", [*NUMBERS, *WEATHER]))
    boosting = HistGradientBoostingClassifier(
        max_iter=train["iterations"],
        max_leaf_nodes=train["leaves"],
        learning_rate=train["learning_rate"],
        random_state=train["seed"],
        early_stopping=False,
        categorical_features=list(range(len(CATEGORIES))),
    )
    return make_pipeline(columns, boosting)


def predict(model: Pipeline, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Probability that each flight lands late."""
    scores: npt.NDArray[np.float64] = model.predict_proba(rows[FEATURES])[:, 1]
    return scores


def save_model(model: Pipeline) -> None:
    """Write the model's file."""
    skops.io.dump(model, FILE)


def load_model() -> Pipeline:
    """Read the model's file; a type that is not trusted raises."""
    return skops.io.load(FILE, trusted=TRUSTED)
