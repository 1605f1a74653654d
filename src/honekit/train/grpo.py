"""Reinforcement fine-tuning: answers are drawn, graded, and made likelier or less likely by how they compare.

Source: group relative policy optimisation, Shao et al. 2024, arXiv:2402.03300 (DeepSeekMath), section 4.1. For each prompt x of
a step G answers y_1..y_G are drawn from the present model and graded. With r_i the reward of answer i, token t of it has

    A_i     = (r_i - mean(r)) / std(r)                           (0 for all where all rewards are equal)
    ratio   = p(y_it | x, y_i<t) / p_drawn(y_it | x, y_i<t)
    loss    = -min(ratio * A_i, clip(ratio, 1 - e, 1 + e) * A_i) + w * kl
    kl      = q - log q - 1   with   q = p_ref(y_it | ...) / p(y_it | ...)

and a step minimises the sum over the tokens of all its answers, divided by their number. Two choices, both discussed in Liu et
al. 2025, arXiv:2503.20783 (Dr. GRPO): the division by std is kept, because graders come with any range and the learning rate
should not depend on it; the paper's division by each answer's own length is not, because it makes long wrong answers cheaper
than short ones: every token of a step weighs the same.

An answer that was drawn several times is computed once and counts as often. Groups with equal rewards carry no gradient and are
not computed at all, neither for the policy nor for the distance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from honekit.project import ReinforcementSection
from honekit.train import loop
from honekit.train.batching import Batch, TokenExample, collate, shared_prefix_length
from honekit.train.loop import StepResult, ValidationResult
from honekit.train.loss import token_losses
from honekit.train.prompts import Prompt
from honekit.train.rewards import Rewarded, Rewarder
from honekit.train.rollouts import Answer, Writer, draw_seeds

EQUAL = 1e-6
"""Rewards that differ by less, beside the largest of them, are the same number computed twice."""


def group_advantages(rewards: Tensor) -> Tensor:
    """Rewards (n, G) of n groups to advantages (n, G), with the standard deviation over all G (not G - 1)."""
    rewards = rewards.double()
    centred = rewards - rewards.mean(-1, keepdim=True)
    spread = centred.square().mean(-1, keepdim=True).sqrt()
    is_equal = spread <= EQUAL * rewards.abs().amax(-1, keepdim=True).clamp(min=EQUAL)
    return torch.where(is_equal, 0.0, centred / spread.clamp(min=1e-30))


class PolicyLosses(NamedTuple):
    """(N,) each: the differentiable loss of every token, and its distance from the reference (detached)."""

    losses: Tensor
    kl: Tensor


def policy_losses(
    log_probs: Tensor, drawn: Tensor, reference: Tensor | None, advantages: Tensor, clip: float, kl_weight: float
) -> PolicyLosses:
    """The module's loss for the log-probabilities (N,) of tokens under the model, under the model that drew them, and under the
    reference (None: no such term), with the advantage (N,) of the answer that each belongs to.

    The distance is Schulman's third estimator: not negative, and right on average.
    """
    ratio = (log_probs - drawn).exp()
    losses = -torch.minimum(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages)
    if reference is None:
        return PolicyLosses(losses, torch.zeros_like(log_probs))
    gap = reference - log_probs
    kl = gap.exp() - gap - 1
    return PolicyLosses(losses + kl_weight * kl, kl.detach())


@dataclass(frozen=True)
class Group:
    """What the log of examples holds of one prompt of a step."""

    line: int
    trained_tokens: int


class _Weighed(NamedTuple):
    """One answer of a group with a signal, how often it was drawn, and its advantage."""

    example: TokenExample
    times: int
    advantage: float


@dataclass
class _Row:
    """One packed forward pass over answers with a signal."""

    batch: Batch
    times: Tensor
    """(N,) how often the token's answer was drawn."""
    advantages: Tensor
    """(N,)"""
    reference: Tensor | None = None
    """(N,)"""
    drawn: Tensor | None = None
    """(N,) log-probabilities before the first update; None until then."""


