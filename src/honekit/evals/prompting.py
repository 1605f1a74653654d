"""How an arm asks: the system prompt, demonstrations, retrieved passages, and what the answer is held to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from honekit.data import Example, build_messages
from honekit.data.prompts import answer_schema
from honekit.evals.answers import Answer, AnswerStore, Progress
from honekit.models.fingerprint import fingerprint_json
from honekit.project import Project
from honekit.retrieval import Index, Passage


@dataclass(frozen=True)
class Prompting:
    """How an arm asks: system prompt, demonstrations, retrieval."""

    system: str
    prompt_name: str
    retrieval: bool = False
    demonstrations: tuple[Example, ...] = ()
    nearest: int = 0
    """So many demonstrations are looked up for each example: the training examples most like it."""
    constrained: bool = False
    """Answers are held to the task's schema while they are written."""

    @property
    def fingerprint(self) -> str:
        """Of all that the arm's prompts have besides the input and what is looked up for it."""
        shown = [[one.input, one.answer] for one in self.demonstrations]
        return fingerprint_json([self.system, shown, self.retrieval, self.nearest])

    def as_dict(self) -> dict[str, Any]:
        described = {
            "prompt": self.prompt_name,
            "retrieval": self.retrieval,
            "demonstrations": [example.id for example in self.demonstrations],
        }
        return (
            described | ({"nearest": self.nearest} if self.nearest else {}) | ({"constrained": True} if self.constrained else {})
        )


class Asker(Protocol):
    """Whoever answers an arm's prompts: a model of this machine, or one at a provider."""

    @property
    def project(self) -> Project: ...
    @property
    def store(self) -> AnswerStore:
        """Where the answers are kept."""
        ...

    def answer_each(
        self, promptings: Sequence[Prompting], examples: Sequence[Example], *, progress: Progress | None = None
    ) -> list[list[Answer]]:
        """The answers under each prompting."""
        ...

    def answer_first(self, prompting: Prompting, examples: Sequence[Example], count: int, progress: Progress) -> None:
        """`count` of the examples one at a time, which measures latency; their answers count like all others."""
        ...


@dataclass(frozen=True)
class Sources:
    """Where prompts find what they show: passages of documents, and the training examples most like one."""

    project: Project
    index: Index | None
    pool: Mapping[str, Example] = field(default_factory=dict)
    """Training examples by id."""
    nearest: Index | None = None
    """Over their inputs."""

    @classmethod
    def of(cls, project: Project, index: Index | None, train: Sequence[Example]) -> Sources:
        """With the training examples as a pool of demonstrations."""
        passages = [Passage(example.id, "", example.input) for example in train]
        return cls(project, index, {example.id: example for example in train}, Index(passages))

    def conversation(self, prompting: Prompting, example: Example) -> list[dict[str, str]]:
        """The messages that ask for this example's answer."""
        shown = [*prompting.demonstrations, *self._like(example, prompting.nearest)]
        return build_messages(
            self.project,
            example,
            system=prompting.system,
            passages=self._passages(example) if prompting.retrieval else None,
            demonstrations=[(one, self._passages(one) if prompting.retrieval else None) for one in shown],
        )

    def _like(self, example: Example, count: int) -> list[Example]:
        """Least alike first, so that the one most like it stands next to the question."""
        if not count:
            return []
        assert self.nearest is not None
        return [self.pool[passage.ref] for passage in self.nearest.search(example.input, count)][::-1]

    def _passages(self, example: Example) -> list[Passage]:
        assert self.index is not None
        assert self.project.retrieval is not None
        return self.index.search(example.input, self.project.retrieval.k)


def answer_grammar(project: Project) -> str:
    """What every answer of the task that fits its schema looks like, as a grammar of `inference.constrain`."""
    from honekit.inference.constrain import json_grammar

    if project.task.format == "json":
        # A grammar cannot ask for unlike members; the grader still does.
        return json_grammar(answer_schema(project), strict=False)
    return "%llguidance {}\nstart: " + " | ".join(json.dumps(value) for value in project.task.fields[0].values) + "\n"


def can_constrain(project: Project) -> bool:
    """Whether a grammar says more of the answers than that they are text."""
    return project.task.format == "json" or project.task.fields[0].type == "enum"
