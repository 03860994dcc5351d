"""Subjects with their verdicts, check results, alerts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    _subjects()
    _check_results()
    _alerts()


def downgrade() -> None:
    """Drop the tables with all they hold."""
    for table in ("monitoring_alerts", "monitoring_check_results", "monitoring_subjects"):
        op.drop_table(table)


def _subjects() -> None:
    op.create_table(
        "monitoring_subjects",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("monitor", sa.Text, nullable=False),
        sa.Column("champion", sa.Text, nullable=False),
        sa.Column("window_start", MOMENT, nullable=False),
        sa.Column("window_end", MOMENT, nullable=False),
        sa.Column("config_hash", sa.Text, nullable=False),
        sa.Column("row_count", sa.BigInteger),
        sa.Column("outcome", sa.Text),
        sa.Column("severity", sa.Integer),
        sa.Column("code_version", sa.Text),
        sa.Column("verdict", sa.Text),
        sa.Column("report", sa.Text),
        sa.Column("run", sa.Text),
        sa.Column("written_at", MOMENT),
    )
    order = ["monitor", "window_end", "window_start", "written_at"]
    op.create_index("ix_monitoring_subjects_window", "monitoring_subjects", order)


def _check_results() -> None:
    subject = sa.ForeignKey("monitoring_subjects.digest", ondelete="CASCADE")
    op.create_table(
        "monitoring_check_results",
        sa.Column("digest", sa.Text, subject, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("suite", sa.Text, nullable=False),
        sa.Column("check_name", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("column_name", sa.Text),
        sa.Column("method", sa.Text),
        sa.Column("value", sa.Float(53)),
        sa.Column("threshold", sa.Float(53)),
        sa.Column("severe", sa.Boolean, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("reference_summary", sa.Text, nullable=False),
        sa.Column("current_summary", sa.Text, nullable=False),
    )


def _alerts() -> None:
    op.create_table(
        "monitoring_alerts",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("monitor", sa.Text, nullable=False),
        sa.Column("window_start", MOMENT, nullable=False),
        sa.Column("window_end", MOMENT, nullable=False),
        sa.Column("severity", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("external", sa.Text, nullable=False),
        sa.Column("claimed_at", MOMENT),
        sa.Column("claimed_by", sa.Text),
    )
    op.create_index("ix_monitoring_alerts_window", "monitoring_alerts", ["monitor", "window_start"])
