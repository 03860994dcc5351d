"""Readings, incidents, what happened to them, and the outbox, in place of the alerts of before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

MOMENT = sa.DateTime(timezone=True)
ALERTS, READINGS, LETTERS = "monitoring_alerts", "monitoring_readings", "monitoring_letters"
INCIDENTS, MONITORS, TRANSITIONS = "monitoring_incidents", "monitoring_incident_monitors", "monitoring_transitions"


def upgrade() -> None:
    """Make the tables; what became of alerts of before is dropped: nothing is told of it any more."""
    _readings()
    _incidents()
    _letters()
    op.drop_table(ALERTS)


def downgrade() -> None:
    """Drop them with all they hold, and make the table of before."""
    for name in (LETTERS, TRANSITIONS, MONITORS, INCIDENTS, READINGS):
        op.drop_table(name)
    op.create_table(
        ALERTS,
        sa.Column("digest", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("key", "channel", "monitor")),
        sa.Column("window_start", MOMENT, nullable=False),
        sa.Column("window_end", MOMENT, nullable=False),
        sa.Column("severity", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("state", "message", "external")),
        sa.Column("claimed_at", MOMENT),
        sa.Column("claimed_by", sa.Text),
    )
    op.create_index("ix_monitoring_alerts_window", ALERTS, ["monitor", "window_start"])


def _readings() -> None:
    op.create_table(
        READINGS,
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("monitor", sa.Text, nullable=False),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("window_start", MOMENT, nullable=False),
        sa.Column("window_end", MOMENT, nullable=False),
        sa.Column("tick", MOMENT, nullable=False),
        sa.Column("live", sa.Boolean, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("written_at", MOMENT, nullable=False),
    )
    op.create_index("ix_monitoring_readings_tick", READINGS, ["tick"])
    op.create_index("ix_monitoring_readings_monitor", READINGS, ["monitor", "stream", "tick"])


def _incidents() -> None:
    op.create_table(
        INCIDENTS,
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("severity", sa.Integer, nullable=False),
        sa.Column("opened", MOMENT, nullable=False),
        sa.Column("resolved", MOMENT),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("written_at", MOMENT, nullable=False),
    )
    op.create_index("ix_monitoring_incidents_state", INCIDENTS, ["state", "opened"])
    op.create_table(MONITORS, _of_incident(), sa.Column("monitor", sa.Text, primary_key=True))
    op.create_index("ix_monitoring_incident_monitors", MONITORS, ["monitor"])
    op.create_table(
        TRANSITIONS,
        _of_incident(),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("severity", sa.Integer, nullable=False),
        sa.Column("tick", MOMENT, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )


def _of_incident() -> sa.Column[str]:
    return sa.Column("incident", sa.Text, sa.ForeignKey(f"{INCIDENTS}.id", ondelete="CASCADE"), primary_key=True)


def _letters() -> None:
    texts = ("key", "channel", "incident", "event", "monitors", "body", "state", "external", "error")
    op.create_table(
        LETTERS,
        sa.Column("digest", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in texts),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("position", "severity", "attempts")),
        *(sa.Column(name, MOMENT, nullable=False) for name in ("created_at", "due_at")),
        *(sa.Column(name, MOMENT) for name in ("next_at", "claimed_at", "sent_at")),
        sa.Column("for_digest", sa.Boolean, nullable=False),
        sa.Column("claimed_by", sa.Text),
    )
    op.create_index("ix_monitoring_letters_due", LETTERS, ["state", "due_at"])
    op.create_index("ix_monitoring_letters_incident", LETTERS, ["incident", "position"])
