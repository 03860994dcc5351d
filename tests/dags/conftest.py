"""Airflow in this process."""

from __future__ import annotations

from tests.airflow_home import _airflow_database, _monitors, _production

__all__ = ["_airflow_database", "_monitors", "_production"]
