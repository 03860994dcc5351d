"""What a YAML says about alerts: the channels there are, who is told what, and when silence belongs.

The same section stands in a monitor's file and, for all monitors, in `include/alerts.yaml`; a monitor's own keys take
the place of the shared ones, its channels join them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Annotated, Literal, Self, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.sections import Connection, Name, Section, Text, Width
from monitoring_tasks.severity import Severity
from monitoring_tasks.window import parse_moment, stamp

Topic = Literal[
    "data_quality",
    "data_drift",
    "prediction_drift",
    "performance",
    "labels",
    "no_data",
    "late",
    "failed",
    "self_test",
    "retraining",
]
"""What an alert is about: a suite, or something that keeps a monitor from judging."""
Kind = Literal["slack", "slack_webhook", "email", "pagerduty", "webhook", "log"]
SeverityWord = Literal["low", "medium", "high", "critical"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)


@dataclass(frozen=True)
class KindOfChannel:
    """What every channel of a kind has in common.

    `connection` is the Airflow connection it takes when none is named. `to` says what `to` names, "" where the
    connection alone says who is reached. A `pager` wakes people: it takes no digests and no notes between pages. Where
    every note is `apart`, one more message among others, notes that can wait are in the digest.
    """

    connection: str
    to: str = ""
    pager: bool = False
    apart: bool = False


KINDS: Mapping[Kind, KindOfChannel] = {
    "slack": KindOfChannel("slack_default", to="a Slack channel, such as '#ml-alerts'"),
    "slack_webhook": KindOfChannel("slack_webhook_default", apart=True),
    "email": KindOfChannel("smtp_default", to="e-mail addresses", apart=True),
    "pagerduty": KindOfChannel("pagerduty_events_default", pager=True),
    "webhook": KindOfChannel("alert_webhook_default"),
    "log": KindOfChannel(""),
}
LOG = "log"
"""Address of the channel that is there without any configuration: the task's log."""


