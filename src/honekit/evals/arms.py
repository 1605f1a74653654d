"""The arms of an evaluation: which prompt each one gets, and the choices that validation data makes for it."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from honekit.data import Example
from honekit.evals.answers import Answer, AnswerStore, Progress, answer_all, answer_alone
from honekit.evals.prompting import Prompting, Sources, answer_grammar
from honekit.evals.scores import summarise
from honekit.evals.subset import spread
from honekit.graders import Graded, grade
from honekit.project import Project

if TYPE_CHECKING:
    from honekit.inference import Engine, Request

UNTUNED = ("base", "base_few_shot", "base_few_shot_rag")
TUNED = ("tuned", "tuned_rag")


@dataclass
class ArmRunner:
    """Asks one model; keeps what it answered."""

    project: Project
    engine: Engine
    store: AnswerStore
    sources: Sources
    reverse: bool = False
    """Ask in the opposite order and in batches of another size: the same questions to the same model must give the same
    answers."""

    def requests(self, prompting: Prompting, examples: Sequence[Example]) -> list[Request]:
        """One request per example; the tokens that all of them begin with are marked as shared."""
        from honekit.inference import Request, SamplingParams

        conversations = [self.sources.conversation(prompting, example) for example in examples]
        template = self.engine.template
        prompts = [template.prompt_ids(messages) for messages in conversations]
        # Without demonstrations the prefix is the one that the server takes: where a prompt is split decides the last bits
        # of its keys and values, and the served answers have to equal these.
        fixed = bool(prompting.demonstrations)
        shared = common_prefix(prompts) if fixed else template.system_prefix_length(conversations[0])
        sampling = SamplingParams(max_new_tokens=self.project.task.max_new_tokens)
        constraint = self.engine.grammars.compile(answer_grammar(self.project)) if prompting.constrained else None
        return [Request(ids, sampling, shared, constraint, self.project.project.name) for ids in prompts]

    def answer(self, prompting: Prompting, examples: Sequence[Example], *, progress: Progress | None = None) -> list[Answer]:
        """One answer per example, in batches."""
        return self.answer_each([prompting], examples, progress=progress)[0]

    def answer_each(
        self, promptings: Sequence[Prompting], examples: Sequence[Example], *, progress: Progress | None = None
    ) -> list[list[Answer]]:
        """The answers under each prompting, all in the same batches."""
        requests = [request for prompting in promptings for request in self.requests(prompting, examples)]
        size = self.project.evaluate.batch_size
        if self.reverse:
            answers = answer_all(self.engine, requests[::-1], self.store, batch_size=size // 2 + 1, progress=progress)[::-1]
        else:
            answers = answer_all(self.engine, requests, self.store, batch_size=size, progress=progress)
        return [answers[start : start + len(examples)] for start in range(0, len(answers), len(examples))]

    def answer_first(self, prompting: Prompting, examples: Sequence[Example], count: int, progress: Progress) -> None:
        """`count` of the examples one at a time, which measures latency; their answers count like all others."""
        answer_alone(self.engine, self.requests(prompting, examples), self.store, count, progress)

    def graded(self, answers: Sequence[Answer], examples: Sequence[Example]) -> list[Graded]:
        return [grade(self.project, e, a.text) for e, a in zip(examples, answers, strict=True)]


def common_prefix(prompts: Sequence[Sequence[int]]) -> int:
    """Leading tokens that all prompts have in common, one token of each left over."""
    first = prompts[0]
    length = min(len(p) for p in prompts) - 1
    for prompt in prompts[1:]:
        same = 0
        while same < length and prompt[same] == first[same]:
            same += 1
        length = same
    return length if len(prompts) > 1 else 0


@dataclass(frozen=True)
class Choice:
    """What validation data decided for one arm, with everything that was tried."""

    prompting: Prompting
    tried: list[dict[str, Any]]


def choose_prompt(runner: ArmRunner, validation: Sequence[Example], progress: Progress | None = None) -> Choice:
    """The best of the project's prompt wordings for the untuned base, without demonstrations."""
    return _best(runner, prompt_candidates(runner.project), validation, progress)


