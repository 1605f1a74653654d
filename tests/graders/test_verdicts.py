"""Judges that compare: a rule of the test's own stands for the model, since what counts is what is made of its words."""

from __future__ import annotations

from typing import Any

import pytest

from honekit.errors import GraderError
from honekit.graders.criteria import grade_by, parse_criteria
from honekit.graders.judges import Answer, Ask, AskFailed, TokenUsage
from honekit.graders.probes import PROBES, require_judge
from honekit.graders.run import Means
from honekit.graders.templates import Sample

PAIR = {"type": "pairwise", "name": "p", "model": "m", "question": "{{item.q}}", "reference": "{{item.other}}",
        "human": "{{item.human}}"}  # fmt: skip
ITEM = {"q": "Which?", "other": "short", "human": "sample"}


def says(rule: Any) -> Ask:
    return lambda _model, messages, _sampling, _labels: Answer(rule(messages[-1]["content"]), TokenUsage(10, 1))


def longer(order: str) -> str:
    """A judge that prefers the longer answer."""
    first, second = order.split("Answer A:\n")[1].split("\n\nAnswer B:\n")
    second = second.split("\n\nAnswer with")[0]
    return "A" if len(first) > len(second) else "B" if len(second) > len(first) else "tie"


@pytest.mark.parametrize(
    ("rule", "score", "preferred", "consistent"),
    [(longer, 1.0, "sample", True), (lambda _: "A", 0.5, "tie", False), (lambda _: "tie", 0.5, "tie", True)],
)
def test_a_pair_is_judged_with_the_places_swapped(rule: Any, score: float, preferred: str, consistent: bool) -> None:
    result = grade_by(parse_criteria([PAIR])[0], ITEM, Sample("much longer"), Means(ask=says(rule)))
    assert result.score == score
    assert result.notes == {"preferred": preferred, "consistent": consistent, "human": "sample"}
    assert result.usage["m"].total_tokens == 22


def test_a_verdict_that_is_none_is_a_fault_and_no_tie() -> None:
    result = grade_by(parse_criteria([PAIR])[0], ITEM, Sample("x"), Means(ask=says(lambda _: "hm")))
    assert result.fault is not None and not result.passed


def test_a_rubric_is_the_weighted_share_of_its_points() -> None:
    points = [
        {"name": "polite", "description": "It is polite.", "weight": 3},
        {"name": "short", "description": "It is short.", "weight": 1},
    ]
    criterion = {"type": "rubric", "name": "r", "model": "m", "question": "q", "rubric": points}
    judge = says(lambda order: "yes" if "polite" in order else "no")
    result = grade_by(parse_criteria([criterion])[0], {}, Sample("x"), Means(ask=judge))
    assert (result.score, result.passed) == (0.75, False)
    assert result.notes == {"points": {"polite": True, "short": False}}


def test_without_a_judge_nothing_is_graded() -> None:
    result = grade_by(parse_criteria([PAIR])[0], ITEM, Sample("x"), Means())
    assert result.fault == "there is no judge to ask"


def knows(order: str) -> str:
    """Answers every probe as it should, in each of the ways that a judge is asked."""
    good = [probe.good for probe in PROBES]
    if "Answer A:" in order:
        first = order.split("Answer A:\n")[1].split("\n\nAnswer B:")[0]
        return "A" if first in good else "B"
    is_good = any(f"Answer:\n{one}" in order for one in good)
    if "yes, no" in order:
        return "yes" if is_good else "no"
    if "one number" in order:
        return "0.9" if is_good else "0.1"
    return "good" if is_good else "bad"


@pytest.mark.parametrize("kind", ["score", "label", "pair", "point"])
def test_a_judge_that_tells_the_probes_apart_may_judge(kind: Any) -> None:
    require_judge(says(knows), "m", kind)


@pytest.mark.parametrize("kind", ["score", "label", "pair", "point"])
@pytest.mark.parametrize("said", ["A", "1", "good", "yes", "", "tie"])
def test_a_judge_that_says_the_same_of_everything_is_refused(kind: Any, said: str) -> None:
    with pytest.raises(GraderError) as caught:
        require_judge(says(lambda _: said), "m", kind)
    assert caught.value.code == "graders.judge_unfit"


def test_a_judge_that_cannot_be_asked_is_named() -> None:
    def gone(*_: Any) -> Answer:
        raise AskFailed("nobody there")

    with pytest.raises(GraderError) as caught:
        require_judge(gone, "m", "pair")
    assert caught.value.code == "graders.judge_unreachable"
