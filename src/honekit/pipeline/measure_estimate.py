"""How long a measurement takes, before it starts: the arithmetic of its answers and trainings at the measured speed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from honekit.chat.template import ChatTemplate
from honekit.data import Example
from honekit.data.prompts import serialise_answer
from honekit.evals.arms import common_prefix, prompt_candidates
from honekit.evals.measured_arms import PROMPTED, candidates_of
from honekit.evals.prompting import Prompting, Sources
from honekit.models import bases
from honekit.models.floor import Shape, shape_of
from honekit.pipeline.measure_clock import Kind, Step
from honekit.project import Project
from honekit.train.plan import plan

if TYPE_CHECKING:
    from honekit.data.prepare import Prepared
    from honekit.models.precision import Measured

USUAL_UTILISATION = 0.45
"""Share of the measured matmul peak that batched answers reach."""
SAMPLE = 4
"""Examples whose prompts stand for all."""
NOISE = "A/A"
"""The step that asks the same arm twice."""


def estimated_steps(
    project: Project,
    arms: Sequence[str],
    trainings: Mapping[str, Prepared],
    sources: Sources,
    train: Sequence[Example],
    validation: Sequence[Example],
    test: Sequence[Example],
    base: Path,
    measured: Measured,
    precision: str,
) -> list[Step]:
    """What the arms that compute here take; `trainings` is the data of those that train first."""
    template, shape = bases.load_template(base), shape_of(base)
    plain = prompt_candidates(project)[0]

    def answering(arm: str, candidates: Sequence[Prompting], validations: int, tests: int) -> Step:
        is_tuned = arm.startswith("tuned")
        each = [
            _answers(project, one, template, shape, sources, validation, measured.gflops(precision), is_short=is_tuned)
            for one in candidates
        ]
        kind: Kind = "short" if is_tuned or candidates[0].constrained else "free"
        count = validations * len(candidates) + tests
        return Step(arm, kind, count * sum(each) / len(each), count)

    steps = []
    prompted = [arm for arm in arms if arm in PROMPTED]
    if prompted:
        steps.append(answering(NOISE, [plain], 2 * len(validation), 0))
    for arm in arms:
        if arm in trainings:
            data = trainings[arm]
            needed = plan(project.train, data.train_file, data.validation_file, base, measured, data.origin)
            steps.append(Step(arm, "training", needed.seconds))
        if arm.startswith("tuned"):
            tuned = Prompting(plain.system, plain.prompt_name, retrieval=arm.endswith("_rag"))
            steps.append(answering(arm, [tuned], len(validation), len(test)))
        elif arm == "zero_shot":
            # Its validation answers are those of the first pass over the noise.
            steps.append(answering(arm, [plain], 0, len(test)))
        else:
            found = candidates_of(arm, project, plain, train)
            others = [one for one in found if one != plain] if arm == "prompt" else found
            steps.append(answering(arm, others or found, len(validation), len(test)))
    return steps


def _answers(
    project: Project,
    prompting: Prompting,
    template: ChatTemplate,
    shape: Shape,
    sources: Sources,
    examples: Sequence[Example],
    gflops: float,
    *,
    is_short: bool,
) -> float:
    """Seconds for one answer in a batch. An untuned model seldom stops by itself, so it is counted to its cap."""
    asked = examples[:SAMPLE]
    prompts = [template.prompt_ids(sources.conversation(prompting, example)) for example in asked]
    own = sum(len(ids) for ids in prompts) / len(prompts) - common_prefix(prompts)
    answers = [len(template.tokenizer.encode(serialise_answer(project, e.answer, True)).ids) for e in asked]
    new = sum(answers) / len(answers) + 1 if is_short or prompting.constrained else float(project.task.max_new_tokens)
    return shape.forward_flops(round(own + new), round(new)) / (gflops * 1e9 * USUAL_UTILISATION)
