"""Blotting out what no log and no message may hold."""

from __future__ import annotations

import re

_SECRETS = (
    (re.compile(r"://[^/\s]*@"), "://***@"),
    # Whoever knows the address of an incoming webhook may write into its channel.
    (re.compile(r"(://hooks\.slack(?:-gov)?\.com)/[^\s'\"]+"), r"\1/***"),
    (re.compile(r"\bxox[a-z]-[\w-]+|\bxapp-[\w-]+|\bwhsec_[\w+/=-]+"), "***"),
)


def redact(text: str) -> str:
    """`text` with the credentials of every URL, and every token that is known by its form, blotted out.

    >>> redact("fatal: unable to access 'https://bot:s3cret@git.example/x.git'")
    "fatal: unable to access 'https://***@git.example/x.git'"
    >>> redact("found 'https://hooks.slack.com/services/T0/B0/s3cret' and xoxb-12-s3cret")
    "found 'https://hooks.slack.com/***' and ***"
    """
    for secret, blot in _SECRETS:
        text = secret.sub(blot, text)
    return text
