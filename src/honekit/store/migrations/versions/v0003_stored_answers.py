"""Responses and chat completions that a request asked to keep."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

Json = sa.JSON(none_as_null=True)


def upgrade() -> None:
    op.create_table(
        "stored_answers",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("model", sa.String(length=512), nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.Column("input", Json, nullable=False),
        sa.Column("metadata", Json),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_stored_answers"),
    )
    op.create_index("ix_stored_answers_owner_kind_created_at", "stored_answers", ["owner", "kind", "created_at"])


def downgrade() -> None:
    op.drop_table("stored_answers")
