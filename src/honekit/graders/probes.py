"""What a judge has to tell apart before its grades count: answers of which one is plainly right and one plainly wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from honekit.errors import GraderError, HoneError
from honekit.graders.faults import GradingFault
from honekit.graders.judges import LABEL_ORDER, SCORE_ORDER, Ask, AskFailed, read_label, read_number
from honekit.graders.schema import SamplingParams
from honekit.graders.verdicts import POINT_ORDER, choose

Kind = Literal["score", "label", "pair", "point"]


@dataclass(frozen=True)
class Probe:
    question: str
    good: str
    bad: str


PROBES = (
    Probe("What is 7 + 5?", "7 + 5 is 12.", "7 + 5 is 90."),
    Probe("Which colour is a ripe banana?", "A ripe banana is yellow.", "Thursday is the day after Wednesday."),
    Probe("Name the day that follows Monday.", "The day after Monday is Tuesday.", "The day after Monday is purple."),
)
_ASKED = "Question:\n{question}\n\nAnswer:\n{answer}\n\nIs this answer correct?"


def require_judge(ask: Ask, model: str, kind: Kind) -> None:
    """Make sure that `model` tells the good answer of every probe from the bad one, in the way that it will be asked.

    Raises: GraderError[graders.judge_unfit] with the first probe that it fails; GraderError[graders.judge_unreachable].
    """
    for probe in PROBES:
        try:
            told = _tells(ask, model, kind, probe)
        except AskFailed as fault:
            raise _unreachable(model, str(fault)) from fault
        except HoneError as fault:
            raise _unreachable(model, fault.what) from fault
        except GradingFault as fault:
            if fault.flag == "model_grader_server_error":
                raise _unreachable(model, fault.details) from fault
            told = False
        if not told:
            raise GraderError(
                "graders.judge_unfit",
                what=f"{model} cannot judge: to {probe.question!r} it does not tell {probe.good!r} from {probe.bad!r}",
                mend="use a stronger model as judge, or graders that need none",
            )


def _tells(ask: Ask, model: str, kind: Kind, probe: Probe) -> bool:
    if kind == "pair":
        criteria = "Which answer is better: more correct and more helpful?"
        forward, _ = choose(ask, model, criteria, probe.question, probe.good, probe.bad)
        backward, _ = choose(ask, model, criteria, probe.question, probe.bad, probe.good)
        return (forward, backward) == ("A", "B")
    good, bad = (_grade(ask, model, kind, probe.question, answer) for answer in (probe.good, probe.bad))
    return good is not None and bad is not None and good > bad


def _grade(ask: Ask, model: str, kind: Kind, question: str, answer: str) -> float | None:
    asked = _ASKED.format(question=question, answer=answer)
    if kind == "score":
        given = _text(ask, model, f"{asked} Rate it.\n\n{SCORE_ORDER.format(low=0, high=1)}", ())
        return read_number(given)
    labels = ("good", "bad") if kind == "label" else ("yes", "no")
    if kind == "label":
        order = f"{asked}\n\n{LABEL_ORDER.format(labels=', '.join(labels))}"
    else:
        order = POINT_ORDER.format(question=question, answer=answer, point="The answer is correct.")
    label = read_label(_text(ask, model, order, labels), labels)
    return None if label is None else float(label == labels[0])


def _text(ask: Ask, model: str, order: str, labels: tuple[str, ...]) -> str:
    return ask(model, [{"role": "user", "content": order}], SamplingParams(), labels).text


def _unreachable(model: str, why: str) -> GraderError:
    return GraderError(
        "graders.judge_unreachable",
        what=f"the judge {model} cannot be asked: {why}",
        mend="mend its address and name, or start its server",
    )
