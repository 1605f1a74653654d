"""Files, uploads, fine-tuning jobs as clients asked for them; an owner on all that a project of API keys can make."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Json = sa.JSON(none_as_null=True)
OWNED = ("jobs", "model_versions", "api_keys")


def _owner() -> sa.Column[str]:
    return sa.Column("owner", sa.String(length=64), server_default="default", nullable=False)


def upgrade() -> None:
    for table in OWNED:
        op.add_column(table, _owner())
    op.add_column("api_keys", sa.Column("scope", sa.String(length=16), server_default="write", nullable=False))
    op.add_column("job_checkpoints", sa.Column("model_path", sa.Text()))
    op.add_column("job_checkpoints", sa.Column("model_fingerprint", sa.String(length=128)))
    op.create_table(
        "files",
        sa.Column("id", sa.String(length=64), nullable=False),
        _owner(),
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float()),
        sa.PrimaryKeyConstraint("id", name="pk_files"),
    )
    op.create_index("ix_files_owner_created_at", "files", ["owner", "created_at"])
    op.create_index("ix_files_sha256", "files", ["sha256"])
    op.create_table(
        "uploads",
        sa.Column("id", sa.String(length=64), nullable=False),
        _owner(),
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("mime_type", sa.String(length=255), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("file_expires_after_s", sa.Integer()),
        sa.Column("file_id", sa.String(length=64)),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_uploads"),
    )
    op.create_table(
        "upload_parts",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("upload_id", sa.String(length=64), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["upload_id"], ["uploads.id"], name="fk_upload_parts_upload_id_uploads", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_upload_parts"),
    )
    op.create_index("ix_upload_parts_sha256", "upload_parts", ["sha256"])
    op.create_index("ix_upload_parts_upload_id", "upload_parts", ["upload_id"])
    op.create_table(
        "fine_tuning_jobs",
        sa.Column("job_id", sa.String(length=64), nullable=False),
        sa.Column("model", sa.String(length=512), nullable=False),
        sa.Column("model_name", sa.String(length=512), nullable=False),
        sa.Column("training_file", sa.String(length=64), nullable=False),
        sa.Column("validation_file", sa.String(length=64)),
        sa.Column("suffix", sa.String(length=64)),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("method", Json, nullable=False),
        sa.Column("metadata", Json),
        sa.Column("result_file", sa.String(length=64)),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_fine_tuning_jobs_job_id_jobs", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", name="pk_fine_tuning_jobs"),
        sa.UniqueConstraint("model_name", name="uq_fine_tuning_jobs_model_name"),
    )
    op.create_table(
        "checkpoint_permissions",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("checkpoint", sa.String(length=512), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_checkpoint_permissions"),
        sa.UniqueConstraint("checkpoint", "project_id", name="uq_checkpoint_permissions_checkpoint_project_id"),
    )
    op.create_table(
        "accepted_requests",
        sa.Column("object_id", sa.String(length=64), nullable=False),
        sa.Column("api_key_id", sa.String(length=64), nullable=False),
        sa.Column("path", sa.String(length=255), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("idempotency_key", sa.String(length=255)),
        sa.Column("retry_count", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("object_id", name="pk_accepted_requests"),
        sa.UniqueConstraint("api_key_id", "path", "idempotency_key", name="uq_accepted_requests_api_key_id_path_idempotency_key"),
    )
    op.create_index("ix_accepted_requests_api_key_id_path_digest", "accepted_requests", ["api_key_id", "path", "digest"])


def downgrade() -> None:
    for table in ("accepted_requests", "checkpoint_permissions", "fine_tuning_jobs", "upload_parts", "uploads", "files"):
        op.drop_table(table)
    with op.batch_alter_table("job_checkpoints") as changed:
        changed.drop_column("model_fingerprint")
        changed.drop_column("model_path")
    with op.batch_alter_table("api_keys") as changed:
        changed.drop_column("scope")
    for table in OWNED:
        with op.batch_alter_table(table) as changed:
            changed.drop_column("owner")
