"""The tables of the database. A change here needs a migration in `store/migrations/versions`.

Times are Unix seconds (UTC) as floats; the HTTP surfaces round them. Ids carry OpenAI's prefixes. `owner` is the project of
the API key that made a row (OpenAI's projects, which see nothing of each other); the command line's own is `default`.
"""

from __future__ import annotations

import secrets
import string

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
Json = JSON(none_as_null=True)

DEFAULT_OWNER = "default"


def _owner() -> Column[str]:
    return Column("owner", String(64), nullable=False, server_default=DEFAULT_OWNER)


jobs = Table(
    "jobs",
    metadata,
    Column("id", String(64), primary_key=True),
    _owner(),
    Column("kind", String(64), nullable=False),
    Column("status", String(32), nullable=False),
    Column("spec", Json, nullable=False),
    Column("key", String(255)),
    Column("result", Json),
    Column("error", Json),
    Column("progress", Json, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("stop_requested", String(16)),
    Column("created_at", Float, nullable=False),
    Column("started_at", Float),
    Column("finished_at", Float),
    # The fencing token only ever rises: each claim and each loss of a lease makes all older writers stale.
    Column("lease_token", Integer, nullable=False),
    Column("lease_worker", String(255)),
    Column("lease_expires_at", Float),
    Column("last_event_seq", Integer, nullable=False),
    Column("last_event_at", Float, nullable=False),
    Index("ix_jobs_status_created_at", "status", "created_at"),
)
_wanted = text("key IS NOT NULL AND status NOT IN ('failed', 'cancelled')")
Index(
    "uq_jobs_kind_key_wanted",
    jobs.c.kind,
    jobs.c.key,
    unique=True,
    sqlite_where=_wanted,
    postgresql_where=_wanted,
)

job_events = Table(
    "job_events",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("job_id", String(64), ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("level", String(16), nullable=False),
    Column("type", String(16), nullable=False),
    Column("message", Text, nullable=False),
    Column("data", Json),
    UniqueConstraint("job_id", "seq"),
)

job_checkpoints = Table(
    "job_checkpoints",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("job_id", String(64), ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("step", Integer, nullable=False),
    Column("path", Text, nullable=False),
    Column("metrics", Json, nullable=False),
    # An adapter that answers by a name of its own; most checkpoints hold only what a resume needs.
    Column("model_path", Text),
    Column("model_fingerprint", String(128)),
    Column("created_at", Float, nullable=False),
    UniqueConstraint("job_id", "step"),
)

files = Table(
    "files",
    metadata,
    Column("id", String(64), primary_key=True),
    _owner(),
    Column("filename", String(255), nullable=False),
    Column("purpose", String(32), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    # The content lies in the blob store; files with the same content share it.
    Column("sha256", String(64), nullable=False, index=True),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float),
    Index("ix_files_owner_created_at", "owner", "created_at"),
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", String(64), primary_key=True),
    _owner(),
    Column("filename", String(255), nullable=False),
    Column("purpose", String(32), nullable=False),
    Column("mime_type", String(255), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("status", String(16), nullable=False),
    Column("file_expires_after_s", Integer),
    Column("file_id", String(64)),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    # Of the parts that it was completed with, so that other ones are not taken for the same request again.
    Column("completed_as", String(128)),
)

upload_parts = Table(
    "upload_parts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("upload_id", String(64), ForeignKey("uploads.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False, index=True),
    Column("created_at", Float, nullable=False),
)

fine_tuning_jobs = Table(
    "fine_tuning_jobs",
    metadata,
    # What a client asked for; how far it is stands in `jobs`.
    Column("job_id", String(64), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("model", String(512), nullable=False),
    Column("model_name", String(512), nullable=False, unique=True),
    Column("training_file", String(64), nullable=False),
    Column("validation_file", String(64)),
    Column("suffix", String(64)),
    Column("seed", Integer, nullable=False),
    Column("method", Json, nullable=False),
    Column("metadata", Json),
    Column("result_file", String(64)),
    Column("integrations", Json),
)

checkpoint_permissions = Table(
    "checkpoint_permissions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("checkpoint", String(512), nullable=False),
    # The project that may use the checkpoint.
    Column("project_id", String(64), nullable=False),
    Column("created_at", Float, nullable=False),
    UniqueConstraint("checkpoint", "project_id"),
)

accepted_requests = Table(
    "accepted_requests",
    metadata,
    # One row for each object that a request made, so that the same request, sent again, does not make a second one.
    Column("object_id", String(64), primary_key=True),
    Column("api_key_id", String(64), nullable=False),
    Column("path", String(255), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("idempotency_key", String(255)),
    Column("retry_count", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
    Index("ix_accepted_requests_api_key_id_path_digest", "api_key_id", "path", "digest"),
    UniqueConstraint("api_key_id", "path", "idempotency_key"),
)

removed_rows = Table(
    "removed_rows",
    metadata,
    # Where a deleted row stood in its list, for a day.
    Column("kind", String(32), primary_key=True),
    Column("owner", String(64), primary_key=True),
    Column("row_id", String(64), primary_key=True),
    Column("created_at", Float, nullable=False),
    Column("removed_at", Float, nullable=False, index=True),
)

stored_answers = Table(
    "stored_answers",
    metadata,
    # Responses and chat completions that a request asked to keep: what came in, what went out.
    Column("id", String(64), primary_key=True),
    _owner(),
    Column("kind", String(32), nullable=False),
    Column("model", String(512), nullable=False),
    Column("body", Json, nullable=False),
    Column("input", Json, nullable=False),
    Column("metadata", Json),
    Column("created_at", Float, nullable=False),
    Index("ix_stored_answers_owner_kind_created_at", "owner", "kind", "created_at"),
)

background_responses = Table(
    "background_responses",
    metadata,
    # How a stored response is made that nobody waits for; `ended_at` is null until it is over.
    Column("answer_id", String(64), ForeignKey("stored_answers.id", ondelete="CASCADE"), primary_key=True),
    _owner(),
    # What is asked; not kept longer than it is needed.
    Column("request", Json),
    # The base that answers, which not every server has; null for a tuned model.
    Column("base", String(512)),
    # The same for each attempt.
    Column("seed", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("lease_worker", String(255)),
    Column("lease_expires_at", Float),
    # What streams told of one that is not over: {fingerprint, tokens}. The next attempt begins with it.
    Column("told", Json),
    # What a stream told of one that is over, if it was asked for as a stream.
    Column("events", Json),
    Column("created_at", Float, nullable=False),
    Column("ended_at", Float),
    Index("ix_background_responses_ended_at_created_at", "ended_at", "created_at"),
)

model_versions = Table(
    "model_versions",
    metadata,
    Column("name", String(512), primary_key=True),
    _owner(),
    # The `hone.toml` that it belongs to; of a job by the API the suffix.
    Column("project", String(64), nullable=False, index=True),
    # No foreign key: a version outlives the record of the job that made it.
    Column("job_id", String(64), nullable=False, unique=True),
    Column("base_ref", Text, nullable=False),
    Column("base_fingerprint", String(128), nullable=False),
    Column("adapter_path", Text, nullable=False),
    Column("adapter_fingerprint", String(128), nullable=False),
    Column("metadata", Json, nullable=False),
    Column("created_at", Float, nullable=False),
)

aliases = Table(
    "aliases",
    metadata,
    Column("owner", String(64), primary_key=True),
    Column("alias", String(255), primary_key=True),
    Column("version", String(512), ForeignKey("model_versions.name"), nullable=False),
    Column("updated_at", Float, nullable=False),
)

alias_history = Table(
    "alias_history",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _owner(),
    Column("alias", String(255), nullable=False, index=True),
    Column("action", String(16), nullable=False),
    # No foreign key: the history keeps the names of versions that were deleted since.
    Column("version", String(512), nullable=False),
    Column("previous", String(512)),
    Column("reason", Text, nullable=False),
    Column("created_at", Float, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(255), nullable=False),
    # Only the hash is kept; `prefix` is what a list may show.
    Column("key_hash", String(128), nullable=False, unique=True),
    Column("prefix", String(32), nullable=False),
    _owner(),
    Column("scope", String(16), nullable=False, server_default="write"),
    Column("created_at", Float, nullable=False),
    Column("last_used_at", Float),
    Column("revoked_at", Float),
)

evaluations = Table(
    "evaluations",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("project", String(64), nullable=False, index=True),
    Column("version", String(512), index=True),
    Column("report_path", Text, nullable=False),
    Column("fingerprints", Json, nullable=False),
    Column("verdict", String(32), nullable=False),
    Column("created_at", Float, nullable=False),
)

data_versions = Table(
    "data_versions",
    metadata,
    # What was done to make a file. A version is its content: the same content made twice has two rows.
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("sha256", String(64), nullable=False, index=True),
    # [{"sha256": ..., "path": ...}]: what it was made of.
    Column("parents", Json, nullable=False),
    Column("action", String(16), nullable=False),
    Column("path", Text, nullable=False),
    Column("details", Json, nullable=False),
    Column("created_at", Float, nullable=False),
)

evals = Table(
    "evals",
    metadata,
    Column("id", String(64), primary_key=True),
    _owner(),
    Column("name", Text, nullable=False),
    Column("data_source_config", Json, nullable=False),
    Column("testing_criteria", Json, nullable=False),
    Column("metadata", Json),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Index("ix_evals_owner_created_at", "owner", "created_at"),
)

eval_runs = Table(
    "eval_runs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("eval_id", String(64), ForeignKey("evals.id", ondelete="CASCADE"), nullable=False),
    _owner(),
    Column("name", Text, nullable=False),
    Column("model", String(512), nullable=False),
    Column("data_source", Json, nullable=False),
    Column("metadata", Json),
    # Where the model was asked, and which version of it answered.
    Column("subject", Json, nullable=False),
    Column("status", String(16), nullable=False),
    # Counts of the items that are over, changed in the transaction that ends an item.
    Column("tallies", Json, nullable=False),
    Column("error", Json),
    Column("created_at", Float, nullable=False),
    Column("finished_at", Float),
    Column("lease_worker", String(255)),
    Column("lease_expires_at", Float),
    Index("ix_eval_runs_eval_id_created_at", "eval_id", "created_at"),
    Index("ix_eval_runs_status", "status"),
)

eval_items = Table(
    "eval_items",
    metadata,
    # One row for each item from the moment on that a run is accepted; `queued` until it is graded.
    Column("id", String(64), primary_key=True),
    Column("run_id", String(64), ForeignKey("eval_runs.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("item", Json, nullable=False),
    # The sample that came with the item; null where a model is to be asked.
    Column("given", Json),
    Column("status", String(16), nullable=False),
    Column("results", Json),
    Column("sample", Json),
    Column("created_at", Float, nullable=False),
    UniqueConstraint("run_id", "position"),
)

eval_answers = Table(
    "eval_answers",
    metadata,
    # By project, model version, prompt and sampling, so that a later run need not ask again.
    Column("key", String(64), primary_key=True),
    Column("body", Json, nullable=False),
    Column("created_at", Float, nullable=False),
)

_ALPHABET = string.ascii_letters + string.digits
_RANDOM = secrets.SystemRandom()


def new_id(prefix: str) -> str:
    """A random id with its prefix (`ftjob-`, `ftevent-`, `ftckpt_`, ...): 24 letters or digits, 142 bits."""
    return prefix + "".join(_RANDOM.choices(_ALPHABET, k=24))
