"""The `monitoring` command: the same steps as the DAGs, without Airflow.

Exit code: 0 healthy, 1 warning or drifted, 2 undecided (no data, too few rows, never judged), 3 error.
"""

from __future__ import annotations

import logging
import os
import sys

import typer
from typer.exceptions import TyperException

from monitoring_tasks.cli.alerts import alerts
from monitoring_tasks.cli.canary import canary
from monitoring_tasks.cli.champions import champion, rollback
from monitoring_tasks.cli.explain import explain
from monitoring_tasks.cli.judging import backfill, check, report, status
from monitoring_tasks.cli.monitors import schema, validate
from monitoring_tasks.cli.performance import performance
from monitoring_tasks.cli.policies import compare_policies
from monitoring_tasks.cli.terminal import ERROR, complain, explained

log = logging.getLogger(__name__)
app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, rich_markup_mode=None)
for command in (
    check,
    backfill,
    status,
    report,
    explain,
    validate,
    schema,
    champion,
    rollback,
    canary,
    performance,
    compare_policies,
):
    app.command()(command)
app.add_typer(alerts, name="alerts")


def main() -> None:
    """Entry point of the `monitoring` script: every error ends with code 3 and says what is wrong in a few words.

    The traceback of an error that nobody foresaw is logged when `MONITORING_DEBUG` is set.
    """
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s", stream=sys.stderr)
    log.setLevel(logging.DEBUG if os.environ.get("MONITORING_DEBUG") else logging.WARNING)
    try:
        code = app(standalone_mode=False)
    except (typer.Abort, SystemExit):  # Ctrl-C; or standard output was closed, for which rich exits with 1
        code = ERROR
    except TyperException as error:
        complain(f"{error.format_message().rstrip('.')}: see monitoring --help")
        code = ERROR
    except Exception as error:  # an uncaught one would end with code 1, which means drifted
        complain(explained(error))
        code = ERROR
    sys.exit(code)
