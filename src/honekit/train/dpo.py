"""Direct preference optimisation: from pairs of answers to a loss, with what the starting model thought of them.

Source: Rafailov et al. 2023, arXiv:2305.18290. With policy p, reference r (the model that training starts from), prompt x,
preferred answer w and rejected answer l, the loss of a pair is equation 7:

    -log sigmoid(beta * ((log p(w|x) - log r(w|x)) - (log p(l|x) - log r(l|x))))

The reference never changes, so its log-probabilities are computed once, before training.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from honekit.train import loop
from honekit.train.batching import Batch, TokenExample, collate, shared_prefix_length
from honekit.train.loop import StepResult, ValidationResult
from honekit.train.loss import token_losses


@dataclass(frozen=True)
class Pair:
    """Two answers to one prompt, each as a whole conversation in tokens of which only the answer is predicted."""

    line: int
    preferred: TokenExample
    rejected: TokenExample
    reference: tuple[float, float] | None = None
    """log r(w|x) and log r(l|x), in nats."""

    @property
    def trained_tokens(self) -> int:
        """Answer tokens of both."""
        return self.preferred.trained_tokens + self.rejected.trained_tokens


class PairLosses(NamedTuple):
    """Shapes: (n,) for n pairs."""

    losses: Tensor
    """In nats; differentiable."""
    preferred_rewards: Tensor
    """beta * (log p - log r), detached."""
    rejected_rewards: Tensor


def preference_losses(log_probs: Tensor, reference: Tensor, beta: float) -> PairLosses:
    """Equation 7 for log-probabilities (n, 2) of the preferred and the rejected answers under policy and reference."""
    rewards = beta * (log_probs - reference)
    losses = -F.logsigmoid(rewards[:, 0] - rewards[:, 1])
    return PairLosses(losses, rewards[:, 0].detach(), rewards[:, 1].detach())


@dataclass(frozen=True)
class Preference:
    """The objective of the loop for pairs whose reference is known: the mean of equation 7 over a step's pairs."""

    beta: float

    def backward(self, model: nn.Module, examples: Sequence[Pair], device: torch.device | str) -> StepResult:
        sums = _Sums()
        for row in rows_of(examples, loop.MAX_ROW_TOKENS):
            losses = self._losses(model, row, device, sums)
            (losses.sum() / len(examples)).backward()  # type: ignore[no-untyped-call]
        metrics: dict[str, float | int] = {
            "train_loss": sums.loss / len(examples),
            "train_mean_token_accuracy": sums.correct / sums.preferred_tokens,
            **{f"train_{name}": value for name, value in sums.rewards().items()},
        }
        return StepResult(metrics["train_loss"], metrics, sums.trained_tokens, sums.unique_tokens, sums.rows)

    @torch.no_grad()
    def validate(self, model: nn.Module, examples: Sequence[Pair], device: torch.device | str) -> ValidationResult:
        """Mean loss of held-out pairs, and how many of them the model ranks as the file does."""
        model.eval()
        sums = _Sums()
        for row in rows_of(examples, loop.MAX_ROW_TOKENS):
            self._losses(model, row, device, sums)
        rewards = sums.rewards()
        return ValidationResult(
            loss=sums.loss / len(examples),
            accuracy=sums.correct / sums.preferred_tokens,
            tokens=sums.trained_tokens,
            unique_tokens=sums.unique_tokens,
            more=rewards,
            best_by_accuracy=rewards["reward_accuracy"],
        )

    def _losses(self, model: nn.Module, pairs: list[Pair], device: torch.device | str, sums: _Sums) -> Tensor:
        log_probs, right, batch = _answer_log_probs(model, pairs, device)
        known = [pair.reference for pair in pairs]
        found = preference_losses(log_probs, torch.tensor(known, dtype=torch.float32, device=device), self.beta)
        sums.add(pairs, batch, right, found)
        return found.losses


@dataclass
class _Sums:
    """What is reported of a step or of a validation, row by row."""

    loss: float = 0.0
    correct: int = 0
    preferred_tokens: int = 0
    trained_tokens: int = 0
    unique_tokens: int = 0
    margin: float = 0.0
    ranked: int = 0

    def __post_init__(self) -> None:
        self.rows: list[tuple[Pair, float]] = []

    def add(self, pairs: list[Pair], batch: Batch, right: Tensor, found: PairLosses) -> None:
        losses = found.losses.detach().tolist()
        margins = found.preferred_rewards - found.rejected_rewards
        is_preferred = batch.owners % 2 == 0
        self.loss += sum(losses)
        self.correct += int((right & is_preferred).sum())
        self.preferred_tokens += int(is_preferred.sum())
        self.trained_tokens += batch.trained_tokens
        self.unique_tokens += batch.unique_tokens
        self.margin += float(margins.sum())
        self.ranked += int((margins > 0).sum())
        self.rows += zip(pairs, losses, strict=True)

    def rewards(self) -> dict[str, float]:
        """reward_margin: mean reward of the preferred answer less that of the rejected one; reward_accuracy: share of the
        pairs in which it is positive."""
        return {"reward_margin": self.margin / len(self.rows), "reward_accuracy": self.ranked / len(self.rows)}


def rows_of(pairs: Sequence[Pair], max_tokens: int) -> Iterator[list[Pair]]:
    """Pairs to be packed into one row each, of at most `max_tokens` (a pair is never cut here).

    A row computes the tokens once that all its conversations begin with. So a pair joins the row before it only where
    that takes no more tokens than a row of its own, in which its whole prompt is shared by its two answers.
    """
    row: list[Pair] = []
    for pair in pairs:
        if row and not (row_tokens([*row, pair]) <= min(max_tokens, row_tokens(row) + row_tokens([pair]))):
            yield row
            row = []
        row.append(pair)
    if row:
        yield row


def with_reference(model: nn.Module, pairs: Sequence[Pair], device: torch.device | str) -> list[Pair]:
    """The pairs with their log-probabilities under `model`, which is the reference: call this before training."""
    model.eval()
    done: list[Pair] = []
    with torch.no_grad():
        for row in rows_of(pairs, loop.MAX_ROW_TOKENS):
            log_probs, _, _ = _answer_log_probs(model, row, device)
            known: list[list[float]] = log_probs.tolist()
            done += [replace(pair, reference=(both[0], both[1])) for pair, both in zip(row, known, strict=True)]
    return done


def _answer_log_probs(model: nn.Module, pairs: list[Pair], device: torch.device | str) -> tuple[Tensor, Tensor, Batch]:
    """log p of each answer (n, 2) in nats, whether each predicted token was the likeliest one (N,), and the row."""
    batch = collate(_conversations(pairs), device)
    losses, right = token_losses(model, batch)
    sums = torch.zeros(2 * len(pairs), dtype=losses.dtype, device=losses.device).index_add(0, batch.owners, losses)
    return -sums.view(-1, 2), right, batch


def _conversations(pairs: Sequence[Pair]) -> list[TokenExample]:
    return [example for pair in pairs for example in (pair.preferred, pair.rejected)]


def row_tokens(pairs: Sequence[Pair]) -> int:
    """Tokens that a row of these pairs computes."""
    examples = _conversations(pairs)
    shared = shared_prefix_length(examples)
    return shared + sum(len(example.token_ids) - shared for example in examples)
