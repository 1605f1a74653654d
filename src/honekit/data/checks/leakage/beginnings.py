"""A held-out conversation that is the beginning of a longer one in training: its answer is read there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import xxhash

from honekit.chat.messages import Message

_LEAST_CHARS = 60
"""A greeting and its answer begin many conversations."""
_FEW = 3
"""What more conversations begin with is how they begin."""
_ROLES = ("system", "developer")


class Beginnings:
    """The conversations of one held-out file, whole."""

    def __init__(self) -> None:
        self._lines: dict[int, int] = {}
        self._found: dict[int, list[int]] = {}
        """Key of a held-out conversation -> the first lines of training that begin with it."""

    def add(self, line: int, messages: Sequence[Message]) -> None:
        *_, last = (0, *_keys(messages))
        if last and messages[-1].role == "assistant":
            self._lines.setdefault(last, line)

    def see(self, line: int, messages: Sequence[Message]) -> None:
        if len(messages) < 4 or not self._lines:
            return
        for key in [*_keys(messages)][:-1]:
            if key in self._lines:
                lines = self._found.setdefault(key, [])
                if len(lines) <= _FEW:
                    lines.append(line)

    def found(self) -> Iterator[tuple[int, int]]:
        """The line of training and the held-out one."""
        for key, lines in self._found.items():
            if len(lines) <= _FEW:
                yield from ((line, self._lines[key]) for line in lines)


def _keys(messages: Sequence[Message]) -> Iterator[int]:
    """A hash of all that was said up to each answer, system prompts aside; nothing for short ones."""
    hashed, length = xxhash.xxh3_64(), 0
    for message in messages:
        if message.role in _ROLES:
            continue
        text = message.text
        calls = "".join(f"{call.function.name} {call.function.arguments}" for call in message.tool_calls or ())
        hashed.update(f"{message.role}\0{' '.join(text.split())}\0{calls}\0".encode("utf-8", "surrogatepass"))
        length += len(text) + len(calls)
        if message.role == "assistant" and length >= _LEAST_CHARS:
            yield hashed.intdigest()
