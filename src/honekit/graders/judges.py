"""Graders that ask a model: its answer is read for a number, or for one of the labels.

The last message to a model ends with what to answer (`SCORE_ORDER`, `LABEL_ORDER`). A model that Hone runs can write nothing
but a label where labels are asked for (`labels_schema`); other models write free text. Either way the answer is read leniently
but never guessed: without a number or a label there is no grade.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from honekit.graders.faults import GradingFault
from honekit.graders.schema import InputMessage, LabelModelGrader, SamplingParams, ScoreModelGrader
from honekit.graders.templates import Sample, render

SCORE_ORDER = "Answer with one number from {low:g} to {high:g} and nothing else."
LABEL_ORDER = "Answer with exactly one of these labels and nothing else: {labels}"
MAX_ANSWER_CHARS = 100_000
GRADE_TOKENS = 256
"""Length of a model's answer when its grader sets none: a number or a label, and perhaps a few words."""


@dataclass(frozen=True)
class TokenUsage:
    """Tokens that a grading model read and wrote."""

    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: TokenUsage) -> TokenUsage:
        return TokenUsage(self.prompt_tokens + other.prompt_tokens, self.completion_tokens + other.completion_tokens)

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


class Answer(NamedTuple):
    """What a model answered; `model` is what really answered, where that has another name than was asked for."""

    text: str
    usage: TokenUsage
    model: str | None = None


class AskFailed(Exception):
    """The model could not be asked. The text is shown to whoever sent the grader."""


Ask = Callable[[str, list[dict[str, str]], SamplingParams, Sequence[str]], Answer]
"""Model, messages (role and content), sampling, and the labels of which the answer should be one (none: it is free), to its
answer. Raises: AskFailed."""


class Judgement(NamedTuple):
    """reward is None with a fault: then the model's answer holds no grade."""

    reward: float | None
    model: str
    usage: TokenUsage
    fault: GradingFault | None = None


def score(grader: ScoreModelGrader, item: Mapping[str, Any], sample: Sample, ask: Ask) -> Judgement:
    """The number of the model's answer, clipped to the grader's range.

    Raises: GradingFault of a template, or GradingFault[model_grader_server_error] when the model could not be asked.
    """
    low, high = grader.bounds
    answer = _ask(grader, item, sample, ask, SCORE_ORDER.format(low=low, high=high), grader.sampling_params, ())
    number = read_number(answer.text)
    if number is None:
        return _judgement(grader, answer, None, f"the answer holds no number: {answer.text[:200]!r}")
    return _judgement(grader, answer, min(high, max(low, number)))


def label(grader: LabelModelGrader, item: Mapping[str, Any], sample: Sample, ask: Ask) -> Judgement:
    """1 if the model's answer is a passing label, 0 if it is another one. Raises as `score`."""
    order = LABEL_ORDER.format(labels=", ".join(grader.labels))
    answer = _ask(grader, item, sample, ask, order, None, grader.labels)
    given = read_label(answer.text, grader.labels)
    if given is None:
        return _judgement(grader, answer, None, f"the answer is none of the labels: {answer.text[:200]!r}")
    return _judgement(grader, answer, float(given in grader.passing_labels))


_NUMBER = re.compile(r"(?<![\w.])[-+]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][-+]?[0-9]{1,3})?(?![\w])")
_NAMED_NUMBER = re.compile(
    rf"\b(?:score|result|reward|rating|grade)\W{{1,10}}?(?:is\W{{1,5}}?)?({_NUMBER.pattern})", re.IGNORECASE
)


def read_number(text: str) -> float | None:
    """The number that an answer gives, or None.

    In this order: the answer is a JSON object with a number as `result` or `score`; a number that directly follows a word
    such as score; the first number.
    """
    text = text[:MAX_ANSWER_CHARS]
    named = _json_value(text, ("result", "score"))
    if isinstance(named, int | float) and not isinstance(named, bool):
        return _finite(named)
    after_name = _NAMED_NUMBER.search(text)
    found = after_name[1] if after_name else (_NUMBER.search(text) or [None])[0]
    return None if found is None else _finite(found)