@dataclass
class _Explored:
    """The answers of one step, ready to learn from."""

    prompts: Sequence[Prompt]
    answers: list[list[Answer]]
    rewarded: Rewarded
    rows: list[_Row]
    signals: int
    """Groups whose rewards differ."""
    updates_left: int

    @property
    def tokens(self) -> int:
        return sum(len(answer.token_ids) for own in self.answers for answer in own)


class GroupPolicy:
    """The objective of the loop for prompts.

    Within a step it is called once for each update: the first call draws and grades the answers, later ones use them again.
    """

    def __init__(self, writer: Writer, rewarder: Rewarder, settings: ReinforcementSection, seed: int) -> None:
        self._writer, self._rewarder, self._settings, self._seed = writer, rewarder, settings, seed
        self._explored: _Explored | None = None
        self._start: list[Tensor] | None = None

    def remember_start(self, model: nn.Module) -> None:
        """Keep the weights that training starts from, which are the reference. Call this before a checkpoint is read."""
        if self._settings.kl_weight > 0:
            self._start = [parameter.detach().clone() for parameter in _trainable(model)]

    def backward(self, model: nn.Module, examples: Sequence[Prompt], device: torch.device | str) -> StepResult:
        """Gradients of one update. Draws seeds from torch's generator, once a step.

        Raises: TrainError[train.grader_failed], GraderError.
        """
        found = self._explored or self._explore(model, examples, device)
        kl = loss_sum = 0.0
        predicted = unique = drawn = 0
        for row in found.rows:
            log_probs = -token_losses(model, row.batch).losses
            if row.drawn is None:
                row.drawn = log_probs.detach()
            settings = self._settings
            done = policy_losses(log_probs, row.drawn, row.reference, row.advantages, settings.clip, settings.kl_weight)
            loss = (done.losses * row.times).sum() / found.tokens
            loss.backward()  # type: ignore[no-untyped-call]
            loss_sum += loss.item()
            kl += float((done.kl * row.times).sum())
            drawn += int(row.times.sum())
            predicted += row.batch.trained_tokens
            unique += row.batch.unique_tokens
        found.updates_left -= 1
        self._explored = found if found.updates_left > 0 else None
        metrics = {"train_loss": loss_sum, **self._metrics(found)}
        if self._settings.kl_weight > 0:
            metrics["train_kl"] = kl / max(1, drawn)
        rows = [
            (Group(prompt.line, sum(len(answer.token_ids) for answer in own)), -_mean(rewards))
            for prompt, own, rewards in zip(found.prompts, found.answers, found.rewarded.rewards, strict=True)
        ]
        return StepResult(loss_sum, metrics, predicted, unique, rows)

    @torch.no_grad()
    def validate(self, model: nn.Module, examples: Sequence[Prompt], device: torch.device | str) -> ValidationResult:
        """The mean reward of `eval_samples` answers to each prompt, drawn as in training and with the same seeds every time.

        As a loss it is the reward with its sign turned: what training lowers.
        """
        count = self._settings.eval_samples
        seeds = draw_seeds(len(examples) * count, torch.Generator().manual_seed(self._seed))
        answers = self._writer.write(model, examples, count, seeds, device)
        rewarded = self._rewarder.rate(examples, answers)
        reward = _mean([_mean(own) for own in rewarded.rewards])
        tokens = sum(len(answer.token_ids) for own in answers for answer in own)
        more = {
            "reward_mean": reward,
            "completion_tokens": tokens / (len(examples) * count),
            "grader_faults": rewarded.faults,
        }
        return ValidationResult(loss=-reward, accuracy=None, tokens=tokens, unique_tokens=tokens, more=more)

    def _explore(self, model: nn.Module, prompts: Sequence[Prompt], device: torch.device | str) -> _Explored:
        settings = self._settings
        seeds = draw_seeds(len(prompts) * settings.group_size)
        was_training = model.training
        answers = self._writer.write(model, prompts, settings.group_size, seeds, device)
        rewarded = self._rewarder.rate(prompts, answers)
        weighed = [
            _weigh(prompt, own, group)
            for prompt, own, group in zip(
                prompts, answers, group_advantages(torch.tensor(rewarded.rewards)).tolist(), strict=True
            )
            if any(group)
        ]
        rows = [_row(row, device) for row in _rows_of(weighed)]
        if self._start is not None:
            with torch.no_grad(), _values(model, self._start):
                for row in rows:
                    row.reference = -token_losses(model, row.batch).losses
        model.train(was_training)
        return _Explored(prompts, answers, rewarded, rows, len(weighed), settings.updates)

    def _metrics(self, found: _Explored) -> dict[str, float | int]:
        every = [answer for own in found.answers for answer in own]
        return {
            "train_reward_mean": _mean([_mean(own) for own in found.rewarded.rewards]),
            "train_signal_share": found.signals / len(found.prompts),
            "train_completion_tokens": found.tokens / len(every),
            "train_cut_share": sum(answer.is_cut for answer in every) / len(every),
            "train_grader_faults": found.rewarded.faults,
        }


