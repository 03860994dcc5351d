"""Airflow reads its settings when it is imported, which collecting doctests does: they are set before that."""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import tempfile

HOME = tempfile.mkdtemp(prefix="monitoring-airflow-")
atexit.register(shutil.rmtree, HOME, ignore_errors=True)

for _name in [name for name in os.environ if name.startswith(("AIRFLOW_", "MONITORING_"))]:
    del os.environ[_name]
os.environ.update(
    AIRFLOW_HOME=HOME,
    AIRFLOW__API_AUTH__JWT_SECRET=secrets.token_hex(64),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL="0",  # a changed monitor counts at once, not 30 s later
    AIRFLOW__CORE__DAGS_FOLDER=f"{HOME}/dags",
    AIRFLOW__CORE__PLUGINS_FOLDER=f"{HOME}/plugins",
    AIRFLOW__CORE__UNIT_TEST_MODE="False",
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED="False",
    DO_NOT_TRACK="1",
)
