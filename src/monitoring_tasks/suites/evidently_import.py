"""Imports Evidently once, before any other module does: without its remarks about its own code, and telling nobody."""

from __future__ import annotations

import os
import warnings

# Evidently's telemetry lives in its own UI service, which nothing here starts; it may not phone home even so.
os.environ.setdefault("DO_NOT_TRACK", "1")

with warnings.catch_warnings():  # deprecated NumPy names, invalid escapes: nothing that a task's log should carry
    warnings.simplefilter("ignore")
    import evidently

VERSION: str = evidently.__version__
"""The version in use."""
