"""Count a job's tokens from its files, and estimate it, before anything is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from honekit.data import read_preference_file, read_reinforcement_file
from honekit.data.lines import Origin, as_written
from honekit.models import bases
from honekit.models.floor import Shape, shape_of
from honekit.project import TrainSection
from honekit.train.batching import TokenExample, shared_prefix_length
from honekit.train.cuts import cuts_told, refuse_empty
from honekit.train.dpo import row_tokens, rows_of
from honekit.train.estimate import USUAL_UTILISATION, Estimate, estimate
from honekit.train.loop import MAX_ROW_TOKENS
from honekit.train.pairs import pair_of
from honekit.train.recipe import ANSWERS_AT_ONCE
from honekit.train.supervised import learnt_in

if TYPE_CHECKING:
    from honekit.models.precision import Measured


@dataclass(frozen=True)
class Plan(Estimate):
    validation_tokens: int
    """Unique tokens of one validation pass."""
    validation_trained_tokens: int
    warnings: list[str] = field(default_factory=list)
    """Of examples that are cut, by the user's own lines."""


@dataclass(frozen=True)
class _Tokens:
    examples: int
    prefix: int
    """Tokens that all conversations begin with."""
    own: int
    """All others."""
    trained: int
    cut: Sequence[int] = ()
    """Lines of examples that are longer than the limit."""


