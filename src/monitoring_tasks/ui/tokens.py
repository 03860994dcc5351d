"""Tokens of programs that are nobody in Airflow: Prometheus, which reads all metrics, and Alertmanager's webhook."""

from __future__ import annotations

import hmac
import logging
import os
from dataclasses import dataclass

from fastapi import Request

from monitoring_tasks.orchestration.connections import defined

log = logging.getLogger(__name__)
LEAST = 16
"""A token of fewer characters admits nobody."""


@dataclass(frozen=True)
class Token:
    """Where the token of a program is configured: a variable of the environment, else an Airflow connection."""

    variable: str
    connection: str

    def admits(self, given: str | None) -> bool:
        """Whether a bearer token is the configured one; never where none is, or one that is too short."""
        wanted = self._configured() if given else None
        if not given or not wanted:
            return False
        if len(wanted) < LEAST:
            log.error("token.refused variable=%s connection=%s least=%d", self.variable, self.connection, LEAST)
            return False
        return hmac.compare_digest(given.encode(), wanted.encode())

    def _configured(self) -> str | None:
        if value := os.environ.get(self.variable, "").strip():
            return value
        found = defined(self.connection)
        return found.password.strip() if found and found.password else None


SCRAPE = Token("MONITORING_SCRAPE_TOKEN", "monitoring_scrape")
WEBHOOK = Token("MONITORING_WEBHOOK_TOKEN", "monitoring_webhook")


def bearer_of(request: Request) -> str | None:
    """The bearer token of a request; None where it has none."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip() or None if scheme.lower() == "bearer" else None
