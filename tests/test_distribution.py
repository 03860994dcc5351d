"""What `pip install` brings: the package with its migrations, the command, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_wheel_is_complete(tmp_path: Path) -> None:
    """Migrations and type marker are inside; tests and demonstration are not; the command is named."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("monitoring_tasks-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (entries,) = (archive.read(name).decode() for name in names if name.endswith("entry_points.txt"))
    assert {"monitoring_tasks/py.typed", "monitoring_tasks/store/migrations/env.py"} <= names
    assert any(name.startswith("monitoring_tasks/store/migrations/versions/0001") for name in names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"monitoring_tasks"}
    assert "monitoring = monitoring_tasks.cli:main" in entries
