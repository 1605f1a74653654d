from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import TypeAdapter

from honekit.errors import GraderError
from honekit.graders import sandbox
from honekit.graders.faults import Errors
from honekit.graders.judges import Answer, AskFailed, TokenUsage
from honekit.graders.run import Means, Outcome, run_grader
from honekit.graders.schema import Grader, SamplingParams
from honekit.graders.templates import Sample

ADAPTER: TypeAdapter[Any] = TypeAdapter(Grader)
TEXT = "{{sample.output_text}}"


def check(operation: str = "eq", reference: str = "{{item.answer}}", text: str = TEXT) -> dict[str, Any]:
    return {"type": "string_check", "name": "check", "input": text, "reference": reference, "operation": operation}


def run(raw: dict[str, Any], sample: str | Sample = "Fan", means: Means | None = None, **item: Any) -> Outcome:
    return run_grader(ADAPTER.validate_python(raw), item, sample, means)


def flags(outcome: Outcome) -> set[str]:
    return {name for name, value in vars(outcome.errors).items() if value is True}


@pytest.mark.parametrize(
    ("operation", "sample", "answer", "reward"),
    [
        ("eq", "Fan", "Fan", 1),
        ("eq", "Fan", "fan", 0),
        ("ne", "Fan", "fan", 1),
        ("ne", "Fan", "Fan", 0),
        ("like", "the Fan is off", "Fan", 1),
        ("like", "the fan is off", "Fan", 0),
        ("like", "Fan", "the Fan", 0),
        ("ilike", "the FAN is off", "fan", 1),
        ("ilike", "STRASSE", "straße", 1),
    ],
)
def test_string_check(operation: str, sample: str, answer: str, reward: float) -> None:
    outcome = run(check(operation), sample, answer=answer)
    assert (outcome.reward, outcome.errors, outcome.sub_rewards, outcome.usage) == (reward, Errors(), {}, {})


def test_text_similarity_and_an_embedding_of_the_callers() -> None:
    raw = {"type": "text_similarity", "name": "s", "input": TEXT, "reference": "{{item.a}}", "evaluation_metric": "cosine"}
    assert run(raw, "belt", a="fan").reward == 0

    def failing(_texts: Any) -> Any:
        raise AskFailed("it is away")

    assert run(raw, "left", Means(embed=failing), a="right").errors.model_grader_server_error
    means = Means(embed=lambda texts: [[float(len(text)), 1.0] for text in texts])
    assert run(raw, "four", means, a="five").reward == pytest.approx(1)


def test_a_fault_is_a_reward_of_0_with_a_flag_and_words() -> None:
    outcome = run(check(), answr="x")
    assert outcome.reward == 0
    assert flags(outcome) == {"invalid_variable_error"}
    assert "item.answer" in outcome.details[0]
    assert flags(run(check(text="{{sample.output_json.a}}"), "no", answer="x")) == {"sample_parse_error"}


def multi(formula: str, **graders: dict[str, Any]) -> dict[str, Any]:
    return {"type": "multi", "name": "m", "graders": graders, "calculate_output": formula}


def test_a_formula_combines_and_a_faulty_part_counts_as_0() -> None:
    outcome = run(multi("0.25 * a + b", a=check(), b=check("ne", "x")), answer="Fan")
    assert (outcome.reward, outcome.sub_rewards) == (1.25, {"a": 1, "b": 1})
    outcome = run(multi("a + 2 * b", a=check(), b=check("ne", "x")))
    assert (outcome.reward, outcome.sub_rewards, flags(outcome)) == (2, {"a": 0, "b": 1}, {"invalid_variable_error"})
    outcome = run(multi("1 / a", a=check(reference="other")))
    assert (outcome.reward, flags(outcome)) == (0, {"formula_parse_error"})


SCORE = {
    "type": "score_model",
    "name": "s",
    "model": "judge",
    "input": [
        {"role": "system", "content": "You are strict."},
        {"role": "user", "content": ["Grade {{sample.output_text}}", {"type": "input_text", "text": "against {{item.a}}."}]},
    ],
    "range": [0, 10],
    "sampling_params": {"temperature": 0.5, "max_completions_tokens": 9},
}
LABEL = {**{key: SCORE[key] for key in ("name", "model", "input")}, "type": "label_model", "labels": ["good", "bad"]}


