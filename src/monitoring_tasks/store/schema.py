"""Tables of the results store, for SQLite and PostgreSQL alike.

One row per subject holds its verdict, or only its check results until the verdict is reached. The results of a window
are one compressed body, for nothing ever asks for one of them alone: a row each would take ten times the space. What
many windows are asked for at once is kept in short beside them: scores and headline. Tables carry a prefix
because a company's PostgreSQL database is often shared, and so is the name of Alembic's own version table.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    text,
)

from monitoring_tasks.store.records import OPEN_STATES

REVISION = "0007"
VERSION_TABLE = "monitoring_schema_version"


class Moment(TypeDecorator[datetime]):
    """A moment in UTC; read back aware from both databases, though SQLite keeps no time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """The moment in UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """An aware moment in UTC, whatever the session's time zone."""
        if value is None or value.tzinfo is UTC:
            return value
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class Words(TypeDecorator[str]):
    r"""Text from outside, in which NUL and half characters may stand, which databases cannot hold.

    NUL is kept as `\0`, half of a surrogate pair as `\ud83d`, and `\` as `\\`.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        """The text without NUL and half characters."""
        if value is None:
            return None
        value = value.replace("\\", "\\\\").replace("\0", "\\0")
        return re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", value)

    def process_result_value(self, value: str | None, _dialect: Dialect) -> str | None:
        """The text as it was given."""
        # Hardly any text has one, and pages read thousands of texts.
        return value if value is None or "\\" not in value else re.sub(r"\\(u[0-9a-f]{4}|.)", _unescaped, value)


def _unescaped(found: re.Match[str]) -> str:
    if found[1] == "0":
        return "\0"
    return chr(int(found[1][1:], 16)) if found[1].startswith("u") else "\\"


METADATA = MetaData()

# Subjects and letters are found by a digest of their key: an index over the texts themselves is limited to 2.7 kB in
# PostgreSQL, and texts come from outside.
SUBJECTS = Table(
    "monitoring_subjects",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("monitor", Words, nullable=False),
    Column("champion", Words, nullable=False),
    Column("window_start", Moment, nullable=False),
    Column("window_end", Moment, nullable=False),
    Column("config_hash", Words, nullable=False),
    Column("row_count", BigInteger),
    Column("outcome", Text),
    Column("severity", Integer),
    Column("code_version", Words),
    Column("verdict", Text),
    Column("report", Words),
    Column("run", Text),
    Column("written_at", Moment),
    Column("results", LargeBinary),
    Column("scores", LargeBinary),
    Column("headline", Text),
    Index("ix_monitoring_subjects_window", "monitor", "window_end", "window_start", "written_at"),
)

READINGS = Table(
    "monitoring_readings",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("monitor", Words, nullable=False),
    Column("stream", Text, nullable=False),
    Column("window_start", Moment, nullable=False),
    Column("window_end", Moment, nullable=False),
    Column("tick", Moment, nullable=False),
    Column("live", Boolean, nullable=False),
    Column("body", Text, nullable=False),
    Column("written_at", Moment, nullable=False),
    Index("ix_monitoring_readings_tick", "tick"),
    Index("ix_monitoring_readings_monitor", "monitor", "stream", "tick"),
)

INCIDENTS = Table(
    "monitoring_incidents",
    METADATA,
    Column("id", Words, primary_key=True),
    Column("cause", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("severity", Integer, nullable=False),
    Column("opened", Moment, nullable=False),
    Column("resolved", Moment),
    Column("body", Text, nullable=False),
    Column("written_at", Moment, nullable=False),
    Index("ix_monitoring_incidents_state", "state", "opened"),
)

INCIDENT_MONITORS = Table(
    "monitoring_incident_monitors",
    METADATA,
    Column("incident", Words, ForeignKey(INCIDENTS.c.id, ondelete="CASCADE"), primary_key=True),
    Column("monitor", Words, primary_key=True),
    Index("ix_monitoring_incident_monitors", "monitor"),
)

TRANSITIONS = Table(
    "monitoring_transitions",
    METADATA,
    Column("incident", Words, ForeignKey(INCIDENTS.c.id, ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("event", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("severity", Integer, nullable=False),
    Column("tick", Moment, nullable=False),
    Column("at", Moment, nullable=False),
    Column("by", Words, nullable=False),
    Column("reason", Words, nullable=False),
)

LETTERS = Table(
    "monitoring_letters",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("key", Words, nullable=False),
    Column("channel", Words, nullable=False),
    Column("incident", Words, nullable=False),
    Column("position", Integer, nullable=False),
    Column("event", Text, nullable=False),
    Column("severity", Integer, nullable=False),
    Column("monitors", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("for_digest", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Moment),
    Column("claimed_at", Moment),
    Column("claimed_by", Words),
    Column("sent_at", Moment),
    Column("external", Text, nullable=False),
    Column("error", Words, nullable=False),
    Index("ix_monitoring_letters_due", "state", "due_at"),
    # Without the channel: the addresses of an e-mail can be longer than an index takes.
    Index("ix_monitoring_letters_incident", "incident", "position"),
)

# At most one retraining of a monitor is under way, whatever the code above it believes.
_IS_OPEN = text(f"state IN ({', '.join(repr(state) for state in sorted(OPEN_STATES))})")
RETRAININGS = Table(
    "monitoring_retrainings",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("monitor", Words, nullable=False),
    Column("run", Words, nullable=False),
    Column("state", Text, nullable=False),
    Column("window_end", Moment, nullable=False),
    Column("requested_at", Moment, nullable=False),
    Column("closed_at", Moment),
    Column("body", Text, nullable=False),
    Column("written_at", Moment, nullable=False),
    Index("ix_monitoring_retrainings_requested", "monitor", "requested_at"),
    Index("ux_monitoring_retrainings_open", "monitor", unique=True, sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN),
)

CANARIES = Table(
    "monitoring_canaries",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("monitor", Words, nullable=False),
    Column("window_start", Moment, nullable=False),
    Column("window_end", Moment, nullable=False),
    Column("champion", Words, nullable=False),
    Column("config_hash", Words, nullable=False),
    Column("body", Text, nullable=False),
    Column("written_at", Moment, nullable=False),
    Index("ix_monitoring_canaries_window", "monitor", "window_end"),
)

PERFORMANCE = Table(
    "monitoring_performance",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("monitor", Words, nullable=False),
    Column("window_start", Moment, nullable=False),
    Column("window_end", Moment, nullable=False),
    Column("champion", Words, nullable=False),
    Column("config_hash", Words, nullable=False),
    Column("known_at", Moment, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("severity", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Column("results", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("run", Text, nullable=False),
    Column("written_at", Moment, nullable=False),
    Column("headline", Text, nullable=False),
    Index("ix_monitoring_performance_window", "monitor", "window_end", "window_start", "known_at"),
)
