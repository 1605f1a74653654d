"""What an upload was completed with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("uploads", sa.Column("completed_as", sa.String(length=128)))


def downgrade() -> None:
    op.drop_column("uploads", "completed_as")
