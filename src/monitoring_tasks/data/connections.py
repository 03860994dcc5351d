"""Connection ids and how they are opened: databases as SQLAlchemy engines, files as Arrow file systems."""

from __future__ import annotations

import json
import os
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

import pyarrow as pa
from fsspec.core import url_to_fs  # type: ignore[import-untyped]  # it ships no types
from pyarrow.fs import FileSystem, FSSpecHandler, LocalFileSystem, PyFileSystem, S3FileSystem
from sqlalchemy import URL, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from monitoring_tasks.errors import ConfigurationError

PREFIX = "AIRFLOW_CONN_"


class Connections(Protocol):
    """How connection ids are opened; Airflow brings its own, the command line reads the environment."""

    def database(self, connection: str) -> Engine:
        """Engine of a database connection; nothing is connected yet. Raises `ConfigurationError`."""
        ...

    def filesystem(self, path: str, connection: str | None) -> tuple[FileSystem, str]:
        """File system that holds an absolute path or URI, and the path in it. Raises `ConfigurationError`."""
        ...

    def endpoint(self, connection: str) -> Endpoint:
        """Host and headers of a connection of type http. Raises `ConfigurationError`."""
        ...

    def account(self, connection: str) -> Account:
        """What a connection says, secrets included. Raises `ConfigurationError` when there is none."""
        ...


@dataclass(frozen=True)
class Endpoint:
    """A server of a connection of type http: `https://host:port`, or "" when it names none, and what it is sent."""

    base: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Account:
    """What one connection says, in Airflow's words. Secrets stay out of the repr."""

    kind: str
    host: str = ""
    schema: str = ""
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    port: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)


