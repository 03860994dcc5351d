"""Empty databases of each kind that rows are read from."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> sa.Engine:
    """An empty database of each kind."""
    if request.param == "postgresql":
        return sa.create_engine(request.getfixturevalue("postgres_url"), poolclass=sa.NullPool)
    return sa.create_engine(f"sqlite:///{tmp_path / 'rows.db'}", poolclass=sa.NullPool)


@pytest.fixture
def engines(tmp_path: Path, postgres_url: str) -> list[sa.Engine]:
    """One database of each kind."""
    urls = [f"sqlite:///{tmp_path / 'rows.db'}", postgres_url]
    return [sa.create_engine(url, poolclass=sa.NullPool) for url in urls]
