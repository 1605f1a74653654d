"""Checking a request for a fine-tuning job and queueing it. Loads neither torch nor the base."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, insert

from honekit import jobs
from honekit.data import check_chat_file, check_preference_file
from honekit.data.lines import MIN_TRAINING_EXAMPLES
from honekit.errors import HoneError
from honekit.fine_tuning.hyperparameters import Objective, Wanted, choose
from honekit.fine_tuning.records import Asked
from honekit.jobs import Job
from honekit.models.fingerprint import fingerprint_adapter
from honekit.registry.versions import version_name
from honekit.store import files
from honekit.store.files import File, Noted
from honekit.store.tables import fine_tuning_jobs
from honekit.train import TrainSpec

AUTO = Wanted()
MAX_SEED = 2**31 - 1
_SHOWN = 20


class RequestFault(HoneError):
    """A request that cannot become a job. `where` names its field, as in `method.supervised.hyperparameters.n_epochs`."""


@dataclass(frozen=True)
class Start:
    """The model that a job begins with: a base, or an adapter on one that is to be tuned further."""

    name: str
    base_ref: str
    adapter: Path | None = None


def create(
    owner: str,
    start: Start,
    training_file: str,
    *,
    validation_file: str | None = None,
    wanted: Wanted = AUTO,
    suffix: str | None = None,
    seed: int | None = None,
    metadata: dict[str, str] | None = None,
    noted: Noted | None = None,
) -> tuple[Job, Asked]:
    """Check the files line by line, decide what is `auto`, and queue the job.

    Raises: RequestFault[fine_tuning.file_not_found | .invalid_purpose | .invalid_training_file | .invalid_validation_file |
    .invalid_n_examples]; StoreError.
    """
    training = _file(owner, training_file, "training_file")
    examples = _checked(training, "training_file", wanted.objective, MIN_TRAINING_EXAMPLES)
    validation = _file(owner, validation_file, "validation_file") if validation_file else None
    if validation:
        _checked(validation, "validation_file", wanted.objective, 1)
    chosen = choose(examples, wanted)
    seed = secrets.randbelow(MAX_SEED + 1) if seed is None else seed
    spec = TrainSpec(
        training_file=str(training.path),
        training_sha256=training.sha256,
        validation_file=str(validation.path) if validation else None,
        validation_sha256=validation.sha256 if validation else None,
        base=start.base_ref,
        project=suffix or "",
        recipe=chosen.recipe(start.base_ref, seed),
        start_from=str(start.adapter.resolve()) if start.adapter else None,
        start_fingerprint=fingerprint_adapter(start.adapter) if start.adapter else None,
    )
    made: list[Asked] = []

    def note(connection: Connection, job_id: str) -> None:
        record = Asked(
            job_id=job_id,
            model=start.name,
            model_name=version_name(start.base_ref, suffix or "", job_id),
            training_file=training.id,
            validation_file=validation.id if validation else None,
            suffix=suffix,
            seed=seed,
            method=chosen.as_method(),
            metadata=metadata or None,
            result_file=None,
        )
        connection.execute(insert(fine_tuning_jobs).values(**vars(record)))
        if noted:
            noted(connection, job_id)
        made.append(record)

    job = jobs.create_job("fine_tuning", spec.as_dict(), owner=owner, noted=note)
    return job, made[0]


def _file(owner: str, file_id: str, param: str) -> File:
    found = files.get(owner, file_id) if file_id.isprintable() else None
    if found is None:
        raise RequestFault(
            "fine_tuning.file_not_found",
            what=f"there is no file {file_id[:80]!r}",
            mend="upload it with the purpose 'fine-tune', and give the id that comes back",
            where=param,
        )
    if found.purpose != "fine-tune":
        raise RequestFault(
            "fine_tuning.invalid_purpose",
            what=f"the file {file_id} has the purpose {found.purpose!r}",
            mend="upload it with the purpose 'fine-tune'",
            where=param,
        )
    return found


def _checked(file: File, param: str, objective: Objective, least: int) -> int:
    """How many examples the file has."""
    result = check_preference_file(file.path) if objective == "dpo" else check_chat_file(file.path)
    errors = [finding for finding in result.errors if finding.code != "data.too_few"]
    which = "Training" if param == "training_file" else "Validation"
    if errors:
        shown = "; ".join(f"Line {one.line}: {one.field + ': ' if one.field else ''}{one.message}" for one in errors[:_SHOWN])
        total = result.stats["errors"] - (len(result.errors) - len(errors))
        more = f"; and {total - _SHOWN} more" if total > _SHOWN else ""
        raise RequestFault(
            f"fine_tuning.invalid_{param}", what=f"{shown}{more}", mend=errors[0].fix or "mend these lines", where=param
        )
    if result.records < least:
        raise RequestFault(
            "fine_tuning.invalid_n_examples",
            what=f"{which} file has {result.records} example(s), but must have at least {least} examples",
            mend="add examples, one conversation per line",
            where=param,
        )
    return result.records
