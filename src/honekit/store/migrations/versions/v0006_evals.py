"""Evaluations, their runs, the items of a run, and the answers that later runs need not ask for again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

Json = sa.JSON(none_as_null=True)


def upgrade() -> None:
    op.create_table(
        "evals",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("data_source_config", Json, nullable=False),
        sa.Column("testing_criteria", Json, nullable=False),
        sa.Column("metadata", Json),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("updated_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_evals"),
    )
    op.create_index("ix_evals_owner_created_at", "evals", ["owner", "created_at"])
    op.create_table(
        "eval_runs",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("eval_id", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("model", sa.String(length=512), nullable=False),
        sa.Column("data_source", Json, nullable=False),
        sa.Column("metadata", Json),
        sa.Column("subject", Json, nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("tallies", Json, nullable=False),
        sa.Column("error", Json),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("finished_at", sa.Float()),
        sa.Column("lease_worker", sa.String(length=255)),
        sa.Column("lease_expires_at", sa.Float()),
        sa.ForeignKeyConstraint(["eval_id"], ["evals.id"], name="fk_eval_runs_eval_id_evals", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_eval_runs"),
    )
    op.create_index("ix_eval_runs_eval_id_created_at", "eval_runs", ["eval_id", "created_at"])
    op.create_index("ix_eval_runs_status", "eval_runs", ["status"])
    op.create_table(
        "eval_items",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("item", Json, nullable=False),
        sa.Column("given", Json),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("results", Json),
        sa.Column("sample", Json),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["eval_runs.id"], name="fk_eval_items_run_id_eval_runs", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_eval_items"),
        sa.UniqueConstraint("run_id", "position", name="uq_eval_items_run_id_position"),
    )
    op.create_table(
        "eval_answers",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_eval_answers"),
    )


def downgrade() -> None:
    for table in ("eval_answers", "eval_items", "eval_runs", "evals"):
        op.drop_table(table)
