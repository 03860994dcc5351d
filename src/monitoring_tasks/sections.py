"""The parts that every section of a monitor's YAML is made of: types of values, and where rows and references lie."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainSerializer,
    StringConstraints,
    Tag,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from monitoring_tasks.methods import allowed_methods, method
from monitoring_tasks.window import cron, parse_width, width_text

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Column = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Text = Annotated[str, StringConstraints(min_length=1)]
Connection = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,199}$")]
Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(gt=0, le=0.5)]
"""A share of alerted rows: more than half of all is no alert."""
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _method_name(name: str) -> str:
    method(name)
    return name


def _schedule(text: str) -> str:
    cron(text)
    return text


def _repository(url: str) -> str:
    """Refuse a URL with credentials: it would reach logs, git's own settings and every reader of the YAML."""
    for scheme, user in re.findall(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/\s]*)@", url):
        if ":" in user or "ssh" not in scheme.lower().split("+"):
            raise ValueError(
                "the URL holds a user name, token or password: write it without, as https://git.example.org/ml/x.git "
                "or git@git.example.org:ml/x.git, and let git ask GIT_ASKPASS, a credential helper or an SSH key"
            )
    return url


def _width(value: object) -> timedelta:
    return value if isinstance(value, timedelta) else parse_width(str(value))


MethodName = Annotated[str, AfterValidator(_method_name), WithJsonSchema({"type": "string", "enum": allowed_methods()})]
Schedule = Annotated[str, AfterValidator(_schedule)]
Width = Annotated[
    timedelta,
    BeforeValidator(_width),
    PlainSerializer(width_text),
    WithJsonSchema({"type": "string", "pattern": r"^[1-9]\d{0,4}[mhdw]$", "examples": ["1h", "1d", "7d"]}),
]


