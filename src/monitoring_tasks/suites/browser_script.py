"""Evidently's browser script: hosted once, referred to by every report."""

from __future__ import annotations

from pathlib import Path

from evidently.legacy.utils.dashboard import STATIC_PATH

from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.suites.evidently_import import VERSION

SCRIPT_NAME = f"evidently-{VERSION}.js"
"""File name under which the script is hosted; it names the version, because pages and script belong together."""


def script() -> bytes:
    """The script that draws a report's widgets, about 4 MB. Raises `ConfigurationError` when Evidently lacks it."""
    path = Path(STATIC_PATH) / "index.js"
    if not path.is_file():
        raise ConfigurationError(f"Evidently's script is not at {path}: install evidently>=0.7.23,<0.8 again")
    return path.read_bytes()
