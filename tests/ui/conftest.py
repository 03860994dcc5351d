"""Airflow in this process."""

from __future__ import annotations

from tests.airflow_home import _airflow_database, _monitors, _production
from tests.ui.server import server
from tests.ui.world import world

__all__ = ["_airflow_database", "_monitors", "_production", "server", "world"]
