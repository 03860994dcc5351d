"""What a flight gains in the air, by its distance; which way it ends, by its distance and its delay at take-off."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

CLASSES = ("early", "late", "on time")
DELAYS = (-8.0, -5.0, -3.0, -1.0, 2.0, 6.0, 12.0, 20.0, 30.0)


def cells(model: dict[str, Any], rows: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """The cell of each flight's distance, and that of its distance and delay."""
    distance = np.searchsorted(model["edges"], rows["distance"].to_numpy())
    late = np.searchsorted(DELAYS, rows["dep_delay"].to_numpy(), side="right")
    return distance, late * (len(model["edges"]) + 1) + distance


def minutes(model: dict[str, Any], rows: pa.Table) -> np.ndarray:
    """Expected delay at arrival: that at take-off, less what flights of such a distance make up for."""
    return rows["dep_delay"].to_numpy() + np.array(model["gain"])[cells(model, rows)[0]]


def probabilities(model: dict[str, Any], rows: pa.Table) -> np.ndarray:
    """Probability of each of `CLASSES`."""
    return np.array(model["shares"])[cells(model, rows)[1]]


def predict(rows: pa.Table) -> dict[str, Any]:
    """Columns that are logged: `predicted`, and of classes also the probability of each."""
    model = json.loads(Path("model.json").read_text())
    if "gain" in model:
        return {"predicted": minutes(model, rows)}
    found = probabilities(model, rows)
    chances = {f"p_{name.replace(' ', '_')}": found[:, place] for place, name in enumerate(CLASSES)}
    return {"predicted": np.array(CLASSES)[found.argmax(axis=1)], **chances}
