"""Commands about the monitors' YAML files themselves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from monitoring_tasks.cli.configuration_page import configuration_page
from monitoring_tasks.cli.terminal import DEFAULT_FOLDER, ERROR, HEALTHY, Folder, complain, counted, say
from monitoring_tasks.errors import MonitoringError
from monitoring_tasks.monitor import alerts_schema, json_schema
from monitoring_tasks.monitor_file import alerts_file, load_monitor, monitor_files, shared_alerts


def validate(
    paths: Annotated[list[Path] | None, typer.Argument(help="YAML files or folders of them")] = None,
    folder: Folder = DEFAULT_FOLDER,
) -> int:
    """Check monitors' YAML files, and the alerts they share: file, line, key, found and allowed of every mistake."""
    files = [file for path in paths or [folder] for file in (monitor_files(path) if path.is_dir() else [path])]
    monitors = [file for file in files if file.absolute() != alerts_file(folder).absolute()]
    shared = dict.fromkeys(map(alerts_file, [file.parent for file in monitors] or [folder]))
    mistakes = [mistake for file in shared for mistake in _mistakes(shared_alerts, file)]
    mistakes += [mistake for file in monitors for mistake in _mistakes(load_monitor, file)]
    complain("\n".join(mistakes))
    say(f"{counted(len(files), 'file')}, {counted(len(mistakes), 'mistake')}")
    return ERROR if mistakes or not files else HEALTHY


def schema(
    alerts: Annotated[bool, typer.Option("--alerts", help="That of the alerts that all monitors share")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="A page for people: docs/configuration.md")] = False,
) -> int:
    """Print the JSON Schema of a monitor's YAML file, or of the alerts they share, for editors."""
    found = alerts_schema() if alerts else json_schema()
    say(configuration_page(json_schema()) if markdown else json.dumps(found, indent=2))
    return HEALTHY


def _mistakes(load: Callable[[Path], object], file: Path) -> list[str]:
    try:
        load(file)
    except MonitoringError as error:
        return str(error).splitlines()
    return []
