"""`hone run`: one project from raw examples to a deployed model, resumable at every stage.

Nothing that is done is done again: the training job is found by the content of its data and recipe, answers by the
content of model and prompt.
"""

from __future__ import annotations

import json
import platform
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from honekit import settings
from honekit.data.prepare import Prepared, prepare
from honekit.data.versions import record_prepared
from honekit.deploy.aliases import promote
from honekit.errors import HoneError
from honekit.evals.gate import Gate
from honekit.evals.gate_names import project_rules
from honekit.evals.run import Evaluation, Evaluator, Subject
from honekit.jobs.processes import prepared as prepared_process
from honekit.models import bases, fingerprint
from honekit.models.floor import shape_of
from honekit.pipeline import gating
from honekit.pipeline.listener import Listener, alone
from honekit.pipeline.parity import Certificate, certify
from honekit.pipeline.training import train
from honekit.project import Project
from honekit.registry.evaluations import record_evaluation
from honekit.registry.versions import Version
from honekit.retrieval import Index, load_passages
from honekit.stages import Stages
from honekit.store.atomic import write_atomic

if TYPE_CHECKING:
    from honekit.models.precision import Measured


IMPORTED_S = 60.0
"""How long at most the machine is not measured because the worker still imports."""


@dataclass
class Outcome:
    """The end of a run; `document` is what `--json` prints and the report shows."""

    document: dict[str, Any]
    version: str
    alias: str | None
    report: Path


def run_project(
    project: Project, listener: Listener, *, use_more: bool, share: float, command: str = "hone run", deploy: bool = True
) -> Outcome:
    """Run everything on `project`; `share` of the test set is evaluated. Without `deploy` no alias moves, whatever the verdict.

    Raises: HoneError of the stage that failed; running again goes on behind the last finished step.
    """
    from honekit.models.precision import measure, resolve_device

    began = time.perf_counter()
    rules = project_rules(project)
    bases.require_name(project.train.base)
    with alone(project):
        # The process imports what training needs while the data is read, and not beside the measurement.
        with prepared_process("train") as processes:
            device = resolve_device(project.train.device)
            stages = Stages(partial(measure, device=device))
            with stages.time("data"):
                prepared = prepare(project, use_more=use_more)
                record_prepared(prepared)
                index = Index(load_passages(project)) if project.retrieval else None
            listener.stage("Data", _data_lines(prepared))
            for warning in prepared.warnings:
                listener.message("warn", warning)
            with stages.time("measure the machine"):
                base = bases.resolve_base(project.train.base)
                bases.require_writer(base)
                base_print = fingerprint.fingerprint_base(base)
                processes.await_prepared(IMPORTED_S)
                measured = measure(device=device)
            listener.stage("Machine", [_machine_line(measured)])
            version, result = train(project, prepared, base, base_print, measured, stages, listener, processes.start)
        evaluation, evaluator = _evaluate(project, prepared, base, base_print, version, result, stages, listener, index, share)
        assert evaluation.verdict is not None
        chosen = evaluation.verdict.chosen
        with stages.time("parity through the served path") as stage:
            listener.stage("Deploy", ["answering validation items through the served path"])
            certificate = certify(
                project,
                version.name,
                evaluation.prompting[chosen],
                prepared.validation,
                evaluation.validation_answers[chosen],
                index,
                result["environment"]["precision"],
            )
            stage.note = f"{certificate.equal} of {certificate.items} answers equal"
        guard = None
        if gating.needs_guard(rules):
            listener.stage("Guard", ["general probes: what did tuning cost?"])
            with stages.time("general probes"):
                guard = gating.guarded(
                    project,
                    Path(result["model_dir"]),
                    result["environment"]["precision"],
                    lambda what, done, of: listener.progress(what, done, of),
                )
        gate = gating.gate_of(project, rules, evaluation, guard)
        alias = _promote(project, evaluation, certificate, version, gate, listener) if deploy else None
        total = time.perf_counter() - began
        document = _document(
            project,
            prepared,
            evaluation,
            evaluator,
            version,
            result,
            certificate,
            alias,
            stages,
            total,
            measured,
            share,
            command,
        )
        document |= {"guard": guard, "gate": gate.as_dict() if gate else None}
        report = _write(project, document, evaluation)
        prints = {"base": base_print, "adapter": version.adapter_fingerprint, "data": prepared.version, **prepared.sha256}
        record_evaluation(project.project.name, version.name, report, prints, evaluation.verdict.verdict)
        return Outcome(document, version.name, alias, report)


def _evaluate(
    project: Project,
    prepared: Prepared,
    base: Path,
    base_print: str,
    version: Version,
    result: dict[str, Any],
    stages: Stages,
    listener: Listener,
    index: Index | None,
    share: float,
) -> tuple[Evaluation, Evaluator]:
    from honekit.inference.engine import Engine, load_engine

    precision = result["environment"]["precision"]

    def load(adapter: Path | None) -> Engine:
        return load_engine(project.train.base, adapter, device=project.train.device, precision=precision)

    evaluator = Evaluator(
        project,
        train=prepared.train,
        validation=prepared.validation,
        test=prepared.test,
        share=share,
        load=load,
        index=index,
        shape=shape_of(base),
        stages=stages,
        report=lambda what, done, total: listener.progress(what, done, total),
    )
    part = f"a fixed stratified part of {len(evaluator.test)}" if share < 1 else f"all {len(evaluator.test)}"
    listener.stage("Evaluate", [f"{part} of {len(prepared.test)} test examples that training never saw"])
    subject = Subject(version.name, Path(result["model_dir"]), base_print, result["fingerprint"], result["train_seconds"])
    return evaluator.run(subject), evaluator


