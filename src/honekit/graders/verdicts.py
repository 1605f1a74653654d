"""Judges that compare two answers, or go through a rubric: models that are asked for one word, never for a number.

A pair is judged twice with the places swapped, since models favour a place (Zheng et al. 2023, "Judging LLM-as-a-judge");
verdicts that contradict each other are a tie.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from honekit.graders.faults import GradingFault
from honekit.graders.judges import Ask, AskFailed, TokenUsage, read_label
from honekit.graders.own import PairwiseGrader, RubricGrader
from honekit.graders.schema import SamplingParams
from honekit.graders.templates import Sample, render

Preferred = Literal["sample", "reference", "tie"]

PAIR_ORDER = """{criteria}

Question:
{question}

Answer A:
{first}

Answer B:
{second}

Answer with exactly one of these labels and nothing else: A, B, tie"""

POINT_ORDER = """Question:
{question}

Answer:
{answer}

Does the answer meet this requirement? {point}

Answer with exactly one of these labels and nothing else: yes, no"""


class Verdict(NamedTuple):
    """reward in [0, 1]; `notes` go into the result of the item."""

    reward: float
    model: str
    usage: TokenUsage
    notes: dict[str, Any]


def pairwise(grader: PairwiseGrader, item: Mapping[str, Any], sample: Sample, ask: Ask) -> Verdict:
    """Raises: GradingFault of a template, or of a judge that cannot be asked or gives no verdict."""
    question = render(grader.question, item, sample)
    mine, other = render(grader.input, item, sample), render(grader.reference, item, sample)
    human = _human(grader, item, sample)
    first, used = choose(ask, grader.model, grader.criteria, question, mine, other, grader.sampling_params)
    second, more = choose(ask, grader.model, grader.criteria, question, other, mine, grader.sampling_params)
    forward: Preferred = {"A": "sample", "B": "reference"}.get(first, "tie")  # type: ignore[assignment]
    backward: Preferred = {"A": "reference", "B": "sample"}.get(second, "tie")  # type: ignore[assignment]
    preferred: Preferred = forward if forward == backward else "tie"
    notes: dict[str, Any] = {"preferred": preferred, "consistent": forward == backward}
    if human is not None:
        notes["human"] = human
    return Verdict({"sample": 1.0, "reference": 0.0, "tie": 0.5}[preferred], grader.model, used + more, notes)


def rubric(grader: RubricGrader, item: Mapping[str, Any], sample: Sample, ask: Ask) -> Verdict:
    """Raises: as `pairwise`."""
    question, answer = render(grader.question, item, sample), render(grader.input, item, sample)
    used, met = TokenUsage(), {}
    for point in grader.rubric:
        order = POINT_ORDER.format(question=question, answer=answer, point=point.description)
        said, more = _asked(ask, grader.model, order, ("yes", "no"), grader.sampling_params)
        met[point.name], used = said == "yes", used + more
    total = sum(point.weight for point in grader.rubric)
    reward = sum(point.weight for point in grader.rubric if met[point.name]) / total
    return Verdict(reward, grader.model, used, {"points": met})


def choose(
    ask: Ask, model: str, criteria: str, question: str, first: str, second: str, sampling: SamplingParams | None = None
) -> tuple[str, TokenUsage]:
    """`A`, `B` or `tie`. Raises: GradingFault."""
    order = PAIR_ORDER.format(criteria=criteria, question=question, first=first, second=second)
    return _asked(ask, model, order, ("A", "B", "tie"), sampling)


def _asked(ask: Ask, model: str, order: str, labels: tuple[str, ...], sampling: SamplingParams | None) -> tuple[str, TokenUsage]:
    try:
        answer = ask(model, [{"role": "user", "content": order}], sampling or SamplingParams(), labels)
    except AskFailed as fault:
        raise GradingFault("model_grader_server_error", str(fault)) from fault
    label = read_label(answer.text, labels)
    if label is None:
        raise GradingFault("model_grader_parse_error", f"the answer is none of {', '.join(labels)}: {answer.text[:200]!r}")
    return label, answer.usage


def _human(grader: PairwiseGrader, item: Mapping[str, Any], sample: Sample) -> str | None:
    if grader.human is None:
        return None
    try:
        given = render(grader.human, item, sample).strip()
    except GradingFault:  # not every item has one
        return None
    if given in ("", "null"):
        return None
    if given not in ("sample", "reference", "tie"):
        raise GradingFault("invalid_variable_error", f"a human's verdict is sample, reference or tie, not {given[:40]!r}")
    return given