def _weigh(prompt: Prompt, answers: Sequence[Answer], advantages: Sequence[float]) -> list[_Weighed]:
    """Each different answer once: what was drawn several times has the same reward, so it counts as often and costs once."""
    times = Counter(tuple(answer.token_ids) for answer in answers)
    found = {tuple(answer.token_ids): (answer, value) for answer, value in zip(answers, advantages, strict=True)}
    return [_Weighed(answer.example(prompt), times[ids], value) for ids, (answer, value) in found.items()]


def _rows_of(groups: Sequence[list[_Weighed]]) -> Iterator[list[_Weighed]]:
    """Groups to be packed into one row each, of at most `loop.MAX_ROW_TOKENS`; a larger group is split.

    A row computes the tokens once that all its conversations begin with. So a group joins the row before it only where that
    takes no more tokens than a row of its own, in which the whole prompt is shared.
    """
    row: list[_Weighed] = []
    for group in (part for whole in groups for part in _split(whole)):
        if row and not (_tokens([*row, *group]) <= min(loop.MAX_ROW_TOKENS, _tokens(row) + _tokens(group))):
            yield row
            row = []
        row = [*row, *group]
    if row:
        yield row


def _split(group: list[_Weighed]) -> Iterator[list[_Weighed]]:
    part: list[_Weighed] = []
    for one in group:
        if part and _tokens([*part, one]) > loop.MAX_ROW_TOKENS:
            yield part
            part = []
        part.append(one)
    if part:
        yield part


def _tokens(row: Sequence[_Weighed]) -> int:
    """Tokens that a row of these answers computes."""
    examples = [one.example for one in row]
    shared = shared_prefix_length(examples)
    return shared + sum(len(example.token_ids) - shared for example in examples)


def _row(answers: Sequence[_Weighed], device: torch.device | str) -> _Row:
    batch = collate([one.example for one in answers], device)
    times = torch.tensor([one.times for one in answers], dtype=torch.float32, device=device)
    advantages = torch.tensor([one.advantage for one in answers], dtype=torch.float32, device=device)
    return _Row(batch, times[batch.owners], advantages[batch.owners])


@contextmanager
def _values(model: nn.Module, values: Sequence[Tensor]) -> Iterator[None]:
    """The model with other values of its trainable parameters, whose own are put back bit by bit."""
    parameters = _trainable(model)
    own = [parameter.detach().clone() for parameter in parameters]
    try:
        for parameter, value in zip(parameters, values, strict=True):
            parameter.data.copy_(value)
        yield
    finally:
        for parameter, value in zip(parameters, own, strict=True):
            parameter.data.copy_(value)


def _trainable(model: nn.Module) -> list[nn.Parameter]:
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
