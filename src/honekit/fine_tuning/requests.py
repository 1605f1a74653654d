"""Checking a request for a fine-tuning job and queueing it. Loads neither torch nor the base."""

from __future__ import annotations

import platform
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert

from honekit import jobs
from honekit.data import (
    CheckResult,
    check_chat_file,
    check_completion_file,
    check_preference_file,
    check_reinforcement_file,
    holds_completions,
)
from honekit.data.lines import MIN_TRAINING_EXAMPLES, Finding
from honekit.errors import HoneError, ModelError
from honekit.fine_tuning.hyperparameters import Objective, Wanted, choose
from honekit.fine_tuning.records import Asked
from honekit.graders.elsewhere import is_elsewhere
from honekit.graders.items import item_faults, item_variables
from honekit.graders.schema import Grader, LabelModelGrader, PythonGrader, ScoreModelGrader, TextSimilarityGrader, placed_graders
from honekit.jobs import Job
from honekit.models import bases
from honekit.models.adapters import is_whole_model
from honekit.models.fingerprint import fingerprint_adapter
from honekit.registry.versions import version_name
from honekit.store import files
from honekit.store.files import File, Noted
from honekit.store.tables import fine_tuning_jobs
from honekit.train import TrainSpec

AUTO = Wanted()
MAX_SEED = 2**31 - 1
GRADER = "method.reinforcement.grader"
"""Where a request has its grader."""
_SHOWN = 20


class RequestFault(HoneError):
    """A request that cannot become a job. `where` names its field, as in `method.supervised.hyperparameters.n_epochs`."""


@dataclass(frozen=True)
class Start:
    """The model that a job begins with: a base, or an adapter on one that is to be tuned further."""

    name: str
    base_ref: str
    adapter: Path | None = None
    model: str = ""
    """What an alias points to."""

    @property
    def base_name(self) -> str:
        """The base as the client calls it, which the tuned model's name carries on: of a tuned model what its name says."""
        if self.adapter is None:
            return self.name
        name = self.model or self.name
        return name.split(":")[1] if name.startswith("ft:") else self.base_ref


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
    grader: Grader | None = None,
    judges: Mapping[str, Start] | None = None,
    integrations: list[dict[str, Any]] | None = None,
) -> tuple[Job, Asked]:
    """Check the files line by line, decide what is `auto`, and queue the job; what is odd in the files is told by its events.

    A reinforcement job needs a `grader`, and in `judges` every model that it asks, by the name there.
    Raises: RequestFault[fine_tuning.model_not_available | .file_not_found | .invalid_purpose | .invalid_training_file |
    .invalid_validation_file | .invalid_n_examples | .invalid_grader]; StoreError.
    """
    _check_base(start)
    _check_judges(start, grader, judges or {})
    training = _file(owner, training_file, "training_file")
    examples, warnings = _checked(training, "training_file", wanted.objective, MIN_TRAINING_EXAMPLES, grader)
    validation = _file(owner, validation_file, "validation_file") if validation_file is not None else None
    if validation:
        warnings += _checked(validation, "validation_file", wanted.objective, 1, grader)[1]
    warnings += _unheeded(grader)
    chosen = choose(examples, wanted)
    told_grader = grader.model_dump(mode="json", exclude_unset=True) if grader else None
    asked_models = {name: str(judge.adapter.resolve()) if judge.adapter else None for name, judge in (judges or {}).items()}
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
        grader=told_grader,
        judges=asked_models or None,
    )
    made: list[Asked] = []

    def note(connection: Connection, job_id: str) -> None:
        record = Asked(
            job_id=job_id,
            model=start.name,
            model_name=version_name(start.base_name, suffix or "", job_id),
            training_file=training.id,
            validation_file=validation.id if validation else None,
            suffix=suffix,
            seed=seed,
            method=chosen.as_method(told_grader),
            metadata=metadata or None,
            result_file=None,
            integrations=integrations or None,
        )
        connection.execute(insert(fine_tuning_jobs).values(**vars(record)))
        if noted:
            noted(connection, job_id)
        made.append(record)

    job = jobs.create_job("fine_tuning", spec.as_dict(), owner=owner, noted=note, warnings=warnings)
    return job, made[0]


def _check_base(start: Start) -> None:
    """A base that is still to be fetched is checked by the job itself."""
    directory = bases.local_directory(start.base_ref)
    try:
        if start.adapter and is_whole_model(start.adapter):
            raise ModelError(
                "model.not_an_adapter",
                what="it was tuned whole, so there is no adapter to go on from",
                mend="give the directory of its weights as base: `hone models show` names it",
            )
        if directory:
            bases.require_writer(directory)
    except ModelError as fault:
        raise RequestFault(
            "fine_tuning.model_not_available",
            what=f"Model {start.name[:200]} is not available for fine-tuning: {fault.what}",
            mend=fault.mend,
            where="model",
        ) from fault


