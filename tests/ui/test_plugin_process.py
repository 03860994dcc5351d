"""What the plugin does to the process that serves its pages."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.xdist_group("airflow")
SERVE = """
import gc
from airflow.api_fastapi.app import create_app
from fastapi.testclient import TestClient
with TestClient(create_app(apps="core"), raise_server_exceptions=False) as client:
    status = client.get("/monitoring/").status_code
    print(status, gc.get_freeze_count(), len(gc.get_objects(generation=2)))
"""


@pytest.mark.usefixtures("airflow_database")
def test_a_full_collection_is_short() -> None:
    """From the first page on the collector looks through what pages make, not through all of Airflow."""
    served = subprocess.run([sys.executable, "-c", SERVE], check=True, capture_output=True, text=True)
    status, frozen, walked = map(int, served.stdout.splitlines()[-1].split())
    assert status in (200, 302, 303, 307, 401)
    assert frozen > 100_000
    assert frozen > 5 * walked
