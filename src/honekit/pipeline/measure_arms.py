"""What the steps of one measurement share, and how its arms are measured: here, at a provider, after a training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from honekit.data import Example
from honekit.evals.answers import Answer, AnswerStore
from honekit.evals.arms import ArmRunner, prompt_candidates
from honekit.evals.measured_arms import PROMPTED, TUNED_RAG, ArmResult, candidates_of, graded_answers, measure_arm
from honekit.evals.prompting import Asker, Prompting, Sources
from honekit.evals.provider import EndpointAsker
from honekit.evals.stats import paired_difference
from honekit.models import fingerprint
from honekit.pipeline.listener import Listener
from honekit.pipeline.measure_clock import Clock, Kind
from honekit.pipeline.measure_estimate import NOISE
from honekit.pipeline.training import train
from honekit.project import Project
from honekit.stages import Stages

if TYPE_CHECKING:
    from honekit.data.prepare import Prepared
    from honekit.inference.engine import Engine
    from honekit.models.precision import Measured
    from honekit.registry.versions import Version

AT_PROVIDER = "api_"
"""Begins the name of an arm at the provider: `api_few_shot`."""


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
    stages: Stages
    arms: dict[str, ArmResult] = field(default_factory=dict)
    noise: list[dict[str, Any]] = field(default_factory=list)
    clock: Clock = field(default_factory=lambda: Clock([]))

    def asker(self, engine: Engine, *, again: bool = False) -> ArmRunner:
        name = f"{engine.computes_as}{'-again' if again else ''}"
        return ArmRunner(self.project, engine, AnswerStore(self.project.state_dir / "answers", name), self.sources, again)

    def load(self, adapter: Path | None) -> Engine:
        from honekit.inference.engine import load_engine

        train = self.project.train
        return load_engine(train.base, adapter, device=train.device, precision=self.precision)

    @contextmanager
    def answering(self, arm: str, kind: Kind, *askers: Asker) -> Iterator[None]:
        """Time the answers of an arm that are made inside, and tell how long all of the rest will take."""
        stores = {asker.store.path: asker.store for asker in askers}.values()
        before = sum(store.count for store in stores)
        with self.stages.time(arm) as stage:
            yield
        self.tell(self.clock.ended(arm, kind, stage.seconds, sum(store.count for store in stores) - before))

    def train(self, project: Project, arm: str, data: Prepared) -> tuple[Version, dict[str, Any]]:
        """Train, time it, and tell how long all of the rest will take."""
        version, trained = train(project, data, self.base, self.base_print, self.measured, self.stages, self.listener)
        took, seconds = self.stages.stages[-1].seconds, float(trained["train_seconds"])
        # A training that was done before, or for its larger part, says nothing about the speed now.
        self.tell(self.clock.ended(arm, "training", took, float(took >= 0.5 * seconds)))
        return version, trained

    def tell(self, text: str | None) -> None:
        if text:
            self.listener.message("info", text)


def measure_prompted(run: Measurement, arms: Sequence[str]) -> None:
    run.listener.stage("Base model", [f"{run.project.train.base} in {run.precision}"])
    engine = run.load(None)
    one, other = run.asker(engine), run.asker(engine, again=True)
    with run.answering(NOISE, "free", one, other):
        _note_noise(run, "zero_shot", one, other, "other order and size of batches")
    _all_prompted(run, run.asker(engine), arms, "")


def measure_at_provider(run: Measurement, arms: Sequence[str]) -> None:
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
        with run.answering(f"{prefix}{arm}", "short" if arm == "constrained" else "free", asker):
            result, chosen = measure_arm(
                asker, f"{prefix}{arm}", PROMPTED[arm], candidates, run.validation, run.test, run.listener.progress
            )
        if arm == "prompt":
            best = chosen
        result.at_provider = bool(prefix)
        if isinstance(asker, ArmRunner):
            result.fingerprint = asker.engine.fingerprint
        run.arms[result.name] = result


def measure_tuned(run: Measurement, arm: str, data: Prepared, wanted: Sequence[str]) -> None:
    project = run.project
    version, trained = run.train(project, arm, data)
    asker = run.asker(run.load(version.adapter_path))
    name = project.task.instructions
    examples = len(data.train)
    for one in (arm, TUNED_RAG) if arm == "tuned" else (arm,):
        if one not in wanted:
            continue
        prompting = Prompting(project.system_prompt, name, retrieval=one == TUNED_RAG)
        what = f"fine-tuned on {examples} examples" + (", with retrieved passages" if one == TUNED_RAG else "")
        with run.answering(one, "short", asker):
            result, _ = measure_arm(asker, one, what, [prompting], run.validation, run.test, run.listener.progress)
        result.training_seconds, result.training_examples = float(trained["train_seconds"]), examples
        result.fingerprint = asker.engine.fingerprint
        run.arms[one] = result
