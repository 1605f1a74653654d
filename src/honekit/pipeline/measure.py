"""`hone decide measure`: every way to do a project's task, on the same held-out data, and the cheapest one that is good enough.

Nothing is computed twice: answers are kept by model, prompt and what they are held to; trainings are ordinary jobs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from honekit.data import Example, prepare
from honekit.errors import SettingsError
from honekit.evals.answers import Answer, AnswerStore
from honekit.evals.arms import ArmRunner, prompt_candidates
from honekit.evals.measured_arms import (
    CLASSICAL,
    PROMPTED,
    TUNED_RAG,
    ArmResult,
    candidates_of,
    graded_answers,
    measure_arm,
    measure_classical,
    prompted_arms,
)
from honekit.evals.measured_document import measured_document
from honekit.evals.prompting import Asker, Prompting, Sources
from honekit.evals.provider import EndpointAsker
from honekit.evals.stats import paired_difference
from honekit.evals.subset import spread, stratified_subset
from honekit.models import bases, fingerprint
from honekit.pipeline.listener import Listener, alone
from honekit.pipeline.measure_estimate import estimate_seconds
from honekit.pipeline.measure_seeds import further_seeds, measure_seeds
from honekit.pipeline.training import train
from honekit.project import Project
from honekit.retrieval import Index, load_passages
from honekit.stages import Stages
from honekit.store.atomic import write_atomic

if TYPE_CHECKING:
    from honekit.data import Prepared
    from honekit.inference.engine import Engine
    from honekit.models.precision import Measured

AT_PROVIDER = "api_"
"""Begins the name of an arm at the provider: `api_few_shot`."""


def result_file(project: Project, name: str = "result") -> Path:
    """Where the last measurement of this project stands, or its last `curve`."""
    return project.state_dir / "measure" / f"{name}.json"


def read_settings(project: Project) -> tuple[list[str] | None, int | None, int]:
    """Arms, limit and seeds of the measurement that was started last. Raises: SettingsError[decide.nothing_to_resume]."""
    try:
        kept = json.loads(_settings_file(project).read_text(encoding="utf-8"))
        return kept["arms"], kept["limit"], kept.get("seeds", 1)
    except (OSError, ValueError, KeyError) as fault:
        raise SettingsError(
            "decide.nothing_to_resume",
            what="no measurement of this project was started yet",
            where=str(project.root),
            mend="leave --resume out",
        ) from fault


def _settings_file(project: Project, name: str = "result") -> Path:
    return result_file(project).with_name("settings.json" if name == "result" else f"{name}-settings.json")


@dataclass
class Measurement:
    """What the steps of one measurement share."""

    project: Project
    listener: Listener
    prepared: Prepared
    validation: list[Example]
    test: list[Example]
    sources: Sources
    base: Path
    base_print: str
    measured: Measured
    precision: str
    stages: Stages = field(default_factory=Stages)
    arms: dict[str, ArmResult] = field(default_factory=dict)
    noise: list[dict[str, Any]] = field(default_factory=list)

    def asker(self, engine: Engine, *, again: bool = False) -> ArmRunner:
        name = f"{engine.fingerprint}-{engine.precision}{'-again' if again else ''}"
        return ArmRunner(self.project, engine, AnswerStore(self.project.state_dir / "answers", name), self.sources, again)

    def load(self, adapter: Path | None) -> Engine:
        from honekit.inference.engine import load_engine

        train = self.project.train
        return load_engine(train.base, adapter, device=train.device, precision=self.precision)


def all_arms(project: Project) -> list[str]:
    """The arms that this project can have, in the order in which they are measured."""
    options = project.decide.measure
    prompted = prompted_arms(project)
    at_provider = [f"{AT_PROVIDER}{arm}" for arm in prompted] if options.endpoint else []
    classical = [CLASSICAL] if any(f.classical for f in project.task.fields) else []
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

    Raises: SettingsError[decide.arm], HoneError of the stage that failed; the same call goes on where that one stopped.
    """
    wanted = _checked(project, arms)
    began = time.perf_counter()
    with alone(project):
        kept = {"arms": None if arms is None else wanted, "limit": limit, "seeds": project.decide.measure.seeds}
        _settings_file(project).parent.mkdir(parents=True, exist_ok=True)
        write_atomic(_settings_file(project, name), json.dumps(kept))
        run = _start(project, listener, limit)
        trainings = _training_files(run, wanted)
        estimated = _announce(run, wanted, trainings)
        local = [arm for arm in wanted if arm in PROMPTED]
        if local:
            _prompted(run, local)
        provided = [arm.removeprefix(AT_PROVIDER) for arm in wanted if arm.startswith(AT_PROVIDER)]
        if provided:
            _at_provider(run, provided)
        if CLASSICAL in wanted:
            with run.stages.time(CLASSICAL):
                found = measure_classical(project, run.prepared.train, run.validation, run.test)
            if found:
                run.arms[CLASSICAL] = found
            else:
                listener.message("warn", f"the classical baseline does not predict {project.task.primary_metric}")
        for arm, files in trainings.items():
            _tuned(run, arm, files, wanted)
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
            "timings_s": {stage.name: stage.seconds for stage in run.stages.stages} | {"total": time.perf_counter() - began},
        }
        _write(project, document, name)
    return document


