"""Why a job failed, in words for whoever sent it over the API."""

from __future__ import annotations

from honekit.api.openai.fine_tuning_schema import JobFault
from honekit.jobs import Job

MENDS = {
    "train.all_truncated": "shorten these examples, or take a base with a longer context",
    "train.prompt_too_long": "shorten these prompts, or take a base with a longer context",
    "train.no_memory": "use a smaller batch_size, shorter examples or a smaller base",
    "train.not_finite": "use a smaller learning_rate_multiplier",
    "train.start_not_finite": "take another model to start from",
    "train.unchanged": "use a larger learning_rate_multiplier, or more n_epochs",
    "job.worker_died": "most often memory ran out: use a smaller batch_size, shorter examples or a smaller base",
}
"""In place of remedies that name settings of hone.toml, which a request does not have."""


def job_fault(job: Job) -> JobFault | None:
    """The contract's `error` of a job; None unless it failed."""
    if job.status != "failed" or not job.error:
        return None
    code = str(job.error["code"])
    about_data = code.startswith("data.") or code in ("train.all_truncated", "train.no_trained_tokens")
    mend = MENDS.get(code) or job.error.get("mend")
    # Of the place only the lines: the file is one of the store's.
    lines = str(job.error.get("where")).rpartition(": ")[2] if about_data else ""
    what = f"{job.error['what']} ({lines})" if lines.startswith("line") else str(job.error["what"])
    return JobFault(
        code="invalid_training_file" if about_data else code,
        message=f"{what}. To mend it: {mend}" if mend else what,
        param="training_file" if about_data else None,
    )
