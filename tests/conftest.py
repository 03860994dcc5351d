"""Fixtures shared by all parts."""

from __future__ import annotations

from hypothesis import settings

from tests.dvc_pipeline import churn, churn_template
from tests.postgres import _postgres_server, postgres_url

__all__ = ["_postgres_server", "churn", "churn_template", "postgres_url"]

# How long an example takes says more about the machine than about the code.
settings.register_profile("project", deadline=None, print_blob=True)
settings.load_profile("project")

# The files of a model's own pipeline: they run in a checkout of it.
collect_ignore = ["churn"]
