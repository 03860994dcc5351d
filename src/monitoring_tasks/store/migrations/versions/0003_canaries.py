"""Reports of monitors' self-tests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TABLE = "monitoring_canaries"
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        TABLE,
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("monitor", sa.Text, nullable=False),
        sa.Column("window_start", MOMENT, nullable=False),
        sa.Column("window_end", MOMENT, nullable=False),
        sa.Column("champion", sa.Text, nullable=False),
        sa.Column("config_hash", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("written_at", MOMENT, nullable=False),
    )
    op.create_index("ix_monitoring_canaries_window", TABLE, ["monitor", "window_end"])


def downgrade() -> None:
    """Drop the table with all it holds."""
    op.drop_table(TABLE)
