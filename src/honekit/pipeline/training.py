"""Training as a stage: an ordinary job, found again by the content of its data and recipe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from honekit import jobs
from honekit.data.prepare import Prepared
from honekit.errors import TrainError
from honekit.jobs.processes import Start, start_cold
from honekit.models.floor import shape_of
from honekit.pipeline.listener import Listener
from honekit.project import Project
from honekit.registry.versions import Version, create_version
from honekit.stages import LeastWork, Stages
from honekit.train import Estimate, training_job
from honekit.train.cuts import CUT
from honekit.train.estimate import check_room
from honekit.train.plan import plan

if TYPE_CHECKING:
    from honekit.models.precision import Measured


def train(
    project: Project,
    data: Prepared,
    base: Path,
    base_print: str,
    measured: Measured,
    stages: Stages,
    listener: Listener,
    start: Start = start_cold,
) -> tuple[Version, dict[str, Any]]:
    """The version that training on this data makes, and the job's result; a job that is done is not done again.

    `start` gives the job its process. Raises: TrainError of the job; when examples are cut or have nothing to learn, it names
    them where the user wrote them.
    """
    with stages.time("plan the training"):
        needed = plan(project.train, data.train_file, data.validation_file, base, measured, data.origin)
        check_room(needed, device=measured.device)
        job = training_job(
            data.train_file,
            data.validation_file,
            project.train,
            project=project.project.name,
            base_fingerprint=base_print,
        )
    listener.stage("Train", _train_lines(project, needed, job))
    for warning in needed.warnings:
        listener.message("warn", warning)
    before = stages.speed_before()
    with stages.time("train") as stage:
        if job.status == "paused":
            jobs.resume(job.id)
        if not job.final:
            job = jobs.run_job(job.id, lambda event: _tell(event, listener), start=start)
    if job.status != "succeeded" or job.result is None:
        error = job.error or {}
        raise TrainError(
            error.get("code") or "train.not_finished",
            what=error.get("what") or f"the training job {job.id} is {job.status}",
            where=error.get("where") or f"job {job.id}",
            mend=error.get("mend")
            or (
                "run the same command again: it goes on where the job stopped"
                if job.status == "paused"
                else f"`hone jobs events {job.id}` shows what happened"
            ),
        )
    result = job.result
    precision = result["environment"]["precision"]
    if stage.seconds < result["train_seconds"] * 0.5:
        stage.note = "done before"
    else:
        stage.note = f"{result['tokens_per_s']:.0f} unique tokens/s in {precision}"
        validation = (result["epochs"] + 1) * shape_of(base).forward_flops(
            needed.validation_tokens, needed.validation_trained_tokens
        )
        stages.set_floor(stage, before, LeastWork(precision, result["operations"] + validation))
    version = create_version(
        project.project.name,
        job.id,
        project.train.base,
        base_print,
        Path(result["model_dir"]),
        result["fingerprint"],
        {"training_sha256": result["training_sha256"], "held_out_loss": result["held_out_loss"]},
    )
    return version, result


def _tell(event: jobs.Event, listener: Listener) -> None:
    data = event.data or {}
    if event.type == "metrics" and "total_steps" in data:
        note = f"loss {data['train_loss']:.3f}  {data['tokens_per_s']:.0f} tokens/s"
        listener.progress("training", int(data["step"]), int(data["total_steps"]), note)
    elif CUT not in data:  # the job counts its own lines, of which several may be made of one example; the plan told of these
        listener.message(event.level, event.message)


def _train_lines(project: Project, needed: Estimate, job: jobs.Job) -> list[str]:
    minutes = f"{needed.seconds / 60:.1f} min" if needed.seconds >= 90 else f"{needed.seconds:.0f} s"
    lines = [
        f"{needed.optimizer_steps} optimizer steps of {project.train.batch_size} examples on {project.train.base}, job {job.id}",
        f"estimated: {minutes}, {needed.memory_bytes / 1e9:.1f} GB memory, {needed.disk_bytes / 1e6:.0f} MB disk",
    ]
    if job.status == "succeeded":
        lines.append("this training is done already; its model is reused")
    elif job.attempt > 1 or job.progress:
        lines.append("goes on from its last checkpoint")
    return lines
