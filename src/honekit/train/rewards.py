"""The rewards of answers by a grader, and when a grader is at fault rather than an answer."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from honekit.errors import TrainError
from honekit.graders import sandbox
from honekit.graders.faults import Errors
from honekit.graders.judges import Ask
from honekit.graders.run import Means, Outcome, run_grader
from honekit.graders.schema import Grader, PythonGrader, all_graders
from honekit.graders.similarity import Embed
from honekit.train.prompts import Prompt
from honekit.train.rollouts import Answer

OF_THE_ANSWER = frozenset({"sample_parse_error", "invalid_variable_error"})
"""Flags that an answer can set by what it lacks: it is no JSON, or the key that a template names is not in it. (What the item
lacks is refused before the job runs.) Such an answer has earned its reward of 0; every other flag is the grader's fault."""


@dataclass(frozen=True)
class Rewarded:
    """rewards: by prompt and answer. faults: share of the answers with a flag that is the grader's fault."""

    rewards: list[list[float]]
    faults: float


@dataclass(frozen=True)
class Rewarder:
    """Grades answers; what a job's grader may use is `ask` and `embed`, which are not called from several threads."""

    grader: Grader
    ask: Ask | None = None
    embed: Embed | None = None

    def check(self) -> None:
        """Raises: GraderError where a Python grader may not run on this machine."""
        if any(isinstance(part, PythonGrader) for part in all_graders(self.grader)):
            sandbox.require()

    def rate(self, prompts: Sequence[Prompt], answers: Sequence[Sequence[Answer]]) -> Rewarded:
        """Equal answers to the same prompt are graded once.

        Raises: TrainError[train.grader_failed] when not one answer could be graded.
        """
        wanted = {(index, answer.text): prompt for index, prompt in enumerate(prompts) for answer in answers[index]}
        means = Means(ask=self.ask, embed=self.embed)
        grade = [_bound(self.grader, prompt, text, means) for (_, text), prompt in wanted.items()]
        outcomes = dict(zip(wanted, self._run(grade), strict=True))
        every = [outcomes[index, answer.text] for index, own in enumerate(answers) for answer in own]
        faulty = [outcome for outcome in every if is_grader_fault(outcome.errors)]
        if faulty and len(faulty) == len(every):
            raise TrainError(
                "train.grader_failed",
                what=f"the grader {self.grader.name!r} could grade none of the {len(every)} answers of a step: "
                f"{(faulty[0].details or ['no details'])[0][-2000:]}",
                where="method.reinforcement.grader",
                mend="mend the grader, try it with /v1/fine_tuning/alpha/graders/run, and start a new job",
            )
        rewards = [[outcomes[index, answer.text].reward for answer in own] for index, own in enumerate(answers)]
        return Rewarded(rewards, len(faulty) / len(every))

    def _run(self, work: Sequence[Callable[[], Outcome]]) -> list[Outcome]:
        # A Python grader is a process of its own; the others hold this one's interpreter, and a model is asked in turn.
        uses_models = self.ask is not None or self.embed is not None
        if not uses_models and any(isinstance(part, PythonGrader) for part in all_graders(self.grader)):
            with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
                return list(pool.map(lambda one: one(), work))
        return [one() for one in work]


def is_grader_fault(errors: Errors) -> bool:
    """Whether a flag is set that the answer is not to blame for."""
    return any(value is True and name not in OF_THE_ANSWER for name, value in vars(errors).items())


def _bound(grader: Grader, prompt: Prompt, text: str, means: Means) -> Callable[[], Outcome]:
    return lambda: run_grader(grader, prompt.item, text, means)