def _file(owner: str, file_id: str, param: str) -> File:
    found = files.get(owner, file_id) if file_id.isprintable() else None
    if found is None:
        raise RequestFault(
            "fine_tuning.file_not_found",
            what=f"there is no file {file_id[:80]!r}",
            mend="upload it with the purpose 'fine-tune', and give the id that comes back",
            where=param,
        )
    if found.purpose != files.TRAINING:
        raise RequestFault(
            "fine_tuning.invalid_purpose",
            what=f"the file {file_id} has the purpose {found.purpose!r}",
            mend="upload it with the purpose 'fine-tune'",
            where=param,
        )
    return found


def _check_judges(start: Start, grader: Grader | None, judges: Mapping[str, Start]) -> None:
    """The worker has one base at hand, so that is what has to answer a model grader, or a server that it may ask."""
    for place, part in placed_graders(grader, GRADER) if grader else []:
        if not isinstance(part, ScoreModelGrader | LabelModelGrader) or is_elsewhere(part.model):
            continue
        if part.model not in judges or judges[part.model].base_ref != start.base_ref:
            raise RequestFault(
                "fine_tuning.invalid_grader",
                what=f"the grader asks {part.model!r}, which is not on the base of {start.name!r}, and during training only that "
                "base and models tuned on it can be asked",
                mend="name that base or a model tuned on it, or use a grader that asks no model",
                where=f"{place}.model",
            )


def _check(path: Path, objective: Objective, grader: Grader | None) -> CheckResult:
    if objective == "supervised":
        return check_completion_file(path) if holds_completions(path) else check_chat_file(path)
    if objective == "dpo":
        return check_preference_file(path)
    if grader is None:
        raise RequestFault(
            "fine_tuning.invalid_grader", what="a reinforcement job needs a grader", mend="give one, as in docs/graders.md",
            where=GRADER,
        )  # fmt: skip
    variables = item_variables(grader)
    return check_reinforcement_file(path, lambda one: item_faults(variables, one.item, one.line))


def _checked(file: File, param: str, objective: Objective, least: int, grader: Grader | None) -> tuple[int, list[str]]:
    """How many examples the file has, and what is odd in it."""
    result = _check(file.path, objective, grader)
    errors = [finding for finding in result.errors if finding.code != "data.too_few"]
    which = "Training" if param == "training_file" else "Validation"
    if errors:
        total = result.stats["errors"] - (len(result.errors) - len(errors))
        what = _told(errors[:_SHOWN]) + (f"; and {total - _SHOWN} more" if total > _SHOWN else "")
        raise RequestFault(f"fine_tuning.invalid_{param}", what=what, mend=errors[0].fix or "mend these lines", where=param)
    if result.records < least:
        raise RequestFault(
            "fine_tuning.invalid_n_examples",
            what=f"{which} file has {result.records} example(s), but must have at least {least} examples",
            mend="add examples, one per line",
            where=param,
        )
    return result.records, [f"{which} file: {what}" for what in _odd(result)]


def _unheeded(grader: Grader | None) -> Iterator[str]:
    for place, part in placed_graders(grader, "Grader") if grader else []:
        if isinstance(part, PythonGrader) and part.image_tag is not None:
            here = f"Python {platform.python_version()} with its standard library"
            yield f"{place}.image_tag: {part.image_tag[:60]!r} chooses no image here; the source runs in {here}"
        if isinstance(part, TextSimilarityGrader) and part.evaluation_metric == "meteor":
            yield f"{place}: METEOR is computed without WordNet: equal words and words of one stem match, synonyms do not"


def _odd(result: CheckResult) -> Iterator[str]:
    """Each kind of warning once: `Line 7: messages[2].role: two user messages follow each other; the like on lines 9, 12`."""
    kinds: dict[str, list[Finding]] = {}
    for one in result.warnings:
        kinds.setdefault(one.code, []).append(one)
    for code, found in kinds.items():
        others = [one.line for one in found[1:]]
        count = result.counts[code] - 1
        shown = ", ".join(map(str, others[:_SHOWN])) + (", ..." if count > _SHOWN else "")
        more = f"; the like on line{'s' if count > 1 else ''} {shown}" if others else ""
        yield _told(found[:1]) + more


def _told(errors: Sequence[Finding]) -> str:
    """Each fault once, with the lines that have it: `Line 7: messages: ...; Lines 8, 9: ...`."""
    lines: dict[str, list[int]] = {}
    for one in errors:
        lines.setdefault(f"{one.field}: {one.message}" if one.field else one.message, []).append(one.line)
    told = ((f"Line{'s' if len(where) > 1 else ''} {', '.join(map(str, where))}", what) for what, where in lines.items())
    return "; ".join(f"{where}: {what}" for where, what in told)
