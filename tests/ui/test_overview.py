"""The overview page inside Airflow's own API server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from monitoring_tasks.runtime import Runtime
from tests.ui.server import HTML, headers

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

pytestmark = pytest.mark.xdist_group("airflow")


def test_every_model_has_its_line(server: TestClient, world: Runtime) -> None:
    """The worst comes first; a model without a verdict is unknown, not healthy."""
    answer = server.get("/monitoring/", headers=headers("viewer", **HTML))
    assert answer.status_code == 200, answer.text
    places = [answer.text.index(f">{name}</a>") for name in ("fraud", "spam", "quiet", "churn")]
    assert places == sorted(places)
