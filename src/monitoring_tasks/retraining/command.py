"""Commands of git and DVC: the environment they get, and what is kept of what they say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from monitoring_tasks.errors import ConfigurationError, MonitoringError, ReferenceUnavailable
from monitoring_tasks.redaction import redact
from monitoring_tasks.retraining.guard import guarded

# Git and DVC need the worker's network, cloud and key settings, never those of Airflow and of this package; and a
# surrounding git (a commit hook) must not redirect them to its own repository.
_WITHHELD = re.compile(
    r"_?AIRFLOW_.*|MONITORING_.*|GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|COMMON_DIR|NAMESPACE|PREFIX)"
)
# What a program needs to find its tools, its language, its time zone, its network and who signs for it.
_PLAIN = re.compile(
    r"LANG|LANGUAGE|LC_[A-Z]+|TZ|(?i:(http|https|ftp|all|no)_proxy)"
    r"|SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|AWS_CA_BUNDLE"
)


def command_environment(folder: Path | None = None) -> dict[str, str]:
    """Environment of git, and of DVC in `folder`: no prompts, and no settings of Airflow or of this package."""
    inherited = {name: value for name, value in os.environ.items() if not _WITHHELD.fullmatch(name)}
    # DVC asks for a user's name, which a container's arbitrary user id does not have.
    quiet = {"GIT_TERMINAL_PROMPT": "0", "DVC_NO_ANALYTICS": "1", "USER": inherited.get("USER", "monitoring")}
    return inherited | quiet | ({"DVC_SITE_CACHE_DIR": str(folder / ".dvc" / "site")} if folder else {})


def minimal_environment(passed: Sequence[str] = (), *, folder: Path, programs: str | None = None) -> dict[str, str]:
    """Environment of a model's own code in the run's `folder`: nothing that this process keeps to itself.

    PATH begins with `programs` (left out: this interpreter's folder), HOME and TMPDIR lie in `folder`; locale, time
    zone, proxies and certificates are this process's, and so are the variables named in `passed`, where set. Raises
    `ConfigurationError` when `programs` is not a folder.
    """
    first = Path(programs) if programs else Path(sys.executable).parent
    if not first.is_dir():
        raise ConfigurationError(f"pipeline.programs {programs} is not a folder on this worker: name one that is")
    temporary = folder / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    kept = {name for name in os.environ if name in passed or _PLAIN.fullmatch(name)}
    return {name: os.environ[name] for name in kept if not _WITHHELD.fullmatch(name)} | {
        "PATH": os.pathsep.join([str(first), os.environ.get("PATH", os.defpath)]),
        "HOME": str(folder),
        "USER": "monitoring",
        "TMPDIR": str(temporary),
        "PYTHONUNBUFFERED": "1",
        # Compiled files would differ from run to run, and repositories seldom ignore them.
        "PYTHONDONTWRITEBYTECODE": "1",
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(folder / "site"),
    }


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
    environment = {**command_environment(folder), **(settings or {})}
    if shutil.which(argv[0], path=environment.get("PATH")) is None:
        raise ConfigurationError(f"{argv[0]} is not installed, or not on PATH")
    with guarded(argv, folder=folder, environment=environment, stderr=subprocess.PIPE) as process:
        try:
            output, errors = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:  # not chained: its text is the command line, with the URL as it is
            raise failure(f"{redact(about)} did not answer within {seconds:g} s") from None
    if process.returncode:
        said = errors.decode(errors="replace").split("\n\n")[0].strip().replace("\n", "; ")
        raise failure(redact(f"{about} could not be read: {said or f'exit code {process.returncode}'}"))
    return output.decode(errors="replace")
