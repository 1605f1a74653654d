"""What the worker of a fine-tuning job executes: the training, then the result under its names.

Everything after the training may happen twice, when a worker dies between two steps, and has the same effect as once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select, update

from honekit.fine_tuning.integrations import followed
from honekit.fine_tuning.records import Asked, asked
from honekit.jobs import JobContext, get_job
from honekit.registry import create_version
from honekit.store import files
from honekit.store.database import open_database
from honekit.store.tables import fine_tuning_jobs
from honekit.train.run import run_job as train

RESULT_NAME = "step_metrics.csv"


def run_job(context: JobContext) -> dict[str, Any]:
    """Train, then publish the model and the result file. Raises TrainError with cause and remedy."""
    owner = get_job(context.job_id).owner
    found = asked(owner, context.job_id)
    assert found is not None, "a job of this kind is made together with its record"
    _, request = found
    with followed(context, request):
        result = train(context, keep_epochs=True)
    result_file = _keep_result(context, owner, request)
    version = create_version(
        request.suffix or "",
        context.job_id,
        result["base"],
        result["base_fingerprint"],
        Path(result["model_dir"]),
        result["fingerprint"],
        {name: result[name] for name in ("training_sha256", "held_out_loss", "held_out_reward")},
        name=request.model_name,
        owner=owner,
        noted=context.fence,
    )
    return {**result, "fine_tuned_model": version.name, "result_file": result_file}


def _keep_result(context: JobContext, owner: str, request: Asked) -> str:
    """The metrics of all steps as a file of the owner's; the job's row names it."""
    row = fine_tuning_jobs.c.job_id == request.job_id
    with open_database().read() as connection:
        made: str | None = connection.execute(select(fine_tuning_jobs.c.result_file).where(row)).scalar()
    if made is not None:
        return made

    def noted(connection: Connection, file_id: str) -> None:
        # Without this, a worker that was given up for dead between the look and here would make a second file.
        context.fence(connection)
        connection.execute(update(fine_tuning_jobs).where(row).values(result_file=file_id))

    content = (context.dir / "result.csv").read_bytes()
    return files.create(owner, RESULT_NAME, "fine-tune-results", [content], noted=noted).id
