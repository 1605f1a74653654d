"""The arms of an evaluation: which prompt each one gets, and the choices that validation data makes for it."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from honekit.data import Example, build_messages
from honekit.evals.answers import Answer, AnswerStore, Progress, answer_all
from honekit.evals.scores import summarise
from honekit.evals.subset import spread
from honekit.graders import Graded, grade
from honekit.project import Project
from honekit.retrieval import Index, Passage

if TYPE_CHECKING:
    from honekit.inference import Engine, Request

UNTUNED = ("base", "base_few_shot", "base_few_shot_rag")
TUNED = ("tuned", "tuned_rag")


@dataclass(frozen=True)
class Prompting:
    """How an arm asks: system prompt, demonstrations, retrieval."""

    system: str
    prompt_name: str
    retrieval: bool = False
    demonstrations: tuple[Example, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {
            "prompt": self.prompt_name,
            "retrieval": self.retrieval,
            "demonstrations": [example.id for example in self.demonstrations],
        }


@dataclass
class ArmRunner:
    """Asks one model; keeps what it answered."""

    project: Project
    engine: Engine
    store: AnswerStore
    index: Index | None

    def requests(self, prompting: Prompting, examples: Sequence[Example]) -> list[Request]:
        """One request per example; the tokens that all of them begin with are marked as shared."""
        from honekit.inference import Request, SamplingParams

        demonstrations = [(d, self._passages(d) if prompting.retrieval else None) for d in prompting.demonstrations]
        conversations = [
            build_messages(
                self.project,
                example,
                system=prompting.system,
                passages=self._passages(example) if prompting.retrieval else None,
                demonstrations=demonstrations,
            )
            for example in examples
        ]
        template = self.engine.template
        prompts = [template.prompt_ids(messages) for messages in conversations]
        # Without demonstrations the prefix is the one that the server takes: where a prompt is split decides the last bits
        # of its keys and values, and the served answers have to equal these.
        shared = common_prefix(prompts) if demonstrations else template.system_prefix_length(conversations[0])
        sampling = SamplingParams(max_new_tokens=self.project.task.max_new_tokens)
        return [Request(ids, sampling, shared) for ids in prompts]

    def answer(self, prompting: Prompting, examples: Sequence[Example], *, progress: Progress | None = None) -> list[Answer]:
        """One answer per example, in batches."""
        return self.answer_each([prompting], examples, progress=progress)[0]

    def answer_each(
        self, promptings: Sequence[Prompting], examples: Sequence[Example], *, progress: Progress | None = None
    ) -> list[list[Answer]]:
        """The answers under each prompting, all in the same batches."""
        requests = [request for prompting in promptings for request in self.requests(prompting, examples)]
        answers = answer_all(self.engine, requests, self.store, batch_size=self.project.evaluate.batch_size, progress=progress)
        return [answers[start : start + len(examples)] for start in range(0, len(answers), len(examples))]

    def answer_first(self, prompting: Prompting, examples: Sequence[Example], count: int, progress: Progress) -> None:
        """The first `count` examples one at a time, which measures latency; their answers count like all others."""
        requests = self.requests(prompting, examples)[:count]
        answer_all(self.engine, requests, self.store, batch_size=1, alone=count, progress=progress)

    def graded(self, answers: Sequence[Answer], examples: Sequence[Example]) -> list[Graded]:
        return [grade(self.project, e, a.text) for e, a in zip(examples, answers, strict=True)]

    def _passages(self, example: Example) -> list[Passage]:
        assert self.index is not None
        assert self.project.retrieval is not None
        return self.index.search(example.input, self.project.retrieval.k)


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
    project = runner.project
    names = [project.task.instructions, *project.task.prompts]
    candidates = [Prompting(project.read_text(name), name) for name in names]
    return _best(runner, candidates, validation, progress)


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
    project = runner.project
    pool = [e for e in train if bool(e.passages) == retrieval] or list(train)
    candidates = [
        Prompting(prompting.system, prompting.prompt_name, retrieval, draw(pool, k, number, project))
        for k in project.evaluate.few_shot_k
        for number in range(project.evaluate.few_shot_sets)
    ]
    return _best(runner, candidates, validation, progress)


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
    """Highest primary metric; ties go by the lenient and the validity metrics, then to the earlier candidate."""
    project = runner.project
    examples = spread(validation, project.evaluate.choice_examples, project.data.stratify)
    tie_breakers = [project.task.primary_metric]
    tie_breakers += [name for name in project.task.metric_names() if name.endswith("_lenient_accuracy")]
    tie_breakers += ["field_exact_match", "schema_validity"]
    tried = []
    for candidate, answers in zip(candidates, runner.answer_each(candidates, examples, progress=progress), strict=True):
        summary = summarise(project, runner.graded(answers, examples))
        tried.append({**candidate.as_dict(), "scores": {name: summary[name] for name in tie_breakers}})
    best = max(range(len(candidates)), key=lambda i: (*(tried[i]["scores"][name] for name in tie_breakers), -i))
    return Choice(candidates[best], tried)
