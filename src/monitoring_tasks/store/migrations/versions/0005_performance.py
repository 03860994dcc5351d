"""The ledger of performance, and checks of single segments."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

TABLE, RESULTS = "monitoring_performance", "monitoring_check_results"
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table and the column; checks of before were of all rows."""
    op.create_table(
        TABLE,
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("monitor", sa.Text, nullable=False),
        sa.Column("window_start", MOMENT, nullable=False),
        sa.Column("window_end", MOMENT, nullable=False),
        sa.Column("champion", sa.Text, nullable=False),
        sa.Column("config_hash", sa.Text, nullable=False),
        sa.Column("known_at", MOMENT, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("severity", sa.Integer, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("results", sa.Text, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("written_at", MOMENT, nullable=False),
    )
    op.create_index("ix_monitoring_performance_window", TABLE, ["monitor", "window_end", "window_start", "known_at"])
    op.add_column(RESULTS, sa.Column("segment", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    """Drop both with all they hold."""
    op.drop_column(RESULTS, "segment")
    op.drop_table(TABLE)