def _checked(project: Project, arms: Sequence[str] | None) -> list[str]:
    possible = all_arms(project)
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
    measured = measure()
    base = bases.resolve_base(project.train.base)
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
        choose_precision(measured, project.train.precision, resolve_device(project.train.device)),
    )
    listener.stage(
        "Data",
        [
            f"{len(prepared.train)} training examples; {len(run.validation)} of {len(prepared.validation)} validation examples "
            f"decide, {len(run.test)} of {len(prepared.test)} test examples confirm"
        ],
    )
    return run


def _training_files(run: Measurement, wanted: Sequence[str]) -> dict[str, tuple[Path, Path]]:
    """For each arm that trains: its chat files. A part is a stratified one, written once; larger parts hold the smaller."""
    project, prepared = run.project, run.prepared
    found = {}
    for share in sorted(project.decide.measure.shares):
        arm = f"tuned_{round(100 * share)}"
        if arm in wanted:
            found[arm] = (_part_file(run, arm, share), prepared.validation_file)
    if "tuned" in wanted or TUNED_RAG in wanted:
        found["tuned"] = (prepared.train_file, prepared.validation_file)
    return found


def _part_file(run: Measurement, arm: str, share: float) -> Path:
    chosen = {example.id for example in _part(run, share)}
    train = run.prepared.train
    # One line for each example, form after form.
    lines = run.prepared.train_file.read_text(encoding="utf-8").splitlines(keepends=True)
    path = run.project.state_dir / "measure" / f"{arm}.jsonl"
    write_atomic(path, "".join(line for number, line in enumerate(lines) if train[number % len(train)].id in chosen))
    return path


def _part(run: Measurement, share: float) -> list[Example]:
    return stratified_subset(run.prepared.train, share, run.project.data.stratify)


