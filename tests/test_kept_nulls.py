"""Nulls that are learnt once and kept: those of width, baselines and reference, made again where they are lost."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitoring_tasks import kept_nulls
from monitoring_tasks.calibration.calibrate import Calibration
from monitoring_tasks.calibration.domain import JointNull
from monitoring_tasks.champion import load_reference, pin_champion
from monitoring_tasks.kept_nulls import joint_kinds, load_calibration, load_joint
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.runtime import Runtime
from tests.production import YAML, Production


def broken(*_: object, **__: object) -> Any:
    """A function with a bug in it."""
    raise ZeroDivisionError("a bug")


def stored_nulls(tmp_path: Path) -> dict[str, Path]:
    """The stored nulls by what they are of."""
    return {path.name.partition("-")[0]: path for path in tmp_path.rglob("references/churn/*/*-*.json")}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"columns": {}}', b"null", b"\xff"])
def test_nulls_are_kept_and_made_again_where_they_cannot_be_read(
    production: Production, runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    """Both are made once; a file that is cut off or not ours is replaced by the same bytes, and takes no run down."""
    monkeypatch.setattr(kept_nulls, "joint_null", lambda *_, **__: JointNull(0.2, 0.1, 9, (2000, 300)))
    monitor = load_monitor(production.monitor_file)
    reference = load_reference(monitor, runtime, pin_champion(monitor, runtime))

    def loaded() -> tuple[Calibration, JointNull]:
        width = timedelta(days=1)
        return load_calibration(monitor, runtime, reference, width), load_joint(monitor, runtime, reference, width)

    before, files = loaded(), stored_nulls(tmp_path)
    assert files.keys() == {"calibration", "joint"}
    bytes_of = {name: path.read_bytes() for name, path in files.items()}
    for path in files.values():
        path.write_bytes(content)
    assert loaded() == before
    assert {name: path.read_bytes() for name, path in files.items()} == bytes_of
    for name in ("calibrate", "joint_null"):
        monkeypatch.setattr(kept_nulls, name, broken)
    assert loaded() == before


def test_nulls_are_those_of_width_and_baselines(production: Production, runtime: Runtime) -> None:
    """Another width or another baseline is another null, kept beside the first."""
    monitor = load_monitor(production.monitor_file)
    reference = load_reference(monitor, runtime, pin_champion(monitor, runtime))
    daily, weekly = (load_calibration(monitor, runtime, reference, timedelta(days=days)) for days in (1, 7))
    assert (daily.windows, weekly.windows) == (30, 0)
    production.configure(YAML + "drift: {baseline: {kind: trailing, width: 14d}}\n")
    other = load_calibration(load_monitor(production.monitor_file), runtime, reference, timedelta(days=1))
    assert other.windows < daily.windows
    assert load_calibration(monitor, runtime, reference, timedelta(days=1)) == daily


def test_the_joint_test_leaves_out_columns_with_another_baseline(production: Production, runtime: Runtime) -> None:
    """Of their baselines there are no rows."""
    production.configure(
        YAML.replace("alarms: {joint: false}\n", "") + "features: {'*': , age: {baseline: trailing}}\n"
    )
    monitor = load_monitor(production.monitor_file)
    reference = load_reference(monitor, runtime, pin_champion(monitor, runtime))
    assert joint_kinds(monitor, reference).keys() == {"spend", "plan", "score"}
