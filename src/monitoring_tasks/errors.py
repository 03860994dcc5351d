"""Every error the package raises on purpose.

    MonitoringError
    ├── ConfigurationError      a monitor's YAML, or the way the command was called, is wrong
    ├── ReferenceInvalid        the training reference cannot serve this monitor
    ├── ProfileMismatch         profiles of unlike binnings or formats met
    ├── SourceInvalid           the source answered, and what it holds cannot be monitored
    ├── PipelineFailed          the model's own pipeline ended with an error, or left something undone
    ├── GateInvalid             champion and challenger cannot be compared
    ├── PromotionRefused        the registry is not what the decision was about
    ├── AlertRefused            a channel will never take this alert
    └── Unavailable             a service or file did not answer; trying again can help
        ├── SourceUnavailable
        ├── ReferenceUnavailable
        ├── PipelineUnavailable
        ├── StoreUnavailable
        └── AlertUndelivered

Each message says what was found, what is allowed, and what to do next.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar


class MonitoringError(Exception):
    """Base of all errors raised on purpose; `retryable` says whether trying again can help."""

    retryable: ClassVar[bool] = False


class ConfigurationError(MonitoringError):
    """A monitor's configuration is wrong; no retry helps, a person must edit it."""


class ReferenceInvalid(MonitoringError):
    """The training reference lacks what the monitor needs."""


class ProfileMismatch(MonitoringError):
    """Two profiles cannot be merged or compared: their binnings or formats differ."""


class SourceInvalid(MonitoringError):
    """The source answered, but its rows cannot be monitored (missing time column, wrong type)."""


class PipelineFailed(MonitoringError):
    """The model's pipeline ended with an error of its own, or did not leave what it declares."""


class GateInvalid(MonitoringError):
    """Champion and challenger cannot be compared: rows or predictions are not what the contract asks for."""


class PromotionRefused(MonitoringError):
    """The champion, or what is to replace it, is not what the decision was about."""


class Unavailable(MonitoringError):
    """Something outside did not answer; a later try may succeed."""

    retryable: ClassVar[bool] = True


class SourceUnavailable(Unavailable):
    """The production source could not be reached or read."""


class ReferenceUnavailable(Unavailable):
    """The champion's repository or reference file could not be reached."""


class PipelineUnavailable(Unavailable):
    """The pipeline's repository or DVC remote, or this machine's disk, could not serve a training."""


class StoreUnavailable(Unavailable):
    """The results store could not be reached."""


class AlertUndelivered(Unavailable):
    """A channel did not take an alert for now.

    `external` holds the ids of what it did take, so that a retry goes on there; `after` is the time it asks to be left
    alone, None where it says nothing of it.
    """

    def __init__(
        self, message: str, external: Mapping[str, str] | None = None, *, after: timedelta | None = None
    ) -> None:
        super().__init__(message)
        self.external: Mapping[str, str] = external or {}
        self.after = after


class AlertRefused(MonitoringError):
    """A channel will never take this alert, whatever the wait: what it says, or where it goes, is not accepted."""
