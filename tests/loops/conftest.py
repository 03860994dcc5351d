"""Airflow in this process, and what runs in it."""

from __future__ import annotations

from tests.airflow_home import _airflow_database, _monitors, _production
from tests.orchestration.conftest import run_dag

__all__ = ["_airflow_database", "_monitors", "_production", "run_dag"]
