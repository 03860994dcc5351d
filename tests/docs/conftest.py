"""Airflow in this process, with a small fleet in the store, for what the pages ask of it."""

from __future__ import annotations

from tests.airflow_home import _airflow_database, _monitors
from tests.ui.browser import site
from tests.ui.server import server
from tests.ui.world import world

__all__ = ["_airflow_database", "_monitors", "server", "site", "world"]
