"""Programs that tests need beside Python."""

from __future__ import annotations

import shutil

import pytest


def tool(name: str) -> str:
    """Path of an installed program; without it the test fails and says how to get it."""
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"no {name} on this machine: `make tools` installs what the tests need")
    return found
