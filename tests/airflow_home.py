"""Airflow in this process: its own SQLite database and the repository's DAG files, in a home of the process's own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.production import Production

ROOT = Path(__file__).parents[1]
HOME = Path(os.environ["AIRFLOW_HOME"])


@pytest.fixture(scope="session", name="airflow_database")
def _airflow_database() -> None:
    """Airflow's tables, once per process, and the DAG files and the plugin where Airflow looks for them."""
    from airflow.utils.db import initdb

    for folder in ("dags", "plugins"):
        shutil.copytree(ROOT / folder, HOME / folder, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    initdb()


@pytest.fixture(name="production")
def _production(monitors: Path) -> Production:
    """A monitor `churn` in a folder of its own that the DAG files read; results are kept beside it."""
    return Production(monitors)


@pytest.fixture(name="monitors")
def _monitors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of monitors that the DAG files read, still empty."""
    from monitoring_tasks.orchestration.runtime import airflow_runtime

    monkeypatch.setenv("MONITORING_MONITORS", str(tmp_path / "monitors"))
    monkeypatch.setenv("MONITORING_HOME", str(tmp_path))
    (tmp_path / "monitors").mkdir()
    airflow_runtime.cache_clear()
    yield tmp_path / "monitors"
    if airflow_runtime.cache_info().currsize:
        airflow_runtime().store.close()
    airflow_runtime.cache_clear()
