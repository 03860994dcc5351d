"""The demonstration's champion and production, made once for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo.champion import make_champion
from demo.production import replay_production


@pytest.fixture(scope="session")
def champion_work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder with the champion trained on January to March."""
    work = tmp_path_factory.mktemp("demo")
    make_champion(work)
    return work


@pytest.fixture(scope="session")
def production(champion_work: Path) -> Path:
    """The replayed production of April to December."""
    replay_production(champion_work)
    return champion_work / "production"
