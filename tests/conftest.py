"""Fixtures shared by all parts."""

from __future__ import annotations

from tests.postgres import _postgres_server, postgres_url

__all__ = ["_postgres_server", "postgres_url"]