class Section(BaseModel):
    """A section of the YAML: unknown keys are refused, types are strict, nothing changes once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class YamlSchema(GenerateJsonSchema):
    """JSON Schema whose defaults are written as a YAML has them; pydantic writes seven days as P7D, which none may."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """The schema of a field with a default, which its own serializer writes, where it has one."""
        found, default = super().default_schema(schema), schema.get("default")
        write = schema["schema"].get("serialization", {}).get("function")
        return found if write is None or default is None else {**found, "default": write(default)}


def by_kind(default: str, *others: str) -> Discriminator:
    """Which class a section is of: its `kind`, `default` when left out."""

    def kind(section: Any) -> str | None:
        found = section.get("kind", default) if isinstance(section, dict) else getattr(section, "kind", None)
        return found if found in (default, *others) else None

    allowed = " or ".join([", ".join([f"{default} (when left out)", *others[:-1]]), others[-1]])
    return Discriminator(kind, custom_error_type="unknown_kind", custom_error_message=f"kind must be {allowed}")


class ParquetSource(Section):
    """Parquet files: one file, a flat folder, or a hive-partitioned folder; local or by URI."""

    kind: Literal["parquet"] = "parquet"
    path: Text = Field(description="File or folder; a relative path starts at the folder of this YAML file, or a URI")
    connection: Connection | None = Field(None, description="Airflow connection that opens the URI")
    partition: Column | None = Field(None, description="Hive partition column that holds the day or hour, in UTC")
    partition_format: Text = Field("%Y-%m-%d", description="How the partition column writes its time (strftime)")


class SqlSource(Section):
    """A table or a query of a SQL database, read through an Airflow connection."""

    kind: Literal["sql"]
    connection: Connection = Field(description="Airflow connection of the database: PostgreSQL or SQLite")
    table: Text | None = Field(None, description="Table or view, optionally schema.table")
    query: Text | None = Field(None, description="A SELECT whose rows are the production rows")

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.table is None) == (self.query is None):
            raise ValueError("give exactly one of table and query")
        return self


def _endpoint(url: str) -> str:
    """Refuse what is no address of a server, or holds a secret that logs and readers of the YAML would see."""
    if not re.match(r"(https?://[^/\s?#@]+(/|$|\?)|/)", url) or "#" in url:
        raise ValueError(
            "write https://host/path, or /path where the connection names the host; user, password or token belong "
            "into the connection"
        )
    return url


class RestSource(Section):
    """A JSON endpoint that answers with the rows of a span of time, all at once or page by page."""

    kind: Literal["rest"]
    url: Annotated[str, AfterValidator(_endpoint)] = Field(
        description="https://host/path, or /path where the connection names the host"
    )
    connection: Connection | None = Field(None, description="Airflow connection of type http: host, user, token")
    start: Text = Field("start", description="Parameter of the span's start, ISO 8601 in UTC")
    end: Text = Field("end", description="Parameter of the span's end, which is not in it")
    model_version: Text = Field("model_version", description="Parameter of the model's version; sent with `version`")
    version: Text | None = Field(None, description="The model's version whose rows are asked for; all when left out")
    parameters: dict[Text, str] = Field(default_factory=dict, description="Further parameters, always sent")
    rows: Text | None = Field(None, description="Dotted place of the rows in an answer; the answer, or its `data`")
    next: Text | None = Field(None, description="Dotted place of the next page's URL or token; none: the last page")
    cursor: Text = Field("cursor", description="Parameter of the token, where `next` is one")
    page: Text | None = Field(None, description="Parameter of a page's number; pages are asked for until one is empty")
    first_page: Annotated[int, Field(ge=0)] = Field(1, description="Number of the first page")
    offset: Text | None = Field(None, description="Parameter of how many rows to skip; asked until a page is empty")
    timeout: Positive = Field(30.0, description="Seconds without a byte until a try is given up")
    retries: Annotated[int, Field(ge=0, le=20)] = Field(5, description="Further tries of a page that failed for now")
    page_megabytes: Positive = Field(32.0, description="Most of one answer, unpacked")
    megabytes: Positive = Field(1024.0, description="Most of all answers of a span, unpacked")
    most_rows: Annotated[int, Field(gt=0)] = Field(5_000_000, description="Most rows of a span")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if sum(way is not None for way in (self.next, self.page, self.offset)) > 1:
            raise ValueError("give at most one of next, page and offset")
        if self.url.startswith("/") and self.connection is None:
            raise ValueError("a url without a host needs a connection that names it")
        return self


Source = Annotated[
    Annotated[ParquetSource, Tag("parquet")] | Annotated[SqlSource, Tag("sql")] | Annotated[RestSource, Tag("rest")],
    by_kind("parquet", "sql", "rest"),
]


class FileReference(Section):
    """A training reference in a parquet file that somebody keeps by hand."""

    kind: Literal["file"] = "file"
    path: Text = Field(description="Parquet file; a relative path starts at the folder of this YAML file, or a URI")
    connection: Connection | None = Field(None, description="Airflow connection that opens the URI")
    importances: Text | None = Field(None, description="JSON file: feature name to importance")


class ChampionReference(Section):
    """The training reference that the champion's own DVC pipeline wrote, at the champion's revision."""

    kind: Literal["champion"]
    repository: Annotated[str, StringConstraints(pattern=r"^[^-\s][^\s]*$"), AfterValidator(_repository)] = Field(
        description="git URL or path, without credentials; a relative path starts at the folder of this YAML file"
    )
    model: Text | None = Field(None, description="Name in the repository's GTO tags; the monitor's name by default")
    path: Text = Field("reference.parquet", description="Output of the pipeline: features, predictions, labels")
    importances: Text | None = Field(
        "importances.json", description="Output of the pipeline: feature name to importance; null: there is none"
    )


Reference = Annotated[
    Annotated[FileReference, Tag("file")] | Annotated[ChampionReference, Tag("champion")], by_kind("file", "champion")
]
