"""What the plugin does to the process that serves its pages."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from tests.ui.server import browser

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

    from monitoring_tasks.runtime import Runtime

pytestmark = pytest.mark.xdist_group("airflow")


def test_a_full_collection_is_short(server: TestClient, world: Runtime) -> None:
    """From the first page on the collector looks through what pages make, not through all of Airflow."""
    assert server.get("/monitoring/", headers=browser("viewer")).status_code == 200
    assert gc.get_freeze_count() > 100_000
    assert gc.get_freeze_count() > len(gc.get_objects(generation=2))
