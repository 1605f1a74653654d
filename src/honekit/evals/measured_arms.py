"""The arms of `hone decide measure`: the candidates that each one tries, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from honekit.data import Example
from honekit.data.wordings import from_schema
from honekit.evals.amounts import mean_interval
from honekit.evals.answers import Answer, latency_ms, latency_of
from honekit.evals.arms import demonstration_candidates, prompt_candidates
from honekit.evals.classical import classical_fields, run_classical
from honekit.evals.cross_fit import cross_fit, fold_of
from honekit.evals.prompting import Asker, Prompting, can_constrain
from honekit.evals.scores import summarise
from honekit.graders import Graded, grade
from honekit.project import Project

CLASSICAL = "classical"
TUNED_RAG = "tuned_rag"
PROMPTED = {
    "zero_shot": "the base model with the project's own prompt",
    "prompt": "the base with the best of all wordings, own and given",
    "few_shot": "the base with demonstrations, the same for every request",
    "few_shot_retrieved": "the base with the training examples most like the request as demonstrations",
    "rag": "the base with retrieved passages",
    "few_shot_rag": "the base with demonstrations and retrieved passages",
    "constrained": "the base with answers held to the task's schema",
}
"""Arms that need no training, in the order in which they are measured."""

Report = Callable[[str, int, int], None]
"""(what is being answered, done, total)"""


@dataclass
class ArmResult:
    """One arm with its answers graded; costs come later."""

    name: str
    what: str
    validation: list[Graded]
    """Cross-fitted where the arm was chosen among candidates."""
    test: list[Graded]
    prompting: dict[str, Any] | None = None
    tried: list[dict[str, Any]] = field(default_factory=list)
    seconds_per_request: float | None = None
    seconds_interval: tuple[float, float] | None = None
    latency_sample: int = 0
    tokens_per_request: float | None = None
    answer_tokens_per_request: float | None = None
    tokens_interval: tuple[float, float] | None = None
    training_seconds: float = 0.0
    training_examples: int | None = None
    complete: bool = True
    fingerprint: str = ""
    at_provider: bool = False


def prompted_arms(project: Project) -> list[str]:
    """Those of `PROMPTED` that this project can have."""
    impossible = set() if project.retrieval else {"rag", "few_shot_rag"}
    return [arm for arm in PROMPTED if arm not in impossible and (arm != "constrained" or can_constrain(project))]


def candidates_of(arm: str, project: Project, best: Prompting, train: Sequence[Example]) -> list[Prompting]:
    """What the arm chooses from on validation data; `best` is the wording that the arm `prompt` chose."""
    match arm:
        case "zero_shot":
            return prompt_candidates(project)[:1]
        case "prompt":
            given = [Prompting(project.read_text(name), name) for name in project.decide.measure.prompts]
            made = [Prompting(text, name) for name, text in from_schema(project).items()]
            found = {one.system: one for one in reversed([*prompt_candidates(project), *given, *made])}
            return list(found.values())[::-1]
        case "few_shot" | "few_shot_rag":
            return demonstration_candidates(project, best, train, retrieval=arm == "few_shot_rag")
        case "few_shot_retrieved":
            return [Prompting(best.system, best.prompt_name, nearest=k) for k in project.evaluate.few_shot_k]
        case "rag":
            return [Prompting(best.system, best.prompt_name, retrieval=True)]
        case _:
            return [Prompting(best.system, best.prompt_name, constrained=True)]


def measure_arm(
    asker: Asker,
    name: str,
    what: str,
    candidates: Sequence[Prompting],
    validation: Sequence[Example],
    test: Sequence[Example],
    report: Report,
) -> tuple[ArmResult, Prompting]:
    """Every candidate on validation data, the chosen one on the test set; some of that one's answers alone, for latency."""
    project = asker.project
    answered = asker.answer_each(candidates, validation, progress=lambda done, total: report(f"{name}, validation", done, total))
    graded = [graded_answers(project, validation, answers) for answers in answered]
    fitted = cross_fit(project, graded)
    chosen = candidates[fitted.chosen]
    sample = min(project.evaluate.latency_sample, len(test))
    asker.answer_first(chosen, test, sample, lambda done, total: report(f"{name}, alone", done, total))
    answers = asker.answer_each([chosen], test, progress=lambda done, total: report(f"{name}, test", done, total))[0]
    latency = latency_ms(answers)
    tokens = [float(answer.prompt_tokens + answer.new_tokens) for answer in answers]
    metric = project.task.primary_metric
    result = ArmResult(
        name,
        what,
        fitted.graded,
        graded_answers(project, test, answers),
        prompting=chosen.as_dict(),
        tried=[
            {**candidate.as_dict(), metric: summarise(project, items)[metric]}
            for candidate, items in zip(candidates, graded, strict=True)
        ],
        seconds_per_request=latency["latency_ms_p50"] / 1000 if latency["latency_ms_p50"] is not None else None,
        seconds_interval=_seconds_interval(latency),
        latency_sample=latency["latency_sample"],
        tokens_per_request=sum(tokens) / len(tokens),
        answer_tokens_per_request=sum(answer.new_tokens for answer in answers) / len(answers),
        tokens_interval=mean_interval(tokens, project),
    )
    return result, chosen


def measure_classical(
    project: Project, train: Sequence[Example], validation: Sequence[Example], test: Sequence[Example]
) -> ArmResult:
    """The classical baseline, its settings chosen on the other folds; the project is one whose primary metric it predicts
    (`classical_metrics`)."""
    fields = classical_fields(project)
    fitted: dict[Any, Any] = {}
    run = run_classical(project, train, validation, test, fitted)
    folds = fold_of([example.id for example in validation])
    graded: dict[str, Graded] = {}
    for fold in sorted(set(folds)):
        others = [example for example, own in zip(validation, folds, strict=True) if own != fold]
        asked = [example for example, own in zip(validation, folds, strict=True) if own == fold]
        graded |= {one.id: one for one in run_classical(project, train, others, asked, fitted).graded}
    scored = {f.name for f in project.task.fields if f.score != "none"}
    latency = latency_of(run.answer_s)
    return ArmResult(
        CLASSICAL,
        "TF-IDF and logistic regression, fitted on the same training examples",
        [graded[example.id] for example in validation],
        run.graded,
        tried=[{"field": name, **chosen} for name, chosen in run.chosen.items()],
        seconds_per_request=latency["latency_ms_p50"] / 1000,
        seconds_interval=_seconds_interval(latency),
        latency_sample=len(run.answer_s),
        training_seconds=run.fit_s,
        training_examples=len(train),
        complete=scored <= {f.name for f in fields},
    )


def graded_answers(project: Project, examples: Sequence[Example], answers: Sequence[Answer]) -> list[Graded]:
    """The grades in the order of the examples."""
    return [grade(project, example, answer.text) for example, answer in zip(examples, answers, strict=True)]


def _seconds_interval(latency: Mapping[str, Any]) -> tuple[float, float] | None:
    interval = latency["latency_ms_p50_interval"]
    return (interval[0] / 1000, interval[1] / 1000) if interval else None
