"""Responses that are made in the background."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "background_responses",
        sa.Column("answer_id", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("request", sa.JSON(none_as_null=True)),
        sa.Column("base", sa.String(length=512)),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_worker", sa.String(length=255)),
        sa.Column("lease_expires_at", sa.Float()),
        sa.Column("events", sa.JSON(none_as_null=True)),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("ended_at", sa.Float()),
        sa.ForeignKeyConstraint(
            ["answer_id"],
            ["stored_answers.id"],
            name="fk_background_responses_answer_id_stored_answers",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("answer_id", name="pk_background_responses"),
    )
    op.create_index("ix_background_responses_ended_at_created_at", "background_responses", ["ended_at", "created_at"])


def downgrade() -> None:
    op.drop_table("background_responses")