def _texts(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _target(text: str) -> str:
    if re.search(r"[,\s]", text) or not text.isprintable():
        raise ValueError(f"{text!r} holds a comma or blank: write one channel or address each, as a list")
    if "://" in text:
        raise ValueError("the address of a server belongs into an Airflow connection: see kind slack_webhook, webhook")
    return text


Targets = Annotated[
    tuple[Annotated[Text, AfterValidator(_target)], ...],
    BeforeValidator(_texts, json_schema_input_type=str | tuple[str, ...]),
    Field(strict=False),
]


class Channel(Section):
    """A way to reach people, through an Airflow connection that alone knows its secrets."""

    kind: Kind = Field("slack", description="What takes the message; log is the task's log")
    connection: Connection | None = Field(None, description="Airflow connection; by default the usual one of the kind")
    to: Targets = Field((), description="Slack: the channel; e-mail: the addresses; nothing for other kinds")

    @model_validator(mode="after")
    def _has_target(self) -> Self:
        wanted = KINDS[self.kind].to
        if bool(wanted) != bool(self.to):
            raise ValueError(f"{self.kind} needs to: {wanted}" if wanted else f"{self.kind} takes no `to`: remove it")
        if self.kind == "slack" and len(self.to) > 1:
            raise ValueError("one Slack channel each: write another channel for the other")
        for each in self.to if self.kind == "email" else ():
            if not re.fullmatch(r"[^@]+@[^@]+", each):
                raise ValueError(f"{each!r} is no e-mail address: write name@example.org")
        return self

    @property
    def address(self) -> str:
        """What tells it from all other channels, and how to open it again.

        >>> Channel(to=("#ml",)).address, Channel(kind="log").address
        ('slack:slack_default:#ml', 'log')
        """
        connection = self.connection or KINDS[self.kind].connection
        return ":".join(filter(None, (self.kind, connection, ",".join(self.to))))

    @classmethod
    def at(cls, address: str) -> Self:
        """Inverse of `address`.

        >>> Channel.at("email:smtp_default:a@x.org,b@x.org").to
        ('a@x.org', 'b@x.org')
        """
        kind, connection, to = [*address.split(":", 2), "", ""][:3]
        return cls.model_validate(
            {"kind": kind, "connection": connection or None, "to": tuple(to.split(",")) if to else ()}
        )

    @property
    def apart(self) -> bool:
        """Whether a note beneath an earlier message is one more message to those who read it."""
        return KINDS[self.kind].apart

    @property
    def pager(self) -> bool:
        """Whether it wakes people."""
        return KINDS[self.kind].pager


_Names = Annotated[tuple[Name, ...], Field(min_length=1, strict=False)]
ChannelNames = Annotated[_Names, BeforeValidator(_texts, json_schema_input_type=Name | _Names)]
Topics = Annotated[
    tuple[Topic, ...],
    BeforeValidator(_texts, json_schema_input_type=Topic | tuple[Topic, ...]),
    Field(strict=False),
]
Owners = Annotated[
    tuple[Text, ...],
    BeforeValidator(_texts, json_schema_input_type=Text | tuple[Text, ...]),
    Field(strict=False),
]


class Route(Section):
    """Who is told what; every route that fits is taken, and a channel that several name is told once."""

    to: ChannelNames = Field(description="Names of channels")
    about: Topics = Field((), description="Topics; everything when left out")
    owners: Owners = Field((), description="Owners of models; all when left out")
    least: SeverityWord = Field("low", description="Least severity; low ones go into the digest")

    def fits(self, topics: Sequence[str], owners: Sequence[str], severity: Severity) -> bool:
        """Whether something of these topics, of models of these owners, goes this way."""
        about = not self.about or bool({*self.about} & {*topics})
        of = not self.owners or bool({*self.owners} & {*owners})
        return about and of and severity >= Severity.of(self.least)


def _clock(text: object) -> object:
    if isinstance(text, time):
        return text
    if not isinstance(text, str) or not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
        raise ValueError(f"{text!r} is not a time of day: write it like '07:30'")
    return time.fromisoformat(text)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is not a time zone: write it like Europe/Berlin, or UTC") from error
    return name


TimeOfDay = Annotated[
    time,
    BeforeValidator(_clock),
    PlainSerializer(lambda value: value.strftime("%H:%M")),
    WithJsonSchema({"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d$", "examples": ["07:30"]}),
]
Zone = Annotated[str, AfterValidator(_zone)]


class Digest(Section):
    """The daily message about what nobody is paged for."""

    at: TimeOfDay = Field(time(8), description="Time of day")
    timezone: Zone = Field("UTC", description="Of `at`, such as Europe/Berlin")


class QuietHours(Section):
    """Hours of the day in which only what is bad enough is told at once; the rest is told when they end.

    `start` may lie after `end`: then they last over midnight. On `days` they last from midnight to midnight.
    """

    start: TimeOfDay = Field(description="Time of day at which silence begins")
    end: TimeOfDay = Field(description="Time of day at which it ends, and what waited is told")
    days: Annotated[tuple[Day, ...], Field(strict=False)] = Field((), description="Days that are quiet as a whole")
    timezone: Zone = Field("UTC", description="Of all of these, such as Europe/Berlin")
    unless: SeverityWord = Field("critical", description="Least severity that is told all the same")

    @model_validator(mode="after")
    def _some_hour_is_left(self) -> Self:
        if self.start == self.end:
            raise ValueError("start and end are the same: write two times, or remove quiet_hours")
        if len({*self.days}) == len(DAYS):
            raise ValueError("every day is quiet: nothing below `unless` would ever be told")
        return self


def _moment(value: object) -> object:
    try:
        return parse_moment(str(value))
    except ConfigurationError as error:
        raise ValueError(str(error)) from error


Moment = Annotated[datetime, BeforeValidator(_moment), PlainSerializer(stamp), WithJsonSchema({"type": "string"})]


class Downtime(Section):
    """A span in which something is out of order on purpose: windows that touch it are judged, and nobody is told."""

    start: Moment = Field(description="First moment, such as 2026-03-01 or 2026-03-01T18:00Z")
    end: Moment = Field(description="First moment after it")
    reason: Text = Field(description="For those who read the file later")

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if not self.start < self.end:
            raise ValueError(f"start {stamp(self.start)} is not before end {stamp(self.end)}")
        return self


Windows = Annotated[int, Field(ge=1, le=1000)]


class Patience(Section):
    """For how many windows in a row something that may pass by itself is told in the digest before it pages."""

    no_data: Windows = Field(1, description="The window in a row without rows at which people are paged")
    too_few_rows: Windows = Field(3, description="The same for windows with too few rows")
    labels: Windows = Field(1, description="The same for windows whose labels did not come")


class Alerts(Section):
    """Routes of alerts; without channels they go to the task's log."""

    channels: dict[Name, Channel] = Field(default_factory=dict, description="Channels by name")
    routes: Annotated[tuple[Route, ...], Field(strict=False)] = Field(
        (), description="Left out: every channel is told everything"
    )
    digest: Digest = Digest()
    quiet_hours: QuietHours | None = None
    downtime: Annotated[tuple[Downtime, ...], Field(strict=False)] = Field(
        (), description="Spans of planned work: windows that touch one are judged, and nobody is told"
    )
    remind: Width = Field(timedelta(days=7), description="Time after which an incident nobody took on is told again")
    healthy_windows: Windows = Field(2, description="Healthy windows in a row that resolve an incident")
    patience: Patience = Patience()
    deadline: Width | None = Field(
        None, description="Time after which a run is late; the schedule's interval, at most 6h, when left out"
    )
    runbook: Text | None = Field(
        None,
        description="Address of the runbook, linked in each alert; after a # at its end comes incident-drift and so on",
    )

    @model_validator(mode="after")
    def _routes_lead_somewhere(self) -> Self:
        for route in self.routes:
            for name in route.to:
                if name not in self.channels:
                    known = ", ".join(self.channels) or "none"
                    raise ValueError(f"routes: there is no channel {name!r}: channels has {known}")
        if self.runbook and not re.match(r"https?://[^\s]+$", self.runbook):
            raise ValueError(f"runbook: {self.runbook!r} is no address: write https://...")
        return self

    def told(self, topics: Sequence[str], owners: Sequence[str], severity: Severity) -> list[Channel]:
        """The channels that are told of something; the task's log where no channel is declared, or no route fits.

        >>> alerts = Alerts(channels={"team": Channel(to=("#ml",)), "log": Channel(kind="log")})
        >>> [each.address for each in alerts.told(["no_data"], ["growth"], Severity.LOW)]
        ['slack:slack_default:#ml', 'log']
        """
        if not self.channels:
            return [Channel(kind="log")]
        routes = self.routes or (Route(to=tuple(self.channels)),)
        names = [name for route in routes if route.fits(topics, owners, severity) for name in route.to]
        return [self.channels[name] for name in dict.fromkeys(names)] or [Channel(kind="log")]
