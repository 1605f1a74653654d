"""From reinforcement records to prompts in tokens, with the items that a grader reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from honekit.chat.template import ChatTemplate
from honekit.data import read_reinforcement_file
from honekit.errors import TrainError
from honekit.graders.items import item_faults, item_variables
from honekit.graders.schema import Grader
from honekit.train.batching import TokenExample


@dataclass(frozen=True)
class Prompt:
    """A conversation up to where the answer begins. `shared` leading tokens depend on its system message alone."""

    line: int
    token_ids: list[int]
    shared: int
    item: dict[str, Any]

    @property
    def trained_tokens(self) -> int:
        """None: what is learnt are the answers."""
        return 0

    def probe(self, label: int) -> TokenExample:
        """The prompt with one token to predict, whatever it is: for looking at the outputs where the answer begins."""
        weights = [0.0] * len(self.token_ids) + [1.0]
        return TokenExample(self.line - 1, self.line, [*self.token_ids, label], weights)


def tokenise_prompts(path: Path, template: ChatTemplate, limit: int, grader: Grader, least: int = 1) -> list[Prompt]:
    """The prompts of a file whose items hold what the grader names.

    Raises: DataError; TrainError[train.prompt_too_long], naming the lines, where `limit` tokens leave no room for an answer.
    """
    variables = item_variables(grader)
    prompts: list[Prompt] = []
    for example in read_reinforcement_file(path, least=least, also=lambda one: item_faults(variables, one.item, one.line)):
        ids = template.prompt_ids(example.messages, example.tools)
        shared = template.system_prefix_length(example.messages, example.tools)
        prompts.append(Prompt(example.line, ids, shared, example.item))
    long = [prompt.line for prompt in prompts if len(prompt.token_ids) >= limit]
    if long:
        lines = ", ".join(map(str, long[:20])) + (" ..." if len(long) > 20 else "")
        raise TrainError(
            "train.prompt_too_long",
            what=f"{len(long)} prompts have {limit} tokens or more, which leaves no room for an answer",
            where=f"{path}: lines {lines}",
            mend="raise train.max_length (up to the base's context), or shorten these prompts",
        )
    return prompts
