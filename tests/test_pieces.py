"""The pieces of a monitor's past: read once, known by what shapes them, and read again where the rows changed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitoring_tasks import pieces as module
from monitoring_tasks.champion import load_reference, pin_champion
from monitoring_tasks.errors import SourceInvalid
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.pieces import Pieces
from monitoring_tasks.profile.profile import dumps
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.window import Window
from tests.production import FIRST_DAY, Production

DAY = Window.parse(str(FIRST_DAY), str(FIRST_DAY + timedelta(days=1)))


def pieces(production: Production, runtime: Runtime) -> Pieces:
    """The pieces of the monitor as its file says."""
    monitor = load_monitor(production.monitor_file)
    return Pieces.of(monitor, runtime, load_reference(monitor, runtime, pin_champion(monitor, runtime)))


def test_a_piece_is_scanned_once_and_its_bins_are_hashed_once(
    tmp_path: Path, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A baseline asks for dozens of profiles: known ones cost neither a scan, nor a sample, nor a hash each."""
    production = Production(tmp_path)
    production.write(FIRST_DAY)
    past, counted = pieces(production, runtime), {"scan": 0, "load_table": 0, "binning_hash": 0}

    def counting(name: str) -> Any:
        original = getattr(module, name)

        def call(*args: Any) -> Any:
            counted[name] += 1
            return original(*args)

        return call

    for name in counted:
        monkeypatch.setattr(module, name, counting(name))
    found = [past.profile(DAY) for _ in range(5)]
    assert counted == {"scan": 1, "load_table": 0, "binning_hash": 1}
    assert len({dumps(each) for each in found if each is not None}) == 1
    profile, sample = past.had(DAY)
    assert (profile.rows, sample.num_rows, counted["load_table"]) == (1000, 1000, 1)


def test_late_rows_make_another_piece(tmp_path: Path, runtime: Runtime) -> None:
    """A partition that was written anew has another fingerprint: its old profile is not taken for it."""
    production = Production(tmp_path)
    production.write(FIRST_DAY, count=900)
    past = pieces(production, runtime)
    assert [each.rows for each in (past.profile(DAY),) if each] == [900]
    production.write(FIRST_DAY, count=1000)
    again = pieces(production, runtime)
    assert [each.rows for each in (again.profile(DAY),) if each] == [1000]


def test_rows_that_cannot_be_read_are_no_profile(
    tmp_path: Path, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A baseline does without them; a window of its own does not."""
    production = Production(tmp_path)
    production.write(FIRST_DAY)
    past = pieces(production, runtime)

    def unfit(*_: object) -> Any:
        raise SourceInvalid("no timestamps")

    monkeypatch.setattr(module, "scan", unfit)
    assert past.profile(DAY) is None
    with pytest.raises(SourceInvalid, match="no timestamps"):
        past.had(DAY)