class Judge:
    """Not a model: answers what the test says, and keeps what it was asked."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, list[dict[str, str]], SamplingParams]] = []
        self.labels: list[list[str]] = []

    def __call__(self, model: str, messages: list[dict[str, str]], sampling: SamplingParams, labels: Sequence[str]) -> Answer:
        self.asked.append((model, messages, sampling))
        self.labels.append(list(labels))
        return Answer(self.answers.pop(0), TokenUsage(10, 2), "judge-v2")


def test_a_score_model_is_asked_with_everything_filled_in() -> None:
    judge = Judge("7.5")
    outcome = run(SCORE, "Fan", Means(ask=judge), a="Belt")
    assert outcome.reward == 7.5
    assert outcome.usage == {"judge-v2": TokenUsage(10, 2)}
    model, messages, sampling = judge.asked[0]
    assert model == "judge"
    assert messages == [
        {"role": "system", "content": "You are strict."},
        {"role": "user", "content": "Grade Fan\nagainst Belt.\n\nAnswer with one number from 0 to 10 and nothing else."},
    ]
    assert (sampling.temperature, sampling.max_completions_tokens) == (0.5, 9)


def test_a_score_is_clipped_to_the_range() -> None:
    assert [run(SCORE, "x", Means(ask=Judge(text)), a=1).reward for text in ("12", "-1")] == [10, 0]
    plain = {**SCORE, "range": None}
    assert run(plain, "x", Means(ask=Judge("12")), a=1).reward == 1


def test_an_answer_without_a_grade_is_a_fault_that_still_counts_its_tokens() -> None:
    for raw in (SCORE, {**LABEL, "passing_labels": ["good"]}):
        outcome = run(raw, "x", Means(ask=Judge("I cannot tell")), a=1)
        assert (outcome.reward, flags(outcome)) == (0, {"model_grader_parse_error"})
        assert outcome.usage == {"judge-v2": TokenUsage(10, 2)}


def test_a_label_passes_or_not() -> None:
    raw = {**LABEL, "passing_labels": ["good"]}
    judge = Judge("Good.", "bad")
    assert [run(raw, "x", Means(ask=judge), a=1).reward for _ in range(2)] == [1, 0]
    assert judge.asked[0][1][-1]["content"].endswith("exactly one of these labels and nothing else: good, bad")
    assert judge.labels == [["good", "bad"], ["good", "bad"]]
    free = Judge("1")
    run(SCORE, "x", Means(ask=free), a=1)
    assert free.labels == [[]]


def test_after_an_assistants_message_the_order_is_one_of_its_own() -> None:
    judge = Judge("1")
    run({**SCORE, "input": [{"role": "assistant", "content": "hm"}]}, "x", Means(ask=judge))
    assert [message["role"] for message in judge.asked[0][1]] == ["assistant", "user"]


def test_usage_adds_up_by_model() -> None:
    outcome = run(multi("a + b", a=SCORE, b=SCORE), "x", Means(ask=Judge("1", "2")), a=1)
    assert (outcome.reward, outcome.usage) == (3, {"judge-v2": TokenUsage(20, 4)})
    assert outcome.usage["judge-v2"].total_tokens == 24


def test_a_model_that_cannot_be_asked_is_a_fault_with_the_reason() -> None:
    def failing(*_: Any) -> Answer:
        raise AskFailed("there is no model judge")

    outcome = run(SCORE, "x", Means(ask=failing), a=1)
    assert flags(outcome) == {"model_grader_server_error"}
    assert outcome.errors.model_grader_server_error_details == "there is no model judge"
    assert flags(run(SCORE, "x", a=1)) == {"model_grader_server_error"}


def python(body: str) -> dict[str, Any]:
    return {"type": "python", "name": "p", "source": f"def grade(sample, item):\n    {body}"}


def test_a_python_grader_is_refused_unless_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HONE_PYTHON_GRADERS", raising=False)
    with pytest.raises(GraderError):
        run(python("return 1"))


def test_a_python_grader_gets_sample_and_item(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HONE_PYTHON_GRADERS", "1")
    try:
        sandbox.probe()
    except GraderError as fault:
        pytest.skip(fault.what)
    sample = Sample('{"n": 3}', {"output_tools": [1]})
    body = "return sample['output_json']['n'] + len(sample['output_text']) + len(sample['output_tools']) + item['m']"
    assert run(python(body), sample, m=0.5).reward == 12.5
    outcome = run(python("return 1 / 0"))
    assert flags(outcome) == {"python_grader_runtime_error"}
    assert "ZeroDivisionError" in str(outcome.errors.python_grader_runtime_error_details)
    outcome = run(python("return None"))
    assert flags(outcome) == {"python_grader_runtime_error", "unresponsive_reward_error"}
    outcome = run(python("while True: pass"), means=Means(python_limits=sandbox.Limits(wall_s=1)))
    assert flags(outcome) == {"python_grader_runtime_error", "unresponsive_reward_error"}
    assert outcome.seconds >= 1
    both = multi("a + b", a=python("while True: pass"), b=python("while True: pass"))
    outcome = run(both, means=Means(python_limits=sandbox.Limits(wall_s=1)))
    assert "limit: 0 seconds" in outcome.details[1]  # they share the time
