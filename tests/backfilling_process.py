"""One worker of a backfill: it judges its share of windows, silently, as Airflow's parallel runs do."""

from __future__ import annotations

import sys
from pathlib import Path

from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.runtime import environment_runtime
from monitoring_tasks.window import Window
from tests.whole_run import judge


def main(file: str, home: str, *windows: str) -> None:
    """Judge windows, each written as `start/end`, in the order given."""
    monitor, runtime = load_monitor(Path(file)), environment_runtime({"MONITORING_HOME": home})
    for window in windows:
        judge(monitor, runtime, Window.parse(*window.split("/")))


if __name__ == "__main__":
    main(*sys.argv[1:])
