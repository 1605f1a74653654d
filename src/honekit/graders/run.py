"""Run a grader on one item and one sample."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from honekit.graders import judges, sandbox
from honekit.graders.faults import Errors, GradingFault
from honekit.graders.formula import evaluate
from honekit.graders.judges import Ask, AskFailed, TokenUsage
from honekit.graders.schema import (
    Grader,
    LabelModelGrader,
    MultiGrader,
    PythonGrader,
    ScoreModelGrader,
    SingleGrader,
    StringCheckGrader,
    TextSimilarityGrader,
)
from honekit.graders.similarity import Embed, similarity
from honekit.graders.templates import Sample, render


@dataclass
class Outcome:
    """What a grader said of one sample.

    reward: the grade; 0 when it could not be made, and then a flag of `errors` is set.
    sub_rewards: of a multi grader the reward of each of its graders, by their names in the formula.
    usage: tokens by model, of the models that were asked.
    details: what went wrong, for people.
    seconds: wall time; python_seconds: that of Python graders, which share one limit.
    """

    reward: float
    errors: Errors = field(default_factory=Errors)
    sub_rewards: dict[str, float] = field(default_factory=dict)
    usage: dict[str, TokenUsage] = field(default_factory=dict)
    details: list[str] = field(default_factory=list)
    seconds: float = 0.0
    python_seconds: float = 0.0


@dataclass(frozen=True)
class Means:
    """What graders may use beside their own code.

    ask: answers the messages of model graders; without it they fault.
    embed: makes cosine compare embeddings instead of word counts; may raise AskFailed.
    python_limits: default `sandbox.Limits()`; its time is for all Python graders of a multi grader together.
    """

    ask: Ask | None = None
    embed: Embed | None = None
    python_limits: sandbox.Limits | None = None


def run_grader(grader: Grader, item: Mapping[str, Any], sample: Sample | str, means: Means | None = None) -> Outcome:
    """Grade. Whatever is wrong with item, sample or the model's answer is a flag of the outcome, not an exception.

    Blocks as long as the grader takes. Raises: GraderError when a Python grader may not run here (`sandbox.require`).
    """
    means = means or Means()
    sample = Sample(sample) if isinstance(sample, str) else sample
    started = time.perf_counter()
    if isinstance(grader, MultiGrader):
        outcome = _combine(grader, item, sample, means)
    else:
        outcome = Outcome(0.0)
        _one(grader, item, sample, means, outcome)
    outcome.seconds = time.perf_counter() - started
    return outcome


def _combine(grader: MultiGrader, item: Mapping[str, Any], sample: Sample, means: Means) -> Outcome:
    """The formula is computed even when a part faulted, with 0 for it: the flags tell."""
    outcome = Outcome(0.0)
    for name, part in grader.named.items():
        outcome.sub_rewards[name] = 0.0
        _one(part, item, sample, means, outcome)
        outcome.sub_rewards[name], outcome.reward = outcome.reward, 0.0
    try:
        outcome.reward = evaluate(grader.calculate_output, outcome.sub_rewards)
    except GradingFault as fault:
        _note(outcome, fault)
    return outcome


def _one(grader: SingleGrader, item: Mapping[str, Any], sample: Sample, means: Means, outcome: Outcome) -> None:
    try:
        outcome.reward = _reward(grader, item, sample, means, outcome)
    except GradingFault as fault:
        _note(outcome, fault)


def _note(outcome: Outcome, fault: GradingFault) -> None:
    outcome.errors.add(fault)
    outcome.details.append(fault.details)


def _reward(grader: SingleGrader, item: Mapping[str, Any], sample: Sample, means: Means, outcome: Outcome) -> float:
    match grader:
        case StringCheckGrader():
            return _string_check(grader.operation, render(grader.input, item, sample), render(grader.reference, item, sample))
        case TextSimilarityGrader():
            text, reference = render(grader.input, item, sample), render(grader.reference, item, sample)
            try:
                return similarity(grader.evaluation_metric, text, reference, means.embed)
            except AskFailed as fault:
                raise GradingFault("model_grader_server_error", f"the texts cannot be embedded: {fault}") from fault
        case PythonGrader():
            return _python(grader, item, sample, means, outcome)
        case ScoreModelGrader() | LabelModelGrader():
            return _judged(grader, item, sample, means, outcome)


def _string_check(operation: str, text: str, reference: str) -> float:
    match operation:
        case "eq":
            return float(text == reference)
        case "ne":
            return float(text != reference)
        case "like":
            return float(reference in text)
        case _:
            return float(reference.casefold() in text.casefold())


def _python(grader: PythonGrader, item: Mapping[str, Any], sample: Sample, means: Means, outcome: Outcome) -> float:
    limits = means.python_limits or sandbox.Limits()
    left = replace(limits, wall_s=max(0.0, limits.wall_s - outcome.python_seconds))
    started = time.perf_counter()
    try:
        ran = sandbox.run_python(grader.source, sample.namespace(), item, left)
    except sandbox.SandboxFailed as fault:
        raise GradingFault("python_grader_server_error", str(fault)) from fault
    finally:
        outcome.python_seconds += time.perf_counter() - started
    if ran.unresponsive:
        outcome.errors.unresponsive_reward_error = True
    if ran.reward is None:
        raise GradingFault("python_grader_runtime_error", ran.fault or "there is no reward")
    return ran.reward


def _judged(
    grader: ScoreModelGrader | LabelModelGrader, item: Mapping[str, Any], sample: Sample, means: Means, outcome: Outcome
) -> float:
    if means.ask is None:
        raise GradingFault("model_grader_server_error", "no models can be asked here")
    if isinstance(grader, ScoreModelGrader):
        judgement = judges.score(grader, item, sample, means.ask)
    else:
        judgement = judges.label(grader, item, sample, means.ask)
    outcome.usage[judgement.model] = outcome.usage.get(judgement.model, TokenUsage()) + judgement.usage
    if judgement.fault is not None:
        raise judgement.fault
    return judgement.reward or 0.0