class EnvironmentConnections:
    """Connections from the variables that Airflow reads as well: `AIRFLOW_CONN_<ID>`, a URI or Airflow's JSON.

    >>> environment = {"AIRFLOW_CONN_LOGS": "postgres://reader:secret@db:5432/logs"}
    >>> EnvironmentConnections(environment).database("logs").url
    postgresql+psycopg2://reader:***@db:5432/logs
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment

    def database(self, connection: str) -> Engine:
        """Engine of a database connection; nothing is connected yet. Raises `ConfigurationError`."""
        return create_engine(self._url(connection), poolclass=NullPool)

    def filesystem(self, path: str, connection: str | None) -> tuple[FileSystem, str]:
        """File system that holds an absolute path or URI, and the path in it. Raises `ConfigurationError`.

        A connection id may also stand in the URI, as in Airflow's ObjectStoragePath: `s3://aws_default@bucket/folder`.
        """
        if "://" not in path:
            return LocalFileSystem(), path
        uri, inside = _without_connection(path)
        connection = connection or inside
        account = self.account(connection) if connection else None
        try:
            return _open(uri, account)
        except (ImportError, ValueError, OSError) as error:
            raise ConfigurationError(f"{uri} cannot be opened: {_reason(error, account)}") from None

    def endpoint(self, connection: str) -> Endpoint:
        """Host and headers of a connection of type http: `Authorization` of its login and password or its token.

        The token is `token` in the extra, sent as `Bearer`; `headers` in the extra are sent as they are.

        >>> EnvironmentConnections({"AIRFLOW_CONN_API": "https://ada:secret@api.example.org:8443"}).endpoint("api")
        Endpoint(base='https://api.example.org:8443')
        """
        account = self.account(connection)
        if account.kind not in ("http", "https"):
            raise ConfigurationError(
                f"connection {connection!r} has type {account.kind!r}: a REST source needs one of type http"
            )
        base = _base(account)
        if not re.fullmatch(r"(https?://[^/\s?#@\\]+(/[^\s?#@\\]*)?)?", base):
            # What stands there can be a password, and the address is in errors and logs.
            raise ConfigurationError(
                f"connection {connection!r}: its host is no address such as api.example.org or https://host/path; "
                "user, password and token have fields of their own"
            )
        return Endpoint(base, _headers(account))

    def account(self, connection: str) -> Account:
        """What a connection says, secrets included. Raises `ConfigurationError` when there is none.

        >>> EnvironmentConnections({"AIRFLOW_CONN_PAGER": "slack://:xoxb-secret@"}).account("pager")
        Account(kind='slack', host='', schema='', login='', port=None)
        """
        value = self._value(connection)
        try:
            return _from_json(value) if value.lstrip().startswith("{") else _from_uri(value)
        except (ValueError, TypeError, AttributeError):
            raise ConfigurationError(
                f"{_variable(connection)} is neither a URI (type://login:password@host:port/schema) "
                "nor a JSON object with conn_type: correct it"
            ) from None

    def _url(self, connection: str) -> URL:
        value = self._value(connection)
        account = self.account(connection)
        if account.kind in _DATABASES:
            return _DATABASES[account.kind](account)
        try:
            url = make_url(value)
            url.get_dialect()
        except (ArgumentError, NoSuchModuleError):
            # The library's own text can quote the value, and the value holds the password.
            raise ConfigurationError(
                f"connection {connection!r} has type {account.kind!r}: "
                f"{_variable(connection)} may hold {', '.join(_DATABASES)} or another SQLAlchemy URL with its driver"
            ) from None
        return url

    def _value(self, connection: str) -> str:
        value = self._environment.get(_variable(connection), "").strip()
        if not value:
            raise ConfigurationError(
                f"no connection {connection!r}: set the variable {_variable(connection)} to a URI or Airflow's JSON"
            )
        return value

    def __repr__(self) -> str:
        known = sorted(name for name in self._environment if name.startswith(PREFIX))
        return f"EnvironmentConnections({', '.join(known)})"


def _variable(connection: str) -> str:
    # Airflow only upper-cases the id: dots and dashes stay.
    return PREFIX + connection.upper()


def _from_json(value: str) -> Account:
    document = json.loads(value)
    extra = document.get("extra") or {}
    return Account(
        kind=_kind(document["conn_type"]) if "conn_type" in document else _refuse(),
        host=document.get("host") or "",
        schema=document.get("schema") or "",
        login=document.get("login"),
        password=document.get("password"),
        port=int(document["port"]) if document.get("port") else None,
        extra=json.loads(extra) if isinstance(extra, str) else dict(extra),
    )


def _refuse() -> str:
    raise ValueError("conn_type is missing")


def _from_uri(value: str) -> Account:
    uri = urlsplit(value)
    query = dict(parse_qsl(uri.query, keep_blank_values=True))
    return Account(
        kind=_kind(uri.scheme or _refuse()),
        host=_host(uri.netloc),
        schema=unquote(uri.path[1:]),
        login=_unquoted(uri.username),
        password=_unquoted(uri.password),
        port=uri.port,
        extra=json.loads(query["__extra__"]) if "__extra__" in query else query,
    )


def _host(netloc: str) -> str:
    # urlsplit's hostname is lower case; SQLite keeps a path there, and its case matters.
    place = netloc.rpartition("@")[2]
    return unquote(place if place.startswith("[") else place.partition(":")[0])


def _unquoted(text: str | None) -> str | None:
    return None if text is None else unquote(text)


def _kind(text: str) -> str:
    kind = text.lower().replace("-", "_")
    return "postgres" if kind == "postgresql" else kind


def _sqlite(account: Account) -> URL:
    # Airflow keeps the file's path in the host, and reads type:///path as a path from the root.
    path = account.host + (f"/{account.schema}" if account.schema else "")
    return URL.create("sqlite", database=re.sub("^/+", "/", path) or None)


def _postgres(account: Account) -> URL:
    # SQLAlchemy 2.1 changed the driver that "postgresql" stands for; the one this package depends on is named.
    driver = account.extra.get("sqlalchemy_scheme") or "postgresql+psycopg2"
    query = {key: str(account.extra[key]) for key in _LIBPQ if key in account.extra}
    return URL.create(
        str(driver),
        username=account.login,
        password=account.password,
        host=account.host or None,
        port=account.port,
        database=account.schema or None,
        query={**query, **account.extra.get("sqlalchemy_query", {})},
    )


_LIBPQ = ("host", "sslmode", "sslcert", "sslkey", "sslrootcert", "connect_timeout", "options", "application_name")
_DATABASES: Mapping[str, Callable[[Account], URL]] = {"sqlite": _sqlite, "postgres": _postgres}


def _base(account: Account) -> str:
    host = account.host.rstrip("/")
    if host and "://" not in host:
        # Airflow keeps the protocol in the schema.
        secure = "https" in (account.kind, account.schema)
        host = f"{'https' if secure else 'http'}://{host}"
    return f"{host}:{account.port}" if host and account.port else host


def _headers(account: Account) -> Mapping[str, str]:
    given = account.extra.get("headers") or {}
    headers = {
        str(name): str(value) for name, value in (json.loads(given) if isinstance(given, str) else given).items()
    }
    if account.extra.get("token"):
        return {**headers, "Authorization": f"Bearer {account.extra['token']}"}
    if account.login or account.password:
        pair = f"{account.login or ''}:{account.password or ''}".encode()
        return {**headers, "Authorization": f"Basic {b64encode(pair).decode()}"}
    return headers


def _without_connection(uri: str) -> tuple[str, str | None]:
    """The URI without the connection id in it, and that id."""
    match = re.match(r"(\w[\w+.-]*://)([A-Za-z][\w.-]*)@(.+)", uri)
    return (match[1] + match[3], match[2]) if match else (uri, None)


def _open(uri: str, account: Account | None) -> tuple[FileSystem, str]:
    if account is not None and account.kind == "aws" and uri.startswith("s3://"):
        return _s3(account), uri.removeprefix("s3://")
    if account is None:
        try:
            # Arrow's own file systems read only the bytes of the chosen columns.
            return FileSystem.from_uri(uri)
        except pa.ArrowInvalid:
            pass
    remote, path = url_to_fs(uri, **(account.extra if account else {}))
    # The stubs call the handler abstract; it is not.
    return PyFileSystem(FSSpecHandler(remote)), path  # type: ignore[abstract]


def _s3(account: Account) -> S3FileSystem:
    return S3FileSystem(
        access_key=account.login,
        secret_key=account.password,
        session_token=account.extra.get("aws_session_token"),
        region=account.extra.get("region_name"),
        endpoint_override=account.extra.get("endpoint_url"),
    )


def _reason(error: Exception, account: Account | None) -> str:
    text = f"{type(error).__name__}: {error}"
    secrets = [] if account is None else [account.password, *map(str, account.extra.values())]
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    return text
