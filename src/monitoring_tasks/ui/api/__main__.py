"""Prints the OpenAPI document of the JSON API: `python -m monitoring_tasks.ui.api`."""

from __future__ import annotations

import os
import sys
from contextlib import redirect_stdout
from tempfile import TemporaryDirectory


def main() -> None:
    """Print it; Airflow, which is asked for its dependencies alone, writes its configuration to a folder that goes."""
    # What it logs while it is loaded goes to the standard output as well, and is no part of the document.
    with TemporaryDirectory() as home, redirect_stdout(sys.stderr):
        os.environ["AIRFLOW_HOME"] = home
        from monitoring_tasks.ui.api.document import printed

        text = printed()
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
