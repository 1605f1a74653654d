"""Where the metrics of a fine-tuning job are sent besides."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("fine_tuning_jobs", sa.Column("integrations", sa.JSON(none_as_null=True)))


def downgrade() -> None:
    op.drop_column("fine_tuning_jobs", "integrations")
