"""Commands of git and DVC: the environment they get, and what is kept of what they say."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from monitoring_tasks.errors import ConfigurationError, MonitoringError, ReferenceUnavailable

# Git and DVC need the worker's network, cloud and key settings, never what Airflow keeps there; and a surrounding git
# (a commit hook) must not redirect them to its own repository.
_WITHHELD = re.compile(r"_?AIRFLOW_.*|GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|COMMON_DIR|NAMESPACE|PREFIX)")


def redact(text: str) -> str:
    """`text` with the credentials of every URL in it blotted out.

    >>> redact("fatal: unable to access 'https://bot:s3cret@git.example/x.git'")
    "fatal: unable to access 'https://***@git.example/x.git'"
    """
    return re.sub(r"://[^/\s]*@", "://***@", text)


def command_environment(folder: Path | None = None) -> dict[str, str]:
    """Environment of git, and of DVC in `folder`: this process's without Airflow's settings, and without prompts."""
    inherited = {name: value for name, value in os.environ.items() if not _WITHHELD.fullmatch(name)}
    # DVC asks for a user's name, which a container's arbitrary user id does not have.
    quiet = {"GIT_TERMINAL_PROMPT": "0", "DVC_NO_ANALYTICS": "1", "USER": inherited.get("USER", "monitoring")}
    return inherited | quiet | ({"DVC_SITE_CACHE_DIR": str(folder / ".dvc" / "site")} if folder else {})


def execute(
    argv: Sequence[str],
    *,
    seconds: float,
    about: str,
    folder: Path | None = None,
    settings: Mapping[str, str] | None = None,
    failure: type[MonitoringError] = ReferenceUnavailable,
) -> str:
    """Output of a command of git or DVC, run in `folder` without a shell and without a terminal.

    `about` names what it reads or writes, for the error; `settings` are variables beside `command_environment`'s.
    Raises `failure` when it takes longer than `seconds` or ends with an error, and `ConfigurationError` when the
    program is not installed. No message holds a URL's credentials.
    """
    try:
        done = subprocess.run(
            argv,
            cwd=folder,
            env={**command_environment(folder), **(settings or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except FileNotFoundError:
        raise ConfigurationError(f"{argv[0]} is not installed, or not on PATH") from None
    except subprocess.TimeoutExpired:  # not chained: its text is the command line, with the URL as it is
        raise failure(f"{redact(about)} did not answer within {seconds:g} s") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").split("\n\n")[0].strip().replace("\n", "; ")
        raise failure(redact(f"{about} could not be read: {said or f'exit code {done.returncode}'}"))
    return done.stdout.decode(errors="replace")
