"""How large a check's value is, how sure the check is of it, and what explains it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

TABLE = "monitoring_check_results"


def upgrade() -> None:
    """Add the columns; checks of before failed by their limits alone, so what failed was large."""
    op.add_column(TABLE, sa.Column("large", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column(TABLE, sa.Column("evidence", sa.Text))
    op.add_column(TABLE, sa.Column("season", sa.Text, nullable=False, server_default=""))
    op.add_column(TABLE, sa.Column("cause", sa.Text, nullable=False, server_default=""))
    checks = sa.table(TABLE, sa.column("status", sa.Text), sa.column("large", sa.Boolean))
    op.execute(checks.update().where(checks.c.status == "failed").values(large=True))


def downgrade() -> None:
    """Drop the columns with all they hold."""
    for name in ("cause", "season", "evidence", "large"):
        op.drop_column(TABLE, name)
