"""The notebook of the page about the API, as it is written there, against Airflow's own API server."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from monitoring_tasks.runtime import Runtime
from tests.docs.pages import of_language

pytestmark = pytest.mark.xdist_group("airflow")


def password() -> str:
    """That of the user `admin`, as Airflow's simple auth manager makes it up."""
    found = Path(os.environ["AIRFLOW_HOME"]) / "simple_auth_manager_passwords.json.generated"
    return str(json.loads(found.read_text(encoding="utf-8"))["admin"])


def test_the_notebook_runs(world: Runtime, site: str) -> None:
    """But for address, name, password and year."""
    [code] = [block.text for block in of_language("python") if block.page == "docs/api.md"]
    for written, here in {
        "http://localhost:8080": site,
        '"ada"': '"admin"',
        '"..."': json.dumps(password()),
        "2026": "2013",
    }.items():
        assert written in code
        code = code.replace(written, here)
    names: dict[str, Any] = {}
    exec(compile(code, "docs/api.md", "exec"), names)
    assert "churn" in set(names["models"]["monitor"])
    assert set(names["verdicts"]["monitor"]) == {"churn"}
    assert list(names["scores"].columns) == ["age", "plan"]
    assert names["scores"].notna().any().all()
    assert names["whole"]["monitor"] == "churn"