def read_label(text: str, labels: Sequence[str]) -> str | None:
    """The label that an answer gives, or None.

    In this order: the whole answer, a JSON string, or the `result` or `label` of a JSON object, is a label (as it stands, then
    without blanks and marks around it; case counts only where labels differ by nothing else); exactly one label stands in the
    answer as whole words.
    """
    text = text[:MAX_ANSWER_CHARS]
    named = _json_value(text, ("result", "label"))
    said = named if isinstance(named, str) else text
    if said in labels:
        return said
    whole = said.strip(" \t\r\n.,:;!\"'`*")
    for same in (str, str.casefold):
        equal = [label for label in labels if same(label) == same(whole)]
        if len(equal) == 1:
            return equal[0]
    return _only_named(text, labels)


def labels_schema(labels: Sequence[str]) -> dict[str, Any]:
    """The JSON schema of an answer that is one of the labels, as a JSON string."""
    return {"type": "string", "enum": list(labels)}


def labels_format(labels: Sequence[str]) -> dict[str, Any]:
    """`labels_schema` as the `response_format` of a chat completion."""
    return {"type": "json_schema", "json_schema": {"name": "label", "schema": labels_schema(labels), "strict": True}}


def completion_request(
    model: str, messages: list[dict[str, str]], sampling: SamplingParams, labels: Sequence[str] = ()
) -> dict[str, Any]:
    """What a model is asked, as the body of a chat completion; with labels the answer is held to them."""
    wanted = {
        "model": model,
        "messages": messages,
        "max_completion_tokens": sampling.max_completions_tokens or GRADE_TOKENS,
        "temperature": 0.0 if sampling.temperature is None else sampling.temperature,
        "top_p": sampling.top_p,
        "seed": sampling.seed,
        "response_format": labels_format(labels) if labels else None,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def completion_answer(completion: Any) -> Answer:
    """The answer in a chat completion. Raises: AskFailed when it is none."""
    try:
        text = completion["choices"][0]["message"]["content"] or ""
        usage = completion.get("usage") or {}
        used = TokenUsage(int(usage.get("prompt_tokens", 0)), int(usage.get("completion_tokens", 0)))
        return Answer(text, used, completion.get("model"))
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as fault:
        raise AskFailed("the judge's answer is no chat completion") from fault


def _only_named(text: str, labels: Sequence[str]) -> str | None:
    longest_first = sorted(labels, key=len, reverse=True)
    pattern = "|".join(re.escape(label) for label in longest_first)
    found = {match.casefold() for match in re.findall(rf"(?<!\w)(?:{pattern})(?!\w)", text, re.IGNORECASE)}
    named = [label for label in labels if label.casefold() in found]
    return named[0] if len(named) == 1 else None


def _json_value(text: str, names: Sequence[str]) -> Any:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(content, str):
        return content
    if not isinstance(content, dict):
        return None
    return next((content[name] for name in names if name in content), None)


def _finite(number: str | float) -> float | None:
    try:
        value = float(number)
    except OverflowError:
        return None
    return value if math.isfinite(value) else None


def _ask(
    grader: ScoreModelGrader | LabelModelGrader,
    item: Mapping[str, Any],
    sample: Sample,
    ask: Ask,
    order: str,
    sampling: SamplingParams | None,
    labels: Sequence[str],
) -> Answer:
    messages = _messages(grader.input, item, sample, order)
    try:
        return ask(grader.model, messages, sampling or SamplingParams(), labels)
    except AskFailed as fault:
        raise GradingFault("model_grader_server_error", str(fault)) from fault


def _messages(given: Sequence[InputMessage], item: Mapping[str, Any], sample: Sample, order: str) -> list[dict[str, str]]:
    """The messages filled in, the order at the end of the last one, or as a message of its own after an assistant's."""
    messages = [
        {"role": message.role, "content": "\n".join(render(text, item, sample) for text in message.texts())} for message in given
    ]
    if messages[-1]["role"] == "user":
        messages[-1]["content"] += f"\n\n{order}"
    else:
        messages.append({"role": "user", "content": order})
    return messages


def _judgement(
    grader: ScoreModelGrader | LabelModelGrader, answer: Answer, reward: float | None, fault: str | None = None
) -> Judgement:
    told = GradingFault("model_grader_parse_error", fault) if fault else None
    return Judgement(reward, answer.model or grader.model, answer.usage, told)
