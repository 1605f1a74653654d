"""What a training job learns from: its files, tokenised as its objective takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from honekit.chat.template import ChatTemplate
from honekit.errors import TrainError
from honekit.jobs import JobContext
from honekit.train.batching import TokenExample
from honekit.train.cuts import report_cuts
from honekit.train.dpo import Preference
from honekit.train.emphasis import emphasise
from honekit.train.loop import SUPERVISED, Objective
from honekit.train.pairs import tokenise_pairs
from honekit.train.recipe import Environment, TrainSpec
from honekit.train.supervised import learnt_in

if TYPE_CHECKING:
    from honekit.graders.schema import Grader

PROBES = 4
"""Held-out conversations whose outputs must move, and must be the same after a reload."""


@dataclass(frozen=True)
class Task:
    """What a job learns from, in the kind of example that its objective takes."""

    training: list[Any]
    validation: list[Any]
    objective: Objective[Any]
    probes: list[TokenExample]
    remember_start: Callable[[nn.Module], None] | None = None
    """To be called with the model before it moves."""


def read_task(
    spec: TrainSpec, base: Path, template: ChatTemplate, limit: int, context: JobContext, environment: Environment
) -> Task:
    recipe, training_file = spec.recipe, Path(spec.training_file)
    held_out = Path(spec.validation_file) if spec.validation_file else None
    if recipe.objective == "dpo":
        pairs = tokenise_pairs(training_file, template, limit, context, least=10)
        valid_pairs = tokenise_pairs(held_out, template, limit, context) if held_out else []
        probes = [pair.preferred for pair in (valid_pairs or pairs)[:PROBES]]
        return Task(pairs, valid_pairs, Preference(recipe.beta), probes)
    if recipe.objective == "reinforcement":
        return _read_prompts(spec, base, template, limit, environment)
    training = tokenise(training_file, template, limit, context, least=10, field_weights=recipe.field_weights)
    validation = tokenise(held_out, template, limit, context) if held_out else []
    return Task(training, validation, SUPERVISED, (validation or training)[:PROBES])


def _read_prompts(spec: TrainSpec, base: Path, template: ChatTemplate, limit: int, environment: Environment) -> Task:
    # Generation and graders, which no other objective needs, take a tenth of a second to import.
    from honekit.train.grpo import GroupPolicy
    from honekit.train.judges import embedder_of, judge_of
    from honekit.train.prompts import tokenise_prompts
    from honekit.train.rewards import Rewarder
    from honekit.train.rollouts import Writer

    recipe, held_out = spec.recipe, Path(spec.validation_file) if spec.validation_file else None
    grader = _grader(spec)
    writer = Writer.of(base, template, limit, recipe.exploring.max_new_tokens)
    prompts = tokenise_prompts(Path(spec.training_file), template, limit, grader, least=10)
    valid_prompts = tokenise_prompts(held_out, template, limit, grader) if held_out else []
    ask = judge_of(spec.base, grader, spec.judges, environment.device, environment.precision)
    rewarder = Rewarder(grader, ask, embedder_of(spec.base, grader, environment.device, environment.precision))
    rewarder.check()
    probes = [prompt.probe(writer.stop_ids[0]) for prompt in (valid_prompts or prompts)[:PROBES]]
    policy = GroupPolicy(writer, rewarder, recipe.exploring, recipe.seed)
    return Task(prompts, valid_prompts, policy, probes, policy.remember_start)


def _grader(spec: TrainSpec) -> Grader:
    from pydantic import TypeAdapter, ValidationError

    from honekit.graders.schema import Grader

    try:
        return TypeAdapter[Grader](Grader).validate_python(spec.grader)
    except ValidationError as fault:
        first = fault.errors()[0]
        raise TrainError(
            "train.grader_invalid",
            what=f"the job has no grader that can be used: {first['msg']}",
            where=".".join(["grader", *map(str, first["loc"])]),
            mend="make the job anew with a grader as in docs/graders.md",
        ) from fault


def tokenise(
    path: Path,
    template: ChatTemplate,
    limit: int,
    context: JobContext,
    least: int = 1,
    field_weights: Mapping[str, float] | None = None,
) -> list[TokenExample]:
    """Conversations, or prompts with completions, as tokens, cut to `limit`.

    Raises: TrainError[train.all_truncated | train.no_trained_tokens], naming the lines.
    """
    examples, cut, empty = [], [], []
    for index, (line, ids) in enumerate(learnt_in(path, template, least)):
        weights = ids.weights
        if field_weights:
            weights = emphasise(ids.token_ids, weights, field_weights, template.tokenizer)
        tokens = TokenExample(index, line, ids.token_ids[:limit], weights[:limit])
        if len(ids.token_ids) > limit:
            cut.append(line)
        if tokens.trained_tokens == 0:
            empty.append(line)
        examples.append(tokens)
    report_cuts(path, [one.line for one in examples], limit, cut, empty, context)
    return examples