def _announce(run: Measurement, wanted: Sequence[str], trainings: dict[str, tuple[Path, Path]]) -> dict[str, float]:
    here = [arm for arm in wanted if arm != CLASSICAL and not arm.startswith(AT_PROVIDER)]
    seconds = estimate_seconds(
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
        seconds |= {f"tuned_seed_{seed}": seconds["tuned"] for seed in further_seeds(run.project)}
    lines = [
        f"about {max(1, round(sum(seconds.values()) / 60))} min on this machine; what was answered or trained before is kept"
    ]
    lines += [f"{arm:<20} {value / 60:6.1f} min" for arm, value in seconds.items()]
    asked = [arm for arm in wanted if arm.startswith(AT_PROVIDER)]
    if asked:
        lines.append(f"{', '.join(asked)}: at {run.project.decide.measure.endpoint}, at the speed and price of that provider")
    run.listener.stage("Estimate", lines)
    return seconds


def _prompted(run: Measurement, arms: Sequence[str]) -> None:
    run.listener.stage("Base model", [f"{run.project.train.base} in {run.precision}"])
    engine = run.load(None)
    with run.stages.time("A/A"):
        _note_noise(run, "zero_shot", run.asker(engine), run.asker(engine, again=True), "other order and size of batches")
    _all_prompted(run, run.asker(engine), arms, "")


def _at_provider(run: Measurement, arms: Sequence[str]) -> None:
    options = run.project.decide.measure
    assert options.endpoint is not None and options.model is not None
    run.listener.stage("Provider", [f"{options.model} at {options.endpoint}"])

    def asker(seed: int) -> EndpointAsker:
        print_of_model = fingerprint.fingerprint_text(f"{options.endpoint} {options.model}")
        store = AnswerStore(run.project.state_dir / "answers", f"{print_of_model}-api")
        return EndpointAsker(
            run.project, run.sources, store, str(options.endpoint), str(options.model), options.api_key_env, seed
        )

    with run.stages.time("A/A at the provider"):
        _note_noise(run, f"{AT_PROVIDER}zero_shot", asker(0), asker(1), "another seed")
    _all_prompted(run, asker(0), arms, AT_PROVIDER)


def _note_noise(run: Measurement, arm: str, one: Asker, other: Asker, how: str) -> None:
    """The same arm twice: what differs is the instrument's own noise."""
    project, prompting = run.project, prompt_candidates(run.project)[0]

    def answers(asker: Asker) -> list[Answer]:
        return asker.answer_each([prompting], run.validation, progress=partial(run.listener.progress, "the same arm twice"))[0]

    first, second = answers(one), answers(other)
    graded, again = (graded_answers(project, run.validation, given) for given in (first, second))
    options = project.evaluate
    difference = paired_difference(project, project.task.primary_metric, graded, again, options.bootstrap_resamples, options.seed)
    run.noise.append(
        {
            "arm": arm,
            "changed": how,
            "items": len(run.validation),
            "different_answers": sum(a.text != b.text for a, b in zip(first, second, strict=True)),
            "different_grades": sum(a.scores != b.scores or a.labels != b.labels for a, b in zip(graded, again, strict=True)),
            "difference": difference.as_dict(),
        }
    )


def _all_prompted(run: Measurement, asker: Asker, arms: Sequence[str], prefix: str) -> None:
    best = prompt_candidates(run.project)[0]
    train = run.prepared.train
    for arm in arms:
        candidates = candidates_of(arm, run.project, best, train)
        with run.stages.time(f"{prefix}{arm}"):
            result, chosen = measure_arm(
                asker, f"{prefix}{arm}", PROMPTED[arm], candidates, run.validation, run.test, run.listener.progress
            )
        if arm == "prompt":
            best = chosen
        result.at_provider = bool(prefix)
        if isinstance(asker, ArmRunner):
            result.fingerprint = asker.engine.fingerprint
        run.arms[result.name] = result


def _tuned(run: Measurement, arm: str, files: tuple[Path, Path], wanted: Sequence[str]) -> None:
    project = run.project
    version, trained = train(project, *files, run.base, run.base_print, run.measured, run.stages, run.listener)
    asker = run.asker(run.load(version.adapter_path))
    name = project.task.instructions
    shares = {f"tuned_{round(100 * share)}": share for share in project.decide.measure.shares}
    examples = len(_part(run, shares[arm])) if arm in shares else len(run.prepared.train)
    for one in (arm, TUNED_RAG) if arm == "tuned" else (arm,):
        if one not in wanted:
            continue
        prompting = Prompting(project.system_prompt, name, retrieval=one == TUNED_RAG)
        what = f"fine-tuned on {examples} examples" + (", with retrieved passages" if one == TUNED_RAG else "")
        with run.stages.time(one):
            result, _ = measure_arm(asker, one, what, [prompting], run.validation, run.test, run.listener.progress)
        result.training_seconds, result.training_examples = float(trained["train_seconds"]), examples
        result.fingerprint = asker.engine.fingerprint
        run.arms[one] = result


def _write(project: Project, document: dict[str, Any], name: str) -> None:
    from honekit.evals.measured_report import render_measurement

    file = result_file(project, name)
    report = file.with_name("report.html" if name == "result" else f"{name}.html")
    document["report"] = str(report)
    write_atomic(report, render_measurement(document))
    write_atomic(file, json.dumps(document, ensure_ascii=False, indent=1))
