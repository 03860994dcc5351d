"""Gives Airflow the monitoring plugin where the package is on the path but not installed."""

from __future__ import annotations

from monitoring_tasks.ui.plugin import MonitoringPlugin

__all__ = ["MonitoringPlugin"]
