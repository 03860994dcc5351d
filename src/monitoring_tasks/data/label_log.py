"""The log of labels beside the log of predictions: how it is opened, told apart in errors, and fingerprinted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from monitoring_tasks.data.connections import Connections
from monitoring_tasks.data.parquet import ParquetRows
from monitoring_tasks.data.source import open_rows, open_source
from monitoring_tasks.data.sql import SqlRows
from monitoring_tasks.errors import ConfigurationError, SourceInvalid, SourceUnavailable
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.retraining_section import Labels
from monitoring_tasks.window import Window

_WORDS = {"int64": "whole numbers", "string": "text"}


def id_of(monitor: Monitor) -> str:
    """Column of the ids; raises `ConfigurationError` when the monitor names no id, or nowhere to find outcomes."""
    lacking = {"id": monitor.id is None, "label or labels": monitor.label is None and monitor.labels is None}
    for name, lacks in lacking.items():
        if lacks:
            raise ConfigurationError(f"monitor {monitor.name} names no {name}: its outcomes cannot be read; add it")
    return monitor.id or ""


def open_labels(monitor: Monitor, section: Labels, connections: Connections) -> ParquetRows | SqlRows:
    """The rows of the log of labels; nothing is read yet."""
    return open_source(section.source, monitor, connections, timestamp=section.timestamp)


def labels_span(start: datetime, known_at: datetime) -> Window | None:
    """When labels count that were logged just before `known_at` (whole seconds): not before their predictions.

    >>> str(labels_span(datetime.fromisoformat("2013-06-03T00:00Z"), datetime.fromisoformat("2013-06-04T00:00:00.9Z")))
    '2013-06-03T00:00:00Z/2013-06-04T00:00:00Z'
    """
    until = known_at.replace(microsecond=0)
    return Window(start, until) if until > start else None


def fingerprint_logs(monitor: Monitor, connections: Connections, window: Window, *, labels: Window | None) -> str:
    """16 hex digits that change whenever the predictions of a window, or the labels of another, may have changed.

    Found as the sources' own fingerprints are, without reading rows.
    """
    facts = [open_rows(monitor, connections).fingerprint(window)]
    if monitor.labels is not None and labels is not None:
        with about_labels():
            facts.append(open_labels(monitor, monitor.labels, connections).fingerprint(labels))
    return hashlib.blake2b(json.dumps(facts).encode(), digest_size=8).hexdigest()


@contextmanager
def about_labels() -> Iterator[None]:
    """Say of an error of a source that it is about the labels."""
    try:
        yield
    except SourceInvalid as error:
        raise SourceInvalid(f"labels: {error}") from error
    except SourceUnavailable as error:
        raise SourceUnavailable(f"labels: {error}") from error


def unlike_ids(id: str, *, predictions: str, labels: str) -> SourceInvalid:
    """The error that the logs write their ids in unlike types, which are given in Arrow's words."""
    return SourceInvalid(
        f"column {id!r} holds {_WORDS[predictions]} ({predictions}) in the predictions and {_WORDS[labels]} ({labels}) "
        "in the labels: write the ids alike in both logs, or convert them in the query of one"
    )
