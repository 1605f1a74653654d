"""What a supervised job learns from, in tokens: conversations, or prompts with their completions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from honekit.chat.plain_text import Continuations
from honekit.chat.template import ChatTemplate, TrainingIds
from honekit.data import holds_completions, read_chat_file, read_completion_file


def learnt_in(path: Path, template: ChatTemplate, least: int = 1) -> Iterator[tuple[int, TrainingIds]]:
    """The line of each example, and its tokens. Raises: DataError as the readers of both forms do."""
    if holds_completions(path):
        texts = Continuations(template)
        for text in read_completion_file(path, least=least):
            yield text.line, texts.training_ids(text.prompt, text.completion)
        return
    for example in read_chat_file(path, least=least):
        yield example.line, template.training_ids(example.messages, example.tools)
