"""Group-relative policy optimisation: advantages, losses and gradients against the formulas written out, and the rewards."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from pydantic import TypeAdapter
from tests import tiny

from honekit.errors import TrainError
from honekit.graders.schema import Grader
from honekit.models import lora
from honekit.project import ReinforcementSection, TrainSection
from honekit.train import loop
from honekit.train.grpo import GroupPolicy, group_advantages, policy_losses
from honekit.train.prompts import Prompt
from honekit.train.rewards import Rewarder
from honekit.train.rollouts import Answer, Writer, draw_seeds
from honekit.train.state import TrainState

CLIP, KL = 0.2, 0.3
LIKE = {"type": "text_similarity", "name": "like", "evaluation_metric": "fuzzy_match", "input": "{{sample.output_text}}",
        "reference": "{{item.wanted}}"}  # fmt: skip


def grader_of(raw: dict[str, Any]) -> Grader:
    return TypeAdapter[Grader](Grader).validate_python(raw)


def prompts(count: int = 3) -> list[Prompt]:
    template = tiny.template()
    made = []
    for index in range(count):
        messages = [{"role": "system", "content": "A common beginning."}, {"role": "user", "content": f"Question {index}"}]
        ids, shared = template.prompt_ids(messages), template.system_prefix_length(messages)
        made.append(Prompt(index + 1, ids, shared, {"wanted": "the quick brown fox"}))
    return made


def writer(max_new_tokens: int = 6) -> Writer:
    return Writer(tiny.template(), (tiny.END,), 512, max_new_tokens)


def adapted(architecture: str = "llama", noise: float = 0.2) -> Any:
    """A tiny model with an adapter that has an effect."""
    model = tiny.model(architecture)
    lora.inject(model, targets="all-linear", rank=4, alpha=8, dropout=0, seed=0)
    disturb(model, noise, 7)
    return model


def disturb(model: Any, noise: float, seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for _, layer in lora.layers(model):
            layer.lora_b += noise * torch.randn(layer.lora_b.shape, generator=draw)


def log_probs(model: Any, prompt: Prompt, answer: Answer) -> torch.Tensor:
    """Of each of the answer's tokens, one conversation alone, by transformers' own pass."""
    ids = torch.tensor([prompt.token_ids + answer.token_ids])
    every = model(input_ids=ids).logits[0].log_softmax(-1)
    first = len(prompt.token_ids)
    return torch.stack([every[first + t - 1, token] for t, token in enumerate(answer.token_ids)])


def test_advantages_are_deviations_from_the_groups_mean_in_standard_deviations() -> None:
    found = group_advantages(torch.tensor([[1.0, 0, 0, 0], [2, 4, 4, 6], [5, 5, 5, 5]]))
    deviation = math.sqrt(3) / 4
    assert found[0].tolist() == pytest.approx([0.75 / deviation] + [-0.25 / deviation] * 3)
    assert found[1].tolist() == pytest.approx([-math.sqrt(2), 0, 0, math.sqrt(2)])
    assert found[2].tolist() == [0, 0, 0, 0]


def test_a_graders_range_changes_no_advantage_and_rounding_is_no_signal() -> None:
    rewards = torch.tensor([[0.1, 0.7, 0.4, 0.4]], dtype=torch.float64)
    for scale, shift in ((100, -3), (0.001, 0), (1, 5)):
        torch.testing.assert_close(group_advantages(scale * rewards + shift), group_advantages(rewards), rtol=1e-6, atol=1e-6)
    assert not group_advantages(torch.tensor([[0.1 + 0.2, 0.3, 0.3]], dtype=torch.float64)).any()
    assert not group_advantages(torch.zeros(2, 4)).any()


def test_the_gradient_of_a_token_is_the_one_derived_by_hand() -> None:
    ratios = [1.0, 1.0, 1.5, 1.5, 0.6, 0.6, 1.1, 0.9]
    advantages = [2.0, -2.0, 2.0, -2.0, 2.0, -2.0, 1.0, -1.0]
    # Beyond the clip nothing is gained by going further; in the other direction the whole way back counts.
    counts = [True, True, False, True, True, False, True, True]
    far = [0.0, 0.5, -0.5, 0.1, -0.1, 0.3, 0.0, -1.0]
    now = torch.tensor([-1.0] * 8, dtype=torch.float64, requires_grad=True)
    drawn = now.detach() - torch.tensor(ratios, dtype=torch.float64).log()
    reference = now.detach() + torch.tensor(far, dtype=torch.float64)
    found = policy_losses(now, drawn, reference, torch.tensor(advantages, dtype=torch.float64), CLIP, KL)
    found.losses.sum().backward()
    expected = [
        (-a * r if counted else 0.0) + KL * (1 - math.exp(d))
        for r, a, counted, d in zip(ratios, advantages, counts, far, strict=True)
    ]
    assert now.grad is not None
    assert now.grad.tolist() == pytest.approx(expected)
    assert found.kl.tolist() == pytest.approx([math.exp(d) - d - 1 for d in far])
    without = policy_losses(now, drawn, None, torch.tensor(advantages), CLIP, KL)
    clipped = [min(r * a, min(max(r, 0.8), 1.2) * a) for r, a in zip(ratios, advantages, strict=True)]
    assert without.losses.tolist() == pytest.approx([-value for value in clipped])


@pytest.mark.parametrize(
    ("architecture", "count", "length", "row_tokens"), [("llama", 4, 6, 4096), ("gemma3", 4, 6, 4096), ("llama", 16, 1, 75)]
)
def test_the_gradients_of_both_updates_are_those_of_each_answer_computed_alone(
    architecture: str, count: int, length: int, row_tokens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "MAX_ROW_TOKENS", row_tokens)  # the last case: equal answers, and groups split over rows
    asked = prompts()
    settings = ReinforcementSection(group_size=count, max_new_tokens=length, kl_weight=KL, clip=CLIP, updates=2)
    model = adapted(architecture)
    start = tiny.model(architecture)
    lora.inject(start, targets="all-linear", rank=4, alpha=8, dropout=0, seed=0)
    start.load_state_dict(model.state_dict())
    objective = GroupPolicy(writer(length), Rewarder(grader_of(LIKE)), settings, seed=0)
    objective.remember_start(model)
    disturb(model, 0.05, 8)

    torch.manual_seed(3)
    answers = writer(length).write(model, asked, count, draw_seeds(len(asked) * count), "cpu")
    rewards = Rewarder(grader_of(LIKE)).rate(asked, answers).rewards
    assert any(len(set(own)) > 1 for own in rewards)
    assert (length > 1) == all(len({tuple(answer.token_ids) for answer in own}) == count for own in answers)
    total = sum(len(answer.token_ids) for own in answers for answer in own)
    with torch.no_grad():
        drawn = [[log_probs(model, prompt, answer) for answer in own] for prompt, own in zip(asked, answers, strict=True)]
        reference = [[log_probs(start, prompt, answer) for answer in own] for prompt, own in zip(asked, answers, strict=True)]

    def written_out() -> torch.Tensor:
        loss = torch.zeros(())
        for index, prompt in enumerate(asked):
            mean = sum(rewards[index]) / count
            deviation = math.sqrt(sum((r - mean) ** 2 for r in rewards[index]) / count)
            if deviation == 0:
                continue
            for i, answer in enumerate(answers[index]):
                now = log_probs(model, prompt, answer)
                advantage = (rewards[index][i] - mean) / deviation
                for t in range(len(answer.token_ids)):
                    ratio = (now[t] - drawn[index][i][t]).exp()
                    gain = torch.min(ratio * advantage, ratio.clamp(1 - CLIP, 1 + CLIP) * advantage)
                    q = (reference[index][i][t] - now[t]).exp()
                    loss = loss - gain / total + KL * (q - q.log() - 1) / total
        return loss

    for update in range(2):
        if update == 0:
            torch.manual_seed(3)
        done = objective.backward(model, asked, "cpu")
        found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
        model.zero_grad()
        expected = written_out()
        expected.backward()  # type: ignore[no-untyped-call]
        assert done.loss == pytest.approx(float(expected.detach()), rel=1e-3, abs=1e-5)
        assert found
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                torch.testing.assert_close(found[name], parameter.grad, rtol=2e-3, atol=2e-5)
        model.zero_grad()
        disturb(model, 0.1, 9)
    assert done.metrics["train_reward_mean"] == pytest.approx(sum(map(sum, rewards)) / (count * len(asked)))
    # The third call is another step, which draws anew.
    torch.manual_seed(4)
    assert objective.backward(model, asked, "cpu").metrics["train_reward_mean"] != done.metrics["train_reward_mean"]


def test_equal_rewards_move_nothing() -> None:
    always = {"type": "string_check", "name": "any", "operation": "like", "input": "{{sample.output_text}}", "reference": ""}
    model = adapted()
    objective = GroupPolicy(writer(), Rewarder(grader_of(always)), ReinforcementSection(group_size=4), seed=0)
    objective.remember_start(model)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = TrainState(model, TrainSection(weight_decay=0.1))
    done = objective.backward(model, prompts(), "cpu")
    assert (done.metrics["train_signal_share"], done.trained_tokens, done.loss) == (0, 0, 0)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert state.step(0.1) == 0
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_answers_come_from_the_present_weights_and_leave_them_as_they_are(architecture: str) -> None:
    model = adapted(architecture)
    asked = prompts(1)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    first = writer(24).write(model, asked, 64, list(range(64)), "cpu")[0]
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert writer(24).write(model, asked, 64, list(range(64)), "cpu")[0] == first
    with torch.no_grad():
        likely = log_probs(model, asked[0], first[0])
        mean = torch.stack([log_probs(model, asked[0], answer).mean() for answer in first]).mean()
        disturb(model, 1.0, 11)
        other = torch.stack([log_probs(model, asked[0], answer).mean() for answer in first]).mean()
    assert likely.isfinite().all()
    assert mean > other + 0.5  # what wrote them finds them likelier than another model does
    assert writer(24).write(model, asked, 64, list(range(64)), "cpu")[0] != first


def test_an_answer_that_is_no_json_is_not_the_graders_fault() -> None:
    wants_json = {"type": "string_check", "name": "j", "operation": "eq", "input": "{{sample.output_json.a}}", "reference": "1"}
    texts = ['{"a": "1"}', "no json", '{"b": 1}']
    found = Rewarder(grader_of(wants_json)).rate(prompts(1), [[Answer([5], text, False) for text in texts]])
    assert (found.rewards, found.faults) == ([[1, 0, 0]], 0)


def test_a_grader_that_can_grade_nothing_ends_the_job_and_says_why() -> None:
    asks = {"type": "score_model", "name": "judge", "model": "m", "input": [{"role": "user", "content": "{{item.wanted}}"}]}
    half = {"type": "multi", "name": "both", "graders": {"a": asks, "b": LIKE}, "calculate_output": "a + b"}
    for raw in (asks, half):
        with pytest.raises(TrainError, match="no models can be asked here") as caught:
            Rewarder(grader_of(raw)).rate(prompts(1), [[Answer([5], "x", False)] * 2])
        assert caught.value.code == "train.grader_failed"


def test_the_evaluation_draws_the_same_answers_every_time() -> None:
    model, asked = adapted(), prompts()
    objective = GroupPolicy(writer(), Rewarder(grader_of(LIKE)), ReinforcementSection(eval_samples=3), seed=1)
    torch.manual_seed(0)
    first = objective.validate(model, asked, "cpu")
    torch.manual_seed(1)
    assert objective.validate(model, asked, "cpu") == first
    assert first.loss == -first.more["reward_mean"] < 0
    assert first.accuracy is None
    assert first.score(TrainSection(objective="reinforcement")) == first.more["reward_mean"]