def plan(
    recipe: TrainSection,
    training: Path,
    validation: Path | None,
    base: Path,
    measured: Measured,
    origin: Origin = as_written,
) -> Plan:
    """Estimate of the job on this machine; of a reinforcement job the most that it can take, with every answer as long as it
    may be and all of them different. What a grader's own models or programs take is not counted.

    Raises: DataError, ModelError, TrainError as the job itself would; `origin` says where examples stand that are cut or have
    nothing to learn.
    """
    from honekit.models.precision import choose_precision, resolve_device

    device = resolve_device(recipe.device)
    precision = choose_precision(measured, recipe.precision, device)
    config = bases.read_json(base / "config.json")
    limit = context_limit(base, recipe)
    if recipe.objective == "reinforcement":
        return _plan_exploring(recipe, training, validation, base, measured, precision)
    is_dpo = recipe.objective == "dpo"
    count = _count_pairs if is_dpo else _count
    train = count(training, base, limit, recipe.batch_size, origin)
    valid = count(validation, base, limit, None, origin) if validation else _Tokens(0, 0, 0, 0)
    steps = -(-train.examples // recipe.batch_size)
    rows = -(-(valid.own) // (MAX_ROW_TOKENS - valid.prefix)) if valid.examples else 0
    validation_tokens = valid.own + rows * valid.prefix
    needed = estimate(
        shape_of(base),
        recipe,
        unique_tokens=recipe.epochs * (train.own + steps * train.prefix),
        trained_tokens=recipe.epochs * train.trained,
        validation_tokens=validation_tokens,
        reference_tokens=train.own + validation_tokens if is_dpo else 0,
        optimizer_steps=steps * recipe.epochs,
        gflops=measured.gflops(precision),
        launch_us=measured.launch_us,
        precision=precision,
        hidden_size=int(config.get("hidden_size", 1024)),
        layers=int(config.get("num_hidden_layers", 24)),
    )
    files = [(training, train.cut), *([(validation, valid.cut)] if validation else [])]
    warnings = [cuts_told(path, limit, cut, origin) for path, cut in files if cut]
    return Plan(
        **needed.as_dict(), validation_tokens=validation_tokens, validation_trained_tokens=valid.trained, warnings=warnings
    )


def context_limit(base: Path, recipe: TrainSection) -> int:
    """Tokens at which examples are cut: `train.max_length`, at most the base's context."""
    own = int(bases.read_json(base / "config.json").get("max_position_embeddings", 2048))
    return min(own, recipe.max_length or own)


def _count(path: Path, base: Path, limit: int, _batch_size: int | None, origin: Origin) -> _Tokens:
    template = bases.load_template(base)
    examples, cut = [], []
    for line, ids in learnt_in(path, template):
        examples.append(TokenExample(line, line, ids.token_ids[:limit], ids.weights[:limit]))
        if len(ids.token_ids) > limit:
            cut.append(line)
    empty = [one.line for one in examples if not one.trained_tokens]
    refuse_empty(path, [one.line for one in examples], limit, cut, empty, origin)
    prefix = shared_prefix_length(examples)
    own = sum(len(e.token_ids) - prefix for e in examples)
    return _Tokens(len(examples), prefix, own, sum(e.trained_tokens for e in examples), cut)


def _count_pairs(path: Path, base: Path, limit: int, batch_size: int | None, _origin: Origin) -> _Tokens:
    """As if the steps took the file in its own order (without `batch_size`: as if it were one step). What a prompt shares is
    no longer in `own`, so there is no prefix besides."""
    template = bases.load_template(base)
    pairs = [pair_of(example, template, limit)[0] for example in read_preference_file(path)]
    size = batch_size or len(pairs)
    steps = [pairs[start : start + size] for start in range(0, len(pairs), size)]
    own = sum(row_tokens(row) for step in steps for row in rows_of(step, MAX_ROW_TOKENS))
    return _Tokens(len(pairs), 0, own, sum(pair.trained_tokens for pair in pairs))


def _plan_exploring(
    recipe: TrainSection, training: Path, validation: Path | None, base: Path, measured: Measured, precision: str
) -> Plan:
    settings, shape, config = recipe.exploring, shape_of(base), bases.read_json(base / "config.json")
    limit = context_limit(base, recipe)
    prompts = _prompt_lengths(training, base)
    held_out = _prompt_lengths(validation, base) if validation else []
    answers = [max(0, min(settings.max_new_tokens, limit - length)) for length in prompts]
    steps = recipe.epochs * -(-len(prompts) // recipe.batch_size)
    drawn = recipe.epochs * settings.group_size * sum(answers)
    packed = recipe.epochs * sum(prompts) + drawn
    needed = estimate(
        shape,
        recipe,
        unique_tokens=settings.updates * packed,
        trained_tokens=settings.updates * drawn,
        validation_tokens=0,
        reference_tokens=packed if settings.kl_weight > 0 else 0,
        optimizer_steps=steps,
        gflops=measured.gflops(precision),
        launch_us=measured.launch_us,
        precision=precision,
        hidden_size=int(config.get("hidden_size", 1024)),
        layers=int(config.get("num_hidden_layers", 24)),
    )
    evaluations = 1 + recipe.epochs + (steps // settings.eval_interval if settings.eval_interval else 0)
    seconds = steps * _writing_s(shape, prompts[: recipe.batch_size], settings.group_size, recipe, measured, precision)
    seconds += evaluations * _writing_s(shape, held_out, settings.eval_samples, recipe, measured, precision)
    width = 2 if precision == "bf16" else 4
    heads = int(config.get("num_key_value_heads") or config.get("num_attention_heads", 1))
    head_dim = int(config.get("head_dim") or config.get("hidden_size", 1024) // int(config.get("num_attention_heads", 1)))
    kept = 2 * heads * head_dim * int(config.get("num_hidden_layers", 24)) * width
    at_once = min(ANSWERS_AT_ONCE, max(recipe.batch_size * settings.group_size, len(held_out) * settings.eval_samples))
    longest = min(limit, max([*prompts, *held_out]) + settings.max_new_tokens)
    # Answers are written with a merged copy of the layers.
    writing = shape.body * width + at_once * longest * kept
    found = {**needed.as_dict(), "seconds": needed.seconds + seconds, "memory_bytes": needed.memory_bytes + writing}
    return Plan(**found, validation_tokens=0, validation_trained_tokens=0)


def _prompt_lengths(path: Path, base: Path) -> list[int]:
    template = bases.load_template(base)
    return [len(template.prompt_ids(example.messages, example.tools)) for example in read_reinforcement_file(path)]


def _writing_s(
    shape: Shape, prompts: Sequence[int], count: int, recipe: TrainSection, measured: Measured, precision: str
) -> float:
    """Seconds to write `count` answers to each prompt: each token takes its arithmetic, or one reading of all weights."""
    flops_s = measured.gflops(precision) * 1e9 * USUAL_UTILISATION
    sequences, length = len(prompts) * count, recipe.exploring.max_new_tokens
    weights_s = (shape.body + shape.head) * (2 if precision == "bf16" else 4) / (measured.memory_gb_s * 1e9)
    seconds = shape.forward_flops(count * sum(prompts), sequences) / flops_s
    while sequences > 0:
        rows = min(ANSWERS_AT_ONCE, sequences)
        seconds += length * max(shape.forward_flops(rows, rows) / flops_s, weights_s)
        sequences -= rows
    return seconds
