"""Blotting out what no log and no message may hold."""

from __future__ import annotations

import re


def redact(text: str) -> str:
    """`text` with the credentials of every URL in it blotted out.

    >>> redact("fatal: unable to access 'https://bot:s3cret@git.example/x.git'")
    "fatal: unable to access 'https://***@git.example/x.git'"
    """
    return re.sub(r"://[^/\s]*@", "://***@", text)
