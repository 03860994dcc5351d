"""The command of the other worlds: which there are, and what its exit code says."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

import demo.worlds.__main__ as worlds
from demo.worlds.world import WORLDS, World


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose worlds nobody has visited yet."""
    monkeypatch.setattr(worlds, "ROOT", tmp_path)
    return tmp_path


@pytest.mark.parametrize("arguments", [[], ["nowhere"], ["llm", "fraud"]])
def test_a_world_that_there_is_not_is_refused(
    arguments: list[str], root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says which there are, and makes no folder."""
    assert worlds.main(arguments) == 2
    assert "python -m demo.worlds llm" in capsys.readouterr().out
    assert not (root / ".demo").exists()


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("failures", [[], ["refusals were not found", "and [nobody] was told"]])
def test_a_story_that_does_not_hold_is_told(
    name: str, failures: list[str], root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each sentence is printed as it is, and the command ends with 1; else with 0. The world begins empty."""
    (root / ".demo" / name).mkdir(parents=True)
    (root / ".demo" / name / "left").touch()
    seen: list[list[Path]] = []

    def run(world: World) -> list[str]:
        seen.append([*world.work.iterdir()])
        return failures

    monkeypatch.setattr(import_module(f"demo.worlds.{name}"), "run", run)
    assert worlds.main([name]) == bool(failures)
    assert seen == [[]]
    said = capsys.readouterr().out
    assert all(f"does not hold: {sentence}" in said for sentence in failures)
