"""What training found hard: the loss of each example, as a finished job has recorded it.

An example whose answer is wrong keeps a higher loss than those learnt beside it, since what the others teach speaks against it.
Source: Huang et al. 2019, "O2U-Net: A Simple Noisy Label Detection Approach", ICCV, which ranks by the mean over many epochs.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from honekit import jobs
from honekit.errors import DataError
from honekit.store.atomic import sha256_of

LOSS_LOG = "example_losses.jsonl"
"""In the job's folder once it is done: the loss of each example at each step."""
NEIGHBOURS = 25
"""On either side, in the order of training: a loss is held against the median there, since all losses fall as a job goes on."""
LEAST_NEIGHBOURS = 3


def surplus_losses(job_id: str, path: Path) -> dict[int, float]:
    """Line of the training file -> loss above that of the examples learnt just before and after it, in nats per predicted
    token, as a mean over all epochs: by the last one a model may know wrong answers by heart.

    Raises: JobError[job.unknown]; DataError[data.suspects.no_losses | data.suspects.other_file].
    """
    job = jobs.get_job(job_id)
    log = jobs.job_dir(job_id) / LOSS_LOG
    if not log.is_file():
        raise DataError(
            "data.suspects.no_losses",
            what=f"the job is {job.status} and has no record of its losses",
            where=str(log),
            mend=f"wait until it has succeeded: `hone jobs show {job_id}`",
        )
    if job.spec.get("training_sha256") != sha256_of(path):
        raise DataError(
            "data.suspects.other_file",
            what=f"the job {job_id} was trained on another file, or this one has changed since, so its lines mean other examples",
            where=str(path),
            mend=f"name the file that it was trained on: {job.spec.get('training_file')}",
        )
    with open(log, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    by_line: dict[int, list[float]] = defaultdict(list)
    for row, value in zip(rows, _above_neighbours([row["loss"] for row in rows]), strict=True):
        by_line[row["line"]].append(value)
    return {line: sum(values) / len(values) for line, values in by_line.items()}


def _above_neighbours(losses: Sequence[float]) -> list[float]:
    """Each against the median of as many before it as after it, so that a steady fall counts for nothing; at the very ends of
    the job against a few on one side."""
    above = []
    for i, loss in enumerate(losses):
        reach = max(LEAST_NEIGHBOURS, min(NEIGHBOURS, i, len(losses) - 1 - i))
        above.append(loss - median(losses[max(0, i - reach) : i + reach + 1]))
    return above
