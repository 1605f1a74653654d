"""What streams told of responses that are not over."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("background_responses", sa.Column("told", sa.JSON(none_as_null=True)))


def downgrade() -> None:
    op.drop_column("background_responses", "told")
