"""Write a `.env` for a deployment: the example's settings, with fresh secrets in place of its placeholders.

python -m deploy.new_env    beside docker-compose.yaml; an `.env` that is there is left as it is, with exit code 1
"""

from __future__ import annotations

import base64
import os
import secrets
import sys
from pathlib import Path

from deploy.settings import FERNET, SECRETS, STAGE

ROOT = Path(__file__).parents[1]
_NAMES = frozenset(secret.name for secret in SECRETS)


def fresh(example: str) -> str:
    """The text of an `.env.example` with random secrets, for the stage `production`; all else is kept.

    >>> fresh("# how many\\nPARALLELISM=8\\nMONITORING_STAGE=development\\n")
    '# how many\\nPARALLELISM=8\\nMONITORING_STAGE=production\\n'
    """
    return "".join(_line(line) for line in example.splitlines(keepends=True))


def _line(line: str) -> str:
    name, equals, _ = line.partition("=")
    if equals and name in _NAMES:
        return f"{name}={_value(name)}\n"
    return f"{STAGE}=production\n" if equals and name == STAGE else line


def _value(name: str) -> str:
    if name == FERNET.name:
        return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return secrets.token_hex(32)


def main() -> int:
    """Exit code of the command."""
    target = ROOT / ".env"
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        print(f"{target} is there, and is left as it is: its secrets are in use", file=sys.stderr)  # noqa: T201
        return 1
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(fresh((ROOT / ".env.example").read_text(encoding="utf-8")))
    print(f"{target} is written; the password of `admin` is ADMIN_PASSWORD in it")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
