"""A database of each kind."""

from __future__ import annotations

from tests.databases import engine, engines

__all__ = ["engine", "engines"]