def prompt_candidates(project: Project) -> list[Prompting]:
    """The project's own wordings of the system prompt."""
    return [Prompting(project.read_text(name), name) for name in (project.task.instructions, *project.task.prompts)]


def choose_demonstrations(
    runner: ArmRunner,
    prompting: Prompting,
    train: Sequence[Example],
    validation: Sequence[Example],
    *,
    retrieval: bool,
    progress: Progress | None = None,
) -> Choice:
    """Number and set of demonstrations, drawn evenly over the stratifying field."""
    candidates = demonstration_candidates(runner.project, prompting, train, retrieval=retrieval)
    return _best(runner, candidates, validation, progress)


def demonstration_candidates(
    project: Project, prompting: Prompting, train: Sequence[Example], *, retrieval: bool
) -> list[Prompting]:
    """Each number of demonstrations that is to be tried, in each of its draws."""
    pool = demonstration_pool(train, retrieval=retrieval)
    return [
        Prompting(prompting.system, prompting.prompt_name, retrieval, draw(pool, k, number, project))
        for k in project.evaluate.few_shot_k
        for number in range(project.evaluate.few_shot_sets)
    ]


def demonstration_pool(train: Sequence[Example], *, retrieval: bool) -> list[Example]:
    """The examples that are learnt with passages, or those without; all where there are none of the kind."""
    return [e for e in train if bool(e.passages) == retrieval] or list(train)


def draw(pool: Sequence[Example], k: int, number: int, project: Project) -> tuple[Example, ...]:
    """`k` demonstrations, one class after the other; short ones first choice, so that prompts stay short."""
    by_class: dict[str, list[Example]] = defaultdict(list)
    for example in pool:
        by_class[str(example.answer.get(project.data.stratify or "", ""))].append(example)
    source = random.Random(project.evaluate.seed * 1000 + number)
    for members in by_class.values():
        members.sort(key=lambda e: (len(e.input), e.id))
        del members[max(4, len(members) // 2) :]
        source.shuffle(members)
    queues = [by_class[name] for name in sorted(by_class)]
    source.shuffle(queues)
    chosen: list[Example] = []
    while len(chosen) < k and any(queues):
        for queue in queues:
            if queue and len(chosen) < k:
                chosen.append(queue.pop())
    return tuple(chosen)


def _best(
    runner: ArmRunner,
    candidates: Sequence[Prompting],
    validation: Sequence[Example],
    progress: Progress | None,
) -> Choice:
    project = runner.project
    examples = spread(validation, project.evaluate.choice_examples, project.data.stratify)
    answers = runner.answer_each(candidates, examples, progress=progress)
    graded = [runner.graded(answered, examples) for answered in answers]
    scores = [summarise(project, items) for items in graded]
    tried = [
        {**candidate.as_dict(), "scores": {name: score[name] for name in tie_breakers(project)}}
        for candidate, score in zip(candidates, scores, strict=True)
    ]
    return Choice(candidates[best_of(project, graded)], tried)


def best_of(project: Project, graded: Sequence[Sequence[Graded]]) -> int:
    """Which candidate has the highest primary metric; ties go by the lenient and the validity metrics, then to the earlier."""
    names = tie_breakers(project)
    scores = [summarise(project, items, names) for items in graded]
    return max(range(len(graded)), key=lambda i: (*(scores[i].get(name, 0.0) for name in names), -i))


def tie_breakers(project: Project) -> list[str]:
    """The primary metric and those that decide between equals, in their order."""
    lenient = [name for name in project.task.metric_names() if name.endswith("_lenient_accuracy")]
    return [project.task.primary_metric, *lenient, "field_exact_match", "schema_validity"]
