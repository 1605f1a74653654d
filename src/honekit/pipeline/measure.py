"""`hone decide measure`: every way to do a project's task, on the same held-out data, and the cheapest one that is good enough.

Nothing is computed twice: answers are kept by model, prompt and what they are held to; trainings are ordinary jobs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from honekit.data.prepare import Prepared, prepare
from honekit.errors import SettingsError
from honekit.evals.classical import classical_metrics
from honekit.evals.measured_arms import (
    CLASSICAL,
    PROMPTED,
    TUNED_RAG,
    measure_classical,
    prompted_arms,
)
from honekit.evals.measured_document import measured_document
from honekit.evals.prompting import Sources
from honekit.evals.provider import require_key
from honekit.evals.report_format import duration
from honekit.evals.subset import spread, stratified_subset
from honekit.models import bases, fingerprint
from honekit.pipeline.listener import Listener, alone
from honekit.pipeline.measure_arms import (
    AT_PROVIDER,
    Measurement,
    measure_at_provider,
    measure_prompted,
    measure_tuned,
)
from honekit.pipeline.measure_clock import Clock
from honekit.pipeline.measure_estimate import estimated_steps
from honekit.pipeline.measure_seeds import further_seeds, measure_seeds
from honekit.pipeline.measure_settings import keep_settings
from honekit.project import Project
from honekit.retrieval import Index, load_passages
from honekit.stages import Stages
from honekit.store.atomic import write_atomic


def result_file(project: Project, name: str = "result") -> Path:
    """Where the last measurement of this project stands, or its last `curve`."""
    return project.state_dir / "measure" / f"{name}.json"


def all_arms(project: Project) -> list[str]:
    """The arms that this project can have, in the order in which they are measured."""
    options = project.decide.measure
    prompted = prompted_arms(project)
    at_provider = [f"{AT_PROVIDER}{arm}" for arm in prompted] if options.endpoint else []
    classical = [CLASSICAL] if project.task.primary_metric in classical_metrics(project) else []
    tuned = [*(f"tuned_{round(100 * share)}" for share in sorted(options.shares)), "tuned"]
    return [*prompted, *at_provider, *classical, *tuned, *([TUNED_RAG] if project.retrieval else [])]


def measure_project(
    project: Project,
    listener: Listener,
    *,
    arms: Sequence[str] | None = None,
    limit: int | None = None,
    command: str,
    name: str = "result",
) -> dict[str, Any]:
    """Measure these arms (default: all) on at most `limit` validation and `limit` test examples; the document of `--json`.

    It is kept under `name`.

    Raises: SettingsError[decide.arm], EvalError[eval.endpoint_key] before anything is computed; HoneError of the stage that
    failed; the same call goes on where that one stopped.
    """
    wanted = _checked(project, arms)
    provided = [arm.removeprefix(AT_PROVIDER) for arm in wanted if arm.startswith(AT_PROVIDER)]
    if provided:
        require_key(project.decide.measure.api_key_env, str(project.decide.measure.endpoint))
    began = time.perf_counter()
    with alone(project):
        keep_settings(project, None if arms is None else wanted, limit, name)
        run = _start(project, listener, limit)
        trainings = _trainings(run, wanted)
        estimated = _announce(run, wanted, trainings)
        local = [arm for arm in wanted if arm in PROMPTED]
        if local:
            measure_prompted(run, local)
        if provided:
            measure_at_provider(run, provided)
        if CLASSICAL in wanted:
            with run.stages.time(CLASSICAL):
                run.arms[CLASSICAL] = measure_classical(project, run.prepared.train, run.validation, run.test)
        for arm, data in trainings.items():
            measure_tuned(run, arm, data, wanted)
        by_seed = measure_seeds(run, trainings["tuned"]) if "tuned" in wanted else {}
        document = measured_document(
            project,
            {name: run.arms[name] for name in wanted if name in run.arms},
            run.noise,
            by_seed,
            examples={
                "train": len(run.prepared.train),
                "validation": len(run.validation),
                "validation_of": len(run.prepared.validation),
                "test": len(run.test),
                "test_of": len(run.prepared.test),
            },
        )
        document |= {
            "command": command,
            "created_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "data": run.prepared.version,
            "base": {"id": project.train.base, "fingerprint": run.base_print, "precision": run.precision},
            "estimated_s": estimated,
            "timings_s": run.stages.seconds() | {"total": time.perf_counter() - began},
        }
        _write(project, document, name)
    return document


def _checked(project: Project, arms: Sequence[str] | None) -> list[str]:
    possible = all_arms(project)
    if arms is not None and not arms:
        raise SettingsError("decide.arm", what="no arm is named", where="--arms", mend=f"use some of: {', '.join(possible)}")
    unknown = [arm for arm in arms or () if arm not in possible]
    if unknown:
        raise SettingsError(
            "decide.arm",
            what=f"this project has no arm {', '.join(unknown)}",
            where="--arms",
            mend=f"use some of: {', '.join(possible)}",
        )
    wanted = [arm for arm in possible if arms is None or arm in arms]
    if len(wanted) < 2:
        raise SettingsError("decide.arm", what="one arm alone compares nothing", where="--arms", mend="name at least two arms")
    return wanted


def _start(project: Project, listener: Listener, limit: int | None) -> Measurement:
    from honekit.models.precision import choose_precision, measure, resolve_device

    prepared = prepare(project, use_more=True)
    index = Index(load_passages(project)) if project.retrieval else None
    device = resolve_device(project.train.device)
    measured = measure(device=device)
    base = bases.resolve_base(project.train.base)
    bases.require_writer(base)
    stratify, most = project.data.stratify, limit or 10**9
    run = Measurement(
        project,
        listener,
        prepared,
        spread(prepared.validation, most, stratify),
        spread(prepared.test, most, stratify),
        Sources.of(project, index, prepared.train),
        base,
        fingerprint.fingerprint_base(base),
        measured,
        choose_precision(measured, project.train.precision, device),
        Stages(partial(measure, device=device)),
    )
    listener.stage(
        "Data",
        [
            f"{len(prepared.train)} training examples; {len(run.validation)} of {len(prepared.validation)} validation examples "
            f"decide, {len(run.test)} of {len(prepared.test)} test examples confirm"
        ],
    )
    return run


def _trainings(run: Measurement, wanted: Sequence[str]) -> dict[str, Prepared]:
    """For each arm that trains: its data. A part is a stratified one, written once; larger parts hold the smaller."""
    found = {}
    for share in sorted(run.project.decide.measure.shares):
        arm = f"tuned_{round(100 * share)}"
        if arm in wanted:
            found[arm] = _part(run, arm, share)
    if "tuned" in wanted or TUNED_RAG in wanted:
        found["tuned"] = run.prepared
    return found


def _part(run: Measurement, arm: str, share: float) -> Prepared:
    train = run.prepared.train
    chosen = {example.id for example in stratified_subset(train, share, run.project.data.stratify)}
    # One line for each example, form after form.
    lines = run.prepared.train_file.read_text(encoding="utf-8").splitlines(keepends=True)
    path = run.project.state_dir / "measure" / f"{arm}.jsonl"
    write_atomic(path, "".join(line for number, line in enumerate(lines) if train[number % len(train)].id in chosen))
    return replace(run.prepared, train=[example for example in train if example.id in chosen], train_file=path)


def _announce(run: Measurement, wanted: Sequence[str], trainings: dict[str, Prepared]) -> dict[str, float]:
    here = [arm for arm in wanted if arm != CLASSICAL and not arm.startswith(AT_PROVIDER)]
    steps = estimated_steps(
        run.project,
        here,
        trainings,
        run.sources,
        run.prepared.train,
        run.validation,
        run.test,
        run.base,
        run.measured,
        run.precision,
    )
    if "tuned" in here:
        of_tuned = [step for step in steps if step.arm == "tuned"]
        steps += [replace(step, arm=f"tuned_seed_{seed}") for seed in further_seeds(run.project) for step in of_tuned]
    run.clock = Clock(steps)
    seconds: dict[str, float] = {}
    for step in steps:
        seconds[step.arm] = seconds.get(step.arm, 0.0) + step.seconds
    lines = [
        f"about {duration(sum(seconds.values()))} on this machine, less where answers or trainings are kept from before; "
        "corrected after each step"
    ]
    lines += [f"{arm:<20} {duration(value):>8}" for arm, value in seconds.items()]
    asked = [arm for arm in wanted if arm.startswith(AT_PROVIDER)]
    if asked:
        lines.append(f"{', '.join(asked)}: at {run.project.decide.measure.endpoint}, at the speed and price of that provider")
    run.listener.stage("Estimate", lines)
    return seconds


def _write(project: Project, document: dict[str, Any], name: str) -> None:
    from honekit.evals.measured_report import render_measurement

    file = result_file(project, name)
    report = file.with_name("report.html" if name == "result" else f"{name}.html")
    document["report"] = str(report)
    write_atomic(report, render_measurement(document, file.name))
    write_atomic(file, json.dumps(document, ensure_ascii=False, indent=1))
