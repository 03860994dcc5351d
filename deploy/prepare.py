"""What comes before the services of a deployment, at every start: the container `init`.

python -m deploy.prepare    refuse bad settings, make the databases, migrate them, make the administrator
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Mapping

import psycopg2
from sqlalchemy import make_url

from deploy import settings
from deploy.databases import make_database

log = logging.getLogger("deploy")


def main() -> int:
    """Exit code: 0, or 1 when settings are refused or a step fails; each step may be done again."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    if settings.main():
        return 1
    try:
        make_databases(os.environ)
        migrate()
    except psycopg2.OperationalError as error:
        log.error("databases.failed %s: POSTGRES_PASSWORD counts when the volume is made, later only ALTER ROLE", error)
        return 1
    except subprocess.CalledProcessError as error:
        log.error("migration.failed exit code %d: see above", error.returncode)
        return 1
    make_people(os.environ)
    return 0


def make_databases(given: Mapping[str, str]) -> None:
    """Airflow's database and the results store, each with a role of its own. Raises `psycopg2.Error`."""
    url = make_url(given["POSTGRES_URL"]).set(password=given["POSTGRES_PASSWORD"])
    server = url.render_as_string(hide_password=False)
    for name, password in (("airflow", "AIRFLOW_DB_PASSWORD"), ("monitoring", "MONITORING_DB_PASSWORD")):
        make_database(server, name, given[password])
        log.info("database.ready name=%s", name)


def migrate() -> None:
    """Airflow's tables, those of its login among them, and the results store's. Raises `CalledProcessError`."""
    subprocess.run(["airflow", "db", "migrate"], check=True)  # noqa: S607
    from monitoring_tasks.runtime import environment_runtime

    with environment_runtime().store:  # opening brings it to the newest form
        log.info("store.ready")


def make_people(given: Mapping[str, str]) -> None:
    """The user `ADMIN_USER` with the role Admin, once: a password changed in the UI stays. The other roles see pages.

    Airflow shows plugins' pages to Op and Admin alone. Which monitors somebody sees there is the right to its DAG.
    """
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

    logging.getLogger("airflow.providers.fab").setLevel(logging.WARNING)  # it tells of each of 400 rights it grants
    name = given["ADMIN_USER"]
    with get_application_builder() as builder:
        users = builder.sm
        right = users.create_permission("can_read", "Plugins")
        for role in ("Viewer", "User"):
            users.add_permission_to_role(users.find_role(role), right)
        if users.find_user(username=name):
            log.info("administrator.kept name=%s", name)
        else:
            role = users.find_role("Admin")
            users.add_user(name, "Admin", "of Airflow", given["ADMIN_EMAIL"], role, given["ADMIN_PASSWORD"])
            log.info("administrator.made name=%s", name)


if __name__ == "__main__":
    sys.exit(main())