def _promote(
    project: Project,
    evaluation: Evaluation,
    certificate: Certificate,
    version: Version,
    gate: Gate | None,
    listener: Listener,
) -> str | None:
    assert evaluation.verdict is not None
    if evaluation.verdict.verdict != "ship":
        return None
    if not certificate.holds:
        listener.message(
            "warn",
            f"not promoted: only {certificate.equal} of {certificate.items} served answers equal the evaluation's",
        )
        return None
    if gate is not None and gate.outcome != "passed":
        for one in gate.rules:
            if one.outcome != "passed":
                listener.message("warn", f"not promoted: {one.rule}: {one.outcome} ({one.evidence})")
        return None
    alias = f"{project.project.name}@production"
    promote(alias, version.name, f"verdict ship, parity {certificate.equal}/{certificate.items}")
    return alias


def _document(
    project: Project,
    prepared: Prepared,
    evaluation: Evaluation,
    evaluator: Evaluator,
    version: Version,
    result: dict[str, Any],
    certificate: Certificate,
    alias: str | None,
    stages: Stages,
    total: float,
    measured: Measured,
    share: float,
    command: str,
) -> dict[str, Any]:
    verdict = evaluation.verdict
    assert verdict is not None
    floor = stages.floor_seconds()
    return {
        "project": project.project.name,
        "command": command,
        "created_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "verdict": verdict.verdict,
        "reasons": verdict.reasons,
        "model": version.name,
        "alias": alias,
        "chosen_arm": verdict.chosen,
        "report": None,
        "test": {
            "examples": len(evaluator.test),
            "of": len(prepared.test),
            "share": share,
            "sha256": prepared.sha256.get("test"),
        },
        "data": prepared.summary(),
        "timings_s": stages.seconds() | {"total": total},
        "stages": stages.as_list(),
        "floor": {"seconds": floor, "ratio": total / floor if floor else None, "reading_seconds": stages.reading_seconds},
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "fp32_gflops": measured.fp32_gflops,
            "bf16_gflops": measured.bf16_gflops,
            "memory_gb_s": measured.memory_gb_s,
            "threads": measured.threads,
        },
        "train": result,
        "arms": evaluation.arms,
        "choices": evaluation.choices,
        "tests": {**evaluation.tests, "checks": verdict.checks},
        "cost": evaluation.cost,
        "parity": certificate.as_dict(),
        "folder": str(project.root),
        "metrics": project.task.metric_names(),
        "primary_metric": project.task.primary_metric,
    }


def _write(project: Project, document: dict[str, Any], evaluation: Evaluation) -> Path:
    from honekit.evals.report import render_report, snippet

    name = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    directory = project.state_dir / "runs" / name
    directory.mkdir(parents=True, exist_ok=True)
    report = directory / "report.html"
    document["report"] = str(report)
    document["snippet"] = snippet(project, document)
    items = [
        {
            "id": example.id,
            "input": example.input,
            "expected": example.answer,
            "slices": list(example.slices),
            "answers": {arm: texts[i] for arm, texts in evaluation.answers.items()},
            "scores": {arm: graded[i].scores for arm, graded in evaluation.graded.items()},
            "right": {arm: graded[i].right for arm, graded in evaluation.graded.items()},
        }
        for i, example in enumerate(evaluation.examples)
    ]
    write_atomic(directory / "items.json", json.dumps(items, ensure_ascii=False))
    write_atomic(report, render_report(project, document, items))
    write_atomic(directory / "result.json", json.dumps(document, ensure_ascii=False, indent=1))
    return report


def _data_lines(prepared: Prepared) -> list[str]:
    summary = prepared.summary()
    counts = summary["counts"]
    lines = [f"{counts['train']} training, {counts['validation']} validation, {counts['test']} test examples"]
    if prepared.forms > 1:
        lines.append(f"each training example in {prepared.forms} forms, the further ones with other names in them")
    lines.append(f"near-duplicates across the splits: {summary['near_duplicates']}")
    return lines


def _machine_line(measured: Measured) -> str:
    on = "" if measured.device == "cpu" else f"{measured.device}: "
    return (
        f"{on}{measured.threads} threads, fp32 {measured.fp32_gflops:.0f} GFLOP/s, bf16 {measured.bf16_gflops:.0f} GFLOP/s, "
        f"memory {measured.memory_gb_s:.0f} GB/s"
    )


def bundled_project(name: str) -> Path:
    """A working copy of a bundled example in the data directory, brought up to date with the package's files.

    Raises: HoneError[project.no_example].
    """
    import shutil

    source = settings.examples_dir() / name
    if not (source / "hone.toml").is_file():
        raise HoneError(
            "project.no_example",
            what=f"the bundled example {name!r} is missing from this installation",
            where=str(source),
            mend="reinstall honekit",
        )
    target = settings.home() / "projects" / name
    shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".hone", "parts", "__pycache__"))
    return target
