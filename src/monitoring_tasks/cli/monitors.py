"""Commands about the monitors' YAML files themselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from monitoring_tasks.cli.terminal import DEFAULT_FOLDER, ERROR, HEALTHY, Folder, complain, say
from monitoring_tasks.errors import MonitoringError
from monitoring_tasks.monitor import json_schema
from monitoring_tasks.monitor_file import load_monitor, monitor_files


def validate(
    paths: Annotated[list[Path] | None, typer.Argument(help="YAML files or folders of them")] = None,
    folder: Folder = DEFAULT_FOLDER,
) -> int:
    """Check monitors' YAML files: file, line, key, value found and values allowed of every mistake."""
    files = [file for path in paths or [folder] for file in (monitor_files(path) if path.is_dir() else [path])]
    mistakes = [mistake for file in files for mistake in _mistakes(file)]
    complain("\n".join(mistakes))
    say(f"{len(files)} files, {len(mistakes)} mistakes")
    return ERROR if mistakes or not files else HEALTHY


def schema() -> int:
    """Print the JSON Schema of a monitor's YAML file, for editors."""
    say(json.dumps(json_schema(), indent=2))
    return HEALTHY


def _mistakes(file: Path) -> list[str]:
    try:
        load_monitor(file)
    except MonitoringError as error:
        return str(error).splitlines()
    return []
