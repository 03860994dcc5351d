"""The run's parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML


def read_params() -> dict[str, Any]:
    """Everything in `params.yaml` of the working folder."""
    params: dict[str, Any] = YAML(typ="safe", pure=True).load(Path("params.yaml"))
    return params
