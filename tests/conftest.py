"""Fixtures shared by all parts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from monitoring_tasks.runtime import Runtime, environment_runtime
from tests.dvc_pipeline import churn, churn_template
from tests.postgres import _postgres_server, postgres_url
from tests.production import Production

__all__ = ["_postgres_server", "churn", "churn_template", "postgres_url"]

# How long an example takes says more about the machine than about the code.
# Where a change is judged, the same examples are tried each time; a developer's machine looks for others.
settings.register_profile("project", deadline=None, print_blob=True, derandomize="CI" in os.environ)
settings.load_profile("project")

# The files of a model's own pipeline: they run in a checkout of it.
collect_ignore = ["churn", "arrivals"]


@pytest.fixture
def production(tmp_path: Path) -> Production:
    """A monitor with thirty days of reference and no production yet."""
    return Production(tmp_path)


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    """A runtime of its own in the test's folder."""
    opened = environment_runtime({"MONITORING_HOME": str(tmp_path / "home")})
    with opened.store:
        yield opened
