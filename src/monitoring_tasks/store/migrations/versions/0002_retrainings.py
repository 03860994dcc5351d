"""Retrainings, of which one per monitor may be open."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

TABLE = "monitoring_retrainings"
MOMENT = sa.DateTime(timezone=True)
IS_OPEN = "state IN ('awaiting', 'judged', 'published', 'requested', 'scored')"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        TABLE,
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("monitor", sa.Text, nullable=False),
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("window_end", MOMENT, nullable=False),
        sa.Column("requested_at", MOMENT, nullable=False),
        sa.Column("closed_at", MOMENT),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("written_at", MOMENT, nullable=False),
    )
    op.create_index("ix_monitoring_retrainings_requested", TABLE, ["monitor", "requested_at"])
    condition = sa.text(IS_OPEN)
    op.create_index(
        "ux_monitoring_retrainings_open",
        TABLE,
        ["monitor"],
        unique=True,
        sqlite_where=condition,
        postgresql_where=condition,
    )


def downgrade() -> None:
    """Drop the table with all it holds."""
    op.drop_table(TABLE)
