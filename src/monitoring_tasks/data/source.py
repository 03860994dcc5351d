"""Opening the rows a monitor names: production rows, labels, and a reference somebody keeps as a file."""

from __future__ import annotations

from collections.abc import Mapping

from monitoring_tasks.data.connections import Connections, Endpoint
from monitoring_tasks.data.parquet import ParquetRows
from monitoring_tasks.data.partition import Partition
from monitoring_tasks.data.rest import RestRows
from monitoring_tasks.data.sql import SqlRows
from monitoring_tasks.derived_section import Derived
from monitoring_tasks.errors import ReferenceInvalid, ReferenceUnavailable, SourceInvalid, SourceUnavailable
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.sections import ParquetSource, RestSource, Source


def open_rows(monitor: Monitor, connections: Connections) -> ParquetRows | SqlRows:
    """The monitor's production rows with its derived columns; nothing is read yet.

    Raises `ConfigurationError` for an unknown connection.
    """
    return open_source(monitor.source, monitor, connections, timestamp=monitor.timestamp, derived=monitor.derived)


def open_logged(monitor: Monitor, connections: Connections) -> ParquetRows | SqlRows:
    """The monitor's production rows as they are logged, which is what its own pipeline is given."""
    return open_source(monitor.source, monitor, connections, timestamp=monitor.timestamp)


def open_source(
    source: Source,
    monitor: Monitor,
    connections: Connections,
    *,
    timestamp: str,
    derived: Mapping[str, Derived] | None = None,
) -> ParquetRows | SqlRows:
    """The rows of a source that the monitor's YAML names, with the column that holds their moments."""
    if isinstance(source, RestSource):
        endpoint = connections.endpoint(source.connection) if source.connection else Endpoint("")
        return RestRows(source, endpoint, timestamp=timestamp, derived=derived)
    if not isinstance(source, ParquetSource):
        database = connections.database(source.connection)
        return SqlRows(database, table=source.table, query=source.query, timestamp=timestamp, derived=derived)
    filesystem, path = connections.filesystem(monitor.locate(source.path), source.connection)
    partition = Partition(source.partition, source.partition_format) if source.partition else None
    return ParquetRows(filesystem, path, timestamp=timestamp, partition=partition, derived=derived)


def open_reference(
    path: str,
    connections: Connections,
    *,
    connection: str | None = None,
    timestamp: str | None = None,
    derived: Mapping[str, Derived] | None = None,
) -> ParquetRows:
    """The rows of a reference file or folder, found to be there and to have the timestamp column, if one is named.

    `path` is absolute or a URI; `derived` columns are computed as they are of production rows. Raises
    `ReferenceUnavailable` when it is missing, `ReferenceInvalid` when it is broken or has a column of a derived name.
    """
    filesystem, place = connections.filesystem(path, connection)
    rows = ParquetRows(filesystem, place, timestamp=timestamp, derived=derived)
    try:
        for chunk in rows.chunks(None):
            if timestamp is not None:
                rows.timestamp_in(chunk.file)
    except SourceUnavailable as error:
        raise ReferenceUnavailable(f"reference: {error}") from error
    except SourceInvalid as error:
        raise ReferenceInvalid(f"reference: {error}") from error
    return rows
